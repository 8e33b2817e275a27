//! Two runs of one stack at the same time: at most one of them succeeds, and the next run leaves nothing behind.
//!
//! Random ones are played by `cargo run -p holm-e2e --bin races`.

use holm_e2e::{ControlPlane, Gate, Program, Session, eventually};

const LABEL: &str = "applyset.kubernetes.io/part-of";

fn begun(name: &str) -> Session {
    Session::new(ControlPlane::shared("two-runs"), name)
}

/// So many ConfigMaps.
fn many(session: &Session, arguments: &[&str], count: usize) -> Program {
    session.workspace("many", arguments).config("count", &count.to_string())
}

/// What the ConfigMaps are called.
fn settings(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("settings-{number:03}")).collect()
}

/// The ConfigMaps of the stack in its namespace, whether they carry its label or not.
fn there(session: &Session) -> Vec<String> {
    let found = session.cluster.list("configmap", &session.namespace, None);
    let names = found.iter().filter_map(|object| object["metadata"]["name"].as_str());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("settings-")).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// Applies so many, which must leave exactly these, all of them with the label.
fn settles(session: &Session, count: usize) {
    session.run(&many(session, &["apply", "--yes"], count)).expect_code(0);
    assert_eq!(there(session), settings(count), "something is left behind, or missing");
    let labelled = session.cluster.names_with_label("configmap", &session.namespace, LABEL);
    let expected: Vec<String> = settings(count).iter().map(|name| format!("configmap/{name}")).collect();
    assert_eq!(labelled, expected);
    session.run(&many(session, &["plan", "--detailed-exitcode"], count)).expect_code(0);
}

/// A gate at the first write of the ConfigMap with this number.
fn gate(session: &Session, verb: &'static str, number: usize) -> Gate {
    let name = format!("settings-{number:03}");
    Gate::before(session, "gate", move |request| request.verb == verb && request.name == name && request.is_mutating())
}

#[test]
fn a_plan_that_waited_at_its_prompt_is_not_carried_out_over_another_run() {
    let session = begun("waited");
    let gate = gate(&session, "patch", 6);
    let large = many(&session, &["apply", "--yes", "--parallel", "1"], 12).env("KUBECONFIG", &gate.kubeconfig);
    let large = large.start();
    gate.wait();
    // Six are there, and the inventory has the intent of twelve.
    let mut small = many(&session, &["apply"], 6).start_on_terminal();
    small.wait_for("[y/N]");
    gate.open();
    session.keep(large.wait()).expect_code(0);
    small.type_in("yes\n");
    session.keep(small.wait()).expect_code(1);
    assert_eq!(there(&session), settings(12), "the run that was refused changed something");
    settles(&session, 6);
}

#[test]
fn a_run_that_another_one_overtakes_does_not_succeed_too() {
    let session = begun("overtaken");
    let gate = gate(&session, "patch", 6);
    let slow = many(&session, &["apply", "--yes", "--parallel", "1"], 12).env("KUBECONFIG", &gate.kubeconfig);
    let slow = slow.start();
    gate.wait();
    let fast = session.run(&many(&session, &["apply", "--yes"], 6).config("value", "second"));
    gate.open();
    let slow = session.keep(slow.wait());
    assert!(fast.code != Some(0) || slow.code != Some(0), "both succeeded:\n{fast}\n{slow}");
    settles(&session, 3);
}

#[test]
fn a_run_that_deletes_while_another_one_declares_does_not_succeed_too() {
    let session = begun("deleting");
    session.run(&many(&session, &["apply", "--yes"], 12)).expect_code(0);
    let gate = gate(&session, "delete", 6);
    let small = many(&session, &["apply", "--yes", "--parallel", "1"], 6).env("KUBECONFIG", &gate.kubeconfig);
    let small = small.start();
    gate.wait();
    let large = session.run(&many(&session, &["apply", "--yes"], 12).config("value", "second"));
    gate.open();
    let small = session.keep(small.wait());
    assert!(small.code != Some(0) || large.code != Some(0), "both succeeded:\n{small}\n{large}");
    settles(&session, 8);
}

#[test]
fn a_run_that_is_killed_while_another_one_waits_leaves_nothing_behind() {
    let session = begun("killed-beside");
    let gate = gate(&session, "patch", 6);
    let large = many(&session, &["apply", "--yes", "--parallel", "1"], 12).env("KUBECONFIG", &gate.kubeconfig);
    let large = large.start();
    gate.wait();
    let mut small = many(&session, &["apply"], 6).start_on_terminal();
    small.wait_for("[y/N]");
    large.kill();
    assert_eq!(session.keep(large.wait()).code, None);
    // What was on its way when it was killed arrives all the same.
    gate.open();
    eventually("what was on its way", || (there(&session).len() >= 6).then_some(()));
    small.type_in("yes\n");
    session.keep(small.wait());
    settles(&session, 4);
}
