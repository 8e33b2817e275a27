//! The work that is due, and the work that will be.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use holm_values::backoff;

/// Which controller looks at an object. The order is that in which `kube-controller-manager` would get to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Task {
    Deployment,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    DaemonSet,
    Job,
    /// A pod that may have lost its Job.
    JobPod,
    /// A Job that is deleted some time after its end.
    JobExpiry,
    CronJob,
    Claim,
    /// Whether a claim is used.
    ClaimUse,
    Volume,
    Endpoints,
    EndpointSlices,
    Disruption,
    Autoscaler,
    /// A node that may be gone, with pods on it.
    MissingNode,
    /// A range of addresses for services.
    ServiceRange,
    /// An event that goes after its time.
    EventExpiry,
}

/// An object, and which controller looks at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub task: Task,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(task: Task, namespace: &str, name: &str) -> Self {
        Self { task, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// How long work waits after its first failure. It doubles with each further one.
///
/// From `k8s.io/client-go`, `util/workqueue/default_rate_limiters.go`.
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
const LAST_BACKOFF: Duration = Duration::from_secs(1000);

/// Keys in the order in which they came, each once, and keys that wait for their time.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: VecDeque<Key>,
    waiting: HashSet<Key>,
    /// By their time in milliseconds since 1970, and then in the order in which they came.
    delayed: BTreeMap<(i64, u64), Key>,
    delayed_keys: HashMap<Key, (i64, u64)>,
    failures: HashMap<Key, u32>,
    sequence: u64,
}

impl Queue {
    pub fn add(&mut self, key: Key) {
        if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Adds a key at a time in milliseconds since 1970; if it waits for an earlier one already, that holds.
    pub fn add_at(&mut self, key: Key, time: i64) {
        if let Some(known) = self.delayed_keys.get(&key).copied() {
            if known.0 <= time {
                return;
            }
            self.delayed.remove(&known);
        }
        self.sequence += 1;
        let place = (time, self.sequence);
        self.delayed_keys.insert(key.clone(), place);
        self.delayed.insert(place, key);
    }

    /// Adds a key after a failure, later each time.
    pub fn add_after_failure(&mut self, key: Key, now: i64) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = backoff::exponential(FIRST_BACKOFF, LAST_BACKOFF, *failures).as_millis();
        *failures = failures.saturating_add(1);
        self.add_at(key, now.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX)));
    }

    /// Forgets the failures of a key.
    pub fn succeed(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// The next key that is due.
    pub fn pop(&mut self, now: i64) -> Option<Key> {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let key = entry.remove();
            self.delayed_keys.remove(&key);
            self.add(key);
        }
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        Some(key)
    }

    /// Whether a key is due.
    pub fn is_due(&self, now: i64) -> bool {
        !self.ready.is_empty() || self.next().is_some_and(|next| next <= now)
    }

    /// When the next key that waits is due, in milliseconds since 1970.
    pub fn next(&self) -> Option<i64> {
        self.delayed.keys().next().map(|(time, _)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new(Task::ReplicaSet, "default", name)
    }

    #[test]
    fn a_key_is_there_once_and_delayed_ones_come_at_their_time() {
        let mut queue = Queue::default();
        for name in ["a", "b", "a"] {
            queue.add(key(name));
        }
        queue.add_at(key("later"), 20);
        queue.add_at(key("later"), 10);
        queue.add_at(key("later"), 30);
        assert_eq!(queue.pop(0), Some(key("a")));
        assert_eq!(queue.pop(0), Some(key("b")));
        assert_eq!(queue.pop(9), None);
        assert_eq!(queue.next(), Some(10));
        assert_eq!(queue.pop(10), Some(key("later")));
        assert_eq!((queue.pop(100), queue.next()), (None, None));
    }

    #[test]
    fn failures_wait_longer_each_time() {
        let mut queue = Queue::default();
        let mut waits = Vec::new();
        for _ in 0..3 {
            queue.add_after_failure(key("a"), 0);
            waits.push(queue.next());
            assert_eq!(queue.pop(1_000_000), Some(key("a")));
        }
        assert_eq!(waits, [Some(5), Some(10), Some(20)]);
        for _ in 0..60 {
            queue.add_after_failure(key("a"), 0);
            queue.pop(1_000_000);
        }
        queue.add_after_failure(key("a"), 0);
        assert_eq!(queue.next(), Some(1_000_000));
        queue.pop(1_000_000);
        queue.succeed(&key("a"));
        queue.add_after_failure(key("a"), 0);
        assert_eq!(queue.next(), Some(5));
    }
}
