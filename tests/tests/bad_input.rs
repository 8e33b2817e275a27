//! Whatever is wrong (the cluster, the rights, the declaration, one object of many) is said, in words that help, with an
//! exit code of 1, and nothing is changed that should not be.

use holm_e2e::{ControlPlane, Session};
use serde_json::json;

fn begun(name: &str) -> Session {
    Session::new(ControlPlane::shared("bad-input"), name)
}

#[test]
fn without_a_kubeconfig_in_ci_it_says_where_it_looked() {
    let session = begun("no-kubeconfig");
    let plan = session.run(&session.offline("variant-pg", &["plan"]).env("CI", "true"));
    plan.expect_code(1).expect("no cluster is configured").expect("KUBECONFIG").expect(".kube/config").expect("hint:");
    assert_eq!(plan.stdout, "");
    let missing = session.run(&session.offline("variant-pg", &["plan", "--kubeconfig", "missing.yaml"]));
    missing.expect_code(1).expect("missing.yaml");
}

#[test]
fn a_kubeconfig_that_is_none_is_named_and_never_quoted() {
    let session = begun("bad-kubeconfig");
    let path = session.home().join("bad.yaml");
    std::fs::write(&path, "users: [{name: a, user: {token: hunter2-hunter2}}]\ncontexts: {")
        .expect("the home can be written to");
    let plan = session.run(&session.offline("variant-pg", &["plan"]).args(["--kubeconfig"]).args([&path]));
    plan.expect_code(1).expect("bad.yaml").expect_not("hunter2");
}

#[test]
fn a_credential_plugin_that_fails_says_why_and_none_of_its_secrets() {
    let session = begun("plugin");
    let plugin = session.home().join("sso-login");
    let script = "#!/bin/sh\necho \"$CLIENT_SECRET and $2 have expired\" >&2\necho 'run: aws sso login' >&2\necho token-on-stdout\nexit 3\n";
    std::fs::write(&plugin, script).expect("the home can be written to");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&plugin, mode).expect("the file is ours");
    for interactive in ["Never", "IfAvailable"] {
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": interactive,
            "args": ["--password", "ARGSECRET-123456"], "env": [{"name": "CLIENT_SECRET", "value": "ENV<SECRET>-987654"}],
        });
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"exec": exec}}],
        });
        let path = session.home().join("exec.kubeconfig");
        std::fs::write(&path, kubeconfig.to_string()).expect("the home can be written to");
        for output in ["text", "json"] {
            let plan =
                session.offline("variant-pg", &["plan", "--verbose", "--output", output]).env("KUBECONFIG", &path);
            let plan = session.run(&plan);
            plan.expect_code(1).expect("sso-login").expect("run: aws sso login").expect("exit status: 3");
            plan.expect_not("SECRET").expect_not("token-on-stdout");
        }
    }
}

#[test]
fn a_context_that_is_not_there_is_named_beside_those_that_are() {
    let session = begun("no-context");
    let plan = session.run(&session.workspace("variant-pg", &["plan", "--context", "production"]));
    plan.expect_code(1).expect("production").expect("it has: holm");
}

#[test]
fn a_dead_server_is_told_from_a_slow_one() {
    let session = begun("dead");
    // The port was free a moment ago, so nobody listens on it.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let path = session.home().join("dead.yaml");
    let kubeconfig = format!(
        "{{apiVersion: v1, kind: Config, current-context: dead, clusters: [{{name: dead, cluster: {{server: \
         'https://127.0.0.1:{port}'}}}}], contexts: [{{name: dead, context: {{cluster: dead, user: dead}}}}], users: \
         [{{name: dead, user: {{token: some-token-value}}}}]}}"
    );
    std::fs::write(&path, kubeconfig).expect("the home can be written to");
    let plan = session.run(&session.offline("variant-pg", &["plan"]).env("KUBECONFIG", &path));
    plan.expect_code(1).expect(&format!("https://127.0.0.1:{port}")).expect("refused").expect_not("some-token-value");
}

#[test]
fn an_expired_token_is_called_refused_credentials() {
    let session = begun("expired");
    let kubeconfig = session.cluster.stale();
    let plan = session.run(&session.offline("variant-pg", &["plan"]).env("KUBECONFIG", kubeconfig));
    plan.expect_code(1).expect("does not accept the credentials").expect("expired").expect("hint:");
}

