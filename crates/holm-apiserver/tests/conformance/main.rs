//! The embedded API server answers as Kubernetes does.
//!
//! `cases/*.yaml` holds requests, `goldens.json` how a real control plane of 1.37 answered them, normalised. The test sends the
//! requests to the embedded server and compares. With `HOLM_TEST_KUBECONFIG` it sends them to that cluster as well, and with
//! `HOLM_RECORD` it writes the answers of that cluster down as the new goldens (`missing`: only those that are not there yet). `HOLM_CASE` takes only the cases whose names
//! begin so. `HOLM_REPORT` writes `docs/conformance.md`, which must be what would be written.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic)]

mod kinds;
mod read;
mod report;
mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use holm_conformance::normal;
use serde_json::{Value, json};

use read::Case;

/// How many cases are played at the same time; each has its own namespace.
const CONCURRENT: usize = 8;

/// Until all parts of a real API server know a new resource.
const PAUSE: Duration = Duration::from_millis(300);

/// The case whose golden says which server was recorded.
const VERSION: &str = "version";

type Goldens = BTreeMap<String, Vec<Value>>;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn all_cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder().join("cases")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let shared = std::fs::read_to_string(folder().join("objects.yaml")).unwrap();
    let mut cases: Vec<Case> =
        files.iter().flat_map(|file| read::read(&std::fs::read_to_string(file).unwrap(), &shared)).collect();
    cases.extend(kinds::cases(&std::fs::read_to_string(repository().join("tests/data/kinds.yaml")).unwrap()));
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "two cases have this name");
    cases
}

fn cases() -> Vec<Case> {
    let only = std::env::var("HOLM_CASE").unwrap_or_default();
    all_cases().into_iter().filter(|case| case.name.starts_with(&only)).collect()
}

fn goldens() -> Goldens {
    serde_json::from_str(&std::fs::read_to_string(folder().join("goldens.json")).unwrap()).unwrap()
}

/// An embedded server with the storage classes of the tests' control plane.
async fn embedded() -> kube::Client {
    let client = holm_apiserver::ApiServer::new().unwrap().client();
    let class = |name: &str, rest: Value| {
        let mut class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
            "provisioner": "kubernetes.io/host-path",
        });
        json_patch::merge(&mut class, &rest);
        class
    };
    let default = json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    for class in [
        class("standard", json!({"volumeBindingMode": "WaitForFirstConsumer", "metadata": default["metadata"]})),
        class("immediate", json!({"allowVolumeExpansion": true})),
    ] {
        let request = http::Request::post("/apis/storage.k8s.io/v1/storageclasses");
        let request = request.header("content-type", "application/json").body(class.to_string().into_bytes()).unwrap();
        client.request::<Value>(request).await.unwrap();
    }
    client
}

#[tokio::test]
async fn the_embedded_server_answers_as_kubernetes_does() {
    let report = compare("embedded", &embedded().await, true).await;
    eprintln!("{report}");
    if std::env::var("HOLM_CASE").is_err() {
        let version = goldens()[VERSION][0].pointer("/object/gitVersion").and_then(Value::as_str).unwrap().to_owned();
        let failed: Vec<String> = report.failures.iter().map(|(name, _)| name.clone()).collect();
        let rendered = report::render(&all_cases(), &version, &failed);
        let path = repository().join("docs/conformance.md");
        if std::env::var("HOLM_REPORT").is_ok() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, rendered).unwrap();
        } else {
            let committed = std::fs::read_to_string(path).unwrap_or_default();
            assert!(committed == rendered, "docs/conformance.md is out of date; write it with HOLM_REPORT=1");
        }
    }
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
        record(&client).await;
        return;
    }
    let report = compare("kubernetes", &client, false).await;
    assert!(report.failures.is_empty(), "{report}");
}

async fn record(client: &kube::Client) {
    let path = folder().join("goldens.json");
    let mut goldens: Goldens =
        std::fs::read_to_string(&path).map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
    let missing = std::env::var("HOLM_RECORD").is_ok_and(|which| which == "missing");
    let cases = cases().into_iter().filter(|case| !missing || !goldens.contains_key(&case.name));
    let played = stream::iter(cases.collect::<Vec<_>>()).map(|case| async move {
        let answers = case.play(client, PAUSE).await;
        (case.name, answers)
    });
    goldens.extend(played.buffer_unordered(CONCURRENT).collect::<Goldens>().await);
    let known: Vec<String> = all_cases().into_iter().map(|case| case.name).collect();
    goldens.retain(|name, _| known.contains(name));
    let lines: Vec<String> = goldens
        .iter()
        .map(|(name, answers)| format!("{}: {}", Value::from(name.as_str()), Value::from(answers.clone())))
        .collect();
    std::fs::write(path, format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
}

struct Report {
    server: &'static str,
    passed: usize,
    skipped: Vec<String>,
    /// The names of the cases, and where they differ.
    failures: Vec<(String, String)>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (passed, skipped, failed) = (self.passed, self.skipped.len(), self.failures.len());
        writeln!(out, "{}: {passed} cases as recorded, {failed} not, {skipped} not supported", self.server)?;
        self.skipped.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        self.failures.iter().try_for_each(|(name, differences)| writeln!(out, "  {name}\n{differences}"))
    }
}

async fn compare(server: &'static str, client: &kube::Client, embedded: bool) -> Report {
    let goldens = goldens();
    let mut report = Report { server, passed: 0, skipped: Vec::new(), failures: Vec::new() };
    let (skipped, played): (Vec<Case>, Vec<Case>) =
        cases().into_iter().partition(|case| embedded && case.unsupported.is_some());
    for case in skipped {
        report.skipped.push(format!("  not supported: {}: {}", case.name, case.unsupported.unwrap_or_default()));
    }
    let pause = if embedded { Duration::ZERO } else { PAUSE };
    let played = stream::iter(played).map(|case| async move {
        let answers = case.play(client, pause).await;
        (case, answers)
    });
    let played: Vec<(Case, Vec<Value>)> = played.buffered(CONCURRENT).collect().await;
    for (case, answers) in played {
        let Some(golden) = goldens.get(&case.name) else {
            report.failures.push((case.name, "    has no golden".to_owned()));
            continue;
        };
        let mut differences: Vec<String> = Vec::new();
        for (step, (expected, found)) in golden.iter().zip(&answers).enumerate() {
            let lines = normal::differences(expected, found);
            if !lines.is_empty() {
                let request: String = case.steps[step].to_string().chars().take(300).collect();
                differences.push(format!("    step {step}: {request}"));
                differences.extend(lines.into_iter().map(|line| format!("      {line}")));
            }
        }
        if golden.len() != answers.len() {
            differences.push(format!("    {} answers are recorded, {} given", golden.len(), answers.len()));
        }
        if differences.is_empty() {
            report.passed += 1;
        } else {
            report.failures.push((case.name, differences.join("\n")));
        }
    }
    report
}
