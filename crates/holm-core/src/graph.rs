//! The graph of a stack: its resources, what each depends on, and what is exported.
//!
//! Edges are read out of the finished objects by one table ([`references`](crate::references)), so that builders, raw
//! structs, custom resources and YAML are treated alike. A graph has no cycle: building one is an error with its path.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::bounds;
use crate::catalog;
use crate::check::{self, Findings};
use crate::draft::Draft;
use crate::id::{ApiKind, ResourceId, Scope};
use crate::input::{FieldReference, Generated, Input};
use crate::path::FieldPath;
use crate::policy::Policy;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::references::Table;
use crate::resource::{Resource, Strength};
use crate::secret;
use crate::site::Site;
use crate::validate::{self, Validator};
use crate::warning::Warning;

mod edges;
mod inputs;
mod order;

use edges::{Edges, problem};
use order::order;

/// A checked stack.
#[derive(Debug)]
pub struct Graph {
    program: String,
    stack: String,
    namespace: Option<String>,
    resources: Vec<Resource>,
    positions: HashMap<ResourceId, usize>,
    dependencies: Vec<Dependency>,
    selections: Vec<Selection>,
    externals: BTreeMap<ResourceId, External>,
    generated: BTreeMap<String, GeneratedValue>,
    outputs: BTreeMap<String, Input>,
    made_at_run_time: BTreeSet<ResourceId>,
    warnings: Vec<Warning>,
    validator: Option<Arc<dyn Validator>>,
    policies: Vec<Policy>,
    /// What it was made from, while the cluster has yet to say what it calls some kinds.
    draft: Option<Box<Draft>>,
}

/// One resource needs another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Dependency {
    /// Who needs it.
    pub dependent: ResourceId,
    /// What is needed.
    pub on: ResourceId,
    /// How far it must have come.
    pub strength: Strength,
    /// What the dependency was read from.
    pub origin: Origin,
}

/// What a dependency was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A field that names the other resource.
    Reference(FieldPath),
    /// A value that comes from the other resource, at this field.
    Input(FieldPath),
    /// The resource lives in that namespace.
    Namespace,
    /// The resource is of the kind that it defines.
    Definition,
    /// The other resource bounds its pods, as a quota does.
    Bound,
    /// The program says so.
    DependsOn,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reference(path) | Self::Input(path) => write!(f, "{path}"),
            Self::Namespace => f.write_str("lives in it"),
            Self::Definition => f.write_str("is of the kind that it defines"),
            Self::Bound => f.write_str("is bounded by it"),
            Self::DependsOn => f.write_str("depends_on"),
        }
    }
}

/// One resource selects the pods of another: checked and shown, but it orders nothing, because a Service needs no pods to
/// exist and pods may need the Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Selection {
    /// Who selects, such as a Service.
    pub selector: ResourceId,
    /// The workload whose pods are selected.
    pub workload: ResourceId,
}

/// A resource outside the stack that something in it names.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct External {
    /// Its kind.
    pub kind: ApiKind,
    /// The lines or fields that name it.
    pub used_by: Vec<(ResourceId, FieldPath)>,
    /// What of it is used.
    pub parts: Vec<PartUse>,
    /// Whether the program declared it external; otherwise it is of a kind that usually lives outside, such as a
    /// StorageClass.
    pub declared: Option<Site>,
}

/// A part of a resource outside the stack that something in the stack uses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartUse {
    /// What uses it.
    pub user: ResourceId,
    /// The field of the user that names it.
    pub at: FieldPath,
    /// The part.
    pub part: Part,
}

/// A part of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An entry of a Secret or ConfigMap, under `data` or `binaryData`.
    Key(String),
    /// A field.
    Field(FieldPath),
}

/// A generated value and the Secret entries that keep it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GeneratedValue {
    /// What it is made of.
    pub generated: Generated,
    /// The Secret entries whose whole value it is, in the order of their declaration. Never empty.
    pub stored_in: Vec<FieldReference>,
}

