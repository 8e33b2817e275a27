//! The messages of the built-in kinds.

use std::collections::HashMap;
use std::sync::LazyLock;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let compressed = include_bytes!("../../data/wire-1.37.txt.zlib");
    let text = miniz_oxide::inflate::decompress_to_vec_zlib(compressed).unwrap_or_default();
    String::from_utf8(text).unwrap_or_default()
});

static TYPES: LazyLock<HashMap<&'static str, Vec<Field>>> = LazyLock::new(|| TEXT.lines().filter_map(read).collect());

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub number: u64,
    /// Its name in JSON; `~` if its fields are those of the outer object there.
    pub json: &'static str,
    pub many: Many,
    pub kind: Kind,
}

/// How often a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    /// Once; it is always there, so that zero means nothing.
    One,
    /// Once, if it is set.
    Pointer,
    List,
    Map,
}

/// What a field, or each of its values, is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    Integer,
    Double,
    Bytes,
    Time,
    MicroTime,
    Quantity,
    IntOrString,
    Json,
    /// A message with a list of texts.
    Texts,
    Message(&'static str),
}

impl Field {
    pub fn is_inline(&self) -> bool {
        self.json == "~"
    }
}

/// The fields of the type with this name.
pub(super) fn of(name: &str) -> Option<&'static [Field]> {
    TYPES.get(name).map(Vec::as_slice)
}

fn read(line: &'static str) -> Option<(&'static str, Vec<Field>)> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let name = words.next()?;
    Some((name, words.map(field).collect::<Option<_>>()?))
}

fn field(word: &'static str) -> Option<Field> {
    let (number, rest) = word.split_once('=')?;
    let (json, kind) = rest.split_once(':')?;
    let (many, kind) = match kind.split_at_checked(1)? {
        ("?", kind) => (Many::Pointer, kind),
        ("*", kind) => (Many::List, kind),
        ("%", kind) => (Many::Map, kind),
        _ => (Many::One, kind),
    };
    let kind = match kind {
        "text" => Kind::Text,
        "flag" => Kind::Flag,
        "integer" => Kind::Integer,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "time" => Kind::Time,
        "micro" => Kind::MicroTime,
        "quantity" => Kind::Quantity,
        "number" => Kind::IntOrString,
        "json" => Kind::Json,
        "texts" => Kind::Texts,
        name => Kind::Message(name),
    };
    Some(Field { number: number.parse().ok()?, json, many, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_read_and_every_message_is_there() {
        assert_eq!(TYPES.len(), TEXT.lines().count());
        for field in TYPES.values().flatten() {
            if let Kind::Message(name) = field.kind {
                assert!(of(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn every_stable_kind_that_is_served_has_a_message() {
        let pack = holm_schema::built_in().expect("the pack is whole");
        for group in pack.groups() {
            for version in group.versions.iter().filter(|version| !version.version.contains(['a', 'b'])) {
                for resource in &version.resources {
                    let name = pack.type_name(&resource.kind);
                    assert!(name.is_some_and(|name| of(name).is_some()), "{}", resource.kind);
                }
            }
        }
    }
}
