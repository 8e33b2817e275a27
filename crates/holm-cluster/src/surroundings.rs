//! What an object's readiness depends on beside itself: asked once each, and remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holm_core::{ApiKind, ResourceId, Scope, catalog};
use holm_executor::Surround;
use holm_readiness::{STATUS_GRACE, Surroundings, can_report_status, has_rule, last_change, reports_status};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::observe::get;
use crate::transport::{Call, Patience, Query, ServerClock, Transport, locked};

/// How many objects of a kind are looked at for a status.
const FEW: &str = "50";

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unknown {
    /// Whether claims of this storage class wait for their first consumer.
    WaitsForFirstConsumer(String),
    /// Whether a custom resource has a status of its own: API group and version as in the path, and plural.
    HasStatus(String, String),
    /// Whether the definition of this name keeps any status of this version.
    CanReportStatus(String, String),
    /// Whether there are objects of a kind with a status.
    OthersReportStatus(ApiKind),
    /// Whether the time is over in which the status of an object may come that changed at this moment (seconds since 1970).
    StatusGrace(i64),
}

impl Unknown {
    /// Whether finding it out is a matter of waiting.
    pub(crate) fn takes_time(&self) -> bool {
        matches!(self, Self::StatusGrace(_))
    }
}

/// An answer; none for what could not be found out. Whoever asks while it is on its way waits for it.
type Answer<T> = Arc<OnceCell<Option<T>>>;

/// What is known so far.
pub(crate) struct Knowledge {
    answers: Mutex<BTreeMap<Unknown, Answer<bool>>>,
    /// The resources that a group version serves, by its path.
    served: Mutex<BTreeMap<String, Answer<BTreeSet<String>>>>,
    clock: Arc<ServerClock>,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<ServedResource>,
}

#[derive(Deserialize)]
struct ObjectList {
    /// Go writes an empty list as null.
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct ServedResource {
    name: String,
}

impl Knowledge {
    /// Nothing is known yet, but for what the clock says.
    pub(crate) fn new(clock: Arc<ServerClock>) -> Self {
        Self { answers: Mutex::default(), served: Mutex::default(), clock }
    }

    /// What is known about the surroundings of an object, and what should be found out first.
    pub(crate) fn known(&self, kind: &ApiKind, object: &Value) -> (Surroundings, Option<Unknown>) {
        let mut surroundings = Surroundings::default();
        let answers = locked(&self.answers);
        for unknown in needed(kind, object) {
            let unchanged_for = self.unchanged_for(object);
            let answer = match (&unknown, answers.get(&unknown).and_then(|answer| answer.get()).copied()) {
                (_, Some(answer)) => answer,
                // No time has to pass for what has passed it.
                (Unknown::StatusGrace(_), None) if unchanged_for >= Some(STATUS_GRACE) => Some(true),
                (_, None) => return (surroundings, Some(unknown)),
            };
            let is_decided = match unknown {
                Unknown::WaitsForFirstConsumer(_) => {
                    surroundings.waits_for_first_consumer = answer;
                    true
                }
                Unknown::HasStatus(..) => {
                    surroundings.has_status_subresource = answer;
                    answer == Some(false)
                }
                Unknown::CanReportStatus(..) => {
                    surroundings.can_report_status = answer;
                    answer == Some(false)
                }
                // What it means depends on the others, which are looked at next.
                Unknown::StatusGrace(_) => false,
                Unknown::OthersReportStatus(_) => {
                    surroundings.others_report_status = answer;
                    // The clock tells whole seconds, so that it may be behind what was waited.
                    surroundings.unchanged_for = unchanged_for.max(Some(STATUS_GRACE));
                    true
                }
            };
            if is_decided {
                break;
            }
        }
        (surroundings, None)
    }

    /// Finds out what is not known yet about the surroundings of an object, and remembers it.
    pub(crate) async fn find_out(&self, transport: &Transport, kind: &ApiKind, object: &Value) {
        let (_, Some(unknown)) = self.known(kind, object) else { return };
        let answer = Arc::clone(locked(&self.answers).entry(unknown.clone()).or_default());
        answer.get_or_init(|| self.ask(transport, unknown)).await;
    }

    async fn ask(&self, transport: &Transport, unknown: Unknown) -> Option<bool> {
        match &unknown {
            Unknown::WaitsForFirstConsumer(class) => waits_for_first_consumer(transport, class).await,
            Unknown::HasStatus(group_version, plural) => {
                let served = Arc::clone(locked(&self.served).entry(group_version.clone()).or_default());
                let served = served.get_or_init(|| resources(transport, group_version)).await.as_ref()?;
                Some(served.contains(&format!("{plural}/status")))
            }
            Unknown::CanReportStatus(definition, version) => can_report(transport, definition, version).await,
            Unknown::OthersReportStatus(kind) => others_report(transport, kind).await,
            Unknown::StatusGrace(changed) => {
                let elapsed = self.clock.now().map_or(0, |now| now.0.saturating_sub(*changed));
                let elapsed = Duration::from_secs(u64::try_from(elapsed).unwrap_or(0));
                sleep(STATUS_GRACE.saturating_sub(elapsed)).await;
                Some(true)
            }
        }
    }