impl Graph {
    /// The program's name.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The stack's name.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The namespace of resources that name none, which is also where the inventory lives.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The resources, so that each comes after everything that it depends on, and otherwise in the order of declaration.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// One resource.
    pub fn get(&self, id: &ResourceId) -> Option<&Resource> {
        self.positions.get(id).map(|position| &self.resources[*position])
    }

    /// Where a resource stands in [`resources`](Self::resources).
    pub fn position(&self, id: &ResourceId) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// The dependencies between resources of the stack, sorted; of several between the same two, all are kept.
    pub fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    /// The dependencies of one resource, sorted by what is needed.
    pub fn dependencies_of(&self, id: &ResourceId) -> &[Dependency] {
        let begin = self.dependencies.partition_point(|dependency| dependency.dependent < *id);
        let rest = &self.dependencies[begin..];
        &rest[..rest.partition_point(|dependency| dependency.dependent == *id)]
    }

    /// What selects whose pods.
    pub fn selections(&self) -> &[Selection] {
        &self.selections
    }

    /// Resources outside the stack that are named in it.
    pub fn externals(&self) -> &BTreeMap<ResourceId, External> {
        &self.externals
    }

    /// The generated values by name.
    pub fn generated(&self) -> &BTreeMap<String, GeneratedValue> {
        &self.generated
    }

    /// The exported values by name.
    pub fn outputs(&self) -> &BTreeMap<String, Input> {
        &self.outputs
    }

    /// Returns what the program says that something creates while the stack runs.
    pub fn made_at_run_time(&self) -> &BTreeSet<ResourceId> {
        &self.made_at_run_time
    }

    /// Returns the warnings about the declaration, in the order of the program's lines.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the library that validates the objects, where one was passed in.
    pub fn validator(&self) -> Option<&Arc<dyn Validator>> {
        self.validator.as_ref()
    }

