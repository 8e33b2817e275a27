//! The sources of a configuration, one over the other.

use std::collections::BTreeMap;

use holm_values::{Sensitive, did_you_mean};
use serde_json::{Map, Value};

use crate::check::{check, origin};
use crate::encryption::{EncryptionError, Identities, ciphertext};
use crate::file::{File, Layer, json};
use crate::key::{Key, variable};
use crate::problem::{Origin, Problem, ProblemKind, Problems};
use crate::schema::{Schema, types};

/// Where a configuration may come from.
#[derive(Clone, Default)]
pub struct Sources<'a> {
    /// The file: its name, and its text.
    pub file: Option<(&'a str, &'a str)>,
    /// The stack.
    pub stack: &'a str,
    /// Whether the user named the stack. A file that has stacks must have one that is named.
    pub is_stack_named: bool,
    /// The environment variables, of which only those of configuration values matter.
    pub environment: &'a [(String, String)],
    /// What the command line gives. The last one of a key wins.
    pub arguments: &'a [(Key, String)],
    /// What decrypts the file's encrypted values; without it, each is an error.
    pub decrypt: Option<&'a dyn Decrypt>,
}

/// Decrypts values of a file.
pub trait Decrypt {
    /// Decrypts the text of an encrypted value.
    ///
    /// # Errors
    /// When it cannot.
    fn decrypt(&self, text: &str) -> Result<Sensitive<String>, EncryptionError>;
}

impl Decrypt for Identities {
    fn decrypt(&self, text: &str) -> Result<Sensitive<String>, EncryptionError> {
        Self::decrypt(self, text)
    }
}

/// Decrypts nothing: every encrypted value becomes the text `(encrypted)`, for those who show the rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sealed;

impl Decrypt for Sealed {
    fn decrypt(&self, _: &str) -> Result<Sensitive<String>, EncryptionError> {
        Ok(Sensitive::from("(encrypted)"))
    }
}

/// The configuration of one stack.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The values: a table.
    pub values: Sensitive<Value>,
    /// Where each value comes from. Of a table that several sources fill, its values.
    pub origins: BTreeMap<Key, Origin>,
    /// The values that are encrypted in the file, and secret for that reason.
    pub encrypted: Vec<Key>,
    /// The context that the file names for this stack.
    pub context: Option<String>,
    /// The namespace that the file names for this stack.
    pub namespace: Option<String>,
    /// Environment variables that look like configuration, of which the program has no value.
    pub unused: Vec<String>,
}

impl Settings {
    /// Returns where the value at a key comes from, or what it lies in; none where nobody gives it.
    pub fn origin(&self, key: &Key) -> Option<Origin> {
        origin(&self.origins, key)
    }
}

impl<'a> Sources<'a> {
    /// Returns no sources for a stack.
    pub fn of_stack(stack: &'a str) -> Self {
        Self { stack, ..Self::default() }
    }
}

