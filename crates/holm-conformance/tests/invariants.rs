//! What holds of every request to the embedded API server, whatever it is: random sequences of the fuzzer, on it alone.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use holm_apiserver::ApiServer;
use holm_conformance::Answer;
use holm_conformance::fuzz::{Player, Shape, Step, define, sequence};
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

#[tokio::test]
async fn whatever_is_asked_dry_runs_tell_the_truth_and_versions_move_with_content() {
    let server = ApiServer::builder().seed(1).build().expect("the server starts");
    let client = server.client();
    define(&client).await.expect("the definitions are made");
    let mut requests = 0;
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
            assert_ne!(answer.body["reason"], "InternalError", "{told}\n{}", answer.body);
            if step.only_reads() {
                assert_eq!(server.revision(), revision, "reading stored something\n{told}");
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
                assert!(is_list || moved == changed, "moved: {moved}, changed: {changed}\n{told}");
            }
            if step.content == "apply" && matches!(answer.code, 200 | 201) && !step.path.contains("dryRun") {
                let again = player.send(step).await.expect("an answer");
                assert_eq!(again.code, 200, "{told}\n{}", again.body);
                assert_eq!(
                    version(&again),
                    version(&answer),
                    "the same apply changed something\n{told}\n{}",
                    again.body
                );
            }
        }
    }
    assert!(requests >= 2_000, "only {requests} requests");
}

fn check_dry_run(player: &mut Player<'_>, foretold: &Answer, answer: &Answer, told: &str) {
    let text = answer.body["message"].as_str().unwrap_or_default();
    if text.contains("resourceVersion should not be set") {
        // Only storing an object notices this.
        return;
    }
    let (dry, real) = (comparable(player.normal(foretold)), comparable(player.normal(answer)));
    assert_eq!(dry, real, "the dry run told something else\n{told}");
}
