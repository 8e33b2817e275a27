//! Reads the references out of an object.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use serde_json::Value;

use crate::catalog;
use crate::id::{ApiKind, GroupKind, ResourceId, Scope};
use crate::path::{FieldPath, PathError, Segment};
use crate::references::pattern::{Match, Pattern};
use crate::references::rows::{EVERY_KIND, KINDS, Names, Row, SECTIONS};
use crate::references::{Meaning, Reference, ReferenceRule};
use crate::resource::{Resource, UNKNOWN};

/// The built-in rows and those of a stack, with what must be known of the stack to read them.
#[derive(Debug, Default)]
pub struct Table {
    rules: BTreeMap<GroupKind, Vec<Line>>,
    /// Whether the kinds that are not built in live in namespaces.
    scopes: BTreeMap<GroupKind, Scope>,
    /// The namespaces that the stack has something in.
    namespaces: BTreeSet<String>,
}

impl Table {
    /// The table for a stack of these resources, which names others of `external` kinds. A rule whose path cannot be read is
    /// left out; [`ReferenceRule`]s are checked where they enter the stack.
    pub fn new<'e>(
        rules: &[ReferenceRule],
        resources: &[Resource],
        external: impl IntoIterator<Item = &'e ApiKind>,
    ) -> Self {
        let mut table = Self::default();
        for rule in rules {
            if let Ok(line) = Line::of_rule(rule) {
                table.rules.entry(rule.kind.clone()).or_default().push(line);
            }
        }
        for kind in external {
            table.learn(kind.group_kind(), kind.scope);
        }
        for resource in resources {
            table.learn(resource.id.group_kind(), resource.kind.scope);
            match &resource.id.namespace {
                Some(namespace) if !table.namespaces.contains(namespace) => {
                    table.namespaces.insert(namespace.clone());
                }
                None if resource.id.is("", "Namespace") => {
                    table.namespaces.insert(resource.id.name.clone());
                }
                None if resource.id.is("apiextensions.k8s.io", "CustomResourceDefinition") => {
                    let text =
                        |pointer: &str| resource.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                    let scope = if text("/spec/scope") == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
                    table.learn(GroupKind::new(text("/spec/group"), text("/spec/names/kind")), scope);
                }
                _ => {}
            }
        }
        table
    }

    fn learn(&mut self, kind: GroupKind, scope: Scope) {
        if catalog::scope(&kind.group, &kind.kind).is_none() {
            self.scopes.insert(kind, scope);
        }
    }

    /// Whether the stack has something in this namespace.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    /// The references of one object, in the order of the rows and then of its fields.
    pub fn of(&self, resource: &Resource) -> Vec<Reference> {
        let object = resource.filled_in();
        let built_in = built_in();
        let own = built_in.by_kind.get(&(resource.id.group.as_str(), resource.id.kind.as_str()));
        let added = self.rules.get(&resource.id.group_kind());
        let lines = own.into_iter().flatten().chain(added.into_iter().flatten()).chain(&built_in.every_kind);
        let mut references = Vec::new();
        for line in lines {
            for found in line.pattern.find(&object) {
                if !is_replaced_by_template(&object, &found) {
                    references.extend(self.read(resource, line, &found));
                }
            }
        }
        references
    }

    fn read(&self, resource: &Resource, line: &Line, found: &Match<'_>) -> Option<Reference> {
        let name = found.value.as_str().filter(|name| !name.is_empty() && *name != UNKNOWN)?;
        let beside = |field: &str| found.parent.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let kind = match &line.target {
            Target::Kind(kind) => kind.clone(),
            Target::Typed { default_group } => {
                let group = match (beside("apiGroup"), beside("apiVersion")) {
                    (Some(group), _) => group,
                    (None, Some(version)) => version.split_once('/').map_or("", |(group, _)| group),
                    (None, None) => default_group,
                };
                GroupKind::new(group, beside("kind")?)
            }
        };
        let scope = catalog::scope(&kind.group, &kind.kind).or_else(|| self.scopes.get(&kind).copied());
        let namespace = match scope {
            Some(Scope::Cluster) => None,
            Some(Scope::Namespaced) => Some(beside(&line.namespace).or(resource.id.namespace.as_deref())?),
            // Neither built in nor in the stack: users, groups, and kinds of others.
            None => return None,
        };
        let is_foreign = namespace.is_some_and(|namespace| !self.has_namespace(namespace));
        let prefix = parent_of(&found.path);
        let keys = line.keys.iter().flat_map(|keys| keys.find(found.parent)).filter_map(|key| {
            let text = key.value.as_str().filter(|text| !text.is_empty() && *text != UNKNOWN)?;
            Some((prefix.concat(&key.path), text.to_owned()))
        });
        Some(Reference {
            path: found.path.clone(),
            meaning: line.meaning,
            is_optional: line.is_optional
                || found.parent.get("optional").and_then(Value::as_bool) == Some(true)
                || (is_action(found) && is_described(resource, name)),
            works_without: line.works_without || is_action(found),
            is_usually_outside: is_foreign || line.outside.iter().any(|pattern| matches(pattern, name)),
            keys: keys.collect(),
            target: ResourceId {
                namespace: namespace.map(str::to_owned),
                group: kind.group,
                kind: kind.kind,
                name: name.to_owned(),
            },
        })
    }
}

