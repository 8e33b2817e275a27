//! Which objects a change concerns.

use serde_json::Value;

use crate::context::Context;
use crate::fields::{at, controller, is_controlled_by, label, map, name, namespace, text};
use crate::index::{Term, claims_of, selector_of};
use crate::job;
use crate::kind::Kind;
use crate::pods;
use crate::queue::{Key, Task};

/// A change of an object.
pub(crate) struct Change<'a> {
    pub kind: Kind,
    /// How it was; nothing if it is new.
    pub previous: Option<&'a Value>,
    /// How it is; nothing if it is gone.
    pub object: Option<&'a Value>,
}

impl Change<'_> {
    fn versions(&self) -> impl Iterator<Item = &Value> {
        self.previous.into_iter().chain(self.object)
    }

    /// Whether something at a path has changed. What is new or gone has.
    fn changes(&self, path: &str) -> bool {
        match (self.previous, self.object) {
            (Some(previous), Some(object)) => at(previous, path) != at(object, path),
            _ => true,
        }
    }
}

/// Puts everything into the queue that a change concerns.
pub(crate) fn follow(context: &mut Context, change: &Change<'_>) {
    let Some(last) = change.object.or(change.previous) else { return };
    let (namespace, name) = (namespace(last), name(last));
    // An autoscaler is looked at when it is new, and then in its own time.
    let is_own = change.kind != Kind::HorizontalPodAutoscaler || change.previous.is_none();
    for task in own_tasks(change.kind).iter().filter(|_| is_own) {
        context.queue.add(Key::new(*task, namespace, name));
    }
    match change.kind {
        Kind::ReplicaSet | Kind::ControllerRevision => to_controllers(context, change),
        Kind::Deployment | Kind::StatefulSet | Kind::ReplicationController if change.changes("/spec/replicas") => {
            to_budgets_of(context, change);
        }
        Kind::Job => {
            to_controllers(context, change);
            if change.object.is_none() {
                to_pods_of_job(context, last);
            }
        }
        Kind::Pod => {
            to_controllers(context, change);
            to_selecting(context, change);
            to_mounted(context, change);
            let node = text(last, "/spec/nodeName");
            if change.changes("/spec/nodeName") && !node.is_empty() && context.get(Kind::Node, "", node).is_none() {
                context.queue.add(Key::new(Task::MissingNode, "", node));
            }
            if change.object.is_none() {
                // A Deployment that recreates its pods waits until the last old one is gone.
                to_deployment(context, last);
            } else if job::is_tracked(last) {
                context.queue.add(Key::new(Task::JobPod, namespace, name));
            }
        }
        Kind::Node => {
            to_all_of_nodes(context, change);
            if change.previous.is_none() || change.object.is_none() {
                context.queue.add(Key::new(Task::MissingNode, "", name));
            }
        }
        // Somebody else's are left alone, also where there is no Service of their name; those of one are made anew.
        Kind::Endpoints if change.object.is_none() => {
            context.queue.add(Key::new(Task::Endpoints, namespace, name));
        }
        Kind::EndpointSlice => {
            if let Some(service) = label(last, "kubernetes.io/service-name") {
                context.queue.add(Key::new(Task::EndpointSlices, namespace, service));
            }
        }
        Kind::PersistentVolumeClaim => {
            for claim in change.versions() {
                let volume = text(claim, "/spec/volumeName");
                if !volume.is_empty() {
                    context.queue.add(Key::new(Task::Volume, "", volume));
                }
            }
            if change.object.is_none() {
                to_volumes_of(context, last);
            }
            to_set_of_claim(context, change);
        }
        Kind::PersistentVolume => to_claims(context, change),
        Kind::StorageClass => to_claims_of_class(context, name),
        _ => {}
    }
}

