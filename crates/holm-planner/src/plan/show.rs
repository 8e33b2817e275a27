//! How values may be shown: every secret is masked at its own leaf, and by value wherever else it turns up.

use serde_json::Value;

use crate::diff::{Difference, Extent, differences};
use crate::fields;
use crate::inventory::{Inventory, InventoryPlace};
use crate::observe::{GeneratedState, Observed};
use crate::plan::{FieldChange, Shown, Writer};
use holm_core::id::ResourceId;
use holm_core::path::{FieldPath, Segment};
use holm_core::secret::{self, Held};
use holm_core::{Graph, Resource};
use holm_redact::{MASK, Redactor};

/// A redactor that knows every secret of a run: what was observed, and what the declaration holds.
pub fn redactor(graph: &Graph, observed: &Observed) -> Redactor {
    let mut redactor = Redactor::default();
    for held in held(graph, observed).into_iter().chain(secret::declared(graph, observed)) {
        held.teach(&mut redactor);
    }
    for state in observed.generated.values() {
        if let GeneratedState::Found(value) | GeneratedState::Fresh(value) = state {
            redactor.learn(value.expose());
        }
    }
    redactor
}

/// Returns the values of the live objects that must not be shown: those of Secrets, and those at paths that are declared
/// sensitive or were at the last apply. The latter may have moved to another field since, or be quoted in a log.
pub fn held(graph: &Graph, observed: &Observed) -> Vec<Held> {
    let mut values = Vec::new();
    for (id, live) in &observed.live {
        let mut sensitive = graph.get(id).map(secret::sensitive_paths).unwrap_or_default();
        sensitive.extend_from_slice(formerly_sensitive(&observed.inventory, id));
        if secret::is_secret(id) || !sensitive.is_empty() {
            values.extend(live.object().map(|object| secret::held(id, &object, &sensitive)).unwrap_or_default());
        }
    }
    values
}

/// Returns the fields of an object that were sensitive at the last apply, as the inventory records them.
pub(super) fn formerly_sensitive<'a>(inventory: &'a Inventory, id: &ResourceId) -> &'a [FieldPath] {
    inventory.entries.get(id).map(|entry| entry.sensitive.as_slice()).unwrap_or_default()
}

/// The fields of an object that would be made, for a reader who wants all of it. What is known only after other resources
/// are applied stands among them as such.
pub fn created_fields(
    resource: &Resource,
    place: &InventoryPlace,
    observed: &Observed,
    redactor: &Redactor,
) -> Vec<FieldChange> {
    let empty = Value::Object(serde_json::Map::new());
    let masks = Masks::of(resource, &[], redactor);
    let wanted = observed.wanted(resource, place, None);
    let object = wanted.object.open();
    let known = differences(&empty, &object, Extent::Full)
        .into_iter()
        .filter(|difference| !is_identity(&difference.path))
        .map(|difference| masks.change(&resource.id, difference, &[&object]));
    let unknown = wanted.unknown.into_iter().map(|(path, _)| FieldChange {
        path,
        before: Shown::Absent,
        after: Shown::Unknown,
        drift: None,
    });
    let mut fields: Vec<FieldChange> = known.chain(unknown).collect();
    fields.sort_by(|one, other| one.path.cmp(&other.path));
    fields
}

/// The paths of a Service to what the server allocates.
const ALLOCATED: [&str; 4] = ["clusterIP", "clusterIPs", "healthCheckNodePort", "nodePort"];

/// What the server fills in for a field that the declaration leaves open.
fn filled_in(id: &ResourceId, difference: &Difference<'_>, is_left_open: bool) -> Option<Shown> {
    let after = difference.after.filter(|_| is_left_open && difference.order.is_none())?;
    let mut names = difference.path.segments().iter().rev().filter_map(|segment| match segment {
        Segment::Field(name) => Some(name.as_str()),
        _ => None,
    });
    if id.is("", "Service") && names.next().is_some_and(|name| ALLOCATED.contains(&name)) && after != "None" {
        return Some(Shown::Filled(None));
    }
    difference.before.is_none().then(|| Shown::Filled(Some(after.clone())))
}

fn is_identity(path: &FieldPath) -> bool {
    ["apiVersion", "kind", "metadata.name", "metadata.namespace"].contains(&path.to_string().as_str())
}

/// What must not be shown of one object.
pub(super) struct Masks<'a> {
    sensitive: Vec<FieldPath>,
    redactor: &'a Redactor,
}

impl<'a> Masks<'a> {
    /// Returns the masks of a declared resource. The fields `formerly` were sensitive at the last apply: their live values may
    /// be secret although the declaration has a plain value there by now, or none.
    pub(super) fn of(resource: &Resource, formerly: &[FieldPath], redactor: &'a Redactor) -> Self {
        let mut sensitive = secret::sensitive_paths(resource);
        sensitive.extend_from_slice(formerly);
        Self { sensitive, redactor }
    }

