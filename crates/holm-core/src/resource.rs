//! What one `stack.add` declares: an object, the values in it that come later, and how to treat it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use holm_readiness::ReadyWhen;
use serde_json::Value;

use crate::id::{ApiKind, ResourceId};
use crate::input::Input;
use crate::path::FieldPath;
use crate::problem::ProblemKind;
use crate::reference::Ref;
use crate::secret::Glimpse;
use crate::site::Site;

/// A declared resource, as the graph keeps it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resource {
    /// Its identity.
    pub id: ResourceId,
    /// Its kind as the server serves it.
    pub kind: ApiKind,
    /// The object as declared, with `apiVersion`, `kind` and `metadata`; fields that [`inputs`](Self::inputs) fill in are
    /// absent. Values of Secrets that are plain text in the declaration stand in `inputs` as [`Input::Sensitive`], so this
    /// holds no secret.
    pub object: Value,
    /// The values that are resolved later, by where they go.
    pub inputs: BTreeMap<FieldPath, Input>,
    /// How to treat it.
    pub options: Options,
    /// The component that it belongs to, by the names from the outermost to the innermost: `shop/database`.
    pub component: Option<String>,
    /// The line that declared it.
    pub site: Site,
    /// Whether it was read from a text, which others may have written, rather than built by the program.
    pub is_from_text: bool,
}

/// What stands in [`Resource::filled_in`] where a value is secret or comes later. No text of a declaration can be equal to
/// it by accident.
pub(crate) const UNKNOWN: &str = "\u{0}unknown";

impl Resource {
    /// The object with every input in its place, as far as it is known now and no secret; [`UNKNOWN`] stands for the others.
    /// The values of a Secret are left out.
    pub(crate) fn filled_in(&self) -> Cow<'_, Value> {
        if self.inputs.is_empty() || crate::secret::is_secret(&self.id) {
            return Cow::Borrowed(&self.object);
        }
        let mut object = self.object.clone();
        for (path, input) in &self.inputs {
            path.set(&mut object, input.known().unwrap_or_else(|| Value::from(UNKNOWN)));
        }
        Cow::Owned(object)
    }
}

/// How a resource is treated. The defaults fit nearly every resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Deleting or replacing it needs consent by name. Default: only for kinds that hold data.
    pub protect: bool,
    /// It is released rather than deleted when it leaves the program.
    pub retain_on_delete: bool,
    /// An object of this name that another client made is adopted without further consent.
    pub adopt: bool,
    /// Orders that the objects themselves do not show.
    pub depends_on: Vec<DependsOn>,
    /// What ready means, in place of the rules for its kind.
    pub ready_when: Option<ReadyWhen>,
    /// How long to wait for it.
    pub timeouts: Timeouts,
    /// What to do where another field manager owns a declared field with another value.
    pub on_conflict: ConflictPolicy,
    /// Fields that others may change: sent when the object is created, then left alone.
    pub ignore_changes: Vec<FieldPath>,
    /// Fields whose change replaces the object.
    pub replace_on_changes: Vec<FieldPath>,
    /// What a plan says when it changes.
    pub notes: Vec<Note>,
    /// The codes of warnings that are not reported about it.
    pub allowed_warnings: Vec<String>,
    /// Whether its pods are replaced when a Secret or a ConfigMap that they read changes.
    pub roll_on_change: bool,
    /// The policies that do not hold for it.
    pub exemptions: Vec<Exemption>,
}

/// A policy that does not hold for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The policy's name.
    pub policy: String,
    /// Why.
    pub reason: String,
}

/// Something that a plan says when the resource changes, such as that the change reaches only an empty volume.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// The field whose change it is about; the root for a change of any field.
    pub path: FieldPath,
    /// What to say.
    pub text: String,
}

/// An explicit order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependsOn {
    /// What must come first.
    pub id: ResourceId,
    /// How far it must have come.
    pub strength: Strength,
}

/// How far a dependency must have come before its dependent is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// It exists. Enough for a Secret, a ConfigMap or a claim: a claim of a `WaitForFirstConsumer` class binds only once
    /// its pod exists, so that waiting for more is a deadlock.
    Exists,
    /// Its kind is served, for a CustomResourceDefinition.
    Established,
    /// It is ready.
    Ready,
}

