//! The resources that are served: the built-in ones in their stable versions, and the custom ones that are defined.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use holm_schema::{GroupVersionKind, GroupVersionResource, Pack, PackError, Resource, built_in};
use holm_structured_merge::{FieldSet, FieldTracker, Filter, Filters, Path, SingleVersion, Versions};
use holm_validation::complete::nothing;
use holm_validation::{ResourceKind, TypeSchema};
use kube::core::Version;
use serde_json::Value;

use crate::error::qualified;
use crate::object;
use crate::store::ResourceId;
use crate::traits::Traits;
use crate::view::{EventVersions, View};

/// The resources that are questions: what is created is answered and not stored.
pub(crate) const REVIEWS: [&str; 6] = [
    "selfsubjectaccessreviews.authorization.k8s.io",
    "subjectaccessreviews.authorization.k8s.io",
    "localsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io",
    "selfsubjectreviews.authentication.k8s.io",
    "tokenreviews.authentication.k8s.io",
];

/// One resource in one version.
#[derive(Clone)]
pub(crate) struct ResourceType {
    /// What its objects are. The id is where they are stored.
    definition: ResourceKind,
    pub traits: Traits,
    /// Set if the objects are stored in another version, which is the one that is written.
    pub view: Option<View>,
    /// Set if what is written to the objects comes through this view, in this kind, and is owned in it.
    through: Option<(View, GroupVersionKind)>,
    /// The version that a definition stores its objects in; none of a built-in resource.
    pub stored_version: Option<String>,
    /// Why nothing can be read or written in this version: a webhook would have to convert it.
    pub unconvertible: Option<String>,
    /// Ownership of fields that are written through the object itself.
    main_tracker: FieldTracker,
    /// Ownership of fields that are written through the status subresource.
    status_tracker: FieldTracker,
}

/// All resources.
#[derive(Clone)]
pub(crate) struct Registry {
    types: BTreeMap<GroupVersionResource, Arc<ResourceType>>,
    /// How often the resources have changed.
    generation: u64,
}

impl ResourceType {
    /// A built-in resource.
    fn built_in(pack: &'static Pack, discovery: &Resource) -> Option<Self> {
        let kind = discovery.kind.clone();
        let versions: Arc<dyn Versions> = match EventVersions::of(pack, &kind) {
            Some(versions) => Arc::new(versions),
            None => Arc::new(SingleVersion {
                api_version: kind.api_version(),
                kind: kind.kind.clone(),
                object_type: pack.object_type(&kind)?,
            }),
        };
        let traits = Traits::of(&kind.group, &discovery.name);
        let mut discovery = discovery.clone();
        discovery.subresources.retain(|subresource| SERVED_PARTS.contains(&subresource.name.as_str()));
        let mut found = Self::new(ResourceKind::built_in(pack, discovery)?, traits, versions);
        if let Some(view) = View::of(found.group(), &found.kind.version, found.plural()) {
            found.view = Some(view);
            found.definition.id = ResourceId::from(view.stored_as());
        }
        Some(found)
    }

    /// A custom resource.
    pub fn custom(definition: ResourceKind, versions: Arc<dyn Versions>) -> Self {
        Self::new(definition, Traits::custom(), versions)
    }

    fn new(definition: ResourceKind, traits: Traits, versions: Arc<dyn Versions>) -> Self {
        let kind = definition.kind.clone();
        let api_version = kind.api_version();
        let excluding = |fields: &[&[&str]]| {
            let fields: FieldSet = fields.iter().map(|path| Path::fields(path)).collect();
            Filters::none().with(api_version.clone(), Filter::Exclude(fields))
        };
        let empty = nothing(&kind, &definition.schema);
        let main = FieldTracker::new(kind.clone(), Arc::clone(&versions)).nothing(empty.clone());
        let main = if definition.has_status() { main.filters(excluding(main_keeps(&kind))) } else { main };
        // A write of the status of a custom resource brings nothing else, metadata included (`statusStrategy.GetResetFields` in
        // `k8s.io/apiextensions-apiserver`, `pkg/registry/customresource/status_strategy.go`).
        let kept: &[&[&str]] = if definition.is_custom() { &[&["metadata"], &["spec"]] } else { status_keeps(&kind) };
        let status =
            FieldTracker::new(kind.clone(), versions).nothing(empty).subresource("status").filters(excluding(kept));
        Self {
            definition,
            traits,
            view: None,
            through: None,
            stored_version: None,
            unconvertible: None,
            main_tracker: main,
            status_tracker: status,
        }
    }

