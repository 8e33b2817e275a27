//! Field selectors.
//!
//! From `k8s.io/apimachinery`, `pkg/fields/selector.go`.

use thiserror::Error;

/// What a selector asks of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// The path of the field, such as `metadata.name`.
    pub path: String,
    /// Whether the field must have the value, or another one.
    pub is_equal: bool,
    /// The value.
    pub value: String,
}

/// Why a text is not a field selector, in the words of the API server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldSelectorError {
    /// A part has no operator.
    #[error("invalid selector: '{selector}'; can't understand '{part}'")]
    Malformed {
        /// The whole selector.
        selector: String,
        /// The part.
        part: String,
    },
    /// A backslash stands before a character that needs none, or at the end.
    #[error("invalid field selector: invalid escape sequence: {0}")]
    Escape(String),
    /// A value has a character that needs a backslash.
    #[error("invalid field selector: unescaped character in value: {}", u32::from(*.0))]
    Unescaped(char),
}

/// Reads a field selector: `metadata.name=web,status.phase!=Running`. In a value, a backslash stands before `\`, `,` and `=`.
///
/// # Errors
/// If a part has no operator, or a value has characters that it cannot have.
pub fn parse(selector: &str) -> Result<Vec<FieldRequirement>, FieldSelectorError> {
    let mut parts = split(selector);
    parts.sort_unstable();
    let requirements = parts.into_iter().filter(|part| !part.is_empty()).map(|part| requirement(selector, part));
    // No path and no value ask for nothing.
    let asks = |requirement: &FieldRequirement| !requirement.path.is_empty() || !requirement.value.is_empty();
    requirements.filter(|requirement| requirement.as_ref().map_or(true, asks)).collect()
}

/// Splits at the commas that have no backslash.
fn split(selector: &str) -> Vec<&str> {
    let mut is_escaped = false;
    selector
        .split(|character| {
            let ends = character == ',' && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            ends
        })
        .collect()
}

fn requirement(selector: &str, part: &str) -> Result<FieldRequirement, FieldSelectorError> {
    let malformed = || FieldSelectorError::Malformed { selector: selector.to_owned(), part: part.to_owned() };
    // The first sign is the operator. An exclamation mark that stands alone belongs to the path.
    let equal = part.find('=').ok_or_else(malformed)?;
    let (path, value) = part.split_at(equal);
    let (path, is_equal) = path.strip_suffix('!').map_or((path, true), |path| (path, false));
    let value = value.strip_prefix(if is_equal && value.starts_with("==") { "==" } else { "=" }).unwrap_or_default();
    Ok(FieldRequirement { path: path.to_owned(), is_equal, value: unescaped(value)? })
}

fn unescaped(value: &str) -> Result<String, FieldSelectorError> {
    let mut result = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => result.push(escaped),
                other => return Err(FieldSelectorError::Escape(['\\'].into_iter().chain(other).collect())),
            },
            ',' | '=' => return Err(FieldSelectorError::Unescaped(character)),
            _ => result.push(character),
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases of `selector_test.go`, with what its parser answered.
    #[test]
    fn field_selectors_are_read_as_kubernetes_does() {
        type Case<'a> = (&'a str, &'a [(&'a str, bool, &'a str)]);
        let cases: [Case<'_>; 15] = [
            ("=,!=,x=", &[("x", true, "")]),
            ("x=a,y=b,z=c", &[("x", true, "a"), ("y", true, "b"), ("z", true, "c")]),
            ("", &[]),
            ("a=a,", &[("a", true, "a")]),
            (",a=a", &[("a", true, "a")]),
            ("b=1,a=2", &[("a", true, "2"), ("b", true, "1")]),
            ("x!=a,y==b", &[("x", false, "a"), ("y", true, "b")]),
            (r"x=a||y\=b", &[("x", true, "a||y=b")]),
            (r"x=a\=\=b", &[("x", true, "a==b")]),
            (r"k=\,,k2=v2", &[("k2", true, "v2"), ("k", true, ",")]),
            (r"k=\\\,,k2=v2", &[("k2", true, "v2"), ("k", true, r"\,")]),
            ("metadata.name=", &[("metadata.name", true, "")]),
            ("a!=", &[("a", false, "")]),
            ("=x", &[("", true, "x")]),
            ("함=수,목=록", &[("목", true, "록"), ("함", true, "수")]),
        ];
        for (text, expected) in cases {
            let expected = expected.iter().map(|(path, is_equal, value)| FieldRequirement {
                path: (*path).to_owned(),
                is_equal: *is_equal,
                value: (*value).to_owned(),
            });
            assert_eq!(parse(text), Ok(expected.collect()), "{text}");
        }
    }

    #[test]
    fn another_text_is_rejected_in_the_words_of_the_server() {
        let cases = [
            ("x=a||y=b", "invalid field selector: unescaped character in value: 61"),
            ("x==a==b", "invalid field selector: unescaped character in value: 61"),
            ("x=a,b", "invalid selector: 'x=a,b'; can't understand 'b'"),
            ("x in (a)", "invalid selector: 'x in (a)'; can't understand 'x in (a)'"),
            ("x", "invalid selector: 'x'; can't understand 'x'"),
            (r"k=\a", r"invalid field selector: invalid escape sequence: \a"),
            (r"k=\", r"invalid field selector: invalid escape sequence: \"),
        ];
        for (text, words) in cases {
            assert_eq!(parse(text).map_err(|error| error.to_string()), Err(words.to_owned()), "{text}");
        }
    }
}
