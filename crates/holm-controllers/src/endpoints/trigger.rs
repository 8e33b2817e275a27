//! When what changed that changed the endpoints of a service.
//!
//! From `k8s.io/endpointslice`, `util/trigger_time_tracker.go`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::pods_of;
use crate::context::Context;
use crate::fields::{annotate, condition, created, name, remove, text};
use crate::queue::Key;

/// The annotation with that time.
const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// When services and their pods last changed, as far as their endpoints say so.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    known: HashMap<Key, BTreeMap<String, String>>,
}

impl Triggers {
    /// Forgets a service that is gone.
    pub fn forget(&mut self, key: &Key) {
        self.known.remove(key);
    }
}

/// The time of the first change since the last look, and remembers all of them.
pub(super) fn trigger(context: &mut Context, key: &Key, service: &Value) -> Option<String> {
    let pods: Vec<Arc<Value>> = pods_of(context, service, true);
    let ready = |pod: &Value| {
        let since = condition(pod, "Ready").map(|ready| text(ready, "/lastTransitionTime").to_owned());
        since.filter(|since| !since.is_empty())
    };
    let times: BTreeMap<String, String> =
        pods.iter().filter_map(|pod| Some((name(pod).to_owned(), ready(pod)?))).collect();
    let Some(known) = context.triggers.known.insert(key.clone(), times.clone()) else {
        return Some(created(service).to_owned());
    };
    let changed = times.iter().filter(|(pod, time)| known.get(*pod).is_none_or(|before| *time > before));
    changed.map(|(_, time)| time.clone()).min()
}

/// Writes the time of the change into the endpoints, or takes away that of an earlier one.
pub(super) fn mark(endpoints: &mut Value, trigger: Option<&str>) {
    match trigger {
        Some(time) => {
            annotate(endpoints, TRIGGER, time);
        }
        None => {
            remove(endpoints, &format!("/metadata/annotations/{}", TRIGGER.replace('/', "~1")));
        }
    }
}
