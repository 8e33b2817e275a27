//! Looks at what has changed or is due, decides, and carries it out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::StreamExt;
use serde_json::Value;

use crate::action::{Action, Decision, Memory, Waits};
use crate::addresses::Addresses;
use crate::budget::Budgets;
use crate::client::Client;
use crate::error::NodeError;
use crate::execute::{self, Failure, Order, Outcome};
use crate::kubelet::{self, Host, needs};
use crate::object::{self, at, text, uid};
use crate::options::{LoadBalancers, NodeOptions};
use crate::queue::{Queue, Work};
use crate::resource::Resource;
use crate::watcher::Seen;
use crate::world::{Key, World};
use crate::{balancer, provisioner, registration, scheduler};

/// How long work rests after a failure: twice as long each time, up to the longest.
const FIRST_REST: i64 = 200;
const LONGEST_REST: i64 = 30_000;

/// The state of a node between two looks.
pub(crate) struct Engine {
    pub client: Client,
    pub options: NodeOptions,
    pub world: World,
    pub queue: Queue,
    memories: HashMap<String, Memory>,
    addresses: Addresses,
    /// Pods that wait for something in their namespace, and pods that wait for a node.
    waiting: BTreeMap<String, BTreeSet<Key>>,
    unscheduled: BTreeSet<Key>,
    /// Pods that have been bound and are not yet seen to be.
    bound: HashSet<String>,
    /// How often Events about an object have been written, by uid and name of the Event.
    events: HashMap<String, HashMap<String, i64>>,
    budgets: Budgets,
    failures: HashMap<Work, u32>,
    /// Objects whose last actions did not change them, although they were due.
    unchanged: HashSet<Work>,
    /// How many actions each object took since [`Engine::begin_count`].
    counts: HashMap<Work, usize>,
}

impl Engine {
    pub(crate) fn new(client: Client, options: NodeOptions) -> Self {
        Self {
            client,
            addresses: Addresses::new(options.pod_network),
            options,
            world: World::default(),
            queue: Queue::default(),
            memories: HashMap::new(),
            waiting: BTreeMap::new(),
            unscheduled: BTreeSet::new(),
            bound: HashSet::new(),
            events: HashMap::new(),
            budgets: Budgets::default(),
            failures: HashMap::new(),
            unchanged: HashSet::new(),
            counts: HashMap::new(),
        }
    }

    pub(crate) fn now(&self) -> i64 {
        (self.options.clock)()
    }

    /// Takes in what a watcher saw, and asks for a look at all that it may concern.
    pub(crate) fn take(&mut self, resource: Resource, seen: Seen) {
        match seen {
            Seen::Listed(items) => {
                let listed: HashSet<Key> = items.iter().map(Key::of).collect();
                for key in self.world.keys(resource) {
                    if !listed.contains(&key) {
                        self.removed(resource, &key);
                    }
                }
                for item in items {
                    self.put(resource, item);
                }
            }
            Seen::Changed(item) => {
                self.put(resource, item);
            }
            Seen::Deleted(item) => {
                let key = Key::of(&item);
                let known = self.world.get(resource, &key.namespace, &key.name);
                if known.is_some_and(|known| uid(known) == uid(&item)) {
                    self.removed(resource, &key);
                }
            }
            Seen::Refused(_) => {}
        }
    }

    /// Takes in an object as it is now. Tells whether it is not as it was known before.
    fn put(&mut self, resource: Resource, object: Value) -> bool {
        let key = Key::of(&object);
        let before = self.world.get(resource, &key.namespace, &key.name).cloned();
        if before.as_ref().is_some_and(|before| uid(before) != uid(&object)) {
            // A namesake took its place.
            self.removed(resource, &key);
        }
        if !self.world.put(resource, object) {
            return false;
        }
        let now = self.now();
        self.queue.add(now, (resource, key.clone()));
        match resource {
            Resource::Pods => self.pod_changed(&key, before.as_deref(), now),
            Resource::Secrets | Resource::ConfigMaps => self.wake_namespace(&key.namespace, now),
            Resource::Claims => {
                self.wake_namespace(&key.namespace, now);
                self.wake_unscheduled(now, |_| true);
            }
            Resource::Classes => {
                for claim in self.world.keys(Resource::Claims) {
                    self.queue.add(now, (Resource::Claims, claim));
                }
                self.wake_unscheduled(now, |_| true);
            }
            Resource::Nodes | Resource::Volumes => self.wake_unscheduled(now, |_| true),
            Resource::Services | Resource::Events | Resource::Leases => {}
        }
        true
    }

