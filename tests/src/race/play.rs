//! Playing a race: real programs, each behind a proxy of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Handle;

use super::bystanders::{Bystanders, NEIGHBOUR};
use super::journal::{Journal, Window};
use super::judge::{Evidence, Violation, judge};
use super::scenario::{Kill, Race, Runner, Wish};
use super::stack::{Declaration, Ground};
use crate::fault::{Fault, Faults, Matching, Picture, Proxy};
use crate::{ControlPlane, Finished, Program};

/// How long a run may take before it counts as hanging.
const LIMIT: Duration = Duration::from_secs(120);
/// How long requests of a killed run may be on their way.
const ON_THEIR_WAY: Duration = Duration::from_millis(300);
/// How long a namespace may take to go.
const NAMESPACE_GOES: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(4);
const QUESTION: &str = "[y/N]";

/// Where races are played.
pub struct Table<'a> {
    /// The cluster.
    pub cluster: &'a ControlPlane,
    /// A client of it that does not try anything again.
    pub client: kube::Client,
    /// What the proxies run on.
    pub runtime: Handle,
    /// Distinguishes the namespaces.
    pub name: String,
}

/// How a race came out.
#[derive(Debug)]
pub struct Played {
    /// The runs, in the order of the race's.
    pub ended: Vec<Ended>,
    /// The run after all of them, and the plan after that.
    pub after: Vec<Finished>,
    /// How many pairs of runs overlapped.
    pub overlapping: usize,
    /// Whether what the runs left was not what one of them declares, nor what there was before.
    pub is_mixed: bool,
    /// What must not be.
    pub violations: Vec<Violation>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// What it wrote, and its exit code.
    pub finished: Finished,
    /// Whether it asked, and was answered.
    pub is_answered: bool,
    /// Whether it was ended as it took too long.
    pub is_hanging: bool,
    /// The time in which it depended on nobody else writing.
    pub window: Option<Window>,
    /// What it asked.
    pub journal: Journal,
}

