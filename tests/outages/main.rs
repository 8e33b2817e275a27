//! Kills control planes. `cargo run -p holm-e2e --bin outages -- restarts` kills one in the middle of an apply of 40 objects, again and
//! again: the embedded cluster with a file, or with `HOLM_E2E=real` a real control plane. `... -- soak` plays random applies, edits, kills
//! and destroys on the embedded cluster. It ends with 1 when something went wrong. See docs/verdicts.md.
//!
//! | option | what it is | default |
//! |---|---|---|
//! | `--count N` | how often the control plane is killed by `restarts` | 20 |
//! | `--minutes N` | how long `soak` lasts | 30 |
//! | `--seed N` | the seed of all that is random | 1 |
//! | `--name NAME` | the folder, so that several run side by side | `outages` |

#![allow(clippy::print_stdout, reason = "the figures are the program's output")]

use std::process::ExitCode;
use std::time::Duration;

use holm_e2e::outage::{self, Soak, Soaked, Trial};

type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    // The cluster and the runs are processes of this same program, as which it is a workspace like any other.
    if std::env::var_os(outage::PROCESS).is_some() {
        return holm::run(outage::PROGRAM, outage::declare);
    }
    holm_e2e::exit_code(run(std::env::args().skip(1)))
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<bool> {
    let what = arguments.next().unwrap_or_default();
    let (mut count, mut minutes, mut seed, mut name) = (20, 30, 1, "outages".to_owned());
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--count" => count = number(&value)?,
            "--minutes" => minutes = number(&value)?,
            "--seed" => seed = number(&value)?,
            "--name" => name = value,
            _ => return Err(format!("there is no option {option}")),
        }
    }
    match what.as_str() {
        "restarts" => restarts(&name, seed, usize::try_from(count).unwrap_or(usize::MAX)),
        "soak" => soak(&name, Soak { duration: Duration::from_secs(60 * minutes), seed }),
        other => Err(format!("restarts or soak is expected, not \"{other}\"")),
    }
}

fn restarts(name: &str, seed: u64, count: usize) -> Result<bool> {
    println!("| trial | killed after | away | apply took | under way | ended |\n|--:|--:|--:|--:|---|---|");
    let trials = outage::restarts(name, seed, count, &|number, trial: &Trial| {
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let (killed, away, took) = (seconds(trial.killed_after), seconds(trial.away), seconds(trial.took));
        let hit = if trial.was_hit { "yes" } else { "no" };
        let ended = if trial.problem.is_none() { "well" } else { "**badly**" };
        println!("| {} | {killed} | {away} | {took} | {hit} | {ended} |", number + 1);
        if let Some(problem) = &trial.problem {
            println!("{problem}");
        }
    })?;
    let (hit, well) = (
        trials.iter().filter(|trial| trial.was_hit).count(),
        trials.iter().filter(|trial| trial.problem.is_none()).count(),
    );
    println!("\n{well} of {count} applies ended well; {hit} of them were under way when the control plane was killed");
    Ok(well == count && hit > 0)
}

fn soak(name: &str, options: Soak) -> Result<bool> {
    let line = |soaked: &Soaked| {
        let (seconds, memory, file) = soaked.samples.last().copied().unwrap_or_default();
        println!(
            "{seconds:>5} s  memory {:>5} MiB  file {:>5} MiB  applies {} ({} killed)  edits {}  destroys {}  restarts {}  problems {}",
            memory / 1024,
            file / 1024,
            soaked.applies.0,
            soaked.applies.1,
            soaked.edits,
            soaked.destroys,
            soaked.restarts,
            soaked.problems.len()
        );
    };
    let soaked = outage::soak(name, options, &line)?;
    line(&soaked);
    println!("{} acknowledged writes of the counter", soaked.acknowledged);
    for problem in &soaked.problems {
        println!("{problem}");
    }
    Ok(soaked.problems.is_empty())
}

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|_| format!("{text} is no number"))
}