    fn pod_changed(&mut self, key: &Key, before: Option<&Value>, now: i64) {
        let Some(pod) = self.world.get(Resource::Pods, &key.namespace, &key.name).cloned() else { return };
        self.addresses.take(text(&pod, &["status", "podIP"]));
        let node = |pod: &Value| !text(pod, &["spec", "nodeName"]).is_empty();
        let is_over = |pod: &Value| matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed");
        if node(&pod) {
            self.bound.remove(uid(&pod));
            self.unscheduled.remove(key);
            if !before.is_some_and(node) {
                // Somebody may want to be near it.
                self.wake_unscheduled(now, |pod| at(pod, &["spec", "affinity", "podAffinity"]).is_some());
            }
        }
        if is_over(&pod) && !before.is_some_and(is_over) {
            self.wake_unscheduled(now, |_| true);
        }
    }

    fn removed(&mut self, resource: Resource, key: &Key) {
        let Some(old) = self.world.remove(resource, key) else { return };
        let now = self.now();
        self.memories.remove(uid(&old)).into_iter().for_each(|memory| self.addresses.release(&memory.address));
        self.events.remove(uid(&old));
        self.budgets.forget(uid(&old));
        let work = (resource, key.clone());
        self.failures.remove(&work);
        self.unchanged.remove(&work);
        match resource {
            Resource::Pods => {
                self.addresses.release(text(&old, &["status", "podIP"]));
                self.bound.remove(uid(&old));
                self.unscheduled.remove(key);
                self.wake_unscheduled(now, |_| true);
            }
            Resource::Secrets | Resource::ConfigMaps => self.wake_namespace(&key.namespace, now),
            Resource::Claims => {
                self.wake_namespace(&key.namespace, now);
                self.wake_unscheduled(now, |_| true);
            }
            Resource::Nodes => self.wake_unscheduled(now, |_| true),
            _ => {}
        }
    }

    fn wake_namespace(&mut self, namespace: &str, now: i64) {
        for key in self.waiting.remove(namespace).unwrap_or_default() {
            self.queue.add(now, (Resource::Pods, key));
        }
    }

    fn wake_unscheduled(&mut self, now: i64, concerns: impl Fn(&Value) -> bool) {
        for key in &self.unscheduled {
            let pod = self.world.get(Resource::Pods, &key.namespace, &key.name);
            if pod.is_some_and(|pod| concerns(pod)) {
                self.queue.add(now, (Resource::Pods, key.clone()));
            }
        }
    }

    /// Asks for a look at the node itself, which may not exist.
    pub(crate) fn register(&mut self) {
        let now = self.now();
        self.queue.add(now, (Resource::Nodes, Key::new("", &self.options.name)));
    }

