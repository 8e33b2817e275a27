//! The PostgreSQL stack with knobs, so that every change which a person could make to it is a flag.
//!
//! | key | what it is | default |
//! |---|---|---|
//! | `namespace` | where everything lives | `holm` |
//! | `image` | the server's image | `postgres:15-alpine` |
//! | `replicas` | how many servers | 1 |
//! | `label` | the label that the Deployment selects by | `postgres` |
//! | `class` | the claim's storage class | none |
//! | `claim`, `service`, `init` | `no` leaves the resource out | `yes` |
//! | `policy` | `take-over`, `fail` or `from-tools` for conflicts of the Deployment | `from-tools` |
//! | `node` | the node that the server must be on | none |
//! | `key` | the key of the Secret that the server reads | `password` |
//! | `note` | a value of the ConfigMap | `first` |
//! | `token` | a secret that the program is given | none |
//! | `annotation` | an annotation of the Deployment | none |

use std::process::ExitCode;

use holm::prelude::*;

const DATA: &str = "/var/lib/postgresql/data";

fn main() -> ExitCode {
    holm::run("variant-pg", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    let has = |key: &str| config.get(key) != Some("no");
    let namespace = config.get("namespace").unwrap_or("holm");
    stack.namespace(namespace);

    let password = stack.generated("postgres-password", Password::alphanumeric(32));
    let url = format!("postgres://holm:{{password}}@postgres.{namespace}.svc.cluster.local:5432/holm?sslmode=disable");
    let mut credentials = Secret::opaque("postgres-secret")
        .entry("password", &password)
        .entry("database-url", Input::template(&url, [("password", password.clone().url_encode())]));
    if config.get("token").is_some() {
        credentials = credentials.entry("token", config.sensitive("token")?);
    }
    let credentials = stack.add(credentials);

    let port = Port::tcp("postgres", 5432);
    let mut server = Container::new("postgres", config.get("image").unwrap_or("postgres:15-alpine"))
        .port(&port)
        .env("POSTGRES_USER", "postgres")
        .env("POSTGRES_PASSWORD", credentials.key(config.get("key").unwrap_or("password")))
        .env("PGDATA", format!("{DATA}/pgdata"))
        .request(Cpu::millis(100), Memory::mebibytes(128))
        .limit(Cpu::millis(500), Memory::mebibytes(512))
        .readiness(Probe::tcp(&port).period(Duration::from_secs(10)));
    if has("init") {
        let init = stack.add(
            ConfigMap::new("postgres-init")
                .entry("databases.sql", "CREATE DATABASE backups;\n")
                .entry("note", config.get("note").unwrap_or("first"))
                .note_on_change_of("data", "PostgreSQL runs this only on an empty volume"),
        );
        server = server.mount("/docker-entrypoint-initdb.d", &init);
    }
    if has("claim") {
        let mut claim = PersistentVolumeClaim::new("postgres-pvc").read_write_once().request("5Gi");
        if let Some(class) = config.get("class") {
            claim = claim.storage_class(class);
        }
        server = server.mount(DATA, stack.add(claim.protect()));
    }

    let mut deployment = Deployment::new("postgres").replicas(config.parse_or("replicas", 1)?).recreate();
    if let Some(label) = config.get("label") {
        deployment = deployment.pod_label("role", label).selector([("role", label)]);
    }
    if let Some(node) = config.get("node") {
        deployment = deployment.node_selector("kubernetes.io/hostname", node);
    }
    if let Some(text) = config.get("annotation") {
        deployment = deployment.annotation("holm.dev/note", text);
    }
    let policy = match config.get("policy") {
        Some("take-over") => ConflictPolicy::TakeOver,
        Some("fail") => ConflictPolicy::Fail,
        _ => ConflictPolicy::FromTools,
    };
    let postgres = stack.add(deployment.container(server).on_conflict(policy));
    if has("service") {
        let service = stack.add(Service::to(&postgres, &port));
        stack.export("host", service.dns_name());
        stack.export("port", service.port());
    }
    stack.export("secret", credentials.name());
    stack.export("url", Input::template("postgres://holm:{password}@", [("password", password)]));
    Ok(())
}
