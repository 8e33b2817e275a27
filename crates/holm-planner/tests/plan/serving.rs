//! The order of deletions where no reference gives one: a controller outlives its custom resources, with its rights.

use holm_core::{Graph, Manifest, ResourceOptions as _, Stack, Strength};
use holm_planner::plan::{Action, Plan, PlanOptions, plan};
use holm_planner::schedule::Schedule;
use serde_json::{Value, json};

use crate::{place, settled, stack};

const DEFINITION: &str = "CustomResourceDefinition/gears.example.org";

fn definition() -> Manifest {
    Manifest::new(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gears.example.org"}, "spec": {"group": "example.org", "scope": "Namespaced",
            "names": {"plural": "gears", "singular": "gear", "kind": "Gear", "listKind": "GearList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}}))
}

fn gear() -> Manifest {
    Manifest::new(json!({"apiVersion": "example.org/v1", "kind": "Gear", "metadata": {"name": "first"}}))
}

fn rights(rules: Value, role: Value) -> Vec<Manifest> {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    let cluster_role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "robot"}, "rules": rules});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "robot"}, "roleRef": role,
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "n"}]});
    [account, cluster_role, binding].map(Manifest::new).to_vec()
}

fn own_role() -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "robot"})
}

fn workload(name: &str, account: &str) -> Manifest {
    let labels = json!({"app": name});
    Manifest::new(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "serviceAccountName": account, "containers": [{"name": "c", "image": "i"}]}}}}))
}

fn writes(groups: Value, resources: Value) -> Value {
    json!([{"apiGroups": groups, "resources": resources, "verbs": ["get", "list", "update"]}])
}

fn built(declare: impl FnOnce(&Stack)) -> Graph {
    let stack = stack();
    declare(&stack);
    stack.build().unwrap()
}

fn destroyed(graph: &Graph) -> Plan {
    let observed = settled(graph);
    let consents = ["CustomResourceDefinition/gears.example.org"].map(str::to_owned);
    let options = PlanOptions { destroy: true, allow_delete: consents.into(), ..PlanOptions::default() };
    plan(&graph.emptied(), &observed, &place(), &options)
}

/// What is deleted in the same round, round by round.
fn rounds(plan: &Plan) -> Vec<Vec<String>> {
    let mut schedule = Schedule::deletes(plan);
    let mut rounds = Vec::new();
    while !schedule.is_done() {
        let round: Vec<_> = std::iter::from_fn(|| schedule.next()).collect();
        assert!(!round.is_empty(), "the schedule hangs after {rounds:?}");
        round.iter().for_each(|id| schedule.reached(id, Strength::Ready));
        rounds.push(round.iter().map(|id| id.relative_to(Some("n"))).collect());
    }
    rounds
}

fn round_of(rounds: &[Vec<String>], name: &str) -> usize {
    let position = rounds.iter().position(|round| round.iter().any(|id| id == name));
    assert!(position.is_some(), "{name} is not deleted in {rounds:?}");
    position.unwrap_or_default()
}

#[test]
fn custom_resources_go_before_who_serves_them_and_before_its_rights() {
    for (rules, role) in [
        (writes(json!(["example.org"]), json!(["gears"])), own_role()),
        (writes(json!(["*"]), json!(["*"])), own_role()),
        (writes(json!(["example.org"]), json!(["gears/finalizers"])), own_role()),
        (json!([]), json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"})),
    ] {
        let graph = built(|stack| {
            stack.add(definition());
            stack.add(gear());
            rights(rules.clone(), role.clone()).into_iter().for_each(|manifest| drop(stack.add(manifest)));
            stack.add(workload("operator", "robot"));
            stack.add(workload("web", "default"));
        });
        let rounds = rounds(&destroyed(&graph));
        let of = |name: &str| round_of(&rounds, name);
        assert!(of("Gear/first") < of(DEFINITION) && of(DEFINITION) < of("Deployment/operator"), "{rounds:?}");
        assert!(of("Gear/first") < of("ClusterRoleBinding/robot"), "{rounds:?}");
        // Who has nothing to do with it does not wait.
        assert_eq!(of("Deployment/web"), 0, "{rounds:?}");
    }
}

#[test]
fn who_only_reads_or_serves_another_kind_does_not_wait() {
    let reads = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    for rules in
        [reads, writes(json!(["other.org"]), json!(["gears"])), writes(json!(["example.org"]), json!(["wheels"]))]
    {
        let graph = built(|stack| {
            stack.add(definition());
            stack.add(gear());
            rights(rules.clone(), own_role()).into_iter().for_each(|manifest| drop(stack.add(manifest)));
            stack.add(workload("operator", "robot"));
        });
        assert_eq!(destroyed(&graph).held_back, []);
    }
}

#[test]
fn a_workload_that_needs_the_custom_resource_goes_before_it_all_the_same() {
    let graph = built(|stack| {
        stack.add(definition());
        let gear = stack.add(gear());
        rights(writes(json!(["*"]), json!(["*"])), own_role())
            .into_iter()
            .for_each(|manifest| drop(stack.add(manifest)));
        stack.add(workload("operator", "robot"));
        stack.add(workload("user", "robot").depends_on(&gear, Strength::Ready));
    });
    let rounds = rounds(&destroyed(&graph));
    assert!(round_of(&rounds, "Deployment/user") < round_of(&rounds, "Gear/first"), "{rounds:?}");
    assert!(round_of(&rounds, "Gear/first") < round_of(&rounds, "Deployment/operator"), "{rounds:?}");
}

#[test]
fn what_stays_holds_nothing_back() {
    let graph = built(|stack| {
        stack.add(definition());
        stack.add(gear().retain_on_delete());
        rights(writes(json!(["*"]), json!(["*"])), own_role())
            .into_iter()
            .for_each(|manifest| drop(stack.add(manifest)));
        stack.add(workload("operator", "robot"));
    });
    let plan = destroyed(&graph);
    let kept = plan.changes.iter().filter(|change| change.action != Action::Delete).count();
    assert!(kept > 0 && plan.held_back.iter().all(|(_, on)| on.name != "first"), "{:?}", plan.held_back);
}
