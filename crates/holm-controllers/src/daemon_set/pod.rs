//! The pods of a DaemonSet: which node they are for, and what they tolerate.
//!
//! From `pkg/controller/daemon/util/daemonset_util.go`.

use serde_json::{Value, json};

use super::Daemons;
use crate::fields::{annotation, at, flag, items, set, set_label, text};
use crate::history::REVISION_LABEL;

/// What goes wrong with nodes and does not drive away the pods of a DaemonSet.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// The node that a pod is on, or is for.
pub(super) fn node(pod: &Value) -> Option<&str> {
    let is_on = text(pod, "/spec/nodeName");
    if !is_on.is_empty() {
        return Some(is_on);
    }
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let mut fields = items(pod, terms).flat_map(|term| items(term, "/matchFields"));
    let named = fields.find(|field| text(field, "/key") == "metadata.name" && text(field, "/operator") == "In")?;
    items(named, "/values").next()?.as_str()
}

/// What the pods of a template tolerate.
pub(super) fn tolerations(spec: &Value) -> Vec<Value> {
    let mut tolerations: Vec<Value> = items(spec, "/tolerations").cloned().collect();
    let network = ("node.kubernetes.io/network-unavailable", "NoSchedule");
    let network = flag(spec, "/hostNetwork").then_some(network);
    for (key, effect) in TOLERATED.into_iter().chain(network) {
        let added = json!({"key": key, "operator": "Exists", "effect": effect});
        let same = |known: &&mut Value| {
            ["/key", "/effect"].iter().all(|field| text(known, field) == text(&added, field))
                && text(known, "/operator") == "Exists"
                && text(known, "/value").is_empty()
        };
        match tolerations.iter_mut().find(same) {
            Some(known) => *known = added,
            None => tolerations.push(added),
        }
    }
    tolerations
}

impl Daemons<'_> {
    /// The template of the pod for one node.
    pub(super) fn template_for(&self, node: &str) -> Value {
        let mut template = at(&self.set, "/spec/template").cloned().unwrap_or_else(|| json!({}));
        set(&mut template, "/spec/tolerations", self.tolerations.clone());
        if let Some(generation) = annotation(&self.set, "deprecated.daemonset.template.generation") {
            set_label(&mut template, "pod-template-generation", generation);
        }
        set_label(&mut template, REVISION_LABEL, &self.hash);
        let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
        set(&mut template, required, json!([{"matchFields": [field]}]));
        template
    }
}
