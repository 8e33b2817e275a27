//! What a person does to a database.

use serde_json::json;

use super::client::Client;
use super::database::{Database, NAMESPACE};
use super::report;

#[test]
fn another_image_is_rolled_out_with_the_same_data() {
    let Some(database) = Database::applied("rollout") else { return };
    let client = Client::start(&database);
    let (_, seen) =
        client.during(|| database.apply(&[("image", "registry.test/postgres:15.99")]).expect_code(0).clone());
    let rows = client.assert_kept();
    report::row(
        "rollout of another image",
        "the old server stops, then the new one starts",
        Some(&seen),
        &format!("{rows} rows kept"),
    );
}

#[test]
fn an_image_that_does_not_exist_is_named_and_taken_back() {
    let Some(database) = Database::applied("no-image") else { return };
    let client = Client::start(&database);
    let ((), seen) = client.during(|| {
        let image = [("image", "registry.test/postgres:does-not-exist")];
        let applied = database.apply(&image);
        applied.expect_code(1).expect("registry.test/postgres:does-not-exist").expect("not found");
        database.apply(&[]).expect_code(0);
    });
    let rows = client.assert_kept();
    let happened = "`apply` fails with the cause; the declaration before it brings the server back";
    report::row(
        "rollout of an image that does not exist, and back",
        happened,
        Some(&seen),
        &format!("{rows} rows kept"),
    );
}

#[test]
fn a_lost_secret_is_a_mismatch_that_status_names() {
    let Some(database) = Database::applied("secret") else { return };
    let client = Client::start(&database);
    let password = database.secret("password");
    database.session.cluster.delete("secret", NAMESPACE, "postgres-secret");
    // A new password is not the database's, so it is made with consent only.
    database.apply(&[]).expect_code(1).expect("--regenerate");
    database.run(&database.applying(&[]).args(["--regenerate", "postgres-password"])).expect_code(0);
    assert_ne!(database.secret("password"), password);
    // Clients that have the old password are served as long as the server runs; a new server does not start with a green light.
    let (_, seen) = client.during(|| ());
    assert_eq!(seen.errors, Vec::<String>::new());
    database.delete_pod();
    let status = database.until("a status that names it", || {
        let status = database.status();
        status.says("password authentication failed").then_some(status)
    });
    assert!(!database.is_ready(), "a server that no client can use is ready");
    status.expect_line(&["Deployment/postgres", "InProgress"]);
    // The superuser needs no password in the pod, so a person can mend it, with the Secret's new one.
    let password = database.secret("password");
    let mended = database.exec(&["sh", "-c", "psql -X -q -U postgres -d holm -v password=\"$POSTGRES_PASSWORD\" -f - <<'E'\nALTER ROLE holm PASSWORD :'password';\nE"]);
    mended.expect_code(0);
    database.wait_until_ready();
    let after = Client::named(&database, "second");
    let rows = after.assert_kept();
    database.session.assert_never_shown(&password);
    let happened = "`status`: password authentication failed; `ALTER ROLE` mends it without a restart";
    report::row("Secret deleted", happened, None, &format!("{rows} rows kept"));
}

#[test]
fn a_rotated_password_takes_no_server_away() {
    let Some(database) = Database::applied("rotation") else { return };
    let client = Client::start(&database);
    // In the database first; the container still has the old one in its environment.
    database.sql("ALTER ROLE holm PASSWORD 'rotated'").expect_code(0);
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_secs(35) {
        assert!(database.is_ready(), "the Service lost its only endpoint");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let old = client.beats().pop().expect("the client tries all the time");
    assert!(old.outcome.is_err_and(|error| error.contains("password authentication failed")));
    let login = database.exec(&["bash", "-c", "psql \"postgres://holm:rotated@$HOSTNAME:5432/holm\" -X -c 'SELECT 1'"]);
    login.expect_code(0);
    report::row(
        "password rotated",
        "the new one works at once, the old one does not; the Service stays",
        None,
        "ready for all of 35 s",
    );
}

#[test]
fn a_claim_grows_and_the_server_sees_it() {
    let Some(database) = Database::applied("growth") else { return };
    let client = Client::start(&database);
    let size = || {
        let free = database.exec(&["df", "-k", "/var/lib/postgresql/data"]);
        let line = free.expect_code(0).stdout.lines().nth(1).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).and_then(|size| size.parse::<u64>().ok()).unwrap_or_default()
    };
    let before = size();
    let has_grown = || {
        let claim = database.session.cluster.must_get("pvc", NAMESPACE, "postgres-pvc");
        claim["status"]["capacity"]["storage"] == json!("6Gi")
    };
    let (in_use, seen) = client.during(|| {
        database.apply(&[("storage", "6Gi")]).expect_code(0);
        // A file system in use that cannot grow waits for the pod's end, and the claim says so.
        let in_use = has_grown();
        if !in_use {
            database.status().expect_line(&["PersistentVolumeClaim/postgres-pvc", "grows once a pod mounts it"]);
            database.session.cluster.scale("deployment", NAMESPACE, "postgres", 0);
            database.until("a grown claim", || has_grown().then_some(()));
            database.apply(&[("storage", "6Gi")]).expect_code(0);
        }
        in_use
    });
    assert!(size() > before + 900_000, "{} KiB became {} KiB", before, size());
    let rows = client.assert_kept();
    let happened = match in_use {
        true => "grown in use",
        false => "`status` says that it grows once a pod mounts it; grown while scaled to 0",
    };
    report::row("claim grown", happened, Some(&seen), &format!("{before} KiB became {} KiB; {rows} rows kept", size()));
}

#[test]
fn a_destroy_without_consent_keeps_the_data() {
    let Some(database) = Database::applied("destroy") else { return };
    let client = Client::start(&database);
    let password = database.secret("password");
    let ((), seen) = client.during(|| {
        database.run(&database.program(&["destroy", "--yes"])).expect_code(0);
        assert!(database.session.cluster.get("deployment", NAMESPACE, "postgres").is_none());
        database.apply(&[]).expect_code(0);
    });
    assert_eq!(database.secret("password"), password);
    let rows = client.assert_kept();
    let happened = "claim, Secret and namespace stay";
    report::row("destroy without consent, and apply again", happened, Some(&seen), &format!("{rows} rows kept"));
}

#[test]
fn two_applies_at_once_make_one_database() {
    let Some(database) = Database::absent("two-applies") else { return };
    let (first, second) = (database.applying(&[]).start(), database.applying(&[]).start());
    let ended = [database.session.keep(first.wait()), database.session.keep(second.wait())];
    assert!(ended.iter().any(|run| run.code == Some(0)), "neither succeeded\n{}\n{}", ended[0], ended[1]);
    database.apply(&[]).expect_code(0);
    let client = Client::start(&database);
    let rows = client.assert_kept();
    assert_eq!(database.restarts(), 0);
    let codes =
        format!("exit codes {} and {}; {rows} rows kept", ended[0].code.unwrap_or(-1), ended[1].code.unwrap_or(-1));
    report::row("two applies at once", "one database, whose password is the Secret's", None, &codes);
}
