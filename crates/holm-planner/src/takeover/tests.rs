use serde_json::json;

use super::*;
use holm_core::Stack;

fn resource(object: &Value) -> Resource {
    let stack = Stack::new("test", "default", Some("n"));
    stack.add_yaml(&object.to_string());
    stack.build().expect("the test's own object has no problems").resources()[0].clone()
}

/// What the managers own: ours by Apply, others by Update.
fn live(object: Value, managers: &[(&str, Value)]) -> Value {
    let mut live = object;
    let entry = |(manager, fields): &(&str, Value)| {
        let operation = if *manager == "ours" { "Apply" } else { "Update" };
        json!({"manager": manager, "operation": operation, "apiVersion": live["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": fields})
    };
    let entries: Vec<Value> = managers.iter().map(entry).collect();
    live["metadata"]["managedFields"] = json!(entries);
    live["metadata"]["uid"] = json!("u");
    live["metadata"]["resourceVersion"] = json!("7");
    live
}

fn found(declared: &Value, live: &Value) -> Takeover {
    takeover(&resource(declared), declared, live, "ours")
}

fn paths(taken: &[Taken]) -> Vec<String> {
    taken.iter().map(|taken| format!("{} ({:?} from {})", taken.path, taken.why, taken.from.join("+"))).collect()
}

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

#[test]
fn what_left_the_declaration_is_taken_from_people_and_stays_for_others() {
    let all = config_map(json!({"key": "a", "legacy": "b", "shared": "c", "theirs": "d"}));
    let live = live(
        all,
        &[
            ("ours", json!({"f:data": {"f:key": {}, "f:legacy": {}, "f:shared": {}}})),
            ("kubectl-client-side-apply", json!({"f:data": {".": {}, "f:key": {}, "f:legacy": {}, "f:theirs": {}}})),
            ("operator", json!({"f:data": {"f:shared": {}}})),
        ],
    );
    let declared = config_map(json!({"key": "a"}));
    let takeover = found(&declared, &live);
    assert_eq!(paths(&takeover.taken), ["data.legacy (Dropped from kubectl-client-side-apply)"]);
    let staying: Vec<_> = takeover.staying.iter().map(|one| format!("{} {:?}", one.path, one.owners)).collect();
    assert_eq!(staying, [r#"data.shared ["operator"]"#]);
    let patch = patch(&live, &takeover.taken, "ours", "v1").expect("there is something to take");
    assert_eq!(patch[0], json!({"op": "test", "path": "/metadata/uid", "value": "u"}));
    assert_eq!(patch[2], json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}));
    let entries = &patch[1]["value"];
    assert_eq!(entries[0]["fieldsV1"], json!({"f:data": {"f:key": {}, "f:legacy": {}, "f:shared": {}}}));
    assert_eq!(entries[1]["fieldsV1"], json!({"f:data": {".": {}, "f:key": {}, "f:theirs": {}}}));
    assert_eq!(entries[2]["fieldsV1"], json!({"f:data": {"f:shared": {}}}));
    // What a person added is named, and taken only where that is asked for.
    let added = additions(&resource(&declared), &declared, &live, "ours");
    let named: Vec<_> = added.iter().map(|one| format!("{} {}", one.manager, one.path)).collect();
    assert_eq!(named, ["kubectl-client-side-apply data.theirs"]);
    assert_eq!(paths(&[added[0].pruned()]), ["data.theirs (Pruned from kubectl-client-side-apply)"]);
}

#[test]
fn nothing_is_taken_where_the_program_says_so() {
    let all = config_map(json!({"key": "a", "legacy": "b"}));
    let set = json!({"f:data": {"f:key": {}, "f:legacy": {}}});
    let live = live(all, &[("ours", set.clone()), ("kubectl-edit", set)]);
    let declared = config_map(json!({"key": "a"}));
    let mut resource = resource(&declared);
    resource.options.on_conflict = ConflictPolicy::Fail;
    let strict = takeover(&resource, &declared, &live, "ours");
    assert_eq!((strict.taken.len(), strict.staying.len()), (0, 1));
    resource.options.on_conflict = ConflictPolicy::FromTools;
    resource.options.ignore_changes.push("data.legacy".parse().expect("well formed"));
    assert!(takeover(&resource, &declared, &live, "ours").taken.is_empty());
}

fn pod(container: Value, volumes: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"volumes": volumes, "containers": [container]}})
}

