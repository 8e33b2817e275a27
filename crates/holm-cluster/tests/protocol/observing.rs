//! Observation: few requests, and an honest word where something cannot be read.

use holm_cluster::{ClusterError, Trouble};
use holm_core::{ConflictPolicy, Manifest, ResourceOptions, Sensitive, Stack};
use holm_planner::observe::{DryRun, FieldConflict, Live, Unchecked};
use serde_json::json;

use crate::server::{Order, status};
use crate::{HOME, INVENTORY, apply, cluster, config_map, graph, id, observe, place, server};

fn forbidden() -> Order {
    Order::Answer(403, status(403, "Forbidden", "you may not", json!({})), "")
}

#[tokio::test]
async fn few_objects_are_read_one_by_one_and_many_by_one_list() {
    let server = server().await;
    let cluster = cluster(&server);
    apply(&cluster, &graph((0..6).map(|n| config_map(&format!("m{n}"))))).await;
    server.forget_requests();
    observe(&cluster, &graph((0..6).map(|n| config_map(&format!("m{n}"))))).await.unwrap();
    // The inventory, the namespace, and one list of all six.
    let reads: Vec<String> = server.lines().into_iter().filter(|line| line.starts_with("GET")).collect();
    assert_eq!(reads.len(), 3, "{reads:#?}");
    assert_eq!(server.count("GET", "/configmaps?labelSelector="), 1);
}

#[tokio::test]
async fn an_object_without_our_label_is_found_by_name() {
    let server = server().await;
    server.write(&format!("{HOME}/configmaps/m3"), config_map("m3"));
    let observed = observe(&cluster(&server), &graph((0..6).map(|n| config_map(&format!("m{n}"))))).await.unwrap();
    assert!(matches!(observed.live[&id("ConfigMap", "m3")], Live::Found(_)));
    assert_eq!(observed.live[&id("ConfigMap", "m4")], Live::Absent);
    assert_eq!(server.count("GET", "/configmaps/m"), 1, "only the one that exists is read: {:#?}", server.lines());
}

#[tokio::test]
async fn without_the_right_to_list_each_is_read_and_without_that_it_is_unreadable() {
    let server = server().await;
    server.order("GET", "/configmaps?", 9, forbidden());
    server.order("GET", "/configmaps/m2", 9, forbidden());
    let observed = observe(&cluster(&server), &graph((0..6).map(|n| config_map(&format!("m{n}"))))).await.unwrap();
    assert_eq!(observed.live[&id("ConfigMap", "m1")], Live::Absent);
    let Live::Unreadable(reason) = &observed.live[&id("ConfigMap", "m2")] else { panic!("it was read") };
    assert!(reason.contains("you may not"), "{reason}");
}

