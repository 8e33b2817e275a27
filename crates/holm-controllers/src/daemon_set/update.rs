//! Replacing the pods of an old template.
//!
//! From `pkg/controller/daemon/update.go` (`rollingUpdate`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Daemons, Plan};
use crate::deployment::scaled;
use crate::error::Outcome;
use crate::fields::{at, is_deleting, name, text};

type Pair<'a> = (Option<&'a Arc<Value>>, Option<&'a Arc<Value>>);

impl Daemons<'_> {
    /// How many old pods may have a new one beside them.
    pub(super) fn max_surge(&self, nodes: i64) -> i64 {
        if text(&self.set, "/spec/updateStrategy/type") != "RollingUpdate" {
            return 0;
        }
        at(&self.set, "/spec/updateStrategy/rollingUpdate/maxSurge").map_or(0, |value| scaled(value, nodes, true))
    }

    pub(super) fn update(&mut self) -> Outcome {
        let mut by_node = self.pods.clone();
        let mut desired = 0;
        for node in &self.nodes {
            if self.should_run(node).0 {
                desired += 1;
                by_node.entry(name(node).to_owned()).or_default();
            }
        }
        let surge = self.max_surge(desired);
        let unavailable = at(&self.set, "/spec/updateStrategy/rollingUpdate/maxUnavailable");
        let mut unavailable = unavailable.map_or(0, |value| scaled(value, desired, true));
        if desired > 0 && unavailable == 0 && surge == 0 {
            unavailable = 1;
        }
        let plan = if surge == 0 {
            self.plan_in_place(&by_node, unavailable)
        } else {
            self.plan_beside(&by_node, surge, desired)
        };
        self.carry_out(plan)?;
        Ok(())
    }

    /// The new and the old pod of a node; nothing if there are more.
    fn pair<'a>(&self, pods: &'a [Arc<Value>]) -> Option<Pair<'a>> {
        let (mut new, mut old) = (None, None);
        for pod in pods.iter().filter(|pod| !is_deleting(pod)) {
            let place = if self.is_updated(pod) { &mut new } else { &mut old };
            if place.replace(pod).is_some() {
                return None;
            }
        }
        Some((new, old))
    }

    /// Old pods that are not available go, and of the others as many as may be missing.
    fn plan_in_place(&self, by_node: &BTreeMap<String, Vec<Arc<Value>>>, limit: i64) -> Plan {
        let mut unavailable = 0;
        let (mut plan, mut candidates) = (Plan::default(), Vec::new());
        for pods in by_node.values() {
            match self.pair(pods) {
                None | Some((None, None) | (Some(_), Some(_))) => unavailable += 1,
                Some((Some(new), None)) => unavailable += i64::from(!self.is_available(new)),
                Some((None, Some(old))) if !self.is_available(old) => {
                    plan.delete.push(Arc::clone(old));
                    unavailable += 1;
                }
                Some((None, Some(old))) if unavailable < limit => candidates.push(Arc::clone(old)),
                Some((None, Some(_))) => {}
            }
        }
        let left = usize::try_from(limit - unavailable).unwrap_or_default();
        plan.delete.extend(candidates.into_iter().take(left));
        plan
    }

    /// New pods come beside old ones, which go when the new ones are available.
    fn plan_beside(&self, by_node: &BTreeMap<String, Vec<Arc<Value>>>, limit: i64, desired: i64) -> Plan {
        let (mut surging, mut available) = (0, 0);
        let (mut plan, mut candidates, mut misplaced) = (Plan::default(), Vec::new(), Vec::new());
        for (node, pods) in by_node {
            let Some((new, old)) = self.pair(pods) else {
                surging += 1;
                continue;
            };
            available += i64::from(old.or(new).is_some_and(|pod| self.is_available(pod)));
            let known = self.nodes.iter().find(|known| name(known) == node);
            let should_run = known.is_some_and(|node| self.should_run(node).0);
            match (new, old) {
                (_, None) => {}
                (None, Some(old)) => match (self.is_available(old), should_run) {
                    (false, false) => plan.delete.push(Arc::clone(old)),
                    (false, true) => plan.create_on.push(node.clone()),
                    (true, false) => misplaced.push(Arc::clone(old)),
                    (true, true) if surging < limit => candidates.push(node.clone()),
                    (true, true) => {}
                },
                (Some(new), Some(_)) if !self.is_available(new) => surging += 1,
                (Some(_), Some(old)) => plan.delete.push(Arc::clone(old)),
            }
        }
        let spare = usize::try_from(available - desired).unwrap_or_default();
        plan.delete.extend(misplaced.into_iter().take(spare));
        let left = usize::try_from(limit - surging).unwrap_or_default();
        plan.create_on.extend(candidates.into_iter().take(left));
        plan
    }
}