    /// The differences between two objects as they may be shown, each with who wrote the live value, where that was not
    /// us. With `is_unchanged_declaration`, what has no owner any more was taken away by somebody, too.
    pub(super) fn changes(
        &self,
        id: &ResourceId,
        live: &Value,
        after: &Value,
        extent: Extent,
        place: &InventoryPlace,
        is_unchanged_declaration: bool,
    ) -> Vec<FieldChange> {
        let ours = fields::applied_by(live, &place.field_manager);
        let declared = fields::applied_by(after, &place.field_manager);
        differences(live, after, extent)
            .into_iter()
            .map(|difference| {
                let is_left_open = declared.is_some_and(|declared| !fields::contains(declared, &difference.path));
                if let Some(filled) = filled_in(id, &difference, is_left_open) {
                    let change = self.change(id, difference, &[live, after]);
                    return if matches!(change.after, Shown::Value(_)) {
                        FieldChange { after: filled, ..change }
                    } else {
                        change
                    };
                }
                let is_ours = ours.is_some_and(|ours| fields::contains(ours, &difference.path));
                let writer = || fields::last_writer(live, &difference.path, &place.field_manager);
                if difference.order.is_some() {
                    // Nobody owns an order, so that nothing says who changed it.
                    let drift = is_unchanged_declaration.then(Writer::default);
                    return FieldChange { drift, ..self.change(id, difference, &[live, after]) };
                }
                let drift = match (is_ours, is_unchanged_declaration) {
                    (true, _) => None,
                    (false, true) => Some(writer().unwrap_or_default()),
                    (false, false) => writer(),
                };
                FieldChange { drift, ..self.change(id, difference, &[live, after]) }
            })
            .collect()
    }

    /// Returns one value of an object as it may be shown; `objects` are those that the path leads into.
    pub(super) fn shown(&self, id: &ResourceId, path: &FieldPath, value: Option<&Value>, objects: &[&Value]) -> Shown {
        let Some(value) = value else { return Shown::Absent };
        let is_masked = secret::is_secret(id) && secret::is_masked(path, value);
        if is_masked || self.sensitive.iter().any(|secret| path.lies_below(secret, objects)) {
            return Shown::Sensitive;
        }
        let mut value = value.clone();
        let depth = path.segments().len();
        for secret in self.sensitive.iter().filter(|secret| secret.lies_below(path, objects)) {
            // The list is shown as a whole, and one of its items is secret.
            let inside = secret.below(depth);
            if inside.get(&value).is_some() {
                inside.set(&mut value, Value::from(MASK));
            }
        }
        Shown::Value(self.scrubbed(&value))
    }

    fn change(&self, id: &ResourceId, difference: Difference<'_>, objects: &[&Value]) -> FieldChange {
        let Difference { path, before, after, order } = difference;
        if let Some((before, after)) = order {
            let is_masked = self.sensitive.iter().any(|secret| path.lies_below(secret, objects));
            let shown = |names: Vec<String>| {
                let names = names.iter().map(|name| self.redactor.scrub(name)).collect();
                if is_masked { Shown::Sensitive } else { Shown::Order(names) }
            };
            let (before, after) = (shown(before), shown(after));
            return FieldChange { path: self.scrubbed_path(&path), before, after, drift: None };
        }
        let (before, after) = (self.shown(id, &path, before, objects), self.shown(id, &path, after, objects));
        // The other side of a masked value may reveal what is behind the mask.
        let is_masked = before == Shown::Sensitive || after == Shown::Sensitive;
        let masked = |shown| if is_masked && shown != Shown::Absent { Shown::Sensitive } else { shown };
        let (before, after) = (masked(before), masked(after));
        FieldChange { path: self.scrubbed_path(&path), before, after, drift: None }
    }

    fn scrubbed(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redactor.scrub(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.scrubbed(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(name, value)| (name.clone(), self.scrubbed(value))).collect())
            }
            scalar => scalar.clone(),
        }
    }

    /// Masks the secrets by which a path addresses list items.
    fn scrubbed_path(&self, path: &FieldPath) -> FieldPath {
        let scrubbed = |segment: &Segment| match segment {
            Segment::Member(text) => Segment::Member(self.redactor.scrub(text)),
            Segment::Item(keys) => {
                Segment::Item(keys.iter().map(|(key, text)| (key.clone(), self.redactor.scrub(text))).collect())
            }
            Segment::Field(_) | Segment::Index(_) => segment.clone(),
        };
        path.segments().iter().map(scrubbed).collect()
    }
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
