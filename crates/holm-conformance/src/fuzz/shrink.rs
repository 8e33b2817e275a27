//! Making a sequence smaller while it still shows the same difference.

use serde_json::Value;

use super::{Difference, Sequence, compare};

/// How often a smaller sequence is tried at most.
const TRIES: usize = 150;

/// The smallest sequence found that still shows a difference of this signature, and that difference.
///
/// # Errors
/// If a server cannot be reached.
pub async fn shrink(
    sequence: &Sequence,
    difference: &Difference,
    servers: [&kube::Client; 2],
    name: &str,
) -> Result<(Sequence, Difference), kube::Error> {
    let mut smallest = sequence.clone();
    smallest.steps.truncate(difference.step + 1);
    let mut shrinking = Shrinking { servers, name, tries: 0, shown: difference.clone() };
    // Whole steps first.
    let mut size = smallest.steps.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start + 1 < smallest.steps.len() {
            let mut smaller = smallest.clone();
            let end = (start + size).min(smaller.steps.len() - 1);
            smaller.steps.drain(start..end);
            if end > start && shrinking.still_shows(&smaller).await? {
                smallest = smaller;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    // Then the bodies, field by field, and the queries.
    for step in (0..smallest.steps.len()).rev() {
        let mut position = 0;
        while let Some(body) = smallest.steps[step].body.as_ref().and_then(|body| without(body, position)) {
            let mut smaller = smallest.clone();
            smaller.steps[step].body = Some(body);
            if shrinking.still_shows(&smaller).await? {
                smallest = smaller;
            } else {
                position += 1;
            }
        }
        let path = smallest.steps[step].path.clone();
        for part in
            ["dryRun=All", "fieldValidation=Strict", "fieldValidation=Ignore", "fieldValidation=Warn", "force=true"]
        {
            if path.contains(part) {
                let mut smaller = smallest.clone();
                let shorter =
                    smaller.steps[step].path.replace(&format!("&{part}"), "").replace(part, "").replace("?&", "?");
                smaller.steps[step].path = shorter;
                if shrinking.still_shows(&smaller).await? {
                    smallest = smaller;
                }
            }
        }
    }
    Ok((smallest, shrinking.shown))
}

struct Shrinking<'a> {
    servers: [&'a kube::Client; 2],
    name: &'a str,
    tries: usize,
    shown: Difference,
}

impl Shrinking<'_> {
    async fn still_shows(&mut self, sequence: &Sequence) -> Result<bool, kube::Error> {
        if self.tries >= TRIES {
            return Ok(false);
        }
        self.tries += 1;
        let namespace = format!("{}-{}", self.name, self.tries);
        let (_, _, differences) = compare(sequence, &namespace, self.servers).await?;
        let signature = &self.shown.signature;
        match differences.into_iter().find(|difference| &difference.signature == signature) {
            Some(difference) => {
                self.shown = difference;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

/// A value without its field or item at this position, counted through all of it; nothing when there are not so many.
fn without(value: &Value, position: usize) -> Option<Value> {
    let mut value = value.clone();
    let mut left = position;
    take(&mut value, &mut left).then_some(value)
}

fn take(value: &mut Value, left: &mut usize) -> bool {
    match value {
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                if *left == 0 {
                    fields.remove(&name);
                    return true;
                }
                *left -= 1;
                if fields.get_mut(&name).is_some_and(|value| take(value, left)) {
                    return true;
                }
            }
            false
        }
        Value::Array(items) => {
            for position in 0..items.len() {
                if *left == 0 {
                    items.remove(position);
                    return true;
                }
                *left -= 1;
                if take(&mut items[position], left) {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}