/// Who works on the objects of a kind.
fn own_tasks(kind: Kind) -> &'static [Task] {
    match kind {
        Kind::Deployment => &[Task::Deployment],
        Kind::ReplicaSet => &[Task::ReplicaSet],
        Kind::ReplicationController => &[Task::ReplicationController],
        Kind::StatefulSet => &[Task::StatefulSet],
        Kind::DaemonSet => &[Task::DaemonSet],
        Kind::Job => &[Task::Job, Task::JobExpiry],
        Kind::CronJob => &[Task::CronJob],
        Kind::PersistentVolumeClaim => &[Task::Claim, Task::ClaimUse],
        Kind::PersistentVolume => &[Task::Volume],
        Kind::Service => &[Task::Endpoints, Task::EndpointSlices],
        Kind::PodDisruptionBudget => &[Task::Disruption],
        Kind::HorizontalPodAutoscaler => &[Task::Autoscaler],
        Kind::ServiceCIDR => &[Task::ServiceRange],
        Kind::Event => &[Task::EventExpiry],
        _ => &[],
    }
}

/// Who works on the objects of a controlling kind.
fn controlling(kind: &str) -> Option<(Kind, Task)> {
    match kind {
        "Deployment" => Some((Kind::Deployment, Task::Deployment)),
        "ReplicaSet" => Some((Kind::ReplicaSet, Task::ReplicaSet)),
        "ReplicationController" => Some((Kind::ReplicationController, Task::ReplicationController)),
        "StatefulSet" => Some((Kind::StatefulSet, Task::StatefulSet)),
        "DaemonSet" => Some((Kind::DaemonSet, Task::DaemonSet)),
        "Job" => Some((Kind::Job, Task::Job)),
        "CronJob" => Some((Kind::CronJob, Task::CronJob)),
        _ => None,
    }
}

/// Which kinds adopt objects of a kind.
fn adopting(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ReplicaSet => &["Deployment"],
        Kind::Pod => &["ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job"],
        Kind::ControllerRevision => &["StatefulSet", "DaemonSet"],
        _ => &[],
    }
}

/// Concerned are the one that controls the object, the one that did, and of an object that nobody controls those that could adopt it.
fn to_controllers(context: &mut Context, change: &Change<'_>) {
    for object in change.versions() {
        let Some(owner) = controller(object) else { continue };
        if let Some((_, task)) = controlling(text(owner, "/kind")) {
            context.queue.add(Key::new(task, namespace(object), text(owner, "/name")));
        }
    }
    let Some(object) = change.object.filter(|object| controller(object).is_none()) else { return };
    let same = change.previous.is_some_and(|previous| {
        controller(previous).is_none() && map(previous, "/metadata/labels") == map(object, "/metadata/labels")
    });
    if same {
        return;
    }
    for (kind, task) in adopting(change.kind).iter().filter_map(|kind| controlling(kind)) {
        to_all_selecting(context, object, kind, &[task]);
    }
}

fn to_all_selecting(context: &mut Context, object: &Value, kind: Kind, tasks: &[Task]) {
    for (namespace, name) in context.index.selecting(kind, object) {
        let Some(owner) = context.get(kind, &namespace, &name) else { continue };
        if selector_of(kind, &owner).is_some_and(|selector| selector.matches(object)) {
            tasks.iter().for_each(|task| context.queue.add(Key::new(*task, &namespace, &name)));
        }
    }
}

/// The services and budgets that select a pod, now or before.
fn to_selecting(context: &mut Context, change: &Change<'_>) {
    let relevant = ["/metadata/labels", "/metadata/deletionTimestamp", "/status", "/spec/nodeName"];
    if !relevant.iter().any(|path| change.changes(path)) {
        return;
    }
    for pod in change.versions() {
        to_all_selecting(context, pod, Kind::Service, &[Task::Endpoints, Task::EndpointSlices]);
        to_all_selecting(context, pod, Kind::PodDisruptionBudget, &[Task::Disruption]);
    }
}

/// The claims that a pod begins or ceases to use.
fn to_mounted(context: &mut Context, change: &Change<'_>) {
    if !change.changes("/status/phase") {
        return;
    }
    for pod in change.versions() {
        for claim in claims_of(pod) {
            context.queue.add(Key::new(Task::ClaimUse, namespace(pod), &claim));
        }
    }
}

/// The budgets whose pods a workload has.
fn to_budgets_of(context: &mut Context, change: &Change<'_>) {
    let Some(object) = change.object else { return };
    let mut pods = context.children(Kind::Pod, object);
    for set in context.children(Kind::ReplicaSet, object) {
        pods.extend(context.children(Kind::Pod, &set));
    }
    // All of them have the labels of the template.
    if let Some(pod) = pods.first() {
        to_all_selecting(context, pod, Kind::PodDisruptionBudget, &[Task::Disruption]);
    }
}

