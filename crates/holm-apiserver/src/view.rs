//! Other versions of the same objects: events of `events.k8s.io`, and autoscalers of `autoscaling/v1`.
//!
//! Objects are stored in one version and shown in the other on the way out, as `k8s.io/kubernetes`,
//! `pkg/apis/core/v1/conversion.go`, `pkg/apis/events/v1/conversion.go` and `pkg/apis/autoscaling/v1/conversion.go` say. What the
//! other version has no field for is kept: a write through it changes only what it shows.
//!
//! Whoever writes an event owns its fields in the version of the write. Fields of autoscalers are owned in the stored version.

use holm_schema::{GroupVersionKind, Pack};
use holm_structured_merge::{ConversionError, ObjectType, Versions};
use serde_json::{Map, Value, json};

use crate::object::{at, copy_at, remove_at, set_at, text_at};

/// Another version in which the objects of a resource are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// `events.k8s.io/v1` of the events of the core group.
    Events,
    /// `autoscaling/v1` of the autoscalers of `autoscaling/v2`.
    Autoscalers,
}

/// The fields of an event that have another name, in the core group and in `events.k8s.io`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

const PERCENTAGE: [&str; 2] = ["spec", "targetCPUUtilizationPercentage"];

impl View {
    /// The view that a resource is, if it is one.
    pub fn of(group: &str, version: &str, resource: &str) -> Option<Self> {
        match (group, version, resource) {
            ("events.k8s.io", "v1", "events") => Some(Self::Events),
            ("autoscaling", "v1", "horizontalpodautoscalers") => Some(Self::Autoscalers),
            _ => None,
        }
    }

    /// Where the objects are stored.
    pub fn stored_as(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Autoscalers => "horizontalpodautoscalers.autoscaling",
        }
    }

    /// The versions: of the view, and of what is stored.
    fn versions(self) -> (&'static str, &'static str) {
        match self {
            Self::Events => ("events.k8s.io/v1", "v1"),
            Self::Autoscalers => ("autoscaling/v1", "autoscaling/v2"),
        }
    }

    /// A field selector of the view in terms of what is stored.
    pub fn selector(self, text: &str) -> String {
        match self {
            Self::Events => {
                text.replace("regarding.", "involvedObject.").replace("reportingController", "reportingComponent")
            }
            Self::Autoscalers => text.to_owned(),
        }
    }

    /// A stored object as the view shows it.
    pub fn shown(self, stored: &Value) -> Value {
        let mut object = stored.clone();
        set_at(&mut object, &["apiVersion"], json!(self.versions().0));
        match self {
            Self::Events => {
                rename(&mut object, |(stored, shown)| (stored, shown));
                // Who reports is always there in the core group, and only if it is said in the other.
                for field in ["reportingController", "reportingInstance"] {
                    if object.get(field) == Some(&json!("")) {
                        remove_at(&mut object, &[field]);
                    }
                }
            }
            Self::Autoscalers => autoscaler_shown(&mut object),
        }
        object
    }

    /// What is to be stored of an object of the view; `live` is what is stored now. An object of another version stays as it is,
    /// so that it is refused.
    pub fn stored(self, mut object: Value, live: Option<&Value>) -> Value {
        let (shown, stored) = self.versions();
        match text_at(&object, &["apiVersion"]) {
            "" => {}
            said if said == shown => set_at(&mut object, &["apiVersion"], json!(stored)),
            _ => return object,
        }
        match self {
            Self::Events => rename(&mut object, |(stored, shown)| (shown, stored)),
            Self::Autoscalers => autoscaler_stored(&mut object, live),
        }
        object
    }
}

/// The two versions of an event, in either of which its fields may be owned.
#[derive(Debug)]
pub(crate) struct EventVersions {
    core: ObjectType,
    shown: ObjectType,
}

impl EventVersions {
    /// The versions, for the kind of either of them.
    pub fn of(pack: &Pack, kind: &GroupVersionKind) -> Option<Self> {
        let kinds = [GroupVersionKind::new("", "v1", "Event"), GroupVersionKind::new("events.k8s.io", "v1", "Event")];
        if !kinds.contains(kind) {
            return None;
        }
        let [core, shown] = kinds;
        Some(Self { core: pack.object_type(&core)?, shown: pack.object_type(&shown)? })
    }
}

