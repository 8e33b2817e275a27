//! The defaults of pods and of everything that holds a pod template.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/v1/defaults.go` and `zz_generated.defaults.go`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{default_at, default_text, each};
use crate::object::{at, at_mut, set_at, text_at};

/// Fills in a pod.
pub(super) fn fill_pod(pod: &mut Value) {
    for list in ["containers", "initContainers"] {
        for container in each(pod, &["spec", list]) {
            // A limit without a request is a request too. Templates are not completed in this way.
            let limits = at(container, &["resources", "limits"]).and_then(Value::as_object).cloned();
            for (name, amount) in limits.into_iter().flatten() {
                default_at(container, &["resources", "requests", &name], amount);
            }
        }
    }
    if at(pod, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64).is_some_and(|grace| grace < 0) {
        set_at(pod, &["spec", "terminationGracePeriodSeconds"], json!(1));
    }
    default_at(pod, &["spec", "enableServiceLinks"], json!(true));
    // Templates are not completed in this way either.
    if at(pod, &["spec", "hostNetwork"]) == Some(&json!(true)) {
        default_host_ports(pod, &["spec"]);
    }
    fill_spec_at(pod, &["spec"]);
    if let Some(ip) = at(pod, &["status", "podIP"]).cloned()
        && at(pod, &["status", "podIPs"]).is_none()
    {
        set_at(pod, &["status", "podIPs"], json!([{"ip": ip}]));
    }
    if let Some(ip) = at(pod, &["status", "hostIP"]).cloned()
        && at(pod, &["status", "hostIPs"]).is_none()
    {
        set_at(pod, &["status", "hostIPs"], json!([{"ip": ip}]));
    }
}

/// Fills in the pod template at a path.
pub(super) fn fill_template(object: &mut Value, path: &[&str]) {
    let path: Vec<&str> = path.iter().copied().chain(["spec"]).collect();
    if at(object, &path).is_none() {
        set_at(object, &path, json!({}));
    }
    fill_spec_at(object, &path);
}

fn default_host_ports(object: &mut Value, path: &[&str]) {
    for list in ["containers", "initContainers"] {
        for container in each(object, &[path, &[list]].concat()) {
            for port in each(container, &["ports"]) {
                if let Some(number) = at(port, &["containerPort"]).cloned() {
                    let unset = at(port, &["hostPort"]).is_none_or(|host| host == &json!(0));
                    if unset {
                        set_at(port, &["hostPort"], number);
                    }
                }
            }
        }
    }
}

fn fill_spec_at(object: &mut Value, path: &[&str]) {
    if let Some(spec) = at_mut(object, path) {
        fill_spec(spec);
    }
}

fn fill_spec(spec: &mut Value) {
    default_text(spec, &["dnsPolicy"], "ClusterFirst");
    default_text(spec, &["restartPolicy"], "Always");
    default_at(spec, &["securityContext"], json!({}));
    default_at(spec, &["terminationGracePeriodSeconds"], json!(30));
    default_text(spec, &["schedulerName"], "default-scheduler");
    // The old name of the field mirrors the new one; the new one wins.
    let account = match text_at(spec, &["serviceAccountName"]) {
        "" => text_at(spec, &["serviceAccount"]),
        name => name,
    };
    if !account.is_empty() {
        let account = json!(account);
        set_at(spec, &["serviceAccountName"], account.clone());
        set_at(spec, &["serviceAccount"], account);
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        each(spec, &[list]).for_each(fill_container);
    }
    each(spec, &["volumes"]).for_each(fill_volume);
}

/// The names of images, from `github.com/distribution/reference`, `regexp.go`.
static IMAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let part = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let domain = format!(r"{part}(?:\.{part})*(?::[0-9]+)?");
    let segment = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
    let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
    Regex::new(&format!(
        r"^(?:{domain}/)?{segment}(?:/{segment})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{digest})?$"
    ))
    .ok()
});

/// `Always` for what may change under its name, `IfNotPresent` for the rest.
fn image_pull_policy(image: &str) -> &'static str {
    if !IMAGE.as_ref().is_some_and(|pattern| pattern.is_match(image)) {
        // What is no name has no tag, not even the one that others have without saying so (`SetDefaults_Container`).
        return "IfNotPresent";
    }
    let (name, digest) = image.split_once('@').unwrap_or((image, ""));
    // A colon before the last slash belongs to a port of the registry.
    let last = name.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once(':').map_or("", |(_, tag)| tag);
    let latest = tag == "latest" || (tag.is_empty() && digest.is_empty());
    if latest { "Always" } else { "IfNotPresent" }
}

