//! A stack on the cluster of a test.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holm_cluster::{ApplyOptions, Identity, ObjectStatus, Session, UserAgent};
use holm_core::declare::{self, Result as Declared};
use holm_core::{Config, Graph, Stack};
use holm_embedded::{DeleteOptions, Objects, WriteOptions};
use holm_faults::Requests;
use holm_planner::inventory::{InventoryPlace, PART_OF_LABEL};
use holm_planner::plan::{Adoption, PlanOptions, plan, redactor};
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use super::cluster::Cluster;
use super::failure::Failure;
use super::outcome::{Applied, Planned};
use crate::validation;

/// What stands in the place of a secret value.
const MASKED: &str = "(sensitive)";

type Declare<'c> = Rc<dyn Fn(&Stack, &Config) -> Declared + 'c>;

/// A stack to be run on the [`Cluster`] of a test. Each call is a run of its own, as of the program with a verb: it declares,
/// observes, plans and, for some, applies and waits. Clones are runs with other values of the same stack.
#[derive(Clone)]
pub struct StackUnderTest<'c> {
    cluster: &'c Cluster,
    program: String,
    declare: Declare<'c>,
    config: Config,
    namespace: Option<String>,
    consents: BTreeSet<String>,
    adopt: Adoption,
    regenerate: BTreeSet<String>,
    apply: ApplyOptions,
}

impl<'c> StackUnderTest<'c> {
    pub(super) fn new(cluster: &'c Cluster, program: &str, declare: impl Fn(&Stack, &Config) -> Declared + 'c) -> Self {
        Self {
            cluster,
            program: program.to_owned(),
            declare: Rc::new(declare),
            config: Config::new("default"),
            namespace: None,
            consents: BTreeSet::new(),
            adopt: Adoption::Nothing,
            regenerate: BTreeSet::new(),
            apply: ApplyOptions::default(),
        }
    }

    /// The same with a configuration value, as with `--config KEY=VALUE`.
    #[must_use]
    pub fn with(&self, key: &str, value: &str) -> Self {
        Self { config: self.config.clone().with(key, value), ..self.clone() }
    }

