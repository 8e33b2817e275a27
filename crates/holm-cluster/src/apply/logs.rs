//! Streams what the containers of a workload log while it rolls out. Whatever cannot be had is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use holm_core::{ApiKind, ResourceId};
use holm_executor::event::Event;
use holm_executor::{Scope, Seen};
use holm_planner::plan::{Change, Plan};
use holm_readiness::cause::{LiveObject, selector_of};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch as signal;
use tokio::time::{Instant, timeout};

use crate::transport::{Query, Transport};
use crate::watch::watch;

/// Of how many pods of one workload the logs are streamed.
const MOST_PODS: usize = 10;
/// Lines are shown when nothing came for so long, so that a secret value of several lines is found as one.
const QUIET: Duration = Duration::from_millis(150);
/// What does not pause is shown after so long, or after so many bytes.
const LONGEST: Duration = Duration::from_secs(1);
const LARGEST: usize = 64 * 1024;
/// The most characters of a line.
const LINE_LIMIT: usize = 2_000;
/// How long the rest of the log of a Job is waited for that has ended.
const REST: Duration = Duration::from_secs(3);

/// Whose logs are streamed while a run waits for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogScope {
    /// Nobody's.
    #[default]
    None,
    /// Those of Jobs.
    Jobs,
    /// Those of all workloads, of at most ten pods each.
    All,
}

/// The logs of a run.
pub(super) struct Logs<'a> {
    transport: &'a Transport,
    plan: &'a Plan,
    scope: LogScope,
    events: UnboundedSender<Event>,
    tasks: FuturesUnordered<BoxFuture<'a, ()>>,
    /// What is followed; true once the wait for it has ended.
    followed: BTreeMap<ResourceId, signal::Sender<bool>>,
}

impl<'a> Logs<'a> {
    pub(super) fn new(
        transport: &'a Transport,
        plan: &'a Plan,
        scope: LogScope,
        events: UnboundedSender<Event>,
    ) -> Self {
        Self { transport, plan, scope, events, tasks: FuturesUnordered::new(), followed: BTreeMap::new() }
    }

    /// Takes in what happened: a Job is followed once it is written, and everything else once it is waited for.
    pub(super) fn on_event(&mut self, event: &Event) {
        match event {
            Event::Written { id, .. } if is_job(id) => self.follow(id),
            Event::Waiting { id, .. } if !is_job(id) => self.follow(id),
            Event::Ready { id, .. } | Event::Failed { id, .. } => {
                if let Some(end) = self.followed.get(id) {
                    end.send_replace(true);
                }
            }
            _ => {}
        }
    }

    /// Streams logs; never ends.
    pub(super) async fn stream(&mut self) {
        while self.tasks.next().await.is_some() {}
        std::future::pending().await
    }

    /// Streams the rest of what has ended.
    pub(super) async fn finish(mut self) {
        self.followed.values().for_each(|end| {
            end.send_replace(true);
        });
        let rest = async { while self.tasks.next().await.is_some() {} };
        // What does not come is not waited for.
        let _ = timeout(REST, rest).await;
    }

    fn follow(&mut self, id: &ResourceId) {
        let is_wanted = match self.scope {
            LogScope::None => false,
            LogScope::Jobs => is_job(id),
            LogScope::All => true,
        };
        if !is_wanted || self.followed.contains_key(id) {
            return;
        }
        let change = self.plan.changes.iter().find(|change| change.id == *id);
        let Some(pods) = change.and_then(|change| Pods::of(change, self.plan)) else { return };
        let (sender, ended) = signal::channel(false);
        self.followed.insert(id.clone(), sender);
        let (transport, events) = (self.transport, self.events.clone());
        self.tasks.push(Box::pin(Follower { transport, pods, events, known: BTreeMap::new() }.run(ended)));
    }
}

fn is_job(id: &ResourceId) -> bool {
    id.is("batch", "Job")
}

/// The pods of a workload.
struct Pods {
    owner: ResourceId,
    namespace: String,
    labels: Option<String>,
    fields: Option<String>,
}

impl Pods {
    fn of(change: &Change, plan: &Plan) -> Option<Self> {
        let id = &change.id;
        let pods = |labels, fields| {
            let namespace = id.namespace.clone()?;
            Some(Self { owner: id.clone(), namespace, labels, fields })
        };
        match (id.group.as_str(), id.kind.as_str()) {
            ("batch", "Job") => pods(Some(format!("batch.kubernetes.io/job-name={}", id.name)), None),
            ("", "Pod") => pods(None, Some(format!("metadata.name={}", id.name))),
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("", "ReplicationController") => {
                let object = change.desired.as_ref().or_else(|| plan.live.get(id))?.open();
                pods(Some(selector_of(&LiveObject::new(&change.kind, object))?), None)
            }
            _ => None,
        }
    }

    fn scope(&self) -> Scope {
        Scope {
            kind: ApiKind::core("Pod", "pods"),
            namespace: Some(self.namespace.clone()),
            labels: self.labels.clone(),
            fields: self.fields.clone(),
        }
    }
}

/// Follows the pods of one workload.
struct Follower<'a> {
    transport: &'a Transport,
    pods: Pods,
    events: UnboundedSender<Event>,
    /// The pods by uid, each with the runs of containers whose logs were begun; none for a pod whose logs are not streamed.
    known: BTreeMap<String, Option<BTreeSet<(String, i64)>>>,
}

