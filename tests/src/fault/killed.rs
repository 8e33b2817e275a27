//! Honest kills: the program of a stack, run through the proxy and ended with SIGKILL at each of its requests.

use std::process::{ExitStatus, Stdio};

use holm_planner::inventory::InventoryPlace;

use super::look::Picture;
use super::{Fault, Faults, Job, Phase, Proxy, StackKind, Tally, Trial, ordered, struck};
use crate::program::Program;
use crate::{ControlPlane, User};

/// Trials with the example holm-pg.
pub struct Killings {
    /// Only every so manyth request.
    pub every: usize,
}

/// How many further runs must mend everything.
const MENDS: u32 = 2;

impl Killings {
    /// Creates, updates and destroys the stack, with a kill before and after each request.
    ///
    /// # Errors
    /// When a run without any fault fails.
    pub async fn run(
        &self,
        cluster: &ControlPlane,
        client: &kube::Client,
        tell: &dyn Fn(&str),
    ) -> Result<Tally, String> {
        let home = cluster.scratch("killed.home");
        let proxy = Proxy::start(client.clone()).await?;
        let kubeconfig = proxy.kubeconfig(&home)?;
        let user = User { name: String::new(), kubeconfig };
        let stack = Example { program: Program::example("holm-pg", &home), proxy, user, client: client.clone() };
        let mut tally = Tally::default();
        for phase in [Phase::Create, Phase::Update, Phase::Destroy] {
            stack.prepare(phase).await?;
            let faults = Faults::default();
            stack.run(phase, &faults).await?;
            let requests = faults.requests().len();
            tell(&format!("holm-pg {}: {requests} requests without a fault", phase.name()));
            for fault in [Fault::KillBefore, Fault::KillAfter] {
                for number in (1..=requests).step_by(self.every.max(1)) {
                    let job = Job { stack: StackKind::Postgres, phase, number: number as u64, fault };
                    let trial = stack.attempt(job).await.map_err(|error| format!("{job}: {error}"))?;
                    for problem in &trial.problems {
                        tell(&format!("FAILED {job}: {problem}"));
                    }
                    tally.take(job, &trial);
                }
            }
            tell(&format!("{} runs, {} failures", tally.runs(), tally.failures.len()));
        }
        Ok(tally)
    }
}

struct Example {
    program: Program,
    proxy: Proxy,
    user: User,
    client: kube::Client,
}

impl Example {
    async fn attempt(&self, job: Job) -> Result<Trial, String> {
        self.prepare(job.phase).await?;
        let place = InventoryPlace::of("holm-pg", "default", Some("holm"));
        let first = Picture::take(&self.client, &place).await?;
        let faults = ordered(job.number, job.fault);
        let mut child = self.start(job.phase, &faults)?;
        let ended = tokio::select! {
            () = faults.killed() => None,
            status = child.wait() => Some(status.map_err(|error| error.to_string())?),
        };
        if ended.is_none() {
            // SIGKILL, and the end of the process.
            child.kill().await.map_err(|error| error.to_string())?;
        }
        let mut trial = Trial { struck: struck(&faults), ..Trial::default() };
        trial.failure = ended.is_none().then(|| "killed".to_owned());
        let second = Picture::take(&self.client, &place).await?;
        let counting = Faults::default();
        while trial.mends < MENDS {
            trial.mends += 1;
            match self.run(job.phase, &counting).await {
                Ok(()) => break,
                Err(failure) if trial.mends == MENDS => trial.problems.push(failure),
                Err(failure) => trial.mend_failure = Some(failure),
            }
        }
        let third = Picture::final_one(&self.client, &place, job.phase == Phase::Destroy).await?;
        for (later, earlier) in [(&second, &first), (&third, &first), (&third, &second)] {
            trial.problems.extend(later.faults_since(earlier, |_| false));
        }
        if job.phase == Phase::Destroy {
            trial.problems.extend(third.faults_when_destroyed());
        } else {
            trial.problems.extend(third.faults_of_what_is_recorded(&place));
            let plan = self.with(job.phase, &["plan", "--detailed-exitcode", "--thorough"]);
            if self.output(&plan, &counting).await?.code() != Some(0) {
                trial.problems.push("the plan has changes".to_owned());
            }
        }
        Ok(trial)
    }

    /// Reaches the state before a phase.
    async fn prepare(&self, phase: Phase) -> Result<(), String> {
        let counting = Faults::default();
        match phase {
            Phase::Create => self.run(Phase::Destroy, &counting).await,
            _ => self.run(Phase::Create, &counting).await,
        }
    }

    async fn run(&self, phase: Phase, faults: &Faults) -> Result<(), String> {
        let verbs: &[&str] = match phase {
            Phase::Destroy => &["destroy", "--yes", "--allow-delete", CONSENTS],
            _ => &["apply", "--yes"],
        };
        let status = self.output(&self.with(phase, verbs), faults).await?;
        if status.success() { Ok(()) } else { Err(format!("{} of holm-pg ended with {status}", phase.name())) }
    }

    fn start(&self, phase: Phase, faults: &Faults) -> Result<tokio::process::Child, String> {
        let verbs: &[&str] = match phase {
            Phase::Destroy => &["destroy", "--yes", "--allow-delete", CONSENTS],
            _ => &["apply", "--yes"],
        };
        self.spawn(&self.with(phase, verbs), faults)
    }

    fn with(&self, phase: Phase, arguments: &[&str]) -> Program {
        let program = self.program.clone().args(arguments).env("KUBECONFIG", &self.user.kubeconfig);
        if phase == Phase::Update { program.config("image", "postgres:15.1-alpine") } else { program }
    }

    fn spawn(&self, program: &Program, faults: &Faults) -> Result<tokio::process::Child, String> {
        self.proxy.inject(faults);
        let mut command = tokio::process::Command::from(program.command());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        command.spawn().map_err(|error| format!("holm-pg cannot be run: {error}"))
    }

    async fn output(&self, program: &Program, faults: &Faults) -> Result<ExitStatus, String> {
        self.spawn(program, faults)?.wait().await.map_err(|error| error.to_string())
    }
}

const CONSENTS: &str = "Namespace/holm,Secret/postgres-secret,PersistentVolumeClaim/postgres-pvc";
