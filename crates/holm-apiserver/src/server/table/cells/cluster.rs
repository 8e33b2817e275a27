//! Nodes, namespaces, events, access, and what extends the API.

use serde_json::{Value, json};

use super::{Shown, human, or, plain};
use crate::object::{self, at, text_at};

pub(super) fn cells(resource: &str, shown: Shown<'_>) -> Option<Vec<Value>> {
    let named = |field: &[&str]| vec![shown.name(), shown.shown(field), shown.age()];
    let counted = |field: &str| {
        let parameters = at(shown.object, &["spec", "paramKind"])
            .map(|kind| format!("{}/{}", text_at(kind, &["apiVersion"]), text_at(kind, &["kind"])));
        let count = json!(shown.count(&["spec", field]));
        vec![shown.name(), count, json!(parameters.unwrap_or_else(|| "<unset>".to_owned())), shown.age()]
    };
    Some(match resource {
        "namespaces" => named(&["status", "phase"]),
        "nodes" => node(shown),
        "events" => event(shown),
        "roles.rbac.authorization.k8s.io"
        | "clusterroles.rbac.authorization.k8s.io"
        | "limitranges"
        | "csistoragecapacities.storage.k8s.io" => vec![shown.name(), shown.created()],
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => binding(shown),
        "certificatesigningrequests.certificates.k8s.io" => request(shown),
        "clustertrustbundles.certificates.k8s.io" => vec![shown.name(), shown.or(&["spec", "signerName"], "<none>")],
        "podcertificaterequests.certificates.k8s.io" => {
            let state = shown.items(&["status", "conditions"]).fold("Pending", |state, condition| {
                match text_at(condition, &["type"]) {
                    kind @ ("Issued" | "Denied" | "Failed") => kind,
                    _ => state,
                }
            });
            let text = |field: &str| shown.shown(&["spec", field]);
            vec![
                shown.name(),
                text("podName"),
                text("serviceAccountName"),
                text("nodeName"),
                text("signerName"),
                json!(state),
                shown.labels(&["spec", "unverifiedUserAnnotations"]),
            ]
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            let served =
                shown.items(&["spec", "versions"]).filter(|version| at(version, &["served"]) == Some(&json!(true)));
            let mut versions: Vec<String> = served
                .map(|version| {
                    let stored = at(version, &["storage"]) == Some(&json!(true));
                    format!("{}{}", text_at(version, &["name"]), if stored { "(storage)" } else { "" })
                })
                .collect();
            versions.sort();
            vec![
                shown.name(),
                shown.shown(&["spec", "scope"]),
                json!(versions.join(",")),
                shown.created(),
                shown.shown(&["spec", "group"]),
                shown.shown(&["spec", "names", "kind"]),
                json!(object::texts(at(shown.object, &["spec", "names", "shortNames"])).join(",")),
                json!(shown.condition("Established") == "True"),
            ]
        }
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => {
            vec![shown.name(), json!(shown.count(&["webhooks"])), shown.age()]
        }
        "mutatingadmissionpolicies.admissionregistration.k8s.io" => counted("mutations"),
        "validatingadmissionpolicies.admissionregistration.k8s.io" => counted("validations"),
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io"
        | "validatingadmissionpolicybindings.admissionregistration.k8s.io" => {
            let parameters = at(shown.object, &["spec", "paramRef"]).map(|found| {
                let place = text_at(found, &["namespace"]);
                let place = if place.is_empty() { String::new() } else { format!("{place}/") };
                match text_at(found, &["name"]) {
                    "" => format!("{place}*"),
                    name => format!("{place}{name}"),
                }
            });
            let parameters = json!(parameters.unwrap_or_else(|| "<unset>".to_owned()));
            vec![shown.name(), shown.shown(&["spec", "policyName"]), parameters, shown.age()]
        }
        "priorityclasses.scheduling.k8s.io" => vec![
            shown.name(),
            json!(shown.number(&["value"])),
            json!(shown.flag(&["globalDefault"])),
            shown.age(),
            shown.shown(&["preemptionPolicy"]),
        ],
        "leases.coordination.k8s.io" => named(&["spec", "holderIdentity"]),
        "runtimeclasses.node.k8s.io" => named(&["handler"]),
        "flowschemas.flowcontrol.apiserver.k8s.io" => vec![
            shown.name(),
            shown.shown(&["spec", "priorityLevelConfiguration", "name"]),
            json!(shown.number(&["spec", "matchingPrecedence"])),
            shown.or(&["spec", "distinguisherMethod", "type"], "<none>"),
            shown.age(),
            json!(or(shown.condition("Dangling"), "?")),
        ],
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io" => {
            let number = |path: &[&str]| at(shown.object, path).cloned().unwrap_or_else(|| json!("<none>"));
            let queue = |field: &str| number(&["spec", "limited", "limitResponse", "queuing", field]);
            vec![
                shown.name(),
                shown.shown(&["spec", "type"]),
                number(&["spec", "limited", "nominalConcurrencyShares"]),
                queue("queues"),
                queue("handSize"),
                queue("queueLengthLimit"),
                shown.age(),
            ]
        }
        _ => return None,
    })
}