#[test]
fn who_may_only_read_gets_a_plan_that_says_what_is_unchecked() {
    let session = begun("reader");
    session.run(&session.workspace("variant-pg", &["apply", "--yes"])).expect_code(0);
    session.cluster.create_if_absent(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "only-read"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
    }));
    let reader = session.cluster.user("only-reader", Some("only-read"));
    let audit = session.cluster.audit(&reader);
    let plan = session.workspace("variant-pg", &["plan"]).config("image", "postgres:15.4-alpine");
    let plan = session.run(&plan.env("KUBECONFIG", &reader.kubeconfig));
    plan.expect_code(0).expect("~ Deployment/postgres").expect("not checked by the server: forbidden");
    audit.assert_nothing_mutated();
    // What is in the cluster is read as it is, so that nothing changes where nothing was changed.
    let plan = session.workspace("variant-pg", &["plan", "--detailed-exitcode"]).env("KUBECONFIG", &reader.kubeconfig);
    session.run(&plan).expect_code(0).expect("No changes");
    let apply = session.workspace("variant-pg", &["apply", "--yes"]).config("image", "postgres:15.4-alpine");
    let apply = session.run(&apply.env("KUBECONFIG", &reader.kubeconfig));
    apply.expect_code(1).expect("forbidden");
    session.assert_never_shown(&session.secret("reader", "postgres-secret", "password"));
}

#[test]
fn who_may_not_read_secrets_gets_no_new_password() {
    let session = begun("no-secrets");
    session.run(&session.workspace("variant-pg", &["apply", "--yes"])).expect_code(0);
    let password = session.secret("no-secrets", "postgres-secret", "password");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "blind"},
        "rules": [
            {"apiGroups": [""], "verbs": ["*"],
             "resources": ["namespaces", "configmaps", "services", "persistentvolumeclaims", "pods", "events"]},
            {"apiGroups": ["apps"], "verbs": ["*"], "resources": ["*"]},
            {"apiGroups": [""], "verbs": ["patch", "create"], "resources": ["secrets"]},
        ],
    });
    session.cluster.create_if_absent(role);
    let blind = session.cluster.user("blind", Some("blind"));
    let apply = session.workspace("variant-pg", &["apply", "--yes"]).env("KUBECONFIG", &blind.kubeconfig);
    let apply = session.run(&apply);
    apply.expect_code(1).expect("cannot be read").expect("Secret/postgres-secret");
    // A plan that cannot be applied is an error, whichever exit code says what it found.
    for arguments in [&["plan"][..], &["plan", "--detailed-exitcode"]] {
        let plan = session.workspace("variant-pg", arguments).env("KUBECONFIG", &blind.kubeconfig);
        session.run(&plan).expect_code(1).expect("error:").expect("cannot be read");
    }
    assert_eq!(session.secret("no-secrets", "postgres-secret", "password"), password);
}

#[test]
fn a_cycle_is_shown_with_its_whole_path_without_a_cluster() {
    let session = begun("cycle");
    let plan = session.run(&session.offline("broken", &["graph"]).config("mistake", "cycle"));
    plan.expect_code(1).expect_line(&[
        "circle",
        "ConfigMap/cycle/first",
        "ConfigMap/cycle/second",
        "ConfigMap/cycle/third",
    ]);
}

#[test]
fn a_reference_to_nothing_is_named_with_its_line_and_what_was_meant() {
    let session = begun("dangling");
    let plan = session.run(&session.offline("broken", &["plan"]).config("mistake", "dangling"));
    plan.expect_code(1)
        .expect("Secret/dangling/credential")
        .expect("broken.rs:")
        .expect("did you mean")
        .expect("credentials");
}

#[test]
fn every_mistake_is_named_with_its_line_and_none_shows_a_secret() {
    let session = begun("several");
    let canary = "canary-of-the-broken-stack";
    let plan = session.offline("broken", &["plan"]).config("mistake", "error").env("HOLM_CONFIG_CANARY", canary);
    let plan = session.run(&plan.env("HOLM_CONFIG_REGION", "north"));
    plan.expect_code(1).expect("is not one of ours");
    for mistake in ["cycle", "dangling", "missing-key", "quantity", "no-such-port", "duplicate"] {
        let plan = session.offline("broken", &["plan", "--verbose"]).config("mistake", mistake);
        let plan = session.run(&plan.env("HOLM_CONFIG_CANARY", canary));
        plan.expect_code(1).expect("error:").expect("broken.rs:");
    }
    session.assert_never_shown(canary);
}

#[test]
fn all_problems_are_reported_at_once() {
    let session = begun("at-once");
    let plan = session.offline("broken", &["plan", "--output", "json"]).config("mistake", "all");
    let plan = session.run(&plan);
    plan.expect_code(1);
    let problems = plan.json()["problems"].clone();
    assert!(problems.as_array().is_some_and(|problems| problems.len() >= 6), "{problems:#}");
}

#[test]
fn a_program_that_panics_ends_with_a_report_and_not_with_a_secret() {
    let session = begun("panic");
    let canary = "canary-of-the-panicking-stack";
    let plan = session.offline("broken", &["plan"]).config("mistake", "panic").env("HOLM_CONFIG_CANARY", canary);
    let plan = session.run(&plan);
    assert_ne!(plan.code, Some(0), "{plan}");
    plan.expect("broken.rs:");
    session.assert_never_shown(canary);
}

