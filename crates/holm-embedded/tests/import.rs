//! A program that imports is killed at random moments: the cluster then has what it had or what it was to get, and nothing else.
//!
//! `HOLM_KILLS` says how often it is killed: 30 times unless it is said otherwise.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use holm_embedded::{Cluster, ClusterOptions, Place};
use serde_json::{Value, json};

/// Where the program that is killed imports. This binary is that program where the variable is set.
const DIRECTORY: &str = "HOLM_IMPORT_DIRECTORY";

fn place(directory: &Path) -> Place {
    Place::in_directory(directory, "imported").unwrap()
}

fn options() -> ClusterOptions {
    ClusterOptions { in_background: false, ..ClusterOptions::default() }
}

/// The objects of a cluster with so many ConfigMaps that say they are of this import.
async fn exported(import: usize) -> Vec<Value> {
    let cluster = Cluster::start(options()).await.unwrap();
    let objects = cluster.api().find("ConfigMap").unwrap();
    for number in 0..150 {
        let object = json!({
            "metadata": {"name": format!("c{number}"), "namespace": "default"},
            "data": {"import": import.to_string(), "filling": "x".repeat(2000)},
        });
        objects.create(object, &holm_embedded::WriteOptions::by("test")).unwrap();
    }
    cluster.api().snapshot().iter().map(|object| Value::clone(object)).collect()
}

async fn import(directory: &Path, objects: Vec<Value>) {
    let held = place(directory).hold("imports").unwrap();
    held.import(objects).await.unwrap().finish().unwrap();
}

#[tokio::test]
async fn the_program_that_is_killed() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let start: usize = env::var("HOLM_IMPORT_START").unwrap().parse().unwrap();
    let mut out = std::io::stdout();
    for number in start.. {
        let objects = exported(number).await;
        writeln!(out, "\nbegin {number}").unwrap();
        out.flush().unwrap();
        import(&directory, objects).await;
        writeln!(out, "done {number}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn an_import_that_is_killed_leaves_the_old_contents_or_the_new_ones() {
    if env::var_os(DIRECTORY).is_some() {
        return;
    }
    let directory = env::temp_dir().join(format!("holm-embedded-import-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    import(&directory, exported(0).await).await;
    let kills: u64 = env::var("HOLM_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(30);
    let (mut known, mut next, mut random) = (0, 1, 0x2545_f491_4f6c_dd1d_u64);
    for _ in 0..kills {
        let mut program = Command::new(env::current_exe().unwrap());
        program.args(["the_program_that_is_killed", "--exact", "--nocapture"]).stdout(Stdio::piped());
        program.env(DIRECTORY, &directory).env("HOLM_IMPORT_START", next.to_string());
        let mut program = program.spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        // Killed some time after it has begun an import.
        let begun = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("begin ")));
        assert!(begun.is_some(), "it begins no import");
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % 150_000));
        program.kill().unwrap();
        program.wait().unwrap();
        let (mut begun, mut done) = (next, known);
        for line in lines.map_while(Result::ok) {
            let number = |word: &str| line.strip_prefix(word).and_then(|number| number.parse().ok());
            begun = number("begin ").unwrap_or(begun);
            done = number("done ").unwrap_or(done);
        }
        let cluster = Cluster::open(&place(&directory), "the test", options()).await.unwrap();
        let snapshot = cluster.api().snapshot();
        let imports: Vec<usize> =
            snapshot.iter().filter_map(|object| object.pointer("/data/import")?.as_str()?.parse().ok()).collect();
        assert_eq!(imports.len(), 150, "the cluster has another number of objects");
        assert!(imports.iter().all(|import| *import == imports[0]), "the cluster has objects of two imports");
        assert!((done..=begun).contains(&imports[0]), "{} is there, {done} was done and {begun} begun", imports[0]);
        drop(cluster);
        let left: Vec<_> =
            fs::read_dir(directory.join("clusters")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".import")), "{left:?}");
        (known, next) = (imports[0], begun + 1);
    }
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn an_import_that_is_not_finished_changes_nothing() {
    let directory = env::temp_dir().join(format!("holm-embedded-import-none-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    import(&directory, exported(0).await).await;
    let mut wrong = exported(1).await;
    wrong.push(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "without-uid", "namespace": "default"}}),
    );
    let refused = place(&directory).hold("imports").unwrap().import(wrong).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("without-uid")));
    drop(place(&directory).hold("imports").unwrap().import(exported(2).await).await.unwrap());
    let cluster = Cluster::open(&place(&directory), "the test", options()).await.unwrap();
    let first = cluster.api().find("ConfigMap").unwrap().get("default", "c0").unwrap();
    assert_eq!(first["data"]["import"], "0");
    let files: Vec<_> =
        fs::read_dir(directory.join("clusters")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name.to_string_lossy().ends_with(".import")), "{files:?}");
    drop(cluster);
    fs::remove_dir_all(directory).unwrap();
}
