//! Takes secret values out of text that is about to be shown.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::input::Transform;
use crate::sensitive::Sensitive;

/// What stands in the place of a secret value.
pub const MASK: &str = "(sensitive)";

/// Shorter values are not searched for in running text: they would mask half of every sentence and are no secrets to
/// speak of. They are still masked at their own field.
const SHORTEST: usize = 4;

/// The secret values of a run, in every form in which a server may repeat them.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Longest first, so that a value inside another does not break the longer one up.
    forms: Vec<Sensitive<String>>,
}

impl Redactor {
    /// Learns a value: as it is, JSON-escaped, base64 in its four alphabets, and percent-encoded.
    pub fn learn(&mut self, value: &str) {
        self.learn_all([value]);
    }

    /// Learns several values.
    pub fn learn_all<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        let mut forms: BTreeSet<String> = self.forms.drain(..).map(|form| form.expose().clone()).collect();
        for value in values {
            for text in std::iter::once(value).chain(value.lines()) {
                let trimmed = text.trim();
                if trimmed.len() < SHORTEST {
                    continue;
                }
                forms.extend(spellings(text));
                forms.extend(spellings(trimmed));
            }
        }
        let mut forms: Vec<String> = forms.into_iter().filter(|form| form.len() >= SHORTEST).collect();
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.forms = forms.into_iter().map(Sensitive::new).collect();
    }

    /// The text with every known secret value replaced by [`MASK`].
    pub fn scrub(&self, text: &str) -> String {
        let mut scrubbed = text.to_owned();
        for form in &self.forms {
            if scrubbed.contains(form.expose().as_str()) {
                scrubbed = scrubbed.replace(form.expose().as_str(), MASK);
            }
        }
        scrubbed
    }
}

fn spellings(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    forms.push(quoted[1..quoted.len() - 1].to_owned());
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(text));
    }
    forms.push(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
    if let Ok(encoded) = Transform::UrlEncode.apply(text) {
        forms.push(encoded);
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_secret_is_masked() {
        let mut redactor = Redactor::default();
        redactor.learn("p@ss w\"rd/1");
        for form in spellings("p@ss w\"rd/1") {
            assert_eq!(redactor.scrub(&format!("<{form}>")), "<(sensitive)>", "{form}");
        }
        assert_eq!(redactor.scrub("nothing here"), "nothing here");
        assert!(!format!("{redactor:?}").contains("p@ss"));
    }

    #[test]
    fn a_secret_inside_another_does_not_break_it_up() {
        let mut redactor = Redactor::default();
        redactor.learn_all(["hunter2", "postgres://holm:hunter2@db"]);
        assert_eq!(redactor.scrub("url postgres://holm:hunter2@db and hunter2"), "url (sensitive) and (sensitive)");
    }
}
