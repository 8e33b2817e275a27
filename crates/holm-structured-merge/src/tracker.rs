//! Server-side apply and the tracking of every other write, for the objects of one kind.
//!
//! A [`FieldTracker`] does what the field manager of an API server does with an object in JSON: it reads the managed fields,
//! computes ownership with the [`Updater`], strips what nobody owns, merges updaters, sets times and writes the managed
//! fields back. The chain is that of `k8s.io/apimachinery`, `pkg/util/managedfields/internal/fieldmanager.go`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use holm_values::Timestamp;
use serde_json::{Value, json};

use crate::conflict::Conflicts;
use crate::convert::{ConversionError, Versions};
use crate::error::ValidationErrors;
use crate::field_set::FieldSet;
use crate::filter::Filters;
use crate::identity::{ManagerIdentity, Operation};
use crate::last_applied;
use crate::managed_fields::{Managed, ManagedFieldsError, has_entries, is_reset};
use crate::object::{GroupVersionKind, Named, metadata, remove_metadata, set_metadata};
use crate::path::Path;
use crate::typed::{Duplicates, TypedValue};
use crate::update::{UpdateError, Updater};

/// The manager of everything that was there before the first apply, if it was not tracked.
pub const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// How many updaters an object keeps before the oldest are merged.
pub const MAX_UPDATERS: usize = 10;

/// Applies configurations and tracks updates for the objects of one kind, or of one of its subresources.
#[derive(Clone)]
pub struct FieldTracker {
    kind: GroupVersionKind,
    subresource: String,
    versions: Arc<dyn Versions>,
    filters: Arc<Filters>,
    max_updaters: usize,
    nothing: Option<Value>,
}

/// Why an object could not be written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TrackError {
    /// The configuration is of another kind or version than the request. A bad request, 400.
    #[error("invalid object type: {0}")]
    WrongKind(GroupVersionKind),
    /// The configuration brings managed fields of its own. A bad request, 400.
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsInConfiguration,
    /// Other managers own fields that the configuration would change. A conflict, 409.
    #[error("{0}")]
    Conflicts(Conflicts),
    /// The managed fields of the live object cannot be read.
    #[error("failed to decode managed fields: {0}")]
    ManagedFields(ManagedFieldsError),
    /// The object is of a kind that has no type.
    #[error("{step} ({object}){so}: no corresponding type for {kind}")]
    NoType {
        /// What was being done.
        step: &'static str,
        /// The object.
        object: String,
        /// What it was being done for.
        so: &'static str,
        /// Its kind.
        kind: String,
    },
    /// The object does not fit its type. An API server answers 500.
    #[error("{step} ({object}){so}: {errors}")]
    Invalid {
        /// What was being done.
        step: &'static str,
        /// The object.
        object: String,
        /// What it was being done for.
        so: &'static str,
        /// What does not fit.
        errors: ValidationErrors,
    },
    /// The object cannot be written in the version of the request.
    #[error("{step} ({object}) to proper version: {error}")]
    Conversion {
        /// What was being done.
        step: &'static str,
        /// The object.
        object: String,
        /// Why not.
        error: ConversionError,
    },
    /// Ownership could not be computed.
    #[error("{0}")]
    Update(UpdateError),
    /// The fields of an object without managed fields could not be recorded before its first apply.
    #[error("failed to create manager for existing fields: {0}")]
    BeforeFirstApply(Box<TrackError>),
}

impl FieldTracker {
    /// A tracker for objects of `kind`, written in this version.
    #[must_use]
    pub fn new(kind: GroupVersionKind, versions: Arc<dyn Versions>) -> Self {
        Self {
            kind,
            subresource: String::new(),
            versions,
            filters: Arc::new(Filters::none()),
            max_updaters: MAX_UPDATERS,
            nothing: None,
        }
    }

    /// What every object of the kind has, such as an empty `spec`: nobody owns that of an object that was made before its
    /// fields had owners.
    #[must_use]
    pub fn nothing(mut self, nothing: Value) -> Self {
        self.nothing = Some(nothing);
        self
    }

    /// Tracks writes to a subresource such as `status`.
    #[must_use]
    pub fn subresource(mut self, subresource: impl Into<String>) -> Self {
        self.subresource = subresource.into();
        self
    }

    /// Leaves out the fields that the kind resets on every write.
    #[must_use]
    pub fn filters(mut self, filters: Filters) -> Self {
        self.filters = Arc::new(filters);
        self
    }

