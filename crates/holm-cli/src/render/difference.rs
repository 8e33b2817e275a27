//! What differs between two values: a small unified diff of their lines, and for long lines only the places that differ.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{ChangeTag, DiffOp, DiffTag, TextDiff};

use super::value::lines;
use crate::style::{Layout, Line, Role};

/// A longer line is shown once, as far as it differs.
const LONG: usize = 200;
/// The characters that are kept on both sides of what differs in a long line.
const AROUND: usize = 24;
/// Below this what differs in a long line is shown as one piece.
const WHOLE: usize = 80;
/// Above this the characters of a long line are not compared one by one.
const COMPARED: usize = 20_000;
/// The most characters of one differing piece that are shown.
const SHOWN: usize = 400;

/// Writes what differs between two values, below their path.
pub fn write(before: &Value, after: &Value, indent: usize, layout: Layout, out: &mut String) {
    let (before, after) = (lines(before), lines(after));
    let diff = TextDiff::from_lines(&before, &after);
    let blanks = differing_in_blanks(&diff);
    for (position, group) in diff.grouped_ops(2).iter().enumerate() {
        if position > 0 {
            Line::indented(indent).role(Role::Faint, "...").write(layout, out);
        }
        for operation in group {
            if let Some(pairs) = long_pairs(&diff, operation) {
                for (before, after) in pairs {
                    write_long(&before, &after, indent, layout, out);
                }
                continue;
            }
            for change in diff.iter_changes(operation) {
                let (sign, role) = match change.tag() {
                    ChangeTag::Delete => ("-", Role::Bad),
                    ChangeTag::Insert => ("+", Role::Good),
                    ChangeTag::Equal => (" ", Role::Faint),
                };
                let text = change.value().trim_end_matches('\n');
                let is_changed = change.tag() != ChangeTag::Equal;
                let text = if is_changed && blanks.contains(&squeezed(text)) { visible(text) } else { shortened(text) };
                let line = Line::indented(indent).role(role, sign).text(" ").hang_here().role(role, &text);
                line.write(layout, out);
                if change.missing_newline() && before.ends_with('\n') != after.ends_with('\n') {
                    Line::indented(indent + 2).role(Role::Faint, "(no line break at the end)").write(layout, out);
                }
            }
        }
    }
}

/// Whether a change of this text is shown by [`write_long`] rather than by both texts.
pub fn is_long(before: &str, after: &str) -> bool {
    let is_long = |text: &str| text.chars().nth(LONG).is_some();
    is_long(before) || is_long(after)
}

/// Writes what differs between two long lines: each piece that differs between a few characters around it.
pub fn write_long(before: &str, after: &str, indent: usize, layout: Layout, out: &mut String) {
    let mut line = Line::indented(indent).role(Role::Changed, "~").text(" ").hang_here();
    let escaped = |text: &str| cut(&text.replace('\t', "\\t").replace('\r', "\\r"));
    for piece in pieces(before, after) {
        match piece {
            Piece::Same(text) => line = line.role(Role::Faint, &text),
            Piece::Other(before, after) => {
                if !before.is_empty() {
                    line = line.role(Role::Bad, &format!("[-{}-]", escaped(&before)));
                }
                if !after.is_empty() {
                    line = line.role(Role::Good, &format!("{{+{}+}}", escaped(&after)));
                }
            }
        }
    }
    line.write(layout, out);
    let (before, after) = (before.chars().count(), after.chars().count());
    let count =
        if before == after { format!("{before} characters") } else { format!("{before} -> {after} characters") };
    Line::indented(indent + 2).role(Role::Faint, &format!("({count})")).write(layout, out);
}

/// A piece of two texts: what they share, or what only the first and only the second has.
enum Piece {
    Same(String),
    Other(String, String),
}

