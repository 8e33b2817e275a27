//! Takes secret values out of text that is about to be shown.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::input::Transform;

/// What stands in the place of a secret value.
pub const MASK: &str = "(sensitive)";

/// Shorter values are not searched for in running text: they would mask half of every sentence and are no secrets to
/// speak of. They are still masked at their own field.
const SHORTEST: usize = 4;

/// The secret values of a run, in every form in which a server may repeat them.
///
/// Learning and scrubbing cost the same whether one secret is known or thousands.
#[derive(Clone, Default)]
pub struct Redactor {
    /// By their first bytes, so that a text is read once and not once for each form.
    forms: HashMap<[u8; SHORTEST], BTreeSet<String>>,
}

impl Redactor {
    /// Learns a value: as it is, JSON-escaped, base64 in its four alphabets, and percent-encoded.
    pub fn learn(&mut self, value: &str) {
        for text in std::iter::once(value).chain(value.lines()) {
            let trimmed = text.trim();
            if trimmed.len() < SHORTEST {
                continue;
            }
            for form in spellings(text).into_iter().chain(spellings(trimmed)) {
                if let Some(beginning) = form.as_bytes().first_chunk() {
                    self.forms.entry(*beginning).or_default().insert(form);
                }
            }
        }
    }

    /// Learns several values.
    pub fn learn_all<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        values.into_iter().for_each(|value| self.learn(value));
    }

    /// The text with every known secret value replaced by [`MASK`]. Values that overlap are masked together, so that no
    /// part of either is left.
    pub fn scrub(&self, text: &str) -> String {
        let mut scrubbed = String::new();
        // Everything before this is written.
        let mut written = 0;
        let mut masked: Option<(usize, usize)> = None;
        for (begin, beginning) in text.as_bytes().array_windows::<SHORTEST>().enumerate() {
            let Some(forms) = self.forms.get(beginning) else { continue };
            let rest = &text.as_bytes()[begin..];
            let longest = forms.iter().filter(|form| rest.starts_with(form.as_bytes())).map(String::len).max();
            let Some(end) = longest.map(|length| begin + length) else { continue };
            masked = match masked {
                Some((first, last)) if begin < last => Some((first, last.max(end))),
                before => {
                    mask(before, text, &mut written, &mut scrubbed);
                    Some((begin, end))
                }
            };
        }
        mask(masked, text, &mut written, &mut scrubbed);
        scrubbed.push_str(&text[written..]);
        scrubbed
    }
}

/// Writes what comes before a place, and the mask for the place.
fn mask(place: Option<(usize, usize)>, text: &str, written: &mut usize, scrubbed: &mut String) {
    if let Some((begin, end)) = place {
        scrubbed.push_str(&text[*written..begin]);
        scrubbed.push_str(MASK);
        *written = end;
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
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

    #[test]
    fn secrets_that_overlap_leave_nothing_of_either_and_neighbours_are_two() {
        let mut redactor = Redactor::default();
        redactor.learn_all(["abcdef", "defghi", "überall"]);
        assert_eq!(redactor.scrub("<abcdefghi>"), "<(sensitive)>");
        assert_eq!(redactor.scrub("abcdefabcdef"), "(sensitive)(sensitive)");
        assert_eq!(redactor.scrub("ist überall ü"), "ist (sensitive) ü");
        assert_eq!(redactor.scrub("abc"), "abc");
    }
}
