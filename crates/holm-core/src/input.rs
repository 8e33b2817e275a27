//! Values that may be known only later, as data.
//!
//! An [`Input`] is text that is known now, a secret, a value that is generated once, a field of another resource, or a
//! template of these with named pure transforms. It is data and never a closure, so that it can be printed, compared and
//! hashed, and so that the edges of the graph follow from it.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::id::ResourceId;
use crate::path::{FieldPath, scalar_text};
use crate::reference::Name;
use crate::secret;
use crate::sensitive::Sensitive;

/// The characters that RFC 3986 never needs to escape; everything else is.
const URL_ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value of a field: known, or resolved when the plan is made or applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// Plain text.
    Text(String),
    /// A secret that the program was given.
    Sensitive(Sensitive<String>),
    /// A value that is made once and then kept in the cluster.
    Generated(Generated),
    /// A field of another resource as the server has it, such as a load balancer's address.
    Field(FieldReference),
    /// A text by which another resource is found. It is known now, and says that the resource is needed.
    Name(Name),
    /// The texts of several inputs, one after the other.
    Joined(Vec<Input>),
    /// The text of an input, changed.
    Transformed(Box<Input>, Transform),
    /// The same value, marked as intended for plain text: see [`in_plain_text`](Self::in_plain_text).
    PlainText(Box<Input>),
    /// A template that cannot be filled in, with the reason. Reported as a problem when the graph is built.
    Invalid(String),
}

/// A pure change of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transform {
    /// Percent-encodes everything but the unreserved characters of RFC 3986.
    UrlEncode,
    /// Standard base64 with padding.
    Base64,
    /// The text of standard base64; what is no base64 of UTF-8 becomes an error when it is resolved.
    Base64Decode,
    /// A number or a truth value as text, where a field takes text only.
    Text,
    /// A text as the whole number that it is, where a field takes numbers only.
    Integer,
    /// The first half of the SHA-256, in hexadecimal digits.
    Digest,
}

/// A field of another resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldReference {
    /// The resource.
    pub id: ResourceId,
    /// The field in it.
    pub path: FieldPath,
}

/// A value that the tool makes once: the cluster keeps it, and every later run reads it back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Generated {
    /// The name of the value, unique in the stack.
    pub name: String,
    /// What it is made of.
    pub password: Password,
}

/// What a generated password is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Password {
    /// The number of characters.
    pub length: usize,
    /// The characters to choose from, each with the same probability.
    pub alphabet: String,
}

impl Password {
    /// Letters and digits of ASCII: at 32 characters, 190 bits.
    pub fn alphanumeric(length: usize) -> Self {
        Self::of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", length)
    }

    /// `length` characters out of `alphabet`.
    pub fn of(alphabet: &str, length: usize) -> Self {
        Self { length, alphabet: alphabet.to_owned() }
    }
}

/// What an input has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// The value. A whole field of another resource keeps its JSON type; everything else is text.
    Known {
        /// The value.
        value: Value,
        /// Whether it is, or holds, a secret.
        sensitive: bool,
    },
    /// The value is not there yet, and what it waits for.
    Unknown(Unknown),
}

/// Why an input has no value yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// The field of a resource that does not exist, or whose server has not filled it in.
    Field(FieldReference),
    /// A generated value whose home could not be read.
    Generated(String),
    /// A text that a transform cannot take.
    Malformed(String),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(reference) => write!(f, "{} of {}", reference.path, reference.id),
            Self::Generated(name) => write!(f, "the generated value \"{name}\", which could not be read back"),
            Self::Malformed(reason) => f.write_str(reason),
        }
    }
}

/// Where an input finds the values that it does not hold itself.
pub trait Resolve {
    /// The field of another resource, and whether it is secret.
    fn field(&self, reference: &FieldReference) -> Option<(Value, bool)>;
    /// The generated value of this name.
    fn generated(&self, name: &str) -> Option<Sensitive<String>>;
}