    /// Returns the policies of the program, which [`policy`](crate::policy) enforces.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// A stack with nothing in it, as `destroy` plans it. It keeps the identity of this one.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self::empty(self.program.clone(), self.stack.clone(), self.namespace.clone())
    }

    /// Returns what is left of this stack for reading where it turns out to have problems: as far as it is declared, without the
    /// resources whose kind only the cluster knows.
    #[must_use]
    pub fn to_outline(&self) -> Self {
        let mut outline = self.emptied();
        let guessed = self.draft.as_ref().map(|draft| draft.guessed.clone()).unwrap_or_default();
        outline.fill(self.resources.iter().filter(|resource| !guessed.contains(&resource.id)).cloned());
        outline
    }

    pub(crate) fn outline(mut draft: Draft) -> Self {
        draft.configure(&mut Findings::default());
        let mut outline = Self::empty(draft.program, draft.name, draft.namespace);
        let (guessed, resources) = (draft.guessed, draft.resources);
        outline.fill(resources.into_iter().filter(|resource| !guessed.contains(&resource.id)));
        outline
    }

    /// Adds resources without reading their edges; of several with one identity, the first.
    fn fill(&mut self, resources: impl Iterator<Item = Resource>) {
        for resource in resources {
            let is_placed = resource.kind.scope == Scope::Cluster || resource.id.namespace.is_some();
            if is_placed && !resource.id.name.is_empty() && !self.positions.contains_key(&resource.id) {
                self.positions.insert(resource.id.clone(), self.resources.len());
                self.resources.push(resource);
            }
        }
    }

    fn empty(program: String, stack: String, namespace: Option<String>) -> Self {
        Self {
            program,
            stack,
            namespace,
            resources: Vec::new(),
            positions: HashMap::new(),
            dependencies: Vec::new(),
            selections: Vec::new(),
            externals: BTreeMap::new(),
            generated: BTreeMap::new(),
            outputs: BTreeMap::new(),
            made_at_run_time: BTreeSet::new(),
            warnings: Vec::new(),
            validator: None,
            policies: Vec::new(),
            draft: None,
        }
    }

    /// Returns the kinds that are neither built in nor defined by the stack. Their plural and scope are a guess until
    /// [`with_kinds`](Self::with_kinds) knows better.
    pub fn guessed_kinds(&self) -> BTreeSet<ApiKind> {
        self.draft.as_ref().map(|draft| draft.guessed_kinds()).unwrap_or_default()
    }

    /// Makes the graph anew with these kinds in place of those that were guessed.
    ///
    /// # Errors
    /// All problems at once that the stack has with them.
    pub fn with_kinds(self, kinds: &[ApiKind]) -> Result<Self, Problems> {
        match self.draft {
            Some(mut draft) => {
                let mut findings = std::mem::take(&mut draft.findings);
                draft.settle_kinds(kinds, &mut findings);
                draft.findings = findings;
                Self::build(*draft)
            }
            None => Ok(self),
        }
    }

    pub(crate) fn build(mut draft: Draft) -> Result<Self, Problems> {
        let mut findings = std::mem::take(&mut draft.findings);
        draft.settle_kinds(&[], &mut findings);
        draft.findings.clone_from(&findings);
        let kept = (!draft.guessed.is_empty()).then(|| Box::new(draft.clone()));
        draft.findings = Findings::default();
        draft.configure(&mut findings);
        inputs::fit(&mut draft, &mut findings);
        draft.add_rollouts();
        let problems = &mut findings.problems;
        let mut first: BTreeMap<ResourceId, Site> = BTreeMap::new();
        draft.resources.retain(|resource| match first.get(&resource.id) {
            Some(site) => {
                problems.push(problem(resource, FieldPath::root(), ProblemKind::Duplicate { first: *site }, None));
                false
            }
            None => {
                first.insert(resource.id.clone(), resource.site);
                true
            }
        });
        let known: BTreeSet<ResourceId> = draft.resources.iter().map(|resource| resource.id.clone()).collect();
        let table = Table::new(&draft.rules, &draft.resources, draft.externals.values().map(|(kind, _)| kind));
        let mut edges = Edges { made_at_run_time: draft.made_at_run_time.clone(), ..Edges::default() };
        for (id, (kind, site)) in &draft.externals {
            if !known.contains(id) {
                let external =
                    External { kind: kind.clone(), used_by: Vec::new(), parts: Vec::new(), declared: Some(*site) };
                edges.externals.insert(id.clone(), external);
            }
        }
        if let Some(namespace) = draft.namespace.as_ref().filter(|_| !draft.resources.is_empty()) {
            // What the stack itself is recorded in lives there, also where none of its objects does.
            let id = ResourceId::new("", "Namespace", None, namespace);
            if let Some(kind) = catalog::preferred(&id.group_kind()).filter(|_| !known.contains(&id)) {
                let external = External { kind, used_by: Vec::new(), parts: Vec::new(), declared: None };
                edges.externals.insert(id, external);
            }
        }
        let generated = collect_generated(&draft, problems);
        for resource in &draft.resources {
            edges.read(resource, &draft, &table, &known, &generated, &mut findings);
        }
        check_outputs(&draft, &known, &mut findings.problems);
        let selections = check::resources(&draft.resources, &table, &edges.externals, &mut findings);
        edges.wait_for_those_who_answer(&selections);
        edges.dependencies.sort();
        edges.dependencies.dedup();
        let bounds = bounds::edges(&draft.resources, &edges.dependencies);
        if !bounds.is_empty() {
            let mut bounded = [edges.dependencies.as_slice(), &bounds].concat();
            bounded.sort();
            // Two of these edges together may contradict what the program says, which goes before what is only better.
            if order(&draft.resources, &bounded).is_ok() {
                edges.dependencies = bounded;
            }
        }

        draft.apply_levels(&mut findings);
        let Findings { mut problems, mut warnings } = findings;
        match order(&draft.resources, &edges.dependencies) {
            Ok(sorted) => {
                if !problems.is_empty() {
                    if let Some(validator) = &draft.validator {
                        validate::add_to(&mut problems, &draft.resources, &**validator);
                    }
                    return Err(in_order(problems));
                }
                let mut slots: Vec<Option<Resource>> = draft.resources.into_iter().map(Some).collect();
                let resources: Vec<Resource> = sorted.into_iter().filter_map(|index| slots[index].take()).collect();
                warnings.sort_by(|a, b| (a.site, &a.resource, &a.path).cmp(&(b.site, &b.resource, &b.path)));
                let positions =
                    resources.iter().enumerate().map(|(position, resource)| (resource.id.clone(), position)).collect();
                Ok(Self {
                    program: draft.program,
                    stack: draft.name,
                    namespace: draft.namespace,
                    resources,
                    positions,
                    dependencies: edges.dependencies,
                    selections,
                    externals: edges.externals,
                    generated,
                    made_at_run_time: draft.made_at_run_time,
                    outputs: draft.outputs.into_iter().map(|(name, (input, _))| (name, input)).collect(),
                    warnings,
                    validator: draft.validator,
                    policies: draft.policies,
                    draft: kept,
                })
            }
            Err(cycles) => {
                for cycle in cycles {
                    let resource = draft.resources.iter().find(|resource| resource.id == cycle[0].0);
                    problems.push(Problem {
                        kind: ProblemKind::Cycle(cycle),
                        resource: None,
                        path: FieldPath::root(),
                        site: resource.map(|resource| resource.site),
                        hint: Some("take one of these references away, or give the value another way".to_owned()),
                    });
                }
                Err(in_order(problems))
            }
        }
    }
}

