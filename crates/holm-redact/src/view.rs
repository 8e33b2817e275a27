//! Decodes a text while it keeps the position of each byte in the original.

use std::borrow::Cow;

/// The most layers of escapes that are removed: JSON in a JSON string in YAML in a URL has four.
const MOST_LAYERS: usize = 8;

/// Shorter runs of base64 hold less than four bytes.
const SHORTEST_RUN: usize = 6;

/// Separates runs of base64. It occurs in no UTF-8 text.
const BETWEEN: u8 = 0xff;

/// A text, perhaps decoded, and the place of each of its bytes in the original: the beginning and the end.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    places: Vec<(usize, usize)>,
}

impl View {
    /// Returns the text as it is.
    pub(super) fn of(text: &[u8]) -> Self {
        Self { bytes: text.to_vec(), places: (0..text.len()).map(|at| (at, at + 1)).collect() }
    }

    /// Returns the position in the original of a range of this view, which is not empty.
    pub(super) fn place(&self, begin: usize, end: usize) -> (usize, usize) {
        (self.places[begin].0, self.places[end - 1].1)
    }

    /// Removes the escapes of backslashes, percent signs and HTML, however deep they are nested.
    pub(super) fn unescaped(&self) -> Cow<'_, Self> {
        let mut view = Cow::Borrowed(self);
        for _ in 0..MOST_LAYERS {
            match view.without_one_layer() {
                Some(next) if next.bytes != view.bytes => view = Cow::Owned(next),
                _ => break,
            }
        }
        view
    }

    /// Removes quotes and backslashes, and turns every run of blanks (including `+`, the blank of a URL's form) into one, so that
    /// it does not matter how a value is quoted, doubled or folded.
    pub(super) fn folded(&self) -> Self {
        let mut view = Self::default();
        for (at, byte) in self.bytes.iter().enumerate() {
            match byte {
                b'\'' | b'"' | b'`' | b'\\' => {}
                b'+' | 0..=b' ' | 0x7f if view.bytes.last() == Some(&b' ') => {}
                b'+' | 0..=b' ' | 0x7f => view.push(b' ', self.places[at]),
                byte => view.push(*byte, self.places[at]),
            }
        }
        view
    }

    /// Removes the blanks of a folded text: for values that are too long to arise by accident from neighbouring words.
    pub(super) fn squeezed(&self) -> Self {
        let mut view = Self::default();
        for (at, byte) in self.bytes.iter().enumerate().filter(|(_, byte)| **byte != b' ') {
            view.push(*byte, self.places[at]);
        }
        view
    }

    /// Decodes the runs of base64, in both alphabets and across line breaks: one view for each of the four offsets at which an
    /// encoded text may begin. [`BETWEEN`] separates the runs.
    pub(super) fn base64(&self) -> Vec<Self> {
        let runs = self.runs();
        let shifts = if runs.is_empty() { 0..0 } else { 0..4 };
        let decoded = shifts.map(|shift| {
            let mut view = Self::default();
            for run in &runs {
                self.decode(&run[shift..], &mut view);
                view.push(BETWEEN, (run[0], run[0]));
            }
            view.bytes.pop();
            view.places.pop();
            view
        });
        decoded.collect()
    }

    /// Returns the positions of the characters of each run of base64.
    fn runs(&self) -> Vec<Vec<usize>> {
        let mut runs = Vec::new();
        let mut run: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let byte = self.bytes[at];
            if sextet(byte).is_some() {
                run.push(at);
            } else if !run.is_empty() && is_blank(byte) && self.is_line_break(at) {
                // It goes on behind the line break and the indentation.
                at += self.blanks(at);
                continue;
            } else if run.len() >= SHORTEST_RUN {
                runs.push(std::mem::take(&mut run));
            } else {
                run.clear();
            }
            at += 1;
        }
        if run.len() >= SHORTEST_RUN {
            runs.push(run);
        }
        runs
    }

    /// Returns the text with `+` as a blank, as in a URL's form; none where it has no `+`.
    pub(super) fn with_blanks_of_a_form(&self) -> Option<Self> {
        let mut view = self.bytes.contains(&b'+').then(|| self.clone())?;
        view.bytes.iter_mut().filter(|byte| **byte == b'+').for_each(|byte| *byte = b' ');
        Some(view)
    }

    /// Counts the blanks here.
    fn blanks(&self, at: usize) -> usize {
        self.bytes[at..].iter().take_while(|byte| is_blank(**byte)).count()
    }

    /// Returns whether the blanks here break a line.
    fn is_line_break(&self, at: usize) -> bool {
        self.bytes[at..at + self.blanks(at)].contains(&b'\n')
    }

    /// Appends the bytes that these characters of base64 encode.
    fn decode(&self, run: &[usize], view: &mut Self) {
        for group in run.chunks(4) {
            let bits = group.iter().filter_map(|at| sextet(self.bytes[*at])).fold(0_u32, |bits, six| bits << 6 | six);
            let bits = bits << (6 * (4 - group.len()));
            for (index, byte) in bits.to_be_bytes()[1..].iter().enumerate().take(group.len() - 1) {
                let (first, last) = (group[index], self.with_padding(group, index + 1));
                view.push(*byte, (self.places[first].0, self.places[last].1));
            }
        }
    }

    /// Returns the position of a character of base64, or of the padding behind it at the end of an incomplete group.
    fn with_padding(&self, group: &[usize], index: usize) -> usize {
        let position = group[index];
        let padding = self.bytes[position + 1..].iter().take(4 - group.len()).take_while(|byte| **byte == b'=').count();
        if index + 1 == group.len() { position + padding } else { position }
    }

    fn push(&mut self, byte: u8, place: (usize, usize)) {
        self.bytes.push(byte);
        self.places.push(place);
    }

    /// Removes the outermost escapes; none where there are none.
    fn without_one_layer(&self) -> Option<Self> {
        if !self.bytes.iter().any(|byte| matches!(byte, b'\\' | b'%' | b'&')) {
            return None;
        }
        let mut view =
            Self { bytes: Vec::with_capacity(self.bytes.len()), places: Vec::with_capacity(self.bytes.len()) };
        let mut at = 0;
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            let escape = match rest[0] {
                b'\\' => backslash(rest),
                b'%' => percent(rest),
                b'&' => entity(rest),
                _ => None,
            };
            let Some((meaning, length)) = escape else {
                view.push(rest[0], self.places[at]);
                at += 1;
                continue;
            };
            let place = self.place(at, at + length);
            meaning.bytes(|byte| view.push(byte, place));
            at += length;
        }
        Some(view)
    }
}

