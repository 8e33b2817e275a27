//! The configuration of the user's program: `--config KEY=VALUE`, and the environment variables `HOLM_CONFIG_KEY`.

use std::ffi::OsString;

use holm_core::Config;

use crate::args::Settings;

/// Environment variables that begin so are configuration.
const PREFIX: &str = "HOLM_CONFIG_";

/// The configuration, and its values once more, to be kept out of errors.
pub struct Given {
    /// The configuration.
    pub config: Config,
    /// Every value.
    pub secrets: Vec<String>,
}

/// Joins both sources. The command line comes first: it is looked up by the key itself, the environment by the key's
/// variable.
pub fn read(settings: &Settings, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Given {
    let mut config = Config::new(&settings.stack);
    let mut secrets = Vec::new();
    let environment = environment.into_iter().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some((name, value.into_string().ok()?))
    });
    let given = settings.config.iter().map(|(key, value)| (key.clone(), value.0.clone()));
    for (key, value) in environment.chain(given) {
        config = config.with(&key, &value);
        secrets.push(value);
    }
    Given { config, secrets }
}

#[cfg(test)]
mod tests {
    use crate::args::Arguments;

    use super::*;

    #[test]
    fn the_command_line_comes_before_the_environment() {
        let line = ["holm-pg", "plan", "--stack", "prod", "--config", "region=eu", "--config", "region=us"];
        let arguments = Arguments::read("holm-pg", line.map(OsString::from)).expect("well formed");
        let settings = arguments.settings().expect("well formed");
        let environment = [("HOLM_CONFIG_REGION", "env"), ("HOLM_CONFIG_PG_PASSWORD", "hunter2"), ("OTHER", "x")];
        let given = read(&settings, environment.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(given.config.stack(), "prod");
        assert_eq!(given.config.get("region"), Some("us"));
        assert_eq!(given.config.get("pg-password"), Some("hunter2"));
        assert_eq!(given.config.get("other"), None);
    }
}
