//! How values may be shown: every secret is masked at its own leaf, and by value wherever else it turns up.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::desired::desired;
use crate::diff::{Difference, Extent, differences};
use crate::fields;
use crate::graph::Graph;
use crate::id::ResourceId;
use crate::input::{Input, Resolved};
use crate::inventory::InventoryPlace;
use crate::observe::Observed;
use crate::path::FieldPath;
use crate::plan::{FieldChange, Shown};
use crate::redact::Redactor;
use crate::resource::Resource;
use crate::secret;

/// A redactor that knows every secret of a run: what was observed, and what the declaration holds.
pub fn redactor(graph: &Graph, observed: &Observed) -> Redactor {
    let mut redactor = observed.redactor();
    let mut values = Vec::new();
    for resource in graph.resources() {
        for input in resource.inputs.values() {
            input.visit(&mut |part| {
                if let Input::Sensitive(value) = part {
                    values.push(value.expose().clone());
                }
            });
            if let Resolved::Known { value: Value::String(text), sensitive: true } = input.resolve(observed) {
                if secret::is_secret(&resource.id) {
                    let decoded = crate::input::Transform::Base64Decode.apply(&text);
                    values.extend(decoded);
                }
                values.push(text);
            }
        }
    }
    redactor.learn_all(values.iter().map(String::as_str));
    redactor
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
    let masks = Masks::of(resource, redactor);
    let wanted = desired(resource, place, observed, None);
    let known = differences(&empty, wanted.object.expose(), Extent::Full)
        .into_iter()
        .filter(|difference| !is_identity(&difference.path))
        .map(|difference| masks.change(&resource.id, difference));
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

fn is_identity(path: &FieldPath) -> bool {
    ["apiVersion", "kind", "metadata.name", "metadata.namespace"].contains(&path.to_string().as_str())
}

/// What must not be shown of one object.
pub(super) struct Masks<'a> {
    sensitive: BTreeSet<FieldPath>,
    redactor: &'a Redactor,
}

impl<'a> Masks<'a> {
    /// The masks of a declared resource.
    pub(super) fn of(resource: &Resource, redactor: &'a Redactor) -> Self {
        let sensitive =
            resource.inputs.iter().filter(|(_, input)| input.is_sensitive()).map(|(path, _)| path.clone()).collect();
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
        differences(live, after, extent)
            .into_iter()
            .map(|difference| {
                let is_ours = ours.is_some_and(|ours| fields::contains(ours, &difference.path));
                let writer = || fields::last_writer(live, &difference.path, &place.field_manager);
                let drift = match (is_ours, is_unchanged_declaration) {
                    (true, _) => None,
                    (false, true) => Some(writer().unwrap_or_default()),
                    (false, false) => writer(),
                };
                FieldChange { drift, ..self.change(id, difference) }
            })
            .collect()
    }

    fn change(&self, id: &ResourceId, difference: Difference<'_>) -> FieldChange {
        let is_masked = self.is_masked(id, &difference.path);
        let shown = |value: Option<&Value>| match value {
            None => Shown::Absent,
            Some(_) if is_masked => Shown::Sensitive,
            Some(value) => Shown::Value(self.scrubbed(value)),
        };
        let (before, after) = (shown(difference.before), shown(difference.after));
        FieldChange { path: difference.path, before, after, drift: None }
    }

    fn is_masked(&self, id: &ResourceId, path: &FieldPath) -> bool {
        let in_data = || [["data"], ["stringData"]].iter().any(|top| path.starts_with(&FieldPath::of(*top)));
        let is_copy = || path.to_string().contains("kubectl.kubernetes.io/last-applied-configuration");
        (secret::is_secret(id) && (in_data() || is_copy()))
            || self.sensitive.iter().any(|secret| path.starts_with(secret))
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
}
