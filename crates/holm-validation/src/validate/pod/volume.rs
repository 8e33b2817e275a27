//! Volumes and their sources.

use std::collections::{HashMap, HashSet};

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use super::environment::{field_reference, resource_reference};
use super::required_word;
use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::{Checks, no_backstep, unreserved_path};
use crate::validate::{claim, items};

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
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
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
            let path = path.replace(".downwardAPI", ".downwarAPI").replace(".cephfs", ".cephFS");
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
            "csi" => driver(found, &path, errors),
            "ephemeral" => match at(found, &["volumeClaimTemplate"]) {
                None => errors.push(FieldError::required(format!("{path}.volumeClaimTemplate"), "")),
                Some(template) => claim_template(template, &format!("{path}.volumeClaimTemplate"), errors),
            },
            "image" => {
                errors.filled(found, "reference", &path);
                required_word(found, "pullPolicy", &path, &["Always", "IfNotPresent", "Never"], errors);
            }
            _ => {}
        }
    }
}

/// From `validateCSIVolumeSource`.
fn driver(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    const MAX_DRIVER: usize = 63;
    let name = text_at(source, &["driver"]);
    if errors.filled(source, "driver", path) {
        if name.len() > MAX_DRIVER {
            errors.push(FieldError::too_long(format!("{path}.driver"), MAX_DRIVER));
        }
        errors.all(format!("{path}.driver"), &json!(name), names::subdomain(&name.to_lowercase()));
    }
    if let Some(secret) = at(source, &["nodePublishSecretRef"])
        && errors.filled(secret, "name", &format!("{path}.nodePublishSecretRef"))
    {
        // The path is written like this there.
        errors.text(secret, "name", path, names::subdomain);
    }
}

/// From `ValidatePersistentVolumeClaimTemplate`: of its metadata it has labels and annotations alone.
fn claim_template(template: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let metadata = at(template, &["metadata"]).cloned().unwrap_or_default();
    let shown = format!("{path}.metadata");
    for (key, _) in at(&metadata, &["annotations"]).and_then(Value::as_object).into_iter().flatten() {
        errors.all(format!("{shown}.annotations"), &json!(key), names::label_key(&key.to_lowercase()));
    }
    errors.labels(at(&metadata, &["labels"]), &format!("{shown}.labels"));
    for (field, value) in metadata.as_object().into_iter().flatten() {
        let is_set = !value.is_null() && value != "" && value != 0;
        if is_set && !matches!(field.as_str(), "annotations" | "labels") {
            errors.push(FieldError::forbidden(format!("{shown}.{field}"), "cannot be set"));
        }
    }
    errors.extend(claim::check(template, &["spec"], &format!("{path}.spec")));
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
            errors.text(item, "path", &path, unreserved_path);
        }
        mode(item, "mode", &path, errors);
    }
}

