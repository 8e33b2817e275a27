//! Events go an hour after they were last written, as the storage of a real cluster lets them (`--event-ttl` of the API server).

use holm_apiserver::DeleteOptions;
use serde_json::Value;

use crate::context::Context;
use crate::error::{Outcome, is_not_found};
use crate::fields::{seconds, text};
use crate::kind::Kind;
use crate::queue::Key;

/// How long an event stays, in seconds.
const LIFE: i64 = 3600;

/// Deletes an event whose time is over.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(event) = context.get(Kind::Event, &key.namespace, &key.name) else { return Ok(()) };
    let now = context.now_seconds();
    let end = last_written(&event).min(now) + LIFE;
    if now < end {
        context.again_at(key, end);
        return Ok(());
    }
    match context.delete(Kind::Event, &key.namespace, &key.name, &DeleteOptions::default()) {
        Err(error) if !is_not_found(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// When an event was last written, as far as it says so itself: whoever counts one up gives it the time.
fn last_written(event: &Value) -> i64 {
    let times = ["/metadata/creationTimestamp", "/lastTimestamp", "/series/lastObservedTime"];
    times.iter().filter_map(|path| seconds(text(event, path))).max().unwrap_or_default()
}
