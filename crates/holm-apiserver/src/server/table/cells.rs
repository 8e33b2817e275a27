//! The cells of each kind's row.

use holm_structured_merge::Timestamp;
use serde_json::{Value, json};

use super::Column;
use crate::object::{self, at, text_at};

const NAME: Column = ("Name", "string", 0);
const AGE: Column = ("Age", "string", 0);

/// The columns of a built-in kind.
pub(super) fn columns(resource: &str) -> Vec<Column> {
    let own: &[Column] = match resource {
        "pods" => &[
            ("Ready", "string", 0),
            ("Status", "string", 0),
            ("Restarts", "string", 0),
            AGE,
            ("IP", "string", 1),
            ("Node", "string", 1),
            ("Nominated Node", "string", 1),
            ("Readiness Gates", "string", 1),
        ],
        "deployments.apps" => &[
            ("Ready", "string", 0),
            ("Up-to-date", "string", 0),
            ("Available", "string", 0),
            AGE,
            ("Containers", "string", 1),
            ("Images", "string", 1),
            ("Selector", "string", 1),
        ],
        "replicasets.apps" => &[
            ("Desired", "integer", 0),
            ("Current", "integer", 0),
            ("Ready", "integer", 0),
            AGE,
            ("Containers", "string", 1),
            ("Images", "string", 1),
            ("Selector", "string", 1),
        ],
        "statefulsets.apps" => &[("Ready", "string", 0), AGE, ("Containers", "string", 1), ("Images", "string", 1)],
        "daemonsets.apps" => &[
            ("Desired", "integer", 0),
            ("Current", "integer", 0),
            ("Ready", "integer", 0),
            ("Up-to-date", "integer", 0),
            ("Available", "integer", 0),
            ("Node Selector", "string", 0),
            AGE,
        ],
        "jobs.batch" => &[("Status", "string", 0), ("Completions", "string", 0), ("Duration", "string", 0), AGE],
        "cronjobs.batch" => &[
            ("Schedule", "string", 0),
            ("Timezone", "string", 0),
            ("Suspend", "boolean", 0),
            ("Active", "integer", 0),
            ("Last Schedule", "string", 0),
            AGE,
        ],
        "services" => &[
            ("Type", "string", 0),
            ("Cluster-IP", "string", 0),
            ("External-IP", "string", 0),
            ("Port(s)", "string", 0),
            AGE,
            ("Selector", "string", 1),
        ],
        "secrets" => &[("Type", "string", 0), ("Data", "string", 0), AGE],
        "configmaps" => &[("Data", "string", 0), AGE],
        "namespaces" => &[("Status", "string", 0), AGE],
        "serviceaccounts" => &[("Secrets", "string", 0), AGE],
        "persistentvolumeclaims" => &[
            ("Status", "string", 0),
            ("Volume", "string", 0),
            ("Capacity", "string", 0),
            ("Access Modes", "string", 0),
            ("StorageClass", "string", 0),
            ("VolumeAttributesClass", "string", 0),
            AGE,
            ("VolumeMode", "string", 1),
        ],
        "persistentvolumes" => &[
            ("Capacity", "string", 0),
            ("Access Modes", "string", 0),
            ("Reclaim Policy", "string", 0),
            ("Status", "string", 0),
            ("Claim", "string", 0),
            ("StorageClass", "string", 0),
            AGE,
        ],
        "storageclasses.storage.k8s.io" => &[
            ("Provisioner", "string", 0),
            ("ReclaimPolicy", "string", 0),
            ("VolumeBindingMode", "string", 0),
            ("AllowVolumeExpansion", "string", 0),
            AGE,
        ],
        "ingresses.networking.k8s.io" => {
            &[("Class", "string", 0), ("Hosts", "string", 0), ("Address", "string", 0), ("Ports", "string", 0), AGE]
        }
        "nodes" => &[("Status", "string", 0), ("Roles", "string", 0), AGE, ("Version", "string", 0)],
        "events" => &[
            ("Last Seen", "string", 0),
            ("Type", "string", 0),
            ("Reason", "string", 0),
            ("Object", "string", 0),
            ("Message", "string", 0),
        ],
        "roles.rbac.authorization.k8s.io" | "clusterroles.rbac.authorization.k8s.io" => &[("Created At", "date", 0)],
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            &[("Role", "string", 0), AGE]
        }
        "customresourcedefinitions.apiextensions.k8s.io" => &[("Created At", "date", 0)],
        _ => &[AGE],
    };
    // Events have no name worth a column.
    if resource == "events" { own.to_vec() } else { std::iter::once(NAME).chain(own.iter().copied()).collect() }
}

