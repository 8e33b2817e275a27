//! The scripts that make the role and the databases.

use std::time::Duration;

use holm_core::{Input, ResourceOptions as _, Strength};
use holm_resources::{
    Container, Cpu, Job, JobOptions as _, Memory, PodOptions as _, PodSecurityContext, SecurityContext,
};

use super::PostgresServer;
use super::server::POSTGRES;

/// Says why a name cannot be that of a role or a database here. Such names need no quotes in SQL, in a shell or in a URL.
pub fn checked(name: &str) -> Result<(), &'static str> {
    let is_valid = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.len() <= 63;
    if !is_valid {
        return Err("use at most 63 lower-case letters, digits and underscores, and no digit first");
    }
    if name.starts_with("pg_") || matches!(name, "postgres" | "template0" | "template1") {
        return Err("it is one of PostgreSQL's own");
    }
    Ok(())
}

/// The script of the first start. The image has made the first database before it runs.
pub fn first_start(role: &str, databases: &[String]) -> String {
    let mut script = format!(
        "\
-- The postgres image runs this once, on an empty volume, as the superuser of POSTGRES_USER in the database
-- of POSTGRES_DB, both of which it has made before.

-- The password comes from the environment, so that it stands in no file, and no error writes it to the
-- server's log.
\\getenv password POSTGRES_PASSWORD
SET log_min_error_statement = panic;

-- The owner of a database may do everything in it. Since PostgreSQL 15 nobody else may create tables in its
-- schema \"public\".
CREATE ROLE \"{role}\" LOGIN PASSWORD :'password';
"
    );
    for (position, database) in databases.iter().enumerate() {
        script.push_str(&match position {
            0 => format!("ALTER DATABASE \"{database}\" OWNER TO \"{role}\";\n"),
            _ => format!("CREATE DATABASE \"{database}\" OWNER \"{role}\";\n"),
        });
    }
    script
}

/// A script of the first start, which takes the mark of `start.sh` away at its end. What is on the disk then must not say
/// otherwise after a power failure.
pub fn finished(file: &str, mut script: String) -> String {
    if !script.ends_with('\n') {
        script.push('\n');
    }
    let command = "rm \"${PGDATA%/*}/first-start-unfinished\" && sync";
    // A file of SQL is psql's, and any other a shell's.
    let (comment, escape) = if file.ends_with(".sql") { ("--", "\\! ") } else { ("#", "") };
    script.push_str(&format!(
        "\n{comment} Everything is there. This must stay the last line: it takes the mark of start.sh away, and what is\n\
         {comment} on the disk then must not say otherwise after a power failure.\n{escape}{command}\n"
    ));
    script
}

/// The script that makes what is missing and leaves the rest as it is, however often it runs.
fn make_missing(role: &str, databases: &[String]) -> String {
    let mut script = format!(
        "\
\\getenv password PGPASSWORD
SET log_min_error_statement = panic;
SELECT 'CREATE ROLE \"{role}\" LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
ALTER ROLE \"{role}\" LOGIN PASSWORD :'password';
"
    );
    for database in databases {
        script.push_str(&format!(
            "\
SELECT 'CREATE DATABASE \"{database}\"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec
ALTER DATABASE \"{database}\" OWNER TO \"{role}\";
"
        ));
    }
    script
}

/// The Job that makes what is missing. Its pods cannot change, so that another script replaces it.
pub fn ensure(name: &str, image: &Input, server: &PostgresServer) -> Job {
    let command = "psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --command=\"$SCRIPT\"";
    // psql takes commands that begin with a backslash from a file only.
    let command = command.replace("--command=\"$SCRIPT\"", "--file=/dev/stdin <<END\n$SCRIPT\nEND");
    let container = Container::new("ensure", image)
        .command(["sh", "-c", &command])
        .env("PGHOST", server.host())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", "postgres")
        .env("PGPASSWORD", server.password())
        .env("SCRIPT", make_missing(&server.role, &server.databases).replace('$', "$$"))
        .request(Cpu::millis(10), Memory::mebibytes(32))
        .limit(Cpu::millis(100), Memory::mebibytes(64))
        .security(SecurityContext::restricted().read_only_root_filesystem());
    Job::new(&format!("{name}-ensure"))
        .container(container)
        .security(PodSecurityContext::restricted().run_as(POSTGRES, POSTGRES))
        .automount_service_account_token(false)
        .active_deadline(Duration::from_mins(10))
        .depends_on(&server.workload, Strength::Ready)
        .depends_on(&server.service, Strength::Ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_no_quotes_anywhere() {
        for name in ["holm", "a", "_x", "backups_2"] {
            assert_eq!(checked(name), Ok(()), "{name}");
        }
        for name in ["", "Holm", "1a", "a-b", "a b", "a'b", "a\"b", "pg_x", "postgres", "template1", &"a".repeat(64)] {
            assert!(checked(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_last_line_of_a_first_start_takes_the_mark_away() {
        let remove = "rm \"${PGDATA%/*}/first-start-unfinished\" && sync";
        assert_eq!(finished("a.sql", "SELECT 1;".to_owned()).lines().last(), Some(format!("\\! {remove}").as_str()));
        assert_eq!(finished("a.sh", "true\n".to_owned()).lines().last(), Some(remove));
    }

    #[test]
    fn the_scripts_name_every_database_once() {
        let databases = ["holm".to_owned(), "backups".to_owned()];
        let first = first_start("holm", &databases);
        assert!(
            first.contains("ALTER DATABASE \"holm\"") && first.contains("CREATE DATABASE \"backups\" OWNER \"holm\"")
        );
        insta::assert_snapshot!(make_missing("holm", &databases), @r#"
        \getenv password PGPASSWORD
        SET log_min_error_statement = panic;
        SELECT 'CREATE ROLE "holm" LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'holm') \gexec
        ALTER ROLE "holm" LOGIN PASSWORD :'password';
        SELECT 'CREATE DATABASE "holm"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'holm') \gexec
        ALTER DATABASE "holm" OWNER TO "holm";
        SELECT 'CREATE DATABASE "backups"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'backups') \gexec
        ALTER DATABASE "backups" OWNER TO "holm";
        "#);
    }
}