#[test]
fn a_config_map_of_2_mib_is_refused_before_anything_is_sent() {
    let session = begun("big");
    let audit = session.audit();
    let plan = session.workspace("many", &["apply", "--yes"]).config("count", "1").config("size", "2097152");
    session.run(&plan).expect_code(1).expect("ConfigMap/big/settings-000").expect("bytes").expect("many.rs:");
    audit.assert_nothing_mutated();
    assert_eq!(session.cluster.get("namespace", "", "big"), None);
}

#[test]
fn a_definition_and_its_resource_come_in_one_apply() {
    let session = begun("definition");
    let file = session.home().join("definition.yaml");
    let text = "
apiVersion: backups.example.org/v1
kind: Backup
metadata: {name: nightly}
spec: {schedule: '0 3 * * *'}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.backups.example.org}
spec:
  group: backups.example.org
  scope: Namespaced
  names: {plural: backups, singular: backup, kind: Backup, listKind: BackupList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: {schedule: {type: string}, keep: {type: integer, default: 7}}
";
    std::fs::write(&file, text).expect("the home can be written to");
    let file = file.display().to_string();
    let workspace = |arguments: &[&str]| session.run(&session.workspace("manifests", arguments).config("file", &file));
    let plan = workspace(&["plan"]);
    plan.expect_code(0).expect("+ Backup/nightly").expect("its kind is defined in this plan");
    workspace(&["apply", "--yes", "--timeout", "60s"]).expect_code(0);
    let backup = session.cluster.must_get("backups.backups.example.org", "definition", "nightly");
    assert_eq!(backup["spec"]["keep"], 7);
    workspace(&["plan", "--detailed-exitcode"]).expect_code(0).expect("No changes");
    let consent = "CustomResourceDefinition/backups.backups.example.org,Namespace/definition";
    let destroyed = workspace(&["destroy", "--yes", "--allow-delete", consent]);
    destroyed.expect_code(0);
    assert_eq!(session.cluster.get("crd", "", "backups.backups.example.org"), None);
}

#[test]
fn of_two_hundred_resources_one_that_the_server_refuses_stops_only_what_needs_it() {
    let session = begun("refused");
    let workspace = |arguments: &[&str], refused: &str| {
        session.run(&session.workspace("many", arguments).config("count", "198").config("refused", refused))
    };
    // The namespace is new, so only the apply itself can find out.
    let applied = workspace(&["apply", "--yes", "--timeout", "60s"], "yes");
    applied
        .expect_code(1)
        .expect("Service/refused")
        .expect("failed to allocate IP 192.0.2.1")
        .expect_line(&["dependent", "Service/refused"]);
    let made = session.cluster.versions("configmap", "refused");
    assert_eq!(made.keys().filter(|name| name.starts_with("ConfigMap/settings-")).count(), 198);
    assert!(!made.contains_key("ConfigMap/dependent"), "{made:?}");
    // With the namespace there, the plan itself finds out, and nothing is applied.
    let audit = session.audit();
    let plan = workspace(&["plan", "--output", "json"], "yes");
    plan.expect_code(1);
    assert_eq!(plan.plan().blockers(), ["Service/refused refused"]);
    audit.assert_nothing_mutated();
    // Once it is gone from the program, the rest is as it should be.
    workspace(&["apply", "--yes"], "no").expect_code(0);
    workspace(&["plan", "--detailed-exitcode"], "no").expect_code(0);
}

#[test]
fn nothing_is_pruned_after_a_failed_write() {
    let session = begun("unpruned");
    let workspace = |arguments: &[&str], count: &str, refused: &str| {
        let program = session.workspace("many", arguments).config("count", count).config("refused", refused);
        session.run(&program)
    };
    workspace(&["apply", "--yes"], "3", "no").expect_code(0);
    // A policy of the server that answers a dry-run otherwise than the write itself: only the write is refused.
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-services", "namespace": "unpruned"},
        "spec": {"hard": {"secrets": "0"}},
    });
    session.cluster.create(&quota);
    holm_e2e::eventually("the quota is counted", || {
        let quota = session.cluster.must_get("resourcequota", "unpruned", "no-services");
        quota["status"]["hard"]["secrets"].as_str().map(|_| ())
    });
    let program = session.workspace("many", &["apply", "--yes"]).config("count", "2").config("secrets", "1");
    let applied = session.run(&program);
    applied.expect_code(1).expect("quota");
    session.cluster.must_get("configmap", "unpruned", "settings-002");
}

#[test]
fn the_command_line_is_explained_and_its_mistakes_are_named() {
    let session = begun("usage");
    session
        .run(&session.offline("variant-pg", &["--help"]))
        .expect_code(0)
        .expect_data("plan")
        .expect_data("Exit codes");
    session.run(&session.offline("variant-pg", &["paln"])).expect_code(1).expect("plan");
    session.run(&session.offline("variant-pg", &["plan", "--paralel", "3"])).expect_code(1);
    let target = session.workspace("variant-pg", &["plan", "--target", "Deployment/postgress"]);
    session.run(&target).expect_code(1).expect("Deployment/postgress").expect("Deployment/postgres");
}
