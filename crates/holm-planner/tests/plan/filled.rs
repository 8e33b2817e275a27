//! What the server fills in beside the declaration, errors with one cause, and kinds that are not served.

use super::*;

fn service(port: u16) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "ports": [{"name": "http", "port": port}]}}))
}

#[test]
fn what_the_server_fills_in_is_told_apart_from_what_is_declared() {
    let graph_of = |port: u16| {
        let stack = stack();
        stack.add(service(port));
        stack.build().unwrap()
    };
    let mut observed = settled(&graph_of(80));
    let service = id("Service", "s");
    edit(&mut observed, &service, |live| live["spec"]["clusterIP"] = json!("10.0.0.1"));
    let graph = graph_of(81);
    let surveyed = survey(&graph, &observed, &place(), &PlanOptions::default());
    let question = &surveyed.questions[0];
    let mut after = applied(&question.object.open(), &place().field_manager, "uid-s");
    let spec = &mut after["spec"];
    spec["clusterIP"] = json!("10.0.0.2");
    spec["sessionAffinity"] = json!("None");
    observed.dry_runs.insert(service, DryRun::Accepted { object: after.into(), overruled: Vec::new() });
    let shown = lines(&run(&graph, &mut observed, &PlanOptions::default()));
    assert!(shown.contains(r#"spec.clusterIP: Value(String("10.0.0.1")) -> Filled(None)"#), "{shown}");
    assert!(shown.contains(r#"spec.sessionAffinity: Absent -> Filled(Some(String("None")))"#), "{shown}");
    assert!(shown.contains("Value(Number(80)) -> Value(Number(81))"), "{shown}");
}

#[test]
fn a_namespace_that_is_missing_is_one_error_for_all_that_is_in_it() {
    let stack = stack();
    for number in 0..12 {
        stack.add(config_map(&format!("c{number:02}"), "1"));
    }
    let graph = stack.build().unwrap();
    let mut observed = Observed::default();
    for id in graph.resources().iter().map(|resource| &resource.id).chain(graph.externals().keys()) {
        observed.live.insert(id.clone(), Live::Absent);
    }
    let surveyed = survey(&graph, &observed, &place(), &PlanOptions::default());
    assert!(surveyed.questions.is_empty(), "nothing can be tried in a namespace that is not there");
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    let blockers: Vec<String> = plan.blockers.iter().map(|blocker| blocker.kind.to_string()).collect();
    assert_eq!(
        blockers,
        ["Namespace/n does not exist; needed by ConfigMap/n/c00, ConfigMap/n/c01, ConfigMap/n/c02, ConfigMap/n/c03, \
          ConfigMap/n/c04, ConfigMap/n/c05, ConfigMap/n/c06, ConfigMap/n/c07, ConfigMap/n/c08, ConfigMap/n/c09 and 2 more"]
    );
}

#[test]
fn an_object_whose_kind_is_not_served_was_deleted_by_nobody() {
    let stack = stack();
    stack.add(Manifest::new(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gauges.g.io"}, "spec": {"group": "g.io", "scope": "Namespaced",
            "names": {"kind": "Gauge", "plural": "gauges"}, "versions": [{"name": "v1", "served": true}]}})));
    stack.add(Manifest::new(json!({"apiVersion": "g.io/v1", "kind": "Gauge", "metadata": {"name": "g"}})));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    for resource in graph.resources() {
        let live = if resource.id.kind == "Gauge" { Live::KindAbsent } else { Live::Absent };
        observed.live.insert(resource.id.clone(), live);
    }
    let plan = run(&graph, &mut observed, &PlanOptions { skip_create_checks: true, ..PlanOptions::default() });
    let reasons: Vec<&Reason> = plan.changes.iter().map(|change| &change.reason).collect();
    assert_eq!(reasons, [&Reason::DeletedFromCluster, &Reason::NotServed]);
}
