//! The graph of a stack: its resources, what each depends on, and what is exported.
//!
//! Edges are read out of the finished objects by one table ([`references`](crate::references)), so that builders, raw
//! structs, custom resources and YAML are treated alike. A graph has no cycle: building one is an error with its path.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::bounds;
use crate::catalog;
use crate::check::{self, Findings};
use crate::id::{ApiKind, GroupKind, ResourceId};
use crate::input::{FieldReference, Generated, Input};
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::references::{Meaning, Reference, Table};
use crate::resource::{Resource, Strength};
use crate::secret;
use crate::site::Site;
use crate::stack::Draft;
use crate::validate::{self, Validator};
use crate::warning::{Warning, WarningKind};

mod order;

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
    warnings: Vec<Warning>,
    validator: Option<Arc<dyn Validator>>,
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
    /// Whether the program declared it external; otherwise it is of a kind that usually lives outside, such as a
    /// StorageClass.
    pub declared: Option<Site>,
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

    /// Returns the warnings about the declaration, in the order of the program's lines.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the library that validates the objects, where one was passed in.
    pub fn validator(&self) -> Option<&Arc<dyn Validator>> {
        self.validator.as_ref()
    }

    /// A stack with nothing in it, as `destroy` plans it. It keeps the identity of this one.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self {
            program: self.program.clone(),
            stack: self.stack.clone(),
            namespace: self.namespace.clone(),
            resources: Vec::new(),
            positions: HashMap::new(),
            dependencies: Vec::new(),
            selections: Vec::new(),
            externals: BTreeMap::new(),
            generated: BTreeMap::new(),
            outputs: BTreeMap::new(),
            warnings: Vec::new(),
            validator: None,
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
                let external = External { kind: kind.clone(), used_by: Vec::new(), declared: Some(*site) };
                edges.externals.insert(id.clone(), external);
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
                    outputs: draft.outputs.into_iter().map(|(name, (input, _))| (name, input)).collect(),
                    warnings,
                    validator: draft.validator,
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

/// The edges that are being read out of the objects.
#[derive(Default)]
struct Edges {
    dependencies: Vec<Dependency>,
    externals: BTreeMap<ResourceId, External>,
    made_at_run_time: BTreeSet<ResourceId>,
}

impl Edges {
    fn read(
        &mut self,
        resource: &Resource,
        draft: &Draft,
        table: &Table,
        known: &BTreeSet<ResourceId>,
        generated: &BTreeMap<String, GeneratedValue>,
        findings: &mut Findings,
    ) {
        let id = &resource.id;
        if let Some(namespace) = &id.namespace {
            let target = ResourceId::new("", "Namespace", None, namespace);
            self.name(resource, target, Strength::Exists, Origin::Namespace, known);
        }
        if let Some(definition) = draft.definitions.get(&id.group_kind()) {
            self.depend(id, definition, Strength::Established, Origin::Definition);
        }
        for dependency in &resource.options.depends_on {
            if known.contains(&dependency.id) {
                self.depend(id, &dependency.id, dependency.strength, Origin::DependsOn);
            } else if !self.externals.contains_key(&dependency.id) {
                let kind = ProblemKind::Dangling { target: dependency.id.clone() };
                findings.problems.push(problem(resource, FieldPath::root(), kind, did_you_mean(&dependency.id, known)));
            }
        }
        for (path, input) in &resource.inputs {
            self.read_input(resource, path, input, known, generated, &mut findings.problems);
        }
        for reference in table.of(resource) {
            self.read_reference(resource, reference, table, known, findings);
        }
    }

    fn read_reference(
        &mut self,
        resource: &Resource,
        reference: Reference,
        table: &Table,
        known: &BTreeSet<ResourceId>,
        findings: &mut Findings,
    ) {
        let Meaning::Requires(strength) = reference.meaning else { return };
        let Reference { path, target, .. } = reference;
        if known.contains(&target) || self.externals.contains_key(&target) {
            self.name(resource, target, strength, Origin::Reference(path), known);
        } else if reference.is_usually_outside {
            // What usually lives in a namespace of the stack without being declared, such as its ServiceAccount `default`,
            // is made together with the namespace: it may not be there yet, and will be.
            if target.namespace.as_deref().is_none_or(|namespace| !table.has_namespace(namespace))
                && !reference.is_optional
            {
                self.name(resource, target, strength, Origin::Reference(path), known);
            }
        } else if reference.is_optional || self.made_at_run_time.contains(&target) {
            // It may be missing.
        } else if resource.is_from_text || reference.works_without {
            // Whoever wrote the text may know of an object that exists, or is created at run time.
            let hint = did_you_mean(&target, known).unwrap_or_else(|| {
                "if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with \
                 stack.external"
                    .to_owned()
            });
            findings.warn(resource, path, WarningKind::NotInStack { target }, Some(hint));
        } else {
            let hint = did_you_mean(&target, known).unwrap_or_else(|| {
                "add it to the stack, or declare it with stack.external if it exists outside, or with \
                 stack.made_at_run_time if something creates it at run time"
                    .to_owned()
            });
            findings.problems.push(problem(resource, path, ProblemKind::Dangling { target }, Some(hint)));
        }
    }

