//! A program that writes is killed at random moments: what was acknowledged is there afterwards, and nothing half.
//!
//! `HOLM_KILLS` says how often it is killed: 100 times unless it is said otherwise.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use holm_embedded::{Client, Cluster, ClusterError, ClusterOptions, Place, PlaceError};
use serde_json::{Value, json};

/// Where the program that is killed writes. This binary is that program where the variable is set.
const DIRECTORY: &str = "HOLM_KILL_DIRECTORY";

/// The objects that are written in turn, created, changed and deleted.
const NAMES: u64 = 7;

fn place(directory: &Path) -> Place {
    Place::in_directory(directory, "killed").unwrap()
}

async fn send(client: &Client, method: &str, path: &str, body: Value) -> Value {
    let content = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header("content-type", content);
    client.request(request.body(body.to_string().into_bytes()).unwrap()).await.unwrap()
}

/// Writes for ever, one object after the other, and says each time what was acknowledged: the name and the number that the
/// object holds now, or nothing where it is deleted. The number of a run goes on from the last one's.
#[tokio::test(flavor = "current_thread")]
async fn the_program_that_is_killed() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let cluster = Cluster::open(&place(&directory), "writes", ClusterOptions::default()).await.unwrap();
    let client = cluster.client();
    let start: u64 = env::var("HOLM_KILL_START").unwrap().parse().unwrap();
    let path = "/api/v1/namespaces/default/configmaps";
    let there: Value = client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap();
    let mut there: Vec<String> = there["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    let mut out = std::io::stdout();
    for number in start.. {
        let name = format!("c{}", number % NAMES);
        let of_name = format!("{path}/{name}");
        // Each object is two writes of the same number in one: were it ever stored in halves, they would differ.
        let data =
            json!({"data": {"number": number.to_string(), "again": number.to_string(), "filling": "x".repeat(2000)}});
        let is_there = there.contains(&name);
        // What is begun is said first: it may be stored although nobody heard of it any more.
        writeln!(out, "begin {name} {number}").unwrap();
        if !is_there {
            let mut object = data;
            object["apiVersion"] = json!("v1");
            object["kind"] = json!("ConfigMap");
            object["metadata"] = json!({"name": name});
            send(&client, "POST", path, object).await;
            there.push(name.clone());
            writeln!(out, "done {name} {number}").unwrap();
        } else if number % 5 == 0 {
            send(&client, "DELETE", &of_name, json!({})).await;
            there.retain(|found| *found != name);
            writeln!(out, "done {name} gone").unwrap();
        } else {
            send(&client, "PATCH", &of_name, data).await;
            writeln!(out, "done {name} {number}").unwrap();
        }
        out.flush().unwrap();
    }
}

/// What an object may hold after a kill: what was acknowledged last, or what was begun after it.
#[derive(Default)]
struct Expected {
    acknowledged: BTreeMap<String, String>,
    begun: Option<(String, u64)>,
}

impl Expected {
    fn read(&mut self, line: &str) -> Option<u64> {
        // The first line of the test runner comes before the program's own, on the same line.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [.., what, name, number] = words.as_slice() else { return None };
        match *what {
            "begin" => {
                let number = number.parse().ok()?;
                self.begun = Some(((*name).to_owned(), number));
                Some(number)
            }
            "done" => {
                self.begun = None;
                self.acknowledged.insert((*name).to_owned(), (*number).to_owned());
                None
            }
            _ => None,
        }
    }

    fn check(&mut self, found: &BTreeMap<String, String>) {
        for number in 0..NAMES {
            let name = format!("c{number}");
            let held = found.get(&name).map_or("gone", String::as_str);
            let acknowledged = self.acknowledged.get(&name).map_or("gone", String::as_str);
            let is_begun = self.begun.as_ref().is_some_and(|(begun, number)| {
                *begun == name && (held == number.to_string() || held == "gone" && number % 5 == 0)
            });
            assert!(
                held == acknowledged || is_begun,
                "{name}: holds {held}, acknowledged was {acknowledged}, begun {:?}",
                self.begun
            );
            self.acknowledged.insert(name, held.to_owned());
        }
        self.begun = None;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_half() {
    if env::var_os(DIRECTORY).is_some() {
        return;
    }
    let kills: u64 = env::var("HOLM_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let directory = env::temp_dir().join(format!("holm-embedded-kill-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    let place = place(&directory);
    let (mut expected, mut number, mut writes) = (Expected::default(), 0, 0);
    // Xorshift: moments that differ, and the same ones in every run as far as the machine allows.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for kill in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut program = Command::new(env::current_exe().unwrap())
            .args(["the_program_that_is_killed", "--exact", "--nocapture"])
            .env(DIRECTORY, directory.as_os_str())
            .env("HOLM_KILL_START", (number + 1).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = program.stdout.take().unwrap();
        let (begun, begins) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut heard = Vec::new();
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if line.contains("begin ") {
                    // Only the first one is waited for.
                    let _ = begun.send(());
                }
                heard.push(line);
            }
            heard
        });
        if kill % 5 == 0 {
            // While it starts, perhaps.
            std::thread::sleep(Duration::from_micros(random % 400_000));
        } else {
            // While it writes. It ends without a word only if it fails, which the check would show as writes that are lost.
            let _ = begins.recv();
            std::thread::sleep(Duration::from_micros(random % 60_000));
        }
        if kill % 10 == 9 {
            // By now it has the cluster, or is just about to: who is told that somebody has it is told who.
            match place.hold("the test") {
                Err(PlaceError::InUse { holder: Some(holder), .. }) => assert_eq!(holder.process, program.id()),
                Err(PlaceError::InUse { holder: None, .. }) | Ok(_) => {}
                Err(other) => panic!("{other}"),
            }
        }
        program.kill().unwrap();
        program.wait().unwrap();
        for line in reader.join().unwrap() {
            writes += u64::from(line.contains("done "));
            number = expected.read(&line).unwrap_or(number);
        }
        let options = ClusterOptions { in_background: false, ..ClusterOptions::default() };
        let cluster = match Cluster::open(&place, "the test", options).await {
            Ok(cluster) => cluster,
            Err(error @ ClusterError::Place(_)) => panic!("after kill {kill}, held by nobody any more: {error}"),
            Err(error) => panic!("after kill {kill}: {error:?}"),
        };
        let found: BTreeMap<String, String> = cluster
            .api()
            .snapshot()
            .iter()
            .filter(|object| object["kind"] == "ConfigMap" && object["metadata"]["namespace"] == "default")
            .filter(|object| object["data"]["number"].is_string())
            .map(|object| {
                assert_eq!(object["data"]["number"], object["data"]["again"], "half a write");
                (
                    object["metadata"]["name"].as_str().unwrap().to_owned(),
                    object["data"]["number"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        expected.check(&found);
    }
    println!("{kills} kills, {writes} acknowledged writes, none lost");
    assert!(writes > 0, "it was never left the time to write anything");
    fs::remove_dir_all(directory).unwrap();
}