/// The cells of an object.
pub(super) fn row(resource: &str, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = json!(object::name(object));
    let since = json!(age(object::metadata_text(object, "creationTimestamp"), now));
    let number = |path: &[&str]| at(object, path).and_then(Value::as_i64).unwrap_or_default();
    let text = |path: &[&str]| json!(text_at(object, path));
    let or_none = |text: &str| if text.is_empty() { json!("<none>") } else { json!(text) };
    let spec = &["spec", "template", "spec"];
    let count = |path: &[&str]| {
        at(object, path).map_or(0, |found| {
            found.as_object().map_or_else(|| found.as_array().map_or(0, Vec::len), serde_json::Map::len)
        })
    };
    let own: Vec<Value> = match resource {
        "pods" => return pod(object, now),
        "deployments.apps" => vec![
            json!(format!("{}/{}", number(&["status", "readyReplicas"]), number(&["spec", "replicas"]))),
            json!(number(&["status", "updatedReplicas"]).to_string()),
            json!(number(&["status", "availableReplicas"]).to_string()),
            since,
            containers(object, spec, "name"),
            containers(object, spec, "image"),
            json!(labels(at(object, &["spec", "selector", "matchLabels"]))),
        ],
        "replicasets.apps" => vec![
            json!(number(&["spec", "replicas"])),
            json!(number(&["status", "replicas"])),
            json!(number(&["status", "readyReplicas"])),
            since,
            containers(object, spec, "name"),
            containers(object, spec, "image"),
            json!(labels(at(object, &["spec", "selector", "matchLabels"]))),
        ],
        "statefulsets.apps" => vec![
            json!(format!("{}/{}", number(&["status", "readyReplicas"]), number(&["spec", "replicas"]))),
            since,
            containers(object, spec, "name"),
            containers(object, spec, "image"),
        ],
        "daemonsets.apps" => vec![
            json!(number(&["status", "desiredNumberScheduled"])),
            json!(number(&["status", "currentNumberScheduled"])),
            json!(number(&["status", "numberReady"])),
            json!(number(&["status", "updatedNumberScheduled"])),
            json!(number(&["status", "numberAvailable"])),
            or_none(&labels(at(object, &["spec", "template", "spec", "nodeSelector"]))),
            since,
        ],
        "jobs.batch" => job(object, since, now),
        "cronjobs.batch" => vec![
            text(&["spec", "schedule"]),
            or_none(text_at(object, &["spec", "timeZone"])),
            json!(at(object, &["spec", "suspend"]) == Some(&json!(true))),
            json!(count(&["status", "active"])),
            match text_at(object, &["status", "lastScheduleTime"]) {
                "" => json!("<none>"),
                time => json!(age(time, now)),
            },
            since,
        ],
        "services" => {
            let ports = at(object, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten().map(|port| {
                let number = at(port, &["port"]).map(ToString::to_string).unwrap_or_default();
                let node = at(port, &["nodePort"]).map(|node| format!(":{node}")).unwrap_or_default();
                format!("{number}{node}/{}", text_at(port, &["protocol"]))
            });
            let external = match text_at(object, &["spec", "type"]) {
                "ExternalName" => text_at(object, &["spec", "externalName"]).to_owned(),
                "LoadBalancer" => {
                    let ingress = at(object, &["status", "loadBalancer", "ingress"]).and_then(Value::as_array);
                    let addresses: Vec<&str> =
                        ingress.into_iter().flatten().map(|found| text_at(found, &["ip"])).collect();
                    if addresses.is_empty() { "<pending>".to_owned() } else { addresses.join(",") }
                }
                _ => "<none>".to_owned(),
            };
            vec![
                text(&["spec", "type"]),
                or_none(text_at(object, &["spec", "clusterIP"])),
                json!(external),
                or_none(&ports.collect::<Vec<_>>().join(",")),
                since,
                or_none(&labels(at(object, &["spec", "selector"]))),
            ]
        }
        "secrets" => vec![text(&["type"]), json!(count(&["data"]).to_string()), since],
        "configmaps" => vec![json!((count(&["data"]) + count(&["binaryData"])).to_string()), since],
        "namespaces" => vec![text(&["status", "phase"]), since],
        "serviceaccounts" => vec![json!(count(&["secrets"]).to_string()), since],
        "persistentvolumeclaims" => {
            let phase = if object::is_deleting(object) { "Terminating" } else { text_at(object, &["status", "phase"]) };
            let bound = !text_at(object, &["spec", "volumeName"]).is_empty();
            let capacity = if bound { text_at(object, &["status", "capacity", "storage"]) } else { "" };
            let modes = if bound { access_modes(at(object, &["status", "accessModes"])) } else { String::new() };
            let unset = |text: &str| if text.is_empty() { "<unset>".to_owned() } else { text.to_owned() };
            vec![
                json!(phase),
                text(&["spec", "volumeName"]),
                json!(capacity),
                json!(modes),
                text(&["spec", "storageClassName"]),
                json!(unset(text_at(object, &["spec", "volumeAttributesClassName"]))),
                since,
                text(&["spec", "volumeMode"]),
            ]
        }
        "persistentvolumes" => {
            let claim = at(object, &["spec", "claimRef"]);
            let claim = claim.map(|claim| format!("{}/{}", text_at(claim, &["namespace"]), text_at(claim, &["name"])));
            vec![
                text(&["spec", "capacity", "storage"]),
                json!(access_modes(at(object, &["spec", "accessModes"]))),
                text(&["spec", "persistentVolumeReclaimPolicy"]),
                if object::is_deleting(object) { json!("Terminating") } else { text(&["status", "phase"]) },
                json!(claim.unwrap_or_default()),
                text(&["spec", "storageClassName"]),
                since,
            ]
        }
        "storageclasses.storage.k8s.io" => vec![
            text(&["provisioner"]),
            text(&["reclaimPolicy"]),
            text(&["volumeBindingMode"]),
            json!(at(object, &["allowVolumeExpansion"]) == Some(&json!(true))),
            since,
        ],
        "ingresses.networking.k8s.io" => {
            let rules = at(object, &["spec", "rules"]).and_then(Value::as_array).into_iter().flatten();
            let hosts: Vec<&str> = rules
                .map(|rule| match text_at(rule, &["host"]) {
                    "" => "*",
                    host => host,
                })
                .collect();
            let tls = count(&["spec", "tls"]) > 0;
            vec![
                or_none(text_at(object, &["spec", "ingressClassName"])),
                json!(if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") }),
                json!(""),
                json!(if tls { "80, 443" } else { "80" }),
                since,
            ]
        }
        "nodes" => {
            let ready = condition(object, "Ready") == "True";
            vec![
                json!(if ready { "Ready" } else { "NotReady" }),
                json!("<none>"),
                since,
                text(&["status", "nodeInfo", "kubeletVersion"]),
            ]
        }
        "events" => {
            let last = [
                text_at(object, &["lastTimestamp"]),
                text_at(object, &["eventTime"]),
                object::metadata_text(object, "creationTimestamp"),
            ];
            let last = last.into_iter().find(|time| !time.is_empty()).unwrap_or_default();
            let involved = format!(
                "{}/{}",
                text_at(object, &["involvedObject", "kind"]).to_lowercase(),
                text_at(object, &["involvedObject", "name"])
            );
            return vec![
                json!(age(last, now)),
                text(&["type"]),
                text(&["reason"]),
                json!(involved),
                text(&["message"]),
            ];
        }
        "roles.rbac.authorization.k8s.io"
        | "clusterroles.rbac.authorization.k8s.io"
        | "customresourcedefinitions.apiextensions.k8s.io" => {
            vec![json!(object::metadata_text(object, "creationTimestamp"))]
        }
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            vec![
                json!(format!("{}/{}", text_at(object, &["roleRef", "kind"]), text_at(object, &["roleRef", "name"]))),
                since,
            ]
        }
        _ => vec![since],
    };
    std::iter::once(name).chain(own).collect()
}

fn job(object: &Value, since: Value, now: Timestamp) -> Vec<Value> {
    let done = at(object, &["status", "succeeded"]).and_then(Value::as_i64).unwrap_or_default();
    let wanted = at(object, &["spec", "completions"]).and_then(Value::as_i64);
    let status = match () {
        () if condition(object, "Complete") == "True" => "Complete",
        () if condition(object, "Failed") == "True" => "Failed",
        () if object::is_deleting(object) => "Terminating",
        () if at(object, &["spec", "suspend"]) == Some(&json!(true)) => "Suspended",
        () => "Running",
    };
    let start = text_at(object, &["status", "startTime"]).parse::<Timestamp>().ok();
    let end = text_at(object, &["status", "completionTime"]).parse::<Timestamp>().unwrap_or(now);
    let duration = start.map_or_else(String::new, |start| human(end.0 - start.0));
    vec![json!(status), json!(format!("{done}/{}", wanted.unwrap_or(1))), json!(duration), since]
}

/// From `printPod`, for the states that a simulated node makes.
fn pod(object: &Value, now: Timestamp) -> Vec<Value> {
    let statuses: Vec<&Value> =
        at(object, &["status", "containerStatuses"]).and_then(Value::as_array).into_iter().flatten().collect();
    let total = at(object, &["spec", "containers"]).and_then(Value::as_array).map_or(0, Vec::len);
    let ready = statuses.iter().filter(|status| status.get("ready") == Some(&json!(true))).count();
    let restarts: i64 = statuses.iter().filter_map(|status| at(status, &["restartCount"])?.as_i64()).sum();
    let mut reason = match text_at(object, &["status", "reason"]) {
        "" => text_at(object, &["status", "phase"]).to_owned(),
        reason => reason.to_owned(),
    };
    for status in statuses.iter().rev() {
        for state in ["waiting", "terminated"] {
            let found = text_at(status, &["state", state, "reason"]);
            if !found.is_empty() {
                found.clone_into(&mut reason);
            }
        }
    }
    if object::is_deleting(object) {
        "Terminating".clone_into(&mut reason);
    }
    let or_none = |text: &str| if text.is_empty() { json!("<none>") } else { json!(text) };
    vec![
        json!(object::name(object)),
        json!(format!("{ready}/{total}")),
        json!(reason),
        json!(restarts.to_string()),
        json!(age(object::metadata_text(object, "creationTimestamp"), now)),
        or_none(text_at(object, &["status", "podIP"])),
        or_none(text_at(object, &["spec", "nodeName"])),
        or_none(text_at(object, &["status", "nominatedNodeName"])),
        json!("<none>"),
    ]
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    let mut conditions = at(object, &["status", "conditions"]).and_then(Value::as_array).into_iter().flatten();
    conditions.find(|condition| text_at(condition, &["type"]) == kind).map_or("", |found| text_at(found, &["status"]))
}

fn containers(object: &Value, path: &[&str], field: &str) -> Value {
    let containers = at(object, path).and_then(|spec| at(spec, &["containers"])?.as_array()).into_iter().flatten();
    json!(containers.map(|container| text_at(container, &[field])).collect::<Vec<_>>().join(","))
}

fn labels(labels: Option<&Value>) -> String {
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")
}

fn access_modes(modes: Option<&Value>) -> String {
    let short = |mode: &str| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        _ => "RWOP",
    };
    object::texts(modes).iter().map(|mode| short(mode)).collect::<Vec<_>>().join(",")
}

