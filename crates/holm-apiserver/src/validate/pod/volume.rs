//! Volumes and their sources.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::container::{field_reference, resource_reference};
use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::quantity::Quantity;
use crate::validate::rules::{Checks, descending_path, no_backstep};
use crate::validate::{claim, items, names};

/// Where the data of a volume can come from, in the order in which they are looked at.
const SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "flocker",
    "downwardAPI",
    "fc",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "portworxVolume",
    "photonPersistentDisk",
    "scaleIO",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

/// Fields of a pod that a file can hold.
const FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// The volumes of a pod by their names.
pub(super) struct Volumes<'a>(HashMap<&'a str, &'a Value>);

impl Volumes<'_> {
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the volume is one that can be a block device.
    pub fn is_claim(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|volume| {
            at(volume, &["persistentVolumeClaim"]).is_some() || at(volume, &["ephemeral"]).is_some()
        })
    }
}

/// Checks the volumes of a pod, and gives them.
pub(super) fn check<'a>(spec: &'a Value, shown: &str, errors: &mut Vec<FieldError>) -> Volumes<'a> {
    let mut volumes = HashMap::new();
    for (path, volume) in items(spec, &["volumes"], &format!("{shown}.volumes")) {
        let name = text_at(volume, &["name"]);
        let mut problems: Vec<FieldError> = Vec::new();
        if problems.filled(volume, "name", &path) {
            problems.text(volume, "name", &path, names::label);
            if volumes.contains_key(name) {
                problems.push(FieldError::duplicate(format!("{path}.name"), name));
            }
        }
        source(volume, &path, &mut problems);
        if problems.is_empty() {
            volumes.insert(name, volume);
        }
        errors.append(&mut problems);
    }
    Volumes(volumes)
}

fn source(volume: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut first = true;
    for kind in SOURCES {
        let Some(found) = at(volume, &[kind]) else { continue };
        let path = format!("{path}.{kind}");
        if !std::mem::take(&mut first) {
            // The path is written like this there.
            let path = if *kind == "downwardAPI" { path.replace("downwardAPI", "downwarAPI") } else { path };
            errors.push(FieldError::forbidden(path, "may not specify more than 1 volume type"));
            continue;
        }
        match *kind {
            "emptyDir" => empty_folder(found, &path, errors),
            "hostPath" => host_path(found, &path, errors),
            "nfs" => network_share(found, &path, errors),
            "secret" => {
                errors.filled(found, "secretName", &path);
                files(found, &path, errors);
            }
            "configMap" => {
                errors.filled(found, "name", &path);
                files(found, &path, errors);
            }
            "persistentVolumeClaim" => {
                errors.filled(found, "claimName", &path);
            }
            "downwardAPI" => {
                mode(found, "defaultMode", &path, errors);
                for (_, item) in items(found, &["items"], "") {
                    pod_file(item, &path, errors);
                }
            }
            "projected" => projected(found, &path, errors),
            "csi" => {
                errors.filled(found, "driver", &path);
                errors.text_unless_empty(found, "driver", &path, names::subdomain);
            }
            "ephemeral" => match at(found, &["volumeClaimTemplate"]) {
                None => errors.push(FieldError::required(format!("{path}.volumeClaimTemplate"), "")),
                Some(template) => {
                    errors.extend(claim::check(template, &["spec"], &format!("{path}.volumeClaimTemplate.spec")));
                }
            },
            _ => {}
        }
    }
}

fn empty_folder(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if at(source, &["sizeLimit"]).and_then(Quantity::of).is_some_and(Quantity::is_negative) {
        let detail = "SizeLimit field must be a valid resource quantity";
        errors.push(FieldError::forbidden(format!("{path}.sizeLimit"), detail));
    }
}

/// A folder of the node, from `validateHostPathVolumeSource`.
pub(in crate::validate) fn host_path(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if errors.filled(source, "path", path) {
        errors.text(source, "path", path, no_backstep);
        let kinds =
            ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
        errors.one_of(source, "type", path, &kinds);
    }
}

/// From `validateNFSVolumeSource`.
pub(in crate::validate) fn network_share(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.filled(source, "server", path);
    errors.filled(source, "path", path);
    let folder = text_at(source, &["path"]);
    if !folder.starts_with('/') {
        errors.push(FieldError::invalid(format!("{path}.path"), folder, "must be an absolute path"));
    }
}

/// The bits of a mode of a file, if they are there.
fn mode(object: &Value, field: &str, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(mode) =
        at(object, &[field]).filter(|mode| mode.as_i64().is_some_and(|mode| !(0..=0o777).contains(&mode)))
    {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(format!("{path}.{field}"), mode.clone(), detail));
    }
}

/// Keys as files, from `validateKeyToPath`.
fn files(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    mode(source, "defaultMode", path, errors);
    for (path, item) in items(source, &["items"], &format!("{path}.items")) {
        errors.filled(item, "key", &path);
        if errors.filled(item, "path", &path) {
            errors.text(item, "path", &path, descending_path);
        }
        mode(item, "mode", &path, errors);
    }
}

/// A file with a field of the pod, from `validateDownwardAPIVolumeFile`. The paths lack the position there too.
fn pod_file(item: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if errors.filled(item, "path", path) {
        errors.text(item, "path", path, descending_path);
    }
    match (at(item, &["fieldRef"]), at(item, &["resourceFieldRef"])) {
        (Some(_), Some(_)) => {
            let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(FieldError::invalid(path, "resource", detail));
        }
        (Some(field), None) => field_reference(field, &format!("{path}.fieldRef"), &FIELDS, errors),
        (None, Some(resource)) => {
            resource_reference(resource, &format!("{path}.resourceFieldRef"), true, errors);
        }
        (None, None) => {
            errors.push(FieldError::required(path, "one of fieldRef and resourceFieldRef is required"));
        }
    }
    mode(item, "mode", path, errors);
}

/// From `validateProjectionSources`.
fn projected(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    mode(source, "defaultMode", path, errors);
    let mut paths = HashSet::new();
    for (item_path, item) in items(source, &["sources"], &format!("{path}.sources")) {
        let mut first = true;
        for kind in ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle"] {
            let Some(found) = at(item, &[kind]) else { continue };
            let below = format!("{item_path}.{kind}");
            if !std::mem::take(&mut first) {
                errors.push(FieldError::forbidden(
                    item_path.clone(),
                    "may not specify more than 1 volume type per source",
                ));
                continue;
            }
            match kind {
                "secret" | "configMap" => {
                    errors.filled(found, "name", &below);
                    files(found, &below, errors);
                }
                "downwardAPI" => {
                    for (_, item) in items(found, &["items"], "") {
                        pod_file(item, &below, errors);
                    }
                }
                "serviceAccountToken" => {
                    let seconds = at(found, &["expirationSeconds"]).cloned().unwrap_or_default();
                    if seconds.as_i64().is_some_and(|seconds| seconds < 600) {
                        let detail = "may not specify a duration less than 10 minutes";
                        errors.push(FieldError::invalid(format!("{below}.expirationSeconds"), seconds, detail));
                    }
                    errors.filled(found, "path", path);
                }
                _ => {}
            }
            let listed = items(found, &["items"], "").map(|(_, item)| text_at(item, &["path"]));
            for target in listed.chain(Some(text_at(found, &["path"]))).filter(|target| !target.is_empty()) {
                if !paths.insert(target) {
                    errors.push(FieldError::invalid(path, json!(target), "conflicting duplicate paths"));
                }
            }
        }
    }
}
