//! Refusals with status 403 that are not about rights: what they mean, what helps, and whether the same plan repairs the cause.
//!
//! All admission plugins answer with the reason `Forbidden` and a sentence of their own; there is nothing else to know them by.

use serde_json::Value;

use crate::observe::{Live, Observed};
use holm_core::Graph;
use holm_core::id::ResourceId;

/// One kind of refusal.
struct Rule {
    /// Words of the plugin, in Kubernetes 1.37.
    words: &'static str,
    hint: &'static str,
    /// What a plan may change so that the refusal ends.
    repair: Option<Repair>,
}

/// An object that a refusal goes back to, and the field that decides.
struct Repair {
    group: &'static str,
    kind: &'static str,
    name: Name,
    /// JSON pointers to what decides. Where there is none, that the object exists does.
    fields: &'static [&'static str],
}

/// How the object is named.
enum Name {
    /// As the text after these words, up to one of the characters.
    After(&'static str, &'static [char]),
    /// Any of its kind in the namespace of the refused object.
    Any,
    /// The namespace of the refused object.
    Namespace,
    /// As a field of the refused object says, which is this JSON pointer.
    Field(&'static str),
}

const QUOTA: Repair = Repair {
    group: "",
    kind: "ResourceQuota",
    name: Name::After("exceeded quota: ", &[',', ' ']),
    fields: &["/spec/hard", "/spec/scopes", "/spec/scopeSelector"],
};
const LIMITS: Repair = Repair { group: "", kind: "LimitRange", name: Name::Any, fields: &["/spec/limits"] };

/// The sources are the plugins under `plugin/pkg/admission`, and `quota/v1/resourcequota` and `namespace/lifecycle` of the
/// apiserver.
const RULES: [Rule; 15] = [
    Rule {
        words: "exceeded quota: ",
        hint: "raise the ResourceQuota, ask for less, or delete what is no longer needed",
        repair: Some(QUOTA),
    },
    Rule {
        words: "failed quota: ",
        hint: "set the requests and limits that the ResourceQuota counts, or add a LimitRange with defaults",
        repair: Some(LIMITS),
    },
    Rule { words: "status unknown for quota", hint: "the quota is not counted yet: try again", repair: None },
    Rule {
        words: "violates PodSecurity",
        hint: "set the securityContext that the profile asks for, or the namespace's label pod-security.kubernetes.io/enforce",
        repair: Some(Repair {
            group: "",
            kind: "Namespace",
            name: Name::Namespace,
            fields: &[
                "/metadata/labels/pod-security.kubernetes.io~1enforce",
                "/metadata/labels/pod-security.kubernetes.io~1enforce-version",
            ],
        }),
    },
    Rule {
        words: "because it is being terminated",
        hint: "wait until the namespace is gone (`kubectl get namespace NAME -o yaml` says what holds it), then try again",
        repair: None,
    },
    Rule {
        words: "only dynamically provisioned pvc can be resized",
        hint: "its StorageClass must have allowVolumeExpansion: true; otherwise make a new claim and copy the data",
        repair: Some(Repair {
            group: "storage.k8s.io",
            kind: "StorageClass",
            name: Name::Field("/spec/storageClassName"),
            fields: &["/allowVolumeExpansion"],
        }),
    },
    Rule {
        words: "no PriorityClass with name ",
        hint: "create the PriorityClass first, or correct priorityClassName",
        repair: Some(Repair {
            group: "scheduling.k8s.io",
            kind: "PriorityClass",
            name: Name::After("no PriorityClass with name ", &[' ']),
            fields: &[],
        }),
    },
    Rule {
        words: "error looking up service account ",
        hint: "create the ServiceAccount first, or correct serviceAccountName",
        repair: Some(Repair {
            group: "",
            kind: "ServiceAccount",
            name: Name::After("serviceaccount \"", &['"']),
            fields: &[],
        }),
    },
    Rule { words: "usage per Container is", hint: LIMIT_RANGE, repair: Some(LIMITS) },
    Rule { words: "usage per Pod is", hint: LIMIT_RANGE, repair: Some(LIMITS) },
    Rule { words: "usage per PersistentVolumeClaim is", hint: LIMIT_RANGE, repair: Some(LIMITS) },
    Rule { words: "limit to request ratio per", hint: LIMIT_RANGE, repair: Some(LIMITS) },
    Rule {
        words: "is attempting to grant RBAC permissions not currently held",
        hint: "only an account that holds these permissions, or may `escalate` or `bind`, can grant them",
        repair: None,
    },
    Rule {
        words: "denied request: ",
        hint: "the ValidatingAdmissionPolicy that the message names decides it",
        repair: None,
    },
    Rule { words: "denied the request", hint: "the admission webhook that the message names decides it", repair: None },
];

const LIMIT_RANGE: &str = "stay within the LimitRange of the namespace, or change it";

/// Says what helps against a refusal with status 403 that is not about rights.
pub fn hint(message: &str) -> &'static str {
    let rule = RULES.iter().find(|rule| message.contains(rule.words));
    rule.map_or(
        "the credentials suffice: an admission plugin of the API server refused it for the reason above",
        |rule| rule.hint,
    )
}

/// Returns whether a message with status 403 is known to be one of an admission plugin.
pub fn is_known(message: &str) -> bool {
    RULES.iter().any(|rule| message.contains(rule.words))
}