#[test]
fn what_excludes_the_declaration_is_taken() {
    let declared = pod(
        json!({"name": "c", "image": "i", "livenessProbe": {"httpGet": {"port": 80}}, "env": [{"name": "A", "value": "1"}]}),
        json!([{"name": "v", "emptyDir": {}}]),
    );
    let now = pod(
        json!({"name": "c", "image": "i", "livenessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 10},
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
        json!([{"name": "v", "hostPath": {"path": "/x"}}]),
    );
    let theirs = json!({"f:spec": {
        "f:volumes": {"k:{\"name\":\"v\"}": {"f:hostPath": {".": {}, "f:path": {}}}},
        "f:containers": {"k:{\"name\":\"c\"}": {
            "f:livenessProbe": {"f:tcpSocket": {".": {}, "f:port": {}}},
            "f:env": {"k:{\"name\":\"A\"}": {"f:valueFrom": {".": {}, "f:fieldRef": {}}}},
        }},
    }});
    let ours = json!({"f:spec": {
        "f:volumes": {"k:{\"name\":\"v\"}": {".": {}, "f:name": {}}},
        "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:image": {},
            "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}}}}},
    }});
    let by_a_person = live(now.clone(), &[("ours", ours.clone()), ("kubectl-patch", theirs.clone())]);
    let takeover = found(&declared, &by_a_person);
    assert_eq!(
        paths(&takeover.taken),
        [
            "spec.containers[c].env[A].valueFrom (Excluded from kubectl-patch)",
            "spec.containers[c].livenessProbe.tcpSocket (Excluded from kubectl-patch)",
            "spec.volumes[v].hostPath (Excluded from kubectl-patch)",
        ]
    );
    let rest = without(&by_a_person, &takeover.taken);
    assert_eq!(rest["spec"]["containers"][0]["livenessProbe"], json!({"periodSeconds": 10}));
    // A controller decided so.
    assert!(found(&declared, &live(now, &[("ours", ours), ("operator", theirs)])).taken.is_empty());
}

#[test]
fn what_the_server_filled_in_goes_where_the_declaration_excludes_it() {
    let deployment = |strategy: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
        "strategy": strategy, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    };
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
    let live = live(deployment(rolling), &[("ours", json!({"f:spec": {"f:selector": {}}}))]);
    let recreate = deployment(json!({"type": "Recreate"}));
    let takeover = found(&recreate, &live);
    assert_eq!(paths(&takeover.taken), ["spec.strategy.rollingUpdate (Excluded from )"]);
    let patch = patch(&live, &takeover.taken, "ours", "apps/v1").expect("there is something to take");
    let strategy = &patch[1]["value"][0]["fieldsV1"]["f:spec"]["f:strategy"];
    assert_eq!(*strategy, json!({"f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}}));
    assert_eq!(found(&deployment(json!({"type": "RollingUpdate"})), &live), Takeover::default());
}

#[test]
fn a_port_that_a_person_turned_into_another_is_in_the_way() {
    let service = |ports: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}});
    let theirs = json!({"f:spec": {"f:ports": {"k:{\"port\":53,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}}}}});
    let now = live(service(json!([{"name": "a", "port": 53, "protocol": "UDP"}])), &[("kubectl-patch", theirs)]);
    let taken = |declared: Value| paths(&found(&service(declared), &now).taken);
    let udp = ["spec.ports[port=53,protocol=UDP] (Excluded from kubectl-patch)"];
    assert_eq!(taken(json!([{"name": "a", "port": 53}])), udp);
    assert_eq!(taken(json!([{"port": 53}])), udp);
    assert_eq!(taken(json!([{"name": "b", "port": 53}])), Vec::<String>::new());
    assert_eq!(taken(json!([{"name": "a", "port": 53, "protocol": "UDP"}])), Vec::<String>::new());
}
