//! `config`: shows, reads and changes the configuration. No cluster is looked for, and the stack is not declared.

use std::env;
use std::io::Read as _;

use holm_config::{Decrypt as _, Field, File, Key, Problem, ProblemKind, Problems, Schema, Sealed};
use holm_core::Sensitive;
use serde_json::Value;

use crate::args::config::{ConfigAction, ConfigVerb, SetAction};
use crate::args::{Output, Settings};
use crate::config::{self, ConfigFile, FILE, Given};
use crate::diagnostic::{Diagnostic, Kind};
use crate::json;
use crate::render::config::{Row, write};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the verb.
///
/// # Errors
/// When the configuration is wrong, or its file cannot be read or written.
pub fn run(
    verb: &ConfigVerb,
    settings: &Settings,
    schema: Option<&Schema>,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    match &verb.action {
        ConfigAction::Show(_) => {
            let given = sealed(settings, schema)?;
            let rows = rows(&given, schema);
            let text = match settings.output {
                Output::Json => json::config::values(&settings.stack, &rows),
                Output::Text => write(&rows, terminal.data_layout()),
            };
            terminal.data(&text);
            warn(&given, terminal);
        }
        ConfigAction::Get(action) => {
            let key = key(&action.key)?;
            let given = sealed(settings, schema)?;
            let row = rows(&given, schema).into_iter().find(|row| row.key == key);
            let value = row.and_then(|row| row.value).ok_or_else(|| not_set(&key, &given, schema))?;
            let text = match settings.output {
                Output::Json => json::config::value(&value),
                Output::Text => format!("{}\n", config::text(&value)),
            };
            terminal.data(&text);
        }
        ConfigAction::Set(action) => set(action, settings, schema, terminal)?,
        ConfigAction::Rm(action) => {
            let key = key(&action.key)?;
            let file = config::find(settings.config_file.as_deref())?.ok_or_else(no_file)?;
            let text = holm_config::remove(&file.text, stack(settings), &key)
                .map_err(|error| Diagnostic::of(Kind::Configuration, &error, None))?;
            config::write(&file.path, &text)?;
            terminal.say(&format!("{key} is removed {} in {}\n", of_whom(settings), file.name));
        }
        ConfigAction::Rekey(_) => rekey(settings, terminal)?,
        ConfigAction::Schema(_) => {
            let schema = schema.ok_or_else(|| {
                Diagnostic::new(Kind::Usage, "the program reads its configuration value by value, so it has no schema")
                    .hint("give it a type, with holm::run_with")
            })?;
            terminal.data(&json::config::schema(&schema.of_file()));
        }
    }
    Ok(Outcome::Done)
}

/// Warns of environment variables that are named like configuration values and are none of this program.
pub fn warn(given: &Given, terminal: &mut Terminal) {
    for name in &given.read.unused {
        terminal.warn(&format!("the environment variable {name} matches no configuration value of this program"));
    }
}

fn set(
    action: &SetAction,
    settings: &Settings,
    schema: Option<&Schema>,
    terminal: &mut Terminal,
) -> Result<(), Diagnostic> {
    let key = key(&action.key)?;
    let file = config::find(settings.config_file.as_deref())?;
    let file = file.unwrap_or_else(|| ConfigFile { path: FILE.into(), name: FILE.to_owned(), text: String::new() });
    let text = match &action.value {
        Some(value) => value.0.clone(),
        None => from_standard_input()?,
    };
    let value = holm_config::value_of(schema, &key, &text);
    let edit_error = |error: holm_config::EditError| Diagnostic::of(Kind::Configuration, &error, None);
    let mut changed = holm_config::set(&file.text, stack(settings), &key, &value).map_err(edit_error)?;
    if let Some(schema) = schema {
        // Other values may be missing still, but this one must be one that the program takes.
        let sources = holm_config::Sources {
            file: Some((&file.name, &changed)),
            is_stack_named: settings.is_stack_named,
            decrypt: Some(&Sealed),
            ..holm_config::Sources::of_stack(&settings.stack)
        };
        if let Err(Problems(mut problems)) = holm_config::read(Some(schema), &sources) {
            problems.retain(|problem| concerns(&problem.kind, &key));
            problems.iter_mut().for_each(|problem| problem.origin = None);
            if !problems.is_empty() {
                return Err(Diagnostic::from(Problems(problems)));
            }
        }
    }
    let recipients = File::parse(&file.name, &file.text)?.recipients;
    let is_secret = schema.is_some_and(|schema| schema.is_secret(&key));
    if action.secret || is_secret && !recipients.is_empty() {
        let encrypted =
            holm_config::encrypt(&Sensitive::new(text), &recipients).map_err(|error| cannot_encrypt(&error))?;
        changed = holm_config::set(&file.text, stack(settings), &key, &encrypted).map_err(edit_error)?;
    } else if is_secret {
        terminal.warn(&format!(
            "{key} is secret, and {} holds it in plain text; name who may read it under [encryption], or give it as the \
             environment variable {}",
            file.name,
            holm_config::variable(&key)
        ));
    }
    config::write(&file.path, &changed)?;
    terminal.say(&format!("{key} is set {} in {}\n", of_whom(settings), file.name));
    Ok(())
}

