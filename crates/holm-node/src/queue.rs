//! What is to be looked at, and when.

use std::collections::{BTreeSet, HashMap};

use crate::resource::Resource;
use crate::world::Key;

/// An object to look at.
pub(crate) type Work = (Resource, Key);

/// Work by the time at which it is due; each object is in it once, with the earliest time that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ordered: BTreeSet<(i64, Work)>,
    due: HashMap<Work, i64>,
}

impl Queue {
    /// Asks for a look at an object at a time, or earlier.
    pub(crate) fn add(&mut self, due: i64, work: Work) {
        if let Some(known) = self.due.get(&work).copied() {
            if known <= due {
                return;
            }
            self.ordered.remove(&(known, work.clone()));
        }
        self.due.insert(work.clone(), due);
        self.ordered.insert((due, work));
    }

    /// Takes the first work that is due.
    pub(crate) fn pop(&mut self, now: i64) -> Option<Work> {
        if self.next()? > now {
            return None;
        }
        let (_, work) = self.ordered.pop_first()?;
        self.due.remove(&work);
        Some(work)
    }

    /// All work that is due.
    pub(crate) fn due(&self, now: i64) -> impl Iterator<Item = &Work> {
        self.ordered.iter().take_while(move |(due, _)| *due <= now).map(|(_, work)| work)
    }

    /// When the first work is due.
    pub(crate) fn next(&self) -> Option<i64> {
        self.ordered.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_looked_at_once_at_the_earliest_time() {
        let mut queue = Queue::default();
        let work = |name: &str| (Resource::Pods, Key::new("n", name));
        queue.add(20, work("a"));
        queue.add(10, work("a"));
        queue.add(30, work("a"));
        queue.add(10, work("b"));
        assert_eq!(queue.pop(9), None);
        assert_eq!(queue.pop(10), Some(work("a")));
        assert_eq!(queue.pop(10), Some(work("b")));
        assert_eq!((queue.next(), queue.pop(100)), (None, None));
    }
}
