//! Generated cases: one minimal object of every built-in kind that can be created.

use holm_schema::{GroupVersionKind, Resource, built_in};
use serde_json::{Value, json};

use crate::read::Case;

/// Why the embedded server does not serve a kind.
const UNSUPPORTED: &[(&str, &str)] = &[("APIService", "there are no aggregated APIs")];

/// What controllers write into objects of a kind while the case runs. Of these the resource version is not compared either.
const WRITTEN_BY_CONTROLLERS: &[(&str, &[&str])] = &[
    ("APIService", &["/status"]),
    // Who asks is not the same user on both.
    ("CertificateSigningRequest", &["/status", "/spec/groups", "/spec/uid", "/spec/username"]),
    ("CronJob", &["/status"]),
    ("CustomResourceDefinition", &["/status"]),
    ("DaemonSet", &["/metadata/annotations"]),
    ("Deployment", &["/metadata/annotations", "/metadata/managedFields"]),
    ("DeviceTaintRule", &["/status", "/metadata/managedFields"]),
    ("Endpoints", &[]),
    ("FlowSchema", &["/status"]),
    ("HorizontalPodAutoscaler", &[]),
    ("Job", &[]),
    ("Namespace", &[]),
    // A list of webhooks that is given and empty counts as a change every time.
    ("MutatingWebhookConfiguration", &["/metadata/generation"]),
    ("Node", &["/status", "/metadata/annotations", "/metadata/labels", "/metadata/managedFields", "/spec"]),
    ("PersistentVolume", &["/status", "/spec/claimRef", "/metadata/annotations", "/metadata/managedFields"]),
    ("PersistentVolumeClaim", &["/status", "/metadata/annotations", "/metadata/managedFields"]),
    ("Pod", &["/spec"]),
    ("PodDisruptionBudget", &["/status"]),
    ("PriorityLevelConfiguration", &["/status"]),
    ("ReplicaSet", &[]),
    ("ReplicationController", &[]),
    ("ResourceClaim", &["/status"]),
    ("ResourceQuota", &["/status"]),
    ("ServiceCIDR", &["/status", "/metadata/finalizers", "/metadata/managedFields"]),
    ("StatefulSet", &[]),
    ("StorageVersionMigration", &["/status"]),
    ("ValidatingAdmissionPolicy", &["/status", "/metadata/managedFields"]),
    ("VolumeAttachment", &["/status"]),
];

/// The cases, one for each object of a file of manifests.
pub fn cases(manifests: &str) -> Vec<Case> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(manifests).unwrap();
    objects.iter().map(case).collect()
}

fn case(object: &Value) -> Case {
    let text = |field: &str| object[field].as_str().unwrap();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let pack = built_in().unwrap();
    let resource = pack.resource_of_kind(&GroupVersionKind::new(group, version, kind)).unwrap();
    let unsupported = UNSUPPORTED.iter().find(|(of, _)| *of == kind).map(|(_, why)| (*why).to_owned());
    Case {
        area: "Every kind".to_owned(),
        name: format!("{api_version} {kind}"),
        unsupported,
        steps: steps(object, resource),
    }
}

fn steps(object: &Value, resource: &Resource) -> Vec<Value> {
    let root = if resource.kind.group.is_empty() { "/api" } else { "/apis" };
    let namespace = if resource.namespaced { "/namespaces/${ns}" } else { "" };
    let name = object["metadata"]["name"].as_str().unwrap();
    let collection = format!("{root}/{}{namespace}/{}", resource.kind.api_version(), resource.name);
    let one = format!("{collection}/{name}");
    let written = WRITTEN_BY_CONTROLLERS.iter().find(|(kind, _)| *kind == resource.kind.kind);
    let hide = json!(written.map(|(_, pointers)| *pointers).unwrap_or_default());
    let applied = |query: &str, body: &Value| json!({"do": format!("PATCH {one}?fieldManager=applier{query}"), "type": "apply", "body": body, "hide": hide});
    let not_ours = if resource.kind.kind == "CertificateSigningRequest" { hide.clone() } else { json!([]) };
    let mut labelled = object.clone();
    labelled["metadata"]["labels"]["more"] = json!("label");
    let mut again = applied("", object);
    if written.is_none() {
        again["same_version_as"] = json!(1);
    }
    let mut steps = vec![
        json!({"do": format!("POST {collection}?dryRun=All"), "body": object, "hide": not_ours}),
        applied("", object),
        again,
        applied("&dryRun=All", &labelled),
        json!({
            "do": format!("PATCH {one}"), "type": "merge", "hide": hide,
            "body": {"metadata": {"labels": {"more": "other"}, "annotations": {"note": "x"}}},
        }),
        json!({"do": format!("GET {one}"), "hide": hide}),
    ];
    // A controller may have added a finalizer, and then a deletion is answered otherwise.
    if resource.kind.kind != "ServiceCIDR" {
        steps.push(json!({"do": format!("DELETE {one}?dryRun=All"), "hide": hide, "show": "code"}));
        steps.push(json!({"do": format!("DELETE {one}"), "show": "code"}));
    }
    steps
}
