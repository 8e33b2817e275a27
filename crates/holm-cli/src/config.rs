//! The configuration of the user's program: `holm.toml`, the environment variables `HOLM_CONFIG_KEY`, and `--config KEY=VALUE`.

use std::cell::OnceCell;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use holm_config::{Decrypt, EncryptionError, Identities, Key, Schema, Sources};
use holm_core::{Config, Sensitive};
use serde_json::Value;

use crate::args::Settings;
use crate::diagnostic::{Diagnostic, Kind};

/// The name of the file.
pub const FILE: &str = "holm.toml";

/// The environment variable that holds a private key, for pipelines.
const IDENTITY: &str = "HOLM_IDENTITY";

/// Where private keys are looked for, below the home folder.
const IDENTITY_PLACES: [&str; 2] = [".config/holm/identity.txt", ".ssh/id_ed25519"];

/// The configuration, and what else came with it.
pub struct Given {
    /// The configuration.
    pub config: Config,
    /// The values that must not be seen, to be kept out of errors.
    pub secrets: Vec<String>,
    /// What was read, with where each value comes from.
    pub read: holm_config::Settings,
}

impl Given {
    /// Returns whether a value is secret: by its type, or because the file has it encrypted.
    pub fn is_secret(&self, key: &Key, schema: Option<&Schema>) -> bool {
        is_secret(&self.read, key, schema)
    }
}

fn is_secret(read: &holm_config::Settings, key: &Key, schema: Option<&Schema>) -> bool {
    read.encrypted.contains(key) || schema.is_some_and(|schema| schema.is_secret(key))
}

/// A file of configuration.
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// How it is called in messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Finds the file: the one that is named, or else `holm.toml` in the current folder or the nearest one above.
///
/// # Errors
/// When it is there, or named, and cannot be read.
pub fn find(named: Option<&Path>) -> Result<Option<ConfigFile>, Diagnostic> {
    let current = env::current_dir().unwrap_or_default();
    let path = match named {
        Some(path) => path.to_owned(),
        None => match current.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file()) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let name = path.strip_prefix(&current).unwrap_or(&path).display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(ConfigFile { path, name, text })),
        Err(error) => {
            let what = format!("the configuration file {name} cannot be read");
            Err(Diagnostic::of(Kind::Configuration, &Unreadable(what, error), None))
        }
    }
}

/// Joins the sources. The command line comes first, then the environment, then the file. With a schema, the values are one
/// table with types; without one they are texts by their keys, and the environment is looked up by the variable of a key.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(
    settings: &Settings,
    file: Option<&ConfigFile>,
    schema: Option<&Schema>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    decrypt: &dyn Decrypt,
) -> Result<Given, Diagnostic> {
    let variables = environment.into_iter().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(holm_config::PREFIX))?;
        Some((name, value.into_string().ok()?))
    });
    let variables: Vec<(String, String)> = variables.collect();
    let arguments = || settings.config.iter().map(|(key, value)| (key.clone(), value.0.clone()));
    let mut keyed = Vec::new();
    if schema.is_some() {
        for (key, text) in arguments() {
            let key: Key = key.parse().map_err(|error| Diagnostic::of(Kind::Usage, &error, None))?;
            keyed.push((key, text));
        }
    }
    let sources = Sources {
        file: file.map(|file| (file.name.as_str(), file.text.as_str())),
        stack: &settings.stack,
        is_stack_named: settings.is_stack_named,
        environment: &variables,
        arguments: &keyed,
        decrypt: Some(decrypt),
    };
    let read = holm_config::read(schema, &sources).map_err(Diagnostic::from)?;
    let mut secrets: Vec<String> = variables.iter().map(|(_, value)| value.clone()).collect();
    secrets.extend(arguments().map(|(_, value)| value));
    let mut config = Config::new(&settings.stack);
    let mut leaves = Vec::new();
    collect(&Key::default(), read.values.expose(), &mut leaves);
    for (key, value) in &leaves {
        if let Value::String(text) = value {
            secrets.extend(is_secret(&read, key, schema).then(|| text.clone()));
        }
        // A variable of the same key wins, and is found by its own name.
        let variable = holm_config::variable(key);
        if schema.is_some() || !variables.iter().any(|(name, _)| *name == variable) {
            config = config.with(&key.to_string(), &text(value));
        }
    }
    if schema.is_none() {
        for (key, value) in variables.iter().cloned().chain(arguments()) {
            config = config.with(&key, &value);
        }
    }
    Ok(Given { config: config.with_table(Sensitive::new(read.values.expose().clone())), secrets, read })
}

/// The private keys of this user, read when the first value is to be decrypted.
pub struct Keys<'s> {
    named: &'s [PathBuf],
    read: OnceCell<Result<Identities, EncryptionError>>,
}

