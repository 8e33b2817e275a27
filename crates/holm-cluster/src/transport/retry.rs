//! When a request is tried again, and after how long.
//!
//! Every request of this crate may be repeated: reads and dry-runs change nothing, server-side apply says the whole of what
//! we want, deletes name the uid of what they mean, and writes of the inventory name the version that they replace. What
//! remains is whether trying again may help.

use std::time::Duration;

use holm_values::backoff;

use crate::error::Trouble;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// All pauses together, also where the server asks for longer ones.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The words of failures that pass, in answers of status 500 (and of 403 for the last). The first five are etcd's and the
/// webhook dispatcher's; the last is the admission of pods in a namespace so new that its service account is not there yet.
const PASSING: [&str; 7] = [
    "leader changed",
    "request timed out",
    "failed calling webhook",
    "failed calling admission webhook",
    "conversion webhook",
    "context deadline exceeded",
    "connection refused",
];
const NO_SERVICE_ACCOUNT_YET: &str = "error looking up service account";

/// How often and for what a request is tried again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How often at most, the first try included.
    pub(crate) tries: u32,
    /// Whether a conflict without named fields is tried again. Not where the request names the version it replaces.
    pub(crate) conflicts: bool,
    /// Whether a kind that is not served is tried again, because it was defined just now.
    pub(crate) unserved: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 6, conflicts: false, unserved: false }
    }
}

impl Patience {
    /// For the first request of a run: a server that is not there is told at once.
    pub(crate) const FIRST: Self = Self { tries: 2, conflicts: false, unserved: false };
    /// For server-side apply.
    pub(crate) const APPLY: Self = Self { tries: 6, conflicts: true, unserved: false };

    /// How long to pause before the next try; none when there is to be none. `spread` is a random number from 0 to 1.
    pub(super) fn pause(
        self,
        trouble: &Trouble,
        retry_after: Option<Duration>,
        tries: u32,
        waited: Duration,
        spread: f64,
    ) -> Option<Duration> {
        if tries >= self.tries_for(trouble) {
            return None;
        }
        let step = backoff::exponential(FIRST_PAUSE, LONGEST_PAUSE, tries.saturating_sub(1));
        // Between half of the step and all of it, so that many clients do not come back at the same moment.
        let own = step.mul_f64(0.5 + spread / 2.0);
        let pause = own.max(retry_after.unwrap_or_default());
        (waited + pause <= LONGEST_WAIT).then_some(pause)
    }

    fn tries_for(self, trouble: &Trouble) -> u32 {
        match trouble {
            Trouble::TooManyRequests(_) | Trouble::Interrupted(_) | Trouble::Unreachable(_) => self.tries,
            // Each of these has taken half a minute already.
            Trouble::Timeout(_) => self.tries.min(2),
            Trouble::Server(refusal) => match refusal.code {
                502..=504 => self.tries,
                _ if PASSING.iter().any(|words| refusal.message.contains(words)) => self.tries,
                // Nothing says that it will pass. It may, and trying thrice costs little.
                _ => self.tries.min(3),
            },
            Trouble::Forbidden(message) if message.contains(NO_SERVICE_ACCOUNT_YET) => self.tries,
            Trouble::Conflict(message) if self.conflicts && !is_about_identity(message) => self.tries,
            Trouble::KindNotServed if self.unserved => self.tries.max(8),
            _ => 1,
        }
    }
}

/// Whether a conflict says that the object is another one than was meant: the words of the API server for a uid that does
/// not match (apiserver `pkg/endpoints/handlers/patch.go` and `pkg/registry/generic/registry/store.go`).
pub(crate) fn is_about_identity(message: &str) -> bool {
    message.contains("uid mismatch") || message.contains("UID in precondition")
}

#[cfg(test)]
mod tests {
    use holm_core::observe::Refusal;

    use super::*;

    fn server(code: u16, message: &str) -> Trouble {
        Trouble::Server(Refusal { code, reason: String::new(), message: message.into(), causes: Vec::new() })
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let tries = |trouble: &Trouble| Patience::APPLY.tries_for(trouble);
        let cases = [
            (Trouble::TooManyRequests(String::new()), 6),
            (Trouble::Interrupted(String::new()), 6),
            (server(503, ""), 6),
            (server(500, "etcdserver: leader changed"), 6),
            (server(500, "etcdserver: request is too large"), 3),
            (Trouble::Timeout(30), 2),
            (Trouble::Conflict("Operation cannot be fulfilled".into()), 6),
            (Trouble::Conflict("uid mismatch".into()), 1),
            (Trouble::FieldConflicts(Vec::new()), 1),
            (Trouble::Forbidden("no".into()), 1),
            (Trouble::Forbidden("pods \"p\" is forbidden: error looking up service account ns/default".into()), 6),
            (Trouble::KindNotServed, 1),
            (Trouble::Malformed(String::new()), 1),
            (Trouble::Tls(String::new()), 1),
        ];
        for (trouble, expected) in cases {
            assert_eq!(tries(&trouble), expected, "{trouble}");
        }
    }

    #[test]
    fn pauses_grow_are_spread_and_end() {
        let trouble = Trouble::Interrupted(String::new());
        let pause = |tries, spread| Patience::default().pause(&trouble, None, tries, Duration::ZERO, spread);
        assert_eq!(pause(1, 0.0), Some(Duration::from_millis(50)));
        assert_eq!(pause(1, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(pause(5, 1.0), Some(Duration::from_millis(1600)));
        assert_eq!(pause(6, 1.0), None);
    }

    #[test]
    fn the_server_may_ask_for_longer_but_not_for_ever() {
        let trouble = Trouble::TooManyRequests(String::new());
        let pause = |seconds, waited| {
            let asked = Some(Duration::from_secs(seconds));
            Patience::default().pause(&trouble, asked, 1, Duration::from_secs(waited), 0.5)
        };
        assert_eq!(pause(3, 0), Some(Duration::from_secs(3)));
        assert_eq!(pause(20, 15), None);
        assert_eq!(pause(3600, 0), None);
    }
}
