//! Plays races of two to four runs of one stack and looks for what must not be:
//! `cargo run -p holm-e2e --bin races`, on the embedded cluster behind its listener, or with `HOLM_E2E=real` on a real control
//! plane. It ends with 1 when a promise was broken. See docs/races.md.
//!
//! | option | what it is | default |
//! |---|---|---|
//! | `--count N` | how many races with overlapping runs there are to be | 300 |
//! | `--from N` | the seed of the first race; the next ones follow | 1 |
//! | `--at-once N` | how many races are played side by side | 4 |
//! | `--seed N` | one race alone, with everything that its runs wrote | |
//! | `--name NAME` | the control plane's folder and the namespaces, so that several run side by side | `races` |

#![allow(clippy::print_stdout, reason = "the counts are the program's output")]

use std::process::ExitCode;
use std::time::Instant;

use holm_e2e::ControlPlane;
use holm_e2e::race::{self, Campaign, Race, Table, Tally};

type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    // The runs that race are processes of this same program, as which it is a workspace like any other.
    if std::env::var_os(race::PROCESS).is_some() {
        return holm::run(race::PROGRAM, race::declare);
    }
    holm_e2e::exit_code(run(std::env::args().skip(1)))
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<bool> {
    let mut campaign = Campaign { seed: 1, count: 300, at_once: 4 };
    let mut only: Option<u64> = None;
    let mut name = "races".to_owned();
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--count" => campaign.count = number(&value)?,
            "--from" => campaign.seed = number(&value)?,
            "--at-once" => campaign.at_once = usize::try_from(number(&value)?).unwrap_or(1),
            "--seed" => only = Some(number(&value)?),
            "--name" => name = value,
            _ => return Err(format!("there is no option {option}")),
        }
    }
    let cluster = ControlPlane::start(&name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let client = runtime.block_on(holm_e2e::fault::connect(cluster.admin()))?;
    let table = Table { cluster: &cluster, client, runtime: runtime.handle().clone(), name };
    if let Some(seed) = only {
        return one(&table, &Race::of(seed));
    }
    let begun = Instant::now();
    let tally = campaign.play(&table, &|line| println!("{line}"))?;
    println!("{tally}");
    println!("seeds from {}, {} s", campaign.seed, begun.elapsed().as_secs());
    Ok(tally.failed.is_empty() && tally.overlapped >= campaign.count)
}

/// Plays one race and shows everything.
fn one(table: &Table<'_>, race: &Race) -> Result<bool> {
    println!("{race}\n");
    let played = table.play(race)?;
    for (number, ended) in played.ended.iter().enumerate() {
        println!("--- run {}\n{}", number + 1, ended.finished);
        for exchange in ended.journal.exchanges().iter().filter(|exchange| exchange.request.is_mutating()) {
            println!("  {}", exchange.request);
        }
    }
    for finished in &played.after {
        println!("--- then\n{finished}");
    }
    let mut tally = Tally::default();
    let line = tally.take(race.seed, Ok(played));
    println!("{}\n{tally}", line.unwrap_or_default());
    Ok(tally.failed.is_empty())
}

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|_| format!("{text} is no number"))
}
