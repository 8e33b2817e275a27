//! Makes texts from elsewhere fit to be shown.

use std::iter::Peekable;
use std::str::Chars;

use holm_redact::Redactor;

/// From this length on, a text that is too long loses its middle rather than its end.
const WORTH_BOTH_ENDS: usize = 100;

/// One line of at most `limit` characters without secret values and without control characters.
///
/// Secrets are masked before the cut, which could leave half of one behind, and again after control characters are taken
/// out, which could have stood in the middle of one.
pub(crate) fn shown(text: &str, redactor: &Redactor, limit: usize) -> String {
    let clean = redactor.scrub(&without_controls(&redactor.scrub(text)));
    let words: Vec<&str> = clean.split_whitespace().collect();
    cut(&words.join(" "), limit)
}

/// The same for a line of a log, whose spaces may be its layout.
pub(super) fn shown_line(text: &str, redactor: &Redactor, limit: usize) -> String {
    let clean = redactor.scrub(&without_controls(&redactor.scrub(text)));
    cut(clean.trim_end(), limit)
}

fn cut(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    if limit >= WORTH_BOTH_ENDS {
        // A chain of wrapped errors begins with where it happened and ends with what went wrong.
        let (head, tail) = (limit * 2 / 5, limit - limit * 2 / 5 - 1);
        let start: String = text.chars().take(head).collect();
        let end: String = text.chars().skip(length - tail).collect();
        return format!("{}…{}", start.trim_end(), end.trim_start());
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Takes out what a terminal would act upon: escape sequences, control characters, and marks that turn the direction of
/// writing. A tab or a line end becomes a space.
fn without_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\u{1b}' => skip_escape(&mut rest),
            '\t' | '\n' | '\r' => clean.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            _ if next.is_control() => {}
            _ => clean.push(next),
        }
    }
    clean
}

/// ECMA-48: `ESC [` up to a letter, `ESC ]` up to BEL or the next escape, and `ESC` with one more character.
fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    match rest.next() {
        Some('[') => while rest.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
        Some(']') => {
            while let Some(next) = rest.peek().copied().filter(|next| *next != '\u{1b}') {
                rest.next();
                if next == '\u{7}' {
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_short_line_without_anything_for_a_terminal() {
        let redactor = Redactor::default();
        for (text, shown_as) in [
            ("plain", "plain"),
            ("two\n  lines\tand a tab\r\n", "two lines and a tab"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("bell\u{7} null\u{0} \u{9b}31m", "bell null 31m"),
            ("right\u{202e}left", "rightleft"),
            ("äöü äöü äöü", "äöü äöü ä…"),
            ("ends in escape\u{1b}", "ends in e…"),
        ] {
            let limit = if text.len() > 12 && text.starts_with(['ä', 'e']) { 10 } else { 100 };
            assert_eq!(shown(text, &redactor, limit), shown_as, "{text:?}");
        }
        assert_eq!(shown_line("  indented   text  ", &redactor, 100), "  indented   text");
    }

    #[test]
    fn a_long_message_keeps_its_beginning_and_its_end() {
        let text = format!("failed to pull image: {} dial tcp: connect: network is unreachable", "x: ".repeat(200));
        let short = shown(&text, &Redactor::default(), 400);
        assert!(short.starts_with("failed to pull image: x:") && short.ends_with("network is unreachable"), "{short}");
        assert!(short.contains('…') && short.chars().count() <= 400);
    }

    #[test]
    fn no_cut_leaves_half_of_a_secret_behind() {
        let mut redactor = Redactor::default();
        redactor.learn("correct horse battery");
        let long = format!("password is correct horse battery {} correct horse battery, they say", "x".repeat(90));
        for limit in 0..170 {
            let text =
                shown(if limit < 60 { "password is correct horse battery, they say" } else { &long }, &redactor, limit);
            assert!(!text.contains("correct") && !text.contains("horse"), "{limit}: {text}");
        }
        assert_eq!(shown("it is correct\u{1b}[0m horse battery", &redactor, 60), "it is (sensitive)");
    }
}
