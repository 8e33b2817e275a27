//! What a kubelet writes at a step: Events, the status, and at the end the deletion.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::containers::{Told, old_status};
use super::needs;
use super::order::{Mode, Order};
use super::probes;
use super::status::{End, Making};
use super::{Host, Step};
use crate::action::Action;
use crate::event::{Event, Source};
use crate::object::{at, list, name, namespace, number, text, timestamp, uid};
use crate::resource::Resource;
use crate::world::World;

/// Writes for one pod at one moment.
pub(super) struct Writer<'a> {
    pub pod: &'a Value,
    pub world: &'a World,
    pub host: Host<'a>,
    pub order: Option<&'a Order>,
    /// The address for a pod that has none.
    pub address: &'a str,
    pub now: i64,
}

/// Why containers cannot be made, by container.
pub(super) fn config_problems(pod: &Value, world: &World, order: Option<&Order>) -> BTreeMap<String, String> {
    let containers = list(pod, &["spec", "initContainers"]).chain(list(pod, &["spec", "containers"]));
    let problems = containers.filter_map(|container| {
        let name = text(container, &["name"]);
        let ordered = order.filter(|order| order.mode == Mode::ConfigError && order.container == name);
        let problem = match ordered {
            Some(_) => Some(needs::ordered_config_problem(pod, container)),
            None => needs::config_problem(pod, container, world),
        };
        Some((name.to_owned(), problem?))
    });
    problems.collect()
}

