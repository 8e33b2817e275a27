//! What the offline validation says of the writes that no dry-run answered.

use holm_core::validate::{self, ServerVersion, Validated};
use holm_core::{Graph, Problem, ResourceId, Warning};
use holm_redact::Redactor;

use crate::plan::{Blocker, BlockerKind, Plan};

/// Validates what a plan would write without an answer of the server, whose version is `server`: returns what blocks the plan, and
/// what may be wrong. Texts pass the redactor.
pub fn unanswered(
    graph: &Graph,
    plan: &Plan,
    server: Option<ServerVersion>,
    redactor: &Redactor,
) -> (Vec<Blocker>, Vec<Warning>) {
    let is_unanswered =
        |id: &ResourceId| plan.get(id).is_some_and(|change| change.action.is_write() && change.unchecked.is_some());
    if !graph.resources().iter().any(|resource| is_unanswered(&resource.id)) {
        return (Vec::new(), Vec::new());
    }
    let Validated { problems, mut warnings, .. } = validate::graph(graph, server);
    warnings.retain(|warning| is_unanswered(&warning.resource));
    let blocker = |problem: Problem| {
        let id = problem.resource.filter(|id| is_unanswered(id))?;
        let kind = BlockerKind::Invalid { path: problem.path, message: redactor.scrub(&problem.kind.to_string()) };
        Some(Blocker { id, kind, site: problem.site, hint: problem.hint })
    };
    (problems.into_iter().filter_map(blocker).collect(), warnings)
}
