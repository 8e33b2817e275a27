//! Many trials: which, on how many stacks side by side, and how they came out.

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use holm_embedded::{Clock, Cluster, ClusterOptions, Timestamp};

use super::{Bench, Fault, Phase, Request, StackKind, Trial, passes};

/// When an embedded cluster starts: 2027-01-15 08:00:00 UTC.
const START: Timestamp = Timestamp(1_800_000_000);

/// How many trials one stack is given at a time.
const PIECE: usize = 16;

/// One trial to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// The stack.
    pub stack: StackKind,
    /// The phase.
    pub phase: Phase,
    /// The request, counted from 1.
    pub number: u64,
    /// What is done at it.
    pub fault: Fault,
}

/// Which trials are made.
pub struct Campaign {
    /// The stacks.
    pub stacks: Vec<StackKind>,
    /// The phases.
    pub phases: Vec<Phase>,
    /// The faults.
    pub faults: Vec<Fault>,
    /// Only every so manyth request; another one for each fault, so that all are met.
    pub every: u64,
    /// How many stacks are on trial side by side.
    pub workers: usize,
    /// Distinguishes the namespaces of campaigns on the same cluster.
    pub name: String,
}

/// How the trials came out.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<(StackKind, Phase, Fault), Count>,
    /// The trials that found something, and what.
    pub failures: Vec<(Job, Vec<String>)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    runs: u64,
    came_through: u64,
    mended_twice: u64,
    failures: u64,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.stack.name(), self.phase.name(), self.number, self.fault.name())
    }
}

impl std::str::FromStr for Job {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("\"{text}\" is not STACK:PHASE:NUMBER:FAULT");
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or_else(wanted);
        Ok(Self {
            stack: StackKind::named(part()?).ok_or_else(wanted)?,
            phase: Phase::named(part()?).ok_or_else(wanted)?,
            number: part()?.parse().map_err(|_| wanted())?,
            fault: Fault::named(part()?).ok_or_else(wanted)?,
        })
    }
}

impl Campaign {
    /// Makes all trials. `tell` gets a line for each thing worth knowing.
    ///
    /// # Errors
    /// When a run without any fault fails.
    pub async fn run(&self, client: &kube::Client, tell: &dyn Fn(&str)) -> Result<Tally, String> {
        let mut rows: Vec<VecDeque<Vec<Job>>> = Vec::new();
        for stack in &self.stacks {
            let mut bench = self.bench(*stack, 0, client);
            bench.wipe().await?;
            let mut requests = BTreeMap::new();
            for phase in Phase::ALL {
                let seen = bench.measure(phase).await?;
                tell(&format!("{} {}: {} requests without a fault", stack.name(), phase.name(), seen.len()));
                requests.insert(phase, seen);
            }
            for fault in &self.faults {
                let mut row = VecDeque::new();
                // Each of two phases brings the state back in which the other one begins.
                for pair in
                    [[Phase::Create, Phase::Destroy], [Phase::Prune, Phase::Extend], [Phase::Update, Phase::Replace]]
                {
                    let jobs = self.jobs(*stack, *fault, &pair, &requests);
                    row.extend(jobs.chunks(PIECE).map(<[Job]>::to_vec));
                }
                rows.push(row);
            }
        }
        // Every fault has its turn early, so that a campaign that is ended before its time has met them all.
        let mut pieces = VecDeque::new();
        while rows.iter().any(|row| !row.is_empty()) {
            pieces.extend(rows.iter_mut().filter_map(VecDeque::pop_front));
        }
        let total: usize = pieces.iter().map(Vec::len).sum();
        tell(&format!("{total} trials"));
        let state = RefCell::new((pieces, Tally::default()));
        let workers = (0..self.workers).map(|worker| self.work(worker, client, &state, total, tell));
        futures::future::join_all(workers).await.into_iter().collect::<Result<(), String>>()?;
        Ok(state.into_inner().1)
    }

    /// Makes all trials on an embedded cluster, in virtual time: what waits takes no time.
    ///
    /// # Errors
    /// When a run without any fault fails.
    pub fn run_embedded(&self, tell: &dyn Fn(&str)) -> Result<Tally, String> {
        on_embedded(|client| async move { self.run(&client, tell).await })
    }

    /// Makes one trial on an embedded cluster.
    ///
    /// # Errors
    /// When the state before it cannot be reached.
    pub fn run_one_embedded(&self, job: Job) -> Result<Trial, String> {
        on_embedded(|client| async move { self.run_one(job, &client).await })
    }

    /// Makes one trial.
    ///
    /// # Errors
    /// When the state before it cannot be reached.
    pub async fn run_one(&self, job: Job, client: &kube::Client) -> Result<Trial, String> {
        let mut bench = self.bench(job.stack, 0, client);
        bench.wipe().await?;
        bench.attempt(job.phase, job.number, job.fault).await
    }

