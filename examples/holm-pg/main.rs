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

/// Declares the stack. `image`, `storage` (5Gi unless configured) and `storage-class` may be configured.
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
    let mut claim =
        PersistentVolumeClaim::new("postgres-pvc").read_write_once().request(config.get("storage").unwrap_or("5Gi"));
    if let Some(class) = config.get("storage-class") {
        claim = claim.storage_class(class);
    }
    let data = stack.add(claim.protect());

    let port = Port::tcp("postgres", 5432);
    let server = Container::new("postgres", config.get("image").unwrap_or("postgres:15-alpine"))
        .command(["sh", "-c", include_str!("start.sh")])
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
        // Parallel queries share memory here, for which the 64 MB of a container are too little. Counts against the limit.
        .mount("/dev/shm", Volume::empty_dir("shm").in_memory().limit("128Mi"))
        .request(Cpu::millis(100), Memory::mebibytes(128))
        .limit(Cpu::millis(500), Memory::mebibytes(512))
        .security(SecurityContext::restricted().read_only_root_filesystem())
        // Often, because a restart is over in a second; for half an hour, because a first start on a slow volume is not.
        .startup(starts().period(Duration::from_secs(2)).failure_threshold(900))
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

/// Asks over TCP, because the server that initialises the volume listens on the socket only.
const ASK: &str = "pg_isready --host=127.0.0.1 --username=postgres --timeout=8";

/// Logs in as the clients do: with the password of the Secret, over the pod's own address, as from 127.0.0.1 the image asks for
/// no password. Once for each start of the container, so that a password which is changed later takes no server away.
const LOG_IN: &str = "[ -e /tmp/logged-in ] || { PGPASSWORD=$POSTGRES_PASSWORD psql --host=\"$HOSTNAME\" --username=holm \
     --dbname=holm --no-password --no-psqlrc --quiet --output=/dev/null --command='SELECT 1' && : >/tmp/logged-in; }";

/// The server answers over TCP, even if it answers "not now" (1), as it does during a crash recovery, which may take long and
/// must not be cut short.
fn answers() -> Probe {
    shell(&format!("{ASK} || [ $? -eq 1 ]"))
}

/// The server is in a crash recovery, or a client can log in.
fn starts() -> Probe {
    shell(&format!("{ASK}; case $? in 0) {LOG_IN};; 1) ;; *) exit 1;; esac"))
}

/// The volume is complete, a client could log in, and the role of the clients can use both databases. Asked as the superuser,
/// for whom PostgreSQL reserves connections: clients that have taken all others do not take the Service away from each other.
fn serves() -> Probe {
    let complete =
        format!("if [ -e {DATA}/first-start-unfinished ]; then echo 'the first start is unfinished'; exit 1; fi");
    let query = "psql --host=127.0.0.1 --username=postgres --no-password --no-psqlrc --quiet --command='SET ROLE holm'";
    shell(&format!("{complete}; {LOG_IN} && {query} --dbname=holm && {query} --dbname=backups"))
}

fn shell(command: &str) -> Probe {
    Probe::exec(["sh", "-c", command]).timeout(Duration::from_secs(10))
}