/// A file with a field of the pod, from `validateDownwardAPIVolumeFile`. The paths lack the position there too.
fn pod_file(item: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if errors.filled(item, "path", path) {
        errors.text(item, "path", path, unreserved_path);
    }
    match (at(item, &["fieldRef"]), at(item, &["resourceFieldRef"])) {
        (Some(field), Some(_)) => {
            field_reference(field, &format!("{path}.fieldRef"), &FIELDS, errors);
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

/// What a projected volume can be made of, in the order in which it is looked at.
const PROJECTED: [&str; 5] = ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle"];

/// From `validateProjectionSources`. All that is there is looked at, though there may be one thing only.
fn projected(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    mode(source, "defaultMode", path, errors);
    let mut taken: HashSet<&str> = HashSet::new();
    for (item_path, item) in items(source, &["sources"], &format!("{path}.sources")) {
        let mut count = 0;
        for kind in PROJECTED {
            let Some(found) = at(item, &[kind]) else { continue };
            count += 1;
            let below = format!("{item_path}.{kind}");
            let mut targets: Vec<&str> =
                items(found, &["items"], "").map(|(_, item)| text_at(item, &["path"])).collect();
            targets.retain(|target| !target.is_empty());
            match kind {
                "secret" | "configMap" => {
                    errors.filled(found, "name", &below);
                    files(found, &below, errors);
                }
                "downwardAPI" => items(found, &["items"], "").for_each(|(_, item)| pod_file(item, &below, errors)),
                "serviceAccountToken" => token(found, path, &below, errors),
                _ => {
                    trust_bundle(found, &below, errors);
                    targets = vec![text_at(found, &["path"])];
                }
            }
            for target in targets {
                if !taken.insert(target) {
                    let named = matches!(kind, "secret" | "configMap").then(|| text_at(found, &["name"]));
                    errors.push(FieldError::invalid(path, named.unwrap_or(target), "conflicting duplicate paths"));
                }
            }
        }
        if count > 1 {
            errors.push(FieldError::forbidden(item_path, "may not specify more than 1 volume type per source"));
        }
    }
}

/// A token in a file. The path of the file is told of as one of the whole volume there too.
fn token(source: &Value, volume: &str, path: &str, errors: &mut Vec<FieldError>) {
    const LEAST: i64 = 600;
    const MOST: i64 = 1 << 32;
    let seconds = at(source, &["expirationSeconds"]).and_then(Value::as_i64);
    for (wrong, detail) in [
        (seconds.is_some_and(|seconds| seconds < LEAST), "may not specify a duration less than 10 minutes"),
        (seconds.is_some_and(|seconds| seconds > MOST), "may not specify a duration larger than 2^32 seconds"),
    ] {
        if wrong {
            errors.push(FieldError::invalid(format!("{path}.expirationSeconds"), seconds, detail));
        }
    }
    if errors.filled(source, "path", volume) {
        errors.text(source, "path", volume, unreserved_path);
    }
}

/// Certificates of those who sign, by their name or by the name of the signer.
fn trust_bundle(source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match (at(source, &["name"]), at(source, &["signerName"])) {
        (Some(_), Some(_)) => {
            let detail = "only one of name and signerName may be used";
            errors.push(FieldError::invalid(path, source.clone(), detail));
        }
        (None, None) => errors.push(FieldError::required(path, "either name or signerName must be specified")),
        _ => {}
    }
    errors.filled(source, "path", path);
    errors.text(source, "path", path, unreserved_path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(volume: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        check(&json!({"volumes": [volume]}), "s", &mut errors);
        field_error::told(&errors, |field| field.trim_start_matches("s.volumes[0]."))
    }

    #[test]
    fn each_source_of_a_volume_says_what_it_needs() {
        let metadata = |metadata: Value| {
            let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": 1}}});
            json!({"ephemeral": {"volumeClaimTemplate": {"metadata": metadata, "spec": spec}}})
        };
        let template = "ephemeral.volumeClaimTemplate.metadata";
        for (mut volume, wrong) in [
            (metadata(json!({"labels": {"a": "b"}})), vec![]),
            (metadata(json!({"name": "x"})), vec![format!("Forbidden {template}.name")]),
            (json!({"csi": {"driver": "Example.com"}}), vec![]),
            (
                json!({"csi": {"driver": "d", "nodePublishSecretRef": {}}}),
                vec!["Required csi.nodePublishSecretRef.name".to_owned()],
            ),
            (json!({"image": {"pullPolicy": "Always"}}), vec!["Required image.reference".to_owned()]),
            (
                json!({"configMap": {"name": "c", "items": [{"key": "k", "path": "..x"}]}}),
                vec!["Invalid configMap.items[0].path".to_owned()],
            ),
            (
                json!({"emptyDir": {}, "cephfs": {}, "downwardAPI": {}}),
                vec!["Forbidden cephFS".to_owned(), "Forbidden downwarAPI".to_owned()],
            ),
        ] {
            volume["name"] = json!("v");
            assert_eq!(told(&volume), wrong, "{volume}");
        }
    }

    #[test]
    fn a_projected_volume_has_a_file_once() {
        for (sources, wrong) in [
            (json!([{}]), vec![]),
            (
                json!([{"secret": {}, "configMap": {}}]),
                vec![
                    "Required projected.sources[0].secret.name",
                    "Required projected.sources[0].configMap.name",
                    "Forbidden projected.sources[0]",
                ],
            ),
            (
                json!([{"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}}, {"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}}]),
                vec!["Invalid projected"],
            ),
            (
                json!([{"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}}, {"serviceAccountToken": {"expirationSeconds": 600, "path": "p"}}]),
                vec![],
            ),
            (
                json!([{"serviceAccountToken": {"expirationSeconds": 5, "path": "/p"}}]),
                vec!["Invalid projected.sources[0].serviceAccountToken.expirationSeconds", "Invalid projected.path"],
            ),
            (
                json!([{"clusterTrustBundle": {}}]),
                vec![
                    "Required projected.sources[0].clusterTrustBundle",
                    "Required projected.sources[0].clusterTrustBundle.path",
                ],
            ),
        ] {
            assert_eq!(told(&json!({"name": "v", "projected": {"sources": sources}})), wrong, "{sources}");
        }
    }
}
