//! The pods of a StatefulSet: their names, labels and volumes.
//!
//! From `pkg/controller/statefulset/stateful_set_utils.go`.

use serde_json::{Value, json};

use super::Set;
use crate::fields::{at, count, int, items, label, name, namespace, set, set_label, text};
use crate::history::{self, REVISION_LABEL};
use crate::kind::Kind;
use crate::pods;

const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The number in the name of a pod; nothing if the name is not one of the set.
pub(super) fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    let (stem, number) = name(pod).rsplit_once('-')?;
    if stem != name(set) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<i32>().ok().map(i64::from)
}

/// The name of the claim of a pod, by its template.
pub(super) fn claim_name(set: &Value, template: &Value, ordinal: i64) -> String {
    format!("{}-{}-{ordinal}", name(template), name(set))
}

/// Gives a pod the labels of its place.
pub(super) fn identify(set: &Value, pod: &mut Value) {
    let Some(ordinal) = ordinal(set, pod) else { return };
    let pod_name = name(pod).to_owned();
    set_label(pod, NAME_LABEL, &pod_name);
    set_label(pod, INDEX_LABEL, &ordinal.to_string());
}

/// Whether a pod lacks the labels of its place.
pub(super) fn lacks_identity(set: &Value, pod: &Value) -> bool {
    let index = ordinal(set, pod).map(|ordinal| ordinal.to_string());
    label(pod, NAME_LABEL) != Some(name(pod)) || label(pod, INDEX_LABEL) != index.as_deref()
}

/// The revision that a pod is of.
pub(super) fn revision(pod: &Value) -> &str {
    label(pod, REVISION_LABEL).unwrap_or_default()
}

impl Set<'_> {
    /// The pod for a place, of the revision that the place has now.
    pub(super) fn new_pod(&self, ordinal: i64) -> Value {
        let is_rolling = text(&self.set, "/spec/updateStrategy/type") == "RollingUpdate";
        let kept = int(&self.set, "/spec/updateStrategy/rollingUpdate/partition")
            .unwrap_or_else(|| count(&self.set, "/status/currentReplicas"));
        let revision = if is_rolling && ordinal < self.start() + kept { &self.current } else { &self.update };
        let mut pod = pods::from_template(&self.set, Kind::StatefulSet, &history::template(revision));
        let pod_name = format!("{}-{ordinal}", name(&self.set));
        set(&mut pod, "/metadata/name", pod_name.clone());
        identify(&self.set, &mut pod);
        set(&mut pod, "/spec/hostname", pod_name);
        if let Some(service) = at(&self.set, "/spec/serviceName").filter(|service| *service != "") {
            set(&mut pod, "/spec/subdomain", service.clone());
        }
        self.mount_claims(&mut pod, ordinal);
        set_label(&mut pod, REVISION_LABEL, name(revision));
        pod
    }

    /// The volumes of the claims come first; other volumes with the same names give way.
    fn mount_claims(&self, pod: &mut Value, ordinal: i64) {
        let templates: Vec<&Value> = items(&self.set, "/spec/volumeClaimTemplates").collect();
        if templates.is_empty() {
            return;
        }
        let mut volumes: Vec<Value> = templates
            .iter()
            .map(|template| {
                let claim = claim_name(&self.set, template, ordinal);
                json!({"name": name(template), "persistentVolumeClaim": {"claimName": claim}})
            })
            .collect();
        let is_other = |volume: &&Value| templates.iter().all(|template| name(template) != text(volume, "/name"));
        volumes.extend(items(pod, "/spec/volumes").filter(is_other).cloned());
        set(pod, "/spec/volumes", volumes);
    }

    /// The claims of a pod, as their templates have them.
    pub(super) fn claims_of(&self, pod: &Value) -> Vec<Value> {
        let Some(ordinal) = ordinal(&self.set, pod) else { return Vec::new() };
        let make = |template: &Value| {
            let mut claim = template.clone();
            set(&mut claim, "/metadata/name", claim_name(&self.set, template, ordinal));
            set(&mut claim, "/metadata/namespace", namespace(&self.set));
            for (key, value) in crate::fields::pairs(&self.set, "/spec/selector/matchLabels") {
                set_label(&mut claim, key, value);
            }
            crate::fields::remove(&mut claim, "/status");
            claim
        };
        items(&self.set, "/spec/volumeClaimTemplates").map(make).collect()
    }
}