/// Returns the resource of the graph whose change, in the same plan, ends the refusal of the object `id`; none where there is no
/// such resource, or it is in the cluster already as it is declared.
pub fn mended_by(id: &ResourceId, message: &str, graph: &Graph, observed: &Observed) -> Option<ResourceId> {
    let rules = RULES.iter().filter(|rule| message.contains(rule.words));
    rules.filter_map(|rule| rule.repair.as_ref()).find_map(|repair| repair.find(id, message, graph, observed))
}

impl Repair {
    fn find(&self, id: &ResourceId, message: &str, graph: &Graph, observed: &Observed) -> Option<ResourceId> {
        let wanted: Option<String> = match self.name {
            Name::Any => None,
            Name::Namespace => Some(id.namespace.clone()?),
            Name::After(words, ends) => {
                let text = message.split_once(words)?.1;
                Some(text.split(ends).next()?.to_owned())
            }
            Name::Field(pointer) => {
                let declared = graph.get(id).and_then(|resource| resource.object.pointer(pointer));
                let live = || observed.object(id).and_then(|object| object.pointer(pointer).cloned());
                Some(declared.cloned().or_else(live)?.as_str()?.to_owned())
            }
        };
        let resource = graph.resources().iter().find(|resource| {
            resource.id.group == self.group
                && resource.id.kind == self.kind
                && (resource.id.namespace.is_none() || resource.id.namespace == id.namespace)
                && wanted.as_ref().is_none_or(|name| *name == resource.id.name)
                && self.changes(&resource.object, observed.live.get(&resource.id))
        })?;
        Some(resource.id.clone())
    }

    fn changes(&self, declared: &Value, live: Option<&Live>) -> bool {
        match live.and_then(Live::object) {
            None => true,
            Some(live) => self.fields.iter().any(|field| {
                // What is not declared stays as it is.
                declared.pointer(field).is_some_and(|declared| live.pointer(field) != Some(declared))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use holm_core::{Manifest, Stack};

    const QUOTA: &str =
        "pods \"p\" is forbidden: exceeded quota: main, requested: pods=1, used: pods=3, limited: pods=3";
    const SECURITY: &str = "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": privileged";
    const RESIZE: &str = "persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be resized and the \
                          storageclass that provisions the pvc must support resize";

    fn graph() -> Graph {
        let stack = Stack::new("program", "default", None);
        stack.in_namespace("n");
        for object in [
            json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": "n", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}),
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "main"}, "spec": {"hard": {"pods": "9"}}}),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}),
            json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
                "provisioner": "example.org/p", "allowVolumeExpansion": true}),
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
                "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "2Gi"}}}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}),
        ] {
            stack.add(Manifest::new(object));
        }
        stack.build().expect("the stack is right")
    }

    fn mended(
        kind: &str,
        name: &str,
        message: &str,
        live: &[(&str, &str, Option<&str>, &str, Value)],
    ) -> Option<String> {
        let mut observed = Observed::default();
        for (group, kind, namespace, name, object) in live {
            observed.live.insert(ResourceId::new(group, kind, *namespace, name), Live::found(object));
        }
        let id = ResourceId::new("", kind, Some("n"), name);
        mended_by(&id, message, &graph(), &observed).map(|id| id.to_string())
    }

    #[test]
    fn what_the_plan_itself_repairs_is_no_obstacle() {
        let quota = |pods: &str| ("", "ResourceQuota", Some("n"), "main", json!({"spec": {"hard": {"pods": pods}}}));
        let found = |object| mended("Pod", "p", QUOTA, &[object]);
        assert_eq!(found(quota("3")).as_deref(), Some("ResourceQuota/n/main"));
        assert_eq!(found(quota("9")), None, "it is raised already");
        assert_eq!(mended("Pod", "p", &QUOTA.replace("main", "other"), &[]), None, "another quota");

        let namespace = |profile: &str| {
            let labels = json!({"pod-security.kubernetes.io/enforce": profile});
            ("", "Namespace", None, "n", json!({"metadata": {"labels": labels}}))
        };
        assert_eq!(mended("Pod", "p", SECURITY, &[namespace("restricted")]).as_deref(), Some("Namespace/n"));
        assert_eq!(mended("Pod", "p", SECURITY, &[namespace("baseline")]), None);

        let class =
            |expands: bool| ("storage.k8s.io", "StorageClass", None, "fast", json!({"allowVolumeExpansion": expands}));
        assert_eq!(mended("PersistentVolumeClaim", "c", RESIZE, &[class(false)]).as_deref(), Some("StorageClass/fast"));
        assert_eq!(mended("PersistentVolumeClaim", "c", RESIZE, &[class(true)]), None);

        let priority = "pods \"p\" is forbidden: no PriorityClass with name high was found";
        assert_eq!(mended("Pod", "p", priority, &[]).as_deref(), Some("PriorityClass/high"));
        let account =
            "pods \"p\" is forbidden: error looking up service account n/robot: serviceaccount \"robot\" not found";
        assert_eq!(mended("Pod", "p", account, &[]).as_deref(), Some("ServiceAccount/n/robot"));
        let there = ("", "ServiceAccount", Some("n"), "robot", json!({}));
        assert_eq!(mended("Pod", "p", account, &[there]), None);
    }

    #[test]
    fn each_refusal_has_its_own_hint() {
        assert!(hint(QUOTA).contains("ResourceQuota") && hint(SECURITY).contains("securityContext"));
        assert!(hint(RESIZE).contains("allowVolumeExpansion"));
        let terminating =
            "configmaps \"m\" is forbidden: unable to create new content in namespace n because it is being terminated";
        assert!(hint(terminating).contains("gone"));
        assert!(hint("pods \"p\" is forbidden: something new").contains("admission plugin"));
    }
}
