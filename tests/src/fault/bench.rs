//! One stack in a namespace of its own, and trials on it one after the other.

use std::error::Error;
use std::time::Duration;

use holm_cluster::{ApplyOptions, Cluster, Identity, Session};
use holm_core::{Graph, ResourceId};
use holm_executor::event::{Outcome, SkipReason};
use holm_planner::inventory::InventoryPlace;
use holm_planner::plan::{Action, PlanOptions, plan};
use tokio::sync::mpsc::unbounded_channel;

use super::look::{Picture, wipe};
use super::{Fault, Faults, Phase, Request, StackKind, Variant, ordered, struck};

/// How long a run may take before it counts as hanging.
const LIMIT: Duration = Duration::from_secs(120);
/// How long a request may take in a run whose answer is withheld. Long enough for a busy machine to answer the others.
const SHORT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a run is tried again after a fault, until it must have mended everything.
const MENDS: u32 = 2;

/// A stack under trial.
pub struct Bench {
    kind: StackKind,
    namespace: String,
    client: kube::Client,
    state: Option<Variant>,
}

/// How a trial came out.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The request at which the fault was; none where the run had ended before, so that nothing was tried.
    pub struck: Option<String>,
    /// Why the run with the fault failed; none where it did not.
    pub failure: Option<String>,
    /// How many further runs it took, and why the first of them failed where it did.
    pub mends: u32,
    /// Why a further run failed, where it did.
    pub mend_failure: Option<String>,
    /// What was wrong in the end.
    pub problems: Vec<String>,
}

impl Bench {
    /// A stack in a namespace of its own, where there is nothing yet.
    pub fn new(kind: StackKind, namespace: &str, client: kube::Client) -> Self {
        Self { kind, namespace: namespace.to_owned(), client, state: None }
    }

    /// The requests of a phase without any fault.
    ///
    /// # Errors
    /// When it fails.
    pub async fn measure(&mut self, phase: Phase) -> Result<Vec<Request>, String> {
        let before = self.prepare(phase).await?;
        let after = phase.after(before);
        let faults = Faults::default();
        self.run(after, faults.client(&self.client), None).await?;
        self.state = after;
        Ok(faults.requests().to_vec())
    }

