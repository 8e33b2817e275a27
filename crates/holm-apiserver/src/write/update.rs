//! Changing an object: PUT, the patches, and server-side apply.

use std::borrow::Cow;
use std::sync::Arc;

use holm_structured_merge::{FieldTracker, TrackError, keep_times_of_unchanged};
use holm_validation::complete::{complete, nothing};
use holm_validation::prepare::{Labels, set_default_times};
use holm_validation::shape::{self, Stage};
use holm_validation::{FieldError, TypeSchema, decode};
use serde_json::Value;

use super::create::{Origin, place};
use super::{Accepted, Draft, Written, accept, finished, prepare};
use crate::admission;
use crate::allocate;
use crate::authorize::{self, escalate};
use crate::definitions;
use crate::error::ApiError;
use crate::go;
use crate::object::{self, at};
use crate::options::WriteOptions;
use crate::patch::Patch;
use crate::quota;
use crate::registry::ResourceType;
use crate::request_info::Attributes;
use crate::state::State;
use crate::validate;

/// What a change is made to: an object, or one of its subresources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    /// Empty, `status`, or another part of the object.
    pub subresource: &'a str,
}

impl State {
    /// Replaces an object by the body of a PUT.
    pub fn replace(
        &mut self,
        resource: &ResourceType,
        target: Target<'_>,
        draft: Draft,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        let mut warnings = Vec::new();
        let outcome = self.replace_warning(resource, target, draft, options, &mut warnings);
        finished(outcome, warnings)
    }

    fn replace_warning(
        &mut self,
        resource: &ResourceType,
        target: Target<'_>,
        draft: Draft,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let labels = Labels::of(&draft.object);
        let Accepted { object: mut new, emptied, untidy } =
            accept(resource, draft, options.field_validation, warnings)?;
        set_default_times(resource, self.now(), &mut new);
        if object::name(&new).is_empty() {
            return Err(ApiError::bad_request("name must be provided"));
        }
        place(resource, target.namespace, Some(target.name), &mut new)?;
        let key = self.key(resource, target.namespace, target.name);
        let tracker = resource.tracker(target.subresource);
        match self.store.get(&key).map(|live| resource.served(live)) {
            Some(live) => {
                check_uid(resource, &live, &new)?;
                check_version(resource, &live, &new)?;
                let before = as_stored(resource, &live);
                let object = tracker.update_or_keep(&before, new, &options.field_manager, self.now());
                self.finish(resource, target, &live, Accepted { object, emptied, untidy }, options, warnings)
            }
            None if makes(resource, target) => {
                if let Some(uid) = object::uid(&new) {
                    return Err(ApiError::conflict(
                        resource.group(),
                        resource.plural(),
                        target.name,
                        &format!("Precondition failed: UID in precondition: {uid}, UID in object meta: "),
                    ));
                }
                read_version(&new)?;
                self.may_create(resource, target, options)?;
                let mut object = tracker.update_or_keep(
                    &nothing(&resource.kind, &resource.schema),
                    new,
                    &options.field_manager,
                    self.now(),
                );
                if !options.dry_run {
                    object::remove_metadata(&mut object, "resourceVersion");
                }
                let new = Accepted { object, emptied, untidy };
                let origin = Origin { labels, is_allocated: target.subresource.is_empty() };
                self.create_tracked(resource, target.namespace, new, origin, options, warnings)
            }
            None => Err(ApiError::not_found(resource.group(), resource.plural(), target.name)),
        }
    }

    /// Changes an object by a patch.
    pub fn patch(
        &mut self,
        resource: &ResourceType,
        target: Target<'_>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        let mut warnings = Vec::new();
        let outcome = self.patch_warning(resource, target, patch, options, &mut warnings);
        finished(outcome, warnings)
    }