fn age(time: &str, now: Timestamp) -> String {
    time.parse::<Timestamp>().map_or_else(|_| "<unknown>".to_owned(), |time| human(now.0 - time.0))
}

/// From `k8s.io/apimachinery`, `pkg/util/duration/duration.go`.
fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let with = |large: i64, unit: &str, small: i64, smaller: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{smaller}") }
    };
    match () {
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => with(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => with(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => with(days, "d", hours % 24, "h"),
        () if days < 730 => format!("{days}d"),
        () => with(days / 365, "y", days % 365, "d"),
    }
}

/// The cell of a custom column: the value at a simple path, such as `.spec.replicas` or `.status.conditions[?(@.type=="Ready")].status`.
pub(super) fn by_path(object: &Value, path: &str, kind: &str, now: Timestamp) -> Value {
    let Some(found) = follow(object, path) else { return Value::Null };
    match (kind, found) {
        ("date", Value::String(time)) => json!(age(time, now)),
        ("string", Value::String(text)) => json!(text),
        ("string", other) => json!(other.to_string()),
        (_, other) => other.clone(),
    }
}

fn follow<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = object;
    let mut rest = path.trim_start_matches('.');
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let (condition, after) = filter.split_once(")]")?;
            let (field, wanted) = condition.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            value = value.as_array()?.iter().find(|item| text_at(item, &[field.trim()]) == wanted)?;
            rest = after.trim_start_matches('.');
        } else if let Some(index) = rest.strip_prefix('[') {
            let (position, after) = index.split_once(']')?;
            value = match position.parse::<usize>() {
                Ok(position) => value.get(position)?,
                Err(_) => value.get(position.trim_matches(['"', '\'']))?,
            };
            rest = after.trim_start_matches('.');
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            value = value.get(rest.get(..end)?.replace('\\', ""))?;
            rest = rest.get(end..)?.trim_start_matches('.');
        }
    }
    (!value.is_null()).then_some(value)
}