fn collect_generated(draft: &Draft, problems: &mut Vec<Problem>) -> BTreeMap<String, GeneratedValue> {
    let mut stored_in: BTreeMap<String, Vec<FieldReference>> = BTreeMap::new();
    for resource in &draft.resources {
        for (path, input) in &resource.inputs {
            if let Some(name) = secret::generated_home(&resource.id, path, input) {
                stored_in.entry(name).or_default().push(FieldReference { id: resource.id.clone(), path: path.clone() });
            }
        }
    }
    let mut values = BTreeMap::new();
    for (name, (generated, site)) in &draft.generated {
        match stored_in.remove(name) {
            Some(stored_in) => {
                values.insert(name.clone(), GeneratedValue { generated: generated.clone(), stored_in });
            }
            None => problems.push(Problem {
                kind: ProblemKind::HomelessGenerated(name.clone()),
                resource: None,
                path: FieldPath::root(),
                site: Some(*site),
                hint: Some(
                    "add it to a Secret as an entry of its own: Secret::opaque(NAME).entry(KEY, &value)".to_owned(),
                ),
            }),
        }
    }
    values
}

fn check_outputs(draft: &Draft, known: &BTreeSet<ResourceId>, problems: &mut Vec<Problem>) {
    let is_there =
        |id: &ResourceId| known.contains(id) || draft.externals.contains_key(id) || draft.made_at_run_time.contains(id);
    for (name, (input, site)) in &draft.outputs {
        input.visit(&mut |part| {
            let kind = match part {
                Input::Invalid(reason) => ProblemKind::BadInput(format!("output \"{name}\": {reason}")),
                Input::Field(reference)
                    if !known.contains(&reference.id) && !draft.externals.contains_key(&reference.id) =>
                {
                    ProblemKind::Dangling { target: reference.id.clone() }
                }
                Input::Name(name) if !is_there(name.id()) => ProblemKind::Dangling { target: name.id().clone() },
                _ => return,
            };
            problems.push(Problem { kind, resource: None, path: FieldPath::root(), site: Some(*site), hint: None });
        });
    }
}

/// Problems in the order of the program's lines, so that a reader walks down the file.
fn in_order(mut problems: Vec<Problem>) -> Problems {
    problems.sort_by(|a, b| (a.site, &a.resource, &a.path).cmp(&(b.site, &b.resource, &b.path)));
    problems.dedup();
    Problems(problems)
}
