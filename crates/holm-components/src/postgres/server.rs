//! The server itself.

use std::time::Duration;

use holm_core::{Input, Ref};
use holm_resources::{
    Container, Cpu, Deployment, Keyed as _, Memory, PodOptions as _, PodSecurityContext, Port, Probe, SecurityContext,
    Volume, kind,
};

/// What a plan says when the script of the first start changes.
pub const RUNS_ONCE: &str = "PostgreSQL runs this only on an empty volume; existing databases stay as they are";

/// Where the volume is mounted.
const DATA: &str = "/var/lib/postgresql/data";

/// The user and the group `postgres` of the Alpine image.
pub const POSTGRES: i64 = 70;

/// What the pod is made of.
pub struct Server<'a> {
    pub name: &'a str,
    pub role: &'a str,
    pub databases: &'a [String],
    pub image: &'a Input,
    pub request: &'a (Cpu, Memory),
    pub limit: &'a (Cpu, Memory),
    pub port: &'a Port,
    pub credentials: &'a Ref<kind::Secret>,
    pub init: &'a Ref<kind::ConfigMap>,
    pub data: &'a Ref<kind::PersistentVolumeClaim>,
}

impl Server<'_> {
    /// The Deployment with its one pod.
    pub fn deployment(&self, container: Container) -> Deployment {
        Deployment::new(self.name)
            .replicas(1)
            // Two servers must never have the same data, not even for the time of an update.
            .recreate()
            // A first start may take as long as the startup probe allows: half an hour.
            .progress_deadline(Duration::from_secs(2400))
            .container(container)
            .security(PodSecurityContext::restricted().run_as(POSTGRES, POSTGRES).fs_group(POSTGRES))
            .automount_service_account_token(false)
            // The image stops with SIGINT: open transactions are rolled back, and what is in memory is written out.
            .termination_grace_period(Duration::from_secs(120))
            // Otherwise the Service of this name would put variables like POSTGRES_PORT into the environment.
            .patch_pod(|pod| pod.enable_service_links = Some(false))
    }

    /// The container of the server.
    pub fn container(&self) -> Container {
        let first = self.databases.first().map_or(self.role, String::as_str);
        Container::new("postgres", self.image)
            .command(["sh", "-c", include_str!("start.sh")])
            .port(self.port)
            .env("POSTGRES_USER", "postgres")
            .env("POSTGRES_PASSWORD", self.credentials.key("password"))
            .env("POSTGRES_DB", first)
            // A directory below the mount, because the volume's own may hold a lost+found, which initdb refuses.
            .env("PGDATA", format!("{DATA}/pgdata"))
            .mount(DATA, self.data)
            .mount("/docker-entrypoint-initdb.d", self.init)
            // All that the server writes outside its data: its socket, and what the start script needs.
            .mount("/var/run/postgresql", Volume::empty_dir("run"))
            .mount("/tmp", Volume::empty_dir("tmp"))
            // Parallel queries share memory here, for which the 64 MB of a container are too little. Counts against the limit.
            .mount("/dev/shm", Volume::empty_dir("shm").in_memory().limit("128Mi"))
            .request(self.request.0.clone(), self.request.1.clone())
            .limit(self.limit.0.clone(), self.limit.1.clone())
            .security(SecurityContext::restricted().read_only_root_filesystem())
            // Often, because a restart is over in a second; for half an hour, because a first start on a slow volume is not.
            .startup(self.starts(first).period(Duration::from_secs(2)).failure_threshold(900))
            .liveness(answers().period(Duration::from_secs(30)).failure_threshold(6))
            .readiness(self.serves(first).period(Duration::from_secs(10)).failure_threshold(3))
    }

    /// Logs in as the clients do: with the password of the Secret, over the pod's own address, as from 127.0.0.1 the image asks
    /// for no password. Once for each start of the container, so that a password which is changed later takes no server away.
    fn logs_in(&self, database: &str) -> String {
        let role = self.role;
        format!(
            "[ -e /tmp/logged-in ] || {{ PGPASSWORD=$POSTGRES_PASSWORD psql --host=\"$HOSTNAME\" --username={role} \
             --dbname={database} --no-password --no-psqlrc --quiet --output=/dev/null --command='SELECT 1' && : >/tmp/logged-in; }}"
        )
    }

    /// The server is in a crash recovery, or a client can log in.
    fn starts(&self, database: &str) -> Probe {
        shell(&format!("{ASK}; case $? in 0) {};; 1) ;; *) exit 1;; esac", self.logs_in(database)))
    }

    /// The volume is complete, a client could log in, and the role of the clients can use every database. Asked as the
    /// superuser, for whom PostgreSQL reserves connections: clients that have taken all others do not take the Service away.
    fn serves(&self, database: &str) -> Probe {
        let role = self.role;
        let query = format!(
            "psql --host=127.0.0.1 --username=postgres --no-password --no-psqlrc --quiet --command='SET ROLE {role}'"
        );
        let complete =
            format!("if [ -e {DATA}/first-start-unfinished ]; then echo 'the first start is unfinished'; exit 1; fi");
        let mut command = format!("{complete}; {}", self.logs_in(database));
        for database in self.databases {
            command.push_str(&format!(" && {query} --dbname={database}"));
        }
        shell(&command)
    }
}

/// Asks over TCP, because the server that initialises the volume listens on the socket only.
const ASK: &str = "pg_isready --host=127.0.0.1 --username=postgres --timeout=8";

/// The server answers over TCP, even if it answers "not now" (1), as it does during a crash recovery, which may take long and
/// must not be cut short.
fn answers() -> Probe {
    shell(&format!("{ASK} || [ $? -eq 1 ]"))
}

fn shell(command: &str) -> Probe {
    Probe::exec(["sh", "-c", command]).timeout(Duration::from_secs(10))
}
