//! Where two servers answer a sequence differently.

use serde_json::Value;

use super::explained::{EXPLAINED, Explained};
use super::{Player, Sequence, Step};
use crate::normal;

/// Two different answers to the same request.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The position of the step.
    pub step: usize,
    /// What the first server answered.
    pub expected: Value,
    /// What the second server answered.
    pub found: Value,
    /// Where the answers differ.
    pub lines: Vec<String>,
    /// What kind of difference it is: the same for what has the same cause, more or less.
    pub signature: String,
}

/// Plays a sequence on two servers, the first of which is right, and gives the number of steps that were played, how many answers
/// differed for a known reason, and the other differences. It ends when the servers are no longer in the same state.
///
/// # Errors
/// If a server cannot be reached.
pub async fn compare(
    sequence: &Sequence,
    namespace: &str,
    servers: [&kube::Client; 2],
) -> Result<(usize, Vec<&'static Explained>, Vec<Difference>), kube::Error> {
    let (first, second) =
        futures::future::try_join(Player::start(servers[0], namespace), Player::start(servers[1], namespace)).await?;
    let (mut first, mut second) = (first, second);
    let mut explained = Vec::new();
    let mut differences = Vec::new();
    for (position, step) in sequence.steps.iter().enumerate() {
        let (expected, found) = futures::future::try_join(first.play(step), second.play(step)).await?;
        let lines = normal::differences(&expected, &found);
        if lines.is_empty() {
            continue;
        }
        let code = |answer: &Value| answer["code"].as_u64().unwrap_or_default();
        let apart = !step.only_reads() && (code(&expected) < 400 || code(&found) < 400);
        match EXPLAINED.iter().find(|known| (known.is)(step, &expected, &found)) {
            Some(known) => explained.push(known),
            None => {
                let signature = signature(step, &expected, &found, &lines);
                differences.push(Difference { step: position, expected, found, lines, signature });
            }
        }
        if apart {
            return Ok((position + 1, explained, differences));
        }
    }
    Ok((sequence.steps.len(), explained, differences))
}

/// The resource that a step is about.
fn resource(step: &Step) -> &str {
    let path = step.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let start = if parts.first() == Some(&"api") { 2 } else { 3 };
    match parts.get(start) {
        Some(&"namespaces") => parts.get(start + 2).copied().unwrap_or_default(),
        other => other.copied().unwrap_or_default(),
    }
}

fn causes(answer: &Value) -> Vec<String> {
    let causes = answer.pointer("/details/causes").and_then(Value::as_array).into_iter().flatten();
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let short = |cause: &Value| format!("{} {}", text(cause, "reason").replace("FieldValue", ""), text(cause, "field"));
    causes.map(|cause| general(&short(cause))).collect()
}

/// A path without positions and keys, and without the way to a pod's spec.
fn general(path: &str) -> String {
    let mut text = String::new();
    let mut depth = 0;
    for character in path.chars() {
        match character {
            '[' => {
                depth += 1;
                text.push_str(if depth == 1 { "[]" } else { "" });
            }
            ']' => depth -= 1,
            _ if depth > 0 => {}
            other => text.push(other),
        }
    }
    for way in ["spec.jobTemplate.spec.template.spec", "spec.template.spec", "template.spec"] {
        text = text.replace(way, "POD");
    }
    text
}

fn signature(step: &Step, expected: &Value, found: &Value, lines: &[String]) -> String {
    let what = match step.method.as_str() {
        "PATCH" => step.content.as_str(),
        other => other,
    };
    let code = |answer: &Value| answer["code"].to_string();
    let (right, wrong) = (causes(expected), causes(found));
    let missing: Vec<String> =
        right.iter().filter(|cause| !wrong.contains(cause)).map(|cause| format!("-{cause}")).collect();
    let added = wrong.iter().filter(|cause| !right.contains(cause)).map(|cause| format!("+{cause}"));
    let mut parts: Vec<String> = missing.into_iter().chain(added).collect();
    parts.dedup();
    if parts.is_empty() {
        let path = |line: &String| general(line.split(": expected").next().unwrap_or_default());
        parts = lines.iter().map(path).collect();
        parts.dedup();
        parts.truncate(3);
    }
    let text = format!("{}→{} {}", code(expected), code(found), parts.join(" "));
    // What is about pods is the same for all that have a template, and what a body must be for all verbs.
    if text.contains("POD") { text } else { format!("{} {what} {text}", resource(step)) }
}
