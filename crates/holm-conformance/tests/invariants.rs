//! What holds of every request to the embedded API server, whatever it is: random sequences of the fuzzer, on it alone.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use holm_apiserver::ApiServer;
use holm_conformance::Answer;
use holm_conformance::fuzz::{Player, Shape, Step, define, get, sequence};
use serde_json::{Value, json};

/// About 2,000 requests, each with its dry run.
const SEQUENCES: u64 = 50;

/// The same request without an effect; none if it has none anyway.
fn dry(step: &Step) -> Option<Step> {
    if step.only_reads() || step.path.contains("dryRun") {
        return None;
    }
    let mut dry = step.clone();
    if let Some(body) = dry.body.as_mut().filter(|_| step.method == "DELETE") {
        // The options of a deletion are in its body, if it has one.
        body["dryRun"] = json!(["All"]);
    } else {
        dry.path.push_str(if dry.path.contains('?') { "&dryRun=All" } else { "?dryRun=All" });
    }
    Some(dry)
}

fn version(answer: &Answer) -> &str {
    answer.body.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
}

/// An object without its version and the times of its owners.
fn content(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    object
}

/// What says nothing when answers are compared: the version, which a dry run does not make.
fn comparable(mut normal: Value) -> Value {
    if let Some(fields) = normal.as_object_mut() {
        fields.remove("version");
    }
    let mut shown = normal.clone();
    for pointer in ["/object/metadata", "/object"] {
        if let Some(fields) = shown.pointer_mut(pointer).and_then(Value::as_object_mut) {
            fields.remove("resourceVersion");
        }
    }
    shown
}