/// Encrypts every encrypted value again. Nothing is written unless all of them can be decrypted.
fn rekey(settings: &Settings, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let file = config::find(settings.config_file.as_deref())?.ok_or_else(no_file)?;
    let parsed = File::parse(&file.name, &file.text)?;
    let keys = config::Keys::of(settings);
    let mut text = file.text.clone();
    let values = parsed.encrypted();
    for (stack, key, ciphertext) in &values {
        let plain = keys.decrypt(ciphertext).map_err(|reason| {
            Diagnostic::from(Problems(vec![Problem::new(ProblemKind::Encrypted { key: key.clone(), reason })]))
        })?;
        let value = holm_config::encrypt(&plain, &parsed.recipients).map_err(|error| cannot_encrypt(&error))?;
        text = holm_config::set(&text, *stack, key, &value)
            .map_err(|error| Diagnostic::of(Kind::Configuration, &error, None))?;
    }
    config::write(&file.path, &text)?;
    let count = match values.len() {
        1 => "1 value is".to_owned(),
        many => format!("{many} values are"),
    };
    let keys = match parsed.recipients.len() {
        1 => "1 key".to_owned(),
        many => format!("{many} keys"),
    };
    terminal.say(&format!("{count} encrypted for {keys} in {}\n", file.name));
    Ok(())
}

fn cannot_encrypt(error: &holm_config::EncryptionError) -> Diagnostic {
    let hint = match error {
        holm_config::EncryptionError::NoRecipients => Some(
            "name public keys of age or ssh in the file: [encryption] recipients = [\"age1...\", \"ssh-ed25519 ...\"]",
        ),
        holm_config::EncryptionError::NotBuiltIn => Some("build it with the feature `age` of holm"),
        _ => None,
    };
    let mut diagnostic = Diagnostic::new(Kind::Configuration, "the value cannot be encrypted");
    diagnostic.causes.push(error.to_string());
    diagnostic.hint = hint.map(str::to_owned);
    diagnostic
}

/// Whether a problem is about this value, or something in it.
fn concerns(kind: &ProblemKind, key: &Key) -> bool {
    match kind {
        ProblemKind::UnknownKey { key: other }
        | ProblemKind::WrongType { key: other, .. }
        | ProblemKind::NotAllowed { key: other, .. }
        | ProblemKind::OutOfBounds { key: other, .. } => other.starts_with(key) || key.starts_with(other),
        _ => false,
    }
}

/// The configuration with every encrypted value left as it is, for which no key is needed.
fn sealed(settings: &Settings, schema: Option<&Schema>) -> Result<Given, Diagnostic> {
    let file = config::find(settings.config_file.as_deref())?;
    config::read(settings, file.as_ref(), schema, env::vars_os(), &Sealed)
}

fn rows(given: &Given, schema: Option<&Schema>) -> Vec<Row> {
    let mut leaves = Vec::new();
    config::collect(&Key::default(), given.read.values.expose(), &mut leaves);
    let row = |key: &Key, value: Option<Value>, from: String, about: String| {
        let is_secret = given.is_secret(key, schema);
        Row { key: key.clone(), value: value.filter(|_| !is_secret), is_secret, from, about }
    };
    let Some(schema) = schema else {
        return leaves
            .into_iter()
            .map(|(key, value)| row(&key, Some(value), from(given, &key), String::new()))
            .collect();
    };
    let mut rows = Vec::new();
    for Field { key, default, description, .. } in schema.fields() {
        let mut inner: Vec<_> = leaves.iter().filter(|(leaf, _)| leaf.starts_with(&key)).collect();
        // A list or a map is one value.
        inner.sort_by_key(|(leaf, _)| leaf.names().len());
        match inner.as_slice() {
            [] => rows.push(row(&key, default, "default".to_owned(), description)),
            several => rows.extend(
                several.iter().map(|(key, value)| row(key, Some(value.clone()), from(given, key), description.clone())),
            ),
        }
    }
    rows
}

fn from(given: &Given, key: &Key) -> String {
    given.read.origin(key).map_or_else(String::new, |origin| origin.to_string())
}

fn not_set(key: &Key, given: &Given, schema: Option<&Schema>) -> Diagnostic {
    if given.is_secret(key, schema) {
        return Diagnostic::new(Kind::Usage, format!("the configuration value \"{key}\" is secret, and is not shown"));
    }
    let keys: Vec<String> = rows(given, schema).into_iter().map(|row| row.key.to_string()).collect();
    Diagnostic::new(Kind::Usage, format!("the configuration value \"{key}\" is not set"))
        .hint(format!("there are: {}", if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }))
}

fn key(text: &str) -> Result<Key, Diagnostic> {
    text.parse().map_err(|error| Diagnostic::of(Kind::Usage, &error, None))
}

fn stack(settings: &Settings) -> Option<&str> {
    settings.is_stack_named.then_some(settings.stack.as_str())
}

fn of_whom(settings: &Settings) -> String {
    stack(settings).map_or_else(|| "for every stack".to_owned(), |stack| format!("for the stack {stack}"))
}

fn no_file() -> Diagnostic {
    Diagnostic::new(Kind::Configuration, format!("there is no {FILE} in this folder or above it"))
        .hint("make one with `config set KEY VALUE`, or name another file with --config-file")
}

fn from_standard_input() -> Result<String, Diagnostic> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Diagnostic::of(Kind::Usage, &error, None).hint("the value is read from standard input"))?;
    Ok(text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(&text).to_owned())
}