    /// The resource for writes through a view of it.
    pub fn through(&self, view: &Self) -> Self {
        match view.view {
            Some(View::Events) => Self {
                through: Some((View::Events, view.kind.clone())),
                main_tracker: view.main_tracker.clone(),
                status_tracker: view.status_tracker.clone(),
                ..self.clone()
            },
            Some(View::Autoscalers) | None => self.clone(),
        }
    }

    /// The kind in which configurations are applied.
    pub fn applied_kind(&self) -> &GroupVersionKind {
        self.through.as_ref().map_or(&self.kind, |(_, kind)| kind)
    }

    /// What is to be stored of what an apply has made.
    pub fn stored_of_applied(&self, new: Value) -> Value {
        match self.through {
            Some((view, _)) => view.stored(new, None),
            None => new,
        }
    }

    /// Who owns what, for writes to the object or to one of its parts.
    pub fn tracker(&self, subresource: &str) -> Cow<'_, FieldTracker> {
        match subresource {
            "" => Cow::Borrowed(&self.main_tracker),
            "status" => Cow::Borrowed(&self.status_tracker),
            other => Cow::Owned(self.main_tracker.clone().subresource(other)),
        }
    }

    /// A stored object in the version of this type: versions of custom resources differ in their name, their defaults, and in the
    /// fields that they show (`schemaCoercingDecoder` and `schemaCoercingConverter` of `pkg/apiserver/customresource_handler.go`).
    pub fn served(&self, object: &Arc<Value>) -> Arc<Value> {
        if let Some(view) = self.view {
            return Arc::new(view.shown(object));
        }
        let api_version = self.kind.api_version();
        let is_of_version = object.get("apiVersion").and_then(Value::as_str) == Some(api_version.as_str());
        // A default that the definition got after the object was stored is there when it is read.
        let defaults = match &self.schema {
            // They are those of the version in which it is stored.
            TypeSchema::Custom(custom) if custom.has_defaults && is_of_version => Some(custom),
            _ => None,
        };
        let unknown = match &self.schema {
            TypeSchema::Custom(custom) if custom.has_unknown(object) => Some(custom),
            _ => None,
        };
        if is_of_version && defaults.is_none() && unknown.is_none() {
            return Arc::clone(object);
        }
        let mut served = Value::clone(object);
        object::set_at(&mut served, &["apiVersion"], Value::from(api_version));
        if let Some(custom) = unknown {
            custom.prune_unknown(&mut served);
        }
        if let Some(custom) = defaults {
            custom.fill_defaults(&mut served);
        }
        Arc::new(served)
    }
}

impl Deref for ResourceType {
    type Target = ResourceKind;

    fn deref(&self) -> &ResourceKind {
        &self.definition
    }
}

/// The fields that a write of an object with a status cannot change, from `GetResetFields` of the strategies.
fn main_keeps(kind: &GroupVersionKind) -> &'static [&'static [&'static str]] {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("certificates.k8s.io", "CertificateSigningRequest") => &[&["spec"], &["status"]],
        _ => &[&["status"]],
    }
}

