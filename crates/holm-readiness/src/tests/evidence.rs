//! What is asked for, and what no cause may hold.

use super::causes::{Scene, event, owned, rendered};
use super::pods::{crash_loop, ended, pod};
use super::*;
use crate::cause::{LiveObject, LogSource, Lookup, Select, descendants, lookups, selector_of};
use crate::{Readiness, State};
use holm_redact::Redactor;

#[test]
fn events_of_both_apis_are_merged_counted_and_kept_to_the_newest() {
    let crash = || pod("Running", ended(0, "Completed"), crash_loop(1, "Error", 2));
    let modern = |reason: &str, second: u8, count: i64| {
        json!({
            "regarding": { "apiVersion": "v1", "kind": "Pod", "namespace": "holm", "name": "postgres-0", "uid": "pod-0" },
            "type": "Warning", "reason": reason, "note": "said in the new way",
            "eventTime": "2026-01-05T10:00:00.000000Z",
            "series": { "count": count, "lastObservedTime": format!("2026-01-05T10:01:{second:02}.000000Z") },
        })
    };
    let stranger = event("Pod", "postgres-0", "pod-of-another-life", "Warning", "Killed", "long ago", 1);
    let mut scene =
        Scene::of_deployment(crash()).event(stranger).event(json!({ "reason": "no object" })).event(json!(7));
    for second in [9, 3, 5, 1, 7, 8] {
        scene = scene.event(modern(&format!("Reason{second}"), second, i64::from(second)));
    }
    scene = scene.event(modern("Reason9", 9, 4));
    insta::assert_snapshot!(rendered(&scene), @r#"
    container postgres keeps crashing: exit code 1, 2 restarts
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 1, restarts 2
      back-off 40s restarting failed container=postgres
    event Pod/postgres-0 x3 Reason3: said in the new way
    event Pod/postgres-0 x5 Reason5: said in the new way
    event Pod/postgres-0 x7 Reason7: said in the new way
    event Pod/postgres-0 x8 Reason8: said in the new way
    event Pod/postgres-0 x13 Reason9: said in the new way
    final
    "#);
}

#[test]
fn no_text_of_a_cause_holds_a_secret_and_none_is_long() {
    let secret = "hunter2 is my secret";
    let mut state = crash_loop(1, "Error", 2);
    state["lastState"]["terminated"]["message"] = json!(format!("{} {secret}", "x".repeat(390)));
    let source = LogSource {
        namespace: "holm".to_owned(),
        pod: "postgres-0".to_owned(),
        container: "postgres".to_owned(),
        previous: true,
    };
    let scene = Scene::of_deployment(pod("Running", ended(0, "Completed"), state))
        .event(event("Pod", "postgres-0", "pod-0", "Warning", "BackOff", &format!("{} {secret}", "y".repeat(385)), 1))
        .log(source, vec![format!("{} {secret} {}", "z".repeat(190), "z".repeat(5000))])
        .knowing(secret);
    assert!(!format!("{:?}", scene.evidence).contains("hunter2"));
    let cause = scene.explain().expect("the scene is not Current");
    let text = format!("{cause:?}");
    assert!(!text.contains("hunter"), "{text}");
    assert!(text.len() < 2000, "{}", text.len());
    let mut late = cause;
    late.summary.push_str(" pass-later");
    let mut redactor = Redactor::default();
    redactor.learn("pass-later");
    late.scrub(&redactor);
    assert!(late.summary.ends_with(" (sensitive)"), "{}", late.summary);
}

#[test]
fn a_message_is_scrubbed_before_it_is_cut() {
    let mut redactor = Redactor::default();
    redactor.learn("hunter2-and-more");
    let mut readiness = Readiness::new(State::InProgress, "NotReady", &format!("{} hunter2-and-more", "x".repeat(390)));
    readiness.scrub(&redactor);
    assert!(!readiness.message.contains("hunter"), "{}", readiness.message);
    assert_eq!(readiness.message.chars().count(), 400);
}

#[test]
fn evidence_is_found_by_selectors_names_and_owners() {
    let template = json!({ "spec": { "volumes": [{ "persistentVolumeClaim": { "claimName": "postgres-pvc" } }, { "emptyDir": {} }] } });
    let selector = json!({
        "matchLabels": { "app": "postgres" },
        "matchExpressions": [
            { "key": "tier", "operator": "In", "values": ["a", "b"] },
            { "key": "old", "operator": "DoesNotExist" },
            { "key": "env", "operator": "Exists" },
            { "key": "zone", "operator": "NotIn", "values": ["c"] },
        ],
    });
    let live = |version: &str, name: &str, spec: Value| {
        LiveObject::new(
            &kind(version, name),
            json!({ "metadata": { "name": "it", "namespace": "holm" }, "spec": spec }),
        )
    };
    let asked = |object: &LiveObject| {
        let lines = lookups(object).into_iter().map(|Lookup { kind, namespace, select }| {
            let path = kind.collection_path(namespace.as_deref());
            match select {
                Select::Labels(selector) => format!("{path}?{selector}"),
                Select::Name(name) => format!("{path}/{name}"),
            }
        });
        format!("{}:\n{}", object.id.kind, lines.collect::<Vec<_>>().join("\n"))
    };
    let full = json!({ "selector": selector, "template": template, "volumeClaimTemplates": [{}] });
    let text = [
        live("apps/v1", "Deployment", full.clone()),
        live("apps/v1", "StatefulSet", full.clone()),
        live(
            "batch/v1",
            "Job",
            json!({ "selector": { "matchLabels": { "batch.kubernetes.io/controller-uid": "u" } } }),
        ),
        live("v1", "Pod", template["spec"].clone()),
        live("apps/v1", "DaemonSet", json!({})),
        live("v1", "ConfigMap", full),
    ]
    .map(|object| asked(&object))
    .join("\n");
    insta::assert_snapshot!(text, @r#"
    Deployment:
    /apis/apps/v1/namespaces/holm/replicasets?app=postgres,env,!old,tier in (a,b),zone notin (c)
    /api/v1/namespaces/holm/pods?app=postgres,env,!old,tier in (a,b),zone notin (c)
    /api/v1/namespaces/holm/persistentvolumeclaims/postgres-pvc
    StatefulSet:
    /api/v1/namespaces/holm/persistentvolumeclaims?app=postgres,env,!old,tier in (a,b),zone notin (c)
    /api/v1/namespaces/holm/pods?app=postgres,env,!old,tier in (a,b),zone notin (c)
    /api/v1/namespaces/holm/persistentvolumeclaims/postgres-pvc
    Job:
    /api/v1/namespaces/holm/pods?batch.kubernetes.io/controller-uid=u
    Pod:
    /api/v1/namespaces/holm/persistentvolumeclaims/postgres-pvc
    DaemonSet:

    ConfigMap:
    "#);
    let service = live("v1", "Service", json!({ "selector": { "app": "postgres", "tier": "db" } }));
    assert_eq!(selector_of(&service).as_deref(), Some("app=postgres,tier=db"));
    assert_eq!(selector_of(&live("v1", "Service", json!({}))), None);
}

#[test]
fn owners_are_followed_down_and_circles_end() {
    let object = |uid: &str, owner: &str| {
        LiveObject::new(&kind("v1", "Pod"), owned(json!({ "metadata": { "name": uid, "uid": uid } }), owner))
    };
    let candidates =
        [object("pod", "set"), object("set", "deployment"), object("other", "another"), object("loop", "loop")];
    let names = |uid: &str| descendants(uid, &candidates).iter().map(|it| it.id.name.clone()).collect::<Vec<_>>();
    assert_eq!(names("deployment"), ["set", "pod"]);
    assert_eq!(names("loop"), ["loop"]);
    assert_eq!(names("nobody"), Vec::<String>::new());
}