#[tokio::test]
async fn a_list_that_expires_between_its_pages_begins_anew() {
    let server = server().await;
    let page = |token: &str, name: &str| {
        let mut object = config_map(name);
        object["metadata"]["labels"] = json!({"applyset.kubernetes.io/part-of": "x"});
        Order::Answer(200, json!({"metadata": {"continue": token}, "items": [object]}), "")
    };
    server.order("GET", "/configmaps?labelSelector=", 1, page("next", "m0"));
    server.order("GET", "continue=next", 1, Order::Answer(410, status(410, "Expired", "too old", json!({})), ""));
    server.order("GET", "/configmaps?labelSelector=", 1, page("", "m1"));
    let observed = observe(&cluster(&server), &graph((0..6).map(|n| config_map(&format!("m{n}"))))).await.unwrap();
    assert_eq!(observed.live[&id("ConfigMap", "m0")], Live::Absent, "the first page was of a list that has expired");
    assert!(matches!(observed.live[&id("ConfigMap", "m1")], Live::Found(_)));
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_told_apart_from_an_absent_object() {
    let server = server().await;
    server.order("GET", "/secrets/s", 1, Order::Text(404, "404 page not found\n"));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    let observed = observe(&cluster(&server), &graph([secret, config_map("m")])).await.unwrap();
    assert_eq!(observed.live[&id("Secret", "s")], Live::KindAbsent);
    assert_eq!(observed.live[&id("ConfigMap", "m")], Live::Absent);
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_named_with_its_tries() {
    let server = server().await;
    let busy = status(429, "TooManyRequests", "slow down", json!({}));
    server.order("GET", INVENTORY, 1, Order::Answer(429, busy, "retry-after: 0\r\n"));
    server.order("GET", INVENTORY, 1, Order::Answer(503, json!({}), ""));
    server.order("GET", INVENTORY, 1, Order::CloseBefore);
    let cluster = cluster(&server);
    observe(&cluster, &graph([config_map("m")])).await.unwrap();
    assert_eq!(server.count("GET", INVENTORY), 4);

    // As long as the budget lasts, which is more than six tries of the shortest pauses.
    server.order("GET", INVENTORY, 99, Order::Answer(503, status(503, "ServiceUnavailable", "down", json!({})), ""));
    let error = observe(&cluster, &graph([config_map("m")])).await.unwrap_err();
    let ClusterError::InventoryUnreadable { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(&source.trouble, Trouble::Server(refusal) if refusal.code == 503), "{source}");
    assert!(source.tries >= 5, "{source}");
}

#[tokio::test]
async fn conflicts_with_a_persons_tool_are_overruled_and_others_are_not() {
    let conflict = |manager: &str| {
        let causes = json!([{"reason": "FieldManagerConflict", "field": ".data.key",
            "message": format!("conflict with \"{manager}\" using v1")}]);
        Order::Answer(409, status(409, "Conflict", "Apply failed", json!({"name": "m", "causes": causes})), "")
    };
    let of = |manager: &str| vec![FieldConflict { field: ".data.key".into(), manager: manager.into() }];
    for (manager, policy, expected) in [
        ("kubectl-edit", ConflictPolicy::FromTools, true),
        ("some-operator", ConflictPolicy::FromTools, false),
        ("some-operator", ConflictPolicy::TakeOver, true),
        ("kubectl-edit", ConflictPolicy::Fail, false),
    ] {
        let server = server().await;
        server.write(&format!("{HOME}/configmaps/m"), config_map("m"));
        server.order("PATCH", "force=false", 9, conflict(manager));
        let stack = Stack::new("program", "default", None);
        stack.in_namespace("ns");
        stack.add(Manifest::new(config_map("m")).on_conflict(policy));
        let observed = observe(&cluster(&server), &stack.build().unwrap()).await.unwrap();
        match &observed.dry_runs[&id("ConfigMap", "m")] {
            DryRun::Accepted { overruled, .. } => assert_eq!((overruled, expected), (&of(manager), true)),
            DryRun::Conflicts(conflicts) => assert_eq!((conflicts, expected), (&of(manager), false)),
            other => panic!("{other:?}"),
        }
        assert_eq!(server.count("PATCH", "force=true"), usize::from(expected));
        assert_eq!(server.count("PATCH", "dryRun=All"), server.count("PATCH", ""), "a plan only asks");
    }
}

#[tokio::test]
async fn what_the_server_cannot_answer_is_said_and_what_it_refuses_keeps_its_causes() {
    let webhook = "admission webhook \"w\" does not support dry run: no sideEffects";
    let causes = json!({"name": "m", "causes": [{"reason": "FieldValueInvalid", "field": "data", "message": "bad"}]});
    let cases = [
        (Order::Answer(400, status(400, "BadRequest", webhook, json!({})), ""), "NoDryRun"),
        (forbidden(), "Forbidden"),
        (Order::Answer(422, status(422, "Invalid", "m is invalid", causes), ""), "Refused"),
        (Order::Answer(504, json!({}), ""), "NoAnswer"),
    ];
    for (order, expected) in cases {
        let server = server().await;
        server.order("PATCH", "dryRun=All", 9, order);
        let observed = observe(&cluster(&server), &graph([config_map("m")])).await.unwrap();
        let said = match &observed.dry_runs[&id("ConfigMap", "m")] {
            DryRun::Unchecked(Unchecked::NoDryRun(text)) => {
                assert_eq!(text, webhook);
                "NoDryRun"
            }
            DryRun::Unchecked(Unchecked::Forbidden(_)) => "Forbidden",
            DryRun::Unchecked(Unchecked::NoAnswer(_)) => "NoAnswer",
            DryRun::Refused(refusal) => {
                assert_eq!((refusal.code, refusal.causes[0].field.as_str()), (422, "data"));
                "Refused"
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn secrets_are_taken_out_of_what_the_server_says() {
    let server = server().await;
    let words = "Secret in version v1 cannot be handled: \"aHVudGVyMg==\" and hunter2 are wrong";
    let warning = "warning: 299 - \"hunter2 is deprecated\"\r\n";
    server.order("PATCH", "/secrets/s", 9, Order::Answer(400, status(400, "BadRequest", words, json!({})), warning));
    let stack = Stack::new("program", "default", None);
    stack.in_namespace("ns");
    let secret = Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
    stack.add(secret.with_input("stringData.password", Sensitive::from("hunter2")));
    let cluster = cluster(&server);
    let observed = observe(&cluster, &stack.build().unwrap()).await.unwrap();
    let DryRun::Refused(refusal) = &observed.dry_runs[&id("Secret", "s")] else { panic!("it was not refused") };
    assert_eq!(refusal.message, "Secret in version v1 cannot be handled: \"(sensitive)\" and (sensitive) are wrong");
    let warnings = cluster.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!((warnings[0].text.as_str(), &warnings[0].id), ("(sensitive) is deprecated", &Some(id("Secret", "s"))));
}

#[tokio::test]
async fn what_a_kind_reports_is_asked_once_for_all_of_its_objects() {
    let server = server().await;
    let names = |kind: &str| format!("{}s", kind.to_lowercase());
    let definition = |kind: &str| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.example.org", names(kind))}, "spec": {"group": "example.org", "scope": "Namespaced",
                "names": {"plural": names(kind), "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
    };
    let object = |kind: &str, name: &str| json!({"apiVersion": "example.org/v1", "kind": kind, "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}});
    let mut objects = Vec::new();
    for kind in ["Gear", "Wheel"] {
        server.write(
            &format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}.example.org", names(kind)),
            definition(kind),
        );
        objects.push(definition(kind));
        for name in ["a", "b", "c"] {
            server.write(&format!("/apis/example.org/v1/namespaces/ns/{}/{name}", names(kind)), object(kind, name));
            objects.push(object(kind, name));
        }
    }
    let resources = ["gears", "gears/status", "wheels", "wheels/status"].map(|name| json!({"name": name}));
    server.order("GET", "/apis/example.org/v1?", usize::MAX, Order::Answer(200, json!({"resources": resources}), ""));
    let rows = cluster(&server).status(&graph(objects), &place()).await.unwrap();
    let current = rows.iter().filter(|row| row.id.group == "example.org" && row.readiness.is_current()).count();
    assert_eq!(current, 6, "their schema keeps no status");
    let asked = server.lines().iter().filter(|line| *line == "GET /apis/example.org/v1").count();
    assert_eq!(asked, 1);
}
