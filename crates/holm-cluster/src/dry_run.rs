//! Asks the server what our apply would do, without doing it.

use holm_core::{Graph, ResourceId};
use holm_planner::denial;
use holm_planner::inventory::InventoryPlace;
use holm_planner::observe::{DryRun, Live, Observed, Unchecked};
use holm_planner::plan::{Question, may_overrule};
use http::Method;
use serde_json::Value;

use crate::error::{ClusterError, RequestError, Trouble};
use crate::transport::{APPLY, Call, Patience, Query, Transport};

/// The words of the API server for a webhook with side effects (apiserver
/// `pkg/admission/plugin/webhook/errors/statuserror.go`).
const NO_DRY_RUN: &str = "does not support dry run";

/// Asks one question: first without force, so that conflicts show, and again with it where the policy takes them over.
///
/// # Errors
/// When the server is out of reach for good.
pub(crate) async fn ask(
    transport: &Transport,
    question: &Question,
    place: &InventoryPlace,
    graph: &Graph,
    observed: &Observed,
) -> Result<DryRun, ClusterError> {
    match send(transport, question, place, false).await {
        Ok(object) => Ok(DryRun::Accepted { object: object.into(), overruled: Vec::new() }),
        Err(error) => match &error.trouble {
            Trouble::FieldConflicts(conflicts) if may_overrule(question.policy, conflicts) => {
                let overruled = conflicts.clone();
                match send(transport, question, place, true).await {
                    Ok(object) => Ok(DryRun::Accepted { object: object.into(), overruled }),
                    Err(error) => unanswered(error, question, graph, observed),
                }
            }
            _ => unanswered(error, question, graph, observed),
        },
    }
}

async fn send(
    transport: &Transport,
    question: &Question,
    place: &InventoryPlace,
    force: bool,
) -> Result<Value, Box<RequestError>> {
    let query = Query::object(&question.kind, &question.id)
        .with("dryRun", "All")
        .with("fieldManager", &place.field_manager)
        .with("force", if force { "true" } else { "false" })
        .with("fieldValidation", "Strict");
    let body = question.object.text().as_bytes().to_vec();
    let call = Call::send(Method::PATCH, query.into_string(), APPLY, body);
    transport.json(&call.about(&question.id).patience(Patience::APPLY)).await
}

fn unanswered(
    error: Box<RequestError>,
    question: &Question,
    graph: &Graph,
    observed: &Observed,
) -> Result<DryRun, ClusterError> {
    let answer = match &error.trouble {
        Trouble::FieldConflicts(conflicts) => DryRun::Conflicts(conflicts.clone()),
        trouble if trouble.refusal().message.contains(NO_DRY_RUN) => {
            DryRun::Unchecked(Unchecked::NoDryRun(trouble.refusal().message))
        }
        Trouble::Forbidden(message) => DryRun::Unchecked(Unchecked::Forbidden(message.clone())),
        Trouble::Denied(refusal) => match denial::mended_by(&question.id, &refusal.message, graph, observed) {
            Some(cause) => DryRun::Unchecked(Unchecked::Mended { cause, message: refusal.message.clone() }),
            None => DryRun::Refused(refusal.clone()),
        },
        Trouble::NotFound(_) if makes_its_namespace(&question.id, graph, observed) => {
            DryRun::Unchecked(Unchecked::NamespaceNew(question.id.namespace.clone().unwrap_or_default()))
        }
        Trouble::Timeout(_)
        | Trouble::Interrupted(_)
        | Trouble::TooManyRequests(_)
        | Trouble::ApiUnavailable(_)
        | Trouble::Malformed(_) => DryRun::Unchecked(Unchecked::NoAnswer(error.to_string())),
        Trouble::Server(refusal) if refusal.code != 500 => DryRun::Unchecked(Unchecked::NoAnswer(error.to_string())),
        _ if error.is_about_the_connection() => return Err(ClusterError::Request(error)),
        trouble => DryRun::Refused(trouble.refusal()),
    };
    Ok(answer)
}

/// Whether the namespace that is missing is one that this plan makes.
fn makes_its_namespace(id: &ResourceId, graph: &Graph, observed: &Observed) -> bool {
    let Some(namespace) = &id.namespace else { return false };
    let namespace = ResourceId::new("", "Namespace", None, namespace);
    graph.get(&namespace).is_some() && !matches!(observed.live.get(&namespace), Some(Live::Found(_)))
}
