//! How text is laid out: colours by role, lines that wrap with a hanging indent, and characters that would move the cursor
//! made harmless.
//!
//! Colour is never the only carrier of a meaning: symbols and words say the same.

use clap::builder::styling::{AnsiColor, Effects, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Where text goes: whether colours may be used, and how wide it may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Whether to write colours.
    pub color: bool,
    /// The number of columns; none for a file or a pipe, where lines are never broken.
    pub width: Option<usize>,
}

/// What a piece of text is, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// A heading, a name that stands out.
    Strong,
    /// What matters less.
    Faint,
    /// Something that is made, added or well.
    Good,
    /// Something that is changed, or on its way.
    Changed,
    /// Something that is deleted, removed or failed.
    Bad,
    /// Something that is replaced.
    Replaced,
    /// Something that is taken over, released or kept.
    Special,
    /// The word before an error.
    Error,
    /// The word before a warning.
    Warning,
    /// The word before a hint.
    Hint,
}

impl Role {
    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().effects(Effects::BOLD),
            Self::Faint => Style::new().effects(Effects::DIMMED),
            Self::Good => color(AnsiColor::Green),
            Self::Changed => color(AnsiColor::Yellow),
            Self::Bad => color(AnsiColor::Red),
            Self::Replaced => color(AnsiColor::Magenta),
            Self::Special => color(AnsiColor::Cyan),
            Self::Error => color(AnsiColor::Red).effects(Effects::BOLD),
            Self::Warning => color(AnsiColor::Yellow).effects(Effects::BOLD),
            Self::Hint => color(AnsiColor::Cyan).effects(Effects::BOLD),
        }
    }
}

/// One line of output, made of pieces; broken where it is too wide for its [`Layout`].
#[derive(Clone, Debug, Default)]
pub struct Line {
    pieces: Vec<(Role, String)>,
    hang: usize,
}

impl Line {
    /// A line that begins after `indent` columns, where its further lines begin as well.
    pub fn indented(indent: usize) -> Self {
        Self { pieces: vec![(Role::Plain, " ".repeat(indent))], hang: indent }
    }

    /// Adds ordinary text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.role(Role::Plain, text)
    }

    /// Adds text of a role.
    #[must_use]
    pub fn role(mut self, role: Role, text: &str) -> Self {
        self.pieces.push((role, harmless(text)));
        self
    }

    /// Fills up with spaces, so that the next piece begins at `column`, or after two spaces where that is passed already.
    #[must_use]
    pub fn column(mut self, column: usize) -> Self {
        let used = self.columns();
        let spaces = if used < column { column - used } else { 2 };
        self.pieces.push((Role::Plain, " ".repeat(spaces)));
        self
    }

    /// Lets further lines begin where the next piece does.
    #[must_use]
    pub fn hang_here(mut self) -> Self {
        self.hang = self.columns();
        self
    }

    /// Lets further lines begin at `column`.
    #[must_use]
    pub fn hang(mut self, column: usize) -> Self {
        self.hang = column;
        self
    }

    /// How many columns the pieces take, up to here.
    pub fn columns(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.width()).sum()
    }

    /// Writes the line, and its further lines where it is too wide, each with a line break.
    pub fn write(&self, layout: Layout, out: &mut String) {
        // Below this there is no room for a text beside its indent, and an endless column of single letters helps nobody.
        let width = layout.width.map_or(usize::MAX, |width| width.max(self.hang + 20));
        let mut rows: Vec<Vec<(Role, char)>> = vec![Vec::new()];
        let mut used = 0;
        for (role, character) in self.pieces.iter().flat_map(|(role, text)| text.chars().map(|c| (*role, c))) {
            let row = rows.last_mut().map_or(0, |row| row.len());
            if character == '\n' {
                rows.push(Vec::new());
                used = self.hang;
                continue;
            }
            let columns = character.width().unwrap_or(0);
            let is_first = rows.len() == 1;
            if used + columns > width && row > 0 {
                if character == ' ' {
                    // The space at which the line is broken vanishes.
                    rows.push(Vec::new());
                    used = self.hang;
                    continue;
                }
                let moved = break_word(&mut rows, if is_first { self.hang } else { 0 });
                used = self.hang + moved.iter().map(|(_, c)| c.width().unwrap_or(0)).sum::<usize>();
                rows.push(moved);
            }
            if let Some(row) = rows.last_mut() {
                if row.is_empty() && rows_continue(character, used, self.hang) {
                    continue;
                }
                row.push((role, character));
                used += columns;
            }
        }
        for (position, row) in rows.iter().enumerate() {
            write_row(row, if position == 0 { 0 } else { self.hang }, layout.color, out);
        }
    }
}

