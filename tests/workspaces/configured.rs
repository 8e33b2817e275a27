//! A configuration that is read into a type: a file, the environment and the command line.

use std::collections::BTreeMap;
use std::process::ExitCode;

use holm::Sensitive;
use holm::prelude::*;
use holm::schemars::JsonSchema;
use holm::serde::Deserialize;

/// What the shop may vary by.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "holm::serde")]
#[schemars(crate = "holm::schemars")]
struct Settings {
    /// How many pods serve.
    #[serde(default = "one")]
    replicas: u16,
    /// How large the machines are.
    #[serde(default)]
    size: Size,
    /// Where the shop keeps its orders.
    database: Database,
    /// Labels of the shop's own.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "holm::serde")]
#[schemars(crate = "holm::schemars")]
struct Database {
    /// The name of its Service.
    host: String,
    /// The port that it listens on.
    #[serde(default = "postgres_port")]
    port: u16,
    /// What the shop logs in with.
    password: Sensitive<String>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(crate = "holm::serde", rename_all = "kebab-case")]
#[schemars(crate = "holm::schemars")]
enum Size {
    /// For tests.
    #[default]
    Small,
    /// For customers.
    Large,
}

fn one() -> u16 {
    1
}

fn postgres_port() -> u16 {
    5432
}

fn main() -> ExitCode {
    holm::run_with("configured", |stack, settings: &Settings| {
        let mut map = ConfigMap::new("settings")
            .entry("replicas", settings.replicas.to_string())
            .entry("database", format!("{}:{}", settings.database.host, settings.database.port))
            .entry("size", if matches!(settings.size, Size::Large) { "large" } else { "small" });
        for (name, value) in &settings.labels {
            map = map.entry(name, value.as_str());
        }
        stack.add(map);
        stack.add(Secret::opaque("database").entry("password", settings.database.password.clone()));
        Ok(())
    })
}
