//! Sends random sequences of requests to a real API server and to the embedded one, and shows where they answer differently:
//! `cargo run --release -p holm-e2e --bin fuzz`. It ends with 1 when there was a difference that nothing explains.
//!
//! | option | what it is | default |
//! |---|---|---|
//! | `--seed N` | the seed of the first sequence; the next ones follow | 1 |
//! | `--operations N` | how many requests are sent to both at least | 5000 |
//! | `--steps N` | how many requests a sequence has | 40 |
//! | `--wrong N` | how many bodies of a hundred have something wrong | 20 |
//! | `--kinds A,B` | the kinds that are used | all |
//! | `--at-once N` | how many sequences are played side by side | 32 |
//! | `--shrink N` | how many of the differences are made small | 20 |
//! | `--replay FILE` | plays one sequence, as a difference shows it | |
//! | `--name NAME` | the control plane's folder and the namespaces | `fuzz` |

#![allow(clippy::print_stdout, reason = "the findings are the program's output")]

use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use holm_apiserver::ApiServer;
use holm_conformance::fuzz::{Campaign, Sequence, compare, define};
use holm_e2e::ControlPlane;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    holm_e2e::exit_code(run(std::env::args().skip(1)))
}

struct Options {
    campaign: Campaign,
    shrink: usize,
    replay: Option<String>,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { campaign: Campaign::default(), shrink: 20, replay: None };
    let campaign = &mut options.campaign;
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--seed" => campaign.seed = value.parse()?,
            "--operations" => campaign.operations = value.parse()?,
            "--steps" => campaign.shape.steps = value.parse()?,
            "--wrong" => campaign.shape.wrong = value.parse()?,
            "--kinds" => campaign.shape.kinds = value.split(',').map(str::to_owned).collect(),
            "--at-once" => campaign.at_once = value.parse()?,
            "--shrink" => options.shrink = value.parse()?,
            "--replay" => options.replay = Some(value),
            "--name" => campaign.name = value,
            _ => return Err(format!("there is no option {option}").into()),
        }
    }
    Ok(options)
}

fn run(arguments: impl Iterator<Item = String>) -> Result<bool> {
    let Options { mut campaign, shrink, replay } = options(arguments)?;
    let plane = ControlPlane::start_real(&campaign.name);
    // A cluster that is used again has the namespaces of earlier runs.
    let second = SystemTime::UNIX_EPOCH.elapsed()?.as_secs() % 10_000_000;
    campaign.name = format!("{}-{second}", campaign.name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let real = holm_e2e::fault::connect(plane.admin()).await?;
        let embedded = ApiServer::new()?.client();
        let servers = [&real, &embedded];
        for server in servers {
            define(server).await?;
        }
        if let Some(file) = replay {
            let sequence = Sequence::of_text(&std::fs::read_to_string(&file)?).ok_or("the file holds no sequence")?;
            return replay_one(&sequence, &campaign.name, servers).await;
        }
        let begun = Instant::now();
        let mut tally = campaign.run(servers, &|line| println!("{line}")).await;
        let took = begun.elapsed();
        campaign.shrink(&mut tally, servers, shrink).await?;
        println!("{tally}");
        let rate = tally.operations as f64 / took.as_secs_f64();
        println!("seeds {} to {}, {took:.0?}, {rate:.0} requests a second", campaign.seed, tally.next_seed - 1);
        Ok(tally.is_clean())
    })
}

async fn replay_one(sequence: &Sequence, name: &str, servers: [&kube::Client; 2]) -> Result<bool> {
    let (played, explained, differences) = compare(sequence, name, servers).await?;
    println!("{played} steps; explained: {explained:?}");
    for difference in &differences {
        println!("step {}: {}\n{}", difference.step, difference.signature, difference.lines.join("\n"));
        println!("expected {}\nfound    {}", difference.expected, difference.found);
    }
    Ok(differences.is_empty())
}
