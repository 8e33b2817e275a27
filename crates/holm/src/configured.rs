//! Programs that read their configuration into a type.

use std::process::ExitCode;

use holm_cli::Schema;
use holm_core::declare::{DeclarationError, Result};
use holm_core::{Config, Stack};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::validation;

/// Runs the program `program` as [`run`](crate::run) does, and hands its configuration to `declare` as a value of `T`.
///
/// The values come from `holm.toml` in the current folder or the nearest one above (`[config]` for every stack,
/// `[stack.NAME.config]` for one), from environment variables (`HOLM_CONFIG_DATABASE_HOST` for `database.host`), and from
/// `--config database.host=VALUE`; the later ones win. What nobody gives has the default that serde knows. Before the stack is
/// declared, everything that is wrong is told at once, each with its line: unknown and missing keys, values of another type, out of
/// the bounds of their type, or not among the variants of an enumeration. The documentation of the fields is what
/// `config show` and `config schema` say of them, so `T` takes it from its doc comments.
///
/// Secret values have the type [`Sensitive`](crate::Sensitive), so that nothing shows them.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use holm::prelude::*;
/// use holm::schemars::JsonSchema;
/// use holm::serde::Deserialize;
///
/// /// What the shop may vary by.
/// #[derive(Deserialize, JsonSchema)]
/// #[serde(crate = "holm::serde")]
/// #[schemars(crate = "holm::schemars")]
/// struct Settings {
///     /// How many pods serve.
///     #[serde(default = "one")]
///     replicas: u16,
///     /// The token of the payment service.
///     token: holm::Sensitive<String>,
/// }
///
/// fn one() -> u16 {
///     1
/// }
///
/// fn main() -> ExitCode {
///     holm::run_with("shop", |stack, settings: &Settings| {
///         stack.namespace(stack.name());
///         stack.add(Secret::opaque("payment").entry("token", settings.token.clone()));
///         Ok(())
///     })
/// }
/// ```
pub fn run_with<T: DeserializeOwned + JsonSchema>(
    program: &str,
    declare: impl FnOnce(&Stack, &T) -> Result,
) -> ExitCode {
    let schema = Schema::new(schemars::schema_for!(T).to_value());
    holm_cli::run_with_schema(program, schema, |stack, config| {
        validation::pass_to(stack);
        declare(stack, &read_config(config)?)
    })
}

/// Reads a configuration into a type, as [`run_with`] does.
///
/// # Errors
/// The first value that the type does not take, by its key. The value itself is not named.
pub fn read_config<T: DeserializeOwned>(config: &Config) -> std::result::Result<T, DeclarationError> {
    let values = config.table().expose().clone();
    let values = if values.is_null() { serde_json::Value::Object(serde_json::Map::new()) } else { values };
    serde_path_to_error::deserialize(values).map_err(|error| {
        let key = error.path().to_string();
        let reason = error.into_inner();
        DeclarationError::from(format!("the configuration value \"{key}\" cannot be read: {reason}"))
    })
}