    /// Applies `config` to `live` for `manager`. The result is the object to be stored, managed fields included.
    ///
    /// The live object may be in another version, and the result is in that of the tracker. An object that does not exist yet
    /// is one with only `apiVersion` and `kind`. An apply that changes nothing gives back the live object, with its times.
    ///
    /// # Caveats
    /// A map or list that is given up down to nothing, while somebody still owns it as such, is null in the result, as in the
    /// original. A server drops it when it writes the object as a typed struct.
    ///
    /// # Errors
    /// With all conflicts, unless `force` is set; or if an object does not fit its type.
    pub fn apply(
        &self,
        live: &Value,
        config: &Value,
        manager: &str,
        force: bool,
        now: Timestamp,
    ) -> Result<Value, TrackError> {
        let managed = Managed::of(live).map_err(TrackError::ManagedFields)?;
        let kind = GroupVersionKind::of(config);
        if kind != self.kind {
            return Err(TrackError::WrongKind(kind));
        }
        let write = Write { tracker: self, now };
        let (mut object, managed) = if manager == last_applied::KUBECTL {
            let applied = match write.apply(live, config, managed.clone(), manager, force) {
                Err(TrackError::Conflicts(conflicts)) => match self.beyond_last_applied(live, conflicts) {
                    Ok(()) => write.apply(live, config, managed, manager, true),
                    Err(conflicts) => Err(TrackError::Conflicts(conflicts)),
                },
                other => other,
            };
            let (mut object, managed) = applied?;
            last_applied::refresh(&mut object, config);
            (object, managed)
        } else {
            write.apply(live, config, managed, manager, force)?
        };
        managed.write_to(&mut object);
        Ok(object)
    }

    /// Records what `new`, the object about to be stored, changes in `live` for `manager`: a create, update or patch.
    ///
    /// An object that does not exist yet is one with only `apiVersion` and `kind`. If `new` brings managed fields, they
    /// replace those of `live`; an empty list resets them.
    ///
    /// # Errors
    /// If an object does not fit its type.
    pub fn update(&self, live: &Value, mut new: Value, manager: &str, now: Timestamp) -> Result<Value, TrackError> {
        let managed = self.decoded(live, &new);
        remove_metadata(&mut new, "managedFields");
        let managed = Write { tracker: self, now }.update(live, &new, managed, manager)?;
        managed.write_to(&mut new);
        Ok(new)
    }

    /// Like [`FieldTracker::update`], but keeps the managed fields of `live` if anything goes wrong: tracking must not stand
    /// in the way of a write.
    #[must_use]
    pub fn update_or_keep(&self, live: &Value, new: Value, manager: &str, now: Timestamp) -> Value {
        self.update(live, new.clone(), manager, now).unwrap_or_else(|_| {
            let mut kept = new;
            match metadata(live, "managedFields") {
                Some(managed) => set_metadata(&mut kept, "managedFields", managed.clone()),
                None => remove_metadata(&mut kept, "managedFields"),
            }
            kept
        })
    }

    /// The managed fields that an update starts from. Unreadable ones count as none.
    fn decoded(&self, live: &Value, new: &Value) -> Managed {
        // Managed fields cannot be set through a subresource.
        if self.subresource.is_empty() {
            if is_reset(new) {
                return Managed::default();
            }
            // Clients that do not know managed fields drop them; that must not reset them.
            if let Some(managed) = Managed::of(new).ok().filter(|managed| !managed.ownership.is_empty()) {
                return managed;
            }
        }
        Managed::of(live).unwrap_or_default()
    }

    /// Whether all conflicts are with fields that `kubectl apply` wrote itself before it applied on the server; otherwise
    /// the conflicts that are not.
    fn beyond_last_applied(&self, live: &Value, conflicts: Conflicts) -> Result<(), Conflicts> {
        let Some(owned) = last_applied::owned_fields(live, &self.kind, self.versions.as_ref()) else {
            return Err(conflicts);
        };
        let beyond: Vec<_> = conflicts.0.into_iter().filter(|conflict| !owned.contains(&conflict.path.0)).collect();
        if beyond.is_empty() { Ok(()) } else { Err(Conflicts(beyond)) }
    }

    fn identity(&self, manager: &str, operation: Operation) -> ManagerIdentity {
        let manager = if manager.is_empty() { "unknown" } else { manager };
        ManagerIdentity::new(manager, operation, &self.kind.api_version(), &self.subresource)
    }

    fn updater<'a>(&'a self) -> Updater<'a> {
        Updater { versions: self.versions.as_ref(), filters: &self.filters }
    }

    /// The object in the version of the request.
    fn versioned<'a>(&self, object: &'a Value, step: &'static str) -> Result<Cow<'a, Value>, TrackError> {
        let api_version = self.kind.api_version();
        if object.get("apiVersion").and_then(Value::as_str) == Some(&api_version) {
            return Ok(Cow::Borrowed(object));
        }
        let converted = self.versions.convert(object, &api_version);
        let failed = |error| TrackError::Conversion { step, object: Named(object).to_string(), error };
        converted.map(Cow::Owned).map_err(failed)
    }

    fn typed<'a>(
        &self,
        object: &'a Value,
        duplicates: Duplicates,
        step: &'static str,
        so: &'static str,
    ) -> Result<TypedValue<'a>, TrackError> {
        let named = || Named(object).to_string();
        let Some(kind) = self.versions.object_type(object) else {
            return Err(TrackError::NoType {
                step,
                object: named(),
                so,
                kind: GroupVersionKind::of(object).to_string(),
            });
        };
        let typed = kind.typed(Cow::Borrowed(object), duplicates);
        typed.map_err(|errors| TrackError::Invalid { step, object: named(), so, errors })
    }
}