impl Table<'_> {
    /// Plays a race in a namespace of its own, which is deleted afterwards.
    ///
    /// # Errors
    /// When the state before the race cannot be reached, or the server does not answer as it should.
    pub fn play(&self, race: &Race) -> Result<Played, String> {
        let ground = Ground { namespace: format!("{}-{}", self.name, race.seed), is_own: race.is_namespace_own };
        let homes = self.cluster.scratch(&ground.namespace);
        let place = ground.place();
        let take = || self.runtime.block_on(Picture::take(&self.client, &place));
        let has_namespace = self.prepare(race, &ground, &homes)?;
        let bystanders = Bystanders::look(self.cluster, &ground);
        let before = take()?;

        let begun = Instant::now();
        let ended: Result<Vec<Ended>, String> = std::thread::scope(|scope| {
            let run = |(number, runner)| {
                let (home, ground) = (homes.join(format!("run-{number}")), &ground);
                scope.spawn(move || self.run(runner, begun, ground, home, !has_namespace))
            };
            let running: Vec<_> = race.runners.iter().enumerate().map(run).collect();
            running.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?).collect()
        });
        let ended = ended?;
        if ended.iter().any(|ended| ended.finished.code.is_none()) {
            std::thread::sleep(ON_THEIR_WAY);
        }
        self.wait_for_namespace(&ground);

        let raced = take()?;
        let last = self.program(&homes, &race.last, &ground).env("KUBECONFIG", self.cluster.admin());
        let applied = last.clone().args(["apply", "--yes"]).run();
        let settled = take()?;
        let planned = last.args(["plan", "--detailed-exitcode", "--thorough"]).run();
        let touched = Bystanders::look(self.cluster, &ground).touched_since(&bystanders);
        let after = vec![applied, planned];
        let pictures = [before, raced, settled];
        let evidence = Evidence { race, ground: &ground, ended: &ended, after: &after, pictures: &pictures, touched };
        let (violations, is_mixed) = judge(&evidence);
        self.clear(&ground);
        let overlapping = pairs(&ended).filter(|(one, other)| one.overlaps(other)).count();
        Ok(Played { ended, after, overlapping, is_mixed, violations })
    }

    /// Reaches the state before the race. Returns whether there is a namespace, with bystanders in it.
    fn prepare(&self, race: &Race, ground: &Ground, homes: &Path) -> Result<bool, String> {
        if !ground.is_own {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ground.namespace}});
            self.cluster.create_if_absent(namespace);
        }
        let apply = |program: Program| {
            let applied = program.env("KUBECONFIG", self.cluster.admin()).args(["apply", "--yes"]).run();
            if applied.code == Some(0) {
                Ok(())
            } else {
                Err(format!("what was to be there before the race failed:\n{applied}"))
            }
        };
        if let Some(base) = &race.base {
            apply(self.program(homes, base, ground))?;
        }
        let has_namespace = !ground.is_own || race.base.is_some();
        if has_namespace {
            Bystanders::create(self.cluster, ground);
            if race.seed.is_multiple_of(4) {
                let ground = Ground { is_own: false, ..ground.clone() };
                let neighbour = self.program(homes, &Bystanders::neighbour(), &ground);
                apply(neighbour.config("prefix", "other-").args(["--stack", NEIGHBOUR]))?;
            }
        }
        Ok(has_namespace)
    }

    fn program(&self, home: &Path, declaration: &Declaration, ground: &Ground) -> Program {
        let program = Program::this_one(home).env(super::PROCESS, "1");
        declaration.config(ground).iter().fold(program, |program, (key, value)| program.config(key, value))
    }

    fn run(
        &self,
        runner: &Runner,
        begun: Instant,
        ground: &Ground,
        home: PathBuf,
        may_delete_namespace: bool,
    ) -> Result<Ended, String> {
        std::fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
        let journal = Journal::default();
        let faults = Faults::default();
        if let Some(Kill::AtWrite(number, fault)) = runner.kill {
            faults.order(fault, Matching::mutating().nth(number));
        }
        if !runner.latency.is_zero() {
            faults.order(Fault::Slow(runner.latency), Matching::any().always());
        }
        let proxy = self.runtime.block_on(async { Proxy::start(journal.client(&self.client)).await })?;
        proxy.inject(&faults);
        let kubeconfig = proxy.kubeconfig(&home)?;
        let declaration = runner.wish.declaration().cloned().unwrap_or_default();
        let mut program = self.program(&home, &declaration, ground).env("KUBECONFIG", kubeconfig);
        program = program.args([verb(&runner.wish), "--parallel", &runner.parallel.to_string()]);
        if runner.consents {
            program = program.args(["--allow-delete", "Secret/secret-00,Secret/secret-01,Secret/secret-02"]);
            if may_delete_namespace && ground.is_own && runner.wish == Wish::Destroy {
                program = program.args(["--allow-delete", &format!("Namespace/{}", ground.namespace)]);
            }
        }
        std::thread::sleep((begun + runner.after).saturating_duration_since(Instant::now()));
        Ok(run_to_end(&program, runner, &faults, journal))
    }

    /// Waits until the namespace is there or is not, where a run asked for its deletion: the server goes on by itself.
    fn wait_for_namespace(&self, ground: &Ground) {
        let begun = Instant::now();
        while begun.elapsed() < NAMESPACE_GOES {
            let namespace = self.cluster.get("namespace", "", &ground.namespace);
            if namespace.is_none_or(|namespace| namespace["metadata"]["deletionTimestamp"].is_null()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Asks for the deletion of everything. Nobody waits for it.
    fn clear(&self, ground: &Ground) {
        let path = format!("/api/v1/namespaces/{}", ground.namespace);
        let request = http::Request::delete(path).body(kube::client::Body::empty()).expect("the path is one");
        let _ = self.runtime.block_on(self.client.send(request));
    }
}

/// Every two of the runs that have a window.
pub(super) fn pairs(ended: &[Ended]) -> impl Iterator<Item = (Window, Window)> + '_ {
    let windows = |from: usize| ended[from..].iter().filter_map(|ended| ended.window);
    ended
        .iter()
        .enumerate()
        .filter_map(|(number, ended)| Some((number, ended.window?)))
        .flat_map(move |(number, window)| windows(number + 1).map(move |other| (window, other)))
}

fn verb(wish: &Wish) -> &'static str {
    match wish {
        Wish::Apply(_) => "apply",
        Wish::Destroy => "destroy",
    }
}

fn run_to_end(program: &Program, runner: &Runner, faults: &Faults, journal: Journal) -> Ended {
    let mut running = match runner.answered_after {
        Some(_) => program.start_on_terminal(),
        None => program.clone().args(["--yes"]).start(),
    };
    let started = Instant::now();
    let mut asked: Option<Instant> = None;
    let (mut is_answered, mut is_hanging) = (false, false);
    while running.is_running() {
        let is_due = matches!(runner.kill, Some(Kill::After(after)) if started.elapsed() >= after);
        is_hanging = started.elapsed() > LIMIT;
        if faults.is_killed() || is_due || is_hanging {
            running.kill();
            break;
        }
        if let Some(answered_after) = runner.answered_after {
            if asked.is_none() && running.has_said(QUESTION) {
                asked = Some(Instant::now());
            }
            if !is_answered && asked.is_some_and(|asked| asked.elapsed() >= answered_after) {
                running.type_in("yes\n");
                is_answered = true;
            }
        }
        std::thread::sleep(POLL);
    }
    let finished = running.wait();
    Ended { finished, is_answered, is_hanging, window: journal.window(), journal }
}