fn node(shown: Shown<'_>) -> Vec<Value> {
    let mut status = vec![match shown.condition("Ready") {
        "True" => "Ready",
        "" => "Unknown",
        _ => "NotReady",
    }];
    if shown.flag(&["spec", "unschedulable"]) {
        status.push("SchedulingDisabled");
    }
    let labels = object::metadata(shown.object, "labels").and_then(Value::as_object).into_iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role).filter(|role| !role.is_empty()),
            None => value.as_str().filter(|value| key == "kubernetes.io/role" && !value.is_empty()),
        })
        .collect();
    roles.sort_unstable();
    let address = |kind: &str| {
        let mut all = shown.items(&["status", "addresses"]);
        let found = all.find(|address| text_at(address, &["type"]) == kind);
        json!(found.map_or("<none>", |address| text_at(address, &["address"])))
    };
    let about = |field: &str| or(shown.text(&["status", "nodeInfo", field]), "<unknown>");
    let kernel = match shown.text(&["status", "nodeInfo", "architecture"]) {
        "" => about("kernelVersion"),
        architecture => format!("{} ({architecture})", about("kernelVersion")),
    };
    vec![
        shown.name(),
        json!(status.join(",")),
        json!(or(&roles.join(","), "<none>")),
        shown.age(),
        shown.shown(&["status", "nodeInfo", "kubeletVersion"]),
        address("InternalIP"),
        address("ExternalIP"),
        json!(about("osImage")),
        json!(kernel),
        json!(about("containerRuntimeVersion")),
    ]
}

fn event(shown: Shown<'_>) -> Vec<Value> {
    let first_of = |paths: &[&[&str]]| {
        let found = paths.iter().map(|path| shown.text(path)).find(|text| !text.is_empty());
        found.unwrap_or_default()
    };
    let since = |time: &str| json!(shown.since(time));
    let first = first_of(&[&["firstTimestamp"], &["eventTime"]]);
    let (last, count) = if at(shown.object, &["series"]).is_some() {
        (shown.text(&["series", "lastObservedTime"]), shown.number(&["series", "count"]))
    } else {
        // An event that happened once may not say so.
        (first_of(&[&["lastTimestamp"], &["firstTimestamp"], &["eventTime"]]), shown.number(&["count"]).max(1))
    };
    let involved = |field: &str| shown.text(&["involvedObject", field]);
    let kind = involved("kind").to_lowercase();
    let target = if involved("name").is_empty() { kind } else { format!("{kind}/{}", involved("name")) };
    let component = first_of(&[&["source", "component"], &["reportingComponent"]]);
    let source = match first_of(&[&["source", "host"], &["reportingInstance"]]) {
        "" => component.to_owned(),
        instance => format!("{component}, {instance}"),
    };
    vec![
        since(last),
        shown.shown(&["type"]),
        shown.shown(&["reason"]),
        json!(target),
        json!(involved("fieldPath")),
        json!(source),
        json!(shown.text(&["message"]).trim()),
        since(first),
        json!(count),
        shown.name(),
    ]
}

fn binding(shown: Shown<'_>) -> Vec<Value> {
    let role = |field: &str| shown.text(&["roleRef", field]);
    let subjects = |kind: &str| {
        let own = shown.items(&["subjects"]).filter(|subject| text_at(subject, &["kind"]) == kind);
        let names: Vec<String> = own
            .map(|subject| match text_at(subject, &["namespace"]) {
                place if kind == "ServiceAccount" && !place.is_empty() => {
                    format!("{place}/{}", text_at(subject, &["name"]))
                }
                _ => text_at(subject, &["name"]).to_owned(),
            })
            .collect();
        json!(names.join(", "))
    };
    vec![
        shown.name(),
        json!(format!("{}/{}", role("kind"), role("name"))),
        shown.age(),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

fn request(shown: Shown<'_>) -> Vec<Value> {
    let has = |kind: &str| !shown.condition(kind).is_empty();
    let mut status = match () {
        () if has("Denied") => "Denied",
        () if has("Approved") => "Approved",
        () => "Pending",
    }
    .to_owned();
    if has("Failed") {
        status.push_str(",Failed");
    }
    if !shown.text(&["status", "certificate"]).is_empty() {
        status.push_str(",Issued");
    }
    let duration = plain(at(shown.object, &["spec", "expirationSeconds"])).and_then(|seconds| seconds.parse().ok());
    vec![
        shown.name(),
        shown.age(),
        shown.or(&["spec", "signerName"], "<none>"),
        shown.shown(&["spec", "username"]),
        json!(duration.map_or_else(|| "<none>".to_owned(), human)),
        json!(status),
    ]
}
