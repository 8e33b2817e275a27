//! A stack that is read from files: `file` names a YAML file, `namespace` where its objects live by default, `new` (`yes`)
//! whether the namespace is the stack's own; with `bare` (`yes`)
//! the stack has no namespace.

use std::process::ExitCode;

use holm::prelude::*;

fn main() -> ExitCode {
    holm::run("manifests", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    let namespace: String = config.require("namespace")?;
    if config.get("bare") == Some("yes") {
        // What names no namespace goes to that of the command line or the context.
    } else if config.get("new") == Some("no") {
        stack.in_namespace(&namespace);
    } else {
        stack.namespace(&namespace);
    }
    for file in config.get("file").into_iter().flat_map(|files| files.split(',')) {
        let text = std::fs::read_to_string(file)
            .map_err(|error| holm::Error::new(format!("{file} cannot be read: {error}")))?;
        stack.add_yaml(&text);
    }
    Ok(())
}
