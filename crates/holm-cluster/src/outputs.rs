//! The values that a stack exports.

use std::collections::{BTreeMap, BTreeSet};

use holm_core::secret::sensitive_paths;
use holm_core::{FieldPath, Graph, Input, Resolved, Sensitive};
use holm_planner::inventory::InventoryPlace;
use holm_planner::observe::{self, GeneratedState};
use serde_json::Value;

use crate::Cluster;
use crate::error::ClusterError;

/// An exported value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The value; never a secret.
    Plain(Value),
    /// It is there and secret, so it is not shown.
    Sensitive,
    /// It is not there yet, and what it waits for.
    Unknown(String),
}

impl Cluster {
    /// The exported values as the cluster has them now. Nothing is generated: a value that was never stored is unknown.
    ///
    /// # Errors
    /// When the inventory cannot be read, or the server is out of reach.
    pub async fn outputs(
        &self,
        graph: &Graph,
        place: &InventoryPlace,
    ) -> Result<BTreeMap<String, Output>, ClusterError> {
        let mut wanted = BTreeSet::new();
        for input in graph.outputs().values() {
            input.visit(&mut |part| match part {
                Input::Field(reference) => {
                    wanted.insert(reference.id.clone());
                }
                Input::Generated(generated) => {
                    let stored_in =
                        graph.generated().get(&generated.name).into_iter().flat_map(|value| &value.stored_in);
                    wanted.extend(stored_in.map(|home| home.id.clone()));
                }
                _ => {}
            });
        }
        let mut observed = self.look_at(graph, place, |id| wanted.contains(id)).await?;
        let mut generated =
            observe::generated(graph, &observed.inventory, &observed.live, &BTreeSet::new(), &mut |_| {
                Sensitive::new(String::new())
            });
        generated.retain(|_, state| matches!(state, GeneratedState::Found(_)));
        observed.generated = generated;
        let outputs = graph.outputs().iter().map(|(name, input)| {
            let output = match input.resolve(&observed) {
                Resolved::Known { sensitive: true, .. } => Output::Sensitive,
                Resolved::Known { .. } if reads_a_secret(graph, input) => Output::Sensitive,
                Resolved::Known { value, sensitive: false } => Output::Plain(value),
                Resolved::Unknown(_) if input.is_sensitive() => {
                    Output::Unknown("a secret that is not stored yet".to_owned())
                }
                Resolved::Unknown(unknown) => Output::Unknown(unknown.to_string()),
            };
            (name.clone(), output)
        });
        Ok(outputs.collect())
    }
}

/// Returns whether an output reads a field that is declared with a secret value, inside or outside of a Secret.
fn reads_a_secret(graph: &Graph, input: &Input) -> bool {
    let mut reads = false;
    input.visit(&mut |part| {
        if let Input::Field(reference) = part
            && let Some(resource) = graph.get(&reference.id)
        {
            let is_of = |path: &FieldPath| path.starts_with(&reference.path) || reference.path.starts_with(path);
            reads |= sensitive_paths(resource).iter().any(is_of);
        }
    });
    reads
}
