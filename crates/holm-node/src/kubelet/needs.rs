//! What a pod needs before its containers can start: Secrets, ConfigMaps and claims.
//!
//! From `k8s.io/kubernetes`: environment, `pkg/kubelet/kubelet_pods.go` (`makeEnvironmentVariables`); volumes,
//! `pkg/volume/{secret,configmap,projected}` and `pkg/kubelet/volumemanager/populator`.

use serde_json::Value;

use crate::object::{at, is_true, list, name, namespace, text, texts, uid};
use crate::resource::Resource;
use crate::world::World;

/// A volume that cannot be mounted, and the text of the Event about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountProblem {
    pub message: String,
}

/// A Secret or a ConfigMap: the resource, and its names in the two kinds of texts.
#[derive(Clone, Copy)]
struct Source {
    resource: Resource,
    kind: &'static str,
    lower: &'static str,
}

const SECRET: Source = Source { resource: Resource::Secrets, kind: "Secret", lower: "secret" };
const CONFIG_MAP: Source = Source { resource: Resource::ConfigMaps, kind: "ConfigMap", lower: "configmap" };

impl Source {
    fn find<'a>(self, world: &'a World, namespace: &str, name: &str) -> Result<&'a Value, String> {
        let found = world.get(self.resource, namespace, name).map(|found| &**found);
        found.ok_or_else(|| format!("{} {name:?} not found", self.lower))
    }
}

/// Why a container's environment cannot be made.
pub(crate) fn config_problem(pod: &Value, container: &Value, world: &World) -> Option<String> {
    let namespace = namespace(pod);
    let whole = list(container, &["envFrom"]).find_map(|from| {
        [("secretRef", SECRET), ("configMapRef", CONFIG_MAP)].into_iter().find_map(|(field, source)| {
            let reference = at(from, &[field]).filter(|reference| !is_true(reference, &["optional"]))?;
            source.find(world, namespace, text(reference, &["name"])).err()
        })
    });
    whole.or_else(|| {
        list(container, &["env"]).find_map(|variable| {
            let (reference, source) = key_reference(variable)?;
            if is_true(reference, &["optional"]) {
                return None;
            }
            let (name, key) = (text(reference, &["name"]), text(reference, &["key"]));
            match source.find(world, namespace, name) {
                Err(problem) => Some(problem),
                Ok(found) if !texts(found, &["keys"]).any(|known| known == key) => {
                    Some(missing_key(key, source, namespace, name))
                }
                Ok(_) => None,
            }
        })
    })
}

/// What a container that is ordered to fail by its configuration lacks: its first key, or one of a usual name.
pub(crate) fn ordered_config_problem(pod: &Value, container: &Value) -> String {
    let namespace = namespace(pod);
    let first = list(container, &["env"]).find_map(key_reference);
    match first {
        Some((reference, source)) => {
            missing_key(text(reference, &["key"]), source, namespace, text(reference, &["name"]))
        }
        None => missing_key("password", SECRET, namespace, "postgres-secret"),
    }
}

fn key_reference(variable: &Value) -> Option<(&Value, Source)> {
    let from = at(variable, &["valueFrom"])?;
    let secret = at(from, &["secretKeyRef"]).map(|reference| (reference, SECRET));
    secret.or_else(|| at(from, &["configMapKeyRef"]).map(|reference| (reference, CONFIG_MAP)))
}

fn missing_key(key: &str, source: Source, namespace: &str, name: &str) -> String {
    format!("couldn't find key {key} in {} {namespace}/{name}", source.kind)
}

/// The volumes that cannot be mounted now.
pub(crate) fn mount_problems(pod: &Value, world: &World) -> Vec<MountProblem> {
    list(pod, &["spec", "volumes"]).filter_map(|volume| mount_problem(pod, volume, world)).collect()
}

