//! How long to wait before something that failed is tried again.

use std::time::Duration;

/// Returns `first`, doubled so many times, and at most `longest`.
///
/// Kubernetes' work queues, controllers and clients all wait by this formula (`k8s.io/client-go`,
/// `util/workqueue/default_rate_limiters.go` and `util/flowcontrol/backoff.go`).
#[must_use]
pub fn exponential(first: Duration, longest: Duration, doublings: u32) -> Duration {
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let wait = |doublings| exponential(Duration::from_millis(5), Duration::from_secs(1000), doublings).as_millis();
        let cases = [(0, 5), (1, 10), (2, 20), (17, 655_360), (18, 1_000_000), (31, 1_000_000), (32, 1_000_000)];
        for (doublings, milliseconds) in cases {
            assert_eq!(wait(doublings), milliseconds, "{doublings}");
        }
        assert_eq!(wait(u32::MAX), 1_000_000);
    }
}