fn fill_container(container: &mut Value) {
    if text_at(container, &["imagePullPolicy"]).is_empty() {
        let policy = image_pull_policy(text_at(container, &["image"]));
        set_at(container, &["imagePullPolicy"], json!(policy));
    }
    default_text(container, &["terminationMessagePath"], "/dev/termination-log");
    default_text(container, &["terminationMessagePolicy"], "File");
    for port in each(container, &["ports"]) {
        default_text(port, &["protocol"], "TCP");
    }
    for variable in each(container, &["env"]) {
        if at(variable, &["valueFrom", "fieldRef"]).is_some() {
            default_text(variable, &["valueFrom", "fieldRef", "apiVersion"], "v1");
        }
        if at(variable, &["valueFrom", "fileKeyRef"]).is_some() {
            default_at(variable, &["valueFrom", "fileKeyRef", "optional"], json!(false));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = at_mut(container, &[probe]) {
            fill_probe(probe);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(request) = at_mut(container, &["lifecycle", hook, "httpGet"]) {
            fill_request(request);
        }
    }
}

fn fill_probe(probe: &mut Value) {
    for (field, seconds) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        let unset = at(probe, &[field]).is_none_or(|value| value == &json!(0));
        if unset {
            set_at(probe, &[field], json!(seconds));
        }
    }
    if let Some(request) = at_mut(probe, &["httpGet"]) {
        fill_request(request);
    }
    if at(probe, &["grpc"]).is_some() {
        default_at(probe, &["grpc", "service"], json!(""));
    }
}

fn fill_request(request: &mut Value) {
    default_text(request, &["path"], "/");
    default_text(request, &["scheme"], "HTTP");
}

const SOURCES_WITH_MODE: [&str; 4] = ["secret", "configMap", "downwardAPI", "projected"];

fn fill_volume(volume: &mut Value) {
    let has_source =
        volume.as_object().is_some_and(|fields| fields.iter().any(|(name, value)| name != "name" && !value.is_null()));
    if !has_source {
        set_at(volume, &["emptyDir"], json!({}));
    }
    if let Some(image) = at(volume, &["image"]) {
        let policy = image_pull_policy(text_at(image, &["reference"]));
        default_text(volume, &["image", "pullPolicy"], policy);
    }
    for source in SOURCES_WITH_MODE {
        if at(volume, &[source]).is_some() {
            default_at(volume, &[source, "defaultMode"], json!(420));
        }
    }
    for item in each(volume, &["downwardAPI", "items"]) {
        if at(item, &["fieldRef"]).is_some() {
            default_text(item, &["fieldRef", "apiVersion"], "v1");
        }
    }
    for source in each(volume, &["projected", "sources"]) {
        if at(source, &["serviceAccountToken"]).is_some() {
            default_at(source, &["serviceAccountToken", "expirationSeconds"], json!(3600));
        }
        for item in each(source, &["downwardAPI", "items"]) {
            if at(item, &["fieldRef"]).is_some() {
                default_text(item, &["fieldRef", "apiVersion"], "v1");
            }
        }
    }
    if at(volume, &["hostPath"]).is_some() {
        default_at(volume, &["hostPath", "type"], json!(""));
    }
    if at(volume, &["ephemeral", "volumeClaimTemplate", "spec"]).is_some() {
        default_at(volume, &["ephemeral", "volumeClaimTemplate", "spec", "volumeMode"], json!("Filesystem"));
    }
    if at(volume, &["iscsi"]).is_some() {
        default_text(volume, &["iscsi", "iscsiInterface"], "default");
    }
    if at(volume, &["rbd"]).is_some() {
        default_text(volume, &["rbd", "pool"], "rbd");
        default_text(volume, &["rbd", "user"], "admin");
        default_text(volume, &["rbd", "keyring"], "/etc/ceph/keyring");
    }
    if at(volume, &["azureDisk"]).is_some() {
        default_at(volume, &["azureDisk", "cachingMode"], json!("ReadWrite"));
        default_at(volume, &["azureDisk", "fsType"], json!("ext4"));
        default_at(volume, &["azureDisk", "readOnly"], json!(false));
        default_at(volume, &["azureDisk", "kind"], json!("Shared"));
    }
    if at(volume, &["scaleIO"]).is_some() {
        default_text(volume, &["scaleIO", "storageMode"], "ThinProvisioned");
        default_text(volume, &["scaleIO", "fsType"], "xfs");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_may_change_are_pulled_always() {
        let cases = [
            ("postgres", "Always"),
            ("postgres:latest", "Always"),
            ("postgres:15-alpine", "IfNotPresent"),
            ("host:5000/postgres", "Always"),
            ("host:5000/postgres:15", "IfNotPresent"),
            ("postgres@sha256:00", "IfNotPresent"),
            (" postgres", "IfNotPresent"),
            ("Postgres", "IfNotPresent"),
            ("", "IfNotPresent"),
            ("registry.test/team/postgres", "Always"),
        ];
        for (image, policy) in cases {
            assert_eq!(image_pull_policy(image), policy, "{image}");
        }
    }
}
