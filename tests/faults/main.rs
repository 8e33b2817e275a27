//! Does one chosen thing at every request of every phase of two stacks, and looks what a further run makes of it:
//! `cargo run --release -p holm-e2e --bin faults`, on the embedded cluster in virtual time, or with `HOLM_E2E=real` on a real
//! control plane.
//!
//! | option | what it is | default |
//! |---|---|---|
//! | `--stack`, `--phase`, `--fault` | names, separated by commas | all |
//! | `--every N` | only every Nth request | 1 |
//! | `--workers N` | how many stacks are on trial side by side, which helps only on a real control plane | 3 |
//! | `--only STACK:PHASE:NUMBER:FAULT` | one trial | |
//! | `--name NAME` | the control plane's folder and the namespaces, so that several run side by side | `faults` |
//! | `--kill` | real programs through a proxy, ended with SIGKILL, instead of runs in process | |

#![allow(clippy::print_stdout, reason = "the counts are the program's output")]

use std::process::ExitCode;

use holm_e2e::fault::{Campaign, Fault, Job, Killings, Phase, StackKind, Trial};
use holm_e2e::{ControlPlane, is_embedded};

type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    holm_e2e::exit_code(run(std::env::args().skip(1)))
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<bool> {
    let mut campaign = Campaign {
        stacks: StackKind::ALL.to_vec(),
        phases: Phase::ALL.to_vec(),
        faults: Fault::ALL.to_vec(),
        every: 1,
        workers: 3,
        name: "faults".to_owned(),
    };
    let mut only: Option<Job> = None;
    let mut kills = false;
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
        match option.as_str() {
            "--stack" => campaign.stacks = names(&value()?, StackKind::named)?,
            "--phase" => campaign.phases = names(&value()?, Phase::named)?,
            "--fault" => campaign.faults = names(&value()?, Fault::named)?,
            "--every" => campaign.every = number(&value()?)?.max(1),
            "--workers" => campaign.workers = usize::try_from(number(&value()?)?).unwrap_or(1).max(1),
            "--only" => only = Some(value()?.parse()?),
            "--name" => campaign.name = value()?,
            "--kill" => kills = true,
            _ => return Err(format!("there is no option {option}")),
        }
    }
    let tell = |line: &str| println!("{line}");
    if is_embedded() && !kills {
        if let Some(job) = only {
            return Ok(told(&campaign.run_one_embedded(job)?));
        }
        let tally = campaign.run_embedded(&tell)?;
        println!("{tally}");
        return Ok(tally.failures.is_empty());
    }
    let cluster = ControlPlane::start(&campaign.name);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let client = holm_e2e::fault::connect(cluster.admin()).await?;
        if let Some(job) = only {
            return Ok(told(&campaign.run_one(job, &client).await?));
        }
        let tally = if kills {
            let every = usize::try_from(campaign.every).unwrap_or(1);
            Killings { every }.run(&cluster, &client, &tell).await?
        } else {
            campaign.run(&client, &tell).await?
        };
        println!("{tally}");
        Ok(tally.failures.is_empty())
    })
}

fn told(trial: &Trial) -> bool {
    println!("{trial:#?}");
    trial.problems.is_empty()
}

fn names<T>(text: &str, named: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    text.split(',').map(|name| named(name).ok_or_else(|| format!("there is nothing called {name}"))).collect()
}

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|_| format!("{text} is no number"))
}
