//! Objects of which some values can be read only during the run.

use std::fmt;

use serde_json::Value;

use crate::desired::{Desired, fill_in};
use crate::inventory::InventoryPlace;
use holm_core::path::FieldPath;
use holm_core::{Input, Resolve, Resource, Unknown};

/// An object that is sent when the values that it waits for are there: the declaration, with its inputs as data.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Late {
    /// The fields that wait, and what for.
    pub needs: Vec<(FieldPath, Unknown)>,
    object: Value,
    inputs: Vec<(FieldPath, Input)>,
    ignored: Vec<FieldPath>,
}

impl Late {
    pub(super) fn of(resource: &Resource, needs: Vec<(FieldPath, Unknown)>) -> Self {
        let inputs = resource.inputs.iter().map(|(path, input)| (path.clone(), input.clone())).collect();
        Self { needs, object: resource.object.clone(), inputs, ignored: resource.options.ignore_changes.clone() }
    }

    /// Fills in what `source` knows by now. `live` is the object that is updated, to which `ignore_changes` leave their fields.
    pub fn fill(&self, place: &InventoryPlace, source: &dyn Resolve, live: Option<&Value>) -> Desired {
        let inputs = self.inputs.iter().map(|(path, input)| (path, input));
        fill_in(&self.object, inputs, &self.ignored, place, source, live)
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Late").field("needs", &self.needs).finish_non_exhaustive()
    }
}
