//! What would help, in the words of the command line: the libraries below name no flags.

use holm_cluster::{ClusterError, ConnectError, RequestError, Trouble};
use holm_core::{Problem, ProblemKind, ResourceId};
use holm_executor::event::Failure;
use holm_planner::ownership::SetParent;
use holm_planner::plan::{Blocker, BlockerKind};

/// What helps where the namespace of a stack to destroy is not known.
pub const NAMESPACE_OF_DESTROY: &str =
    "name the namespace of the stack with --namespace NAME (`stack list` shows it), which is all that destroy needs";

/// Returns the hint for an error that blocks a plan.
pub fn of_blocker(blocker: &Blocker) -> Option<String> {
    let name = blocker.id.short();
    Some(match &blocker.kind {
        BlockerKind::ReplaceNotManaged(_) => format!(
            "give the resource another name, or, if the other object may be lost, consent with --allow-delete {name}"
        ),
        BlockerKind::ReplaceNeedsConsent(_) => {
            format!("revert the change, or, if its data may be lost, consent with --allow-delete {name}")
        }
        BlockerKind::NeedsAdoption(objects) => match objects.as_slice() {
            [only] => {
                let only = only.short();
                format!("look at the plan, then consent with --adopt {only}, or with adopt() in the program")
            }
            _ => "look at the plan, then consent with --adopt KIND/NAME for each, or with --adopt all".to_owned(),
        },
        BlockerKind::ManagedByAnother { parent: SetParent::Stack { program, stack, namespace, .. }, .. } => format!(
            "if this is that stack under another name, keep the name {program}, --stack {stack} and the namespace {namespace}; to rename \
             it, release the objects there first (retain_on_delete), or give the resources other names"
        ),
        BlockerKind::GeneratedLost { name, stored_in, .. } => format!(
            "restore {} from a backup, or make a new value with --regenerate {name} and change it wherever the old one is in \
             use, such as in a database",
            stored_in.id.short()
        ),
        _ => return blocker.hint.clone(),
    })
}

/// Returns the hint for a change that failed. A Job that failed does not run again by itself.
pub fn of_failure(id: &ResourceId, failure: &Failure, home: Option<&str>) -> Option<String> {
    let has_ended = failure.cause.as_ref().is_some_and(|cause| cause.is_final);
    if !has_ended || !id.is("batch", "Job") {
        return failure.hint.clone();
    }
    let rerun = format!("--rerun {}", id.relative_to(home));
    Some(match &failure.hint {
        Some(hint) => format!("{hint}; then run it again with {rerun}"),
        None => format!("run it again with {rerun}, or change its declaration"),
    })
}

/// Returns what would help where the namespace of a stack seems to have changed.
pub fn of_inventory_elsewhere(namespace: &str) -> String {
    format!(
        "to move the stack, destroy it in {namespace} first, with the program and options that it had there; for another one beside it, \
         name it with --stack"
    )
}

/// Returns what would help against a problem of a declaration.
pub fn of_problem(problem: &Problem) -> Option<String> {
    Some(match (&problem.kind, &problem.hint) {
        (ProblemKind::NotConfigured { key, variable }, other) => {
            let other = other.as_ref().map(|other| format!("; or {other}")).unwrap_or_default();
            format!("give it with --config {key}=VALUE, or as the environment variable {variable}{other}")
        }
        (ProblemKind::NoNamespace, Some(hint)) => format!("{hint}, or run with --namespace NAME"),
        (_, hint) => return hint.clone(),
    })
}

/// Returns what would help against a problem of a configuration.
pub fn of_configuration(problem: &holm_config::Problem) -> Option<String> {
    if let holm_config::ProblemKind::Encrypted { reason, .. } = &problem.kind {
        return decryption(reason).map(str::to_owned);
    }
    let Some(key) = crate::render::config::missing(problem) else { return problem.hint.clone() };
    let give = format!(
        "give it with `config set {key} VALUE`, with --config {key}=VALUE, or as the environment variable {}",
        holm_config::variable(key)
    );
    Some(problem.hint.as_ref().map_or_else(|| give.clone(), |hint| format!("{hint}; {give}")))
}

fn decryption(error: &holm_config::EncryptionError) -> Option<&'static str> {
    use holm_config::EncryptionError;
    match error {
        EncryptionError::NotBuiltIn => Some("build the program with the feature `age` of holm"),
        EncryptionError::NoIdentity => {
            Some("name a file with your private key of age or ssh with --identity, or give the key as HOLM_IDENTITY")
        }
        EncryptionError::WrongKey => Some(
            "choose another key with --identity, or let somebody who can read the file add your public key to its recipients and \
             run `config rekey`",
        ),
        EncryptionError::Passphrase(_) => Some("use a key without a passphrase, such as one made for this file"),
        _ => None,
    }
}

/// Returns what would help where no cluster can be connected to.
pub fn of_connect(error: &ConnectError) -> Option<String> {
    match error {
        ConnectError::NothingFound { .. } => Some("name a kubeconfig with --kubeconfig FILE or KUBECONFIG".to_owned()),
        ConnectError::NoCurrentContext { .. } | ConnectError::NoSuchContext { .. } => {
            Some("name one of them with --context, or set it with `kubectl config use-context`".to_owned())
        }
        ConnectError::NoAnswer { source, .. } => of_request(source),
        _ => error.hint(),
    }
}

/// Returns what would help where a cluster cannot be worked with.
pub fn of_cluster(error: &ClusterError) -> Option<String> {
    error.request().map_or_else(|| error.hint(), of_request)
}

fn of_request(error: &RequestError) -> Option<String> {
    match &error.trouble {
        Trouble::Unauthorized(_) => Some(
            "the token or certificate of this context is wrong or has expired: log in again, or choose another --context"
                .to_owned(),
        ),
        _ => error.hint(),
    }
}
