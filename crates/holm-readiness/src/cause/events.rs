//! Events of both APIs, `v1` and `events.k8s.io/v1`, read into one form.

use jiff::Timestamp;
use serde_json::Value;

use super::evidence::LiveObject;
use super::{EVENT_LIMIT, EventLine};
use crate::object::{int, text};
use holm_values::ResourceId;

/// Reasons of `Normal` events that tell what something waits for.
const TELLING: &[&str] =
    &["BackOff", "FailedBinding", "ExternalProvisioning", "WaitForFirstConsumer", "WaitForPodScheduled"];

/// An event.
#[derive(Clone)]
pub(super) struct Event<'v> {
    pub(super) reason: &'v str,
    pub(super) message: &'v str,
    pub(super) count: i64,
    pub(super) first_seen: Option<Timestamp>,
    pub(super) last_seen: Option<Timestamp>,
    is_warning: bool,
    about: ResourceId,
    uid: Option<&'v str>,
    /// Such as `spec.containers{postgres}`.
    field: &'v str,
}

/// Events in the order in which they happened last.
pub(super) struct Events<'v>(Vec<Event<'v>>);

impl<'v> Events<'v> {
    /// Reads events of either API; what is no event is left out.
    pub(super) fn read(events: &'v [Value]) -> Self {
        let mut events: Vec<Event<'v>> = events.iter().filter_map(read).collect();
        events.sort_by(|a, b| a.last_seen.cmp(&b.last_seen).then_with(|| a.count.cmp(&b.count)));
        Self(events)
    }

    /// The events about an object, newest last. An event about an earlier object of the same name is another's.
    pub(super) fn about(&self, object: &LiveObject) -> impl DoubleEndedIterator<Item = &Event<'v>> {
        let uid = text(object.object.expose(), "/metadata/uid").map(str::to_owned);
        let id = object.id.clone();
        self.0.iter().filter(move |event| match (event.uid, &uid) {
            (Some(about), Some(uid)) => about == uid,
            _ => event.about == id,
        })
    }

    /// The newest event about an object with one of these reasons.
    pub(super) fn last(&self, object: &LiveObject, reasons: &[&str]) -> Option<&Event<'v>> {
        self.about(object).rfind(|event| reasons.contains(&event.reason))
    }

    /// How often events with this reason and message happened to an object.
    pub(super) fn times(&self, object: &LiveObject, reason: &str, is_meant: impl Fn(&Event<'v>) -> bool) -> i64 {
        let meant = self.about(object).filter(|event| event.reason == reason && is_meant(event));
        meant.fold(0, |sum, event| sum.saturating_add(event.count))
    }

    /// The lines to show about these objects: equal ones merged, newest last, at most [`EVENT_LIMIT`].
    pub(super) fn lines(&self, objects: &[&LiveObject]) -> Vec<EventLine> {
        let mut lines: Vec<EventLine> = Vec::new();
        for object in objects {
            for event in self.about(object).filter(|event| event.is_telling()) {
                let same = |line: &&mut EventLine| {
                    line.about == object.id && line.reason == event.reason && line.message == event.message
                };
                if let Some(line) = lines.iter_mut().find(same) {
                    line.count = line.count.saturating_add(event.count);
                    line.last_seen = line.last_seen.max(event.last_seen);
                } else {
                    lines.push(EventLine {
                        reason: event.reason.to_owned(),
                        message: event.message.to_owned(),
                        count: event.count,
                        last_seen: event.last_seen,
                        about: object.id.clone(),
                    });
                }
            }
        }
        drop_echoes(&mut lines);
        lines.sort_by_key(|line| line.last_seen);
        let surplus = lines.len().saturating_sub(EVENT_LIMIT);
        lines.split_off(surplus)
    }
}

impl Event<'_> {
    /// Whether it is about this container of a pod, or about no one in particular.
    pub(super) fn concerns(&self, container: &str) -> bool {
        match self.field.split_once('{') {
            Some((_, name)) => name.strip_suffix('}') == Some(container),
            None => true,
        }
    }

    /// How long it has been happening, in seconds.
    pub(super) fn span(&self) -> i64 {
        match (self.first_seen, self.last_seen) {
            (Some(first), Some(last)) => last.as_second().saturating_sub(first.as_second()),
            _ => 0,
        }
    }

    fn is_telling(&self) -> bool {
        self.is_warning || TELLING.contains(&self.reason)
    }
}

/// kubelet says everything about an image twice, the second time as `Error: ErrImagePull` alone.
fn drop_echoes(lines: &mut Vec<EventLine>) {
    let has_words = |line: &EventLine| line.reason == "Failed" && !is_echo(line);
    let told: Vec<ResourceId> = lines.iter().filter(|line| has_words(line)).map(|line| line.about.clone()).collect();
    lines.retain(|line| !(is_echo(line) && told.contains(&line.about)));
}

fn is_echo(line: &EventLine) -> bool {
    line.reason == "Failed" && matches!(line.message.as_str(), "Error: ErrImagePull" | "Error: ImagePullBackOff")
}

fn read(event: &Value) -> Option<Event<'_>> {
    let object = ["/involvedObject", "/regarding"].into_iter().find_map(|pointer| event.pointer(pointer))?;
    let group = text(object, "/apiVersion").and_then(|version| version.split_once('/')).map_or("", |(group, _)| group);
    let about = ResourceId::new(group, text(object, "/kind")?, text(object, "/namespace"), text(object, "/name")?);
    let counts = ["/series/count", "/count", "/deprecatedCount"];
    let count = counts.into_iter().filter_map(|pointer| int(event, pointer)).max().unwrap_or(1).max(1);
    let time = |pointers: &[&str]| {
        let read = |pointer: &&str| text(event, pointer).and_then(|time| time.parse::<Timestamp>().ok());
        pointers.iter().find_map(read)
    };
    Some(Event {
        reason: text(event, "/reason")?,
        message: text(event, "/message").or_else(|| text(event, "/note")).unwrap_or_default(),
        count,
        first_seen: time(&[
            "/firstTimestamp",
            "/deprecatedFirstTimestamp",
            "/eventTime",
            "/metadata/creationTimestamp",
        ]),
        last_seen: time(&[
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/deprecatedLastTimestamp",
            "/eventTime",
            "/metadata/creationTimestamp",
        ]),
        is_warning: text(event, "/type") == Some("Warning"),
        about,
        uid: text(object, "/uid"),
        field: text(object, "/fieldPath").unwrap_or_default(),
    })
}
