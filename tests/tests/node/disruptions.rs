//! What happens to a database that runs.

use std::time::{Duration, Instant};

use super::client::Client;
use super::database::Database;
use super::report;

#[test]
fn a_restart_is_over_in_seconds_and_keeps_every_row() {
    let Some(database) = Database::applied("restart") else { return };
    let client = Client::start(&database);
    let (stopped, seen) = client.during(|| {
        let begun = Instant::now();
        let pod = database.delete_pod();
        database.until("the pod's end", || database.session.cluster.get("pod", "holm", &pod).is_none().then_some(()));
        let stopped = begun.elapsed();
        database.wait_until_ready();
        stopped
    });
    assert_eq!(database.restarts(), 0, "it is another pod");
    let log = database.kubectl().run(&["--namespace", "holm", "logs", "deployment/postgres"]);
    log.expect("database system is ready").expect_not("not properly shut down");
    let rows = client.assert_kept();
    let log = database.exec(&["sh", "-c", "cat /proc/1/comm"]);
    assert_eq!(log.stdout.trim(), "postgres", "after the first start the server is the first process");
    let figures = format!("stopped in {:.1} s; {rows} rows kept", stopped.as_secs_f64());
    report::row("restart", "clean stop, the same volume", Some(&seen), &figures);
}

#[test]
fn a_sigkill_under_load_loses_no_confirmed_row() {
    let Some(database) = Database::applied("sigkill") else { return };
    let client = Client::start(&database);
    database.exec(&["pgbench", "-U", "postgres", "-i", "-q", "-s", "3", "holm"]).expect_code(0);
    let (_, seen) = client.during(|| {
        let kubectl = database.kubectl();
        let load =
            std::thread::spawn(move || kubectl.exec(&["pgbench", "-U", "postgres", "-c", "4", "-T", "20", "holm"]));
        std::thread::sleep(Duration::from_secs(4));
        database.kill(&database.running_container());
        database.until("the restart", || (database.restarts() == 1).then_some(()));
        database.wait_until_ready();
        let load = load.join().expect("kubectl ran");
        assert_ne!(load.code, Some(0), "there was no load when it was killed\n{load}");
    });
    let rows = client.assert_kept();
    database.sql("SELECT count(*) FROM pgbench_accounts").expect_code(0).expect_data("300000");
    report::row(
        "SIGKILL under load",
        "crash recovery, the same pod",
        Some(&seen),
        &format!("{rows} rows kept; {}", report::errors(&seen)),
    );
}

#[test]
fn a_query_that_wants_too_much_memory_ends_and_the_server_recovers() {
    let Some(database) = Database::applied("memory") else { return };
    let client = Client::start(&database);
    let hungry = "SELECT length(string_agg(repeat(g::text, 100), '')) FROM generate_series(1, 1200000) g";
    let (answer, seen) = client.during(|| {
        let answer = database.sql(hungry);
        database.wait_until_ready();
        answer
    });
    assert_ne!(answer.code, Some(0), "there was enough memory\n{answer}");
    let rows = client.assert_kept();
    let figures = format!("{} container restarts; {rows} rows kept; {}", database.restarts(), report::errors(&seen));
    report::row(
        "query out of memory at the limit",
        "the kernel kills the query, the server recovers",
        Some(&seen),
        &figures,
    );
    database.run(&database.program(&["status", "--detailed-exitcode"])).expect_code(0);
}

#[test]
fn a_full_disk_is_over_when_there_is_room_again() {
    let Some(database) = Database::applied("disk-full") else { return };
    let client = Client::start(&database);
    let (status, seen) = client.during(|| {
        // All that is left, without writing it.
        let fill = "cd /var/lib/postgresql/data; fallocate -l $(($(df -k . | awk 'NR == 2 { print $4 }') * 1024 - 65536)) fill";
        database.exec(&["sh", "-c", fill]).expect_code(0);
        let large = "CREATE TABLE large AS SELECT repeat('x', 1000) FROM generate_series(1, 200000)";
        let answer = database.sql(large);
        assert_ne!(answer.code, Some(0), "the disk is not full\n{answer}");
        // Small rows fit into the log that is there; the next segment of it does not, and the server gives up.
        for _ in 0..2 {
            database.sql("SELECT pg_switch_wal()");
            std::thread::sleep(Duration::from_secs(4));
        }
        let status = database.status();
        // The container may be in its back-off: the volume is to be reached from the node in any case.
        database.session.cluster.on_node(&["sh", "-c", "rm /run/node/volumes/pvc-*/fill"]).expect_code(0);
        database.wait_until_ready();
        status
    });
    status.expect_code(0);
    let rows = client.assert_kept();
    let figures = format!("{} container restarts; {rows} rows kept; {}", database.restarts(), report::errors(&seen));
    report::row(
        "disk full on the volume",
        "refuses what does not fit, stops when its log does not; recovers when there is room",
        Some(&seen),
        &figures,
    );
}

#[test]
fn clients_that_use_all_connections_do_not_take_the_service_away() {
    let Some(database) = Database::applied("connections") else { return };
    let url = database.secret("database-url");
    // As many as a client may have, held until they are ended.
    let hold = "echo 'SELECT pg_sleep(300);' >/tmp/hold.sql; PGPASSWORD=$POSTGRES_PASSWORD pgbench --no-vacuum \
        --host=$HOSTNAME --username=holm --client=97 --transactions=1 --file=/tmp/hold.sql holm";
    let kubectl = database.kubectl();
    let holding = std::thread::spawn(move || kubectl.exec(&["sh", "-c", hold]));
    let used = "SELECT count(*) >= 97 FROM pg_stat_activity WHERE usename = 'holm'";
    database.until("used connections", || (database.sql(used).stdout.trim() == "t").then_some(()));
    let login = database.exec(&["psql", &url, "-X", "-c", "SELECT 1"]);
    login.expect_code(2).expect("remaining connection slots are reserved");
    // Longer than three probes.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(33) {
        assert!(database.is_ready(), "the Service lost its only endpoint");
        std::thread::sleep(Duration::from_millis(500));
    }
    database.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'holm'").expect_code(0);
    holding.join().expect("kubectl ran");
    report::row(
        "all connections used by clients",
        "new clients are refused, the others stay",
        None,
        "ready for all of 33 s",
    );
}