/// Whether a character is a space at the beginning of a further line, where it would only shift the text.
fn rows_continue(character: char, used: usize, hang: usize) -> bool {
    character == ' ' && hang > 0 && used == hang
}

/// Takes the last word off the last row, where it is a short one, so that it goes to the next row as a whole; a long one is
/// broken where it stands. The first `keep` characters (the indent) are never taken.
fn break_word(rows: &mut [Vec<(Role, char)>], keep: usize) -> Vec<(Role, char)> {
    let Some(row) = rows.last_mut() else { return Vec::new() };
    let space = row.iter().rposition(|(_, c)| *c == ' ');
    match space {
        Some(space)
            if space >= keep.max(1)
                && row.len() - space <= 40
                && row[keep.min(space)..space].iter().any(|(_, c)| *c != ' ') =>
        {
            let moved = row.split_off(space + 1);
            row.truncate(space);
            moved
        }
        _ => Vec::new(),
    }
}

fn write_row(row: &[(Role, char)], indent: usize, color: bool, out: &mut String) {
    let end = row.iter().rposition(|(_, c)| *c != ' ').map_or(0, |last| last + 1);
    if end > 0 {
        out.extend(std::iter::repeat_n(' ', indent));
    }
    let mut current = Role::Plain;
    for (role, character) in &row[..end] {
        // A space looks the same in every role, so it does not begin one.
        if color && *role != current && (*character != ' ' || *role == Role::Plain) {
            if current != Role::Plain {
                out.push_str(&current.style().render_reset().to_string());
            }
            out.push_str(&role.style().render().to_string());
            current = *role;
        }
        out.push(*character);
    }
    if current != Role::Plain {
        out.push_str(&current.style().render_reset().to_string());
    }
    out.push('\n');
}

/// Makes characters of foreign text visible that are not seen, so that a log line can neither move the cursor nor change colours
/// nor the direction of the text. A carriage return is dropped where a line break follows.
pub fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => safe.push('\n'),
            '\t' => safe.push_str("    "),
            '\r' if characters.peek().is_none_or(|next| *next == '\n') => {}
            '\r' => safe.push_str("\\r"),
            unseen if unseen.is_control() || is_invisible(unseen) => safe.extend(unseen.escape_unicode()),
            plain => safe.push(plain),
        }
    }
    safe
}

/// Whether a character takes no room, changes the direction of the text, or looks like a space without being one (UAX #44,
/// `Default_Ignorable_Code_Point` and `Space_Separator`; the ideographic space and the variation selectors are ordinary text).
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{a0}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{1680}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text cut to `width` columns, with an ellipsis where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        if short.width() + character.width().unwrap_or(0) + 1 > width {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &Line, width: Option<usize>, color: bool) -> String {
        let mut out = String::new();
        line.write(Layout { color, width }, &mut out);
        out
    }

    #[test]
    fn long_lines_hang_and_never_break_in_a_pipe() {
        let line = Line::indented(2)
            .role(Role::Good, "+")
            .text(" Secret/a")
            .column(16)
            .hang_here()
            .text("one two three four five six seven");
        insta::assert_snapshot!(written(&line, Some(40), false), @r"
          + Secret/a    one two three four five
                        six seven
        ");
        assert_eq!(written(&line, None, false).lines().count(), 1);
    }

    #[test]
    fn a_word_wider_than_the_line_is_broken_and_loses_nothing() {
        let word = "x".repeat(70);
        let text = written(&Line::indented(4).text(&word), Some(30), false);
        assert!(text.lines().all(|line| line.len() <= 30), "{text}");
        assert_eq!(text.matches('x').count(), 70);
    }

    #[test]
    fn colours_end_with_their_piece() {
        let line = Line::indented(0).role(Role::Bad, "bad").text(" and plain");
        assert_eq!(written(&line, None, true), "\u{1b}[31mbad\u{1b}[0m and plain\n");
        assert_eq!(written(&line, None, false), "bad and plain\n");
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\n\tc\u{7}"), "a\\u{1b}[2Jb\n    c\\u{7}");
        assert_eq!(harmless("progress\rdone\r"), "progress\\rdone");
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for unseen in ['\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{a0}', '\u{ad}', '\u{2028}', '\u{e0041}'] {
            assert_eq!(harmless(&format!("a{unseen}b")), format!("a{}b", unseen.escape_unicode()));
        }
        let plain = "äöü \u{3000} 日本語 e\u{301} ✌\u{fe0f} \u{1f600}";
        assert_eq!(harmless(plain), plain);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
