//! DaemonSets: a pod on each node that fits.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/daemon`.

mod history;
mod pod;
mod status;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holm_values::backoff;
use serde_json::Value;

use crate::adoption::Claim;
use crate::context::Context;
use crate::error::{Failure, Outcome, is_namespace_terminating};
use crate::event::Said;
use crate::fields::{at, count, created, is_deleting, label, name, namespace, selector_at, text, uid};
use crate::history::REVISION_LABEL;
use crate::kind::Kind;
use crate::nodes;
use crate::pods;
use crate::queue::Key;

const COMPONENT: &str = "daemonset-controller";
/// How many pods are made or deleted in one go.
const BURST: usize = 250;
/// How long a pod that failed stays, in milliseconds; it doubles with each one on the same node.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(900);

/// A DaemonSet, its pods, and the nodes.
struct Daemons<'a> {
    context: &'a mut Context,
    key: &'a Key,
    set: Arc<Value>,
    nodes: Vec<Arc<Value>>,
    /// The hash of the current template.
    hash: String,
    tolerations: Vec<Value>,
    /// The pods by their node, as they were when the round began. What is made or deleted in it counts in the next one.
    pods: BTreeMap<String, Vec<Arc<Value>>>,
}

/// What is to be done on nodes.
#[derive(Debug, Default)]
struct Plan {
    create_on: Vec<String>,
    delete: Vec<Arc<Value>>,
}

/// Brings the pods of a DaemonSet to its nodes, and says in its status how they are.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(set) = context.get(Kind::DaemonSet, &key.namespace, &key.name) else { return Ok(()) };
    let selector = selector_at(&set, "/spec/selector");
    if selector.is_everything() {
        let message = "This daemon set is selecting all pods. A non-empty selector is required.";
        context.say(
            &set,
            Kind::DaemonSet,
            Said { component: COMPONENT, warning: true, reason: "SelectingAll", message },
        );
        return Ok(());
    }
    if is_deleting(&set) {
        return Ok(());
    }
    let nodes = context.list(Kind::Node, None);
    let tolerations = pod::tolerations(at(&set, "/spec/template/spec").unwrap_or(&Value::Null));
    let mut daemons = Daemons { context, key, set, nodes, hash: String::new(), tolerations, pods: BTreeMap::new() };
    let (hash, old) = daemons.find_history()?;
    daemons.hash = hash;
    daemons.pods = daemons.pods_by_node(false)?;
    let acted = daemons.manage();
    let updated = match &acted {
        // What was made or deleted just now has to be seen first.
        Ok(false) if text(&daemons.set, "/spec/updateStrategy/type") == "RollingUpdate" => daemons.update(),
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.clone()),
    };
    let cleaned = updated.and_then(|()| daemons.clean_up(old));
    let written = daemons.write_status();
    cleaned.and(written)
}

