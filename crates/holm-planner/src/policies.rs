//! What the policies of the program say of a plan.

use holm_core::policy::{self, Enforcement, PlannedChange, Violation};
use holm_core::{Graph, Warning};

use crate::plan::{Blocker, BlockerKind, Plan};

/// Adds the violations of mandatory policies to what blocks the plan, and returns those of advisory ones as warnings.
pub fn enforce(graph: &Graph, plan: &mut Plan) -> Vec<Warning> {
    if graph.policies().is_empty() {
        return Vec::new();
    }
    let changes: Vec<PlannedChange> = plan
        .changes
        .iter()
        .map(|change| PlannedChange {
            id: change.id.clone(),
            action: change.action.word().to_owned(),
            fields: change.fields.iter().map(|field| field.path.clone()).collect(),
        })
        .collect();
    let mut warnings = Vec::new();
    for violation in policy::violations(graph, Some(&changes)) {
        match violation.enforcement {
            Enforcement::Mandatory => {
                let Violation { policy, reason, resource, path, message, remediation, site, .. } = violation;
                let kind = BlockerKind::PolicyViolated { policy, path, message, reason };
                plan.blockers.push(Blocker { id: resource, kind, site, hint: remediation });
            }
            Enforcement::Advisory => warnings.push(violation.into_warning()),
        }
    }
    warnings
}