    fn unchanged_for(&self, object: &Value) -> Option<Duration> {
        let elapsed = self.clock.now()?.0.saturating_sub(last_change(object)?.as_second());
        // A change of the future is one of now: the clock tells whole seconds.
        Some(Duration::from_secs(u64::try_from(elapsed).unwrap_or(0)))
    }
}

impl Surround for Knowledge {
    fn about(&self, kind: &ApiKind, object: &Value) -> (Surroundings, Option<String>) {
        let (surroundings, unknown) = self.known(kind, object);
        (surroundings, unknown.map(|unknown| format!("{unknown:?}")))
    }
}

/// What an object's readiness depends on, in the order in which it should be asked.
fn needed(kind: &ApiKind, object: &Value) -> Vec<Unknown> {
    if kind.group.is_empty() && kind.kind == "PersistentVolumeClaim" {
        let is_pending = object.pointer("/status/phase").and_then(Value::as_str) == Some("Pending");
        let class = object.pointer("/spec/storageClassName").and_then(Value::as_str).filter(|class| !class.is_empty());
        let class = class.filter(|_| is_pending).map(|class| Unknown::WaitsForFirstConsumer(class.to_owned()));
        return class.into_iter().collect();
    }
    let is_custom = catalog::find(&kind.api_version(), &kind.kind).is_none();
    if !is_custom || kind.group.is_empty() || has_rule(kind) || reports_status(object) {
        return Vec::new();
    }
    let mut needed = vec![
        Unknown::HasStatus(kind.api_version(), kind.plural.clone()),
        Unknown::CanReportStatus(format!("{}.{}", kind.plural, kind.group), kind.version.clone()),
    ];
    // The others are looked at when the time is over: a controller that works has seen them by then.
    if let Some(time) = last_change(object) {
        needed.extend([Unknown::StatusGrace(time.as_second()), Unknown::OthersReportStatus(kind.clone())]);
    }
    needed
}

async fn waits_for_first_consumer(transport: &Transport, class: &str) -> Option<bool> {
    let kind = ApiKind {
        group: "storage.k8s.io".to_owned(),
        version: "v1".to_owned(),
        kind: "StorageClass".to_owned(),
        plural: "storageclasses".to_owned(),
        scope: Scope::Cluster,
    };
    let id = ResourceId::new(&kind.group, &kind.kind, None, class);
    let object = get(transport, &kind, &id).await.ok()??;
    Some(object.get("volumeBindingMode").and_then(Value::as_str) == Some("WaitForFirstConsumer"))
}

/// The resources and subresources that a group version serves.
async fn resources(transport: &Transport, group_version: &str) -> Option<BTreeSet<String>> {
    let call = Call::get(Query::path(&format!("/apis/{group_version}")).into_string());
    let list: ResourceList = transport.json(&call).await.ok()?;
    Some(list.resources.into_iter().map(|resource| resource.name).collect())
}

async fn can_report(transport: &Transport, definition: &str, version: &str) -> Option<bool> {
    let kind = ApiKind {
        group: "apiextensions.k8s.io".to_owned(),
        version: "v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
        scope: Scope::Cluster,
    };
    let id = ResourceId::new(&kind.group, &kind.kind, None, definition);
    can_report_status(&get(transport, &kind, &id).await.ok()??, version)
}

/// Whether the first objects of a kind have a status. The one that is asked about has none.
async fn others_report(transport: &Transport, kind: &ApiKind) -> Option<bool> {
    let call = Call::get(Query::collection(kind, None).with("limit", FEW).into_string()).patience(Patience::few(2));
    let list: ObjectList = transport.json(&call).await.ok()?;
    Some(list.items.unwrap_or_default().iter().any(reports_status))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_pending_claim_with_a_class_needs_its_class() {
        let kind = ApiKind::core("PersistentVolumeClaim", "persistentvolumeclaims");
        let claim = |phase: &str, class: &str| json!({"spec": {"storageClassName": class}, "status": {"phase": phase}});
        let class = Unknown::WaitsForFirstConsumer("fast".into());
        assert_eq!(needed(&kind, &claim("Pending", "fast")), std::slice::from_ref(&class));
        assert_eq!(needed(&kind, &claim("Bound", "fast")), []);
        assert_eq!(needed(&kind, &claim("Pending", "")), []);
        let knowledge = Knowledge::new(Arc::default());
        assert_eq!(knowledge.known(&kind, &claim("Pending", "fast")).1, Some(class));
    }

    #[test]
    fn a_status_that_nobody_writes_is_asked_about_step_by_step_and_decided_at_the_end() {
        let (group, version) = ("example.org".to_owned(), "v1".to_owned());
        let (name, plural) = ("Gear".to_owned(), "gears".to_owned());
        let kind = ApiKind { group, version, kind: name, plural, scope: Scope::Namespaced };
        let object = json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}});
        let answers = [
            (Unknown::HasStatus("example.org/v1".into(), "gears".into()), Some(true)),
            (Unknown::CanReportStatus("gears.example.org".into(), "v1".into()), Some(true)),
            (Unknown::StatusGrace(1_767_225_600), Some(true)),
            (Unknown::OthersReportStatus(kind.clone()), Some(false)),
        ];
        let knowledge = Knowledge::new(Arc::default());
        for (unknown, answer) in answers {
            let (surroundings, next) = knowledge.known(&kind, &object);
            assert_eq!((surroundings.unchanged_for, next), (None, Some(unknown.clone())));
            locked(&knowledge.answers).insert(unknown, Arc::new(OnceCell::new_with(Some(answer))));
        }
        let (surroundings, next) = knowledge.known(&kind, &object);
        assert_eq!(
            (surroundings.unchanged_for, surroundings.others_report_status, next),
            (Some(STATUS_GRACE), Some(false), None)
        );
    }
}