    fn patch_warning(
        &mut self,
        resource: &ResourceType,
        target: Target<'_>,
        patch: &Patch,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let key = self.key(resource, target.namespace, target.name);
        // In the version of the request, which is not the one in which it was stored.
        let Some(live) = self.store.get(&key).map(|live| resource.served(live)) else {
            return Err(ApiError::not_found(resource.group(), resource.plural(), target.name));
        };
        let mut draft = Draft::of(patch.apply(resource, &live)?);
        draft.duplicates.clone_from(&patch.duplicates);
        let Accepted { object: mut new, emptied, untidy } =
            accept_patched(draft, (patch, &live), resource, options, warnings)?;
        set_default_times(resource, self.now(), &mut new);
        check_name(resource, target, &mut new)?;
        check_version(resource, &live, &new)?;
        let tracker = resource.tracker(target.subresource);
        let object = tracker.update_or_keep(&live, new, &options.field_manager, self.now());
        self.finish(resource, target, &live, Accepted { object, emptied, untidy }, options, warnings)
    }

    /// Server-side apply.
    pub fn apply(
        &mut self,
        resource: &ResourceType,
        target: Target<'_>,
        draft: Draft,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        let mut warnings = Vec::new();
        let outcome = self.apply_warning(resource, target, draft, options, &mut warnings);
        finished(outcome, warnings)
    }

    fn apply_warning(
        &mut self,
        resource: &ResourceType,
        target: Target<'_>,
        draft: Draft,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let config = draft.object;
        let key = self.key(resource, target.namespace, target.name);
        let tracker = resource.tracker(target.subresource);
        let now = self.now();
        super::check_kind(resource.applied_kind(), &config).map_err(|_| mismatch(resource, &config))?;
        if config.get("metadata").is_some_and(|metadata| !metadata.is_object() && !metadata.is_null()) {
            return Err(ApiError::unknown("the metadata of the applied configuration cannot be read"));
        }
        let live = self.store.get(&key).map(|live| resource.served(live));
        if live.is_none() && !target.subresource.is_empty() && !makes(resource, target) {
            return Err(ApiError::not_found(resource.group(), resource.plural(), target.name));
        }
        let nothing = live.is_none().then(|| nothing(&resource.kind, &resource.schema));
        let before = live.as_deref().or(nothing.as_ref()).unwrap_or(&Value::Null);
        let new = resource.stored_of_applied(run(&tracker, before, &config, options, now)?);
        let mut new = accept_applied(new, live.as_deref(), resource, options, warnings)?;
        set_default_times(resource, now, &mut new.object);
        super::report(options.field_validation, &[], &draft.duplicates, warnings)?;
        let Some(live) = live else {
            if let Some(uid) = object::uid(&config) {
                return Err(ApiError::conflict(
                    resource.group(),
                    resource.plural(),
                    target.name,
                    &format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found"),
                ));
            }
            check_name(resource, target, &mut new.object)?;
            read_version(&new.object)?;
            self.may_create(resource, target, options)?;
            if !options.dry_run {
                // There is no version yet that it could mean.
                object::remove_metadata(&mut new.object, "resourceVersion");
            }
            let origin = Origin { labels: Labels::of(&config), is_allocated: target.subresource.is_empty() };
            return self.create_tracked(resource, target.namespace, new, origin, options, warnings);
        };
        check_name(resource, target, &mut new.object)?;
        check_version(resource, &live, &new.object)?;
        self.finish(resource, target, &live, new, options, warnings)
    }