    /// Another stack of the same program, as with `--stack NAME`. Default: `default`.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self { config: self.config.clone().renamed(name), ..self.clone() }
    }

    /// The same with another namespace for resources that name none, until the program says otherwise, as with `--namespace NAME`.
    #[must_use]
    pub fn in_namespace(&self, name: &str) -> Self {
        Self { namespace: Some(name.to_owned()), ..self.clone() }
    }

    /// The same with consent to delete or replace what holds data, as with `--allow-delete Kind/name`.
    #[must_use]
    pub fn allow_delete<'a>(&self, resources: impl IntoIterator<Item = &'a str>) -> Self {
        let mut consents = self.consents.clone();
        consents.extend(resources.into_iter().map(str::to_owned));
        Self { consents, ..self.clone() }
    }

    /// The same with consent to adopt objects that another client made, as with `--adopt Kind/name`.
    #[must_use]
    pub fn adopt<'a>(&self, resources: impl IntoIterator<Item = &'a str>) -> Self {
        let named = resources.into_iter().map(str::to_owned).collect();
        Self { adopt: Adoption::Named(named), ..self.clone() }
    }

    /// The same with consent to make generated values anew, as with `--regenerate NAME`.
    #[must_use]
    pub fn regenerate<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { regenerate: names.into_iter().map(str::to_owned).collect(), ..self.clone() }
    }

    /// The same with another limit on how long one resource is waited for, in the cluster's time. Default: 10 minutes.
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self { apply: ApplyOptions { timeout, ..self.apply.clone() }, ..self.clone() }
    }

    /// The graph of what is declared.
    ///
    /// # Errors
    /// All problems of the declaration at once.
    pub fn graph(&self) -> Result<Graph, Failure> {
        Ok(declare::graph(&self.program, self.namespace.as_deref(), &self.config, |stack, config| {
            validation::pass_to(stack);
            (self.declare)(stack, config)
        })?)
    }

    /// What would change. A plan with blockers is a plan, too.
    ///
    /// # Errors
    /// When the declaration has problems, the cluster cannot be observed, or the run is killed.
    pub fn plan(&self) -> Result<Planned, Failure> {
        let graph = self.discovered()?;
        self.run(async |run| run.plan(&graph, PlanOptions::default()).await)
    }

    /// The same, asking the server about every object, also where managedFields prove that nothing changed.
    ///
    /// # Errors
    /// As for [`plan`](Self::plan).
    pub fn plan_thoroughly(&self) -> Result<Planned, Failure> {
        let graph = self.discovered()?;
        let options = PlanOptions { thorough: true, ..PlanOptions::default() };
        self.run(async |run| run.plan(&graph, options).await)
    }

    /// Plans and applies, and waits until everything works.
    ///
    /// # Errors
    /// When the declaration has problems, the plan is blocked, anything fails or does not become ready, or the run is killed.
    pub fn apply(&self) -> Result<Applied, Failure> {
        let graph = self.discovered()?;
        self.run(async |run| run.apply(&graph, PlanOptions::default()).await)
    }

    /// Deletes what the stack owns. `consents` are those of the resources that hold data and may go, as `Kind/name`; the
    /// others stay.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    pub fn destroy<'a>(&self, consents: impl IntoIterator<Item = &'a str>) -> Result<Applied, Failure> {
        let graph = self.graph()?.emptied();
        let consenting = self.allow_delete(consents);
        let options = PlanOptions { destroy: true, ..PlanOptions::default() };
        consenting.run(async |run| run.apply(&graph, options).await)
    }

    /// How every object is that the stack declares or owns, with the cause where it is not ready.
    ///
    /// # Errors
    /// When the declaration has problems, or the cluster cannot be observed.
    pub fn status(&self) -> Result<Vec<ObjectStatus>, Failure> {
        let graph = self.discovered()?;
        self.run(async |run| Ok(run.cluster.status(&graph, &place(&graph)).await?))
    }

    /// A live object, by `Kind/name`, or `Kind/namespace/name` where it lives in another namespace than the stack's; any kind,
    /// also such as a Pod. The values of a Secret read `(sensitive)`; see [`secret`](Self::secret).
    pub fn object(&self, id: &str) -> Option<Value> {
        let (objects, namespace, name) = self.find(id).ok()?;
        objects.get(&namespace, &name).map(|object| masked(&object))
    }

    /// The live objects of a kind in the stack's namespace, by name; all of them where the kind is cluster-scoped. Secret
    /// values read `(sensitive)`.
    pub fn objects_of(&self, kind: &str) -> Vec<Value> {
        let Some(objects) = self.cluster.embedded().api().find(kind) else { return Vec::new() };
        let namespace = objects.is_namespaced().then(|| self.home());
        objects.list(namespace.as_deref()).items.iter().map(masked).collect()
    }

    /// The live objects that carry the stack's label, as `Kind/name`, sorted.
    pub fn objects(&self) -> Vec<String> {
        let Ok(graph) = self.graph() else { return Vec::new() };
        let set = place(&graph).set_id;
        let label = |object: &Value| object["metadata"]["labels"][PART_OF_LABEL].as_str() == Some(set.as_str());
        let mut names: Vec<String> = self
            .cluster
            .embedded()
            .api()
            .all()
            .iter()
            .flat_map(|objects| objects.list(None).items)
            .filter(|object| label(object))
            .map(|object| format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"])))
            .collect();
        names.sort_unstable();
        names
    }

    /// The values of a live Secret of the stack's namespace, decoded.
    pub fn secret(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let (objects, namespace, name) = self.find(&format!("Secret/{name}")).ok()?;
        let secret = objects.get(&namespace, &name)?;
        let data = secret.get("data").and_then(Value::as_object);
        let decoded = data.into_iter().flatten().filter_map(|(key, value)| {
            let bytes = STANDARD.decode(value.as_str()?).ok()?;
            Some((key.clone(), String::from_utf8_lossy(&bytes).into_owned()))
        });
        Some(decoded.collect())
    }

    /// The events of the cluster in the stack's namespace, oldest first, as `Warning BackOff Pod/shop-1: the message`.
    pub fn cluster_events(&self) -> Vec<String> {
        let mut events = self.objects_of("Event");
        let time = |event: &Value| {
            let times = [&event["lastTimestamp"], &event["eventTime"], &event["metadata"]["creationTimestamp"]];
            times.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
        };
        events.sort_by_key(time);
        let line = |event: &Value| {
            let about = &event["involvedObject"];
            let (kind, name) = (text(&about["kind"]), text(&about["name"]));
            format!("{} {} {kind}/{name}: {}", text(&event["type"]), text(&event["reason"]), text(&event["message"]))
        };
        events.iter().map(line).collect()
    }

    /// Changes a live object behind the stack's back, by a JSON merge patch of `manager`, such as `kubectl-edit`, and lets the
    /// cluster do what follows.
    ///
    /// # Errors
    /// When there is no such object, or the API server refuses the change.
    pub fn edit(&self, id: &str, manager: &str, patch: &Value) -> Result<(), Failure> {
        let (objects, namespace, name) = self.find(id)?;
        let edited = self.cluster.within(|| objects.merge(&namespace, &name, "", patch, &WriteOptions::by(manager)));
        edited.map_err(|source| Failure::Refused { object: id.to_owned(), source: Box::new(source) })?;
        self.cluster.settle()
    }

    /// Deletes a live object behind the stack's back, and lets the cluster do what follows.
    ///
    /// # Errors
    /// When there is no such object, or the API server refuses.
    pub fn delete(&self, id: &str) -> Result<(), Failure> {
        let (objects, namespace, name) = self.find(id)?;
        let deleted = self.cluster.within(|| objects.delete(&namespace, &name, &DeleteOptions::default()));
        deleted.map_err(|source| Failure::Refused { object: id.to_owned(), source: Box::new(source) })?;
        self.cluster.settle()
    }

    /// The namespace of the stack; `default` where it names none, and where the declaration has problems.
    fn home(&self) -> String {
        let graph = self.graph().ok();
        graph.as_ref().and_then(Graph::namespace).unwrap_or("default").to_owned()
    }

    /// The objects of the kind of an address, its namespace and its name.
    fn find(&self, id: &str) -> Result<(Objects, String, String), Failure> {
        let mut parts = id.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (kind, second, third) = (part(), part(), part());
        let objects = self.cluster.embedded().api().find(&kind).ok_or(Failure::NoSuchKind(kind))?;
        Ok(match (objects.is_namespaced(), third.is_empty()) {
            (false, _) => (objects, String::new(), second),
            (true, true) => (objects, self.home(), second),
            (true, false) => (objects, second, third),
        })
    }

    /// The graph with its kinds as the cluster serves them.
    fn discovered(&self) -> Result<Graph, Failure> {
        let graph = self.graph()?;
        if graph.guessed_kinds().is_empty() {
            return Ok(graph);
        }
        self.run(async |run| Ok(run.cluster.discover(graph).await??))
    }

    /// Makes one run, with a connection of its own. A kill ends it, and lets the next one through.
    fn run<T>(&self, work: impl AsyncFnOnce(Run<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let faults = self.cluster.faults().clone();
        let run = Run {
            cluster: holm_cluster::Cluster::with_client(self.cluster.client(), Identity::default())
                .user_agent(UserAgent::of(&self.program, self.config.stack())),
            subject: self,
            before: faults.met(),
        };
        let killed = faults.clone();
        let done = self.cluster.block_on(async {
            tokio::select! {
                biased;
                () = killed.killed() => None,
                done = work(run) => Some(done),
            }
        });
        done.unwrap_or_else(|| {
            let struck = faults.struck().into_iter().rev().find(|(fault, _)| fault.kills());
            faults.clear();
            Err(Failure::Killed(Box::new(struck.map(|(_, request)| request).unwrap_or_default())))
        })
    }
}

/// One run.
struct Run<'s> {
    cluster: holm_cluster::Cluster,
    subject: &'s StackUnderTest<'s>,
    /// How many requests had been sent before it.
    before: u64,
}

