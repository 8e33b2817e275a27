//! Finds many patterns in one pass over a text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::view::View;

/// The fewest bytes of a truncated pattern that are masked, where they are at least half of it.
const SHORTEST_PART: usize = 8;

/// The most bytes at each end of a text that are searched for a truncated pattern.
const LONGEST_PART: usize = 4096;

/// The most bytes between a value and the opening bracket of its list.
const LONGEST_LIST: usize = 512;

/// What the API server writes between a field and the value that it does not like (apimachinery `field.Error`).
const COMPLAINTS: [&[u8]; 4] = [b"Invalid value", b"Unsupported value", b"Duplicate value", b"Not found"];

/// Where a pattern is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Behind one of these keys, of whatever case, as in `"Value":"x"`, `PIN=x` and `data[pin]: Invalid value: "x"`.
    Behind(BTreeSet<Vec<u8>>),
    /// As a word of its own.
    Word,
    /// Everywhere.
    Anywhere,
}

/// Patterns of one way to read a text.
#[derive(Clone, Default)]
pub(super) struct Table {
    patterns: BTreeMap<Vec<u8>, Rule>,
    /// Those that count everywhere, from behind, to find the second half of one.
    reversed: BTreeSet<Vec<u8>>,
    begins: Pairs,
    reversed_begins: Pairs,
    longest: usize,
}

/// A bit for each pair of bytes with which a pattern begins, so that most places are passed over at once.
#[derive(Clone, Default)]
struct Pairs(Vec<u64>);

