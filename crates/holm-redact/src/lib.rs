//! Takes secret values out of text that is about to be shown.
//!
//! Servers and programs quote a value in many spellings: as JSON of Go or of Rust, as YAML, in a URL, for a shell, in base64, and
//! each of these nested in another. The spellings cannot be enumerated, so the text is decoded instead, and the values are searched
//! for in the result.

use std::collections::BTreeSet;
use std::fmt;

use holm_values::path::{FieldPath, Segment};

mod table;
mod view;

#[cfg(test)]
mod tests;

use table::{Rule, Table};
use view::View;

/// What stands in the place of a secret value.
pub const MASK: &str = "(sensitive)";

/// Shorter values are not searched for in running text: they would mask half of every sentence.
pub const SHORTEST: usize = 4;

/// Shorter values that consist of letters are masked only as whole words.
const SHORTEST_PART_OF_A_WORD: usize = 6;

/// From this length on, a value is searched for without regard to blanks.
const SQUEEZED: usize = 16;

/// The most levels of base64 within base64 that are decoded.
const DEEPEST: usize = 2;

/// Words that occur in ordinary text, and as values in Secrets that hold more than passwords.
const ORDINARY: [&str; 68] = [
    "admin",
    "administrator",
    "allow",
    "data",
    "database",
    "debug",
    "default",
    "dev",
    "development",
    "disable",
    "disabled",
    "enable",
    "enabled",
    "error",
    "false",
    "guest",
    "http",
    "https",
    "info",
    "ipv4",
    "ipv6",
    "json",
    "kafka",
    "latest",
    "local",
    "localhost",
    "main",
    "mariadb",
    "master",
    "memory",
    "mongo",
    "mongodb",
    "mysql",
    "name",
    "nats",
    "nginx",
    "nil",
    "none",
    "null",
    "opaque",
    "postgres",
    "postgresql",
    "prefer",
    "private",
    "prod",
    "production",
    "public",
    "rabbitmq",
    "redis",
    "require",
    "root",
    "secret",
    "service",
    "stage",
    "staging",
    "system",
    "test",
    "trace",
    "true",
    "user",
    "username",
    "utf-8",
    "utf8",
    "verify-ca",
    "verify-full",
    "warn",
    "warning",
    "yaml",
];

/// The secret values of a run, however a server or a program may repeat them.
///
/// Learning costs as much as the value is long, and scrubbing as much as the text is long, whether one secret is known or
/// thousands.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Values as they are.
    plain: Table,
    /// Short values as [`View::folded`] has them.
    folded: Table,
    /// Long values as [`View::squeezed`] has them.
    squeezed: Table,
}

impl Redactor {
    /// Learns a value, and each of its lines.
    ///
    /// A value of less than four bytes or an ordinary word, such as `true` or `5432`, is not searched for: it would mask unrelated
    /// text. [`learn_at`](Self::learn_at) learns those too.
    pub fn learn(&mut self, value: impl AsRef<[u8]>) {
        self.learn_behind(&BTreeSet::new(), value.as_ref());
    }

    /// Learns the value of a field. A value that is too short or too ordinary to be searched for everywhere is masked behind the
    /// field's name, as in `"Value":"x"` or `PIN=x`.
    pub fn learn_at(&mut self, path: &FieldPath, value: impl AsRef<[u8]>) {
        self.learn_behind(&keys(path), value.as_ref());
    }

