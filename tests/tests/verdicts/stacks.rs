//! Which stacks there are, and what needs no valid declaration.

use super::{Case, config_map};

#[test]
fn a_stack_that_was_never_applied_is_called_that_with_the_stacks_that_exist() {
    let case = Case::begun("never-applied");
    let text = config_map("a", "1");
    for verb in [vec!["status"], vec!["destroy", "--yes"]] {
        case.run(&verb, &text).expect_code(0).expect("the stack default was never applied in namespace never-applied");
    }
    case.apply(&text).expect_code(0);
    case.run(&["status"], &text).expect_code(0).expect_not("never applied");
    let mistyped = case.run(&["destroy", "--yes", "--stack", "defualt"], &text);
    mistyped.expect_code(0).expect("the stack defualt was never applied").expect("default (namespace never-applied)");
    case.session.cluster.must_get("configmap", "never-applied", "a");
    case.run(&["status", "--stack", "defualt"], &text).expect_code(1).expect("default (namespace never-applied)");
    case.run(&["destroy", "--yes", "--allow-delete", "Namespace/never-applied"], &text)
        .expect_code(0)
        .expect_not("was never applied");
}

#[test]
fn stacks_are_listed_with_what_they_manage() {
    let case = Case::begun("listed");
    case.apply(&config_map("a", "1")).expect_code(0);
    // No declaration is needed, not even a valid one.
    let list = case.session.run(&case.session.workspace("manifests", &["stack", "list"]));
    list.expect_code(0).expect_line(&["STACK", "NAMESPACE", "RESOURCES"]).expect_line(&["default", "listed", "2"]);
    let json = case.session.run(&case.session.workspace("manifests", &["stack", "list", "-o", "json"]));
    let document: serde_json::Value = serde_json::from_str(&json.expect_code(0).stdout).expect("it is one document");
    assert_eq!(document["schema"], "holm.stacks/v1");
    let stacks = document["stacks"].as_array().expect("a list");
    assert!(stacks.iter().any(|stack| stack["namespace"] == "listed" && stack["objects"] == 2), "{document}");
    // Another program has others.
    let others = case.session.run(&case.session.workspace("variant-pg", &["stack", "list"]));
    others.expect_code(0).expect_not("listed");
}

#[test]
fn who_may_not_list_everywhere_sees_the_stacks_of_the_namespace() {
    let case = Case::begun("listed-here");
    case.apply(&config_map("a", "1")).expect_code(0);
    let here = case.session.cluster.user("listed-here-only", None);
    case.session.cluster.create(&serde_json::json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "looks", "namespace": "listed-here"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}],
    }));
    case.session.cluster.create(&serde_json::json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "looks", "namespace": "listed-here"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "looks"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "holm-e2e", "name": "listed-here-only"}],
    }));
    let list = |namespace: &str| {
        let program = case.session.workspace("manifests", &["stack", "list", "--namespace", namespace]);
        case.session.run(&program.env("KUBECONFIG", &here.kubeconfig))
    };
    let found = list("listed-here");
    found
        .expect_code(0)
        .expect_line(&["default", "listed-here", "2"])
        .expect("only namespace listed-here was searched");
    list("default").expect_code(1).expect("forbidden");
}

#[test]
fn a_new_namespace_for_a_stack_is_warned_of() {
    let case = Case::begun("moves");
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
    let file = case.session.home().join("moved.yaml");
    std::fs::write(&file, text).expect("the home can be written to");
    let run = |arguments: &[&str], namespace: &str| {
        let program = case.session.workspace("manifests", arguments).args(["--stack", "moves"]);
        case.session.run(&program.config("file", &file.display().to_string()).config("namespace", namespace))
    };
    run(&["apply", "--yes"], "moves").expect_code(0);
    let warning = "another stack in namespace moves-away and leaves what was applied before: moves (namespace moves)";
    run(&["plan"], "moves-away").expect_code(0).expect(warning);
    run(&["apply", "--yes"], "moves-away").expect_code(0).expect(warning);
    run(&["plan"], "moves").expect_code(0).expect_not("leaves what was applied before");
    // Who has it in several namespaces means to.
    run(&["plan"], "moves-again").expect_code(0).expect_not("leaves what was applied before");
}

#[test]
fn status_and_destroy_need_no_valid_declaration() {
    let case = Case::begun("invalid");
    let valid = config_map("a", "1") + &config_map("b", "1");
    case.apply(&valid).expect_code(0);
    let dangling = "{apiVersion: v1, kind: Nonsense, metadata: {name: n}}\n---\n";
    let invalid = config_map("a", "1") + dangling + &config_map("a", "2");
    case.plan(&invalid).expect_code(1);
    let status = case.run(&["status"], &invalid);
    status.expect_code(0).expect("warning: the declaration is not valid").expect_line(&["ConfigMap/a", "Current"]);
    // What cannot be read of the declaration may well declare it.
    status.expect_line(&["ConfigMap/b", "Current"]).expect_not("no longer declared");
    // A value that only the declaration needs.
    let missing = case.program(&["status"], &valid).config("file", "/nonexistent/stack.yaml");
    case.session
        .run(&missing)
        .expect_code(0)
        .expect("the declaration is not valid: (sensitive) cannot be read")
        .expect("ConfigMap/b");
    // Where the stack lives is not known, and nothing is deleted on a guess.
    let kubeconfig = &case.session.user.kubeconfig;
    let blind = |arguments: &[&str]| {
        let program = holm_e2e::Program::workspace("manifests", case.session.home()).args(arguments);
        case.session.run(&program.env("KUBECONFIG", kubeconfig))
    };
    let refused = blind(&["destroy", "--yes"]);
    refused.expect_code(1).expect("\"namespace\" is not set").expect("--namespace NAME");
    case.session.cluster.must_get("configmap", "invalid", "a");
    let destroyed = blind(&["destroy", "--yes", "--namespace", "invalid", "--allow-delete", "Namespace/invalid"]);
    destroyed.expect_code(0).expect("destroy needs only what was applied").expect("3 deleted");
    assert_eq!(case.session.cluster.get("configmap", "invalid", "a"), None);
}