impl<'a> Follower<'a> {
    async fn run(mut self, mut ended: signal::Receiver<bool>) {
        let mut logs: FuturesUnordered<BoxFuture<'a, ()>> = FuturesUnordered::new();
        let transport = self.transport;
        {
            let mut pods = pin!(watch(transport, self.pods.scope(), None));
            let mut is_first = true;
            loop {
                let begun = tokio::select! {
                    biased;
                    Ok(_) = ended.wait_for(|ended| *ended) => break,
                    Some(()) = logs.next(), if !logs.is_empty() => Vec::new(),
                    seen = pods.next() => match seen {
                        Some(Seen::Listed(pods)) => {
                            let is_old = std::mem::take(&mut is_first) && !is_job(&self.pods.owner);
                            pods.iter().flat_map(|pod| self.begin(pod, is_old)).collect()
                        }
                        Some(Seen::Changed(pod)) => self.begin(&pod, false),
                        Some(Seen::Deleted(_)) => Vec::new(),
                        // Pods may not be watched, so nobody's log is shown.
                        Some(Seen::Forbidden) | None => return,
                    },
                };
                logs.extend(begun);
            }
        }
        if !is_job(&self.pods.owner) {
            return;
        }
        // A Job may end before its pod was seen at all.
        let mut pods = pin!(watch(transport, self.pods.scope(), None));
        if let Ok(Some(Seen::Listed(pods))) = timeout(REST, pods.next()).await {
            logs.extend(pods.iter().flat_map(|pod| self.begin(pod, false)).collect::<Vec<_>>());
        }
        let rest = async { while logs.next().await.is_some() {} };
        let _ = timeout(REST, rest).await;
    }

    /// Begins the logs of the containers of a pod that run, or ran, and were not begun yet. A pod that works already is no part of
    /// what rolls out.
    fn begin(&mut self, pod: &Value, is_old: bool) -> Vec<BoxFuture<'a, ()>> {
        let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (uid, name) = (text("/metadata/uid").to_owned(), text("/metadata/name").to_owned());
        let streamed = self.known.values().filter(|known| known.is_some()).count();
        let is_going = pod.pointer("/metadata/deletionTimestamp").is_some();
        let works_already = is_old && is_ready(pod);
        let is_shown = !is_going && !works_already && streamed < MOST_PODS;
        let known = self.known.entry(uid).or_insert_with(|| is_shown.then(BTreeSet::new));
        let Some(known) = known else { return Vec::new() };
        let runs: Vec<(String, i64)> = runs(pod).into_iter().filter(|run| known.insert(run.clone())).collect();
        runs.into_iter().map(|(container, _)| self.log(name.clone(), container)).collect()
    }

    fn log(&self, pod: String, container: String) -> BoxFuture<'a, ()> {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}/log", self.pods.namespace);
        let path = Query::path(&path).with("container", &container).with("follow", "true").into_string();
        let (transport, events, id) = (self.transport, self.events.clone(), self.pods.owner.clone());
        let show = move |text: &str| {
            for line in transport.scrub(text).lines() {
                let line = line.chars().take(LINE_LIMIT).collect();
                let (id, pod, container) = (id.clone(), pod.clone(), container.clone());
                // The run continues if the receiver was dropped.
                let _ = events.send(Event::Log { id, pod, container, line });
            }
        };
        Box::pin(async move { read(transport, &path, show).await })
    }
}

/// Reads a log to its end and shows whole lines of it.
async fn read(transport: &Transport, path: &str, show: impl Fn(&str)) {
    let Ok(response) = transport.open_text(path).await else { return };
    let mut body = response.into_body().into_data_stream();
    let mut pending: Vec<u8> = Vec::new();
    let mut since = Instant::now();
    loop {
        let chunk = timeout(QUIET, body.next()).await;
        let has_ended = match chunk {
            Ok(Some(Ok(chunk))) => {
                if pending.is_empty() {
                    since = Instant::now();
                }
                pending.extend_from_slice(&chunk);
                if pending.len() < LARGEST && since.elapsed() < LONGEST {
                    continue;
                }
                false
            }
            Ok(Some(Err(_)) | None) => true,
            Err(_) => false,
        };
        let whole = match pending.iter().rposition(|byte| *byte == b'\n') {
            _ if has_ended => pending.len(),
            Some(end) => end + 1,
            None if pending.len() >= LARGEST => pending.len(),
            None => 0,
        };
        let rest = pending.split_off(whole);
        if !pending.is_empty() {
            show(&String::from_utf8_lossy(&pending));
        }
        pending = rest;
        if has_ended {
            return;
        }
    }
}

/// The containers of a pod that run, or ran, each with how often it was restarted.
fn runs(pod: &Value) -> Vec<(String, i64)> {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"].into_iter();
    let statuses = statuses.filter_map(|list| pod.pointer(list)?.as_array()).flatten();
    let has_run = |status: &&Value| {
        ["running", "terminated"].iter().any(|state| status["state"].get(state).is_some_and(Value::is_object))
    };
    let run =
        |status: &Value| Some((status["name"].as_str()?.to_owned(), status["restartCount"].as_i64().unwrap_or(0)));
    statuses.filter(has_run).filter_map(run).collect()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let has_ended = matches!(pod.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed"));
    has_ended || conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_containers_that_ran_are_followed_each_run_by_itself() {
        let pod = json!({"status": {
            "initContainerStatuses": [{"name": "init", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}],
            "containerStatuses": [
                {"name": "a", "restartCount": 2, "state": {"running": {}}},
                {"name": "b", "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ],
        }});
        assert_eq!(runs(&pod), [("init".to_owned(), 0), ("a".to_owned(), 2)]);
    }

    #[test]
    fn only_pods_that_do_not_work_yet_are_part_of_a_rollout() {
        let pod = |phase: &str, ready: &str| json!({"status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}});
        assert!(is_ready(&pod("Running", "True")) && is_ready(&pod("Failed", "False")));
        assert!(!is_ready(&pod("Running", "False")) && !is_ready(&pod("Pending", "False")) && !is_ready(&json!({})));
    }
}
