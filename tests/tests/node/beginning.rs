//! The first start, which makes the databases, and what breaks it off.

use std::time::{Duration, Instant};

use super::client::Client;
use super::database::Database;
use super::report;

const UNFINISHED: &str = "first-start-unfinished";

#[test]
fn a_first_start_gives_both_databases_to_the_url_of_the_secret() {
    let Some(database) = Database::absent_beside("first-start") else { return };
    // The first look at the program builds it.
    let apply = database.applying(&[]);
    let begun = Instant::now();
    database.run(&apply).expect_code(0);
    let took = begun.elapsed();
    let client = Client::start(&database);
    assert!(client.assert_kept() > 0);
    let owners = "SELECT datname || ' ' || pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate ORDER BY 1";
    let owned = database.sql(owners);
    assert_eq!(owned.stdout.lines().collect::<Vec<_>>(), ["backups holm", "holm holm", "postgres postgres"]);
    // The mark is gone, and what the file system has of its own is no harm.
    assert_eq!(database.volume(), ["lost+found", "pgdata"]);
    database.run(&database.program(&["plan", "--detailed-exitcode"])).expect_code(0);
    let status = database.status();
    status.expect_code(0).expect_line(&["Deployment/postgres", "Current"]);
    database.session.assert_never_shown(&database.secret("password"));
    report::row(
        "first start",
        "both databases and roles, login with `database-url`",
        None,
        &format!("ready {:.1} s after `apply`", took.as_secs_f64()),
    );
}

/// Breaks off the first start at ten moments, 0.3 s apart, and expects of the same apply, which still waits, that it succeeds.
fn broken_off(name: &str, step: &str, break_off: impl Fn(&Database, &str)) {
    let Some(database) = Database::absent_beside(name) else { return };
    let (mut slowest, mut moved) = (Duration::ZERO, 0);
    for moment in 0..10 {
        database.remove();
        let apply = database.applying(&[]).start();
        let container = database.running_container();
        std::thread::sleep(Duration::from_millis(100 + 300 * moment));
        let begun = Instant::now();
        break_off(&database, &container);
        database.session.keep(apply.wait()).expect_code(0);
        // Where the first start was over before, the apply may have been too.
        database.wait_until_ready();
        slowest = slowest.max(begun.elapsed());
        let volume = database.volume();
        assert!(!volume.iter().any(|name| name == UNFINISHED), "{moment}: the mark is left: {volume:?}");
        moved += volume.iter().filter(|name| name.starts_with("pgdata.unfinished-")).count();
        database.sql("SET ROLE holm").expect_code(0);
        let url = database.secret("database-url");
        let login = database.exec(&["psql", &url, "-X", "-q", "-A", "-t", "-c", "SELECT current_user"]);
        login.expect_code(0).expect_data("holm");
    }
    assert!(moved > 0, "no moment was in the first start");
    let figures = format!("{moved} of 10 moved aside; ready {:.1} s after it at most", slowest.as_secs_f64());
    report::row(step, "the apply that waits succeeds, and clients can log in", None, &figures);
}

#[test]
fn a_first_start_that_is_killed_is_made_again() {
    broken_off("killed", "SIGKILL at ten moments of the first start", |database, container| database.kill(container));
}

#[test]
fn a_first_start_whose_pod_is_deleted_is_made_again() {
    broken_off("deleted", "graceful delete at ten moments of the first start", |database, _| {
        let pod = database.delete_pod();
        let begun = Instant::now();
        database.until("the pod's end", || database.session.cluster.get("pod", "holm", &pod).is_none().then_some(()));
        assert!(begun.elapsed() < Duration::from_secs(60), "the stop was not heard, and the grace period ran out");
    });
}

#[test]
fn a_volume_that_ignores_fs_group_is_named_with_a_hint() {
    let Some(database) = Database::absent_beside("host-path") else { return };
    let values = [("storage-class", "host-path")];
    let applied = database.run(&database.applying(&values).args(["--timeout", "90s"]));
    applied.expect_code(1).expect("is not writable for the user 70").expect("hint: ").expect("fsGroup");
    report::row("a volume that ignores fsGroup", "`apply` fails with the cause and a hint", None, "-");
}
