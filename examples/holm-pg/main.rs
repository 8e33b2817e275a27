//! PostgreSQL for HolmOS: `cargo run --example holm-pg -- plan`.
//!
//! One server with the databases `holm` and `backups`, and the roles `postgres` (superuser) and `holm` (owner of both), which
//! log in with the password of the Secret `postgres-secret`.

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use holm::prelude::*;

const DATA: &str = "/var/lib/postgresql/data";

const RUNS_ONCE: &str = "PostgreSQL runs this only on an empty volume; existing databases stay as they are";

/// The user and the group `postgres` of the Alpine image.
const POSTGRES: i64 = 70;

fn main() -> ExitCode {
    holm::run("holm-pg", declare)
}

/// Declares the stack. `image` and `storage-class` may be configured.
fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace("holm");

    let password = stack.generated("postgres-password", Password::alphanumeric(32));
    let url = "postgres://holm:{password}@postgres.holm.svc.cluster.local:5432/holm?sslmode=disable";
    let credentials = stack.add(
        Secret::opaque("postgres-secret")
            .entry("password", &password)
            .entry("database-url", Input::template(url, [("password", password.clone().url_encode())])),
    );
    let init = stack.add(
        ConfigMap::new("postgres-init")
            .entry("databases.sql", include_str!("databases.sql"))
            .note_on_change_of("data", RUNS_ONCE),
    );
    let mut claim = PersistentVolumeClaim::new("postgres-pvc").read_write_once().request("5Gi");
    if let Some(class) = config.get("storage-class") {
        claim = claim.storage_class(class);
    }
    let data = stack.add(claim.protect());

    let port = Port::tcp("postgres", 5432);
    let server = Container::new("postgres", config.get("image").unwrap_or("postgres:15-alpine"))
        .port(&port)
        .env("POSTGRES_USER", "postgres")
        .env("POSTGRES_PASSWORD", credentials.key("password"))
        .env("POSTGRES_DB", "holm")
        // A directory below the mount, because the volume's own may hold a lost+found, which initdb refuses.
        .env("PGDATA", format!("{DATA}/pgdata"))
        .mount(DATA, &data)
        .mount("/docker-entrypoint-initdb.d", &init)
        // All that the server writes outside its data: its socket, and what the start script needs.
        .mount("/var/run/postgresql", Volume::empty_dir("run"))
        .mount("/tmp", Volume::empty_dir("tmp"))
        .request(Cpu::millis(100), Memory::mebibytes(128))
        .limit(Cpu::millis(500), Memory::mebibytes(512))
        .security(SecurityContext::restricted().read_only_root_filesystem())
        .startup(answers().period(Duration::from_secs(10)).failure_threshold(180))
        .liveness(answers().period(Duration::from_secs(30)).failure_threshold(6))
        .readiness(serves().period(Duration::from_secs(10)).failure_threshold(3));
    let postgres = stack.add(
        Deployment::new("postgres")
            .replicas(1)
            // Two servers must never have the same data, not even for the time of an update.
            .recreate()
            // A first start may take as long as the startup probe allows: half an hour.
            .progress_deadline(Duration::from_secs(2400))
            .container(server)
            .security(PodSecurityContext::restricted().run_as(POSTGRES, POSTGRES).fs_group(POSTGRES))
            .automount_service_account_token(false)
            // The image stops with SIGINT: open transactions are rolled back, and what is in memory is written out.
            .termination_grace_period(Duration::from_secs(120))
            // Otherwise the Service of this name would put variables like POSTGRES_PORT into the environment.
            .patch_pod(|pod| pod.enable_service_links = Some(false)),
    );
    let service = stack.add(Service::to(&postgres, &port));

    stack.export("host", service.dns_name());
    stack.export("port", service.port());
    stack.export("databases", "holm, backups");
    stack.export("secret", credentials.name());
    Ok(())
}

/// A server process answers over TCP, even if it answers "not now" (1), as it does during a crash recovery, which may take
/// long and must not be cut short. Over TCP, because the server that initialises the volume listens on the socket only.
fn answers() -> Probe {
    let command = "pg_isready --quiet --host=127.0.0.1 --username=postgres --timeout=8 || [ $? -eq 1 ]";
    Probe::exec(["sh", "-c", command]).timeout(Duration::from_secs(10))
}

/// The role of the clients gets an answer from both databases, so that a server whose initialisation broke off is never
/// ready. From within its own pod the image asks for no password.
fn serves() -> Probe {
    let query = "psql --host=127.0.0.1 --username=holm --no-password --no-psqlrc --quiet --command='SELECT 1'";
    let command = format!("{query} --dbname=holm && {query} --dbname=backups");
    Probe::exec(["sh", "-c", &command]).timeout(Duration::from_secs(10))
}