    async fn work(
        &self,
        worker: usize,
        client: &kube::Client,
        state: &RefCell<(VecDeque<Vec<Job>>, Tally)>,
        total: usize,
        tell: &dyn Fn(&str),
    ) -> Result<(), String> {
        let mut benches: BTreeMap<StackKind, Bench> = BTreeMap::new();
        loop {
            let piece = state.borrow_mut().0.pop_front();
            let Some(piece) = piece else { break };
            for job in piece {
                let bench = match benches.entry(job.stack) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let bench = place.insert(self.bench(job.stack, worker, client));
                        bench.wipe().await?;
                        bench
                    }
                };
                let trial = bench.attempt(job.phase, job.number, job.fault).await;
                let trial = trial.map_err(|error| format!("{job}: {error}"))?;
                let tally = &mut state.borrow_mut().1;
                for problem in &trial.problems {
                    tell(&format!("FAILED {job}: {problem}"));
                }
                if !trial.problems.is_empty() || passes(job.fault) {
                    let failures = trial.failure.iter().chain(&trial.mend_failure);
                    for failure in failures {
                        let struck = trial.struck.as_deref().unwrap_or("nothing");
                        tell(&format!("note   {job}, at {struck}: the run failed: {failure}"));
                    }
                }
                tally.take(job, &trial);
                let runs = tally.runs();
                if runs.is_multiple_of(25) {
                    tell(&format!("{runs} of at most {total} runs, {} failures", tally.failures.len()));
                }
                // A campaign takes long, and may be ended before its time.
                if runs.is_multiple_of(250) {
                    tell(&tally.to_string());
                }
            }
        }
        for bench in benches.values_mut() {
            bench.wipe().await?;
        }
        Ok(())
    }

    fn bench(&self, stack: StackKind, worker: usize, client: &kube::Client) -> Bench {
        Bench::new(stack, &format!("{}-{}-{worker}", self.name, stack.name()), client.clone())
    }

    fn jobs(
        &self,
        stack: StackKind,
        fault: Fault,
        pair: &[Phase; 2],
        requests: &BTreeMap<Phase, Vec<Request>>,
    ) -> Vec<Job> {
        let longest = pair.iter().map(|phase| requests[phase].len()).max().unwrap_or(0);
        let offset = Fault::ALL.iter().position(|one| *one == fault).unwrap_or(0);
        let mut jobs = Vec::new();
        for position in 0..longest {
            if !(position as u64 + offset as u64).is_multiple_of(self.every) {
                continue;
            }
            for phase in pair.iter().filter(|phase| self.phases.contains(phase)) {
                let is_possible = requests[phase].get(position).is_some_and(|seen| fault.is_possible_at(seen));
                if is_possible {
                    jobs.push(Job { stack, phase: *phase, number: position as u64 + 1, fault });
                }
            }
        }
        jobs
    }
}

/// Runs `work` with a client of an embedded cluster, on a runtime whose time jumps over every wait.
fn on_embedded<T, F: Future<Output = Result<T, String>>>(work: impl FnOnce(kube::Client) -> F) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let clock = Clock::of_runtime(START);
        let options = ClusterOptions { clock, ..ClusterOptions::default() };
        let cluster = Cluster::start(options).await.map_err(|error| error.to_string())?;
        work(cluster.api().client()).await
    })
}

impl Tally {
    /// Takes a trial in. One that tried nothing does not count.
    pub fn take(&mut self, job: Job, trial: &Trial) {
        if trial.struck.is_none() && trial.problems.is_empty() {
            return;
        }
        let count = self.counts.entry((job.stack, job.phase, job.fault)).or_default();
        count.runs += 1;
        count.came_through += u64::from(trial.failure.is_none());
        count.mended_twice += u64::from(trial.mends > 1);
        if !trial.problems.is_empty() {
            count.failures += 1;
            self.failures.push((job, trial.problems.clone()));
        }
    }

    /// How many trials there were.
    pub fn runs(&self) -> u64 {
        self.counts.values().map(|count| count.runs).sum()
    }

    /// How many trials of faults that a run should come through there were, and how many it came through.
    pub fn came_through(&self) -> (u64, u64) {
        let passing = self.counts.iter().filter(|((_, _, fault), _)| passes(*fault));
        passing.fold((0, 0), |(runs, through), (_, count)| (runs + count.runs, through + count.came_through))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| stack | phase | fault | runs | came through by itself | needed two more runs | failures |")?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for ((stack, phase, fault), count) in &self.counts {
            let through = if fault.kills() { "-".to_owned() } else { count.came_through.to_string() };
            let (stack, phase, fault) = (stack.name(), phase.name(), fault.name());
            let Count { runs, mended_twice, failures, .. } = count;
            writeln!(f, "| {stack} | {phase} | {fault} | {runs} | {through} | {mended_twice} | {failures} |")?;
        }
        for (job, problems) in &self.failures {
            writeln!(f, "\n{job}: repeat with --only {job}")?;
            for problem in problems {
                writeln!(f, "  {problem}")?;
            }
        }
        let (runs, through) = self.came_through();
        writeln!(f, "\n{through} of {runs} runs with a fault that passes came through by themselves.")?;
        write!(f, "{} runs, {} failures", self.runs(), self.failures.len())
    }
}
