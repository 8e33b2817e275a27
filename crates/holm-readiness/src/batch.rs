//! Jobs, which are ready once they completed, and CronJobs, which are ready once they exist.

use serde_json::Value;

use super::Readiness;
use super::object::{condition, count, flag, int, is_true, items, text};

/// A Job. kstatus calls a running one Current; here it must complete, because what depends on it needs its work done.
pub(super) fn job(object: &Value) -> Readiness {
    let when_true = |kind| condition(object, kind).filter(|condition| condition.is_true());
    if is_true(object, "Complete") {
        return Readiness::current_because("Complete", "completed");
    }
    // FailureTarget comes first, while the pods that are left are still being ended (KEP-3939).
    if let Some(failed) = when_true("Failed").or_else(|| when_true("FailureTarget")) {
        return Readiness::failed(&failed.reason_or("Failed"), &failed.words("failed"));
    }
    let active = count(object, "/status/active");
    if flag(object, "/spec/suspend") {
        return match active {
            0 => Readiness::current_because("Suspended", "is suspended, as declared"),
            _ => Readiness::in_progress("Suspending", &format!("{active} active, to be stopped for its suspension")),
        };
    }
    if is_true(object, "SuccessCriteriaMet") {
        return Readiness::in_progress("SuccessCriteriaMet", "has succeeded; its last pods are ending");
    }
    if text(object, "/status/startTime").is_none() {
        return Readiness::in_progress("NotStarted", "has not started yet");
    }
    let succeeded = count(object, "/status/succeeded");
    let failed = count(object, "/status/failed");
    let done = match int(object, "/spec/completions") {
        Some(completions) => format!("{succeeded} of {completions} completed"),
        None => format!("{succeeded} completed"),
    };
    let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    Readiness::in_progress("Running", &format!("{done}, {active} active{failures}"))
}

/// A CronJob: it works as declared whether or not its time has come.
pub(super) fn cron_job(object: &Value) -> Readiness {
    let active = items(object, "/status/active").len();
    if flag(object, "/spec/suspend") {
        return Readiness::current_because("Suspended", "is suspended, as declared");
    }
    match (active, text(object, "/status/lastScheduleTime")) {
        (0, None) => Readiness::current_because("NeverRan", "has not run yet"),
        (0, Some(last)) => match text(object, "/status/lastSuccessfulTime") {
            Some(success) => Readiness::current_because("Ran", &format!("last ran {last}, last succeeded {success}")),
            None => Readiness::current_because("NeverSucceeded", &format!("last ran {last}, has not succeeded yet")),
        },
        (active, _) => {
            let noun = if active == 1 { "job" } else { "jobs" };
            Readiness::current_because("Active", &format!("{active} {noun} running"))
        }
    }
}
