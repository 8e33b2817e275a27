//! When a request is tried again, and after how long.
//!
//! Every request of this crate may be repeated: reads and dry-runs change nothing, server-side apply says the whole of what
//! we want, deletes name the uid of what they mean, and writes of the inventory name the version that they replace. What
//! remains is whether trying again may help.

use std::time::Duration;

use holm_values::backoff;

use super::flow::Load;
use crate::error::Trouble;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a request is tried again while the server is busy or away: longer than a control plane takes to restart.
pub(super) const BUDGET: Duration = Duration::from_secs(90);
/// The same once the run is to stop: what was done should be recorded, and nobody waits for a server that stays away.
pub(super) const STOPPED: Duration = Duration::from_secs(5);
/// How often a server is tried that has never answered.
const FIRST_TRIES: u32 = 2;
/// How often a failure of the server is tried that may pass, and one of which nothing says that it will.
const PASSING_TRIES: u32 = 6;
const UNKNOWN_TRIES: u32 = 3;

/// The words of failures that pass, in answers of status 500: etcd's and the webhook dispatcher's.
const PASSING: [&str; 7] = [
    "leader changed",
    "request timed out",
    "failed calling webhook",
    "failed calling admission webhook",
    "conversion webhook",
    "context deadline exceeded",
    "connection refused",
];
/// The same for answers of status 403: a namespace so new that it has no service account yet, and a quota so new that nothing is
/// counted.
const PASSING_DENIALS: [&str; 2] = ["error looking up service account", "status unknown for quota"];

/// How often and for what a request is tried again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How often at most, the first try included; none where only the budget of time limits it.
    pub(crate) tries: Option<u32>,
    /// Whether a conflict without named fields is tried again. Not where the request names the version it replaces.
    pub(crate) conflicts: bool,
    /// Whether a kind that is not served is tried again, because it was defined just now.
    pub(crate) unserved: bool,
    /// How often a request is tried that gets no answer in time.
    pub(crate) timeouts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: None, conflicts: false, unserved: false, timeouts: 2 }
    }
}

/// One failed try.
pub(super) struct Failure<'a> {
    pub(super) trouble: &'a Trouble,
    /// How long the server asks to wait.
    pub(super) retry_after: Option<Duration>,
    /// Which try it was, from 1.
    pub(super) tries: u32,
    /// Since the first try failed.
    pub(super) elapsed: Duration,
    /// Whether this server has ever answered.
    pub(super) has_answered: bool,
}

impl Patience {
    /// For server-side apply.
    pub(crate) const APPLY: Self = Self { tries: None, conflicts: true, unserved: false, timeouts: 2 };

    /// For one page of a list, which is asked for again in smaller pages where it does not come in time.
    pub(crate) const PAGE: Self = Self { tries: None, conflicts: false, unserved: false, timeouts: 1 };

    /// For what is worth little: `tries` at most.
    pub(crate) const fn few(tries: u32) -> Self {
        Self { tries: Some(tries), conflicts: false, unserved: false, timeouts: tries }
    }

    /// How long to pause before the next try; none when there is to be none. `spread` is a random number from 0 to 1.
    pub(super) fn pause(self, failure: &Failure<'_>, budget: Duration, spread: f64) -> Option<Duration> {
        let allowed = match self.tries_for(failure.trouble, failure.has_answered) {
            Some(tries) => tries.min(self.tries.unwrap_or(u32::MAX)),
            None => self.tries.unwrap_or(u32::MAX),
        };
        if failure.tries >= allowed {
            return None;
        }
        let step = backoff::exponential(FIRST_PAUSE, LONGEST_PAUSE, failure.tries.saturating_sub(1));
        // Between half of the step and all of it, so that many clients do not come back at the same moment.
        let own = step.mul_f64(0.5 + spread / 2.0);
        let pause = own.max(failure.retry_after.unwrap_or_default());
        (failure.elapsed + pause <= budget).then_some(pause)
    }

    /// How often a failure is tried; none where only time limits it.
    fn tries_for(self, trouble: &Trouble, has_answered: bool) -> Option<u32> {
        let tries = match trouble {
            Trouble::Interrupted(_) | Trouble::Unreachable(_) if !has_answered => FIRST_TRIES,
            _ if load(trouble).is_some() => return None,
            Trouble::Timeout(_) => self.timeouts,
            // The server's own limit of time, or a proxy's.
            Trouble::Server(refusal) if refusal.code == 504 => PASSING_TRIES.min(self.timeouts * 3),
            Trouble::Server(refusal) if PASSING.iter().any(|words| refusal.message.contains(words)) => PASSING_TRIES,
            Trouble::Server(_) => UNKNOWN_TRIES,
            Trouble::Forbidden(message) if PASSING_DENIALS.iter().any(|words| message.contains(words)) => PASSING_TRIES,
            Trouble::Conflict(message) if self.conflicts && !is_about_identity(message) => PASSING_TRIES,
            Trouble::KindNotServed if self.unserved => 8,
            _ => 1,
        };
        Some(tries)
    }
}

