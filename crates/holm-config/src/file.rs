//! The configuration file: which table means what, and on which line each value stands.

use std::collections::BTreeMap;

use holm_values::did_you_mean;
use serde_json::{Map, Number, Value};
use toml_edit::{Document, Item, TableLike};

use crate::encryption::ciphertext;
use crate::key::Key;
use crate::problem::{Origin, Problem, ProblemKind, Problems};

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct File {
    /// The values for every stack.
    pub config: Layer,
    /// The public keys of those who may read encrypted values.
    pub recipients: Vec<String>,
    /// The stacks by their names.
    pub stacks: BTreeMap<String, StackTable>,
}

/// What a file says of one stack.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StackTable {
    /// The context of the kubeconfig that the stack lives in.
    pub context: Option<String>,
    /// The namespace of resources that name none.
    pub namespace: Option<String>,
    /// The stack's own values.
    pub config: Layer,
}

/// Values with the lines that they stand on.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// A table.
    pub(crate) values: Value,
    pub(crate) origins: BTreeMap<Key, Origin>,
}

impl Default for Layer {
    fn default() -> Self {
        Self { values: Value::Object(Map::new()), origins: BTreeMap::new() }
    }
}

impl File {
    /// Reads the text of the file `name`.
    ///
    /// # Errors
    /// Where the text is no TOML, or holds tables and keys beside the configuration that have no meaning.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        let lines = Lines { name, text };
        let document = Document::parse(text).map_err(|error| {
            let problem = Problem::new(ProblemKind::Syntax(error.message().to_owned()));
            Problems(vec![problem.at(error.span().map(|span| lines.origin(span.start)))])
        })?;
        let mut problems = Vec::new();
        let mut file = Self::default();
        for (key, item) in document.iter() {
            match (key, item.as_table_like()) {
                ("config", Some(table)) => file.config = lines.layer(table, &mut problems),
                ("stack", Some(stacks)) => {
                    for (stack, item) in stacks.iter() {
                        if let Some(table) = lines.table(&Key::of([key, stack]), item, &mut problems) {
                            file.stacks.insert(stack.to_owned(), lines.stack(stack, table, &mut problems));
                        }
                    }
                }
                ("encryption", Some(table)) => {
                    for (name, item) in table.iter() {
                        let full = Key::of([key, name]);
                        let texts = json(item).and_then(|value| serde_json::from_value::<Vec<String>>(value).ok());
                        match (name, texts) {
                            ("recipients", Some(texts)) => file.recipients = texts,
                            ("recipients", None) => {
                                let kind = wrong_type(&full, "a list of texts", found(item));
                                problems.push(Problem::new(kind).at(lines.of(item)));
                            }
                            _ => problems.push(lines.unknown(full, item, &["recipients"])),
                        }
                    }
                }
                ("config" | "stack" | "encryption", None) => {
                    lines.table(&Key::of([key]), item, &mut problems);
                }
                _ => problems.push(lines.unknown(Key::of([key]), item, &["config", "encryption", "stack"])),
            }
        }
        if problems.is_empty() { Ok(file) } else { Err(Problems(problems)) }
    }
}

impl File {
    /// Returns every encrypted value: the stack that it is for, or none for all; its key; and its text.
    pub fn encrypted(&self) -> Vec<(Option<&str>, Key, &str)> {
        let mut found = Vec::new();
        collect_encrypted(None, &Key::default(), &self.config.values, &mut found);
        for (name, stack) in &self.stacks {
            collect_encrypted(Some(name), &Key::default(), &stack.config.values, &mut found);
        }
        found
    }
}

fn collect_encrypted<'f>(
    stack: Option<&'f str>,
    key: &Key,
    value: &'f Value,
    found: &mut Vec<(Option<&'f str>, Key, &'f str)>,
) {
    if let Some(text) = ciphertext(value) {
        found.push((stack, key.clone(), text));
    } else if let Some(entries) = value.as_object() {
        entries.iter().for_each(|(name, inner)| collect_encrypted(stack, &key.join(name), inner, found));
    }
}

/// A file, to tell lines from positions.
struct Lines<'t> {
    name: &'t str,
    text: &'t str,
}

