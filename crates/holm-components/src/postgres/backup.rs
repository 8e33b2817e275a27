//! Dumps on a schedule.

use std::time::Duration;

use holm_core::{Input, ResourceOptions as _, Stack};
use holm_resources::{
    Container, Cpu, CronJob, JobOptions as _, Memory, PersistentVolumeClaim, PodOptions as _, PodSecurityContext,
    SecurityContext, Volume,
};

use super::PostgresServer;
use super::server::POSTGRES;

/// How the databases of a [`Postgres`](super::Postgres) are dumped: on a schedule, into a volume of their own, the last few of each kept.
///
/// It adds the claim `NAME-backup`, which is protected, and the CronJob `NAME-backup`. A dump counts only when it can be read back.
#[derive(Clone, Debug)]
#[must_use = "a backup does nothing until a Postgres has it"]
pub struct Backup {
    schedule: String,
    keep: u32,
    storage: String,
    storage_class: Option<String>,
}

impl Backup {
    /// Dumps at the times of `schedule`, in cron's five fields, and keeps the last 7 of each database in 5Gi.
    pub fn at(schedule: &str) -> Self {
        Self { schedule: schedule.to_owned(), keep: 7, storage: "5Gi".to_owned(), storage_class: None }
    }

    /// How many dumps of each database are kept, at least one. Default: 7.
    pub fn keep(mut self, number: u32) -> Self {
        self.keep = number.max(1);
        self
    }

    /// The size of the volume, such as `5Gi`, the default.
    pub fn storage(mut self, size: &str) -> Self {
        size.clone_into(&mut self.storage);
        self
    }

    /// The storage class of the volume. Default: the cluster's default class.
    pub fn storage_class(mut self, name: &str) -> Self {
        self.storage_class = Some(name.to_owned());
        self
    }

    pub(super) fn add_to(self, stack: &Stack, name: &str, image: &Input, server: &PostgresServer) {
        let name = format!("{name}-backup");
        let mut claim = PersistentVolumeClaim::new(&name).read_write_once().request(&self.storage).protect();
        if let Some(class) = &self.storage_class {
            claim = claim.storage_class(class);
        }
        let dumps = stack.add(claim);
        let container = Container::new("backup", image)
            .command(["sh", "-c", SCRIPT])
            .env("PGHOST", server.host())
            .env("PGUSER", &server.role)
            .env("PGPASSWORD", server.password())
            .env("DATABASES", server.databases.join(" "))
            .env("KEEP", self.keep)
            .mount("/backup", &dumps)
            .mount("/tmp", Volume::empty_dir("tmp"))
            .request(Cpu::millis(50), Memory::mebibytes(64))
            .limit(Cpu::millis(500), Memory::mebibytes(256))
            .security(SecurityContext::restricted().read_only_root_filesystem());
        stack.add(
            CronJob::new(&name, &self.schedule)
                .container(container)
                .security(PodSecurityContext::restricted().run_as(POSTGRES, POSTGRES).fs_group(POSTGRES))
                .automount_service_account_token(false)
                .forbid_overlap()
                .backoff_limit(2)
                .active_deadline(Duration::from_hours(6)),
        );
    }
}

/// Dumps each database, reads the dump back, and removes those beyond the last ones. A dump has its name only when it is complete.
const SCRIPT: &str = "\
set -eu
cd \"${BACKUP_DIRECTORY:-/backup}\"
rm -f ./*.unfinished
stamp=$(date -u +%Y%m%dT%H%M%SZ)
for database in $DATABASES; do
    file=$database-$stamp.dump
    pg_dump --no-password --format=custom --file=\"$file.unfinished\" --dbname=\"$database\"
    pg_restore --list \"$file.unfinished\" >/dev/null
    sync
    mv \"$file.unfinished\" \"$file\"
    echo \"dumped $database into $file\"
    ls -1 | grep \"^$database-[0-9]*T[0-9]*Z[.]dump$\" | sort -r | tail -n \"+$((KEEP + 1))\" | while read -r old; do
        rm -- \"$old\"
        echo \"removed $old\"
    done
done
";