/// What a failure says about the server: that it is busy, or away.
pub(super) fn load(trouble: &Trouble) -> Option<Load> {
    match trouble {
        Trouble::TooManyRequests(_) => Some(Load::Busy),
        Trouble::Interrupted(_) | Trouble::Unreachable(_) => Some(Load::Away),
        Trouble::Server(refusal) if matches!(refusal.code, 502 | 503) => Some(Load::Away),
        _ => None,
    }
}

/// Whether a conflict says that the object is another one than was meant: the words of the API server for a uid that does
/// not match (apiserver `pkg/endpoints/handlers/patch.go` and `pkg/registry/generic/registry/store.go`).
pub(crate) fn is_about_identity(message: &str) -> bool {
    message.contains("uid mismatch") || message.contains("UID in precondition")
}

#[cfg(test)]
mod tests {
    use holm_planner::observe::Refusal;

    use super::*;

    fn server(code: u16, message: &str) -> Trouble {
        Trouble::Server(Refusal { code, reason: String::new(), message: message.into(), causes: Vec::new() })
    }

    fn failure(trouble: &Trouble, tries: u32, elapsed: u64) -> Failure<'_> {
        let elapsed = Duration::from_secs(elapsed);
        Failure { trouble, retry_after: None, tries, elapsed, has_answered: true }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let tries = |trouble: &Trouble| Patience::APPLY.tries_for(trouble, true);
        let cases = [
            (Trouble::TooManyRequests(String::new()), None),
            (Trouble::Interrupted(String::new()), None),
            (Trouble::Unreachable(String::new()), None),
            (server(502, ""), None),
            (server(503, ""), None),
            (server(504, ""), Some(6)),
            (server(500, "etcdserver: leader changed"), Some(6)),
            (server(500, "etcdserver: request is too large"), Some(3)),
            (server(501, ""), Some(3)),
            (Trouble::Timeout(30), Some(2)),
            (Trouble::Conflict("Operation cannot be fulfilled".into()), Some(6)),
            (Trouble::Conflict("uid mismatch".into()), Some(1)),
            (Trouble::FieldConflicts(Vec::new()), Some(1)),
            (Trouble::Forbidden("no".into()), Some(1)),
            (
                Trouble::Forbidden("pods \"p\" is forbidden: error looking up service account ns/default".into()),
                Some(6),
            ),
            (Trouble::KindNotServed, Some(1)),
            (Trouble::Malformed(String::new()), Some(1)),
            (Trouble::Tls(String::new()), Some(1)),
        ];
        for (trouble, expected) in cases {
            assert_eq!(tries(&trouble), expected, "{trouble}");
        }
    }

    #[test]
    fn a_server_that_never_answered_is_given_up_soon() {
        let refused = Trouble::Unreachable(String::new());
        let pause = |tries, has_answered| {
            let failure = Failure { has_answered, ..failure(&refused, tries, 0) };
            Patience::default().pause(&failure, BUDGET, 0.5).is_some()
        };
        assert_eq!([pause(1, false), pause(2, false), pause(2, true), pause(20, true)], [true, false, true, true]);
        let busy = Trouble::TooManyRequests(String::new());
        let first = Failure { has_answered: false, ..failure(&busy, 5, 0) };
        assert!(Patience::default().pause(&first, BUDGET, 0.5).is_some(), "it answers");
    }

    #[test]
    fn pauses_grow_are_spread_and_end_with_the_budget() {
        let trouble = Trouble::Interrupted(String::new());
        let pause =
            |tries, elapsed, spread| Patience::default().pause(&failure(&trouble, tries, elapsed), BUDGET, spread);
        assert_eq!(pause(1, 0, 0.0), Some(Duration::from_millis(50)));
        assert_eq!(pause(1, 0, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(pause(5, 0, 1.0), Some(Duration::from_millis(1600)));
        assert_eq!(pause(50, 80, 1.0), Some(Duration::from_secs(5)));
        assert_eq!(pause(50, 86, 1.0), None);
        assert_eq!(Patience::few(2).pause(&failure(&trouble, 2, 0), BUDGET, 1.0), None);
    }

    #[test]
    fn the_server_may_ask_for_longer_but_not_without_end() {
        let trouble = Trouble::TooManyRequests(String::new());
        let pause = |seconds, elapsed| {
            let failure = Failure { retry_after: Some(Duration::from_secs(seconds)), ..failure(&trouble, 1, elapsed) };
            Patience::default().pause(&failure, BUDGET, 0.5)
        };
        assert_eq!(pause(3, 0), Some(Duration::from_secs(3)));
        assert_eq!(pause(20, 75), None);
        assert_eq!(pause(3600, 0), None);
    }
}
