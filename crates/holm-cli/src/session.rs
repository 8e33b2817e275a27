//! What every verb that needs a cluster shares: connecting, naming the cluster first, reporting requests, planning.

use std::collections::BTreeSet;
use std::sync::mpsc;

use holm_cluster::{Cluster, Identity, RequestError, RequestTrace, Stacks};
use holm_core::validate::ServerVersion;
use holm_core::{FieldPath, Graph, ResourceId, Warning, WarningKind};
use holm_planner::inventory::InventoryPlace;
use holm_planner::observe::{Live, Observed};
use holm_planner::plan::{Action, Change, FieldChange, Plan, PlanOptions, Reason, created_fields, plan, redactor};

use crate::args::{Output, Planning, Settings};
use crate::connection::{self, Running};
use crate::diagnostic::{Diagnostic, Kind};
use crate::hint;
use crate::progress;
use crate::render::stacks;
use crate::style::{Line, Role};
use crate::target;
use crate::terminal::Terminal;

/// A connected stack.
pub struct Session<'a> {
    /// What is declared.
    pub graph: &'a Graph,
    /// Where its inventory is.
    pub place: InventoryPlace,
    /// The cluster.
    pub cluster: Cluster,
    /// The embedded one, as long as it runs in this process.
    _running: Running,
    /// What standard output holds.
    pub output: Output,
    /// Warnings of the API server that were shown already.
    pub warned: BTreeSet<String>,
    traces: Option<mpsc::Receiver<RequestTrace>>,
}

/// A plan with what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The fields of what is created, by position, where they were asked for.
    pub created: Vec<(usize, Vec<FieldChange>)>,
    /// The warnings about the declaration, and about what the server was not asked.
    pub warnings: Vec<Warning>,
    /// Whether the stack has no inventory yet.
    pub is_first: bool,
}

impl<'a> Session<'a> {
    /// Connects and says where to.
    ///
    /// # Errors
    /// When there is no cluster, or it does not answer.
    pub async fn connect(graph: &'a Graph, settings: &Settings, terminal: &mut Terminal) -> Result<Self, Diagnostic> {
        let (cluster, running) = connection::connect(graph.program(), settings).await?;
        let traces = settings.verbose.then(|| {
            let (sender, receiver) = mpsc::channel();
            // The receiver goes away at the end of the run only.
            cluster.set_trace(Some(Box::new(move |trace: &RequestTrace| drop(sender.send(trace.clone())))));
            receiver
        });
        if cluster.identity().is_embedded {
            terminal.say_line(&connection::loud(running.is_by_default));
        }
        terminal.say_line(&named(graph, cluster.identity()));
        #[cfg(feature = "embedded")]
        if let Some(embedded) = &running._embedded {
            crate::embedded::warn_of_unreadable(embedded.unreadable(), terminal);
        }
        terminal.say("\n");
        let place = InventoryPlace::of(graph.program(), graph.stack(), graph.namespace());
        Ok(Self { graph, place, cluster, _running: running, output: settings.output, warned: BTreeSet::new(), traces })
    }