/// How long to wait for one resource. Without a value the run's own limit holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// From the write until it is ready.
    pub ready: Option<Duration>,
    /// From the delete until it is gone.
    pub delete: Option<Duration>,
}

/// What to do where another field manager owns a declared field with another value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Take fields back from people's command line tools (`kubectl`, `k9s` and the like), and fail for any other manager:
    /// what a person typed is drift, what a controller or another program applies is a decision.
    #[default]
    FromTools,
    /// Fail for every other manager.
    Fail,
    /// Take the fields over from every other manager.
    TakeOver,
}

/// What one `stack.add` takes in, before it has its namespace and identity.
#[derive(Clone)]
pub struct Declaration {
    /// The kind; with what the program could not know left open.
    pub kind: DeclaredKind,
    /// The object, as JSON.
    pub object: Value,
    /// The values that are resolved later, by where they go.
    pub inputs: BTreeMap<FieldPath, Input>,
    /// How to treat it.
    pub options: Options,
    /// What is wrong already, such as a builder's own misuse. Reported together with everything else.
    pub problems: Vec<(FieldPath, ProblemKind)>,
}

/// The kind of a declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredKind {
    /// All is known.
    Known(ApiKind),
    /// Only what the manifest itself says: plural and scope come from the catalog of built-in kinds, or from a
    /// CustomResourceDefinition that the stack declared before.
    Named {
        /// The object's `apiVersion`.
        api_version: String,
        /// The object's `kind`.
        kind: String,
    },
}

impl fmt::Debug for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declaration")
            .field("kind", &self.kind)
            .field("object", &Glimpse(&self.object))
            .field("inputs", &self.inputs)
            .field("options", &self.options)
            .field("problems", &self.problems)
            .finish()
    }
}

impl Declaration {
    /// A declaration of a known kind without options.
    pub fn new(kind: ApiKind, object: Value) -> Self {
        Self {
            kind: DeclaredKind::Known(kind),
            object,
            inputs: BTreeMap::new(),
            options: Options::default(),
            problems: Vec::new(),
        }
    }
}

/// Whatever can be added to a stack: builders, every type of k8s-openapi, every derived custom resource, and
/// [`Manifest`](crate::manifest::Manifest)s.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be added to a stack",
    label = "not a resource",
    note = "a stack takes builders, types of k8s-openapi, derived custom resources (`kube::Resource` with `serde::Serialize`) and \
            `Manifest`s; containers, ports and probes belong into a workload"
)]
pub trait IntoResource: Sized {
    /// The type that references to it carry.
    type Kind: Kind;

    /// The resource with options: the same type where it keeps them itself, as a builder does, or else [`Configured`].
    type Configured: IntoResource<Kind = Self::Kind, Configured = Self::Configured>;

    /// The object with everything that belongs to it.
    fn into_declaration(self) -> Declaration;

    /// Adds an option. [`ResourceOptions`] has a method for each.
    fn with_option(self, option: ResourceOption) -> Self::Configured;
}

/// The types that references carry: those of k8s-openapi, derived custom resources, and [`Untyped`](crate::Untyped).
#[diagnostic::on_unimplemented(
    message = "a reference does not carry a `{Self}`",
    label = "not the type of a Kubernetes object",
    note = "a reference carries the Kubernetes type and not the builder of the same name: write `Ref<kind::Secret>` for what \
            `stack.add(Secret::opaque(..))` returns"
)]
pub trait Kind {}

// Without the attributes, the compiler would explain the bounds of the implementation rather than the trait.
#[diagnostic::do_not_recommend]
impl<K: kube_core::Resource> Kind for K {}
impl Kind for crate::manifest::Untyped {}
impl Kind for NoResource {}

/// A plain object with options around it.
#[derive(Clone, Debug)]
pub struct Configured<R> {
    resource: R,
    options: Vec<ResourceOption>,
}

impl<R> Configured<R> {
    /// Puts the first option around a resource that keeps none itself.
    pub fn new(resource: R, option: ResourceOption) -> Self {
        Self { resource, options: vec![option] }
    }
}

/// One option of a resource, as [`ResourceOptions`] makes it.
#[derive(Clone, Debug)]
pub struct ResourceOption(OptionChange);

