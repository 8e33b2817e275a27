//! A stack of the files that `FILES` names (separated by `:`), in the namespace `NS`, which it declares, or `INNS`, which exists.
//! A `.jsonl` file has one object a line, with options: `object`, `ignore`, `replace`, `policy` and `secret`.

use std::process::ExitCode;

use holm::prelude::*;
use holm_core::path::FieldPath;
use holm_core::{Configured, Declaration, IntoResource, ResourceOption, Untyped};
use serde_json::Value;

fn main() -> ExitCode {
    holm::run("cases", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    let given = |key: &str| config.get(&key.to_lowercase()).map(str::to_owned).or_else(|| std::env::var(key).ok());
    if let Some(namespace) = given("NS") {
        stack.namespace(&namespace);
    } else if let Some(namespace) = given("INNS") {
        stack.in_namespace(&namespace);
    }
    let files = given("FILES").unwrap_or_default();
    for file in files.split(':').filter(|file| !file.is_empty()) {
        let text = std::fs::read_to_string(file)
            .map_err(|error| holm::Error::new(format!("{file} cannot be read: {error}")))?;
        if !file.ends_with(".jsonl") {
            stack.add_yaml(&text);
            continue;
        }
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            stack.add(Line(serde_json::from_str(line)?));
        }
    }
    Ok(())
}

/// The object of a line with its options.
struct Line(Value);

impl IntoResource for Line {
    type Kind = Untyped;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        let line = self.0;
        let mut declaration = Manifest::new(line["object"].clone()).into_declaration();
        let paths = |option: &str| -> Vec<FieldPath> {
            let texts = line[option].as_array().into_iter().flatten().filter_map(Value::as_str);
            texts.filter_map(|text| text.parse().ok()).collect()
        };
        declaration.options.ignore_changes = paths("ignore");
        declaration.options.replace_on_changes = paths("replace");
        declaration.options.on_conflict = match line["policy"].as_str() {
            Some("takeover") => ConflictPolicy::TakeOver,
            Some("fail") => ConflictPolicy::Fail,
            _ => ConflictPolicy::FromTools,
        };
        for (path, secret) in line["secret"].as_object().into_iter().flatten() {
            if let (Ok(path), Some(secret)) = (path.parse(), secret.as_str()) {
                declaration.inputs.insert(path, Sensitive::from(secret).into());
            }
        }
        declaration
    }
}