    /// Observes and plans. `graph` is the session's own, or that one emptied.
    ///
    /// # Errors
    /// When the cluster cannot be observed, or a target is not known.
    pub async fn plan(
        &mut self,
        graph: &Graph,
        planning: &Planning,
        options: PlanOptions,
        terminal: &mut Terminal,
    ) -> Result<Planned, Diagnostic> {
        terminal.warn_of(graph.warnings(), graph.namespace());
        let regenerate = planning.regenerated();
        // Also where the stack is emptied, so that a name with a typing error is not taken for a rotation.
        if let Some(name) = regenerate.iter().find(|name| !self.graph.generated().contains_key(*name)) {
            return Err(no_generated(name, self.graph));
        }
        if let Some(name) = planning.rerun().into_iter().find(|name| !names_a_job(name, self.graph)) {
            return Err(no_job(&name, self.graph));
        }
        let mut options = PlanOptions {
            allow_delete: planning.consents(),
            thorough: planning.thorough,
            prune_fields: planning.prune_fields,
            regenerate,
            rerun: planning.rerun(),
            ..options
        };
        options.targets = target::in_graph(&planning.target, graph);
        let observed = self.cluster.observe(graph, &self.place, &options).await;
        self.report(terminal);
        let observed = observed?;
        if !planning.target.is_empty() {
            options.targets = Some(target::resolve(&planning.target, graph, &observed.inventory)?);
        }
        let mut plan = plan(graph, &observed, &self.place, &options);
        let server = ServerVersion::of(&self.cluster.identity().version);
        let (blockers, unanswered) = holm_planner::unanswered(graph, &plan, server, &redactor(graph, &observed));
        plan.blockers.extend(blockers);
        let mut unanswered = unanswered;
        unanswered.extend(self.elsewhere(graph, &observed).await);
        let advised = holm_planner::enforce(graph, &mut plan);
        terminal.warn_of(&unanswered, graph.namespace());
        terminal.warn_of(&advised, graph.namespace());
        for consent in unused(&options.allow_delete, &plan) {
            terminal.warn(&format!("--allow-delete {consent} names nothing that this plan would delete or replace"));
        }
        let created = if planning.details { created(graph, &plan, &observed) } else { Vec::new() };
        let warnings = graph.warnings().iter().cloned().chain(unanswered).chain(advised).collect();
        let is_first = plan.observed.inventory.is_new();
        Ok(Planned { plan, created, warnings, is_first })
    }

    /// Warns where a stack that has no inventory yet has one in another namespace, so that a change of its namespace orphans nothing
    /// in silence.
    async fn elsewhere(&self, graph: &Graph, observed: &Observed) -> Vec<Warning> {
        if graph.resources().is_empty() || !matches!(observed.live.get(&self.place.id()), Some(Live::Absent)) {
            return Vec::new();
        }
        let namespaces = self.cluster.inventories_elsewhere(&self.place).await.into_iter();
        let warning = |namespace: String| {
            let id = ResourceId::new("", "ConfigMap", Some(&namespace), &self.place.name);
            let hint = hint::of_inventory_elsewhere(&namespace);
            let mut warning = Warning::new(WarningKind::InventoryElsewhere { namespace }, id, FieldPath::root());
            warning.hint = Some(hint);
            warning
        };
        namespaces.map(warning).collect()
    }

    /// Writes what the requests so far left to say: their traces, and the API server's warnings.
    pub fn report(&mut self, terminal: &mut Terminal) {
        for line in self.traces() {
            terminal.say_line(&line);
        }
        for warning in self.cluster.warnings() {
            if self.warned.insert(warning.text.clone()) {
                let home = self.graph.namespace();
                terminal.warn(&progress::warning(warning.id.as_ref(), &warning.text, home));
            }
        }
    }

    /// Says that the stack has no inventory in its namespace, where that is so, with the stacks of the program that the cluster has.
    ///
    /// # Errors
    /// When the server is out of reach. Without the right to list inventories nothing is said.
    pub async fn say_unless_recorded(&self, terminal: &mut Terminal) -> Result<(), Diagnostic> {
        let Some(stacks) = self.stacks().await? else { return Ok(()) };
        if let Some(text) = stacks::never_applied(&stacks, self.graph.stack(), &self.place.namespace) {
            terminal.warn(&text);
        }
        Ok(())
    }

    /// Warns where the cluster has this stack in another namespace, and none in this one: a plan would make a second one beside it.
    ///
    /// # Errors
    /// When the server is out of reach. Without the right to list inventories nothing is said.
    pub async fn warn_of_elsewhere(&self, terminal: &mut Terminal) -> Result<(), Diagnostic> {
        let Some(stacks) = self.stacks().await? else { return Ok(()) };
        if let Some(text) = stacks::elsewhere(&stacks, self.graph.stack(), &self.place.namespace) {
            terminal.warn(&text);
        }
        Ok(())
    }