impl ResourceOption {
    /// Sets the option. One that cannot be read becomes a problem of the resource.
    pub fn apply_to(self, declaration: &mut Declaration) {
        self.0.apply(declaration);
    }
}

#[derive(Clone, Debug)]
enum OptionChange {
    Protect,
    RetainOnDelete,
    Adopt,
    DependsOn(DependsOn),
    ReadyWhen(ReadyWhen),
    Timeouts(Timeouts),
    OnConflict(ConflictPolicy),
    IgnoreChanges(String),
    ReplaceOnChanges(String),
    NoteOnChange(String, String),
    Input(String, Input),
    AllowWarnings(String),
    RollOnChange,
    Exempt(Exemption),
}

/// The options of any resource, built or plain. Each returns the resource with the option set, so that they chain with each other and
/// with the methods of a builder, in any order.
pub trait ResourceOptions: IntoResource {
    /// Deleting or replacing it needs consent by name (`--allow-delete Kind/name`); `--yes` alone never does.
    fn protect(self) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::Protect))
    }

    /// When it leaves the program, or the stack is destroyed, it is released and stays in the cluster.
    fn retain_on_delete(self) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::RetainOnDelete))
    }

    /// Adopts an object of this name that another client made, also with `--yes`, where it would need `--adopt` by name
    /// otherwise. An adopted object is changed in place only, and released rather than deleted when it leaves the program.
    fn adopt(self) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::Adopt))
    }

    /// It is written only after `other` has come as far as `strength`. Deletes run the other way round.
    ///
    /// Edges that the object itself shows (a Secret it names, a claim it mounts) are found without this.
    fn depends_on<K: Kind>(self, other: &Ref<K>, strength: Strength) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::DependsOn(DependsOn { id: other.id().clone(), strength })))
    }

    /// What ready means, in place of the rules for its kind.
    fn ready_when(self, ready: ReadyWhen) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::ReadyWhen(ready)))
    }

    /// How long to wait for it.
    fn timeouts(self, timeouts: Timeouts) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::Timeouts(timeouts)))
    }

    /// What to do where another field manager owns a declared field with another value.
    fn on_conflict(self, policy: ConflictPolicy) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::OnConflict(policy)))
    }

    /// A field that others may change: it is sent when the object is created and then left alone. List items are
    /// addressed by key: `spec.template.spec.containers[postgres].image`.
    fn ignore_changes(self, path: &str) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::IgnoreChanges(path.to_owned())))
    }

    /// A field whose change replaces the object.
    fn replace_on_changes(self, path: &str) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::ReplaceOnChanges(path.to_owned())))
    }

    /// Something that the plan says when the resource is updated or replaced.
    fn note_on_change(self, text: &str) -> Self::Configured {
        self.note_on_change_of("", text)
    }

    /// Something that the plan says when an update or replacement changes the field at `path`, or one below it.
    fn note_on_change_of(self, path: &str, text: &str) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::NoteOnChange(path.to_owned(), text.to_owned())))
    }

    /// Puts a value that is resolved later at `path`, for raw objects whose fields are plain types.
    fn with_input(self, path: &str, input: impl Into<Input>) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::Input(path.to_owned(), input.into())))
    }

    /// Replaces the pods of a Deployment, StatefulSet or DaemonSet when a Secret or a ConfigMap of the stack that they read changes, which
    /// they would not see otherwise, or only in part. The plan shows why.
    ///
    /// The pod template gets an annotation with a digest of the keys that the pods name, or of all where they take the whole object.
    /// Whoever can read pods can try whether a guess has this digest, so secret values must be too long to be guessed, as generated ones
    /// are.
    fn roll_on_change(self) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::RollOnChange))
    }

    /// Exempts the resource from a policy, for a reason that stands in the program.
    fn exempt_from(self, policy: &str, reason: &str) -> Self::Configured {
        let exemption = Exemption { policy: policy.to_owned(), reason: reason.to_owned() };
        self.with_option(ResourceOption(OptionChange::Exempt(exemption)))
    }

    /// Does not report warnings of this code about the resource, because what they are about is intended.
    fn allow_warnings(self, code: &str) -> Self::Configured {
        self.with_option(ResourceOption(OptionChange::AllowWarnings(code.to_owned())))
    }
}