impl Lines<'_> {
    fn origin(&self, position: usize) -> Origin {
        let before = self.text.as_bytes().iter().take(position);
        Origin::Line { file: self.name.to_owned(), line: before.filter(|byte| **byte == b'\n').count() + 1 }
    }

    fn of(&self, item: &Item) -> Option<Origin> {
        item.span().map(|span| self.origin(span.start))
    }

    fn unknown(&self, key: Key, item: &Item, known: &[&str]) -> Problem {
        let hint = key.names().last().and_then(|name| did_you_mean(name, known.iter().copied()));
        let hint = hint.unwrap_or_else(|| format!("known here: {}", known.join(", ")));
        Problem::new(ProblemKind::UnknownEntry { key }).at(self.of(item)).hint(Some(hint))
    }

    fn table<'i>(&self, key: &Key, item: &'i Item, problems: &mut Vec<Problem>) -> Option<&'i dyn TableLike> {
        let table = item.as_table_like();
        if table.is_none() {
            let kind = wrong_type(key, "a table", found(item));
            problems.push(Problem::new(kind).at(self.of(item)));
        }
        table
    }

    fn stack(&self, stack: &str, table: &dyn TableLike, problems: &mut Vec<Problem>) -> StackTable {
        let mut read = StackTable::default();
        for (key, item) in table.iter() {
            let full = Key::of(["stack", stack, key]);
            match key {
                "config" => {
                    if let Some(table) = self.table(&full, item, problems) {
                        read.config = self.layer(table, problems);
                    }
                }
                "context" | "namespace" => match item.as_str() {
                    Some(text) if key == "context" => read.context = Some(text.to_owned()),
                    Some(text) => read.namespace = Some(text.to_owned()),
                    None => {
                        let kind = wrong_type(&full, "a text", found(item));
                        problems.push(Problem::new(kind).at(self.of(item)));
                    }
                },
                _ => problems.push(self.unknown(full, item, &["config", "context", "namespace"])),
            }
        }
        read
    }

    fn layer(&self, table: &dyn TableLike, problems: &mut Vec<Problem>) -> Layer {
        let mut origins = BTreeMap::new();
        let values = self.values(&Key::default(), table, &mut origins, problems);
        Layer { values, origins }
    }

    fn values(
        &self,
        key: &Key,
        table: &dyn TableLike,
        origins: &mut BTreeMap<Key, Origin>,
        problems: &mut Vec<Problem>,
    ) -> Value {
        let mut values = Map::new();
        for (name, item) in table.iter() {
            let key = key.join(name);
            if let Some(origin) = self.of(item) {
                origins.insert(key.clone(), origin);
            }
            let value = match item.as_table_like() {
                Some(table) => Some(self.values(&key, table, origins, problems)),
                None => json(item),
            };
            match value {
                Some(value) => drop(values.insert(name.to_owned(), value)),
                None => {
                    let kind = wrong_type(&key, "a finite number", found(item));
                    problems.push(Problem::new(kind).at(self.of(item)));
                }
            }
        }
        Value::Object(values)
    }
}

fn wrong_type(key: &Key, expected: &str, found: &'static str) -> ProblemKind {
    ProblemKind::WrongType { key: key.clone(), expected: expected.to_owned(), found }
}

/// A value as JSON; none for a number that JSON does not have. A date is a text.
pub(crate) fn json(item: &Item) -> Option<Value> {
    match item {
        Item::ArrayOfTables(tables) => {
            tables.iter().map(|table| json(&Item::Table(table.clone()))).collect::<Option<_>>().map(Value::Array)
        }
        Item::Value(value) => match value {
            toml_edit::Value::String(text) => Some(Value::from(text.value().as_str())),
            toml_edit::Value::Integer(number) => Some(Value::from(*number.value())),
            toml_edit::Value::Float(number) => Number::from_f64(*number.value()).map(Value::Number),
            toml_edit::Value::Boolean(value) => Some(Value::from(*value.value())),
            toml_edit::Value::Datetime(date) => Some(Value::from(date.value().to_string())),
            toml_edit::Value::Array(items) => {
                items.iter().map(|item| json(&Item::Value(item.clone()))).collect::<Option<_>>().map(Value::Array)
            }
            toml_edit::Value::InlineTable(table) => of_table(table),
        },
        Item::Table(table) => of_table(table),
        Item::None => Some(Value::Null),
    }
}

fn of_table(table: &dyn TableLike) -> Option<Value> {
    let entries = table.iter().map(|(name, item)| json(item).map(|value| (name.to_owned(), value)));
    entries.collect::<Option<_>>().map(Value::Object)
}

fn found(item: &Item) -> &'static str {
    match item {
        Item::Value(toml_edit::Value::Float(_)) => "not finite",
        item => json(item).as_ref().map_or("another", kind_of),
    }
}

/// What a value is, in words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