    /// What follows when the new object and its owners are known.
    pub(crate) fn finish(
        &mut self,
        resource: &ResourceType,
        target: Target<'_>,
        live: &Arc<Value>,
        new: Accepted,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let Accepted { object: mut new, emptied, untidy } = new;
        if let TypeSchema::BuiltIn { schema, name } = &resource.schema {
            shape::canonicalise_root(&mut new, *schema, name, Stage::Read);
        }
        let is_status = target.subresource == "status";
        let is_part = !is_status && !target.subresource.is_empty();
        for field in ["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            // They are the server's; a write that leaves them out leaves them as they are.
            let kept = matches!(field, "generation" | "creationTimestamp")
                || (field == "deletionTimestamp" && object::is_deleting(live));
            if kept || object::metadata(&new, field).is_none() {
                object::copy_at(live, &mut new, &["metadata", field]);
            }
        }
        if let Some(user) = options.user.as_ref().filter(|_| target.subresource.is_empty()) {
            escalate::check(self, user, resource, Some(live), &new)?;
        }
        if target.subresource.is_empty() {
            allocate::on_update(self, resource, live, &mut new, options.dry_run)?;
        }
        if is_part {
            prepare::for_part_update(self, resource, target.subresource, live, &mut new);
        } else if is_status {
            prepare::for_status_update(self, resource, live, &mut new);
        } else {
            prepare::for_update(resource, live, &mut new, &emptied);
        }
        let mut errors = validate::metadata_update(live, &new);
        if is_part {
            errors.extend(validate::parts::on_update(target.subresource, live, &new));
        } else if is_status {
            errors.extend(validate::on_status_update(resource, live, &new));
        } else {
            errors.extend(validate::on_update(resource, live, &new, &emptied));
            errors.extend(definitions::unsupported(resource, &new));
        }
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource.group(), &resource.kind.kind, target.name, &errors));
        }
        quota::on_update(self, resource, target.subresource, live, &new)?;
        if target.subresource.is_empty() {
            admission::validate_update(self, resource, live, &new)?;
        }
        if read_version(&new)? == 0 {
            object::copy_at(live, &mut new, &["metadata", "resourceVersion"]);
        }
        if !untidy.iter().any(|(place, _)| place.starts_with("metadata")) {
            keep_times(resource, live, &mut new);
        }
        if !is_status {
            validate::warnings(resource, Some(live), &new, warnings);
        }
        // Nobody stores an object whose last finalizer goes, so it is answered as it was read.
        let goes = object::is_deleting(&new) && self.is_released(resource, &new);
        complete(resource, &mut new, if goes { Stage::Read } else { Stage::Stored });
        object::set_metadata(
            &mut new,
            "resourceVersion",
            object::metadata(live, "resourceVersion").cloned().unwrap_or_default(),
        );
        let key = self.key(resource, target.namespace, target.name);
        let untidy = if is_status { Vec::new() } else { untidy };
        // What is stored is compared with what would be, and what is untidy is never what was read (`GuaranteedUpdate`).
        let same = new == **live && !goes && untidy.is_empty() && !self.untidy.contains_key(&key);
        if !same && !goes {
            self.check_storable(&new, Some(live))?;
        }
        if options.dry_run || same {
            return Ok(Written { object: Arc::new(new), created: false, warnings: Vec::new() });
        }
        if goes {
            // The last finalizer is gone: the object is not written any more (`deleteWithoutFinalizers` in
            // `pkg/registry/generic/registry/store.go`).
            self.store.remove(&key);
            for (place, value) in untidy {
                object::set_at(&mut new, &place.split('/').collect::<Vec<_>>(), value);
            }
            return Ok(Written { object: Arc::new(new), created: false, warnings: Vec::new() });
        }
        self.remember_untidy(&key, untidy);
        let object = self.store.put(key, new);
        Ok(Written { object, created: false, warnings: Vec::new() })
    }
}

/// A Service that stands for another name may have a traffic policy that is stored and not shown: who writes it as it is shown,
/// takes the policy from those who own it (`defaultOnReadInternalTrafficPolicy`).
fn as_stored<'a>(resource: &ResourceType, live: &'a Value) -> Cow<'a, Value> {
    let mut stored = Cow::Borrowed(live);
    let owners = object::metadata(live, "managedFields");
    let owns = |entry: &Value| at(entry, &["fieldsV1", "f:spec", "f:internalTrafficPolicy"]).is_some();
    if resource.is("services")
        && object::text_at(live, &["spec", "type"]) == "ExternalName"
        && owners.and_then(Value::as_array).is_some_and(|owners| owners.iter().any(owns))
    {
        object::set_at(stored.to_mut(), &["spec", "internalTrafficPolicy"], Value::from("Cluster"));
    }
    stored
}