    fn read_input(
        &mut self,
        resource: &Resource,
        path: &FieldPath,
        input: &Input,
        known: &BTreeSet<ResourceId>,
        generated: &BTreeMap<String, GeneratedValue>,
        problems: &mut Vec<Problem>,
    ) {
        let id = &resource.id;
        input.visit(&mut |part| match part {
            Input::Field(reference) if known.contains(&reference.id) => {
                self.depend(id, &reference.id, Strength::Ready, Origin::Input(path.clone()));
            }
            Input::Field(reference) => match self.externals.get_mut(&reference.id) {
                Some(external) => external.used_by.push((id.clone(), path.clone())),
                None if self.made_at_run_time.contains(&reference.id) => {
                    let text = format!(
                        "{} is made at run time, so its fields cannot be read when the stack is planned",
                        reference.id
                    );
                    let hint = "refer to it by name, or declare it with stack.external once it exists".to_owned();
                    problems.push(problem(resource, path.clone(), ProblemKind::BadInput(text), Some(hint)));
                }
                None => {
                    let kind = ProblemKind::Dangling { target: reference.id.clone() };
                    problems.push(problem(resource, path.clone(), kind, did_you_mean(&reference.id, known)));
                }
            },
            Input::Generated(value) => {
                // Whoever holds a generated value waits for the Secret that keeps it, so that no copy outlives a crash
                // without its original.
                let home = generated.get(&value.name).and_then(|value| value.stored_in.first());
                if let Some(home) = home.filter(|home| home.id != *id) {
                    self.depend(id, &home.id, Strength::Exists, Origin::Input(path.clone()));
                }
            }
            Input::Invalid(reason) => {
                problems.push(problem(resource, path.clone(), ProblemKind::BadInput(reason.clone()), None));
            }
            Input::Text(_) | Input::Sensitive(_) | Input::Joined(_) | Input::Transformed(..) | Input::PlainText(_) => {}
        });
    }

    /// An edge to a resource of the stack, or a mention of one outside.
    fn name(
        &mut self,
        resource: &Resource,
        target: ResourceId,
        strength: Strength,
        origin: Origin,
        known: &BTreeSet<ResourceId>,
    ) {
        if known.contains(&target) {
            self.depend(&resource.id, &target, strength, origin);
            return;
        }
        let path = match &origin {
            Origin::Reference(path) | Origin::Input(path) => path.clone(),
            _ => FieldPath::of(["metadata", "namespace"]),
        };
        if let Some(external) = self.externals.get_mut(&target) {
            external.used_by.push((resource.id.clone(), path));
        } else if let Some(kind) = catalog::preferred(&GroupKind::new(&target.group, &target.kind)) {
            let external = External { kind, used_by: vec![(resource.id.clone(), path)], declared: None };
            self.externals.insert(target, external);
        }
    }

    /// Who must wait until a Service answers, as a webhook does, waits for the pods behind it: the Service itself is ready at
    /// once.
    fn wait_for_those_who_answer(&mut self, selections: &[Selection]) {
        let mut behind: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
        for selection in selections {
            behind.entry(&selection.selector).or_default().push(&selection.workload);
        }
        let mut waits = Vec::new();
        for dependency in &self.dependencies {
            let (Strength::Ready, Origin::Reference(_)) = (dependency.strength, &dependency.origin) else { continue };
            for workload in behind.get(&dependency.on).into_iter().flatten() {
                waits.push(Dependency { on: (*workload).clone(), ..dependency.clone() });
            }
        }
        self.dependencies.extend(waits);
    }

    fn depend(&mut self, dependent: &ResourceId, on: &ResourceId, strength: Strength, origin: Origin) {
        if dependent != on {
            self.dependencies.push(Dependency { dependent: dependent.clone(), on: on.clone(), strength, origin });
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
    for (name, (input, site)) in &draft.outputs {
        input.visit(&mut |part| {
            let kind = match part {
                Input::Invalid(reason) => ProblemKind::BadInput(format!("output \"{name}\": {reason}")),
                Input::Field(reference)
                    if !known.contains(&reference.id) && !draft.externals.contains_key(&reference.id) =>
                {
                    ProblemKind::Dangling { target: reference.id.clone() }
                }
                _ => return,
            };
            problems.push(Problem { kind, resource: None, path: FieldPath::root(), site: Some(*site), hint: None });
        });
    }
}

fn problem(resource: &Resource, path: FieldPath, kind: ProblemKind, hint: Option<String>) -> Problem {
    Problem { kind, resource: Some(resource.id.clone()), path, site: Some(resource.site), hint }
}

/// The known resource of the same kind, or the same name, that is nearest to what was asked for.
fn did_you_mean(target: &ResourceId, known: &BTreeSet<ResourceId>) -> Option<String> {
    let same_kind = known.iter().filter(|id| id.group == target.group && id.kind == target.kind);
    let nearest = same_kind
        .map(|id| (strsim::damerau_levenshtein(&id.name, &target.name), id))
        .filter(|(distance, id)| id.name == target.name || *distance <= 1 + target.name.len() / 3)
        .min_by_key(|(distance, _)| *distance)?;
    Some(format!("did you mean {}?", nearest.1))
}

/// Problems in the order of the program's lines, so that a reader walks down the file.
fn in_order(mut problems: Vec<Problem>) -> Problems {
    problems.sort_by(|a, b| (a.site, &a.resource, &a.path).cmp(&(b.site, &b.resource, &b.path)));
    problems.dedup();
    Problems(problems)
}