/// One write at one time.
struct Write<'t> {
    tracker: &'t FieldTracker,
    now: Timestamp,
}

impl Write<'_> {
    fn apply(
        &self,
        live: &Value,
        config: &Value,
        mut managed: Managed,
        manager: &str,
        force: bool,
    ) -> Result<(Value, Managed), TrackError> {
        let tracker = self.tracker;
        if managed.ownership.is_empty() {
            // Somebody made the object, so everything in it belongs to somebody.
            let bare = || json!({"apiVersion": config.get("apiVersion"), "kind": config.get("kind")});
            let nothing = tracker.nothing.clone().unwrap_or_else(bare);
            let recorded = self.update(&nothing, live, managed, BEFORE_FIRST_APPLY);
            managed = recorded.map_err(|error| TrackError::BeforeFirstApply(Box::new(error)))?;
        }
        if has_entries(config) {
            return Err(TrackError::ManagedFieldsInConfiguration);
        }
        let versioned = tracker.versioned(live, "failed to convert live object")?;
        let config = tracker.typed(config, Duplicates::Refused, "failed to create typed patch object", "")?;
        let live_typed = tracker.typed(&versioned, Duplicates::Allowed, "failed to create typed live object", "")?;
        let identity = tracker.identity(manager, Operation::Apply);
        let api_version = tracker.kind.api_version();
        let applied = tracker
            .updater()
            .apply(&live_typed, &config, &api_version, &managed.ownership, &identity, force)
            .map_err(|error| match error {
                UpdateError::Conflicts(conflicts) => TrackError::Conflicts(conflicts),
                other => TrackError::Update(other),
            })?;
        managed.ownership = applied.ownership;
        strip(&mut managed, &identity);
        let object = match applied.object {
            Some(object) => {
                managed.times.insert(identity, self.now);
                object.into_value()
            }
            None => {
                let mut object = live.clone();
                remove_metadata(&mut object, "managedFields");
                object
            }
        };
        Ok((object, managed))
    }

    fn update(&self, live: &Value, new: &Value, mut managed: Managed, manager: &str) -> Result<Managed, TrackError> {
        let tracker = self.tracker;
        let exists = metadata(live, "uid").and_then(Value::as_str).is_some_and(|uid| !uid.is_empty());
        if managed.ownership.is_empty() && exists {
            // Tracking was reset, or never began; it begins with the next apply.
            return Ok(managed);
        }
        let (new_step, live_step) = ("failed to convert new object", "failed to convert live object");
        let (new, live) = (tracker.versioned(new, new_step)?, tracker.versioned(live, live_step)?);
        let new_typed = tracker.typed(&new, Duplicates::Allowed, new_step, " to smd typed")?;
        let live_typed = tracker.typed(&live, Duplicates::Allowed, live_step, " to smd typed")?;
        let current = ManagerIdentity::current_operation();
        let api_version = tracker.kind.api_version();
        managed.ownership = tracker
            .updater()
            .update(&live_typed, &new_typed, &api_version, &managed.ownership, &current)
            .map_err(TrackError::Update)?;
        strip(&mut managed, &current);
        if let Some(mut changed) = managed.ownership.remove(&current) {
            let identity = tracker.identity(manager, Operation::Update);
            if let Some(previous) = managed.ownership.get(&identity) {
                changed.fields = changed.fields.union(&previous.fields);
            }
            managed.ownership.insert(identity.clone(), changed);
            managed.times.insert(identity, self.now);
        }
        managed.cap_updaters(tracker.max_updaters);
        Ok(managed)
    }
}

/// Fields that nobody owns: they identify the object, or the server sets them.
static UNOWNED: LazyLock<FieldSet> = LazyLock::new(|| {
    let top = ["apiVersion", "kind", "metadata"].map(|name| Path::fields(&[name]));
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    top.into_iter().chain(metadata.map(|name| Path::fields(&["metadata", name]))).collect()
});

/// Takes the unowned fields from the manager that has just written; the others never had them.
fn strip(managed: &mut Managed, manager: &ManagerIdentity) {
    let Some(owned) = managed.ownership.get_mut(manager) else { return };
    owned.fields = owned.fields.difference(&UNOWNED);
    if owned.fields.is_empty() {
        managed.ownership.remove(manager);
    }
}
