//! One apply during which the control plane is killed and started again.

use std::path::Path;
use std::time::{Duration, Instant};

use holm_conformance::fuzz::Random;

use super::{PROCESS, Server, emptied};
use crate::program::{Finished, Program};

/// What came of one apply.
#[derive(Clone, Debug)]
pub struct Trial {
    /// How long after the begin of the apply the control plane was killed.
    pub killed_after: Duration,
    /// How long it was away.
    pub away: Duration,
    /// How long the apply took.
    pub took: Duration,
    /// Whether the apply was still under way when the control plane was killed.
    pub was_hit: bool,
    /// What was wrong; none where the apply ended well and nothing was left to do.
    pub problem: Option<String>,
}

type Result<T> = std::result::Result<T, String>;

/// Applies 40 objects `count` times, each time with the control plane killed at a random moment, and tells each trial to `tell`.
///
/// # Errors
/// When the control plane cannot be started.
pub fn restarts(name: &str, seed: u64, count: usize, tell: &dyn Fn(usize, &Trial)) -> Result<Vec<Trial>> {
    let folder = emptied(name).map_err(|error| error.to_string())?;
    let mut server = Server::start(&folder)?;
    let mut random = Random::new(seed);
    let begun = Instant::now();
    let first = apply(&server, &folder, "undisturbed").run();
    let undisturbed = begun.elapsed();
    if first.code != Some(0) {
        return Err(format!("an apply that nothing disturbs fails\n{first}"));
    }
    let mut trials = Vec::new();
    for number in 0..count {
        let longest = usize::try_from(undisturbed.as_millis()).unwrap_or(usize::MAX);
        let killed_after = Duration::from_millis(random.below(longest.max(1)) as u64);
        let trial = one(&mut server, &folder, &format!("trial-{number}"), killed_after)?;
        tell(number, &trial);
        trials.push(trial);
    }
    Ok(trials)
}

fn one(server: &mut Server, folder: &Path, namespace: &str, killed_after: Duration) -> Result<Trial> {
    let program = apply(server, folder, namespace);
    let begun = Instant::now();
    let mut running = program.start();
    std::thread::sleep(killed_after);
    let was_hit = running.is_running();
    server.kill();
    let killed = Instant::now();
    server.restart()?;
    let away = killed.elapsed();
    let applied = running.wait();
    let took = begun.elapsed();
    let problem = problem(server, folder, namespace, &applied);
    // What is left would make each next trial slower.
    let destroy = ["destroy", "--yes", "--allow-delete", &format!("Namespace/{namespace}")];
    let destroyed = stack(server, folder, namespace, &destroy).run();
    let problem = problem.or_else(|| (destroyed.code != Some(0)).then(|| destroyed.to_string()));
    Ok(Trial { killed_after, away, took, was_hit, problem })
}

fn problem(server: &Server, folder: &Path, namespace: &str, applied: &Finished) -> Option<String> {
    // A cluster that is killed before the run had any answer is told to the user within seconds, and the user runs it again.
    let before_first_answer = applied.code == Some(1) && applied.says("no answer") && !applied.says("Stack outages");
    let repeated = before_first_answer.then(|| apply(server, folder, namespace).run());
    let applied = repeated.as_ref().unwrap_or(applied);
    if applied.code != Some(0) {
        return Some(applied.to_string());
    }
    let planned = stack(server, folder, namespace, &["plan", "--detailed-exitcode"]).run();
    (planned.code != Some(0)).then(|| format!("something is left to do\n{planned}"))
}

fn apply(server: &Server, folder: &Path, namespace: &str) -> Program {
    stack(server, folder, namespace, &["apply", "--yes"])
}

fn stack(server: &Server, folder: &Path, namespace: &str, arguments: &[&str]) -> Program {
    let program = Program::this_one(folder).env(PROCESS, "1").env("KUBECONFIG", server.kubeconfig());
    program.args(arguments).args(["--stack", namespace]).config("namespace", namespace)
}
