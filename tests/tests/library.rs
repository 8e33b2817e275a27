//! What the library of builders and components declares is what an API server takes and keeps.

use holm_e2e::{ControlPlane, Session};

fn session(name: &str) -> Session {
    Session::new(ControlPlane::shared("library"), name)
}

#[test]
fn every_builder_and_component_is_applied_as_it_is_and_then_nothing_is_left_to_do() {
    let session = session("library-all");
    let workspace = |arguments: &[&str]| session.workspace("library", arguments);
    let run = |arguments: &[&str]| session.run(&workspace(arguments));
    run(&["apply", "--yes", "--timeout", "120s"]).expect_code(0);
    run(&["plan", "--detailed-exitcode"]).expect_code(0).expect("No changes");
    run(&["plan", "--detailed-exitcode", "--thorough"]).expect_code(0).expect("No changes");
    let policy = session.cluster.must_get("networkpolicy", "library-all", "web");
    assert_eq!(policy["metadata"]["labels"]["team"], "shop");

    let planned = session.run(&workspace(&["plan"]).config("level", "debug"));
    planned.expect_code(0).expect("component web").expect("what they read changed: ConfigMap/settings");
}

#[test]
fn mandatory_policies_alone_exit_with_a_code_of_their_own() {
    let session = session("library-strict");
    let workspace = |arguments: &[&str]| session.workspace("library", arguments);
    let run = |arguments: &[&str]| session.run(&workspace(arguments).config("strict", "yes"));
    let planned = run(&["plan"]);
    planned.expect_code(3).expect("violates the policy restricted-pods");
    run(&["apply", "--yes"]).expect_code(3).expect("nothing was changed");
    let document = run(&["plan", "--output", "json"]);
    let blockers = document.plan().value["blockers"].clone();
    assert_eq!(blockers[0]["code"], "policy_violated");
}
