//! The controllers do what those of Kubernetes do.
//!
//! `cases/*.yaml` holds scenarios: objects, and what happens to them. `goldens.json` holds what was there after each of them on a real
//! control plane of 1.37, normalised. The test plays them on the embedded cluster and compares. With `HOLM_TEST_KUBECONFIG` it plays
//! them on that cluster instead, and with `HOLM_RECORD` it writes down what it finds there as the new goldens. `HOLM_CASE` names the
//! beginning of the scenarios to play.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic)]

mod cluster;
mod normal;
mod play;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::stream::{self, StreamExt};
use serde_json::Value;

use cluster::Cluster;
use play::Scenario;

/// How many scenarios are played on a real cluster at the same time; each has its own namespace.
const CONCURRENT: usize = 12;

type Goldens = BTreeMap<String, Value>;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn scenarios() -> Vec<Scenario> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder().join("cases")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("HOLM_CASE").unwrap_or_default();
    let all = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        play::read(file.file_stem().unwrap().to_str().unwrap(), &text)
    });
    all.filter(|scenario| scenario.name.starts_with(&only)).collect()
}

fn goldens() -> Goldens {
    std::fs::read_to_string(folder().join("goldens.json"))
        .map(|text| serde_json::from_str(&text).unwrap())
        .unwrap_or_default()
}

fn compare(found: &[(String, Value)]) {
    let goldens = goldens();
    let mut failures = Vec::new();
    for (name, found) in found {
        let differences = match goldens.get(name) {
            None => vec!["    has no golden".to_owned()],
            Some(golden) => normal::differences(golden, found),
        };
        if !differences.is_empty() {
            failures.push(format!("  {name}\n{}", differences.join("\n")));
        }
    }
    eprintln!("{} scenarios, {} as recorded", found.len(), found.len() - failures.len());
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), found.len(), failures.join("\n"));
}

#[tokio::test]
async fn the_embedded_controllers_do_what_those_of_kubernetes_do() {
    let mut found = Vec::new();
    for scenario in scenarios() {
        let mut cluster = Cluster::embedded();
        let outcome = scenario.play(&mut cluster).await;
        found.push((scenario.name, outcome));
    }
    compare(&found);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_controllers_of_kubernetes_still_do_as_recorded() {
    let Ok(path) = std::env::var("HOLM_TEST_KUBECONFIG") else { return };
    let client = cluster::connect(&path).await;
    let played = stream::iter(scenarios()).map(|scenario| {
        let client = client.clone();
        async move {
            let outcome = scenario.play(&mut Cluster::Real(client)).await;
            eprintln!("played {}", scenario.name);
            (scenario.name, outcome)
        }
    });
    let mut found: Vec<(String, Value)> = played.buffer_unordered(CONCURRENT).collect().await;
    found.sort_by(|left, right| left.0.cmp(&right.0));
    if std::env::var("HOLM_RECORD").is_err() {
        compare(&found);
        return;
    }
    let mut all = goldens();
    if std::env::var("HOLM_CASE").is_err() {
        all.clear();
    }
    all.extend(found);
    let lines: Vec<String> =
        all.iter().map(|(name, outcome)| format!("{}: {outcome}", Value::from(name.as_str()))).collect();
    std::fs::write(folder().join("goldens.json"), format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
}
