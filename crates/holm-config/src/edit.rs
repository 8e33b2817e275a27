//! Changes to a configuration file that leave the rest of it as it was written: comments, order and blanks.

use serde_json::Value;
use toml_edit::{DocumentMut, Item, Table, TableLike};

use crate::file::json;
use crate::key::Key;

/// Why a file cannot be changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The file is no TOML.
    #[error("the file is no TOML: {0}")]
    Syntax(String),
    /// Something on the way to the key is no table.
    #[error("\"{0}\" is a value, and nothing can be in it")]
    NoTable(Key),
    /// The value is no value of TOML.
    #[error("a table or nothing cannot be set as one value")]
    NoValue,
    /// The file does not have the value.
    #[error("the file does not set \"{0}\"")]
    NotThere(Key),
}

/// Returns the value that a file sets: for one stack, or for all.
///
/// # Errors
/// Where the text is no TOML, or does not set it.
pub fn get(text: &str, stack: Option<&str>, key: &Key) -> Result<Value, EditError> {
    let document = parse(text)?;
    let mut item = document.as_item();
    for name in path(stack, key) {
        item = item.get(&name).ok_or_else(|| EditError::NotThere(key.clone()))?;
    }
    json(item).ok_or(EditError::NoValue)
}

/// Returns the text with a value set, for one stack or for all.
///
/// # Errors
/// Where the text is no TOML, or the key lies in something that is no table.
pub fn set(text: &str, stack: Option<&str>, key: &Key, value: &Value) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let names = path(stack, key);
    let value = toml(value).ok_or(EditError::NoValue)?;
    let (last, outer) = names.split_last().ok_or(EditError::NoValue)?;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (depth, name) in outer.iter().enumerate() {
        let inner = table.entry(name).or_insert_with(|| {
            let mut table = Table::new();
            // `[stack]` alone says nothing; only the innermost table needs a line of its own.
            table.set_implicit(depth + 1 < outer.len());
            Item::Table(table)
        });
        let error = || EditError::NoTable(Key::of(outer.iter().take(depth + 1).cloned()));
        table = inner.as_table_like_mut().ok_or_else(error)?;
    }
    match table.get_mut(last) {
        Some(Item::Value(there)) => {
            // What stands beside the value on its line stays.
            let decor = there.decor().clone();
            *there = value;
            *there.decor_mut() = decor;
        }
        _ => drop(table.insert(last, Item::Value(value))),
    }
    Ok(document.to_string())
}

/// Returns the text without a value, for one stack or for all.
///
/// # Errors
/// Where the text is no TOML, or does not set it.
pub fn remove(text: &str, stack: Option<&str>, key: &Key) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let names = path(stack, key);
    let missing = || EditError::NotThere(key.clone());
    let (last, outer) = names.split_last().ok_or_else(missing)?;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for name in outer {
        table = table.get_mut(name).and_then(Item::as_table_like_mut).ok_or_else(missing)?;
    }
    table.remove(last).ok_or_else(missing)?;
    Ok(document.to_string())
}

fn parse(text: &str) -> Result<DocumentMut, EditError> {
    text.parse().map_err(|error: toml_edit::TomlError| EditError::Syntax(error.message().to_owned()))
}

fn path(stack: Option<&str>, key: &Key) -> Vec<String> {
    let above = stack.map_or_else(|| vec!["config"], |stack| vec!["stack", stack, "config"]);
    above.into_iter().map(str::to_owned).chain(key.names().iter().cloned()).collect()
}

fn toml(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => toml_edit::Value::Array(items.iter().map(toml).collect::<Option<_>>()?),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| toml(value).map(|value| (name.as_str(), value)));
            toml_edit::Value::InlineTable(entries.collect::<Option<_>>()?)
        }
    })
}