/// Whether a StatefulSet puts a claim of its own in the place of the volume that this field belongs to.
fn is_replaced_by_template(object: &Value, found: &Match<'_>) -> bool {
    let Some(templates) = object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array) else { return false };
    let volumes = FieldPath::of(["spec", "template", "spec", "volumes"]);
    let Some(Segment::Item(volume)) = found.path.segments().get(volumes.segments().len()) else { return false };
    found.path.starts_with(&volumes)
        && templates.iter().any(|template| {
            let name = template.pointer("/metadata/name").and_then(Value::as_str);
            name.is_some() && name == volume.get("name").map(String::as_str)
        })
}

/// The port that stands for an action of the AWS load balancer controller, which an annotation of the Ingress describes. There
/// is no Service of its name.
pub(crate) const ACTION_PORT: &str = "use-annotation";

/// Whether a backend of an Ingress is an action rather than a Service.
fn is_action(found: &Match<'_>) -> bool {
    found.parent.get("port").and_then(|port| port.get("name")).and_then(Value::as_str) == Some(ACTION_PORT)
}

/// Whether an annotation of the Ingress says what the action does.
fn is_described(ingress: &Resource, action: &str) -> bool {
    let annotation = format!("alb.ingress.kubernetes.io/actions.{action}");
    FieldPath::of(["metadata", "annotations", annotation.as_str()]).get(&ingress.object).is_some()
}

/// Whether a name fits a pattern, in which `*` at the end stands for any rest.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn parent_of(path: &FieldPath) -> FieldPath {
    let segments = path.segments();
    segments[..segments.len().saturating_sub(1)].iter().cloned().collect()
}

/// A row that is ready to be used.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) pattern: Pattern,
    pub(crate) target: Target,
    meaning: Meaning,
    pub(crate) keys: Option<Pattern>,
    namespace: String,
    outside: Vec<String>,
    is_optional: bool,
    works_without: bool,
}

/// What a row names.
#[derive(Debug)]
pub(crate) enum Target {
    Kind(GroupKind),
    Typed { default_group: String },
}

impl Line {
    /// # Errors
    /// A path of the rule cannot be read.
    pub(crate) fn of_rule(rule: &ReferenceRule) -> Result<Self, PathError> {
        Ok(Self {
            pattern: Pattern::parse(&rule.path)?,
            target: match &rule.target {
                Some(kind) => Target::Kind(kind.clone()),
                None => Target::Typed { default_group: String::new() },
            },
            meaning: rule.meaning,
            keys: rule.keys.as_deref().map(Pattern::parse).transpose()?,
            namespace: "namespace".to_owned(),
            outside: rule.outside.clone(),
            is_optional: false,
            works_without: false,
        })
    }

    fn of_row(prefix: &[&str], row: &Row) -> Option<Self> {
        let parts: Vec<&str> = prefix.iter().copied().chain([row.path]).filter(|part| !part.is_empty()).collect();
        Some(Self {
            // The rows are constants whose paths a test reads, so that none is left out here.
            pattern: Pattern::parse(&parts.join(".")).ok()?,
            target: match row.names {
                Names::Kind(group, kind) => Target::Kind(GroupKind::new(group, kind)),
                Names::Typed(default_group) => Target::Typed { default_group: default_group.to_owned() },
            },
            meaning: row.meaning,
            keys: (!row.keys.is_empty()).then(|| Pattern::parse(row.keys).ok()).flatten(),
            namespace: row.namespace.to_owned(),
            outside: row.outside.iter().map(|&name| name.to_owned()).collect(),
            is_optional: row.is_optional,
            works_without: row.works_without,
        })
    }
}

struct BuiltIn {
    by_kind: HashMap<(&'static str, &'static str), Vec<Line>>,
    every_kind: Vec<Line>,
}

/// Every built-in row with group and kind, for the test that compares them with the schema.
#[cfg(test)]
pub(crate) fn all_built_in() -> impl Iterator<Item = (&'static str, &'static str, &'static Line)> {
    built_in().by_kind.iter().flat_map(|(&(group, kind), lines)| lines.iter().map(move |line| (group, kind, line)))
}

fn built_in() -> &'static BuiltIn {
    static BUILT_IN: OnceLock<BuiltIn> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        let mut by_kind: HashMap<_, Vec<Line>> = HashMap::new();
        for section in SECTIONS {
            for &(group, kind, place) in section.places {
                let lines = section
                    .within
                    .iter()
                    .flat_map(|&within| section.rows.iter().filter_map(move |row| Line::of_row(&[place, within], row)));
                by_kind.entry((group, kind)).or_default().extend(lines);
            }
        }
        for &(group, kind, rows) in KINDS {
            let lines = rows.iter().filter_map(|row| Line::of_row(&[], row));
            by_kind.entry((group, kind)).or_default().extend(lines);
        }
        BuiltIn { by_kind, every_kind: EVERY_KIND.iter().filter_map(|row| Line::of_row(&[], row)).collect() }
    })
}
