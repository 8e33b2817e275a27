//! Pods and pod templates.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidatePodSpec`), which the modules below follow.

mod container;
mod environment;
mod mounts;
mod probe;
mod resources;
mod scheduling;
mod security;
mod update;
mod volume;
mod volume_warnings;
mod warnings;

use holm_values::names;
use serde_json::{Value, json};

use super::items;
use super::rules::{Checks, ip};
use crate::field_error::FieldError;
use crate::object::{at, text_at, texts};

pub(super) use scheduling::{node_selector, tolerations};
pub(super) use update::update;
pub(super) use volume::{host_path, network_share};
pub(super) use warnings::warnings;

/// The most addresses of name servers.
const MAX_NAME_SERVERS: usize = 3;

/// The most domains to search, and the most characters of all of them.
const MAX_SEARCHES: usize = 32;
const MAX_SEARCHES_SIZE: usize = 2048;

/// Checks a pod, from `ValidatePodCreate` and `validatePodMetadataAndSpec`.
pub(super) fn check_pod(object: &Value, is_new: bool) -> Vec<FieldError> {
    let mut errors = check(object, &["spec"], "spec");
    // Templates may have it, with a warning.
    errors.at_least(at(object, &["spec"]).unwrap_or(&Value::Null), "terminationGracePeriodSeconds", "spec", 0);
    if is_new && at(object, &["spec", "ephemeralContainers"]).is_some() {
        errors.push(FieldError::forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    let is_held = items(object, &["spec", "schedulingGates"], "").next().is_some();
    if is_new && is_held && !text_at(object, &["spec", "nodeName"]).is_empty() {
        let detail = "cannot be set until all schedulingGates have been cleared";
        errors.push(FieldError::forbidden("spec.nodeName", detail));
    }
    errors
}

/// Checks the pod spec at a path.
pub(super) fn check(object: &Value, path: &[&str], shown: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let Some(spec) = at(object, path) else { return errors };
    let volumes = volume::check(spec, shown, &mut errors);
    container::check_all(spec, shown, &volumes, &mut errors);
    let supported = ["Always", "OnFailure", "Never"];
    required_word(spec, "restartPolicy", shown, &supported, &mut errors);
    let supported = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    required_word(spec, "dnsPolicy", shown, &supported, &mut errors);
    dns(spec, shown, &mut errors);
    errors.labels(at(spec, &["nodeSelector"]), &format!("{shown}.nodeSelector"));
    errors.text_unless_empty(spec, "serviceAccountName", shown, names::subdomain);
    errors.text_unless_empty(spec, "nodeName", shown, names::subdomain);
    errors.text_unless_empty(spec, "hostname", shown, names::label);
    errors.text_unless_empty(spec, "subdomain", shown, names::label);
    errors.text(spec, "runtimeClassName", shown, names::subdomain);
    errors.text_unless_empty(spec, "priorityClassName", shown, names::subdomain);
    if at(spec, &["preemptionPolicy"]).is_some() && errors.filled(spec, "preemptionPolicy", shown) {
        errors.one_of(spec, "preemptionPolicy", shown, &["Never", "PreemptLowerPriority"]);
    }
    host_name(spec, shown, &mut errors);
    errors.between(spec, "activeDeadlineSeconds", shown, 1, i64::from(i32::MAX));
    for (path, alias) in items(spec, &["hostAliases"], &format!("{shown}.hostAliases")) {
        let address = text_at(alias, &["ip"]);
        errors.all(format!("{path}.ip"), &json!(address), ip(address));
        for (path, name) in items(alias, &["hostnames"], &format!("{path}.hostnames")) {
            errors.all(path, name, names::subdomain(name.as_str().unwrap_or_default()));
        }
    }
    for (path, gate) in items(spec, &["readinessGates"], &format!("{shown}.readinessGates")) {
        let kind = text_at(gate, &["conditionType"]);
        errors.all(format!("{path}.conditionType"), &json!(kind), names::label_key(kind));
    }
    let mut gates: Vec<&str> = Vec::new();
    for (path, gate) in items(spec, &["schedulingGates"], &format!("{shown}.schedulingGates")) {
        let name = text_at(gate, &["name"]);
        errors.all(path.clone(), &json!(name), names::label_key(name));
        if gates.contains(&name) {
            errors.push(FieldError::duplicate(path, name));
        }
        gates.push(name);
    }
    match text_at(spec, &["os", "name"]) {
        "linux" | "windows" => {}
        "" if at(spec, &["os"]).is_none() => {}
        "" => errors.push(FieldError::required(format!("{shown}.os.name"), "")),
        other => errors.push(FieldError::not_supported(format!("{shown}.os"), other, &["linux", "windows"])),
    }
    scheduling::check(spec, shown, &mut errors);
    security::check_pod(spec, shown, &mut errors);
    let is = |field: &str| at(spec, &[field]) == Some(&Value::Bool(true));
    if is("shareProcessNamespace") && is("hostPID") {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(format!("{shown}.shareProcessNamespace"), true, detail));
    }
    errors
}

/// From `validatePodHostName` and `validateHostUsers`.
fn host_name(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    const MAX_HOST_NAME: usize = 64;
    let is = |field: &str, value: bool| at(spec, &[field]) == Some(&Value::Bool(value));
    if let Some(name) = at(spec, &["hostnameOverride"]).and_then(Value::as_str) {
        let path = format!("{shown}.hostnameOverride");
        for field in ["setHostnameAsFQDN", "hostNetwork"].into_iter().filter(|field| is(field, true)) {
            errors.push(FieldError::forbidden(path.as_str(), format!("may not be specified when {field} is true")));
        }
        if name.len() > MAX_HOST_NAME {
            errors.push(FieldError::too_long(path.as_str(), MAX_HOST_NAME));
        }
        errors.all(path, &json!(name), names::subdomain(name));
    }
    if is("hostUsers", false) {
        // The names are written like this there too.
        for (field, name) in [("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
            if is(field, true) {
                errors.push(FieldError::forbidden(format!("{shown}.{name}"), "when `hostUsers` is false"));
            }
        }
    }
}

/// A word that has a default, so that it is there.
fn required_word(object: &Value, field: &str, path: &str, supported: &[&str], errors: &mut Vec<FieldError>) {
    match at(object, &[field]) {
        None => errors.push(FieldError::required(format!("{path}.{field}"), "")),
        Some(value) if value == "" => errors.push(FieldError::required(format!("{path}.{field}"), "")),
        Some(_) => errors.one_of(object, field, path, supported),
    }
}

/// From `validatePodDNSConfig`.
fn dns(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    let policy = text_at(spec, &["dnsPolicy"]);
    let path = format!("{shown}.dnsConfig");
    let Some(config) = at(spec, &["dnsConfig"]) else {
        if policy == "None" {
            let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(FieldError::required(path, detail));
        }
        return;
    };
    let servers = at(config, &["nameservers"]).and_then(Value::as_array).map_or(0, Vec::len);
    if policy == "None" && servers == 0 {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.push(FieldError::required(format!("{path}.nameservers"), detail));
        return;
    }
    if servers > MAX_NAME_SERVERS {
        let value = at(config, &["nameservers"]).cloned().unwrap_or_default();
        let detail = format!("must not have more than {MAX_NAME_SERVERS} nameservers");
        errors.push(FieldError::invalid(format!("{path}.nameservers"), value, detail));
    }
    for (path, server) in items(config, &["nameservers"], &format!("{path}.nameservers")) {
        errors.all(path, server, ip(server.as_str().unwrap_or_default()));
    }
    let searches = texts(at(config, &["searches"]));
    let shown = format!("{path}.searches");
    let mut refuse = |detail: String| errors.push(FieldError::invalid(shown.as_str(), json!(searches), detail));
    if searches.len() > MAX_SEARCHES {
        refuse(format!("must not have more than {MAX_SEARCHES} search paths"));
    }
    if searches.join(" ").len() > MAX_SEARCHES_SIZE {
        refuse(format!("must not have more than {MAX_SEARCHES_SIZE} characters (including spaces) in the search list"));
    }
    for (position, search) in searches.iter().enumerate().filter(|(_, search)| *search != ".") {
        let domain = search.strip_suffix('.').unwrap_or(search);
        errors.all(format!("{shown}[{position}]"), &json!(domain), names::subdomain_with_underscores(domain));
    }
    for (path, option) in items(config, &["options"], &format!("{path}.options")) {
        if text_at(option, &["name"]).is_empty() {
            errors.push(FieldError::required(path, "must not be empty"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(fields: &Value) -> Vec<String> {
        let mut spec = json!({
            "containers": [{
                "name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
            }],
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "terminationGracePeriodSeconds": 30,
        });
        for (field, value) in fields.as_object().into_iter().flatten() {
            match field.strip_prefix("container/") {
                Some(field) => spec["containers"][0][field] = value.clone(),
                None => spec[field] = value.clone(),
            }
        }
        field_error::told(&check_pod(&json!({"spec": spec}), true), |field| {
            field.trim_start_matches("spec.").trim_start_matches("containers[0].")
        })
    }

    /// Some wrong pods, and what is told of them.
    fn cases(cases: &[(Value, &[&str])]) {
        for (fields, wrong) in cases {
            assert_eq!(told(fields), *wrong, "{fields}");
        }
    }

    #[test]
    fn pods_say_what_there_is_to_say_and_no_more() {
        cases(&[
            (json!({}), &[]),
            (json!({"runtimeClassName": ""}), &["Invalid runtimeClassName"]),
            (json!({"preemptionPolicy": ""}), &["Required preemptionPolicy"]),
            (json!({"preemptionPolicy": "Bogus"}), &["NotSupported preemptionPolicy"]),
            (json!({"os": {}}), &["Required os.name"]),
            (json!({"hostAliases": [{}]}), &["Invalid hostAliases[0].ip"]),
            (json!({"nodeName": "n", "schedulingGates": [{"name": "a"}]}), &["Forbidden nodeName"]),
            (json!({"hostUsers": false, "hostPID": true}), &["Forbidden HostPID"]),
            (json!({"hostnameOverride": "h", "hostNetwork": true}), &["Forbidden hostnameOverride"]),
            (json!({"terminationGracePeriodSeconds": -1}), &["Invalid terminationGracePeriodSeconds"]),
        ]);
    }

    #[test]
    fn containers_are_named_once_and_their_ports_are_theirs() {
        let port = |host: i64| json!({"containerPort": 80, "hostPort": host, "protocol": "TCP"});
        let init = |fields: Value| {
            let mut container = json!({"name": "i", "image": "i", "imagePullPolicy": "Always"});
            for (field, value) in fields.as_object().into_iter().flatten() {
                container[field] = value.clone();
            }
            container
        };
        cases(&[
            (json!({"initContainers": [init(json!({"name": "c"}))]}), &["Duplicate initContainers[0].name"]),
            (json!({"container/ports": [port(1), port(1)]}), &["Duplicate ports[1].hostPort"]),
            (
                json!({"initContainers": [init(json!({})), init(json!({"name": "j", "ports": [port(1), port(1)]}))]}),
                &["Duplicate initContainers[0].ports[1].hostPort"],
            ),
            (json!({"hostNetwork": true, "container/ports": [port(1)]}), &["Invalid ports[0].hostPort"]),
            (json!({"hostNetwork": true, "initContainers": [init(json!({"ports": [port(1)]}))]}), &[]),
            (json!({"container/restartPolicy": "Never"}), &[]),
            (json!({"container/restartPolicy": "Bogus"}), &["NotSupported restartPolicy"]),
            (
                json!({"container/restartPolicyRules": [{"action": "Restart"}]}),
                &["Required restartPolicy", "Required restartPolicyRules[0].exitCodes"],
            ),
            (
                json!({"initContainers": [init(json!({"restartPolicyRules": [{"action": "Restart"}]}))]}),
                &["Required initContainers[0].restartPolicy"],
            ),
        ]);
    }

    #[test]
    fn references_to_fields_tell_one_problem() {
        let field = |version: &str, path: &str| {
            let reference = json!({"fieldRef": {"apiVersion": version, "fieldPath": path}});
            json!({"container/env": [{"name": "A", "valueFrom": reference}]})
        };
        let resource = |resource: &str, divisor: &str| {
            let reference = json!({"resourceFieldRef": {"resource": resource, "divisor": divisor}});
            json!({"container/env": [{"name": "A", "valueFrom": reference}]})
        };
        let file = json!({"container/env": [{"name": "A", "valueFrom": {"fileKeyRef": {"key": "K", "path": "p", "volumeName": "v"}}}]});
        cases(&[
            (field("v1", "metadata.name"), &[]),
            (field("v1", "spec.host"), &[]),
            (field("v1", "metadata.labels['a']"), &[]),
            (field("v1", "metadata.labels['bad key']"), &["Invalid env[0].valueFrom.fieldRef"]),
            (field("v1", "metadata.labels"), &["NotSupported env[0].valueFrom.fieldRef.fieldPath"]),
            (field("v2", "metadata.labels['a']"), &["Invalid env[0].valueFrom.fieldRef.fieldPath"]),
            (field("", ""), &["Required env[0].valueFrom.fieldRef.apiVersion"]),
            (resource("limits.cpu", "1m"), &[]),
            (resource("limits.cpu", "2"), &["Invalid env[0].valueFrom.resourceFieldRef.divisor"]),
            (resource("bogus", "2"), &["NotSupported env[0].valueFrom.resourceFieldRef.resource"]),
            (file, &["NotFound env[0].valueFrom.fileKeyRef.volumeName"]),
        ]);
    }

    #[test]
    fn resources_that_cannot_be_promised_twice_are_limited() {
        let of =
            |limits: Value, requests: Value| json!({"container/resources": {"limits": limits, "requests": requests}});
        cases(&[
            (of(json!({"kubernetes.io/x": "0.5"}), json!({"kubernetes.io/y": 1})), &[]),
            (of(json!({}), json!({"example.com/x": 1})), &["Required resources.limits"]),
            (of(json!({"example.com/x": 2}), json!({"example.com/x": 1})), &["Invalid resources.requests"]),
            (of(json!({"example.com/x": "-0.5"}), json!({})), &["Invalid resources.limits[example.com/x]"; 2]),
            (of(json!({"cpu": 1, "hugepages-2Mi": "3"}), json!({})), &["Invalid resources.limits[hugepages-2Mi]"]),
            (of(json!({"cpu": 1, "hugepages-x": "2Mi"}), json!({})), &["Invalid resources.limits[hugepages-x]"]),
            (
                json!({"resourceClaims": [{"name": "a"}], "container/resources": {"claims": [{"name": "a", "request": "r"}, {"name": "a"}, {"name": "b"}, {}]}}),
                &["Duplicate resources.claims[1]", "NotFound resources.claims[2]", "Required resources.claims[3]"],
            ),
        ]);
    }

    #[test]
    fn mounts_and_devices_are_at_different_places() {
        let volumes =
            json!([{"name": "v", "emptyDir": {}}, {"name": "p", "persistentVolumeClaim": {"claimName": "p"}}]);
        let mounts = |mounts: Value| json!({"volumes": volumes, "container/volumeMounts": mounts});
        let devices = |devices: Value| json!({"volumes": volumes, "container/volumeDevices": devices});
        cases(&[
            (
                mounts(json!([{"name": "v"}, {"name": "v"}])),
                &[
                    "Required volumeMounts[0].mountPath",
                    "Required volumeMounts[1].mountPath",
                    "Invalid volumeMounts[1].mountPath",
                ],
            ),
            (mounts(json!([{"name": "v", "mountPath": "/", "subPath": "", "subPathExpr": "a"}])), &[]),
            (
                mounts(
                    json!([{"name": "v", "mountPath": "/", "readOnly": true, "recursiveReadOnly": "Enabled", "mountPropagation": "HostToContainer"}]),
                ),
                &["Forbidden volumeMounts.recursiveReadOnly"],
            ),
            (
                devices(json!([{"name": "p", "devicePath": "/a"}, {"name": "p", "devicePath": "/a"}])),
                &["Invalid volumeDevices[1].name", "Invalid volumeDevices[1].devicePath"],
            ),
            (devices(json!([{"name": "p", "devicePath": "/../a"}])), &["Invalid volumeDevices[0].devicePath"]),
            (devices(json!([{"name": "v", "devicePath": "/a"}])), &["Invalid volumeDevices[0].name"]),
        ]);
    }

    #[test]
    fn without_name_servers_nothing_else_of_them_is_looked_at() {
        cases(&[
            (json!({"dnsPolicy": "None", "dnsConfig": {"searches": ["A"]}}), &["Required dnsConfig.nameservers"]),
            (json!({"dnsConfig": {"searches": ["_a.b.", ".", "A"]}}), &["Invalid dnsConfig.searches[2]"]),
            (json!({"dnsConfig": {"nameservers": ["10.0.0.01"]}}), &["Invalid dnsConfig.nameservers[0]"]),
        ]);
    }
}
