//! How many Events a component writes about one object: 25, and then one in five minutes, so that whoever reads Events sees a
//! pod whose probe fails every second fall silent. Normal ones and warnings have budgets of their own.
//!
//! From `k8s.io/client-go`, `tools/record/events_cache.go` (`EventSourceObjectSpamFilter`). The scheduler writes by another library,
//! which has none.

use std::collections::HashMap;

use crate::event::Event;

const BURST: i64 = 25;
/// The time in which one more may be written, in milliseconds.
const REFILL: i64 = 300_000;

/// The budgets of all objects, by uid.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    objects: HashMap<String, HashMap<(String, bool), Budget>>,
}

/// What is left, in milliseconds of its refill, at a time.
#[derive(Debug)]
struct Budget {
    left: i64,
    at: i64,
}

impl Budgets {
    /// Whether an Event may be written now, which takes it off its budget.
    pub(crate) fn take(&mut self, event: &Event, now: i64) -> bool {
        if !event.is_counted() {
            return true;
        }
        let budgets = self.objects.entry(event.uid.clone()).or_default();
        let key = (event.manager().to_owned(), event.warns());
        let budget = budgets.entry(key).or_insert(Budget { left: BURST * REFILL, at: now });
        let passed = now.saturating_sub(budget.at).max(0);
        budget.left = budget.left.saturating_add(passed).min(BURST * REFILL);
        budget.at = now;
        let is_enough = budget.left >= REFILL;
        if is_enough {
            budget.left -= REFILL;
        }
        is_enough
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.objects.remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Source;

    fn about(uid: &str) -> Event {
        let pod = json!({"metadata": {"name": "p", "namespace": "n", "uid": uid}});
        Event::about("Pod", &pod, Source::Kubelet { node: "node".to_owned() }, "Unhealthy", "it fails")
    }

    /// How many of `count` Events, one in each second from `start`, are written.
    fn written(budgets: &mut Budgets, event: &Event, start: i64, count: i64) -> usize {
        (0..count).filter(|second| budgets.take(event, start + second * 1000)).count()
    }

    #[test]
    fn twenty_five_are_written_and_then_one_in_five_minutes() {
        let mut budgets = Budgets::default();
        assert_eq!(written(&mut budgets, &about("1").warning(), 0, 60), 25);
        assert_eq!(written(&mut budgets, &about("1").warning(), 300_000, 900), 3);
    }

    #[test]
    fn kinds_of_events_and_objects_do_not_take_from_each_other() {
        let mut budgets = Budgets::default();
        assert_eq!(written(&mut budgets, &about("1").warning(), 0, 60), 25);
        assert_eq!(written(&mut budgets, &about("1"), 0, 60), 25);
        assert_eq!(written(&mut budgets, &about("2").warning(), 0, 60), 25);
        budgets.forget("1");
        assert_eq!(written(&mut budgets, &about("1").warning(), 60_000, 1), 1);
    }

    #[test]
    fn the_scheduler_has_no_budget() {
        let pod = json!({"metadata": {"name": "p", "namespace": "n", "uid": "1"}});
        let event = Event::about("Pod", &pod, Source::Scheduler { action: "Scheduling" }, "FailedScheduling", "no");
        assert_eq!(written(&mut Budgets::default(), &event, 0, 60), 60);
    }
}