/// A list that is null and one that is empty are the same here (`equality.Semantic` in `k8s.io/apiserver`,
/// `pkg/endpoints/handlers/fieldmanager/equality.go`).
fn keep_times(resource: &ResourceType, live: &Value, new: &mut Value) {
    keep_times_of_unchanged(live, new);
    if let TypeSchema::BuiltIn { schema, name } = &resource.schema
        && object::metadata(live, "managedFields") != object::metadata(new, "managedFields")
    {
        let mut stored = new.clone();
        shape::canonicalise_root(&mut stored, *schema, name, Stage::Stored);
        keep_times_of_unchanged(live, &mut stored);
        object::copy_at(&stored, new, &["metadata", "managedFields"]);
    }
}

fn accept_patched(
    draft: Draft,
    (patch, live): (&Patch, &Value),
    resource: &ResourceType,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Accepted, ApiError> {
    accept(resource, draft, options.field_validation, warnings).map_err(|error| {
        // What a patch makes is not what the client wrote, so it is not the request that cannot be read. It is quoted, but for a
        // strategic merge patch, which makes no text on its way.
        let patched = patch.apply(resource, live).ok().filter(|_| !patch.is_strategic());
        let patched = patched.map(|object| go::json(&object)).unwrap_or_default();
        ApiError::invalid("", "", "", &[FieldError::invalid("patch", patched, error.message)])
    })
}

/// What an apply makes must be readable; where it is not, the server has no better answer than a failure of its own.
fn accept_applied(
    new: Value,
    live: Option<&Value>,
    resource: &ResourceType,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Accepted, ApiError> {
    let mut new = new;
    match &resource.schema {
        TypeSchema::BuiltIn { schema, .. } => decode::wrap_integers(&mut new, *schema),
        TypeSchema::Custom(_) => {
            // They are the server's, who reads what a configuration says only where there would be a deletion.
            object::remove_metadata(&mut new, "creationTimestamp");
            if live.is_none_or(object::is_deleting) {
                object::remove_metadata(&mut new, "deletionTimestamp");
            }
            let time = object::metadata_text(&new, "deletionTimestamp");
            if let Some(live) = live
                && !time.is_empty()
                && time.parse::<holm_values::Timestamp>().is_err()
            {
                let errors = [FieldError::invalid("metadata", "", "the time of the deletion cannot be read")];
                return Err(ApiError::invalid(resource.group(), &resource.kind.kind, object::name(live), &errors));
            }
        }
    }
    let draft = Draft { is_applied: true, ..Draft::of(new) };
    accept(resource, draft, options.field_validation, warnings).map_err(|error| ApiError::unknown(error.message))
}

/// Applies a configuration, and words what is wrong as a server does.
pub(crate) fn run(
    tracker: &FieldTracker,
    live: &Value,
    config: &Value,
    options: &WriteOptions,
    now: holm_values::Timestamp,
) -> Result<Value, ApiError> {
    tracker.apply(live, config, &options.field_manager, options.force, now).map_err(|error| match error {
        TrackError::Conflicts(conflicts) => {
            let refused = ApiError::new(409, "Conflict", conflicts.to_string());
            conflicts
                .causes()
                .iter()
                .fold(refused, |refused, cause| refused.cause(cause.reason, &cause.message, &cause.field))
        }
        TrackError::WrongKind(_) | TrackError::ManagedFieldsInConfiguration => ApiError::bad_request(error.to_string()),
        other => ApiError::unknown(other.to_string()),
    })
}

fn mismatch(resource: &ResourceType, config: &Value) -> ApiError {
    let kind = holm_structured_merge::GroupVersionKind::of(config);
    let expected = resource.applied_kind();
    if kind.kind.is_empty() {
        return ApiError::bad_request("invalid object type: the kind is missing");
    }
    ApiError::bad_request(format!("invalid object type: {kind} (expected {expected})"))
}

/// What a patch makes must have the name of the path. A name that nobody owns is lost with the metadata that were given up.
fn check_name(resource: &ResourceType, target: Target<'_>, object: &mut Value) -> Result<(), ApiError> {
    place(resource, target.namespace, None, object)?;
    let name = object::name(object);
    if name == target.name {
        return Ok(());
    }
    let problem = if name.is_empty() {
        format!("the name of the object ({} based on URL) was undeterminable: name must be provided", target.name)
    } else {
        format!("the name of the object ({name}) does not match the name on the URL ({})", target.name)
    };
    Err(ApiError::bad_request(problem))
}

/// The version that an object names; none is 0.
fn read_version(object: &Value) -> Result<u64, ApiError> {
    let version = object::metadata_text(object, "resourceVersion");
    if version.is_empty() {
        return Ok(0);
    }
    let unread = |_| ApiError::unknown(format!("strconv.ParseUint: parsing {version:?}: invalid syntax"));
    version.parse().map_err(unread)
}

/// Whether a write that is no apply makes an object that is not there. The status is stored by the strategy of the object, so
/// where that makes objects, writing the status of one that is not there does too.
fn makes(resource: &ResourceType, target: Target<'_>) -> bool {
    resource.traits.created_by_put && matches!(target.subresource, "" | "status")
}

/// Whoever names a uid means that object and no other with the same name.
fn check_uid(resource: &ResourceType, live: &Value, new: &Value) -> Result<(), ApiError> {
    let (Some(wanted), Some(found)) = (object::uid(new), object::uid(live)) else { return Ok(()) };
    if wanted == found {
        return Ok(());
    }
    let problem = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}");
    Err(ApiError::conflict(resource.group(), resource.plural(), object::name(live), &problem))
}

fn check_version(resource: &ResourceType, live: &Value, new: &Value) -> Result<(), ApiError> {
    let wanted = object::metadata_text(new, "resourceVersion");
    let name = object::name(live);
    // The version 0 is none.
    if read_version(new)? == 0 {
        if !resource.traits.needs_resource_version {
            return Ok(());
        }
        let errors = [FieldError::invalid("metadata.resourceVersion", 0, "must be specified for an update")];
        return Err(ApiError::invalid(resource.group(), resource.plural(), name, &errors));
    }
    if wanted == object::metadata_text(live, "resourceVersion") {
        return Ok(());
    }
    Err(ApiError::modified(resource.group(), resource.plural(), name))
}

impl State {
    /// A write that makes an object needs the right to create it, whatever the method.
    fn may_create(&self, resource: &ResourceType, target: Target<'_>, options: &WriteOptions) -> Result<(), ApiError> {
        let Some(user) = &options.user else { return Ok(()) };
        let attributes = Attributes::of_resource("create", resource, target.namespace, target.name);
        authorize::check(self, user, &attributes)
    }

    /// Replaces the finalizers in the spec of a namespace, which no other write can change.
    pub fn finalize_namespace(
        &mut self,
        resource: &ResourceType,
        name: &str,
        draft: Draft,
    ) -> Result<Written, ApiError> {
        let key = self.key(resource, "", name);
        let live = self.store.get(&key).cloned().ok_or_else(|| ApiError::not_found("", "namespaces", name))?;
        let mut new = Value::clone(&live);
        object::copy_at(&draft.object, &mut new, &["spec", "finalizers"]);
        complete(resource, &mut new, Stage::Stored);
        if new == *live {
            return Ok(Written { object: live, created: false, warnings: Vec::new() });
        }
        self.check_storable(&new, Some(&live))?;
        let object = self.store.put(key.clone(), new);
        if object::is_deleting(&object) && self.is_released(resource, &object) {
            self.store.remove(&key);
        }
        Ok(Written { object, created: false, warnings: Vec::new() })
    }
}