    async fn stacks(&self) -> Result<Option<Stacks>, Diagnostic> {
        match self.cluster.stacks(self.graph.program(), &self.place.namespace).await {
            Ok(stacks) => Ok(Some(stacks)),
            Err(error) if error.request().is_some_and(RequestError::is_about_the_connection) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// One line for each request since the last call, where they are asked for.
    pub fn traces(&self) -> Vec<Line> {
        self.traces.iter().flat_map(mpsc::Receiver::try_iter).map(|trace| trace_line(&trace)).collect()
    }
}

/// The line that names the stack and the cluster, before anything else is said.
fn named(graph: &Graph, identity: &Identity) -> Line {
    let namespace = graph.namespace().map(|namespace| format!(", namespace {namespace}")).unwrap_or_default();
    let context = identity.context.as_deref().unwrap_or(&identity.source);
    let mut line = Line::default().text("Stack ").role(Role::Strong, graph.program());
    line = line.text(&format!(" ({}){namespace}, cluster ", graph.stack())).role(Role::Strong, context);
    line.role(Role::Faint, &format!(" ({}, {})", identity.server, identity.version)).hang(2)
}

fn trace_line(trace: &RequestTrace) -> Line {
    let status = trace.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let repeated = if trace.attempt > 1 { format!(" (try {})", trace.attempt) } else { String::new() };
    let text = format!("{:<6} {} {status} {} ms{repeated}", trace.method, trace.path, trace.duration.as_millis());
    Line::indented(2).role(Role::Faint, &text).hang(9)
}

fn created(graph: &Graph, plan: &Plan, observed: &Observed) -> Vec<(usize, Vec<FieldChange>)> {
    let redactor = redactor(graph, observed);
    let place = InventoryPlace::of(&plan.program, &plan.stack, plan.namespace.as_deref());
    plan.changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.action == Action::Create)
        .filter_map(|(position, change)| {
            let resource = graph.get(&change.id)?;
            Some((position, created_fields(resource, &place, observed, &redactor)))
        })
        .collect()
}

/// The consents that name nothing which would go: most likely typing errors.
fn unused(consents: &BTreeSet<String>, plan: &Plan) -> Vec<String> {
    // What stays only for the sake of something else was consented to all the same.
    let is_meant = |change: &Change| {
        matches!(change.action, Action::Delete | Action::Replace) || matches!(change.reason, Reason::KeptFor(_))
    };
    let is_used = |consent: &String| {
        plan.changes.iter().any(|change| {
            let is_named = |id: &ResourceId| id.short() == *consent || id.to_string() == *consent;
            is_meant(change) && is_named(&change.id)
        })
    };
    consents.iter().filter(|consent| !is_used(consent)).cloned().collect()
}

fn no_generated(name: &str, graph: &Graph) -> Diagnostic {
    let names: Vec<&str> = graph.generated().keys().map(String::as_str).collect();
    let message = format!("--regenerate {name}: the stack has no generated value of that name");
    let hint = match names.as_slice() {
        [] => "the stack has no generated values".to_owned(),
        names => format!("its generated values: {}", names.join(", ")),
    };
    Diagnostic::new(Kind::Usage, message).hint(&hint)
}

fn jobs(graph: &Graph) -> impl Iterator<Item = &ResourceId> {
    graph.resources().iter().map(|resource| &resource.id).filter(|id| id.is("batch", "Job"))
}

fn names_a_job(name: &str, graph: &Graph) -> bool {
    jobs(graph).any(|id| id.short() == name || id.to_string() == name)
}

fn no_job(name: &str, graph: &Graph) -> Diagnostic {
    let names: Vec<String> = jobs(graph).map(|id| id.relative_to(graph.namespace())).collect();
    let message = format!("--rerun {name}: the stack has no Job of that name");
    let hint = match names.as_slice() {
        [] => "the stack has no Jobs".to_owned(),
        names => format!("its Jobs: {}", names.join(", ")),
    };
    Diagnostic::new(Kind::Usage, message).hint(&hint)
}

/// Runs `work` on a runtime of this one thread.
///
/// # Errors
/// When the operating system gives no runtime, or the work fails.
pub fn block_on<T>(work: impl Future<Output = Result<T, Diagnostic>>) -> Result<T, Diagnostic> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Diagnostic::of(Kind::Cluster, &error, None))?;
    runtime.block_on(work)
}
