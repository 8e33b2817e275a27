//! What a cause is derived from, and what to fetch for it.

use std::collections::BTreeMap;
use std::fmt;

use holm_values::Selector;
use serde_json::Value;

use crate::Readiness;
use crate::object::{items, text};
use crate::storage::claim_names;
use holm_values::Sensitive;
use holm_values::{ApiKind, ResourceId, Scope};

/// A live object with its identity, because the items of a LIST do not name their kind.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveObject {
    /// Its identity.
    pub id: ResourceId,
    /// The object as the server returned it.
    pub object: Sensitive<Value>,
}

/// Everything that is known about an object that is not ready.
#[derive(Clone)]
pub struct Evidence {
    /// The object.
    pub object: LiveObject,
    /// What [`assess`](crate::assess) said about it.
    pub readiness: Readiness,
    /// Objects around it, in any order: ReplicaSets, pods and claims, as [`lookups`] asks for. What does not belong to
    /// the object (by owner reference or by the name of a claim) is ignored.
    pub related: Vec<LiveObject>,
    /// Events of the namespace, of `v1` or of `events.k8s.io/v1`, of every type (those about claims and image pulls that
    /// matter are partly `Normal`). Events about other objects are ignored.
    pub events: Vec<Value>,
    /// Log lines, oldest first, of the containers that [`containers_to_log`](super::containers_to_log) asks for.
    pub logs: BTreeMap<LogSource, Vec<String>>,
}

/// Whose log to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogSource {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// Whether the log of the container before the last restart is meant.
    pub previous: bool,
}

/// One request that finds objects related to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The kind of the related objects.
    pub kind: ApiKind,
    /// Their namespace.
    pub namespace: Option<String>,
    /// Which of them.
    pub select: Select,
}

/// Which objects to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// A LIST with this `labelSelector`.
    Labels(String),
    /// A GET of the object with this name.
    Name(String),
}

impl LiveObject {
    /// An object of `kind`, with name and namespace from its metadata.
    pub fn new(kind: &ApiKind, object: Value) -> Self {
        let name = text(&object, "/metadata/name").unwrap_or_default();
        let id = ResourceId::new(&kind.group, &kind.kind, text(&object, "/metadata/namespace"), name);
        Self { id, object: Sensitive::new(object) }
    }

    /// Its uid.
    pub(super) fn uid(&self) -> Option<&str> {
        text(self.object.expose(), "/metadata/uid")
    }

    fn is_owned_by(&self, uid: &str) -> bool {
        items(self.object.expose(), "/metadata/ownerReferences").iter().any(|owner| text(owner, "/uid") == Some(uid))
    }
}

impl Evidence {
    /// Evidence of nothing but the object itself.
    pub fn new(object: LiveObject, readiness: Readiness) -> Self {
        Self { object, readiness, related: Vec::new(), events: Vec::new(), logs: BTreeMap::new() }
    }
}

impl fmt::Debug for Evidence {
    /// Events and logs may repeat secret values, so only their numbers are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("object", &self.object)
            .field("readiness", &self.readiness.state)
            .field("related", &self.related)
            .field("events", &self.events.len())
            .field("logs", &self.logs.keys())
            .finish()
    }
}

/// What to fetch for the evidence about an object: its ReplicaSets, pods and claims, one request for each kind (and one
/// for each claim that a pod template names). Beside these, list the events of its namespace.
///
/// A selector may find objects of another owner; [`explain`](super::explain) leaves them out.
pub fn lookups(object: &LiveObject) -> Vec<Lookup> {
    let namespace = object.id.namespace.clone();
    let live = object.object.expose();
    let lookup = |kind: ApiKind, select: Select| Lookup { kind, namespace: namespace.clone(), select };
    let claims = |spec: &str| -> Vec<Lookup> {
        let names = live.pointer(spec).map(claim_names).unwrap_or_default();
        names.into_iter().map(|name| lookup(claim_kind(), Select::Name(name.to_owned()))).collect()
    };
    let mut lookups = Vec::new();
    match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("", "ReplicationController")
        | ("batch", "Job") => {
            let Some(selector) = selector_of(object) else {
                return lookups;
            };
            if object.id.is("apps", "Deployment") {
                lookups.push(lookup(built_in("apps", "ReplicaSet", "replicasets"), Select::Labels(selector.clone())));
            }
            if object.id.is("apps", "StatefulSet") && !items(live, "/spec/volumeClaimTemplates").is_empty() {
                // The claims carry the labels of the selector.
                lookups.push(lookup(claim_kind(), Select::Labels(selector.clone())));
            }
            lookups.push(lookup(built_in("", "Pod", "pods"), Select::Labels(selector)));
            lookups.extend(claims("/spec/template/spec"));
        }
        ("", "Pod") => lookups.extend(claims("/spec")),
        _ => {}
    }
    lookups
}

/// The `labelSelector` of the pods that an object selects, such as `app=postgres,tier in (a,b)`; none for kinds that
/// select no pods and for an empty selector.
pub fn selector_of(object: &LiveObject) -> Option<String> {
    let selector = object.object.expose().pointer("/spec/selector")?;
    let selector = match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("", "Service" | "ReplicationController") => Selector::of_labels(Some(selector)),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job")
        | ("policy", "PodDisruptionBudget") => Selector::of(Some(selector)).ok()?,
        _ => return None,
    };
    (!selector.requirements().is_empty()).then(|| selector.to_string())
}

/// Those of `candidates` that `uid` owns, directly or through others among them; nearer ones first.
pub fn descendants<'a>(uid: &str, candidates: &'a [LiveObject]) -> Vec<&'a LiveObject> {
    let mut found: Vec<&LiveObject> = Vec::new();
    let mut owners = vec![uid.to_owned()];
    while !owners.is_empty() {
        let is_new = |it: &&LiveObject| !found.iter().any(|old| std::ptr::eq(*old, *it));
        let level: Vec<&LiveObject> =
            candidates.iter().filter(|it| owners.iter().any(|uid| it.is_owned_by(uid))).filter(is_new).collect();
        owners = level.iter().filter_map(|it| it.uid().map(str::to_owned)).collect();
        found.extend(level);
    }
    found
}

fn built_in(group: &str, kind: &str, plural: &str) -> ApiKind {
    ApiKind {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        scope: Scope::Namespaced,
    }
}

fn claim_kind() -> ApiKind {
    built_in("", "PersistentVolumeClaim", "persistentvolumeclaims")
}
