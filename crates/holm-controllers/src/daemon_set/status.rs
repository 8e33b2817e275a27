//! What a DaemonSet says about itself.
//!
//! From `pkg/controller/daemon/daemon_controller.go` (`updateDaemonSetStatus`).

use serde_json::{Value, json};

use super::Daemons;
use crate::error::Outcome;
use crate::fields::{annotation, at, count, created, generation, label, name, set, text};
use crate::history::REVISION_LABEL;
use crate::kind::Kind;
use crate::pods;

impl Daemons<'_> {
    pub(super) fn write_status(&mut self) -> Outcome {
        let (mut desired, mut current, mut wrong, mut ready, mut updated, mut available) = (0, 0, 0, 0, 0, 0);
        let mut next = None;
        let min_ready = count(&self.set, "/spec/minReadySeconds");
        for node in &self.nodes {
            let pods = self.pods.get(name(node));
            if !self.should_run(node).0 {
                wrong += i64::from(pods.is_some());
                continue;
            }
            desired += 1;
            let oldest = pods.into_iter().flatten();
            let oldest = oldest.min_by_key(|pod| (text(pod, "/spec/nodeName").is_empty(), created(pod).to_owned()));
            let Some(pod) = oldest else { continue };
            current += 1;
            ready += i64::from(pods::is_ready(pod));
            available += i64::from(self.is_available(pod));
            updated += i64::from(self.is_updated(pod));
            next = pods::next_available([pod], min_ready, self.context.now_seconds()).into_iter().chain(next).min();
        }
        let mut status = at(&self.set, "/status").cloned().unwrap_or_else(|| json!({}));
        for (field, number, always) in [
            ("desiredNumberScheduled", desired, true),
            ("currentNumberScheduled", current, true),
            ("numberMisscheduled", wrong, true),
            ("numberReady", ready, true),
            ("updatedNumberScheduled", updated, false),
            ("numberAvailable", available, false),
            ("numberUnavailable", desired - available, false),
            ("observedGeneration", generation(&self.set), false),
        ] {
            if always || number != 0 {
                status[field] = json!(number);
            } else if let Some(fields) = status.as_object_mut() {
                fields.remove(field);
            }
        }
        if Some(&status) != at(&self.set, "/status") {
            let mut changed = Value::clone(&self.set);
            set(&mut changed, "/status", status);
            self.context.update_status(Kind::DaemonSet, changed)?;
        }
        if let Some(next) = next.filter(|_| min_ready > 0) {
            self.context.again_at(self.key, next);
        }
        Ok(())
    }

    /// Whether a pod is of the current template.
    pub(super) fn is_updated(&self, pod: &Value) -> bool {
        let generation = annotation(&self.set, "deprecated.daemonset.template.generation");
        label(pod, REVISION_LABEL) == Some(&self.hash)
            || generation.is_some() && label(pod, "pod-template-generation") == generation
    }
}
