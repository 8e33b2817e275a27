//! Kinds that are neither workload nor storage: what they report about themselves.

use serde_json::Value;

use super::Readiness;
use super::object::{condition, count, int, items, text};

/// A CustomResourceDefinition.
pub(super) fn definition(object: &Value) -> Readiness {
    if let Some(names) = condition(object, "NamesAccepted").filter(|it| it.is_false()) {
        return Readiness::failed(&names.reason_or("NamesNotAccepted"), &names.words("its names are taken"));
    }
    match condition(object, "Established") {
        Some(established) if established.is_true() => Readiness::current(),
        Some(established) if established.is_false() && established.reason != "Installing" => {
            Readiness::failed(&established.reason_or("NotEstablished"), &established.words("is not established"))
        }
        _ => Readiness::in_progress("Installing", "its kind is not served yet"),
    }
}

/// An APIService, whose server may still be starting.
pub(super) fn api_service(object: &Value) -> Readiness {
    must_be_true(object, "Available", "its server does not answer yet")
}

/// A kind that says by one condition that it works.
pub(super) fn must_be_true(object: &Value, kind: &str, otherwise: &str) -> Readiness {
    match condition(object, kind) {
        Some(condition) if condition.is_true() => Readiness::current(),
        Some(condition) => {
            Readiness::in_progress(&condition.reason_or(&format!("Not{kind}")), &condition.words(otherwise))
        }
        None => Readiness::in_progress(&format!("Not{kind}"), otherwise),
    }
}

/// A Namespace. One without a phase exists as much as one that is Active.
pub(super) fn namespace(object: &Value) -> Readiness {
    match text(object, "/status/phase") {
        Some("Terminating") => Readiness::new(super::State::Terminating, "Deleting", "is being deleted"),
        _ => Readiness::current(),
    }
}

/// A Service: a load balancer is ready once it has an address. kstatus does not look.
pub(super) fn service(object: &Value) -> Readiness {
    if text(object, "/spec/type") != Some("LoadBalancer") || !items(object, "/status/loadBalancer/ingress").is_empty() {
        return Readiness::current();
    }
    Readiness::in_progress("NoAddress", "the load balancer has no address yet")
}

/// An Ingress. Many controllers never report an address, so that none is worth a word and no more.
pub(super) fn ingress(object: &Value) -> Readiness {
    if items(object, "/status/loadBalancer/ingress").is_empty() {
        return Readiness::current_because("NoAddress", "its controller has reported no address");
    }
    Readiness::current()
}

/// A HorizontalPodAutoscaler. That it cannot scale right now, for want of metrics, does not make the apply of it fail.
pub(super) fn autoscaler(object: &Value) -> Readiness {
    let troubled = ["AbleToScale", "ScalingActive"]
        .into_iter()
        .filter_map(|kind| condition(object, kind))
        .find(|condition| condition.is_false());
    match troubled {
        Some(condition) => {
            let message = format!("cannot scale now: {}", condition.words(condition.reason));
            Readiness::current_because(&condition.reason_or("NotScaling"), &message)
        }
        None => Readiness::current(),
    }
}

/// A PodDisruptionBudget: it does its work also while it allows no disruption.
pub(super) fn disruption_budget(object: &Value) -> Readiness {
    if let Some(failed) = condition(object, "DisruptionAllowed").filter(|it| it.is_false() && it.reason == "SyncFailed")
    {
        return Readiness::current_because(failed.reason, &failed.words("cannot be evaluated"));
    }
    let healthy = count(object, "/status/currentHealthy");
    match int(object, "/status/desiredHealthy") {
        Some(desired) if healthy < desired => {
            let message = format!("{healthy} of {desired} pods that it asks for are healthy");
            Readiness::current_because("InsufficientPods", &message)
        }
        _ => Readiness::current(),
    }
}

/// A CertificateSigningRequest: it waits for a person, so only a refusal counts.
pub(super) fn signing_request(object: &Value) -> Readiness {
    for kind in ["Denied", "Failed"] {
        if let Some(condition) = condition(object, kind).filter(|it| it.is_true()) {
            return Readiness::failed(&condition.reason_or(kind), &condition.words("was refused"));
        }
    }
    match (condition(object, "Approved"), text(object, "/status/certificate")) {
        (_, Some(_)) => Readiness::current(),
        (Some(_), None) => Readiness::current_because("Approved", "is approved and has no certificate yet"),
        (None, None) => Readiness::current_because("Pending", "waits for approval"),
    }
}

/// A StorageVersionMigration, which is work to be done as a Job is.
pub(super) fn migration(object: &Value) -> Readiness {
    if let Some(failed) = condition(object, "Failed").filter(|it| it.is_true()) {
        return Readiness::failed(&failed.reason_or("Failed"), &failed.words("failed"));
    }
    must_be_true(object, "Succeeded", "is not done yet")
}

/// A Secret: the token of a service account is filled in by a controller. Only whether it is there is looked at.
pub(super) fn secret(object: &Value) -> Readiness {
    let is_token = text(object, "/type") == Some("kubernetes.io/service-account-token");
    if is_token && text(object, "/data/token").is_none() {
        return Readiness::in_progress("NoToken", "its token has not been filled in yet");
    }
    Readiness::current()
}

/// A FlowSchema that names no priority level does nothing; a policy whose expressions do not type-check may fail later.
/// Both are as declared, and worth a word.
pub(super) fn with_warnings(object: &Value) -> Readiness {
    if let Some(dangling) = condition(object, "Dangling").filter(|it| it.is_true()) {
        return Readiness::current_because("Dangling", &dangling.words("its priority level does not exist"));
    }
    match items(object, "/status/typeChecking/expressionWarnings").first().and_then(|it| text(it, "/warning")) {
        Some(warning) => Readiness::current_because("ExpressionWarnings", warning),
        None => Readiness::current(),
    }
}