    /// Does work that is due, at most `width` objects at the same time, and says how many actions that took. The failures are of
    /// those that are to be tried again later.
    pub(crate) async fn work(&mut self, now: i64, width: usize) -> (usize, Vec<Failure>) {
        let mut batch: Vec<(Work, Vec<Order>)> = Vec::new();
        while batch.len() < width
            && let Some(work) = self.queue.pop(now)
        {
            let decision = self.decide(&work, now);
            self.wait_for(&work, &decision);
            if decision.actions.is_empty() {
                self.unchanged.remove(&work);
            } else {
                let mut is_heard =
                    |action: &Action| !matches!(action, Action::Event(event) if !self.budgets.take(event, now));
                let actions: Vec<Action> = decision.actions.into_iter().filter(|action| is_heard(action)).collect();
                let orders = actions.into_iter().map(|action| self.order(action)).collect();
                batch.push((work, orders));
            }
        }
        let client = &self.client;
        let carried_out: Vec<_> = futures::stream::iter(batch)
            .map(|(work, orders)| async move {
                let (outcomes, result) = execute::all(client, &orders, now).await;
                (work, outcomes, result)
            })
            .buffered(width)
            .collect()
            .await;
        let mut acted = 0;
        let mut failures = Vec::new();
        for (work, outcomes, result) in carried_out {
            acted += outcomes.len();
            *self.counts.entry(work.clone()).or_default() += outcomes.len();
            let is_deleted = matches!(outcomes.last(), Some(Outcome::Deleted));
            let mut is_changed = false;
            for outcome in outcomes {
                is_changed |= self.learn(outcome);
            }
            match result {
                // The watch brings what follows from it. Nothing follows if it was marked already and a finalizer keeps it.
                Ok(()) if is_deleted => {
                    self.failures.remove(&work);
                }
                Ok(()) if is_changed || self.unchanged.insert(work.clone()) => {
                    if is_changed {
                        self.unchanged.remove(&work);
                    }
                    self.failures.remove(&work);
                    self.queue.add(now, work);
                }
                // It was due twice in a row and changed nothing: doing it again at once would never end.
                Ok(()) => self.rest(work, now),
                Err(failure) => {
                    self.rest(work, now);
                    failures.push(failure);
                }
            }
        }
        (acted, failures)
    }

    fn rest(&mut self, work: Work, now: i64) {
        if let Some(pod) = self.world.get(work.0, &work.1.namespace, &work.1.name) {
            self.bound.remove(uid(pod));
        }
        let failures = self.failures.entry(work.clone()).or_default();
        let rest = FIRST_REST.saturating_mul(1 << (*failures).min(10)).min(LONGEST_REST);
        *failures = failures.saturating_add(1);
        self.queue.add(now.saturating_add(rest), work);
    }

    fn wait_for(&mut self, work: &Work, decision: &Decision) {
        let (resource, key) = work;
        if *resource == Resource::Pods {
            self.unscheduled.remove(key);
            match decision.waits {
                Waits::No => {}
                Waits::Namespace => {
                    self.waiting.entry(key.namespace.clone()).or_default().insert(key.clone());
                }
                Waits::Scheduling => {
                    self.unscheduled.insert(key.clone());
                }
            }
        }
        if let Some(next) = decision.next {
            self.queue.add(next, work.clone());
        }
    }

    fn order(&self, action: Action) -> Order {
        let written = match &action {
            Action::Event(event) => self.events.get(&event.uid).and_then(|written| written.get(&event.name())).copied(),
            _ => None,
        };
        Order { action, written }
    }