    /// Learns several values.
    pub fn learn_all<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        values.into_iter().for_each(|value| self.learn(value));
    }

    /// The text with every known secret value replaced by [`MASK`]. Values that overlap are masked together, so that no
    /// part of either is left. So is the half of a value with which the text begins or ends, because it was cut there.
    pub fn scrub(&self, text: &str) -> String {
        if self.plain.is_empty() && self.folded.is_empty() && self.squeezed.is_empty() {
            return text.to_owned();
        }
        let mut found = Vec::new();
        self.find(&View::of(text.as_bytes()), 0, &mut found);
        masked(text, found)
    }

    fn learn_behind(&mut self, keys: &BTreeSet<Vec<u8>>, value: &[u8]) {
        self.learn_one(value, &rule(value, keys));
        let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| line.len() < value.trim_ascii().len() && !is_structure(line)) {
            self.learn_one(line, &rule(line, &BTreeSet::new()));
        }
    }

    fn learn_one(&mut self, value: &[u8], rule: &Rule) {
        if matches!(rule, Rule::Behind(keys) if keys.is_empty()) {
            return;
        }
        self.learn_spelling(value, rule);
        // A program that writes its characters as bytes of Latin-1, as `\xe9` or `%E9`.
        let text = std::str::from_utf8(value).ok().filter(|text| !text.is_ascii());
        let latin: Option<Vec<u8>> =
            text.and_then(|text| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect());
        if let Some(latin) = latin {
            self.learn_spelling(&latin, rule);
        }
    }

    fn learn_spelling(&mut self, value: &[u8], rule: &Rule) {
        let value = value.trim_ascii();
        // What stands behind a key is found folded only, where no quotes stand between the two.
        if !matches!(rule, Rule::Behind(_)) {
            self.plain.add(value.to_vec(), rule.clone());
        }
        let folded = View::of(value).unescaped().folded();
        let squeezed = folded.squeezed();
        if squeezed.bytes.len() >= SQUEEZED {
            self.squeezed.add(squeezed.bytes, rule.clone());
        } else if folded.bytes.trim_ascii().len() >= SHORTEST || matches!(rule, Rule::Behind(_)) {
            self.folded.add(folded.bytes.trim_ascii().to_vec(), rule.clone());
        }
    }

    fn find(&self, view: &View, depth: usize, found: &mut Vec<(usize, usize)>) {
        self.plain.find(view, found);
        let of_form = view.with_blanks_of_a_form();
        for unescaped in std::iter::once(view).chain(&of_form).map(View::unescaped) {
            let folded = unescaped.folded();
            self.folded.find(&folded, found);
            if !self.squeezed.is_empty() {
                self.squeezed.find(&folded.squeezed(), found);
            }
            if depth < DEEPEST {
                for decoded in unescaped.base64() {
                    self.find(&decoded, depth + 1, found);
                }
            }
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Returns where a value is masked.
fn rule(value: &[u8], keys: &BTreeSet<Vec<u8>>) -> Rule {
    let value = value.trim_ascii();
    let is_ordinary = ORDINARY.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
    let is_small_number = value.len() < 6 && value.iter().all(u8::is_ascii_digit);
    let is_line = value.iter().all(|byte| Some(byte) == value.first());
    if value.len() < SHORTEST || is_ordinary || is_small_number || is_line {
        return Rule::Behind(keys.clone());
    }
    let is_word = value.len() < SHORTEST_PART_OF_A_WORD && value.iter().all(u8::is_ascii_alphabetic);
    if is_word { Rule::Word } else { Rule::Anywhere }
}

/// Returns whether a line of a longer value reveals nothing by itself, as `database:` or `enabled: true` in a settings file.
fn is_structure(line: &[u8]) -> bool {
    let mut words = line.splitn(2, |byte| matches!(byte, b':' | b'='));
    let is_name = |word: &[u8]| word.iter().all(|byte| byte.is_ascii_alphanumeric() || b" -_.\"'".contains(byte));
    let (name, value) = (words.next().unwrap_or_default(), words.next());
    let value = value.map(<[u8]>::trim_ascii);
    is_name(name)
        && value.is_some_and(|value| value.len() < 2 || matches!(rule(value, &BTreeSet::new()), Rule::Behind(_)))
}

/// Returns the names that precede the value of a field: its own, and that of the list item whose value it is.
fn keys(path: &FieldPath) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    let mut segments = path.segments().iter().rev();
    for segment in segments.by_ref() {
        if let Segment::Field(name) = segment {
            keys.insert(name.as_bytes().to_vec());
            break;
        }
    }
    if let Some(Segment::Item(names)) = segments.next() {
        keys.extend(names.get("name").map(|name| name.as_bytes().to_vec()));
    }
    keys
}

/// Puts the mask in all of these places, which may overlap.
fn masked(text: &str, mut places: Vec<(usize, usize)>) -> String {
    places.sort_unstable();
    let mut scrubbed = String::with_capacity(text.len());
    let mut written = 0;
    let mut places = places.into_iter().peekable();
    while let Some((begin, mut end)) = places.next() {
        while let Some((_, further)) = places.next_if(|(next, _)| *next == begin || *next < end) {
            end = end.max(further);
        }
        // A place may be a part of a character where the value was no text.
        let (begin, end) = (text.floor_char_boundary(begin).max(written), text.ceil_char_boundary(end));
        scrubbed.push_str(&text[written..begin]);
        scrubbed.push_str(MASK);
        written = end;
    }
    scrubbed.push_str(&text[written..]);
    scrubbed
}
