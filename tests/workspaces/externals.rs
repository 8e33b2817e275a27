//! A client of a database that lies outside of the stack: `namespace` exists, and `secret`, `key` and `service` name what is used.

use std::process::ExitCode;

use holm::prelude::*;

fn main() -> ExitCode {
    holm::run("externals", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.in_namespace(&config.require::<String>("namespace")?);
    let credentials: Ref<kind::Secret> = stack.external(config.get("secret").unwrap_or("postgres-secret"));
    let database: Ref<kind::Service> = stack.external(config.get("service").unwrap_or("postgres"));
    let key = config.get("key").unwrap_or("password");
    let client = Container::new("client", "client:1")
        .env("PASSWORD", credentials.key(key))
        .env("HOST", database.dns_name())
        .env("PORT", database.port());
    stack.add(Deployment::new("client").replicas(0).container(client));
    let url =
        Input::template("postgres://{host}:{port}/", [("host", database.dns_name().into()), ("port", database.port())]);
    stack.add(ConfigMap::new("client").entry("url", url).entry("port", database.port()).entry("name", database.name()));
    // Another way to a field that takes numbers, and to one that takes text, on an object of a plain type.
    let policy = Manifest::new(serde_json::json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "client", "annotations": {}},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"protocol": "TCP"}]}]},
    }));
    let policy = policy.with_input("spec.egress[0].ports[0].port", database.port());
    stack.add(policy.with_input("metadata.annotations.port", database.port()));
    Ok(())
}