impl<R: IntoResource> ResourceOptions for R {}

/// Returns options without a resource, for [`Stack::configure`](crate::Stack::configure).
pub fn options() -> NoResource {
    NoResource
}

/// What [`options`] begins with.
#[derive(Clone, Copy, Debug)]
pub struct NoResource;

impl IntoResource for NoResource {
    type Kind = NoResource;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        let kind = DeclaredKind::Named { api_version: String::new(), kind: String::new() };
        Declaration {
            kind,
            object: Value::Null,
            inputs: BTreeMap::new(),
            options: Options::default(),
            problems: Vec::new(),
        }
    }
}

impl<R: IntoResource> IntoResource for Configured<R> {
    type Kind = R::Kind;
    type Configured = Self;

    fn into_declaration(self) -> Declaration {
        let mut declaration = self.resource.into_declaration();
        for option in self.options {
            option.apply_to(&mut declaration);
        }
        declaration
    }

    fn with_option(mut self, option: ResourceOption) -> Self {
        self.options.push(option);
        self
    }
}

impl OptionChange {
    fn apply(self, declaration: &mut Declaration) {
        let options = &mut declaration.options;
        match self {
            Self::Protect => options.protect = true,
            Self::RetainOnDelete => options.retain_on_delete = true,
            Self::Adopt => options.adopt = true,
            Self::DependsOn(dependency) => options.depends_on.push(dependency),
            Self::ReadyWhen(ready) => options.ready_when = Some(ready),
            Self::Timeouts(timeouts) => options.timeouts = timeouts,
            Self::OnConflict(policy) => options.on_conflict = policy,
            Self::IgnoreChanges(text) => match text.parse() {
                Ok(path) => options.ignore_changes.push(path),
                Err(error) => declaration.problems.push((FieldPath::root(), ProblemKind::BadPath(error))),
            },
            Self::ReplaceOnChanges(text) => match text.parse() {
                Ok(path) => options.replace_on_changes.push(path),
                Err(error) => declaration.problems.push((FieldPath::root(), ProblemKind::BadPath(error))),
            },
            Self::NoteOnChange(path, text) => match path.parse() {
                Ok(path) => options.notes.push(Note { path, text }),
                Err(error) => declaration.problems.push((FieldPath::root(), ProblemKind::BadPath(error))),
            },
            Self::AllowWarnings(code) => options.allowed_warnings.push(code),
            Self::RollOnChange => options.roll_on_change = true,
            Self::Exempt(exemption) => options.exemptions.push(exemption),
            Self::Input(text, input) => match text.parse() {
                Ok(path) => {
                    declaration.inputs.insert(path, input);
                }
                Err(error) => declaration.problems.push((FieldPath::root(), ProblemKind::BadPath(error))),
            },
        }
    }
}

#[diagnostic::do_not_recommend]
impl<K> IntoResource for K
where
    K: kube_core::Resource<DynamicType = ()> + serde::Serialize,
    K::Scope: 'static,
{
    type Kind = K;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        let kind = api_kind_of::<K>();
        let mut problems = Vec::new();
        let mut object = serde_json::to_value(&self).unwrap_or_else(|error| {
            problems.push((FieldPath::root(), ProblemKind::Unserializable(error.to_string())));
            Value::Object(serde_json::Map::new())
        });
        if let Some(fields) = object.as_object_mut() {
            fields.insert("apiVersion".to_owned(), Value::String(kind.api_version()));
            fields.insert("kind".to_owned(), Value::String(kind.kind.clone()));
        }
        let mut declaration = Declaration::new(kind, object);
        declaration.problems = problems;
        declaration
    }
}

/// The kind of a type that knows it at compile time.
pub fn api_kind_of<K>() -> ApiKind
where
    K: kube_core::Resource<DynamicType = ()>,
    K::Scope: 'static,
{
    use std::any::TypeId;
    let is_cluster = TypeId::of::<K::Scope>() == TypeId::of::<k8s_openapi::ClusterResourceScope>();
    ApiKind {
        group: K::group(&()).into_owned(),
        version: K::version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        plural: K::plural(&()).into_owned(),
        scope: if is_cluster { crate::id::Scope::Cluster } else { crate::id::Scope::Namespaced },
    }
}