impl Run<'_> {
    async fn plan(&self, graph: &Graph, options: PlanOptions) -> Result<Planned, Failure> {
        let options = PlanOptions {
            allow_delete: self.subject.consents.clone(),
            adopt: self.subject.adopt.clone(),
            regenerate: self.subject.regenerate.clone(),
            ..options
        };
        let place = place(graph);
        let observed = self.cluster.observe(graph, &place, &options).await?;
        let mut plan = plan(graph, &observed, &place, &options);
        // The embedded cluster has the version that the validator knows.
        let server = graph.validator().map(|validator| validator.version());
        plan.blockers.extend(holm_planner::unanswered(graph, &plan, server, &redactor(graph, &observed)).0);
        holm_planner::enforce(graph, &mut plan);
        Ok(Planned { plan, requests: self.requests() })
    }

    async fn apply(&self, graph: &Graph, options: PlanOptions) -> Result<Applied, Failure> {
        // As `apply --yes` does it: what is created is checked by the server right after.
        let options = PlanOptions { skip_create_checks: true, ..options };
        let planned = self.plan(graph, options).await?;
        if !planned.plan.blockers.is_empty() {
            return Err(Failure::Blocked(Box::new(planned)));
        }
        let (sender, mut receiver) = unbounded_channel();
        let session = Session { options: self.subject.apply.clone(), ..Session::new(sender) };
        let applied = self.cluster.apply(&planned.plan, session).await;
        let report = applied?;
        let events = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        let applied = Applied { planned, report, events, requests: self.requests() };
        if applied.report.is_success() { Ok(applied) } else { Err(Failure::Failed(Box::new(applied))) }
    }

    fn requests(&self) -> Requests {
        self.subject.cluster.faults().requests_since(self.before)
    }
}

fn place(graph: &Graph) -> InventoryPlace {
    InventoryPlace::of(graph.program(), graph.stack(), graph.namespace())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The object, without the values of a Secret.
fn masked(object: &Arc<Value>) -> Value {
    let mut object = Value::clone(object);
    if text(&object["kind"]) == "Secret" {
        let data = object.get_mut("data").and_then(Value::as_object_mut);
        data.into_iter().flatten().for_each(|(_, value)| *value = Value::from(MASKED));
    }
    object
}