impl Input {
    /// The named parts of `text`, each `{name}`, replaced by the given inputs; `{{` and `}}` stand for braces.
    ///
    /// A name that is missing or left over is a problem of the resource that uses the template.
    ///
    /// ```
    /// use holm_core::Input;
    ///
    /// let password = Input::from("p@ss");
    /// let url = Input::template("postgres://holm:{password}@db/holm", [("password", password.url_encode())]);
    /// assert_eq!(url.text().as_deref(), Some("postgres://holm:p%40ss@db/holm"));
    /// ```
    pub fn template<'a>(text: &str, values: impl IntoIterator<Item = (&'a str, Input)>) -> Self {
        let mut values: BTreeMap<&str, (Input, bool)> =
            values.into_iter().map(|(name, input)| (name, (input, false))).collect();
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let Some((name, after)) = (brace == "{").then(|| rest.split_once('}')).flatten() else {
                return Self::Invalid(format!("the template \"{text}\" has a brace without its partner"));
            };
            let Some((input, used)) = values.get_mut(name) else {
                return Self::Invalid(format!("the template \"{text}\" names \"{name}\", which is not given"));
            };
            *used = true;
            if !literal.is_empty() {
                parts.push(Self::Text(std::mem::take(&mut literal)));
            }
            parts.push(input.clone());
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Self::Text(literal));
        }
        if let Some((name, _)) = values.iter().find(|(_, (_, used))| !used) {
            return Self::Invalid(format!("the template \"{text}\" does not use \"{name}\""));
        }
        Self::Joined(parts)
    }

    /// This text, percent-encoded for a part of a URL.
    #[must_use]
    pub fn url_encode(self) -> Self {
        Self::Transformed(Box::new(self), Transform::UrlEncode)
    }

    /// This text in standard base64.
    #[must_use]
    pub fn base64(self) -> Self {
        Self::Transformed(Box::new(self), Transform::Base64)
    }

    /// The text that this standard base64 stands for.
    #[must_use]
    pub fn base64_decode(self) -> Self {
        Self::Transformed(Box::new(self), Transform::Base64Decode)
    }

    /// This value as text, also where a field of another resource is a number.
    #[must_use]
    pub fn as_text(self) -> Self {
        match self {
            Self::Field(_) => Self::Transformed(Box::new(self), Transform::Text),
            Self::PlainText(inner) => Self::PlainText(Box::new(inner.as_text())),
            text => text,
        }
    }

    /// This value as the whole number that its text is.
    #[must_use]
    pub fn as_integer(self) -> Self {
        match self {
            Self::PlainText(inner) => Self::PlainText(Box::new(inner.as_integer())),
            Self::Transformed(_, Transform::Integer) | Self::Invalid(_) => self,
            text => Self::Transformed(Box::new(text), Transform::Integer),
        }
    }

    /// Marks this value as intended for plain text, outside of a Secret.
    ///
    /// A secret in a ConfigMap, an annotation or a plain environment variable is readable by everyone who can read these, so
    /// the plan warns of it unless the value is marked. It stays masked in every output.
    #[must_use]
    pub fn in_plain_text(self) -> Self {
        Self::PlainText(Box::new(self))
    }

    /// The text, if it is known now and holds no secret.
    pub fn text(&self) -> Option<String> {
        match self.known() {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The value, if it is known now and holds no secret.
    pub fn known(&self) -> Option<Value> {
        match self.resolve(&Nothing) {
            Resolved::Known { value, sensitive: false } => Some(value),
            _ => None,
        }
    }

    /// Whether it needs another resource, so that it is more than its value.
    pub fn needs_others(&self) -> bool {
        let mut needs = false;
        self.visit(&mut |input| needs |= matches!(input, Self::Field(_) | Self::Name(_)));
        needs
    }

    /// Whether the value is, or holds, a secret that the declaration knows of.
    pub fn is_sensitive(&self) -> bool {
        let mut sensitive = false;
        self.visit(&mut |input| {
            sensitive |= match input {
                Self::Sensitive(_) | Self::Generated(_) => true,
                Self::Field(reference) => reference.is_secret(),
                _ => false,
            };
        });
        sensitive
    }

    /// Calls `visit` with this input and every input inside it.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Input)) {
        visit(self);
        match self {
            Self::Joined(parts) => parts.iter().for_each(|part| part.visit(visit)),
            Self::Transformed(inner, _) | Self::PlainText(inner) => inner.visit(visit),
            Self::Text(_)
            | Self::Sensitive(_)
            | Self::Generated(_)
            | Self::Field(_)
            | Self::Name(_)
            | Self::Invalid(_) => {}
        }
    }

    /// The value, as far as `source` knows what this input does not hold itself.
    pub fn resolve(&self, source: &dyn Resolve) -> Resolved {
        let text = |text: &str, sensitive| Resolved::Known { value: Value::String(text.to_owned()), sensitive };
        match self {
            Self::Text(value) => text(value, false),
            Self::Name(name) => text(name, false),
            Self::Sensitive(value) => text(value.expose(), true),
            Self::Generated(generated) => match source.generated(&generated.name) {
                Some(value) => text(value.expose(), true),
                None => Resolved::Unknown(Unknown::Generated(generated.name.clone())),
            },
            Self::Field(reference) => match source.field(reference) {
                Some((value, sensitive)) => Resolved::Known { value, sensitive },
                None => Resolved::Unknown(Unknown::Field(reference.clone())),
            },
            Self::Joined(parts) => {
                let (mut joined, mut any_sensitive) = (String::new(), false);
                for part in parts {
                    match part.resolve(source) {
                        Resolved::Known { value, sensitive } => match scalar_text(&value) {
                            Some(text) => {
                                joined.push_str(&text);
                                any_sensitive |= sensitive;
                            }
                            None => return malformed("a map or a list stands in a template"),
                        },
                        unknown @ Resolved::Unknown(_) => return unknown,
                    }
                }
                text(&joined, any_sensitive)
            }
            Self::Transformed(inner, transform) => match inner.resolve(source) {
                Resolved::Known { value, sensitive } => match scalar_text(&value).map(|text| transform.apply(&text)) {
                    Some(Ok(changed)) => Resolved::Known { value: transform.typed(changed), sensitive },
                    Some(Err(reason)) => malformed(reason),
                    None => malformed("a map or a list cannot be transformed as text"),
                },
                unknown @ Resolved::Unknown(_) => unknown,
            },
            Self::PlainText(inner) => inner.resolve(source),
            Self::Invalid(reason) => malformed(reason),
        }
    }
}

