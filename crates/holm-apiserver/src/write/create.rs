//! Creating an object.

use std::sync::Arc;

use holm_validation::complete::{complete, nothing};
use holm_validation::prepare::{Labels, set_default_times};
use holm_validation::shape::Stage;
use serde_json::Value;

use super::{Accepted, Draft, Written, accept, finished, prepare};
use crate::admission;
use crate::allocate;
use crate::authorize::escalate;
use crate::definitions;
use crate::error::ApiError;
use crate::object;
use crate::options::WriteOptions;
use crate::quota;
use crate::registry::ResourceType;
use crate::state::State;
use crate::validate;

/// How many characters of a prefix are kept, so that a generated name has at most 63.
const MAX_PREFIX: usize = 58;

impl State {
    /// Creates an object from the body of a POST.
    pub fn create(
        &mut self,
        resource: &ResourceType,
        namespace: &str,
        draft: Draft,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        let mut warnings = Vec::new();
        let outcome = self.create_draft(resource, namespace, draft, options, &mut warnings);
        finished(outcome, warnings)
    }

    fn create_draft(
        &mut self,
        resource: &ResourceType,
        namespace: &str,
        draft: Draft,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let mut origin = Origin { labels: Labels::of(&draft.object), is_allocated: true };
        let mut accepted = accept(resource, draft, options.field_validation, warnings)?;
        let mut new = std::mem::take(&mut accepted.object);
        set_default_times(resource, self.now(), &mut new);
        place(resource, namespace, None, &mut new)?;
        if self.generate_name(&mut new) {
            // An object that gets a name is copied for each try, and what was one map before is two then.
            origin.labels = Labels::Given;
        }
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
            object::remove_metadata(&mut new, field);
        }
        let tracker = resource.tracker("");
        accepted.object =
            tracker.update_or_keep(&nothing(&resource.kind, &resource.schema), new, &options.field_manager, self.now());
        self.create_tracked(resource, namespace, accepted, origin, options, warnings)
    }

    /// Creates an object whose managed fields are already recorded.
    pub(super) fn create_tracked(
        &mut self,
        resource: &ResourceType,
        namespace: &str,
        new: Accepted,
        origin: Origin,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let Accepted { object: mut new, untidy, .. } = new;
        let (group, plural) = (resource.group(), resource.plural());
        admission::on_create(self, resource, namespace, &mut new)?;
        if let Some(user) = &options.user {
            escalate::check(self, user, resource, None, &new)?;
        }
        // Only a version that can be read and is not 0 is one.
        let brought_version =
            object::metadata_text(&new, "resourceVersion").parse::<u64>().is_ok_and(|version| version != 0);
        let version = object::metadata(&new, "resourceVersion").cloned();
        for field in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            object::remove_metadata(&mut new, field);
        }
        let uid = self.random.uid();
        object::set_metadata(&mut new, "uid", Value::from(uid));
        object::set_metadata(&mut new, "creationTimestamp", Value::from(self.now().to_string()));
        if origin.is_allocated {
            allocate::on_create(self, resource, &mut new, options.dry_run)?;
        }
        prepare::for_create(self, resource, origin.labels, options.user.as_deref(), &mut new);
        let name = object::name(&new).to_owned();
        let mut errors = validate::on_create(resource, &new);
        errors.extend(definitions::unsupported(resource, &new));
        if !errors.is_empty() {
            return Err(ApiError::invalid(group, &resource.kind.kind, &name, &errors));
        }
        quota::on_create(self, resource, namespace, &new)?;
        let key = self.key(resource, namespace, &name);
        complete(resource, &mut new, Stage::Stored);
        validate::warnings(resource, None, &new, warnings);
        // Only the storage notices, which a dry run does not reach.
        if brought_version && !options.dry_run {
            return Err(ApiError::unknown("resourceVersion should not be set on objects to be created"));
        }
        if self.store.get(&key).is_some() {
            return Err(ApiError::already_exists(group, plural, &name));
        }
        self.check_storable(&new, None)?;
        if options.dry_run {
            if let Some(version) = version {
                object::set_metadata(&mut new, "resourceVersion", version);
            }
            return Ok(Written { object: Arc::new(new), created: true, warnings: Vec::new() });
        }
        self.remember_untidy(&key, untidy);
        let object = self.store.put(key, new);
        Ok(Written { object, created: true, warnings: Vec::new() })
    }

    /// Gives a name to an object that has the beginning of one, and tells whether it did.
    ///
    /// From `k8s.io/apiserver`, `pkg/storage/names/generate.go`.
    fn generate_name(&mut self, object: &mut Value) -> bool {
        let prefix = object::metadata_text(object, "generateName");
        if object::name(object).is_empty() && !prefix.is_empty() {
            let prefix: String = prefix.chars().take(MAX_PREFIX).collect();
            let name = format!("{prefix}{}", self.random.suffix(5));
            object::set_metadata(object, "name", Value::from(name));
            return true;
        }
        false
    }
}

/// Where a new object comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub labels: Labels,
    /// Whether it gets addresses and ports: not by a write of the status of an object that is not there.
    pub is_allocated: bool,
}

/// Checks the namespace and name of a draft against those of the request, and fills them in.
pub(crate) fn place(
    resource: &ResourceType,
    namespace: &str,
    name: Option<&str>,
    object: &mut Value,
) -> Result<(), ApiError> {
    let own = object::namespace(object);
    if resource.is_namespaced() {
        if !own.is_empty() && own != namespace {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        object::set_metadata(object, "namespace", Value::from(namespace));
    } else {
        object::remove_metadata(object, "namespace");
    }
    if let Some(name) = name {
        let own = object::name(object);
        if !own.is_empty() && own != name {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({own}) does not match the name on the URL ({name})"
            )));
        }
        object::set_metadata(object, "name", Value::from(name));
    }
    Ok(())
}
