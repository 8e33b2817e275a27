//! The embedded API server answers as Kubernetes does.
//!
//! `cases/*.yaml` holds requests, `goldens.json` how a real control plane of 1.37 answered them, normalised. The test sends the
//! requests to the embedded server and compares. With `HOLM_TEST_KUBECONFIG` it sends them to that cluster as well, and with
//! `HOLM_RECORD` it writes the answers of that cluster down as the new goldens.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic)]

mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::stream::{self, StreamExt};
use holm_conformance::normal;
use serde_json::Value;

use run::Case;

/// How many cases are played at the same time; each has its own namespace.
const CONCURRENT: usize = 8;

type Goldens = BTreeMap<String, Vec<Value>>;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder().join("cases")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("HOLM_CASE").unwrap_or_default();
    let cases: Vec<Case> = files.iter().flat_map(|file| run::read(&std::fs::read_to_string(file).unwrap())).collect();
    cases.into_iter().filter(|case| case.name.starts_with(&only)).collect()
}

#[tokio::test]
async fn the_embedded_server_answers_as_kubernetes_does() {
    let goldens: Goldens = std::fs::read_to_string(folder().join("goldens.json"))
        .map(|text| serde_json::from_str(&text).unwrap())
        .unwrap_or_default();
    let cluster = holm_apiserver::ApiServer::new().unwrap();
    let report = compare("embedded", &cluster.client(), &goldens, true).await;
    eprintln!("{report}");
    assert!(report.failures.is_empty(), "{report}");
}

#[tokio::test]
async fn kubernetes_still_answers_as_recorded() {
    let Ok(path) = std::env::var("HOLM_TEST_KUBECONFIG") else { return };
    let config = kube::config::Kubeconfig::read_from(path).unwrap();
    let config =
        kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    if std::env::var("HOLM_RECORD").is_ok() {
        let path = folder().join("goldens.json");
        let mut goldens: Goldens =
            std::fs::read_to_string(&path).map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
        let client = &client;
        let played = stream::iter(cases()).map(|case| async move {
            let start = std::time::Instant::now();
            let answers = case.play(client).await;
            eprintln!("{} after {:?}", case.name, start.elapsed());
            (case.name, answers)
        });
        goldens.extend(played.buffer_unordered(CONCURRENT).collect::<Goldens>().await);
        if std::env::var("HOLM_CASE").is_err() {
            let known: Vec<String> = cases().into_iter().map(|case| case.name).collect();
            goldens.retain(|name, _| known.contains(name));
        }
        let lines: Vec<String> = goldens
            .iter()
            .map(|(name, answers)| format!("{}: {}", Value::from(name.as_str()), Value::from(answers.clone())))
            .collect();
        std::fs::write(path, format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
        return;
    }
    let goldens: Goldens =
        serde_json::from_str(&std::fs::read_to_string(folder().join("goldens.json")).unwrap()).unwrap();
    let report = compare("kubernetes", &client, &goldens, false).await;
    assert!(report.failures.is_empty(), "{report}");
}

struct Report {
    server: &'static str,
    passed: usize,
    skipped: Vec<String>,
    failures: Vec<String>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (passed, skipped, failed) = (self.passed, self.skipped.len(), self.failures.len());
        writeln!(out, "{}: {passed} cases as recorded, {failed} not, {skipped} not supported", self.server)?;
        self.skipped.iter().chain(&self.failures).try_for_each(|line| writeln!(out, "{line}"))
    }
}

async fn compare(server: &'static str, client: &kube::Client, goldens: &Goldens, embedded: bool) -> Report {
    let mut report = Report { server, passed: 0, skipped: Vec::new(), failures: Vec::new() };
    for case in cases() {
        if let Some(why) = case.unsupported.as_ref().filter(|_| embedded) {
            report.skipped.push(format!("  not supported: {}: {why}", case.name));
            continue;
        }
        let Some(golden) = goldens.get(&case.name) else {
            report.failures.push(format!("  {}: has no golden", case.name));
            continue;
        };
        let answers = case.play(client).await;
        let differences: Vec<String> = golden
            .iter()
            .zip(&answers)
            .enumerate()
            .flat_map(|(step, (expected, found))| {
                normal::differences(expected, found).into_iter().map(move |line| format!("    step {step}: {line}"))
            })
            .collect();
        if differences.is_empty() && golden.len() == answers.len() {
            report.passed += 1;
        } else {
            report.failures.push(format!("  {}\n{}", case.name, differences.join("\n")));
        }
    }
    report
}