fn to_deployment(context: &mut Context, pod: &Value) {
    let Some(owner) = controller(pod).filter(|owner| text(owner, "/kind") == "ReplicaSet") else { return };
    let Some(set) = context.get(Kind::ReplicaSet, namespace(pod), text(owner, "/name")) else { return };
    if let Some(owner) = controller(&set) {
        context.queue.add(Key::new(Task::Deployment, namespace(pod), text(owner, "/name")));
    }
}

fn to_pods_of_job(context: &mut Context, job: &Value) {
    for pod in context.children(Kind::Pod, job) {
        context.queue.add(Key::new(Task::JobPod, namespace(&pod), name(&pod)));
    }
}

/// All DaemonSets look at a node that is new, gone, or has other labels or taints; and services at its pods when it comes.
fn to_all_of_nodes(context: &mut Context, change: &Change<'_>) {
    let relevant = ["/metadata/labels", "/spec/taints", "/spec/unschedulable"];
    if !relevant.iter().any(|path| change.changes(path)) {
        return;
    }
    for set in context.list(Kind::DaemonSet, None) {
        context.queue.add(Key::new(Task::DaemonSet, namespace(&set), name(&set)));
    }
    let Some(node) = change.object else { return };
    for pod in context.find(Kind::Pod, Term::Node(name(node).to_owned())) {
        to_all_selecting(context, &pod, Kind::Service, &[Task::EndpointSlices]);
    }
}

/// The claim of a volume, and when it is free all that could have it.
fn to_claims(context: &mut Context, change: &Change<'_>) {
    for volume in change.versions() {
        if at(volume, "/spec/claimRef").is_some() {
            let (space, claim) = (text(volume, "/spec/claimRef/namespace"), text(volume, "/spec/claimRef/name"));
            context.queue.add(Key::new(Task::Claim, space, claim));
        }
    }
    let Some(last) = change.object.or(change.previous) else { return };
    // Claims that name this volume wait for it, or lose it.
    let mut concerned = context.find(Kind::PersistentVolumeClaim, Term::Volume(name(last).to_owned()));
    if change.object.is_some_and(|volume| text(volume, "/status/phase") == "Available") {
        let class = text(last, "/spec/storageClassName").to_owned();
        concerned.extend(context.find(Kind::PersistentVolumeClaim, Term::Class(class)));
    }
    for claim in concerned {
        context.queue.add(Key::new(Task::Claim, namespace(&claim), name(&claim)));
    }
}

fn to_claims_of_class(context: &mut Context, class: &str) {
    for class in [class, ""] {
        for claim in context.find(Kind::PersistentVolumeClaim, Term::Class(class.to_owned())) {
            if text(&claim, "/status/phase") == "Pending" {
                context.queue.add(Key::new(Task::Claim, namespace(&claim), name(&claim)));
            }
        }
    }
}

/// The volumes that were bound to a claim that is gone.
fn to_volumes_of(context: &mut Context, claim: &Value) {
    let term = Term::Claim(namespace(claim).to_owned(), name(claim).to_owned());
    for volume in context.find(Kind::PersistentVolume, term) {
        if text(&volume, "/spec/claimRef/uid") == crate::fields::uid(claim) {
            context.queue.add(Key::new(Task::Volume, "", name(&volume)));
        }
    }
}

/// A StatefulSet whose pod waits for a claim that is going makes it anew when it is gone.
fn to_set_of_claim(context: &mut Context, change: &Change<'_>) {
    let Some(claim) = change.previous.filter(|_| change.object.is_none()) else { return };
    let term = Term::Claim(namespace(claim).to_owned(), name(claim).to_owned());
    for pod in context.find(Kind::Pod, term) {
        let Some(owner) = controller(&pod) else { continue };
        let set = context.get(Kind::StatefulSet, namespace(&pod), text(owner, "/name"));
        if set.is_some_and(|set| is_controlled_by(&pod, &set)) && !pods::is_terminal(&pod) {
            context.queue.add(Key::new(Task::StatefulSet, namespace(&pod), text(owner, "/name")));
        }
    }
}
