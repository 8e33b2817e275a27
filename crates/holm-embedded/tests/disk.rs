//! A disk that is full: the write is refused, nothing more is accepted, and what was acknowledged before is there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holm_embedded::{Client, Cluster, ClusterOptions, Place};
use serde_json::{Value, json};

/// Where the program whose disk is full writes. This binary is that program where the variable is set.
const DIRECTORY: &str = "HOLM_DISK_DIRECTORY";

fn place(directory: &Path) -> Place {
    Place::in_directory(directory, "full").unwrap()
}

async fn create(client: &Client, number: u64) -> Result<Value, kube::Error> {
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{number}")}, "data": {"filling": "x".repeat(20_000)},
    });
    let path = "/api/v1/namespaces/default/configmaps";
    client.request(http::Request::post(path).body(body.to_string().into_bytes()).unwrap()).await
}

/// Creates objects until one is refused, and says which were acknowledged.
#[tokio::test(flavor = "current_thread")]
async fn the_program_whose_disk_is_full() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let cluster = Cluster::open(&place(&directory), "fills the disk", ClusterOptions::default()).await.unwrap();
    let client = cluster.client();
    for number in 0..10_000 {
        if let Err(error) = create(&client, number).await {
            println!("\nrefused {error}");
            let error = create(&client, number + 1).await.unwrap_err();
            println!("\nrefused {error}");
            return;
        }
        println!("\ndone c{number}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_disk_refuses_the_write_and_takes_nothing_back() {
    if env::var_os(DIRECTORY).is_some() {
        return;
    }
    let directory = env::temp_dir().join(format!("holm-embedded-disk-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    // No file of this process may grow beyond 1 to 2 MiB, by the size of a block; it gets an error then, as from a full disk.
    let script = r#"trap '' XFSZ; ulimit -f 2048; exec "$0" the_program_whose_disk_is_full --exact --nocapture"#;
    let mut program = Command::new("sh");
    program.args(["-c", script]).arg(env::current_exe().unwrap()).env(DIRECTORY, &directory);
    let output = program.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = |what: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(what)).map(str::to_owned).collect()
    };
    let (acknowledged, refused) = (said("done "), said("refused "));
    assert!(!acknowledged.is_empty() && refused.len() == 2, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(refused.iter().all(|error| error.contains("cannot be stored")), "{refused:?}");

    let options = ClusterOptions { in_background: false, ..ClusterOptions::default() };
    let cluster = Cluster::open(&place(&directory), "the test", options).await.unwrap();
    let snapshot = cluster.api().snapshot();
    let is_of_the_program = |object: &&std::sync::Arc<Value>| object["data"]["filling"].is_string();
    let found: BTreeSet<String> = snapshot
        .iter()
        .filter(is_of_the_program)
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, acknowledged.into_iter().collect());
    // With room again it goes on.
    create(&cluster.client(), 20_000).await.unwrap();
    fs::remove_dir_all(directory).unwrap();
}
