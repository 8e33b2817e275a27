//! Events: what controllers say about objects.
//!
//! From `k8s.io/client-go`, `tools/record/event.go` and `tools/record/events_cache.go`: an event that is like an earlier one counts it
//! up; from ten similar ones in ten minutes on they are combined; and a source has 25 events for an object, and one more every
//! five minutes.

use std::collections::{BTreeSet, HashMap};

use holm_apiserver::Timestamp;
use serde_json::{Value, json};

use crate::fields::{name, namespace, text, uid};
use crate::kind::Kind;

const COMBINED: &str = "(combined from similar events): ";
const SIMILAR: usize = 10;
/// How many events are remembered.
const MAX_KNOWN: usize = 4096;
const SIMILAR_MILLISECONDS: i64 = 600_000;
const BURST: f64 = 25.0;
const MILLISECONDS_PER_EVENT: f64 = 300_000.0;

/// An event that a controller has to write.
#[derive(Debug)]
pub(crate) enum Write {
    /// A new one.
    Create(Value),
    /// One more of an earlier one.
    Count { namespace: String, name: String, count: i64, time: String, message: String },
}

/// What is said, by which controller, about which object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub component: &'a str,
    pub warning: bool,
    pub reason: &'a str,
    pub message: &'a str,
}

#[derive(Debug)]
struct Known {
    name: String,
    count: i64,
}

#[derive(Debug, Default)]
struct Similar {
    messages: BTreeSet<String>,
    last: i64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    last: i64,
}

/// The events that were said lately.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    known: HashMap<String, Known>,
    similar: HashMap<String, Similar>,
    buckets: HashMap<String, Bucket>,
    /// Makes the names of events different that are said in the same millisecond.
    sequence: i64,
}

impl Recorder {
    /// What to write for an event, if anything; `now` in milliseconds since 1970.
    pub fn say(&mut self, object: &Value, kind: Kind, said: Said<'_>, now: i64) -> Option<Write> {
        let Said { component, warning, reason, message } = said;
        let kind_of_event = if warning { "Warning" } else { "Normal" };
        let about = format!("{component}/{}/{}/{}/{}", kind.name(), namespace(object), name(object), uid(object));
        let group = format!("{about}/{kind_of_event}/{reason}");
        let similar = self.similar.entry(group.clone()).or_default();
        if now - similar.last > SIMILAR_MILLISECONDS {
            similar.messages.clear();
        }
        similar.last = now;
        similar.messages.insert(message.to_owned());
        let (cache, message) = if similar.messages.len() < SIMILAR {
            (format!("{group}/{message}"), message.to_owned())
        } else {
            // The set is kept small: one message goes for each that comes.
            similar.messages.pop_first();
            (group, format!("{COMBINED}{message}"))
        };
        let time = Timestamp(now.div_euclid(1000)).to_string();
        if self.known.len() >= MAX_KNOWN {
            // A real controller forgets the least used ones; what is said again after this is new.
            self.known.clear();
            self.similar.clear();
            self.buckets.clear();
        }
        if !self.spend(&about, now) {
            return None;
        }
        if let Some(known) = self.known.get_mut(&cache) {
            known.count += 1;
            return Some(Write::Count {
                namespace: event_namespace(object).to_owned(),
                name: known.name.clone(),
                count: known.count,
                time,
                message,
            });
        }
        self.sequence = (self.sequence + 1) % 1_000_000;
        let event_name = format!("{}.{:x}", name(object), now.saturating_mul(1_000_000).saturating_add(self.sequence));
        self.known.insert(cache, Known { name: event_name.clone(), count: 1 });
        // Combined events say who reports them only in their source.
        let reporter = if message.starts_with(COMBINED) { "" } else { component };
        Some(Write::Create(json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": event_name, "namespace": event_namespace(object)},
            "involvedObject": reference(object, kind),
            "reason": reason, "message": message, "type": kind_of_event,
            "source": {"component": component}, "reportingComponent": reporter, "reportingInstance": "",
            "firstTimestamp": time, "lastTimestamp": time, "count": 1, "eventTime": null,
        })))
    }

    /// Says that an event is gone, so that the next one like it is new again.
    pub fn forget(&mut self, event: &str) {
        self.known.retain(|_, known| known.name != event);
    }

    fn spend(&mut self, about: &str, now: i64) -> bool {
        let bucket = self.buckets.entry(about.to_owned()).or_insert(Bucket { tokens: BURST, last: now });
        // Milliseconds of a few days are exact in a float.
        #[allow(clippy::cast_precision_loss)]
        let earned = (now - bucket.last).max(0) as f64 / MILLISECONDS_PER_EVENT;
        bucket.tokens = (bucket.tokens + earned).min(BURST);
        bucket.last = now;
        let may = bucket.tokens >= 1.0;
        if may {
            bucket.tokens -= 1.0;
        }
        may
    }
}

/// Events about what is in no namespace are in `default`.
fn event_namespace(object: &Value) -> &str {
    let namespace = namespace(object);
    if namespace.is_empty() { "default" } else { namespace }
}

fn reference(object: &Value, kind: Kind) -> Value {
    let mut reference = json!({
        "kind": kind.name(), "apiVersion": kind.api_version(), "name": name(object), "uid": uid(object),
        "resourceVersion": text(object, "/metadata/resourceVersion"),
    });
    if !namespace(object).is_empty() {
        reference["namespace"] = json!(namespace(object));
    }
    reference
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(recorder: &mut Recorder, message: &str, now: i64) -> Option<String> {
        let object = json!({"metadata": {"name": "a", "namespace": "default", "uid": "1"}});
        let said = Said { component: "c", warning: false, reason: "R", message };
        recorder.say(&object, Kind::Job, said, now).map(|write| match write {
            Write::Create(event) => text(&event, "/message").to_owned(),
            Write::Count { count, message, .. } => format!("{count} times {message}"),
        })
    }

    #[test]
    fn events_are_counted_combined_and_limited() {
        let mut recorder = Recorder::default();
        assert_eq!(say(&mut recorder, "one", 0).as_deref(), Some("one"));
        assert_eq!(say(&mut recorder, "one", 0).as_deref(), Some("2 times one"));
        let many: Vec<Option<String>> = (0..30).map(|number| say(&mut recorder, &format!("m{number}"), 0)).collect();
        assert_eq!(many.first(), Some(&Some("m0".to_owned())));
        assert_eq!(many.get(8), Some(&Some("(combined from similar events): m8".to_owned())));
        assert_eq!(many.get(9), Some(&Some("2 times (combined from similar events): m9".to_owned())));
        // 2 and 23 are the 25 that there are.
        assert_eq!(many.get(23), Some(&None));
        assert!(say(&mut recorder, "later", 300_000).is_some());
        assert_eq!(say(&mut recorder, "later", 300_000), None);
    }
}