impl Daemons<'_> {
    /// The pods of the set by their node. Those that have ended and are going count only with `all`.
    fn pods_by_node(&mut self, all: bool) -> Result<BTreeMap<String, Vec<Arc<Value>>>, Failure> {
        let set = Arc::clone(&self.set);
        let selector = selector_at(&set, "/spec/selector");
        let claim = Claim { owner: &set, owner_kind: Kind::DaemonSet, selector: &selector, finalizer: None };
        let mut by_node: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
        for pod in claim.objects(self.context, Kind::Pod, |_| true)? {
            if !all && is_deleting(&pod) && pods::is_terminal(&pod) {
                continue;
            }
            if let Some(node) = pod::node(&pod) {
                by_node.entry(node.to_owned()).or_default().push(pod);
            }
        }
        Ok(by_node)
    }

    /// Whether a pod should start on a node, and whether one that is there may stay.
    fn should_run(&self, node: &Value) -> (bool, bool) {
        let empty = Value::Null;
        let spec = at(&self.set, "/spec/template/spec").unwrap_or(&empty);
        let wanted = text(spec, "/nodeName");
        if !wanted.is_empty() && wanted != name(node) || !nodes::fits(spec, node) {
            return (false, false);
        }
        let starts = nodes::tolerates(&self.tolerations, node, &["NoSchedule", "NoExecute"]);
        (starts, starts || nodes::tolerates(&self.tolerations, node, &["NoExecute"]))
    }

    /// Makes the pods that are missing, and deletes those that are too many. Says whether there were any.
    fn manage(&mut self) -> Result<bool, Failure> {
        let by_node = self.pods.clone();
        let mut plan = Plan::default();
        for node in self.nodes.clone() {
            self.plan_for(&node, by_node.get(name(&node)).map(Vec::as_slice), &mut plan);
        }
        let is_known = |node: &str| self.nodes.iter().any(|known| name(known) == node);
        for (_, pods) in by_node.iter().filter(|(node, _)| !is_known(node)) {
            // Nobody will ever start them.
            plan.delete.extend(pods.iter().filter(|pod| text(pod, "/spec/nodeName").is_empty()).cloned());
        }
        self.carry_out(plan)
    }

    fn plan_for(&mut self, node: &Value, pods: Option<&[Arc<Value>]>, plan: &mut Plan) {
        let (should_run, may_stay) = self.should_run(node);
        let Some(pods) = pods else {
            if should_run {
                plan.create_on.push(name(node).to_owned());
            }
            return;
        };
        if !may_stay {
            plan.delete.extend(pods.iter().filter(|pod| !is_deleting(pod)).cloned());
            return;
        }
        let mut running: Vec<Arc<Value>> = Vec::new();
        for pod in pods.iter().filter(|pod| !is_deleting(pod)) {
            match text(pod, "/status/phase") {
                "Failed" => self.plan_for_failed(node, pod, plan),
                "Succeeded" => {
                    let place = format!("{}/{} on node {}", namespace(pod), name(pod), name(node));
                    let message = format!("Found succeeded daemon pod {place}, will try to delete it");
                    self.say(false, "SucceededDaemonPod", &message);
                    plan.delete.push(Arc::clone(pod));
                }
                _ => running.push(Arc::clone(pod)),
            }
        }
        running.sort_by_key(|pod| (text(pod, "/spec/nodeName").is_empty(), created(pod).to_owned()));
        if self.max_surge(1) == 0 {
            plan.delete.extend(running.into_iter().skip(1));
        } else if running.is_empty() {
            if should_run {
                plan.create_on.push(name(node).to_owned());
            }
        } else if running.len() > 1 {
            self.plan_for_surge(&running, plan);
        }
    }

    /// An old and a new pod may be there together, until the new one is available or the old one is not ready.
    fn plan_for_surge(&self, running: &[Arc<Value>], plan: &mut Plan) {
        let is_new = |pod: &Value| label(pod, REVISION_LABEL) == Some(&self.hash);
        let new = running.iter().find(|pod| is_new(pod));
        let old = running.iter().find(|pod| !is_new(pod));
        let kept = |pod: &Arc<Value>| [new, old].into_iter().flatten().any(|kept| Arc::ptr_eq(kept, pod));
        plan.delete.extend(running.iter().filter(|pod| !kept(pod)).cloned());
        if let Some((new, old)) = new.zip(old)
            && (!pods::is_ready(old) || self.is_available(new))
        {
            plan.delete.push(Arc::clone(old));
        }
    }

    fn plan_for_failed(&mut self, node: &Value, pod: &Arc<Value>, plan: &mut Plan) {
        let now = self.context.now_milliseconds();
        let known = self.context.backoffs.entry((uid(&self.set).to_owned(), name(node).to_owned()));
        let (last, failures) = *known.or_insert((i64::MIN, 0));
        let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let wait =
            failures.checked_sub(1).map(|doublings| backoff::exponential(FIRST_BACKOFF, LAST_BACKOFF, doublings));
        let wait = wait.map_or(0, milliseconds);
        if wait > 0 && now.saturating_sub(last) < wait {
            self.context.again_after(self.key, wait);
            return;
        }
        // A node that was well for long begins anew.
        let is_over = now.saturating_sub(last) > milliseconds(2 * LAST_BACKOFF);
        let next = if is_over { 1 } else { failures.saturating_add(1) };
        let place = (uid(&self.set).to_owned(), name(node).to_owned());
        self.context.backoffs.insert(place, (now, next));
        let found = format!("{}/{} on node {}", namespace(pod), name(pod), name(node));
        let message = format!("Found failed daemon pod {found}, will try to kill it");
        self.say(true, "FailedDaemonPod", &message);
        plan.delete.push(Arc::clone(pod));
    }

    fn carry_out(&mut self, plan: Plan) -> Result<bool, Failure> {
        let set = Arc::clone(&self.set);
        let acts = !plan.create_on.is_empty() || !plan.delete.is_empty();
        let burst = BURST.min(self.context.burst);
        let mut failed = Ok(acts);
        for node in plan.create_on.iter().take(burst) {
            let template = self.template_for(node);
            let pod = pods::from_template(&set, Kind::DaemonSet, &template);
            match pods::create(self.context, COMPONENT, &set, Kind::DaemonSet, pod) {
                Err(error) if is_namespace_terminating(&error) => break,
                Err(error) => {
                    failed = Err(error.into());
                    break;
                }
                Ok(_) => {}
            }
        }
        for pod in plan.delete.iter().take(burst) {
            pods::delete(self.context, COMPONENT, &set, Kind::DaemonSet, pod)?;
        }
        failed
    }

    fn is_available(&self, pod: &Value) -> bool {
        pods::is_available(pod, count(&self.set, "/spec/minReadySeconds"), self.context.now_seconds())
    }

    fn say(&mut self, warning: bool, reason: &str, message: &str) {
        let set = Arc::clone(&self.set);
        self.context.say(&set, Kind::DaemonSet, Said { component: COMPONENT, warning, reason, message });
    }
}