impl Pairs {
    fn add(&mut self, pattern: &[u8]) {
        let Some(first) = pattern.first() else { return };
        self.0.resize(1 << 10, 0);
        let seconds = pattern.get(1).map_or(0..=u8::MAX, |second| *second..=*second);
        for second in seconds {
            let bit = usize::from(*first) << 8 | usize::from(second);
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    fn may_begin(&self, text: &[u8]) -> bool {
        let second = text.get(1).copied().unwrap_or(0);
        text.first().is_some_and(|first| {
            let bit = usize::from(*first) << 8 | usize::from(second);
            self.0.get(bit / 64).is_some_and(|bits| bits >> (bit % 64) & 1 == 1)
        })
    }
}

impl Table {
    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Adds a pattern. Of two rules for the same one, the wider holds.
    pub(super) fn add(&mut self, pattern: Vec<u8>, rule: Rule) {
        if pattern.is_empty() {
            return;
        }
        self.begins.add(&pattern);
        if rule == Rule::Anywhere && pattern.len() >= SHORTEST_PART {
            let reversed: Vec<u8> = pattern.iter().rev().copied().collect();
            self.reversed_begins.add(&reversed);
            self.reversed.insert(reversed);
        }
        self.longest = self.longest.max(pattern.len());
        let known = self.patterns.entry(pattern).or_insert_with(|| rule.clone());
        match (known, rule) {
            (Rule::Behind(keys), Rule::Behind(more)) => keys.extend(more),
            (known @ Rule::Behind(_), wider) | (known @ Rule::Word, wider @ Rule::Anywhere) => *known = wider,
            _ => {}
        }
    }

    /// Adds the places of all patterns in the original text.
    pub(super) fn find(&self, view: &View, found: &mut Vec<(usize, usize)>) {
        let bytes = &view.bytes;
        if self.is_empty() || bytes.is_empty() {
            return;
        }
        for begin in 0..bytes.len() {
            if self.begins.may_begin(&bytes[begin..])
                && let Some(length) = self.longest_at(bytes, begin)
            {
                found.push(view.place(begin, begin + length));
            }
        }
        found.extend(self.cut_at_the_end(bytes).map(|(begin, end)| view.place(begin, end)));
        found.extend(self.cut_at_the_beginning(bytes).map(|(begin, end)| view.place(begin, end)));
    }

    /// Returns the length of the longest pattern that begins here.
    fn longest_at(&self, bytes: &[u8], begin: usize) -> Option<usize> {
        let rest = &bytes[begin..];
        let mut most = rest;
        // The greatest pattern that is not greater than the text is its longest prefix, or shares with it a prefix that no
        // shorter candidate exceeds.
        loop {
            let below = (Bound::Unbounded, Bound::Included(most));
            let (pattern, rule) = self.patterns.range::<[u8], _>(below).next_back()?;
            let common = pattern.iter().zip(rest).take_while(|(one, other)| one == other).count();
            if common == pattern.len() {
                if rule.holds(bytes, begin, begin + common) {
                    return Some(common);
                }
                most = &rest[..common - 1];
            } else {
                most = &rest[..common];
            }
            if most.is_empty() {
                return None;
            }
        }
    }

    /// Finds the first half of a pattern at the end of a truncated text, perhaps before an ellipsis.
    fn cut_at_the_end(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let end = trimmed(bytes, |bytes, mark| bytes.ends_with(mark));
        let first = end.saturating_sub(self.longest.min(LONGEST_PART));
        let begin = (first..end.saturating_sub(SHORTEST_PART - 1)).find(|begin| {
            let rest = &bytes[*begin..end];
            if !self.begins.may_begin(rest) {
                return false;
            }
            let next = self.patterns.range::<[u8], _>((Bound::Included(rest), Bound::Unbounded)).next();
            next.is_some_and(|(pattern, rule)| *rule == Rule::Anywhere && is_half(rest, pattern))
        })?;
        Some((begin, end))
    }

    /// Finds the second half of a pattern at the beginning of a truncated text.
    fn cut_at_the_beginning(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let begin = bytes.len() - trimmed(bytes, |bytes, mark| bytes.starts_with(mark));
        let last = bytes.len().min(begin + self.longest.min(LONGEST_PART));
        let head: Vec<u8> = bytes[begin..last].iter().rev().copied().collect();
        let skipped = (0..(head.len() + 1).saturating_sub(SHORTEST_PART)).find(|skipped| {
            let rest = &head[*skipped..];
            if !self.reversed_begins.may_begin(rest) {
                return false;
            }
            let next = self.reversed.range::<[u8], _>((Bound::Included(rest), Bound::Unbounded)).next();
            next.is_some_and(|pattern| is_half(rest, pattern))
        })?;
        Some((begin, last - skipped))
    }
}

impl Rule {
    fn holds(&self, bytes: &[u8], begin: usize, end: usize) -> bool {
        let is_free = || {
            let before = begin.checked_sub(1).map(|before| bytes[before]);
            !before.is_some_and(is_of_a_word) && !bytes.get(end).copied().is_some_and(is_of_a_word)
        };
        match self {
            Self::Anywhere => true,
            Self::Word => is_free(),
            Self::Behind(keys) => is_free() && is_behind(keys, &bytes[..begin]),
        }
    }
}

/// Returns whether the text ends with one of the keys and a separator.
fn is_behind(keys: &BTreeSet<Vec<u8>>, before: &[u8]) -> bool {
    let opened = before.iter().rev().take(LONGEST_LIST).position(|byte| matches!(byte, b'[' | b']'));
    let list = opened.map(|back| before.len() - 1 - back).filter(|at| before[*at] == b'[').map(|at| &before[..at]);
    std::iter::once(before).chain(list).any(|before| {
        let mut before = without_separators(before);
        if let Some(rest) = COMPLAINTS.iter().find_map(|words| before.strip_suffix(*words)) {
            before = without_separators(rest);
        }
        keys.iter().any(|key| {
            let Some(begin) = before.len().checked_sub(key.len()) else { return false };
            before[begin..].eq_ignore_ascii_case(key) && !before[..begin].last().copied().is_some_and(is_of_a_word)
        })
    })
}

fn without_separators(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b':' | b'=' | b'>' | b']' | b'['] = text {
        text = rest;
    }
    text
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_half(part: &[u8], pattern: &[u8]) -> bool {
    pattern.starts_with(part) && part.len() * 2 >= pattern.len()
}

/// Returns the length of a text without the ellipsis that marks a truncation.
fn trimmed(bytes: &[u8], has: impl Fn(&[u8], &[u8]) -> bool) -> usize {
    let marks = ["...", "…"].into_iter().find(|mark| has(bytes, mark.as_bytes()));
    bytes.len() - marks.map_or(0, str::len)
}