/// Whether a field or an item of a value, or the value itself, is null or has nothing in it.
fn has_nothing_somewhere(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty() || fields.values().any(has_nothing_somewhere),
        Value::Array(items) => items.is_empty() || items.iter().any(has_nothing_somewhere),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Whether Kubernetes itself takes the same apply for something new each time: it compares what has nothing in it with what is not
/// there, and refuses a time of deletion or an old version only where there is an object.
fn is_never_the_same(body: &Value) -> bool {
    ["deletionTimestamp", "resourceVersion"].iter().any(|field| body["metadata"].get(field).is_some())
        || ["metadata", "spec", "data"].iter().any(|part| body.get(part).is_some_and(has_nothing_somewhere))
}

/// Whether a write may store what shows nothing new: bytes and metadata that were null or empty, and the owners of a scale.
fn is_stored_otherwise(path: &str) -> bool {
    ["fuzz.example.com", "/secrets", "/scale"].iter().any(|part| path.contains(part))
}

fn number(object: &Value) -> u64 {
    let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn whatever_is_asked_dry_runs_tell_the_truth_and_versions_move_with_content() {
    let server = ApiServer::builder().seed(1).build().expect("the server starts");
    let client = server.client();
    define(&client).await.expect("the definitions are made");
    let (mut requests, mut applies) = (0, 0);
    for seed in 0..SEQUENCES {
        let sequence = sequence(seed, &Shape::default());
        let mut player = Player::start(&client, &format!("invariants-{seed}")).await.expect("a namespace");
        for step in sequence.steps.iter().filter(|step| step.method != "WATCH") {
            requests += 1;
            let told = format!("seed {seed}: {}", step.to_value());
            let before = player.look(step).await.expect("an answer");
            let revision = server.revision();
            let foretold = match dry(step) {
                Some(dry) => Some(player.send(&dry).await.expect("an answer")),
                None => None,
            };
            assert_eq!(server.revision(), revision, "a dry run stored something\n{told}");
            let answer = player.send(step).await.expect("an answer");
            if step.only_reads() || answer.code >= 400 {
                assert_eq!(server.revision(), revision, "nothing was to be stored\n{told}");
            }
            if let Some(foretold) = foretold {
                check_dry_run(&mut player, &foretold, &answer, &told);
            }
            let after = player.look(step).await.expect("an answer");
            if before.code == 200
                && after.code == 200
                && before.body["metadata"]["uid"] == after.body["metadata"]["uid"]
            {
                let moved = version(&before) != version(&after);
                let changed = content(&before.body) != content(&after.body);
                let is_list = after.body.get("items").is_some();
                // A deletion may put a finalizer there that goes at once.
                let is_other = moved && (step.method == "DELETE" || is_stored_otherwise(&step.path));
                assert!(is_list || is_other || moved == changed, "moved: {moved}, changed: {changed}\n{told}");
                assert!(number(&after.body) >= number(&before.body), "a version became less\n{told}");
            }
            let body = step.body.clone().unwrap_or_default();
            if step.content == "apply" && matches!(answer.code, 200 | 201) && !step.path.contains("dryRun") {
                let again = player.send(step).await.expect("an answer");
                // An object without owners gets some by the next apply, whatever that says.
                let has_owners = answer.body.pointer("/metadata/managedFields").is_some();
                // It may be refused, where the first one took fields with the type of a service that it makes wrong now.
                if again.code == 200 && has_owners && !is_never_the_same(&body) {
                    // What follows from the first one, such as a quota that is counted, has happened by then.
                    let (first, second) = (version(&after), version(&again));
                    assert_eq!(second, first, "the same apply changed something\n{told}\n{}", again.body);
                    applies += 1;
                }
            }
        }
    }
    assert!(requests >= 2_000, "only {requests} requests");
    assert!(applies >= 100, "only {applies} applies were done once more");
}

/// What a watch tells, from the beginning, leads to what a list shows in the end.
#[tokio::test(start_paused = true)]
async fn every_watch_replays_to_what_a_list_shows() {
    let server = ApiServer::builder().seed(1).build().expect("the server starts");
    let client = server.client();
    define(&client).await.expect("the definitions are made");
    let mut events = 0;
    for seed in 0..SEQUENCES {
        let start = server.revision();
        let sequence = sequence(seed, &Shape::default());
        let namespace = format!("replayed-{seed}");
        let mut player = Player::start(&client, &namespace).await.expect("a namespace");
        let mut collections: BTreeSet<String> = BTreeSet::new();
        for step in sequence.steps.iter().filter(|step| step.method != "WATCH") {
            player.send(step).await.expect("an answer");
            if step.path.contains("/namespaces/${ns}/") {
                let path = step.path.split('?').next().unwrap_or_default();
                let collection: Vec<&str> =
                    path.split('/').take(if path.starts_with("/api/") { 6 } else { 7 }).collect();
                collections.insert(collection.join("/").replace("${ns}", &namespace));
            }
        }
        for collection in collections {
            let path = format!("{collection}?watch=true&timeoutSeconds=1&resourceVersion={start}");
            let watched = get(&client, &path).await.expect("an answer");
            let mut replayed: BTreeMap<String, Value> = BTreeMap::new();
            for event in &watched.lines {
                events += 1;
                let object = &event["object"];
                let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                match event["type"].as_str() {
                    Some("DELETED") => drop(replayed.remove(&name)),
                    _ => drop(replayed.insert(name, object.clone())),
                }
            }
            let listed = get(&client, &collection).await.expect("an answer");
            let items = listed.body["items"].as_array().cloned().unwrap_or_default();
            let listed: BTreeMap<String, Value> = items
                .into_iter()
                .map(|mut item| {
                    // The items of a list do not say what they are.
                    let shown = replayed.get(item["metadata"]["name"].as_str().unwrap_or_default());
                    for field in ["apiVersion", "kind"] {
                        item[field] = shown.map(|shown| shown[field].clone()).unwrap_or_default();
                    }
                    (item["metadata"]["name"].as_str().unwrap_or_default().to_owned(), item)
                })
                .collect();
            assert_eq!(replayed, listed, "seed {seed}: {collection}");
        }
    }
    assert!(events >= 500, "only {events} events");
}

fn check_dry_run(player: &mut Player<'_>, foretold: &Answer, answer: &Answer, told: &str) {
    let text = answer.body["message"].as_str().unwrap_or_default();
    // Only storing an object notices a version in it, and only an address that is stored that its service has no name.
    if text.contains("resourceVersion should not be set") || text.contains("the service has no name") {
        return;
    }
    let (dry, real) = (comparable(player.normal(foretold)), comparable(player.normal(answer)));
    assert_eq!(dry, real, "the dry run told something else\n{told}");
}
