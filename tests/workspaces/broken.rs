//! Declarations that are wrong: `mistake` says how.

use std::process::ExitCode;

use holm::prelude::*;

fn main() -> ExitCode {
    holm::run("broken", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace(config.get("namespace").unwrap_or("broken"));
    let has = |mistake: &str| matches!(config.get("mistake"), Some(given) if given == mistake || (given == "all" && mistake != "error"));
    let credentials =
        stack.add(Secret::opaque("credentials").entry("password", config.get("canary").unwrap_or("word")));
    if has("cycle") {
        let first = ConfigMap::new("first").entry("next", config_map(stack, "third").field("data.next"));
        let first = stack.add(first);
        let second = stack.add(ConfigMap::new("second").entry("next", first.field("data.next")));
        stack.add(ConfigMap::new("third").entry("next", second.field("data.next")));
    }
    let mut server = Container::new("server", "server:1");
    if has("dangling") {
        let manifest = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray"},
            "spec": {"containers": [{
                "name": "server", "image": "server:1", "envFrom": [{"secretRef": {"name": "credential"}}],
            }]},
        });
        stack.add(Manifest::new(manifest));
    }
    if has("missing-key") {
        server = server.env("PASSWORD", credentials.key("pasword"));
    }
    if has("quantity") {
        server = server.request_of("cpu", "lots").request_of("memory", "128Mi");
    }
    let http = Port::tcp("http", 80);
    let deployment = stack.add(Deployment::new("server").container(server));
    if has("no-such-port") {
        stack.add(Service::to(&deployment, &http));
    }
    if has("duplicate") {
        stack.add(ConfigMap::new("twice"));
        stack.add(ConfigMap::new("twice"));
    }
    if has("error") {
        let region: String = config.require("region")?;
        return Err(holm::Error::new(format!("the region \"{region}\" is not one of ours")));
    }
    if config.get("mistake") == Some("panic") {
        let text = config.get("canary").unwrap_or("nothing");
        assert!(text.is_empty(), "the program gave up");
    }
    Ok(())
}

/// A reference to a ConfigMap that is declared later.
fn config_map(stack: &Stack, name: &str) -> Ref<kind::ConfigMap> {
    stack.external(name)
}
