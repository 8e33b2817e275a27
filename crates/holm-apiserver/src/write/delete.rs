//! Deleting an object: preconditions, finalizers, propagation, grace.
//!
//! From `k8s.io/apiserver`, `pkg/registry/generic/registry/store.go` (`Delete`, `deletionFinalizersForGarbageCollection`) and
//! `pkg/registry/rest/delete.go` (`BeforeDelete`); the grace of pods from `k8s.io/kubernetes`, `pkg/registry/core/pod/strategy.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::admission;
use crate::definitions;
use crate::error::ApiError;
use crate::object;
use crate::options::{DeleteOptions, Propagation};
use crate::registry::ResourceType;
use crate::state::State;
use crate::store::Key;

/// Definitions of custom resources, as the store knows them.
const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// The finalizer of an object whose dependents go first.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an object whose dependents stay.
pub(crate) const ORPHAN: &str = "orphan";

/// The outcome of a deletion.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// The object is gone. This is how it was.
    Gone(Arc<Value>),
    /// The object is marked, and goes when its finalizers are gone or its time is over.
    Marked(Arc<Value>),
}

impl State {
    /// Deletes an object.
    pub fn delete(
        &mut self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let key = self.key(resource, namespace, name);
        let not_found = || ApiError::not_found(resource.group(), resource.plural(), name);
        admission::on_delete(resource, name)?;
        let live = self.store.get(&key).cloned().ok_or_else(not_found)?;
        check_preconditions(resource, &live, options)?;
        let grace = grace_period(resource, &live, options);
        let mut finalizers = object::finalizers(&live);
        if resource.is(DEFINITIONS) && !object::is_deleting(&live) {
            // Its objects go first.
            finalizers.push(definitions::CLEANUP.to_owned());
        }
        let policy = options.propagation;
        let keeps = policy.is_none() && finalizers.iter().any(|found| found == FOREGROUND || found == ORPHAN);
        let orphans =
            policy == Some(Propagation::Orphan) || (policy.is_none() && !keeps && resource.traits.orphans_by_default);
        if !keeps {
            finalizers.retain(|found| found != FOREGROUND && found != ORPHAN);
            if orphans {
                finalizers.push(ORPHAN.to_owned());
            } else if policy == Some(Propagation::Foreground) {
                finalizers.push(FOREGROUND.to_owned());
            }
        }
        let waits = !finalizers.is_empty() || grace > 0 || self.has_content_to_go(resource, &live);
        if !waits {
            if !options.dry_run {
                return Ok(Deleted::Gone(self.store.remove(&key).ok_or_else(not_found)?));
            }
            return Ok(Deleted::Gone(live));
        }
        let mut new = Value::clone(&live);
        object::set_finalizers(&mut new, &finalizers);
        self.mark(resource, &mut new, grace);
        if new == *live || options.dry_run {
            return Ok(Deleted::Marked(Arc::new(new)));
        }
        Ok(Deleted::Marked(self.store.put(key, new)))
    }

    /// Sets the time of deletion. An object that is marked already keeps its time, unless its grace gets shorter.
    fn mark(&self, resource: &ResourceType, object: &mut Value, grace: i64) {
        let first = !object::is_deleting(object);
        if resource.is(DEFINITIONS) {
            // Its registry marks it itself: `pkg/registry/customresourcedefinition/etcd.go` of the API extensions server.
            if first {
                object::set_metadata(object, "deletionTimestamp", Value::from(self.now().to_string()));
            }
            return;
        }
        let left = object::metadata(object, "deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or_default();
        if first || grace < left {
            let time = holm_values::Timestamp(self.now().0.saturating_add(grace)).to_string();
            object::set_metadata(object, "deletionTimestamp", Value::from(time));
            object::set_metadata(object, "deletionGracePeriodSeconds", Value::from(grace));
        }
        if first {
            let generation = object::generation(object);
            if generation > 0 {
                object::set_metadata(object, "generation", Value::from(generation + 1));
            }
            if resource.is("namespaces") {
                object::set_at(object, &["status", "phase"], json!("Terminating"));
            }
        }
    }

    /// Whether an object that is being deleted has nothing left to wait for.
    pub(crate) fn is_released(&self, resource: &ResourceType, object: &Value) -> bool {
        let grace = object::metadata(object, "deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or_default();
        object::finalizers(object).is_empty() && grace == 0 && !self.has_content_to_go(resource, object)
    }

    /// A namespace goes when its own kind of finalizers, which are in its spec, are gone.
    fn has_content_to_go(&self, resource: &ResourceType, object: &Value) -> bool {
        resource.is("namespaces")
            && object::at(object, &["spec", "finalizers"])
                .and_then(Value::as_array)
                .is_some_and(|left| !left.is_empty())
    }

    /// Deletes an object because of another one.
    pub(crate) fn delete_key(&mut self, key: &Key, propagation: Option<Propagation>) {
        let Some(resource) = self.registry.by_id(&key.resource).cloned() else { return };
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        // An object that cannot be deleted stays, as it would with a controller that tries again for ever.
        let _ = self.delete(&resource, &key.namespace, &key.name, &options);
    }
}

fn check_preconditions(resource: &ResourceType, live: &Value, options: &DeleteOptions) -> Result<(), ApiError> {
    let name = object::name(live);
    let conflict = |problem: String| ApiError::conflict(resource.group(), &resource.kind.kind, name, &problem);
    let uid = object::uid(live).unwrap_or_default();
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        return Err(conflict(format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). \
             The object might have been deleted and then recreated"
        )));
    }
    let version = object::metadata_text(live, "resourceVersion");
    if let Some(wanted) = options.resource_version.as_deref().filter(|wanted| *wanted != version) {
        return Err(conflict(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). \
             The object might have been modified"
        )));
    }
    Ok(())
}

/// A pod on a node gets time to stop; it goes at once when it never ran or has stopped.
fn grace_period(resource: &ResourceType, live: &Value, options: &DeleteOptions) -> i64 {
    if !resource.is("pods") {
        return 0;
    }
    let unscheduled = object::text_at(live, &["spec", "nodeName"]).is_empty();
    let over = matches!(object::text_at(live, &["status", "phase"]), "Succeeded" | "Failed");
    if unscheduled || over {
        return 0;
    }
    let own = object::at(live, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64);
    options.grace_period_seconds.or(own).unwrap_or_default().max(0)
}
