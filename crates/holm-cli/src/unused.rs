//! Values of `--config` that have no effect.

use std::collections::BTreeMap;

use holm_core::Config;
use holm_values::did_you_mean;

use crate::args::Settings;
use crate::style::{Layout, Line, Role};

/// Warns of values on the command line that are given twice, or that the program never asked for. `has_schema` says that unknown keys
/// were errors already.
pub fn warnings(settings: &Settings, config: &Config, has_schema: bool, layout: Layout) -> String {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, _) in &settings.config {
        *times.entry(key).or_default() += 1;
    }
    let asked = config.asked();
    let mut out = String::new();
    let mut warn = |key: &str, text: &str, hint: Option<String>| {
        let line = Line::default().role(Role::Warning, "warning:").text(" ").hang(2);
        line.text(&format!("--config {key}: {text}")).write(layout, &mut out);
        if let Some(hint) = hint {
            Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(&hint).write(layout, &mut out);
        }
        out.push('\n');
    };
    for (key, times) in times {
        if times > 1 {
            warn(key, &format!("given {times} times; the last value counts"), None);
        }
        if !has_schema && !asked.contains(key) {
            let known: Vec<&str> = asked.iter().map(String::as_str).collect();
            let hint = did_you_mean(key, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
                [] => "the program has no configuration values".to_owned(),
                known => format!("the program asks for {}", known.join(", ")),
            });
            warn(key, "the program does not use this value", Some(hint));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::args::Arguments;

    use super::*;

    #[test]
    fn values_without_effect_are_warned_of() {
        let line =
            ["p", "plan", "--config", "regoin=eu", "--config", "a=1", "--config", "a=2", "--config", "PG_HOST=h"];
        let arguments = Arguments::read("p", line.map(OsString::from)).expect("well formed");
        let settings = arguments.settings().expect("well formed");
        let config = Config::new("dev");
        for key in ["region", "a", "pg-host"] {
            assert_eq!(config.get(key), None);
        }
        insta::assert_snapshot!(warnings(&settings, &config, false, Layout::default()), @r#"
        warning: --config PG_HOST: the program does not use this value
          hint: did you mean "pg-host"?

        warning: --config a: given 2 times; the last value counts

        warning: --config regoin: the program does not use this value
          hint: did you mean "region"?
        "#);
        let checked = warnings(&settings, &config, true, Layout::default());
        assert_eq!(checked, "warning: --config a: given 2 times; the last value counts\n\n");
    }
}