    /// Takes in what came of an action. Tells whether an object is not as it was known before.
    fn learn(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Now(resource, object) => self.put(resource, object),
            Outcome::Gone(resource, key) => {
                self.removed(resource, &key);
                true
            }
            Outcome::Counted { uid, name, count } => {
                self.events.entry(uid).or_default().insert(name, count);
                false
            }
            Outcome::Deleted | Outcome::Done => false,
        }
    }

    /// Begins to count the actions of each object.
    pub(crate) fn begin_count(&mut self) {
        self.counts.clear();
    }

    /// The object that took the most actions, such as `pods default/web-1`.
    pub(crate) fn busiest(&self) -> Option<String> {
        let (work, _) = self.counts.iter().max_by_key(|(work, count)| (**count, *work))?;
        let (resource, key) = work;
        let separator = if key.namespace.is_empty() { "" } else { "/" };
        Some(format!("{} {}{separator}{}", resource.plural(), key.namespace, key.name))
    }

    fn decide(&mut self, work: &Work, now: i64) -> Decision {
        let (resource, key) = work;
        let found = self.world.get(*resource, &key.namespace, &key.name).cloned();
        let own_node = *resource == Resource::Nodes && key.name == self.options.name;
        let Some(object) = found else {
            return if own_node { registration::decide(None, &self.options, now) } else { Decision::default() };
        };
        match resource {
            Resource::Pods if text(&object, &["spec", "nodeName"]).is_empty() => self.schedule(&object, now),
            Resource::Pods if self.is_host(text(&object, &["spec", "nodeName"])) => self.run(&object, now),
            Resource::Nodes if own_node || self.options.every_node => {
                registration::decide(Some(&object), &self.options, now)
            }
            Resource::Claims => {
                let memory = self.memories.entry(uid(&object).to_owned()).or_default();
                provisioner::decide(&object, &self.options.provisioners, &self.world, memory, now)
            }
            Resource::Volumes => provisioner::decide_volume(&object, &self.options.provisioners),
            Resource::Services => balancer::decide(&object, self.options.load_balancers, &self.world),
            _ => Decision::default(),
        }
    }

    fn schedule(&mut self, pod: &Value, now: i64) -> Decision {
        if !self.options.schedules || self.bound.contains(uid(pod)) {
            return Decision::default();
        }
        let (decision, node) = scheduler::decide(pod, &self.world, now);
        if let Some(node) = node {
            self.bound.insert(uid(pod).to_owned());
            self.world.assume(pod, &node);
        }
        decision
    }

    fn run(&mut self, pod: &Value, now: i64) -> Decision {
        let memory = self.memories.entry(uid(pod).to_owned()).or_default();
        let has_address = !text(pod, &["status", "podIP"]).is_empty();
        if !has_address && memory.address.is_empty() && !object::is_true(pod, &["spec", "hostNetwork"]) {
            memory.address = self.addresses.next();
        }
        let host = Host { name: text(pod, &["spec", "nodeName"]), address: &self.options.address };
        kubelet::decide(pod, &self.world, host, memory, now)
    }

    fn is_host(&self, node: &str) -> bool {
        node == self.options.name || (self.options.every_node && self.world.get(Resource::Nodes, "", node).is_some())
    }

    /// Reads what the pods that are due need and what no watch has brought yet, for watches are independent of each other.
    pub(crate) async fn look_ahead(&mut self, now: i64) -> Result<(), NodeError> {
        let due: Vec<Key> = self
            .queue
            .due(now)
            .filter(|(resource, _)| *resource == Resource::Pods)
            .map(|(_, key)| key.clone())
            .collect();
        for key in due {
            let Some(pod) = self.world.get(Resource::Pods, &key.namespace, &key.name).cloned() else { continue };
            let is_new = at(&pod, &["status", "startTime"]).is_none();
            if !is_new || !self.is_host(text(&pod, &["spec", "nodeName"])) {
                continue;
            }
            for (resource, name) in needs::missing(&pod, &self.world) {
                match self.client.get(resource, &key.namespace, &name).await {
                    Ok(found) => {
                        self.put(resource, found);
                    }
                    Err(error) if crate::client::is_answer(&error, &[404]) => {}
                    Err(cause) => {
                        return Err(NodeError::request(format!("cannot read {} {name}", resource.plural()), cause));
                    }
                }
            }
        }
        Ok(())
    }

    /// The resources that the node must see.
    pub(crate) fn resources(&self) -> Vec<(Resource, String)> {
        let options = &self.options;
        let own_pods = format!("spec.nodeName={}", options.name);
        let pods = if options.schedules || options.every_node { String::new() } else { own_pods };
        let all = |resource: Resource| (resource, String::new());
        // Pods first: what a pod needs has then been there before it.
        let mut resources = vec![
            (Resource::Pods, pods),
            all(Resource::Secrets),
            all(Resource::ConfigMaps),
            all(Resource::Claims),
            all(Resource::Nodes),
        ];
        if options.schedules || !options.provisioners.is_empty() {
            resources.extend([all(Resource::Volumes), all(Resource::Classes)]);
        }
        if options.load_balancers != LoadBalancers::Off {
            resources.push(all(Resource::Services));
        }
        resources
    }
}