/// The fields that a write of the status cannot change, from `GetResetFields` of the status strategies.
pub(crate) fn status_keeps(kind: &GroupVersionKind) -> &'static [&'static [&'static str]] {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => &[&["spec"], &["metadata", "labels"]],
        ("certificates.k8s.io", "CertificateSigningRequest") => &[&["spec"], &["status", "conditions"]],
        (
            "admissionregistration.k8s.io"
            | "flowcontrol.apiserver.k8s.io"
            | "resource.k8s.io"
            | "scheduling.k8s.io"
            | "storage.k8s.io"
            | "storagemigration.k8s.io",
            _,
        )
        | ("networking.k8s.io", "ServiceCIDR")
        | ("certificates.k8s.io", "PodCertificateRequest") => &[&["spec"], &["metadata"]],
        ("", "Pod") => &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]],
        _ => &[&["spec"]],
    }
}

/// Resources that only a real server can serve, or that say the same as another one.
const LEFT_OUT: &[&str] = &["bindings", "componentstatuses", "apiservices.apiregistration.k8s.io"];

/// The parts of built-in objects that are served. What the others need is not simulated, such as containers that run.
const SERVED_PARTS: &[&str] = &[
    "approval",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "finalize",
    "log",
    "resize",
    "scale",
    "status",
    "token",
];

impl std::fmt::Debug for ResourceType {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "ResourceType({} {})", self.id, self.resource.version)
    }
}

impl Registry {
    /// The built-in resources.
    pub fn built_in() -> Result<Self, PackError> {
        let pack = built_in()?;
        let mut types = BTreeMap::new();
        for group in pack.groups() {
            let mut served: Vec<&str> = Vec::new();
            for version in group.versions.iter().filter(|version| is_stable(&version.version)) {
                for resource in &version.resources {
                    let asked = REVIEWS.contains(&qualified(&resource.name, &group.name).as_str());
                    let writable = resource.allows("create") && resource.allows("list") || asked;
                    let left_out = LEFT_OUT.contains(&qualified(&resource.name, &group.name).as_str());
                    // Each resource is served in one version, the preferred one, unless another one shows the same objects.
                    let again = served.contains(&resource.name.as_str());
                    let seen = View::of(&group.name, &version.version, &resource.name).is_some();
                    if !writable || left_out || (again && !seen) {
                        continue;
                    }
                    if let Some(found) = ResourceType::built_in(pack, resource) {
                        types.insert(found.resource.clone(), Arc::new(found));
                        served.push(&resource.name);
                    }
                }
            }
        }
        Ok(Self { types, generation: 0 })
    }

    pub fn get(&self, resource: &GroupVersionResource) -> Option<&Arc<ResourceType>> {
        self.types.get(resource)
    }

    /// The type in which the objects of a stored resource are served: its first version.
    pub fn by_id(&self, id: &str) -> Option<&Arc<ResourceType>> {
        self.types.values().find(|found| &*found.id == id && found.view.is_none())
    }

    /// The resource of a kind.
    pub fn by_kind(&self, kind: &GroupVersionKind) -> Option<&Arc<ResourceType>> {
        self.types.values().find(|found| found.kind == *kind)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        self.types.values()
    }

    /// How often the resources have changed.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn insert(&mut self, added: ResourceType) {
        self.generation += 1;
        self.types.insert(added.resource.clone(), Arc::new(added));
    }

    /// Takes all versions of a custom resource away.
    pub fn remove(&mut self, id: &str) {
        self.generation += 1;
        self.types.retain(|_, found| &*found.id != id || matches!(found.schema, TypeSchema::BuiltIn { .. }));
    }

    /// The groups with their versions, in the order in which discovery lists them.
    pub fn groups(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for resource in self.types.keys() {
            let versions = groups.entry(&resource.group).or_default();
            if !versions.contains(&resource.version.as_str()) {
                versions.push(&resource.version);
            }
        }
        for versions in groups.values_mut() {
            versions.sort_by_cached_key(|version| std::cmp::Reverse(Version::parse(version).priority()));
        }
        groups
    }

    /// The resources of one version of a group.
    pub fn of_version<'a>(&'a self, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Arc<ResourceType>> {
        self.types.values().filter(move |found| found.resource.group == group && found.resource.version == version)
    }
}

/// `v1` and `v2` are; `v1beta1` is not.
fn is_stable(version: &str) -> bool {
    matches!(Version::parse(version), Version::Stable(_))
}
