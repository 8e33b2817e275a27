//! A run may end at any moment; the next one converges.

use std::time::Duration;

use holm_e2e::{ControlPlane, Program, Session};

fn begun(name: &str) -> Session {
    Session::new(ControlPlane::shared("interruption"), name)
}

/// PostgreSQL beside generated values, with a server that takes three seconds to start.
fn variant(session: &Session, arguments: &[&str]) -> Program {
    session.workspace("variant-pg", arguments).config("image", "registry.test/postgres:slow")
}

/// What belongs to the stack in its namespace, by its label.
fn owned(session: &Session) -> Vec<String> {
    let kinds = "secret,configmap,persistentvolumeclaim,deployment,service";
    session.cluster.names_with_label(kinds, &session.namespace, "applyset.kubernetes.io/part-of")
}

const EVERYTHING: [&str; 5] = [
    "configmap/postgres-init",
    "deployment.apps/postgres",
    "persistentvolumeclaim/postgres-pvc",
    "secret/postgres-secret",
    "service/postgres",
];

#[test]
fn ctrl_c_once_finishes_and_records_what_is_in_flight() {
    let session = begun("once");
    let mut running = variant(&session, &["apply", "--yes"]).start();
    running.wait_for("Deployment/postgres");
    running.interrupt();
    let stopped = session.keep(running.wait());
    stopped.expect_code(1).expect("Stopped");
    // What was made is recorded, so nothing is adopted or made twice by the next run.
    let plan = session.run(&variant(&session, &["plan", "--output", "json"]));
    let document = plan.plan();
    assert!(document.actions().iter().all(|action| !action.starts_with("adopt")), "{plan}");
    session.run(&variant(&session, &["apply", "--yes"])).expect_code(0);
    assert_eq!(owned(&session), EVERYTHING);
    session.run(&variant(&session, &["plan", "--detailed-exitcode"])).expect_code(0);
}

#[test]
fn ctrl_c_twice_stops_now_and_the_next_run_converges() {
    let session = begun("twice");
    let mut running = variant(&session, &["apply", "--yes"]).start();
    running.wait_for("Deployment/postgres");
    running.interrupt();
    std::thread::sleep(Duration::from_millis(50));
    running.interrupt();
    let stopped = session.keep(running.wait());
    assert_ne!(stopped.code, Some(0), "{stopped}");
    session.run(&variant(&session, &["apply", "--yes"])).expect_code(0);
    assert_eq!(owned(&session), EVERYTHING);
    session.run(&variant(&session, &["plan", "--detailed-exitcode"])).expect_code(0);
}

#[test]
fn killed_at_ten_moments_of_an_apply_the_next_one_converges() {
    let session = begun("killed");
    let cluster = &session.cluster;
    let workspace = |arguments: &[&str]| {
        let program = session.workspace("many", arguments).config("count", "20").config("secrets", "5");
        program.config("value", "settled")
    };
    let destroy = ["destroy", "--yes", "--allow-delete", "Namespace/killed"];
    let secrets: Vec<String> = (0..5).map(|number| format!("Secret/secret-{number:03}")).collect();
    let consent = secrets.join(",");

    let mut killed = 0;
    for moment in 1..=10 {
        let audit = session.audit();
        let mut running = workspace(&["apply", "--yes", "--parallel", "2"]).start();
        // Two objects are under way at a time; the namespace, the intent and 25 objects are written.
        let is_time = || audit.mutating().is_none_or(|written| written.len() >= 3 * moment - 2);
        while running.is_running() && !is_time() {
            std::thread::sleep(Duration::from_millis(1));
        }
        running.kill();
        killed += usize::from(session.keep(running.wait()).code.is_none());
        let before = (0..5).map(|number| cluster.get("secret", "killed", &format!("secret-{number:03}")));
        let before: Vec<_> = before.collect();
        session.run(&workspace(&["apply", "--yes"])).expect_code(0);
        for (number, before) in before.into_iter().enumerate() {
            let after = cluster.must_get("secret", "killed", &format!("secret-{number:03}"));
            if let Some(before) = before {
                assert_eq!(before["data"], after["data"], "a password changed after a kill at moment {moment}");
                assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
            }
        }
        session.run(&workspace(&["plan", "--detailed-exitcode"])).expect_code(0).expect("No changes");
        // Every object that carries the label is in the inventory: destroying leaves none.
        let destroyed = session.run(&workspace(&destroy).args(["--allow-delete", &consent]));
        destroyed.expect_code(0);
        assert_eq!(cluster.get("namespace", "", "killed"), None, "something was left after a kill at moment {moment}");
    }
    assert!(killed >= 8, "only {killed} of 10 runs were killed before they ended");
}

#[test]
fn killed_while_it_waits_the_password_stays() {
    let session = begun("waiting");
    let mut running = variant(&session, &["apply", "--yes"]).start();
    running.wait_for("Deployment/postgres");
    running.kill();
    session.keep(running.wait());
    let password = session.secret("waiting", "postgres-secret", "password");
    session.run(&variant(&session, &["apply", "--yes"])).expect_code(0);
    assert_eq!(session.secret("waiting", "postgres-secret", "password"), password);
    assert_eq!(owned(&session), EVERYTHING);
    session.assert_never_shown(&password);
}