impl FieldReference {
    /// Returns whether this is a value of a Secret, rather than its name or another harmless field.
    pub fn is_secret(&self) -> bool {
        secret::is_secret(&self.id) && secret::is_masked(&self.path, &Value::from(""))
    }

    /// Returns the value of the field in the live object, and whether it is secret; none where the object has none there, or an
    /// empty one.
    pub fn read(&self, object: &Value) -> Option<(Value, bool)> {
        let value = self.path.get(object)?;
        let is_empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        (!is_empty).then(|| (value.clone(), self.is_secret()))
    }
}

impl Transform {
    /// The changed text, or why the text cannot be changed so. The reason never holds the text.
    pub fn apply(self, text: &str) -> Result<String, &'static str> {
        match self {
            Self::UrlEncode => Ok(utf8_percent_encode(text, URL_ESCAPED).to_string()),
            Self::Base64 => Ok(BASE64.encode(text)),
            Self::Digest => {
                Ok(Sha256::digest(text.as_bytes())[..16].iter().map(|byte| format!("{byte:02x}")).collect())
            }
            Self::Base64Decode => {
                let bytes = BASE64.decode(text).map_err(|_| "the value to decode is not base64")?;
                String::from_utf8(bytes).map_err(|_| "the decoded value is not UTF-8")
            }
            Self::Text => Ok(text.to_owned()),
            Self::Integer => match text.parse::<i64>() {
                Ok(number) => Ok(number.to_string()),
                Err(_) => Err("the value is not a whole number, which the field takes"),
            },
        }
    }

    /// What it makes has this JSON type.
    fn typed(self, changed: String) -> Value {
        match (self, changed.parse::<i64>()) {
            (Self::Integer, Ok(number)) => Value::from(number),
            _ => Value::String(changed),
        }
    }
}