/// What an escape stands for.
enum Meaning {
    Nothing,
    Byte(u8),
    Character(char),
}

impl Meaning {
    fn bytes(&self, push: impl FnMut(u8)) {
        match self {
            Self::Nothing => {}
            Self::Byte(byte) => std::iter::once(*byte).for_each(push),
            Self::Character(character) => character.encode_utf8(&mut [0; 4]).bytes().for_each(push),
        }
    }
}

fn character(code: u32) -> Option<Meaning> {
    char::from_u32(code).map(Meaning::Character)
}

/// Reads an escape of JSON, Go, Rust, C, Python, YAML or a shell and returns its meaning and length. `\x` and octal mean a byte.
/// An unknown escape means the character itself, as in shells.
fn backslash(rest: &[u8]) -> Option<(Meaning, usize)> {
    let next = *rest.get(1)?;
    let control = match next {
        b'n' => Some(b'\n'),
        b't' => Some(b'\t'),
        b'r' => Some(b'\r'),
        b'a' => Some(7),
        b'b' => Some(8),
        b'v' => Some(11),
        b'f' => Some(12),
        b'e' => Some(27),
        _ => None,
    };
    if let Some(control) = control {
        return Some((Meaning::Byte(control), 2));
    }
    match next {
        b'u' | b'x' if rest.get(2) == Some(&b'{') => {
            let digits = rest[3..].iter().take(9).position(|byte| *byte == b'}')?;
            Some((character(hexadecimal(rest.get(3..3 + digits)?)?)?, digits + 4))
        }
        b'u' => {
            let unit = hexadecimal(rest.get(2..6)?)?;
            if let Some(character) = character(unit) {
                return Some((character, 6));
            }
            // The first half of a surrogate pair.
            let second =
                rest.get(6..8).filter(|escape| *escape == b"\\u").and_then(|_| hexadecimal(rest.get(8..12)?))?;
            let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
            Some((character(0x1_0000 + ((unit - 0xd800) << 10) + low)?, 12))
        }
        b'U' => Some((character(hexadecimal(rest.get(2..10)?)?)?, 10)),
        b'x' => Some((Meaning::Byte(u8::try_from(hexadecimal(rest.get(2..4)?)?).ok()?), 4)),
        b'0'..=b'3' if rest.get(2..4).is_some_and(|digits| digits.iter().all(|byte| matches!(byte, b'0'..=b'7'))) => {
            Some((Meaning::Byte((next - b'0') << 6 | (rest[2] - b'0') << 3 | (rest[3] - b'0')), 4))
        }
        b'0' => Some((Meaning::Byte(0), 2)),
        b'N' => Some((Meaning::Character('\u{85}'), 2)),
        b'L' => Some((Meaning::Character('\u{2028}'), 2)),
        b'P' => Some((Meaning::Character('\u{2029}'), 2)),
        b'\n' | b'\r' => {
            // A line that continues in the next one, whose indentation does not count.
            let blanks = rest[1..].iter().take_while(|byte| is_blank(**byte)).count();
            Some((Meaning::Nothing, blanks + 1))
        }
        _ => Some((Meaning::Byte(next), 2)),
    }
}

fn percent(rest: &[u8]) -> Option<(Meaning, usize)> {
    Some((Meaning::Byte(u8::try_from(hexadecimal(rest.get(1..3)?)?).ok()?), 3))
}

fn entity(rest: &[u8]) -> Option<(Meaning, usize)> {
    let end = rest.iter().take(12).position(|byte| *byte == b';')?;
    let meaning = match &rest[1..end] {
        b"lt" => Meaning::Byte(b'<'),
        b"gt" => Meaning::Byte(b'>'),
        b"amp" => Meaning::Byte(b'&'),
        b"quot" => Meaning::Byte(b'"'),
        b"apos" => Meaning::Byte(b'\''),
        [b'#', b'x' | b'X', digits @ ..] => character(hexadecimal(digits)?)?,
        [b'#', digits @ ..] => character(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((meaning, end + 1))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(text, 16).ok()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b' ' | b'\t')
}

/// Returns the six bits of a character of base64, in the standard alphabet or the one for URLs.
fn sextet(byte: u8) -> Option<u32> {
    let six = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(six))
}