impl Versions for EventVersions {
    fn object_type(&self, object: &Value) -> Option<ObjectType> {
        let (shown, core) = View::Events.versions();
        match text_at(object, &["apiVersion"]) {
            _ if text_at(object, &["kind"]) != "Event" => None,
            version if version == core => Some(self.core.clone()),
            version if version == shown => Some(self.shown.clone()),
            _ => None,
        }
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConversionError> {
        let (shown, core) = View::Events.versions();
        if api_version == shown {
            Ok(View::Events.shown(object))
        } else if api_version == core {
            Ok(View::Events.stored(object.clone(), None))
        } else {
            Err(ConversionError::NotServed { api_version: api_version.to_owned() })
        }
    }
}

fn rename(event: &mut Value, direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    let Some(fields) = event.as_object_mut() else { return };
    let names = EVENT_FIELDS.map(direction);
    let moved: Map<String, Value> =
        names.iter().filter_map(|(from, to)| Some(((*to).to_owned(), fields.remove(*from)?))).collect();
    fields.extend(moved);
}

/// Whether a metric is the one that `autoscaling/v1` has a field for.
fn is_percentage_of_cpu(metric: &Value) -> bool {
    text_at(metric, &["type"]) == "Resource"
        && text_at(metric, &["resource", "name"]) == "cpu"
        && at(metric, &["resource", "target", "averageValue"]).is_none()
}

fn autoscaler_shown(object: &mut Value) {
    let percentage = |list: Option<Value>, part: &str| {
        let list = list?;
        let metric = list.as_array()?.iter().find(|metric| is_percentage_of_cpu(metric))?.clone();
        at(&metric, &["resource", part, "averageUtilization"]).cloned()
    };
    let target = percentage(remove_at(object, &["spec", "metrics"]), "target");
    let current = percentage(remove_at(object, &["status", "currentMetrics"]), "current");
    remove_at(object, &["spec", "behavior"]);
    remove_at(object, &["status", "conditions"]);
    if let Some(target) = target {
        set_at(object, &PERCENTAGE, target);
    }
    if let Some(current) = current {
        set_at(object, &["status", "currentCPUUtilizationPercentage"], current);
    }
    for field in ["currentReplicas", "desiredReplicas"] {
        if at(object, &["status", field]).is_none() {
            set_at(object, &["status", field], json!(0));
        }
    }
}

fn autoscaler_stored(object: &mut Value, live: Option<&Value>) {
    let target = remove_at(object, &PERCENTAGE).filter(|target| !target.is_null());
    remove_at(object, &["status", "currentCPUUtilizationPercentage"]);
    let nothing = Value::Null;
    let live = live.unwrap_or(&nothing);
    let known = at(live, &["spec", "metrics"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let others = known.into_iter().filter(|metric| !is_percentage_of_cpu(metric));
    let own = target.map(|target| {
        json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}})
    });
    let metrics: Vec<Value> = own.into_iter().chain(others).collect();
    if !metrics.is_empty() {
        set_at(object, &["spec", "metrics"], json!(metrics));
    }
    copy_at(live, object, &["spec", "behavior"]);
    for field in ["conditions", "currentMetrics"] {
        if at(live, &["status", field]).is_some() {
            copy_at(live, object, &["status", field]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_and_stored_again_is_the_same() {
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"}, "involvedObject": {"kind": "Pod"}, "message": "m",
            "reason": "r", "count": 2, "eventTime": null, "reportingComponent": "c", "reportingInstance": "i",
        });
        let shown = View::Events.shown(&event);
        assert_eq!((shown.get("note"), shown.get("message")), (Some(&json!("m")), None));
        assert_eq!(View::Events.stored(shown, Some(&event)), event);

        let scaler = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
            "spec": {"maxReplicas": 3, "behavior": {"scaleUp": {}}, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
                {"type": "External", "external": {"metric": {"name": "q"}}}]},
            "status": {"currentReplicas": 1, "desiredReplicas": 2, "conditions": [{"type": "AbleToScale"}]},
        });
        let shown = View::Autoscalers.shown(&scaler);
        assert_eq!(
            shown.get("spec"),
            Some(&json!({"maxReplicas": 3, "targetCPUUtilizationPercentage": 50})),
            "the other metrics have no field"
        );
        assert_eq!(View::Autoscalers.stored(shown, Some(&scaler)), scaler);
    }
}