fn malformed(reason: &str) -> Resolved {
    Resolved::Unknown(Unknown::Malformed(reason.to_owned()))
}

/// Knows nothing beyond the inputs themselves.
struct Nothing;

impl Resolve for Nothing {
    fn field(&self, _: &FieldReference) -> Option<(Value, bool)> {
        None
    }

    fn generated(&self, _: &str) -> Option<Sensitive<String>> {
        None
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Input {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&&str> for Input {
    fn from(text: &&str) -> Self {
        Self::Text((*text).to_owned())
    }
}

/// Numbers and booleans as Kubernetes writes them where it takes text, such as in an environment variable.
macro_rules! from_display {
    ($($type:ty)*) => {$(
        impl From<$type> for Input {
            fn from(value: $type) -> Self {
                Self::Text(value.to_string())
            }
        }
    )*};
}

from_display!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl From<&Sensitive<String>> for Input {
    fn from(value: &Sensitive<String>) -> Self {
        Self::Sensitive(value.clone())
    }
}

impl From<Sensitive<String>> for Input {
    fn from(value: Sensitive<String>) -> Self {
        Self::Sensitive(value)
    }
}

impl From<&Input> for Input {
    fn from(input: &Input) -> Self {
        input.clone()
    }
}

impl fmt::Display for Input {
    /// Writes what a plan shows before the value is there; secrets never.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known().as_ref().and_then(scalar_text) {
            Some(text) => f.write_str(&text),
            None if self.is_sensitive() => f.write_str("(sensitive)"),
            None => f.write_str("(known after apply)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in_by_name() {
        let cases = [
            ("a{x}c", vec![("x", "b")], Some("abc")),
            ("{{{x}}}", vec![("x", "b")], Some("{b}")),
            ("plain", vec![], Some("plain")),
            ("{x}", vec![], None),
            ("plain", vec![("x", "b")], None),
            ("{x", vec![("x", "b")], None),
            ("x}", vec![("x", "b")], None),
        ];
        for (text, values, expected) in cases {
            let input = Input::template(text, values.into_iter().map(|(name, value)| (name, Input::from(value))));
            assert_eq!(input.text().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_template_with_a_secret_is_secret() {
        let input = Input::template("postgres://{p}@db", [("p", Input::from(Sensitive::from("a/b")).url_encode())]);
        assert_eq!(input.resolve(&Nothing), Resolved::Known { value: "postgres://a%2Fb@db".into(), sensitive: true });
        assert_eq!(input.to_string(), "(sensitive)");
        assert!(!format!("{input:?}").contains("a/b"));
    }

    #[test]
    fn a_value_of_a_secret_is_secret_and_its_name_is_not() {
        let field = |path: &str| {
            let path = path.parse().expect("the test's own path is well formed");
            Input::Field(FieldReference { id: ResourceId::new("", "Secret", Some("n"), "s"), path })
        };
        assert!(field("data.password").is_sensitive());
        assert!(field("data.password").base64_decode().in_plain_text().is_sensitive());
        assert!(!field("metadata.uid").is_sensitive());
    }

    #[test]
    fn transforms_undo_each_other_and_name_no_value_in_errors() {
        let input = Input::from("ä b").base64().base64_decode();
        assert_eq!(input.text().as_deref(), Some("ä b"));
        assert_eq!(
            Input::from("not base64!").base64_decode().resolve(&Nothing),
            Resolved::Unknown(Unknown::Malformed("the value to decode is not base64".into()))
        );
    }
}
