//! Discovery: which groups, versions and resources there are.
//!
//! From `k8s.io/apiserver`, `pkg/endpoints/discovery`, in the old form (one document per version) and aggregated (one for all).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::json_answer;
use super::respond::{Accept, AnswerBody, typed};
use crate::error::ApiError;
use crate::registry::{Registry, ResourceType};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a request for a discovery document.
pub(super) fn answer(
    registry: &Registry,
    segments: &[&str],
    accept: &Accept,
) -> Result<Response<AnswerBody>, ApiError> {
    let aggregated = accept.aggregated_discovery();
    match segments {
        [] => Ok(json_answer(200, &json!({"paths": paths(registry)}))),
        ["version", ..] => Ok(json_answer(200, &version())),
        ["api"] if aggregated => Ok(typed(200, AGGREGATED, &groups(registry, true))),
        ["apis"] if aggregated => Ok(typed(200, AGGREGATED, &groups(registry, false))),
        ["api"] => Ok(json_answer(
            200,
            &json!({
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
            }),
        )),
        ["apis"] => {
            let groups: Vec<Value> = registry
                .groups()
                .iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, versions)| group(name, versions, false))
                .collect();
            Ok(json_answer(200, &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})))
        }
        ["apis", name] => {
            let groups = registry.groups();
            let versions = groups.get(name).filter(|_| !name.is_empty()).ok_or_else(ApiError::no_path)?;
            Ok(json_answer(200, &group(name, versions, true)))
        }
        ["api", version] => resources(registry, "", version),
        ["apis", name, version] => resources(registry, name, version),
        _ => Err(ApiError::no_resource()),
    }
}

fn version() -> Value {
    let full = holm_schema::built_in().map(|pack| pack.version().to_owned()).unwrap_or_default();
    let mut parts = full.split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    json!({
        "major": major, "minor": minor, "gitVersion": format!("v{full}{}", holm_values::EMBEDDED_BUILD), "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc", "platform": std::env::consts::OS,
    })
}

fn paths(registry: &Registry) -> Vec<String> {
    let mut paths = vec![
        "/api".to_owned(),
        "/apis".to_owned(),
        "/openapi/v2".to_owned(),
        "/openapi/v3".to_owned(),
        "/version".to_owned(),
    ];
    for (name, versions) in registry.groups() {
        for version in versions {
            paths.push(if name.is_empty() { format!("/api/{version}") } else { format!("/apis/{name}/{version}") });
        }
    }
    paths
}

fn group(name: &str, versions: &[&str], alone: bool) -> Value {
    let version = |version: &str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let mut group = json!({
        "name": name,
        "versions": versions.iter().map(|found| version(found)).collect::<Vec<_>>(),
        "preferredVersion": version(versions.first().copied().unwrap_or_default()),
    });
    if alone {
        group["kind"] = json!("APIGroup");
        group["apiVersion"] = json!("v1");
    }
    group
}

fn resources(registry: &Registry, group: &str, version: &str) -> Result<Response<AnswerBody>, ApiError> {
    let mut listed: Vec<Value> = Vec::new();
    for resource in registry.of_version(group, version) {
        let found = &resource.discovery;
        let mut entry = json!({
            "name": found.name, "singularName": found.singular, "namespaced": found.namespaced, "kind": found.kind.kind,
            "verbs": found.verbs,
        });
        if !found.short_names.is_empty() {
            entry["shortNames"] = json!(found.short_names);
        }
        if !found.categories.is_empty() {
            entry["categories"] = json!(found.categories);
        }
        if found.verbs.iter().any(|verb| verb == "watch") {
            entry["storageVersionHash"] = json!(storage_version_hash(resource));
        }
        listed.push(entry);
        for subresource in &found.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", found.name, subresource.name), "singularName": "", "namespaced": found.namespaced,
                "kind": subresource.kind.kind, "verbs": subresource.verbs,
            });
            if subresource.kind.group != found.kind.group || subresource.kind.version != found.kind.version {
                entry["group"] = json!(subresource.kind.group);
                entry["version"] = json!(subresource.kind.version);
            }
            listed.push(entry);
        }
    }
    if listed.is_empty() {
        return Err(ApiError::no_resource());
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({"kind": "APIResourceList", "groupVersion": name, "resources": listed});
    if !group.is_empty() {
        // The list of the oldest group does not say its own version.
        list["apiVersion"] = json!("v1");
    }
    Ok(json_answer(200, &list))
}

/// The hash of the version in which the objects of a resource are stored, by which clients tell that it changed
/// (`k8s.io/apiserver`, `pkg/endpoints/discovery/storageversionhash.go`).
fn storage_version_hash(resource: &ResourceType) -> String {
    /// What a control plane of 1.37 stores in another version than it serves, with that version.
    const STORED_OTHERWISE: [(&str, &str, &str); 7] = [
        ("apiextensions.k8s.io", "CustomResourceDefinition", "apiextensions.k8s.io/v1beta1"),
        ("autoscaling", "HorizontalPodAutoscaler", "autoscaling/v2"),
        ("certificates.k8s.io", "ClusterTrustBundle", "certificates.k8s.io/v1beta1"),
        ("certificates.k8s.io", "PodCertificateRequest", "certificates.k8s.io/v1beta1"),
        ("events.k8s.io", "Event", "/v1"),
        ("resource.k8s.io", "DeviceTaintRule", "resource.k8s.io/v1beta2"),
        ("storagemigration.k8s.io", "StorageVersionMigration", "storagemigration.k8s.io/v1beta1"),
    ];
    let kind = &resource.kind;
    let otherwise = STORED_OTHERWISE.iter().find(|(group, name, _)| *group == kind.group && *name == kind.kind);
    let stored = match (otherwise, &resource.stored_version) {
        (Some((_, _, stored)), _) => (*stored).to_owned(),
        (None, Some(version)) => format!("{}/{version}", kind.group),
        (None, None) => format!("{}/{}", kind.group, kind.version),
    };
    let hash = Sha256::digest(format!("{stored}/{}", kind.kind));
    STANDARD.encode(&hash[..8])
}

/// All groups in one document: the core group, or the others.
fn groups(registry: &Registry, core: bool) -> Value {
    let items: Vec<Value> = registry
        .groups()
        .into_iter()
        .filter(|(name, _)| name.is_empty() == core)
        .map(|(name, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> =
                        registry.of_version(name, version).map(|found| aggregated(found)).collect();
                    json!({"version": version, "freshness": "Current", "resources": resources})
                })
                .collect();
            let mut group = json!({"metadata": {"creationTimestamp": null}, "versions": versions});
            if !name.is_empty() {
                group["metadata"]["name"] = json!(name);
            }
            group
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated(resource: &ResourceType) -> Value {
    let found = &resource.discovery;
    let kind =
        |kind: &holm_schema::GroupVersionKind| json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let mut entry = json!({
        "resource": found.name, "responseKind": kind(&found.kind), "scope": if found.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": found.singular, "verbs": found.verbs,
    });
    if !found.short_names.is_empty() {
        entry["shortNames"] = json!(found.short_names);
    }
    if !found.categories.is_empty() {
        entry["categories"] = json!(found.categories);
    }
    if !found.subresources.is_empty() {
        entry["subresources"] = found
            .subresources
            .iter()
            .map(|part| json!({"subresource": part.name, "responseKind": kind(&part.kind), "verbs": part.verbs}))
            .collect();
    }
    entry
}