impl Writer<'_> {
    pub(super) fn write(&self, step: &Step, visits: u32) -> Vec<Action> {
        match step {
            Step::Stop { delay, remove } => self.stop(*delay, *remove, visits),
            Step::Mount(problems) => {
                let failed = problems
                    .iter()
                    .map(|problem| Action::Event(self.pod_event("FailedMount", problem.message.clone()).warning()));
                let mut actions: Vec<Action> = failed.collect();
                if at(self.pod, &["status", "startTime"]).is_none() {
                    actions.push(self.status(false, None, None).1);
                }
                actions
            }
            Step::Sync => self.sync(),
            Step::CannotBeMade => self.config_events(self.pod),
            Step::PullFails { .. } => self.pull_fails(),
            Step::PullBacksOff => self.pull_backs_off(),
            Step::Crash => self.crash(),
            Step::Restart { .. } => self.restart(),
            Step::CrashBacksOff => self.crash_backs_off(),
            Step::BecomeReady => vec![self.told(self.failing_state(), None, true, None)],
            Step::ProbeFails { .. } => vec![Action::Event(self.unhealthy())],
            Step::Evict => self.evict(),
            Step::Complete => vec![self.status(true, None, Some(End::Succeeded)).1],
        }
    }

    /// Starts what can start. A container that is ordered to fail begins as that failure begins.
    fn sync(&self) -> Vec<Action> {
        let fresh = self
            .order
            .filter(|order| old_status(self.pod, &order.container).is_none_or(|status| !super::has_begun(status)));
        let told = fresh.and_then(|order| self.first_state(order));
        let (started, write) = self.status(true, told.as_ref(), None);
        let mut actions = Vec::new();
        for container in &started {
            let image = self.image(container);
            let pulled = format!("Container image {image:?} already present on machine and can be accessed by the pod");
            actions.push(Action::Event(self.event(container, "Pulled", pulled)));
            actions.push(Action::Event(self.event(container, "Created", "Container created")));
            actions.push(Action::Event(self.event(container, "Started", "Container started")));
        }
        if let Some(order) = fresh {
            match order.mode {
                mode if mode.fails_to_pull() => actions.extend(self.pull_events()),
                Mode::NeverReady if started.contains(&order.container) => actions.push(Action::Event(self.unhealthy())),
                _ => {}
            }
        }
        if let Action::Patch { body, .. } = &write {
            actions.extend(self.config_events(body));
        }
        actions.push(write);
        actions
    }

    /// How the container that is to fail begins; none if it begins like the others.
    fn first_state(&self, order: &Order) -> Option<Told> {
        let runs = json!({"running": {"startedAt": timestamp(self.now)}});
        let has_probe = self.failing().is_some_and(|container| at(container, &["readinessProbe"]).is_some());
        let (state, ready) = match order.mode {
            Mode::ImagePullError | Mode::RegistryUnreachable => {
                (json!({"waiting": {"reason": "ErrImagePull", "message": self.pull_error()}}), false)
            }
            Mode::NeverReady | Mode::Slow | Mode::InitCrashLoop => (runs, false),
            // A container that is about to crash passes no readiness probe.
            Mode::CrashLoop | Mode::Oom | Mode::JobFail => (runs, !has_probe),
            Mode::ConfigError | Mode::Evict | Mode::JobHang | Mode::SlowStop | Mode::Unschedulable => return None,
        };
        Some(Told { container: order.container.clone(), state, last_state: None, ready, restart_count: None })
    }

    fn stop(&self, delay: i64, remove: bool, visits: u32) -> Vec<Action> {
        let mut actions = Vec::new();
        if visits == 0 {
            let containers = list(self.pod, &["spec", "containers"]).chain(list(self.pod, &["spec", "initContainers"]));
            for container in containers.map(|container| text(container, &["name"])) {
                let runs = old_status(self.pod, container).is_some_and(|old| at(old, &["state", "running"]).is_some());
                if runs {
                    let message = format!("Stopping container {container}");
                    actions.push(Action::Event(self.event(container, "Killing", message)));
                }
            }
            if delay > 0 {
                return actions;
            }
        }
        if remove {
            actions.push(Action::Delete {
                resource: Resource::Pods,
                namespace: namespace(self.pod).to_owned(),
                name: name(self.pod).to_owned(),
                uid: uid(self.pod).to_owned(),
            });
        } else {
            actions.push(self.killed());
        }
        actions
    }

    /// The status of a pod whose containers have been killed.
    fn killed(&self) -> Action {
        let first = list(self.pod, &["spec", "containers"]).next().map(|found| text(found, &["name"]));
        let container = self.order.map_or(first.unwrap_or_default(), |order| order.container.as_str());
        let now = timestamp(self.now);
        let old = old_status(self.pod, container);
        let since = old.map(|old| text(old, &["state", "running", "startedAt"])).filter(|since| !since.is_empty());
        let state = json!({"terminated": {
            "exitCode": 143, "reason": "Error", "startedAt": since.unwrap_or(&now), "finishedAt": now,
        }});
        let told = Told { container: container.to_owned(), state, last_state: None, ready: false, restart_count: None };
        self.status(true, Some(&told), Some(End::Failed)).1
    }

    /// From `k8s.io/kubernetes`, `pkg/kubelet/eviction/eviction_manager.go` (`evictPod`, `podEphemeralStorageLimitEviction`). A pod that
    /// goes beyond its own limit gets no condition `DisruptionTarget`; one that goes for want of the node's resources does.
    fn evict(&self) -> Vec<Action> {
        let limit = list(self.pod, &["spec", "containers"])
            .map(|container| text(container, &["resources", "limits", "ephemeral-storage"]))
            .find(|limit| !limit.is_empty())
            .unwrap_or("10Mi");
        let message = format!("Pod ephemeral local storage usage exceeds the total limit of containers {limit}. ");
        let mut actions = vec![Action::Event(self.pod_event("Evicted", message.as_str()).warning())];
        for container in list(self.pod, &["spec", "containers"]).map(|container| text(container, &["name"])) {
            let killed = format!("Stopping container {container}");
            actions.push(Action::Event(self.event(container, "Killing", killed)));
        }
        let now = timestamp(self.now);
        let old = old_status(self.pod, self.failing_name());
        let since = old.and_then(|old| at(old, &["state", "running", "startedAt"])).cloned();
        let state = json!({"terminated": {
            "exitCode": 137, "reason": "Error", "startedAt": since.unwrap_or_else(|| json!(now)), "finishedAt": now,
        }});
        let container = self.failing_name().to_owned();
        let told = Told { container, state, last_state: None, ready: false, restart_count: None };
        let (_, mut write) = self.status(true, Some(&told), Some(End::Failed));
        if let Action::Patch { body, .. } = &mut write {
            body["status"]["reason"] = json!("Evicted");
            body["status"]["message"] = json!(message);
        }
        actions.push(write);
        actions
    }

    fn pull_fails(&self) -> Vec<Action> {
        let mut actions = self.pull_events();
        let state = json!({"waiting": {"reason": "ErrImagePull", "message": self.pull_error()}});
        actions.push(self.told(state, None, false, None));
        actions
    }

    fn pull_events(&self) -> Vec<Action> {
        let (container, image) = (self.failing_name(), self.failing_image());
        vec![
            Action::Event(self.event(container, "Pulling", format!("Pulling image {image:?}"))),
            Action::Event(
                self.event(container, "Failed", format!("Failed to pull image {image:?}: {}", self.pull_error()))
                    .warning(),
            ),
            Action::Event(self.event(container, "Failed", "Error: ErrImagePull").warning()),
        ]
    }

    fn pull_error(&self) -> String {
        let image = self.failing_image();
        let start = format!("failed to pull and unpack image {image:?}: failed to resolve reference {image:?}");
        if self.order.is_none_or(|order| order.mode != Mode::RegistryUnreachable) {
            // A kubelet takes the head of an error off whose code is Unknown, and of no other.
            return format!("rpc error: code = NotFound desc = {start}: {image}: not found");
        }
        // containerd's words, of which the last ones say what is wrong.
        let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        let (host, path) = repository.split_once('/').unwrap_or(("registry-1.docker.io", repository));
        format!(
            "{start}: failed to do request: Head \"https://{host}/v2/{path}/manifests/{tag}\": dial tcp 192.0.2.1:443: connect: \
             network is unreachable"
        )
    }

    fn pull_backs_off(&self) -> Vec<Action> {
        let (container, image) = (self.failing_name(), self.failing_image());
        let message = format!("Back-off pulling image {image:?}: ErrImagePull: {}", self.pull_error());
        let state = json!({"waiting": {"reason": "ImagePullBackOff", "message": message}});
        vec![
            Action::Event(self.event(container, "BackOff", format!("Back-off pulling image {image:?}"))),
            Action::Event(self.event(container, "Failed", "Error: ImagePullBackOff").warning()),
            self.told(state, None, false, None),
        ]
    }

    fn crash(&self) -> Vec<Action> {
        // The log has what the program wrote; a message is what it wrote to its terminationMessagePath.
        let mut end = json!({"exitCode": 1, "reason": "Error"});
        if self.order.is_some_and(|order| order.mode == Mode::Oom) {
            end = json!({"exitCode": 137, "reason": "OOMKilled"});
        }
        let old = old_status(self.pod, self.failing_name());
        end["startedAt"] = old.and_then(|old| at(old, &["state", "running", "startedAt"])).cloned().unwrap_or_default();
        end["finishedAt"] = json!(timestamp(self.now));
        let told = Told {
            container: self.failing_name().to_owned(),
            state: json!({"terminated": end}),
            last_state: None,
            ready: false,
            restart_count: None,
        };
        let never = text(self.pod, &["spec", "restartPolicy"]) == "Never";
        let mut actions = Vec::new();
        if self.failing().is_some_and(|container| at(container, &["readinessProbe"]).is_some()) {
            // It was asked while it ran, and did not listen yet.
            actions.push(Action::Event(self.unhealthy()));
        }
        actions.push(self.status(true, Some(&told), never.then_some(End::Failed)).1);
        actions
    }

    fn restart(&self) -> Vec<Action> {
        let container = self.failing_name();
        let state = json!({"running": {"startedAt": timestamp(self.now)}});
        let ready = self.failing().is_some_and(|found| at(found, &["readinessProbe"]).is_none())
            && self.order.is_some_and(|order| order.mode != Mode::InitCrashLoop);
        let pulled = format!(
            "Container image {:?} already present on machine and can be accessed by the pod",
            self.failing_image()
        );
        vec![
            Action::Event(self.event(container, "Pulled", pulled)),
            Action::Event(self.event(container, "Created", "Container created")),
            Action::Event(self.event(container, "Started", "Container started")),
            self.told(state, self.last_end(), ready, Some(self.restarts() + 1)),
        ]
    }

    fn crash_backs_off(&self) -> Vec<Action> {
        const BACK_OFFS: [&str; 6] = ["10s", "20s", "40s", "1m20s", "2m40s", "5m0s"];
        let container = self.failing_name();
        // format.Pod
        let pod = format!("{}_{}({})", name(self.pod), namespace(self.pod), uid(self.pod));
        let index = usize::try_from(self.restarts() - 1).unwrap_or_default().min(BACK_OFFS.len() - 1);
        let message = format!("back-off {} restarting failed container={container} pod={pod}", BACK_OFFS[index]);
        let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
        let event = format!("Back-off restarting failed container {container} in pod {pod}");
        vec![
            Action::Event(self.event(container, "BackOff", event).warning()),
            self.told(state, self.last_end(), false, None),
        ]
    }

    /// The Event about a readiness probe that fails because nothing listens.
    fn unhealthy(&self) -> Event {
        let probe = self.failing().and_then(|container| at(container, &["readinessProbe"]));
        let answer = probes::refused(probe, self.failing(), self.address_of_pod());
        self.event(self.failing_name(), "Unhealthy", format!("Readiness probe failed: {answer}")).warning()
    }

    fn address_of_pod(&self) -> &str {
        match text(self.pod, &["status", "podIP"]) {
            "" => self.address,
            known => known,
        }
    }

    /// The Events about the containers that cannot be made, as the status of a pod says.
    fn config_events(&self, pod: &Value) -> Vec<Action> {
        let inits = list(pod, &["status", "initContainerStatuses"]);
        inits.chain(list(pod, &["status", "containerStatuses"])).flat_map(|status| self.config_event(status)).collect()
    }

    fn config_event(&self, status: &Value) -> Vec<Action> {
        let waiting = at(status, &["state", "waiting"]);
        let failed = waiting.filter(|waiting| text(waiting, &["reason"]) == super::CONFIG_ERROR);
        let Some(message) = failed.map(|waiting| text(waiting, &["message"])) else { return Vec::new() };
        let container = text(status, &["name"]);
        let pulled = format!(
            "Container image {:?} already present on machine and can be accessed by the pod",
            self.image(container)
        );
        vec![
            Action::Event(self.event(container, "Pulled", pulled)),
            Action::Event(self.event(container, "Failed", format!("Error: {message}")).warning()),
        ]
    }

    /// Writes the status with a new state of the container that is ordered to fail.
    fn told(&self, state: Value, last_state: Option<Value>, ready: bool, restart_count: Option<i64>) -> Action {
        let told = Told { container: self.failing_name().to_owned(), state, last_state, ready, restart_count };
        self.status(true, Some(&told), None).1
    }

    /// The containers that start, and the write of the status.
    fn status(&self, mounted: bool, told: Option<&Told>, end: Option<End>) -> (Vec<String>, Action) {
        let making = Making {
            pod: self.pod,
            now: self.now,
            host: self.host.address,
            address: self.address,
            mounted,
            config_problems: config_problems(self.pod, self.world, self.order),
        };
        let made = making.status(told, end);
        let write = Action::Patch {
            resource: Resource::Pods,
            namespace: namespace(self.pod).to_owned(),
            name: name(self.pod).to_owned(),
            uid: uid(self.pod).to_owned(),
            subresource: "status",
            body: json!({"status": made.status}),
            manager: "kubelet".to_owned(),
        };
        (made.started, write)
    }

    fn source(&self) -> Source {
        Source::Kubelet { node: self.host.name.to_owned() }
    }

    /// An Event about the whole pod.
    fn pod_event(&self, reason: &'static str, message: impl Into<String>) -> Event {
        Event::about("Pod", self.pod, self.source(), reason, message)
    }

    /// An Event about a container.
    fn event(&self, container: &str, reason: &'static str, message: impl Into<String>) -> Event {
        let is_init = list(self.pod, &["spec", "initContainers"]).any(|found| text(found, &["name"]) == container);
        let containers = if is_init { "initContainers" } else { "containers" };
        self.pod_event(reason, message).field_path(format!("spec.{containers}{{{container}}}"))
    }

    fn image(&self, container: &str) -> &str {
        let mut containers = list(self.pod, &["spec", "initContainers"]).chain(list(self.pod, &["spec", "containers"]));
        let found = containers.find(|found| text(found, &["name"]) == container);
        found.map(|found| text(found, &["image"])).unwrap_or_default()
    }

    fn failing_name(&self) -> &str {
        self.order.map(|order| order.container.as_str()).unwrap_or_default()
    }

    fn failing_image(&self) -> &str {
        self.image(self.failing_name())
    }

    fn failing(&self) -> Option<&Value> {
        let mut containers = list(self.pod, &["spec", "initContainers"]).chain(list(self.pod, &["spec", "containers"]));
        containers.find(|found| text(found, &["name"]) == self.failing_name())
    }

    fn failing_state(&self) -> Value {
        let old = old_status(self.pod, self.failing_name());
        old.and_then(|old| at(old, &["state"])).cloned().unwrap_or_default()
    }

    fn restarts(&self) -> i64 {
        old_status(self.pod, self.failing_name()).and_then(|old| number(old, &["restartCount"])).unwrap_or_default()
    }

    /// How the failing container ended last, as its last state.
    fn last_end(&self) -> Option<Value> {
        let old = old_status(self.pod, self.failing_name())?;
        let ended = at(old, &["state", "terminated"]).or_else(|| at(old, &["lastState", "terminated"]))?;
        Some(json!({"terminated": ended}))
    }
}