/// The two texts in pieces, what they share shortened.
fn pieces(before: &str, after: &str) -> Vec<Piece> {
    let (before, after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let start = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let end = before[start..].iter().rev().zip(after[start..].iter().rev()).take_while(|(one, other)| one == other);
    let end = end.count();
    let (old, new) = (&before[start..before.len() - end], &after[start..after.len() - end]);
    let text = |characters: &[char]| characters.iter().collect::<String>();
    let mut pieces = vec![Piece::Same(text(&before[..start]))];
    pieces.extend(between(&text(old), &text(new), old.len() + new.len()));
    pieces.push(Piece::Same(text(&before[before.len() - end..])));
    let last = pieces.len() - 1;
    for (position, piece) in pieces.iter_mut().enumerate() {
        if let Piece::Same(text) = piece {
            *text = folded(text, position == 0, position == last);
        }
    }
    pieces
}

/// What lies between the first and the last character that differ.
fn between(old: &str, new: &str, length: usize) -> Vec<Piece> {
    if !(WHOLE..=COMPARED).contains(&length) {
        return vec![Piece::Other(old.to_owned(), new.to_owned())];
    }
    let diff = TextDiff::from_chars(old, new);
    let mut pieces: Vec<Piece> = Vec::new();
    for operation in diff.ops() {
        let of = |range: std::ops::Range<usize>, slice: &dyn Fn(usize) -> Option<String>| -> String {
            range.filter_map(slice).collect()
        };
        let removed = of(operation.old_range(), &|index| diff.old_slice(index).map(str::to_owned));
        let added = of(operation.new_range(), &|index| diff.new_slice(index).map(str::to_owned));
        let is_same = operation.tag() == DiffTag::Equal;
        match pieces.last_mut() {
            // A few letters that two words happen to share only make them hard to read.
            Some(Piece::Other(before, after)) if !is_same || removed.chars().count() < AROUND / 2 => {
                before.push_str(&removed);
                after.push_str(&added);
            }
            _ if is_same => pieces.push(Piece::Same(removed)),
            _ => pieces.push(Piece::Other(removed, added)),
        }
    }
    pieces
}

/// What two lines share, without the middle, the beginning or the end that nobody needs to see.
fn folded(text: &str, is_first: bool, is_last: bool) -> String {
    let characters: Vec<char> = text.chars().collect();
    let kept = |from: usize, to: usize| characters[from..to].iter().collect::<String>();
    let length = characters.len();
    match (is_first, is_last) {
        (true, _) if length > AROUND + 3 => format!("...{}", kept(length - AROUND, length)),
        (_, true) if length > AROUND + 3 => format!("{}...", kept(0, AROUND)),
        (false, false) if length > 2 * AROUND + 3 => {
            format!("{}...{}", kept(0, AROUND), kept(length - AROUND, length))
        }
        _ => text.to_owned(),
    }
}

fn cut(text: &str) -> String {
    let mut characters = text.char_indices().skip(SHOWN);
    match characters.next() {
        Some((end, _)) => format!("{}... {} more characters", &text[..end], characters.count() + 1),
        None => text.to_owned(),
    }
}

/// A line that is shown beside a change, or alone.
fn shortened(text: &str) -> String {
    let text = text.strip_suffix('\r').map_or_else(|| text.to_owned(), |text| format!("{text}\\r"));
    if text.chars().nth(2 * SHOWN).is_some() { cut(&text) } else { text }
}

/// The lines of a replacement in pairs, where one of them is long and there are as many before as after.
fn long_pairs(diff: &TextDiff<'_, '_, str>, operation: &DiffOp) -> Option<Vec<(String, String)>> {
    let DiffOp::Replace { old_index, old_len, new_index, new_len } = *operation else { return None };
    if old_len != new_len {
        return None;
    }
    let text = |line: Option<&str>| line.map(|line| line.trim_end_matches('\n').to_owned());
    let pairs: Option<Vec<(String, String)>> = (0..old_len)
        .map(|offset| Some((text(diff.old_slice(old_index + offset))?, text(diff.new_slice(new_index + offset))?)))
        .collect();
    pairs.filter(|pairs| pairs.iter().all(|(before, after)| is_long(before, after)))
}

/// The changed lines of which the other value has one that differs in blanks only, without their blanks.
fn differing_in_blanks(diff: &TextDiff<'_, '_, str>) -> BTreeSet<String> {
    let of = |tag: ChangeTag| -> BTreeSet<String> {
        diff.iter_all_changes().filter(|change| change.tag() == tag).map(|change| squeezed(change.value())).collect()
    };
    of(ChangeTag::Delete).intersection(&of(ChangeTag::Insert)).cloned().collect()
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A text with its tabs, carriage returns and the blanks at its end written out.
fn visible(text: &str) -> String {
    let body = text.trim_end_matches(' ');
    let blanks = text.len() - body.len();
    body.replace('\t', "\\t").replace('\r', "\\r") + &"\u{b7}".repeat(blanks)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(before: &Value, after: &Value) -> String {
        let mut out = String::new();
        write(before, after, 4, Layout::default(), &mut out);
        out
    }

    #[test]
    fn texts_of_several_lines_are_diffed() {
        let before = json!("one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n");
        let after = json!("one\n2\nthree\nfour\nfive\nsix\nseven\neight\nnine");
        insta::assert_snapshot!(written(&before, &after), @"
          one
        - two
        + 2
          three
          four
        ...
          seven
          eight
        - nine
        + nine
          (no line break at the end)
        ");
    }

    #[test]
    fn differences_in_blanks_are_written_out() {
        let text = |line: &str| json!(format!("first\n{line}\nlast\n"));
        insta::assert_snapshot!(written(&text("\tkey: value"), &text("    key: value")), @r"
          first
        - \tkey: value
        +     key: value
          last
        ");
        insta::assert_snapshot!(written(&text("key: value"), &text("key: value  ")), @"
          first
        - key: value
        + key: value··
          last
        ");
        insta::assert_snapshot!(written(&text("key: value\r"), &text("key: value")), @r"
          first
        - key: value\r
        + key: value
          last
        ");
        insta::assert_snapshot!(written(&text("key: va\u{200b}lue"), &text("key: value")), @r"
          first
        - key: va\u{200b}lue
        + key: value
          last
        ");
    }

    #[test]
    fn of_a_long_line_only_what_differs_is_shown() {
        let long = |middle: &str| format!("{}{middle}{}", "a".repeat(3000), "b".repeat(3000));
        let text = |middle: &str| json!(format!("first\n{}\nlast\n", long(middle)));
        insta::assert_snapshot!(written(&text("old"), &text("new one")), @"
          first
        ~ ...aaaaaaaaaaaaaaaaaaaaaaaa[-old-]{+new one+}bbbbbbbbbbbbbbbbbbbbbbbb...
          (6003 -> 6007 characters)
          last
        ");
        let two = |port: u16, name: &str| {
            json!(format!("x\n{{\"port\":{port},\"pad\":\"{}\",\"name\":\"{name}\"}}\n", "p".repeat(500)))
        };
        let shown = written(&two(80, "one"), &two(81, "two"));
        assert!(shown.contains("[-0-]{+1+}") && !shown.contains(&"p".repeat(60)), "{shown}");
    }

    #[test]
    fn a_long_line_that_is_all_new_is_cut() {
        let shown = written(&json!(format!("a\n{}\n", "x".repeat(5000))), &json!(format!("a\n{}\n", "y".repeat(6000))));
        assert!(shown.len() < 1200, "{shown}");
        assert!(shown.contains("more characters"), "{shown}");
    }
}