    /// Runs a phase with a fault at its request `number`, mends it, and looks what is wrong then.
    ///
    /// # Errors
    /// When the state before the phase could not be reached, so that nothing was tried.
    pub async fn attempt(&mut self, phase: Phase, number: u64, fault: Fault) -> Result<Trial, String> {
        let before = self.prepare(phase).await?;
        let after = phase.after(before);
        let place = place(&self.graph(after));
        let first = Picture::take(&self.client, &place).await?;
        let faults = ordered(number, fault);
        let timeout = (fault == Fault::Timeout).then_some(SHORT_TIMEOUT);
        let failure = tokio::select! {
            biased;
            () = faults.killed() => Some("killed".to_owned()),
            run = self.run(after, faults.client(&self.client), timeout) => run.err(),
        };
        let mut trial = Trial { struck: struck(&faults), failure, ..Trial::default() };
        let second = Picture::take(&self.client, &place).await?;
        while trial.failure.is_some() && trial.mends < MENDS {
            trial.mends += 1;
            match self.run(after, self.client.clone(), None).await {
                Ok(()) => break,
                Err(failure) if trial.mends == MENDS => {
                    trial.problems.push(format!("the run still fails when it is tried again: {failure}"));
                }
                Err(failure) => trial.mend_failure = Some(failure),
            }
        }
        let third = Picture::final_one(&self.client, &place, after.is_none()).await?;
        let is_replaced =
            |id: &ResourceId| id.kind == "Deployment" && phase == Phase::Replace || phase == Phase::Destroy;
        for (later, earlier) in [(&second, &first), (&third, &first), (&third, &second)] {
            trial.problems.extend(later.faults_since(earlier, is_replaced));
        }
        if trial.problems.is_empty() {
            trial.problems = self.settled(after, &third).await;
        }
        trial.problems.sort_unstable();
        trial.problems.dedup();
        self.state = after;
        if !trial.problems.is_empty() {
            // The next trial is not to suffer from this one.
            wipe(&self.client, &self.namespace).await?;
            self.state = None;
        }
        Ok(trial)
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// When that fails.
    pub async fn wipe(&mut self) -> Result<(), String> {
        self.state = None;
        wipe(&self.client, &self.namespace).await
    }

    async fn settled(&self, state: Option<Variant>, picture: &Picture) -> Vec<String> {
        if state.is_none() {
            return picture.faults_when_destroyed();
        }
        let graph = self.graph(state);
        let mut faults = picture.faults_when_applied(&graph, &place(&graph));
        let cluster = Cluster::with_client(self.client.clone(), Identity::default());
        let options = PlanOptions { thorough: true, ..self.options(state) };
        match cluster.observe(&graph, &place(&graph), &options).await {
            Err(error) => faults.push(format!("no plan can be made: {}", chain(&error))),
            Ok(observed) => {
                let plan = plan(&graph, &observed, &place(&graph), &options);
                let changes = plan.changes.iter().filter(|change| change.action != Action::Unchanged);
                faults.extend(changes.map(|change| format!("the plan is to {} {}", change.action.word(), change.id)));
                faults.extend(plan.blockers.iter().map(|blocker| format!("{} {}", blocker.id, blocker.kind)));
            }
        }
        faults
    }

    /// Reaches the state before a phase.
    async fn prepare(&mut self, phase: Phase) -> Result<Option<Variant>, String> {
        let before = phase.before(self.state);
        if before != self.state {
            let done = self.run(before, self.client.clone(), None).await;
            if let Err(failure) = done {
                return Err(format!("the state before {} cannot be reached: {failure}", phase.name()));
            }
            self.state = before;
        }
        Ok(before)
    }

    async fn run(
        &self,
        state: Option<Variant>,
        client: kube::Client,
        request_timeout: Option<Duration>,
    ) -> Result<(), String> {
        let graph = self.graph(state);
        let run = run_once(&graph, self.options(state), client, request_timeout);
        tokio::time::timeout(LIMIT, run).await.unwrap_or_else(|_| Err("it hangs".to_owned()))
    }

    fn graph(&self, state: Option<Variant>) -> Graph {
        match state {
            Some(variant) => self.kind.graph(&self.namespace, variant),
            None => self.kind.graph(&self.namespace, Variant::default()).emptied(),
        }
    }

    fn options(&self, state: Option<Variant>) -> PlanOptions {
        PlanOptions {
            allow_delete: self.kind.consents(&self.namespace),
            skip_create_checks: true,
            destroy: state.is_none(),
            ..PlanOptions::default()
        }
    }
}

/// What `apply --yes` does, and `destroy --yes` with an emptied graph.
async fn run_once(
    graph: &Graph,
    options: PlanOptions,
    client: kube::Client,
    request_timeout: Option<Duration>,
) -> Result<(), String> {
    let mut cluster = Cluster::with_client(client, Identity::default());
    if let Some(timeout) = request_timeout {
        cluster = cluster.request_timeout(timeout);
    }
    let place = place(graph);
    let observed = cluster.observe(graph, &place, &options).await.map_err(|error| chain(&error))?;
    let plan = plan(graph, &observed, &place, &options);
    if let Some(blocker) = plan.blockers.first() {
        return Err(format!("blocked: {} {}", blocker.id, blocker.kind));
    }
    let (events, _receiver) = unbounded_channel();
    let apply = ApplyOptions { timeout: Duration::from_secs(60), ..ApplyOptions::default() };
    let report = cluster.apply(&plan, Session { options: apply, ..Session::new(events) }).await;
    let report = report.map_err(|error| chain(&error))?;
    let failures: Vec<String> = report
        .outcomes
        .iter()
        .filter_map(|(id, action, outcome, _)| match outcome {
            Outcome::Done => None,
            Outcome::Failed(failure) => {
                Some(format!("{} {id}: {} ({})", action.word(), failure.message, failure.sources.join("; ")))
            }
            Outcome::Skipped(
                SkipReason::DependencyFailed(_)
                | SkipReason::NothingPrunedAfterFailure
                | SkipReason::NothingPrunedWhileNotReady(_),
            ) => None,
            Outcome::Skipped(SkipReason::Interrupted) => Some(format!("{} {id}: interrupted", action.word())),
        })
        .collect();
    match (report.is_success(), failures.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => Err("something was skipped although nothing failed".to_owned()),
        (false, false) => Err(failures.join("\n")),
    }
}

fn place(graph: &Graph) -> InventoryPlace {
    InventoryPlace::of(graph.program(), graph.stack(), graph.namespace())
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
