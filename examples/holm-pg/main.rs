//! PostgreSQL for HolmOS: `cargo run --example holm-pg -- plan`.
//!
//! One server with the databases `holm` and `backups`, and the roles `postgres` (superuser) and `holm` (owner of both), which
//! log in with the password of the Secret `postgres-secret`.

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use holm::components::Postgres;
use holm::prelude::*;

fn main() -> ExitCode {
    holm::run("holm-pg", declare)
}

/// Declares the stack. `image`, `storage` (5Gi unless configured) and `storage-class` may be configured.
fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace("holm");

    let mut postgres = Postgres::new("postgres", "holm")
        .database("holm")
        .database("backups")
        .image(config.get("image").unwrap_or("postgres:15-alpine"))
        .storage(config.get("storage").unwrap_or("5Gi"))
        .request(Cpu::millis(100), Memory::mebibytes(128))
        .limit(Cpu::millis(500), Memory::mebibytes(512))
        .initialize_with("databases.sql", include_str!("databases.sql"));
    if let Some(class) = config.get("storage-class") {
        postgres = postgres.storage_class(class);
    }
    let server = postgres.declare(stack);

    stack.export("host", server.host());
    stack.export("port", server.service.port());
    stack.export("databases", server.databases.join(", "));
    stack.export("secret", server.credentials.name());
    Ok(())
}
