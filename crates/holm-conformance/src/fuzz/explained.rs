//! Differences that are known, with their reasons.

use serde_json::Value;

use super::Step;
use super::kinds::is_controlled;
use super::play;
use crate::normal;

/// A difference that is no fault.
pub struct Explained {
    /// Why the servers differ.
    pub reason: &'static str,
    /// Whether a difference is this one: for a step, the right answer, and the other one.
    pub is: fn(&Step, &Value, &Value) -> bool,
}

impl std::fmt::Debug for Explained {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.reason)
    }
}

/// All of them.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        reason: "the cache of a real server has only the latest events of a kind, and tells a watch from further back to list anew",
        is: is_expired_watch,
    },
    Explained {
        reason: "a write that changes nothing is stored where the order of its object's managers changes by their times, which are full \
            seconds, and the two servers were on both sides of the end of one",
        is: is_second,
    },
    Explained {
        reason: "controllers own the status of an object as soon as they come to it, so that it has owners when its writers have given \
            up everything, and the next writer is recorded",
        is: is_owned_by_controllers,
    },
    Explained {
        reason: "a scale that changes nothing leaves its manager twice, of which the next write of the object forgets one, and that is a \
            controller's at a time of its own",
        is: is_left_by_scale,
    },
    Explained {
        reason: "a real server tries a change on the object that its cache has, and again on the stored one where that is newer, and \
            what the first attempt warned of stays",
        is: is_warned_of_the_past,
    },
    Explained {
        reason: "an apply stores an empty map in the metadata of a custom object, which the next write leaves out, so that a write which \
            changes nothing changes what is stored",
        is: is_left_out,
    },
    Explained { reason: "controllers count the pods of what was scaled at times of their own", is: is_counted },
    Explained {
        reason: "of a quantity that 64 bits cannot hold, Kubernetes takes the lowest ones, and whether it is whole is decided by these",
        is: is_too_large,
    },
];

/// What controllers scale.
const SCALED: [&str; 3] = ["/deployments", "/replicasets", "/statefulsets"];

fn is_expired_watch(step: &Step, expected: &Value, found: &Value) -> bool {
    let first = |answer: &Value| answer.pointer("/events/0/0").cloned().unwrap_or_default();
    step.method == "WATCH"
        && first(expected) == "ERROR"
        && expected.pointer("/events/0/1/code") == Some(&Value::from(410))
        && first(found) != "ERROR"
}

fn is_owned_by_controllers(_: &Step, expected: &Value, found: &Value) -> bool {
    let kind = expected.pointer("/object/kind").and_then(Value::as_str).unwrap_or_default();
    let lines = normal::differences(expected, found);
    is_controlled(kind)
        && [expected, found].iter().any(|answer| answer.pointer("/object/metadata/managedFields").is_none())
        && lines.len() == 1
        && lines.iter().all(|line| line.starts_with(".object.metadata.managedFields: expected"))
}

fn is_left_by_scale(step: &Step, expected: &Value, found: &Value) -> bool {
    let objects = |answer: &Value| {
        let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        items.into_iter().chain(answer.get("object").cloned()).collect::<Vec<Value>>()
    };
    let entries = |answer: &Value| -> Vec<Value> {
        let lists = objects(answer).into_iter().filter_map(|object| object.pointer("/metadata/managedFields").cloned());
        lists.flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect()
    };
    let (left, right) = (entries(expected), entries(found));
    let one = |entry: &&Value| !(left.contains(entry) && right.contains(entry));
    let lines = normal::differences(expected, found);
    SCALED.iter().any(|resource| step.path.contains(resource))
        && !lines.is_empty()
        && lines.iter().all(|line| line.split(':').next().is_some_and(|path| path.contains(".metadata.managedFields")))
        && left.iter().chain(&right).filter(one).all(play::is_left_by_scale)
}

fn is_left_out(step: &Step, expected: &Value, found: &Value) -> bool {
    let lines = normal::differences(expected, found);
    let managed = expected.pointer("/object/metadata/managedFields").and_then(Value::as_array);
    let is_empty = |entry: &Value| {
        ["labels", "annotations"].iter().any(|map| {
            let owned = entry.pointer(&format!("/fieldsV1/f:metadata/f:{map}")).and_then(Value::as_object);
            entry["operation"] == "Apply" && owned.is_some_and(serde_json::Map::is_empty)
        })
    };
    step.path.contains(".example.com/")
        && lines == [".version: expected \"new\", found \"the same\""]
        && managed.into_iter().flatten().any(is_empty)
}

fn is_counted(step: &Step, expected: &Value, found: &Value) -> bool {
    let lines = normal::differences(expected, found);
    SCALED.iter().any(|resource| step.path.contains(resource))
        && expected["object"]["kind"] == "Scale"
        && lines.len() == 1
        && lines.iter().all(|line| line.starts_with(".object.status.replicas: "))
}

fn is_too_large(step: &Step, expected: &Value, found: &Value) -> bool {
    let digits = |text: &str| text.len() > 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    let hard = step.body.as_ref().and_then(|body| body.pointer("/spec/hard")).and_then(Value::as_object);
    let is_large = hard.into_iter().flatten().any(|(_, amount)| amount.as_str().is_some_and(digits));
    step.path.contains("/resourcequotas") && is_large && expected["code"] == 422 && found["code"] != 500
}

fn is_warned_of_the_past(step: &Step, expected: &Value, found: &Value) -> bool {
    let warnings = |answer: &Value| answer["warnings"].as_array().cloned().unwrap_or_default();
    let told = warnings(expected);
    let lines = normal::differences(expected, found);
    matches!(step.method.as_str(), "PUT" | "PATCH")
        && !lines.is_empty()
        && lines.iter().all(|line| line.starts_with(".warnings"))
        && warnings(found).iter().all(|warning| told.contains(warning))
}

fn is_second(step: &Step, expected: &Value, found: &Value) -> bool {
    let managers = expected.pointer("/object/metadata/managedFields").and_then(Value::as_array);
    let lines = normal::differences(expected, found);
    matches!(step.method.as_str(), "PUT" | "PATCH")
        && managers.is_some_and(|managers| managers.len() > 1)
        && lines.len() == 1
        && lines.iter().all(|line| line.starts_with(".version: expected"))
        && [expected, found].iter().all(|answer| answer["version"] == "new" || answer["version"] == "the same")
}
