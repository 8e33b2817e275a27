//! How long a Job waits after pods have failed.
//!
//! From `pkg/controller/job/backoff_utils.go`.

use std::sync::Arc;
use std::time::Duration;

use holm_values::backoff;
use serde_json::Value;

use crate::fields::{condition, count, created, items, seconds, text};

const FIRST: Duration = Duration::from_secs(10);
const LAST: Duration = Duration::from_secs(600);

/// The failures of a Job since its last success.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: i64,
    /// When the last one was, in seconds since 1970.
    last: Option<i64>,
}

impl Backoff {
    /// Takes note of pods that have ended.
    pub fn follow(&mut self, succeeded: &[Arc<Value>], failed: &[Arc<Value>]) {
        let last_success = succeeded.iter().map(|pod| ended(pod)).max();
        if last_success.is_some() {
            *self = Self::default();
        }
        for time in failed.iter().map(|pod| ended(pod)) {
            if last_success.is_none_or(|success| time > success) {
                self.failures += 1;
                self.last = self.last.max(Some(time));
            }
        }
    }

    /// When the next pod may be made, in seconds since 1970.
    pub fn until(&self) -> Option<i64> {
        Some(self.last? + wait(self.failures))
    }
}

/// When the pod for an index may be made again that has failed so often.
pub(super) fn until(pod: &Value, failures: i64) -> i64 {
    ended(pod) + wait(failures)
}

fn wait(failures: i64) -> i64 {
    if failures < 1 {
        return 0;
    }
    let doublings = u32::try_from(failures - 1).unwrap_or(u32::MAX);
    i64::try_from(backoff::exponential(FIRST, LAST, doublings).as_secs()).unwrap_or(i64::MAX)
}

/// When a pod has ended, in seconds since 1970.
fn ended(pod: &Value) -> i64 {
    let statuses: Vec<&Value> = items(pod, "/status/containerStatuses").collect();
    let times: Vec<Option<i64>> =
        statuses.iter().map(|status| seconds(text(status, "/state/terminated/finishedAt"))).collect();
    if !times.is_empty() && times.iter().all(Option::is_some) {
        return times.into_iter().flatten().max().unwrap_or_default();
    }
    if let Some(ready) = condition(pod, "Ready").filter(|ready| text(ready, "/status") == "False")
        && let Some(time) = seconds(text(ready, "/lastTransitionTime"))
    {
        return time;
    }
    if let Some(time) = seconds(text(pod, "/metadata/deletionTimestamp")) {
        return time - count(pod, "/metadata/deletionGracePeriodSeconds");
    }
    seconds(created(pod)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(second: i64) -> Arc<Value> {
        let time = crate::context::Context::time(second);
        Arc::new(json!({"status": {"containerStatuses": [{"state": {"terminated": {"finishedAt": time}}}]}}))
    }

    #[test]
    fn the_wait_doubles_with_each_failure_and_a_success_ends_it() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for number in 0..8 {
            backoff.follow(&[], &[pod(1000 + number)]);
            waits.push(backoff.until().unwrap_or_default() - 1000 - number);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600]);
        backoff.follow(&[pod(2000)], &[pod(1999), pod(2001)]);
        assert_eq!(backoff.until(), Some(2011));
    }
}
