//! What a program may vary by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::sensitive::Sensitive;

/// What the user's program may vary by: the stack's name and the values given on the command line or in the environment.
#[derive(Clone, Debug, Default)]
pub struct Config {
    stack: Option<String>,
    values: BTreeMap<String, Sensitive<String>>,
    table: Sensitive<Value>,
    /// The keys that the program asked for, whether or not they were given.
    asked: Arc<Mutex<BTreeSet<String>>>,
}

/// A value that the program asked for and nobody gave, or that it could not use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody gave the value.
    #[error("the configuration value \"{key}\" is not set")]
    Missing {
        /// The key.
        key: String,
        /// The environment variable that it may be given in.
        variable: String,
    },
    /// The value cannot be read as the type that the program asks for.
    #[error("the configuration value \"{key}\" must be {expected}: {reason}")]
    Malformed {
        /// The key.
        key: String,
        /// What was expected, such as `an integer`.
        expected: String,
        /// The error of the type's parser.
        reason: String,
    },
}

impl Config {
    /// The configuration of the stack `stack`, without values.
    pub fn new(stack: &str) -> Self {
        Self { stack: Some(stack.to_owned()), ..Self::default() }
    }

    /// This configuration with one more value.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.values.insert(key.to_owned(), Sensitive::from(value));
        self
    }

    /// The same values for the stack `stack`.
    #[must_use]
    pub fn renamed(self, stack: &str) -> Self {
        Self { stack: Some(stack.to_owned()), ..self }
    }

    /// This configuration with the values as one table, for programs that read it into a type of their own.
    #[must_use]
    pub fn with_table(mut self, table: Sensitive<Value>) -> Self {
        self.table = table;
        self
    }

    /// The values as one table, with their types; nothing where the program reads them one by one.
    pub fn table(&self) -> &Sensitive<Value> {
        &self.table
    }

    /// The name of the stack: `default` unless the command line names another.
    pub fn stack(&self) -> &str {
        self.stack.as_deref().unwrap_or("default")
    }

    /// A value, if it was given: under its key, or else under the name of its environment variable, which several spellings
    /// of a key share (`pg-password` and `pg_password`).
    pub fn get(&self, key: &str) -> Option<&str> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        let value = self.values.get(key).or_else(|| self.values.get(&environment_name(key)));
        value.map(|value| value.expose().as_str())
    }

    /// Returns the keys that the program asked for so far.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A value that must have been given, as any type that reads itself from text.
    ///
    /// ```
    /// use holm_core::Config;
    ///
    /// let config = Config::new("prod").with("replicas", "3");
    /// let replicas: u16 = config.require("replicas")?;
    /// assert_eq!(replicas, 3);
    /// assert!(config.require::<String>("region").is_err());
    /// # Ok::<(), holm_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// When it was not given, or is not text of the type; the error has the key and the reason.
    pub fn require<T: FromStr<Err: fmt::Display>>(&self, key: &str) -> Result<T, ConfigError> {
        let missing = || ConfigError::Missing { key: key.to_owned(), variable: environment_name(key) };
        self.get(key).ok_or_else(missing).and_then(|text| parse(key, text))
    }

    /// A value as any type that reads itself from text, or `default` where it was not given.
    ///
    /// # Errors
    /// When it is not text of the type; the error has the key and the reason.
    pub fn parse_or<T: FromStr<Err: fmt::Display>>(&self, key: &str, default: T) -> Result<T, ConfigError> {
        self.get(key).map_or(Ok(default), |text| parse(key, text))
    }

    /// A secret that must have been given. Best given in the environment, where other users do not see it.
    ///
    /// # Errors
    /// When it was not given.
    pub fn sensitive(&self, key: &str) -> Result<Sensitive<String>, ConfigError> {
        self.require::<String>(key).map(Sensitive::from)
    }
}

fn parse<T: FromStr<Err: fmt::Display>>(key: &str, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|error: T::Err| ConfigError::Malformed {
        key: key.to_owned(),
        expected: match std::any::type_name::<T>().rsplit("::").next().unwrap_or_default() {
            "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
                "an integer".to_owned()
            }
            "f32" | "f64" => "a number".to_owned(),
            "bool" => "true or false".to_owned(),
            name => format!("a valid {name}"),
        },
        reason: error.to_string(),
    })
}

/// The environment variable that gives a configuration value: `HOLM_CONFIG_` and the key in capitals.
pub fn environment_name(key: &str) -> String {
    let key: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("HOLM_CONFIG_{key}")
}
