//! The declaration: what the user's function fills in.
//!
//! Declaring is synchronous and offline, and it never stops at the first mistake: problems are kept and reported together
//! when the graph is built, each with the line that caused it.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use serde_json::Value;

use crate::catalog;
use crate::component::Component;
use crate::discovery;
use crate::draft::Draft;
use crate::graph::Graph;
use crate::id::{ApiKind, ResourceId, Scope};
use crate::input::{Generated, Input, Password};
use crate::manifest::{Manifest, Untyped};
use crate::not_given;
use crate::outputs::Published;
use crate::path::FieldPath;
use crate::policy::Policy;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::reference::Ref;
use crate::references::ReferenceRule;
use crate::resource::{DeclaredKind, IntoResource, Resource, api_kind_of};
use crate::secret;
use crate::site::Site;
use crate::transform::{Transform, Transformed};
use crate::validate::{self, Validator};
use crate::warning::{Warning, WarningKind, WarningLevel};
use holm_readiness::ReadyWhen;

/// A stack under declaration.
///
/// Every method takes `&self`, so that calls nest and a helper function needs `&Stack` only. Each problem and each resource has the
/// line that declared it. For a helper function that line is inside of it, unless the function is marked with `#[track_caller]`:
/// then it is the line that called the helper.
///
/// ```
/// use holm_core::{Manifest, Ref, Stack, Untyped};
///
/// #[track_caller]
/// fn settings(stack: &Stack, name: &str) -> Ref<Untyped> {
///     stack.add(Manifest::new(serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})))
/// }
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let (line, _) = (line!(), settings(&stack, "Not A Name"));
/// let problems = stack.build().expect_err("the name has a problem");
/// assert_eq!(problems.0[0].site.map(|site| site.line), Some(line));
/// ```
#[derive(Debug)]
pub struct Stack {
    name: String,
    /// Borrowed by one method at a time, and never while code of the program runs.
    draft: RefCell<Draft>,
    transforms: RefCell<Vec<Transform>>,
}

impl Stack {
    /// An empty stack of `program`. `namespace` is where resources without a namespace of their own go, until the program
    /// says otherwise.
    pub fn new(program: &str, name: &str, namespace: Option<&str>) -> Self {
        let draft = Draft {
            program: program.to_owned(),
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            ..Draft::default()
        };
        let stack = Self { name: name.to_owned(), draft: RefCell::new(draft), transforms: RefCell::default() };
        for (what, value) in [("program name", program), ("stack name", name)] {
            if let Err(rule) = crate::check::dns_label(value) {
                let kind = ProblemKind::Invalid { what, value: value.to_owned(), rule };
                let path = FieldPath::root();
                stack.draft().findings.problems.push(Problem { kind, resource: None, path, site: None, hint: None });
            }
        }
        stack
    }

    /// The stack's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a resource and returns the proof. What is wrong with it is reported with everything else.
    #[track_caller]
    pub fn add<R: IntoResource>(&self, resource: R) -> Ref<R::Kind> {
        self.add_at(resource, self.site(Site::caller()), false)
    }

