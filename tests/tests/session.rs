//! The main job, as a person sees it: holm-pg on a cluster, from the first plan to the last object.

use holm_e2e::{ControlPlane, Finished, Session, filters};

const EVERYTHING: &str = "secret,configmap,persistentvolumeclaim,deployment,service";

/// Compares what a program wrote with the reviewed transcript.
macro_rules! transcript {
    ($name:literal, $finished:expr) => {
        insta::with_settings!({filters => filters(), omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!($name, $finished.transcript());
        })
    };
}

/// The story is one test, because each step needs those before it; holm-pg always lives in the namespace `holm`.
#[test]
fn holm_pg_plans_applies_settles_mends_and_goes() {
    let session = Session::new(ControlPlane::shared("session"), "main-session");
    let cluster = &session.cluster;
    let holm = |arguments: &[&str]| session.run(&session.example("holm-pg", arguments));
    let mut audit = session.audit();

    // On an empty cluster a plan shows every object as a create, dependencies first, and changes nothing.
    let plan = holm(&["plan"]);
    plan.expect_code(0);
    transcript!("1-first-plan", plan);
    let plan = holm(&["plan", "--output", "json", "--detailed-exitcode"]);
    plan.expect_code(2);
    let actions = plan.plan().actions();
    assert!(actions.iter().all(|action| action.starts_with("create ")), "{actions:?}");
    assert_eq!(actions.first().map(String::as_str), Some("create Namespace/holm"));
    assert_comes_before(&actions, "Secret/postgres-secret", "Deployment/postgres");
    assert_comes_before(&actions, "PersistentVolumeClaim/postgres-pvc", "Deployment/postgres");
    audit.assert_nothing_mutated();
    assert_eq!(cluster.get("namespace", "", "holm"), None);

    // Without a terminal and without --yes nothing is done.
    let refused = holm(&["apply"]);
    refused.expect_code(1).expect("--yes");
    audit.assert_nothing_mutated();

    // The namespace is new, the claim waits for its first consumer, and nothing deadlocks.
    let applied = holm(&["apply", "--yes"]);
    applied.expect_code(0);
    transcript!("2-first-apply", sorted(&applied));
    let claim = cluster.must_get("persistentvolumeclaim", "holm", "postgres-pvc");
    assert_eq!(claim["status"]["phase"], "Bound");
    let deployment = cluster.must_get("deployment", "holm", "postgres");
    assert_eq!(deployment["status"]["availableReplicas"], 1);

    // Then there is nothing to do, and doing it moves nothing.
    let versions = cluster.versions(EVERYTHING, "holm");
    let plan = holm(&["plan", "--detailed-exitcode"]);
    plan.expect_code(0);
    transcript!("3-nothing-to-do", plan);
    audit.restart();
    let applied = holm(&["apply", "--yes"]);
    applied.expect_code(0);
    transcript!("4-second-apply", applied);
    audit.assert_nothing_mutated();
    assert_eq!(cluster.versions(EVERYTHING, "holm"), versions);

    for (name, arguments) in [("5-status", &["status"][..]), ("6-outputs", &["outputs"]), ("7-graph", &["graph"])] {
        let finished = holm(arguments);
        finished.expect_code(0);
        insta::with_settings!({filters => status_filters(), omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name, finished.transcript());
        });
    }
    let rendered = holm(&["render"]);
    rendered.expect_code(0);
    transcript!("8-render", rendered);

    // What people do behind its back shows as drift with their tool's name, and is mended.
    cluster.scale("deployment", "holm", "postgres", 3);
    cluster.set_image("holm", "postgres", "postgres", "postgres:16-alpine");
    cluster.delete("service", "holm", "postgres");
    cluster.label("deployment", "holm", "postgres", "team", "storage");
    let plan = holm(&["plan"]);
    plan.expect_code(0).expect("kubectl");
    transcript!("9-drift", plan);
    let mended = holm(&["apply", "--yes"]);
    mended.expect_code(0);
    transcript!("10-mended", sorted(&mended));
    let deployment = cluster.must_get("deployment", "holm", "postgres");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], "postgres:15-alpine");
    assert_eq!(deployment["metadata"]["labels"]["team"], "storage", "a label of somebody else is left alone");
    cluster.must_get("service", "holm", "postgres");
    holm(&["plan", "--detailed-exitcode"]).expect_code(0);

    // Without consent the data stays, and so does what it cannot live without.
    let password = session.secret("holm", "postgres-secret", "password");
    let destroyed = holm(&["destroy", "--yes"]);
    destroyed.expect_code(0);
    transcript!("11-destroyed-without-consent", sorted(&destroyed));
    cluster.must_get("persistentvolumeclaim", "holm", "postgres-pvc");
    cluster.must_get("namespace", "", "holm");
    assert_eq!(cluster.get("deployment", "holm", "postgres"), None);

    // It comes back with the password that its data knows.
    holm(&["apply", "--yes"]).expect_code(0);
    assert_eq!(session.secret("holm", "postgres-secret", "password"), password);

    // With consent nothing is left.
    let consent = "PersistentVolumeClaim/postgres-pvc,Secret/postgres-secret,Namespace/holm";
    let destroyed = holm(&["destroy", "--yes", "--allow-delete", consent]);
    destroyed.expect_code(0);
    transcript!("12-destroyed", sorted(&destroyed));
    assert_eq!(cluster.get("namespace", "", "holm"), None);
    let plan = holm(&["destroy", "--yes"]);
    plan.expect_code(0);
    transcript!("13-nothing-left", plan);

    session.assert_never_shown(&password);
}

/// The same with its lines of progress sorted, because what is done at the same time ends in any order, and without those
/// about waiting, of which there are as many as the controllers take steps.
fn sorted(finished: &Finished) -> Finished {
    let mut finished = finished.clone();
    let (progress, rest): (Vec<&str>, Vec<&str>) = finished.stderr.lines().partition(|line| line.starts_with("  "));
    let is_step = |line: &&str| [" after ", "creating", "updating", "deleting"].iter().any(|word| line.contains(word));
    let mut steps: Vec<&str> = progress.into_iter().filter(is_step).collect();
    steps.sort_unstable();
    finished.stderr = rest.into_iter().filter(|line| !line.is_empty()).chain(steps).collect::<Vec<_>>().join("\n");
    finished
}

fn status_filters() -> Vec<(&'static str, &'static str)> {
    // Ages are told with what separates them, as its width is that of the longest.
    [vec![(r" +(\d+[dhms])+\b", "  AGE")], filters()].concat()
}

#[track_caller]
fn assert_comes_before(actions: &[String], first: &str, second: &str) {
    let position = |name: &str| actions.iter().position(|action| action.ends_with(name));
    assert!(position(first) < position(second), "{first} does not come before {second}: {actions:?}");
}