impl<'s> Keys<'s> {
    /// Returns those that the command line names, or else those at the usual places.
    pub fn of(settings: &'s Settings) -> Self {
        Self { named: &settings.identities, read: OnceCell::new() }
    }

    fn identities(&self) -> Result<Identities, EncryptionError> {
        let mut identities = Identities::default();
        for path in self.named {
            let name = path.display().to_string();
            let text = fs::read_to_string(path).map_err(|_| EncryptionError::BadIdentity(name.clone()))?;
            identities.add(&name, &Sensitive::new(text))?;
        }
        if !self.named.is_empty() {
            return Ok(identities);
        }
        if let Ok(text) = env::var(IDENTITY) {
            identities.add(&format!("${IDENTITY}"), &Sensitive::new(text))?;
            return Ok(identities);
        }
        for place in IDENTITY_PLACES {
            let path = env::home_dir().map(|home| home.join(place));
            let Some(Ok(text)) = path.map(fs::read_to_string) else { continue };
            match identities.add(&format!("~/{place}"), &Sensitive::new(text)) {
                // It may be there for another purpose.
                Ok(()) | Err(EncryptionError::BadIdentity(_) | EncryptionError::Passphrase(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(identities)
    }
}

impl Decrypt for Keys<'_> {
    fn decrypt(&self, text: &str) -> Result<Sensitive<String>, EncryptionError> {
        match self.read.get_or_init(|| self.identities()) {
            Ok(identities) => identities.decrypt(text),
            Err(error) => Err(error.clone()),
        }
    }
}

/// Writes a changed file in one step, so that a cut leaves the old one.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), Diagnostic> {
    // Through a link, so that it stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let done = fs::write(&beside, text).and_then(|()| {
        if let Ok(metadata) = fs::metadata(&path) {
            fs::set_permissions(&beside, metadata.permissions())?;
        }
        fs::rename(&beside, &path)
    });
    done.map_err(|error| {
        // The unfinished file is of no use. That it cannot be removed would have the same cause as the error that is returned.
        let _ = fs::remove_file(&beside);
        let what = format!("the configuration file {} cannot be written", path.display());
        Diagnostic::of(Kind::Configuration, &Unreadable(what, error), None)
    })
}

/// A value as the text that a program without a type sees, and that a person reads.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Collects every value that is not a table, with its key.
pub fn collect(key: &Key, value: &Value, leaves: &mut Vec<(Key, Value)>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(name, value)| collect(&key.join(name), value, leaves)),
        value => leaves.push((key.clone(), value.clone())),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreadable(String, #[source] io::Error);

#[cfg(test)]
mod tests {
    use holm_config::Sealed;
    use serde_json::json;

    use crate::args::Arguments;

    use super::*;

    fn settings(line: &[&str]) -> Settings {
        let line = std::iter::once("holm-pg").chain(line.iter().copied()).map(OsString::from);
        Arguments::read("holm-pg", line).expect("well formed").settings().expect("well formed")
    }

    fn file(text: &str) -> ConfigFile {
        ConfigFile { path: FILE.into(), name: FILE.to_owned(), text: text.to_owned() }
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn the_command_line_comes_before_the_environment_and_both_before_the_file() {
        let line = ["plan", "--stack", "prod", "--config", "region=eu", "--config", "region=us"];
        let environment = [("HOLM_CONFIG_REGION", "env"), ("HOLM_CONFIG_PG_PASSWORD", "hunter2"), ("OTHER", "x")];
        let file =
            file("[config]\nregion = \"file\"\npg-password = \"file\"\nsize = 3\n[stack.prod.config]\nsize = 4\n");
        let given = read(&settings(&line), Some(&file), None, variables(&environment), &Sealed).expect("well formed");
        assert_eq!(given.config.stack(), "prod");
        assert_eq!(given.config.get("region"), Some("us"));
        assert_eq!(given.config.get("pg-password"), Some("hunter2"));
        assert_eq!(given.config.get("size"), Some("4"));
        assert_eq!(given.config.get("other"), None);
    }

    #[test]
    fn with_a_schema_values_have_their_types_and_secrets_are_known() {
        let schema = Schema::new(json!({"type": "object", "properties": {
            "replicas": {"type": "integer"}, "password": {"type": "string", "writeOnly": true},
        }}));
        let file = file("[config]\npassword = \"correct horse\"\n");
        let given =
            read(&settings(&["plan", "--config", "replicas=3"]), Some(&file), Some(&schema), variables(&[]), &Sealed);
        let given = given.expect("well formed");
        assert_eq!(*given.config.table().expose(), json!({"replicas": 3, "password": "correct horse"}));
        assert!(given.secrets.contains(&"correct horse".to_owned()));
    }
}