fn mount_problem(pod: &Value, volume: &Value, world: &World) -> Option<MountProblem> {
    let namespace = namespace(pod);
    let volume_name = text(volume, &["name"]);
    let failed = |cause: String| MountProblem {
        message: format!("MountVolume.SetUp failed for volume {volume_name:?} : {cause}"),
    };
    if let Some(secret) = at(volume, &["secret"]) {
        return file_problem(SECRET, secret, text(secret, &["secretName"]), namespace, world).map(failed);
    }
    if let Some(map) = at(volume, &["configMap"]) {
        return file_problem(CONFIG_MAP, map, text(map, &["name"]), namespace, world).map(failed);
    }
    if at(volume, &["projected"]).is_some() {
        let problems: Vec<String> = list(volume, &["projected", "sources"])
            .filter_map(|part| {
                let secret = at(part, &["secret"]).map(|found| (SECRET, found));
                let (source, found) = secret.or_else(|| at(part, &["configMap"]).map(|found| (CONFIG_MAP, found)))?;
                file_problem(source, found, text(found, &["name"]), namespace, world)
            })
            .collect();
        // As Go's aggregated errors are written.
        return match problems.as_slice() {
            [] => None,
            [one] => Some(failed(one.clone())),
            many => Some(failed(format!("[{}]", many.join(", ")))),
        };
    }
    let claim = claim_of(pod, volume)?;
    let cause = match world.get(Resource::Claims, namespace, &claim) {
        None => format!("failed to fetch PVC from API server: persistentvolumeclaims {claim:?} not found"),
        Some(found) if is_bound(found) => return None,
        Some(_) => "PVC is not bound".to_owned(),
    };
    Some(MountProblem {
        message: format!(
            "Unable to attach or mount volumes: unmounted volumes=[{volume_name}], unattached volumes=[], \
             failed to process volumes=[{volume_name}]: error processing PVC {namespace}/{claim}: {cause}"
        ),
    })
}

fn file_problem(source: Source, reference: &Value, name: &str, namespace: &str, world: &World) -> Option<String> {
    if is_true(reference, &["optional"]) {
        return None;
    }
    let found = match source.find(world, namespace, name) {
        Ok(found) => found,
        Err(problem) => return Some(problem),
    };
    let missing = list(reference, &["items"])
        .map(|item| text(item, &["key"]))
        .find(|key| !texts(found, &["keys"]).any(|known| known == *key))?;
    Some(match source.resource {
        Resource::Secrets => format!("references non-existent secret key: {missing}"),
        _ => format!("configmap references non-existent config key: {missing}"),
    })
}

/// What a pod names and the node does not know, whether the pod can do without it or not.
pub(crate) fn missing(pod: &Value, world: &World) -> Vec<(Resource, String)> {
    let containers = list(pod, &["spec", "initContainers"]).chain(list(pod, &["spec", "containers"]));
    let mut named: Vec<(Resource, String)> = Vec::new();
    for container in containers {
        for from in list(container, &["envFrom"]) {
            named.push((Resource::Secrets, text(from, &["secretRef", "name"]).to_owned()));
            named.push((Resource::ConfigMaps, text(from, &["configMapRef", "name"]).to_owned()));
        }
        for (reference, source) in list(container, &["env"]).filter_map(key_reference) {
            named.push((source.resource, text(reference, &["name"]).to_owned()));
        }
    }
    for volume in list(pod, &["spec", "volumes"]) {
        named.push((Resource::Secrets, text(volume, &["secret", "secretName"]).to_owned()));
        named.push((Resource::ConfigMaps, text(volume, &["configMap", "name"]).to_owned()));
        for part in list(volume, &["projected", "sources"]) {
            named.push((Resource::Secrets, text(part, &["secret", "name"]).to_owned()));
            named.push((Resource::ConfigMaps, text(part, &["configMap", "name"]).to_owned()));
        }
        named.extend(claim_of(pod, volume).map(|claim| (Resource::Claims, claim)));
    }
    named.retain(|(resource, name)| !name.is_empty() && world.get(*resource, namespace(pod), name).is_none());
    named.sort();
    named.dedup();
    named
}

/// The name of the claim that a volume is of. A generic ephemeral volume has one of its own, named after pod and volume.
pub(crate) fn claim_of(pod: &Value, volume: &Value) -> Option<String> {
    if at(volume, &["ephemeral"]).is_some() {
        return Some(format!("{}-{}", name(pod), text(volume, &["name"])));
    }
    Some(text(volume, &["persistentVolumeClaim", "claimName"]).to_owned()).filter(|claim| !claim.is_empty())
}

/// Whether a claim has its volume.
pub(crate) fn is_bound(claim: &Value) -> bool {
    text(claim, &["status", "phase"]) == "Bound"
        && !text(claim, &["spec", "volumeName"]).is_empty()
        && !uid(claim).is_empty()
}