/// Reads a configuration. Without a schema nothing is checked but the file's own form, texts stay texts, and the environment is
/// left to the program, because a variable does not tell its key.
///
/// # Errors
/// Everything that is wrong, at once; only a file that is no TOML hides the rest.
pub fn read(schema: Option<&Schema>, sources: &Sources<'_>) -> Result<Settings, Problems> {
    let file = match sources.file {
        Some((name, text)) => File::parse(name, text)?,
        None => File::default(),
    };
    let mut problems = Vec::new();
    let mut layer = file.config;
    match file.stacks.get(sources.stack) {
        Some(stack) => merge(&mut layer, &stack.config),
        None if sources.is_stack_named && !file.stacks.is_empty() => {
            let names = file.stacks.keys().map(String::as_str);
            let hint = did_you_mean(sources.stack, names.clone())
                .unwrap_or_else(|| format!("it has {}", names.collect::<Vec<_>>().join(", ")));
            let kind = ProblemKind::UnknownStack { stack: sources.stack.to_owned() };
            problems.push(Problem::new(kind).hint(Some(hint)));
        }
        None => {}
    }
    let mut unused = Vec::new();
    if let Some(schema) = schema {
        let keys: Vec<Key> = schema.fields().into_iter().map(|field| field.key).collect();
        for (name, text) in sources.environment {
            let mut asked = keys.iter().filter(|key| variable(key) == *name).peekable();
            if asked.peek().is_none() && name.starts_with(crate::key::PREFIX) {
                unused.push(name.clone());
            }
            for key in asked {
                put(&mut layer, key, value_of(Some(schema), key, text), Origin::Variable(name.clone()), &mut problems);
            }
        }
    }
    for (key, text) in sources.arguments {
        put(&mut layer, key, value_of(schema, key, text), Origin::CommandLine, &mut problems);
    }
    let mut encrypted = Vec::new();
    open(&mut layer.values, &Key::default(), sources.decrypt, &mut encrypted, &mut |key, reason| {
        let at = origin(&layer.origins, &key);
        problems.push(Problem::new(ProblemKind::Encrypted { key, reason }).at(at));
    });
    if let Some(schema) = schema {
        problems.extend(check(schema, &layer.values, &layer.origins));
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let stack = file.stacks.get(sources.stack);
    Ok(Settings {
        values: Sensitive::new(layer.values),
        origins: layer.origins,
        encrypted,
        context: stack.and_then(|stack| stack.context.clone()),
        namespace: stack.and_then(|stack| stack.namespace.clone()),
        unused,
    })
}

/// Lays values over others: tables are joined, everything else is replaced.
fn merge(under: &mut Layer, over: &Layer) {
    fn join(under: &mut Value, over: &Value) {
        match (under, over) {
            (Value::Object(under), Value::Object(over)) => {
                for (name, value) in over {
                    match under.get_mut(name) {
                        Some(there) => join(there, value),
                        None => drop(under.insert(name.clone(), value.clone())),
                    }
                }
            }
            (under, over) => *under = over.clone(),
        }
    }
    join(&mut under.values, &over.values);
    under.origins.extend(over.origins.iter().map(|(key, origin)| (key.clone(), origin.clone())));
}

/// Decrypts every encrypted value in its place, and remembers its key.
fn open(
    value: &mut Value,
    key: &Key,
    decrypt: Option<&dyn Decrypt>,
    encrypted: &mut Vec<Key>,
    failed: &mut dyn FnMut(Key, EncryptionError),
) {
    if let Some(text) = ciphertext(value) {
        let opened = decrypt.map_or(Err(EncryptionError::NoIdentity), |decrypt| decrypt.decrypt(text));
        encrypted.push(key.clone());
        match opened {
            Ok(text) => *value = Value::from(text.expose().as_str()),
            Err(reason) => {
                // So that nothing else is said of it.
                *value = Value::from("");
                failed(key.clone(), reason);
            }
        }
    } else if let Some(entries) = value.as_object_mut() {
        entries.iter_mut().for_each(|(name, inner)| open(inner, &key.join(name), decrypt, encrypted, failed));
    }
}

/// Puts one value at its key, over what was there.
fn put(layer: &mut Layer, key: &Key, value: Value, origin: Origin, problems: &mut Vec<Problem>) {
    match insert(&mut layer.values, key.names(), value) {
        Ok(()) => {
            layer.origins.retain(|inner, _| !inner.starts_with(key));
            layer.origins.insert(key.clone(), origin);
        }
        Err(depth) => {
            let key = Key::of(key.names().iter().take(depth).cloned());
            problems.push(Problem::new(ProblemKind::Conflict { key }).at(Some(origin)));
        }
    }
}

/// Inserts a value, with the tables around it. Where something on the way is no table, returns how deep that lies.
fn insert(table: &mut Value, names: &[String], value: Value) -> Result<(), usize> {
    let entries = table.as_object_mut().ok_or(0_usize)?;
    match names {
        [] => Ok(()),
        [last] => {
            entries.insert(last.clone(), value);
            Ok(())
        }
        [name, rest @ ..] => {
            let inner = entries.entry(name).or_insert_with(|| Value::Object(Map::new()));
            insert(inner, rest, value).map_err(|depth| depth + 1)
        }
    }
}

/// Returns what a text of the environment or the command line means: what the program asks for there says so. Without a schema a
/// text is a text.
pub fn value_of(schema: Option<&Schema>, key: &Key, text: &str) -> Value {
    let plain = || Value::from(text);
    let Some(schema) = schema.and_then(|schema| schema.at(key).map(|at| schema.concrete(at))) else { return plain() };
    let types = types(schema);
    if types.contains(&"string") || types.is_empty() {
        return plain();
    }
    let parsed = text.trim().parse::<toml_edit::Value>().ok().and_then(|value| json(&toml_edit::Item::Value(value)));
    parsed.unwrap_or_else(plain)
}