    fn add_at<R: IntoResource>(&self, resource: R, site: Site, is_from_text: bool) -> Ref<R::Kind> {
        let mut declaration = resource.into_declaration();
        let problems = std::mem::take(&mut declaration.problems);
        let mut is_guessed = false;
        let kind = match &declaration.kind {
            DeclaredKind::Known(kind) => Some(kind.clone()),
            DeclaredKind::Named { api_version, kind } => self.find_kind(api_version, kind).or_else(|| {
                is_guessed = true;
                let own = declaration.object.pointer("/metadata/namespace");
                discovery::guess(api_version, kind, own.is_some() || self.default_namespace().is_some())
            }),
        };
        let mut object = declaration.object;
        strip(&mut object);
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let own_namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned);
        let scope = kind.as_ref().map(|kind| kind.scope);
        let namespace = match scope {
            Some(Scope::Cluster) => None,
            _ => own_namespace.clone().or_else(|| self.default_namespace()),
        };
        let (group, kind_name) = match (&kind, &declaration.kind) {
            (Some(kind), _) | (None, DeclaredKind::Known(kind)) => (kind.group.clone(), kind.kind.clone()),
            (None, DeclaredKind::Named { api_version, kind }) => {
                (api_version.split_once('/').map_or("", |(group, _)| group).to_owned(), kind.clone())
            }
        };
        not_given::remove(&group, &kind_name, &mut object);
        let id = ResourceId { namespace, group, kind: kind_name, name };
        for (path, kind) in problems {
            self.problem(kind, Some(&id), path, site, None);
        }
        for field in ["name", "namespace"] {
            if object.pointer(&format!("/metadata/{field}")).is_some_and(|value| !value.is_string() && !value.is_null())
            {
                // In YAML, an unquoted `on` or `1` is no text.
                let kind = ProblemKind::Unfit("the value must be text; put it in quotes".to_owned());
                self.problem(kind, Some(&id), FieldPath::of(["metadata", field]), site, None);
            }
        }
        if id.name.is_empty() && object.pointer("/metadata/name").is_none_or(|name| name.is_null() || name.is_string())
        {
            self.problem(ProblemKind::NoName, Some(&id), FieldPath::of(["metadata", "name"]), site, None);
        }
        match (scope, &id.namespace, own_namespace) {
            (Some(Scope::Namespaced), None, _) => {
                let hint = "call stack.namespace(\"NAME\") first, or set metadata.namespace";
                self.problem(
                    ProblemKind::NoNamespace,
                    Some(&id),
                    FieldPath::of(["metadata", "namespace"]),
                    site,
                    Some(hint),
                );
            }
            (Some(Scope::Cluster), _, Some(namespace)) => {
                // `kubectl` drops it too, and charts have it.
                let kind = WarningKind::IgnoredNamespace { kind: id.kind.clone(), namespace };
                let path = FieldPath::of(["metadata", "namespace"]);
                path.remove(&mut object);
                let hint = Some("remove the field".to_owned());
                let (resource, site) = (id.clone(), Some(site));
                self.draft().findings.warnings.push(Warning { kind, resource, path, site, hint });
            }
            _ => {}
        }
        if let (Some(namespace), Some(metadata)) =
            (&id.namespace, object.get_mut("metadata").and_then(Value::as_object_mut))
        {
            metadata.insert("namespace".to_owned(), Value::String(namespace.clone()));
        }
        let mut inputs = declaration.inputs;
        secret::lift_values(&id, &mut object, &mut inputs);
        let reference = Ref::new(id.clone(), Arc::new(object.clone()));
        let Some(kind) = kind else {
            if let DeclaredKind::Named { api_version, kind } = declaration.kind {
                let hint =
                    validate::replacement(&api_version, &kind).or_else(|| discovery::suggestion(&api_version, &kind));
                let kind = ProblemKind::UnknownKind { api_version, kind };
                self.problem(kind, Some(&id), FieldPath::root(), site, hint.as_deref());
            }
            return reference;
        };
        self.learn_definition(&id, &object);
        let mut draft = self.draft();
        let component = draft.component().map(str::to_owned);
        if is_guessed {
            draft.guessed.insert(id.clone());
        }
        let options = declaration.options;
        draft.resources.push(Resource { id, kind, object, inputs, options, component, site, is_from_text });
        reference
    }

    /// Declares a component: what `declare` adds is shown together, in the plan, the graph and the progress, and has the component's
    /// options. Returns what `declare` returns, such as references for those who use the component. Components nest.
    ///
    /// `component` is a name, or a [`Component`] with more than that.
    #[track_caller]
    pub fn component<T>(&self, component: impl Into<Component>, declare: impl FnOnce(&Self) -> T) -> T {
        let (component, site) = (component.into(), Site::caller());
        let site = self.draft().shown(site);
        let problems = self.draft().open_component(component, site);
        for kind in problems {
            let hint = matches!(kind, ProblemKind::Duplicate { .. }).then_some("give each component a name of its own");
            self.problem(kind, None, FieldPath::root(), site, hint);
        }
        let outputs = declare(self);
        self.draft().close_component();
        outputs
    }

    /// Returns `name` behind the names of the components that are being declared, with dashes between them: inside of `shop` and
    /// `database`, `data` becomes `shop-database-data`. Two components of a kind do not collide so.
    pub fn qualified(&self, name: &str) -> String {
        let draft = self.draft();
        draft.component().map_or_else(|| name.to_owned(), |path| format!("{}-{name}", path.replace('/', "-")))
    }

    /// Declares the namespace `name` and puts every later resource without a namespace of its own in it.
    #[track_caller]
    pub fn namespace(&self, name: &str) -> Ref<Namespace> {
        let manifest = Manifest::new(serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}
        }));
        let reference = self.add(manifest);
        self.draft().namespace = Some(name.to_owned());
        reference.retyped()
    }

    /// Puts every later resource without a namespace of its own in `name`, which exists outside the stack.
    pub fn in_namespace(&self, name: &str) {
        self.draft().namespace = Some(name.to_owned());
    }

    /// Sets when the resources of a kind are ready: those of this stack that have no [`ready_when`] of their own, declared before or
    /// after. Takes precedence over what is known about the kind. The last rule for a kind counts.
    ///
    /// [`ready_when`]: crate::ResourceOptions::ready_when
    pub fn kind_ready_when(&self, group: &str, kind: &str, ready: ReadyWhen) {
        self.draft().ready_rules.insert((group.to_owned(), kind.to_owned()), ready);
    }

    /// The namespace that resources without one of their own go in.
    pub fn default_namespace(&self) -> Option<String> {
        self.draft().namespace.clone()
    }

    /// Adds every object of a YAML or JSON text: several documents, and the items of `List` objects. Definitions of custom
    /// kinds are added first, so that the order in the text does not matter.
    #[track_caller]
    pub fn add_yaml(&self, text: &str) -> Vec<Ref<Untyped>> {
        let site = self.site(Site::caller());
        match crate::manifest::read_yaml(text) {
            Ok(mut manifests) => {
                manifests.sort_by_key(|manifest| !manifest.defines_a_kind());
                manifests.into_iter().map(|manifest| self.add_at(manifest, site, true)).collect()
            }
            Err(reason) => {
                self.problem(ProblemKind::BadManifest(reason), None, FieldPath::root(), site, None);
                Vec::new()
            }
        }
    }

    /// Names a resource that exists outside the stack, so that others may refer to it. The plan checks that it is there.
    #[track_caller]
    pub fn external<K>(&self, name: &str) -> Ref<K>
    where
        K: kube_core::Resource<DynamicType = ()>,
        K::Scope: 'static,
    {
        let namespace = self.default_namespace();
        self.external_in(namespace.as_deref(), name)
    }

    /// Names a resource of another namespace that exists outside the stack.
    #[track_caller]
    pub fn external_in<K>(&self, namespace: Option<&str>, name: &str) -> Ref<K>
    where
        K: kube_core::Resource<DynamicType = ()>,
        K::Scope: 'static,
    {
        let site = self.site(Site::caller());
        let kind = api_kind_of::<K>();
        let id = self.outside(&kind, namespace, name, site);
        self.draft().externals.entry(id.clone()).or_insert((kind, site));
        Ref::new(id, Arc::new(Value::Null))
    }

    /// Names a resource that something creates at run time, such as a Secret that a controller or a Job writes. Others may
    /// refer to it by name; it need not exist when the stack is planned, so its fields cannot be read.
    #[track_caller]
    pub fn made_at_run_time<K>(&self, name: &str) -> Ref<K>
    where
        K: kube_core::Resource<DynamicType = ()>,
        K::Scope: 'static,
    {
        let namespace = self.default_namespace();
        self.made_at_run_time_in(namespace.as_deref(), name)
    }

    /// Names a resource of another namespace that something creates at run time.
    #[track_caller]
    pub fn made_at_run_time_in<K>(&self, namespace: Option<&str>, name: &str) -> Ref<K>
    where
        K: kube_core::Resource<DynamicType = ()>,
        K::Scope: 'static,
    {
        let id = self.outside(&api_kind_of::<K>(), namespace, name, self.site(Site::caller()));
        self.draft().made_at_run_time.insert(id.clone());
        Ref::new(id, Arc::new(Value::Null))
    }

    /// Returns the identity of a resource outside of the stack. One that needs a namespace and has none is a problem.
    fn outside(&self, kind: &ApiKind, namespace: Option<&str>, name: &str, site: Site) -> ResourceId {
        let namespace = if kind.scope == Scope::Cluster { None } else { namespace };
        let id = ResourceId::new(&kind.group, &kind.kind, namespace, name);
        if kind.scope == Scope::Namespaced && namespace.is_none() {
            self.problem(ProblemKind::NoNamespace, Some(&id), FieldPath::root(), site, None);
        }
        id
    }

    /// Adds options to the resource that `resource` names, as `Kind/name` or `Kind/namespace/name`: for objects of a text, which
    /// have none of their own. It holds for the whole stack, whenever it is called.
    ///
    /// ```
    /// use holm_core::{ReadyWhen, ResourceOptions as _, Stack, options};
    ///
    /// let stack = Stack::new("shop", "default", Some("shop"));
    /// stack.add_yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}");
    /// stack.configure("ConfigMap/settings", options().protect().ready_when(ReadyWhen::Exists));
    /// # assert!(stack.build().is_ok());
    /// ```
    #[track_caller]
    pub fn configure(&self, resource: &str, options: impl IntoResource) {
        let declaration = options.into_declaration();
        let site = self.site(Site::caller());
        self.draft().configured.push((resource.to_owned(), declaration, site));
    }

    /// Sets what becomes of the warnings of a code, such as `not_in_stack`: they are reported, until the program allows or denies
    /// them. [`ResourceOptions::allow_warnings`](crate::ResourceOptions::allow_warnings) allows them for one resource.
    #[track_caller]
    pub fn warnings(&self, code: &str, level: WarningLevel) {
        let site = self.site(Site::caller());
        self.draft().levels.push((code.to_owned(), level, site));
    }

    /// Declares which fields of custom kinds name other resources, so that edges are read out of them and mistakes are found, as for
    /// the built-in kinds. It holds for the whole stack, whenever it is called.
    ///
    /// ```
    /// use holm_core::{ReferenceRule, Stack};
    ///
    /// let stack = Stack::new("shop", "default", Some("shop"));
    /// stack.references([
    ///     ReferenceRule::new("postgresql.cnpg.io", "Cluster", "spec.superuserSecret.name").names("", "Secret"),
    /// ]);
    /// stack.add_yaml("{apiVersion: v1, kind: Secret, metadata: {name: superuser}}");
    /// stack.add_yaml(
    ///     "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {superuserSecret: {name: superuser}}}",
    /// );
    /// let graph = stack.build()?;
    /// assert_eq!(graph.to_string(), "Cluster/db requires Secret/superuser");
    /// # Ok::<(), holm_core::Problems>(())
    /// ```
    #[track_caller]
    pub fn references(&self, rules: impl IntoIterator<Item = ReferenceRule>) {
        let site = self.site(Site::caller());
        for rule in rules {
            match rule.check() {
                Ok(()) => self.draft().rules.push(rule),
                Err(error) => self.problem(ProblemKind::BadPath(error), None, FieldPath::root(), site, None),
            }
        }
    }

    /// A password that is made once and stays the same ever after: the cluster's Secret keeps it, and later runs read it
    /// back from there, whether or not the inventory is still there.
    ///
    /// It must be the whole value of a key of some Secret of the stack; others may then hold it in templates.
    #[track_caller]
    pub fn generated(&self, name: &str, password: Password) -> Input {
        let site = self.site(Site::caller());
        let generated = Generated { name: name.to_owned(), password };
        if generated.password.length == 0 || generated.password.alphabet.is_empty() {
            let kind = ProblemKind::BadInput(format!("the generated value \"{name}\" would be empty"));
            self.problem(kind, None, FieldPath::root(), site, None);
        }
        let known = self.draft().generated.insert(name.to_owned(), (generated.clone(), site));
        if let Some((_, first)) = known {
            let kind = ProblemKind::Duplicate { first };
            self.problem(kind, None, FieldPath::root(), site, Some("give each generated value a name of its own"));
        }
        Input::Generated(generated)
    }

    /// Exports a value of the stack, which `outputs` prints. Secret values are shown as such, never as they are. Two values of one
    /// name are a problem.
    #[track_caller]
    pub fn export(&self, name: &str, value: impl Into<Input>) {
        let (value, site) = (value.into(), self.site(Site::caller()));
        let known = self.draft().outputs.insert(name.to_owned(), (value, site));
        if let Some((_, first)) = known {
            let kind = ProblemKind::Duplicate { first };
            let hint = format!("give each output a name of its own; \"{name}\" is exported twice");
            self.problem(kind, None, FieldPath::root(), site, Some(&hint));
        }
    }

    /// Reports something that the program itself found wrong, together with everything else.
    #[track_caller]
    pub fn report(&self, message: &str) {
        let kind = ProblemKind::Declaration(message.to_owned());
        self.problem(kind, None, FieldPath::root(), self.site(Site::caller()), None);
    }

    /// Changes every object of the stack, declared before or after, before it is checked and planned: labels, a mirror of a registry,
    /// defaults of security. Transforms run in the order of the calls; [`transform`](crate::transform) has some that are ready.
    ///
    /// References hold the labels of pods as they were declared, so a transform should change no label that a selector names.
    ///
    /// ```
    /// use holm_core::{Manifest, Stack, transform};
    ///
    /// let stack = Stack::new("shop", "default", Some("shop"));
    /// stack.transform(transform::label("team", "shop"));
    /// stack.transform(|object| {
    ///     if object.id().is("", "ConfigMap") {
    ///         object.annotation("example.org/reviewed", "no");
    ///     }
    /// });
    /// let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
    /// stack.add(Manifest::new(map));
    /// let graph = stack.build()?;
    /// assert_eq!(graph.resources()[0].object["metadata"]["labels"]["team"], "shop");
    /// # Ok::<(), holm_core::Problems>(())
    /// ```
    pub fn transform(&self, change: impl Fn(&mut Transformed<'_>) + 'static) {
        self.transforms.borrow_mut().push(Transform::new(change));
    }

    /// Adds policies, which the plan enforces; see [`policy`](crate::policy).
    pub fn policies(&self, policies: impl IntoIterator<Item = Policy>) {
        let policies: Vec<Policy> = policies.into_iter().collect();
        self.draft().policies.extend(policies);
    }

    /// Replaces the pods of every Deployment, StatefulSet and DaemonSet when a Secret or a ConfigMap of the stack that they read
    /// changes. [`ResourceOptions::roll_on_change`](crate::ResourceOptions::roll_on_change) does it for one of them.
    pub fn roll_on_change(&self) {
        self.draft().rolls_on_change = true;
    }

    /// Sets the library that validates what is declared. Without one, only what this crate checks itself is found.
    pub fn validate_with(&self, validator: Arc<dyn Validator>) {
        self.draft().validator = Some(validator);
    }

    /// Ends the declaration: reads the edges out of the objects and checks everything.
    ///
    /// # Errors
    /// All problems at once.
    pub fn build(self) -> Result<Graph, Problems> {
        Graph::build(self.into_draft())
    }

    /// Ends the declaration for what only reads it: the checked stack, or what is declared of it and its problems.
    pub(crate) fn build_or_outline(self) -> (Graph, Option<Problems>) {
        let draft = self.into_draft();
        match Graph::build(draft.clone()) {
            Ok(graph) => (graph, None),
            Err(problems) => (Graph::outline(draft), Some(problems)),
        }
    }

    /// Returns the stack as far as it is declared, for what only reads it: identities, kinds and options, without edges. Resources
    /// without a usable identity are left out, and those whose kind only the cluster knows.
    pub(crate) fn into_outline(self) -> Graph {
        Graph::outline(self.into_draft())
    }

    fn into_draft(self) -> Draft {
        self.keep_published();
        let mut draft = self.draft.into_inner();
        draft.transform(&self.transforms.into_inner());
        draft.configure_components();
        let Draft { resources, ready_rules, .. } = &mut draft;
        for resource in resources {
            if resource.options.ready_when.is_none() {
                let kind = (resource.id.group.clone(), resource.id.kind.clone());
                resource.options.ready_when = ready_rules.get(&kind).cloned();
            }
        }
        draft
    }

    /// Remembers an output that is to be kept in the cluster.
    pub(crate) fn add_published(&self, name: &str, value: Input, site: Site) {
        let mut draft = self.draft();
        let (values, first) = &mut draft.published;
        values.push((name.to_owned(), value));
        first.get_or_insert(site);
    }

    /// Declares the objects that keep the published outputs.
    fn keep_published(&self) {
        let (program, (values, site)) = {
            let mut draft = self.draft();
            (draft.program.clone(), std::mem::take(&mut draft.published))
        };
        for object in Published::of(&program, &self.name, values) {
            self.add_at(object, site.unwrap_or_else(Site::caller), false);
        }
    }

    /// What was declared so far. No two borrows overlap: each method drops its own before it calls another one or code of the
    /// program.
    fn draft(&self) -> RefMut<'_, Draft> {
        self.draft.borrow_mut()
    }

    /// The line to show for what is declared at `here`: that of the component where that is of a library.
    fn site(&self, here: Site) -> Site {
        self.draft().shown(here)
    }

    fn find_kind(&self, api_version: &str, kind: &str) -> Option<ApiKind> {
        let is_it = |defined: &&ApiKind| defined.kind == kind && defined.api_version() == api_version;
        catalog::find(api_version, kind).or_else(|| self.draft().defined.iter().rev().find(is_it).cloned())
    }

    /// Remembers the kinds that a CustomResourceDefinition defines, so that later manifests may be of them.
    fn learn_definition(&self, id: &ResourceId, object: &Value) {
        if !id.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            return;
        }
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (group, kind, plural) = (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"));
        let scope = if text("/spec/scope") == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
        let mut draft = self.draft();
        draft.definitions.insert(crate::id::GroupKind::new(&group, &kind), id.clone());
        let versions = object.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
        // No object can be written in a version that is not served.
        for version in versions.filter(|version| version.get("served") != Some(&Value::Bool(false))) {
            let version = version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            draft.defined.push(ApiKind {
                group: group.clone(),
                version,
                kind: kind.clone(),
                plural: plural.clone(),
                scope,
            });
        }
    }

    fn problem(
        &self,
        kind: ProblemKind,
        resource: Option<&ResourceId>,
        path: FieldPath,
        site: Site,
        hint: Option<&str>,
    ) {
        self.draft().findings.problems.push(Problem {
            kind,
            resource: resource.cloned(),
            path,
            site: Some(site),
            hint: hint.map(str::to_owned),
        });
    }
}

/// Takes out what only the server writes, and what k8s-openapi writes for fields that were never set.
fn strip(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    let may_have_status = fields.get("kind").and_then(Value::as_str) == Some("CustomResourceDefinition");
    if !may_have_status || fields.get("status").is_some_and(Value::is_null) {
        fields.remove("status");
    }
    let server_fields: BTreeSet<&str> =
        ["creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"]
            .into();
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, value| !server_fields.contains(field.as_str()) && !value.is_null());
    }
}
