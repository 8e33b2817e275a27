//! How rules for families of custom resources are written down, and what they say about an object.

use serde_json::Value;

use super::families::FAMILIES;
use super::object::{Condition, condition, condition_of, int, items, text};
use super::{Readiness, custom};

/// When the kinds of one family work.
pub(super) struct Family {
    /// An API group, or `*.` and the end of many.
    pub(super) group: &'static str,
    /// The kinds; none for all of the group.
    pub(super) kinds: &'static [&'static str],
    /// Any of these means that a person holds it back on purpose: it is Current, and says so.
    pub(super) suspended: &'static [Test],
    /// Any of these is a failure that does not end by itself.
    pub(super) failed: &'static [Test],
    /// Any of these is waited for.
    pub(super) waits: &'static [Test],
    /// All of these together are what works.
    pub(super) ready: &'static [Test],
}

/// Something that a live object says, or not.
pub(super) enum Test {
    /// A condition of the present generation has this status.
    Is(&'static str, &'static str),
    /// A condition has one of these reasons.
    Because(&'static str, &'static [&'static str]),
    /// A field (a JSON pointer) is one of these texts; `true` and `false` are texts here.
    Field(&'static str, &'static [&'static str]),
    /// A list (a JSON pointer) has items, and a condition of each has this status.
    Each(&'static str, &'static str, &'static str),
    /// A condition of any item of a list has this status.
    Any(&'static str, &'static str, &'static str),
    /// A condition is not there, or not `False`.
    Unrefuted(&'static str),
    /// A field (a JSON pointer) is not there.
    Missing(&'static str),
    /// A list (a JSON pointer) has items.
    Filled(&'static str),
    /// A field is there, and another one is not the same (JSON pointers).
    Differs(&'static str, &'static str),
    /// A condition of another list than the usual one (a JSON pointer) has this status.
    At(&'static str, &'static str, &'static str),
    /// One of several.
    OneOf(&'static [Test]),
    /// All of several.
    AllOf(&'static [Test]),
    /// It is there: kinds that report nothing.
    Exists,
}

/// How far an object of a known family has come; none for those of others.
pub(super) fn assess(group: &str, kind: &str, object: &Value) -> Option<Readiness> {
    let family = FAMILIES.iter().find(|family| family.holds(group, kind))?;
    Some(family.assess(object))
}

/// Returns whether there is a rule for a kind.
pub(super) fn is_known(group: &str, kind: &str) -> bool {
    FAMILIES.iter().any(|family| family.holds(group, kind))
}

impl Family {
    fn holds(&self, group: &str, kind: &str) -> bool {
        let is_group = match self.group.strip_prefix("*.") {
            Some(end) => group.strip_suffix(end).is_some_and(|start| start.ends_with('.')),
            None => group == self.group,
        };
        is_group && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }

    fn assess(&self, object: &Value) -> Readiness {
        if self.suspended.iter().any(|test| test.holds(object)) {
            return Readiness::current_because("Suspended", "is suspended, as declared");
        }
        if let Some(test) = self.failed.iter().find(|test| test.holds(object)) {
            let (reason, message) = test.words(object);
            return Readiness::failed(&reason, &message);
        }
        let unmet = self.waits.iter().find(|test| test.holds(object));
        let Some(test) = unmet.or_else(|| self.ready.iter().find(|test| !test.holds(object))) else {
            return Readiness::current();
        };
        let (reason, message) = match object.get("status").is_some_and(custom::says_something) {
            true => test.words(object),
            false => ("NoStatusYet".to_owned(), "its controller has not reported a status yet".to_owned()),
        };
        Readiness::in_progress(&reason, &message)
    }
}

impl Test {
    fn holds(&self, object: &Value) -> bool {
        let has = |condition: Option<Condition<'_>>, status: &str| {
            condition.is_some_and(|it| it.status == status && !it.is_stale)
        };
        match self {
            Self::Is(kind, status) => has(condition(object, kind), status),
            Self::Because(kind, reasons) => condition(object, kind).is_some_and(|it| reasons.contains(&it.reason)),
            Self::Field(pointer, values) => field(object, pointer).is_some_and(|text| values.contains(&text.as_str())),
            Self::Each(list, kind, status) => {
                let items = items(object, list);
                !items.is_empty() && items.iter().all(|item| has(of_item(object, item, kind), status))
            }
            Self::Any(list, kind, status) => {
                items(object, list).iter().any(|item| has(of_item(object, item, kind), status))
            }
            Self::Unrefuted(kind) => !has(condition(object, kind), "False"),
            Self::Missing(pointer) => field(object, pointer).is_none(),
            Self::Filled(pointer) => !items(object, pointer).is_empty(),
            Self::Differs(one, other) => field(object, one).is_some_and(|value| field(object, other) != Some(value)),
            Self::At(list, kind, status) => has(condition_of(object, list, kind, None), status),
            Self::OneOf(tests) => tests.iter().any(|test| test.holds(object)),
            Self::AllOf(tests) => tests.iter().all(|test| test.holds(object)),
            Self::Exists => true,
        }
    }

    /// The reason and the words for what a test found, or did not find.
    fn words(&self, object: &Value) -> (String, String) {
        let said = |name: &str, found: Option<Condition<'_>>| match found {
            Some(found) if found.is_stale => stale(name),
            Some(found) => {
                let words = found.words(found.reason);
                let colon = if words.is_empty() { "" } else { ": " };
                (found.reason_or("NotReady"), format!("{name} is {}{colon}{words}", found.status))
            }
            None => ("NotReady".to_owned(), format!("condition {name} is not reported yet")),
        };
        match self {
            Self::Is(kind, _) | Self::Because(kind, _) | Self::Unrefuted(kind) => said(kind, condition(object, kind)),
            Self::Field(pointer, _) => {
                let name = pointer.trim_start_matches('/').replace('/', ".");
                let words = ["/status/message", "/status/phaseReason", "/status/error", "/status/reason"];
                let words = words.into_iter().find_map(|pointer| text(object, pointer));
                match (field(object, pointer), words) {
                    (Some(value), Some(words)) => (value.clone(), format!("{name} is {value}: {words}")),
                    (Some(value), None) => (value.clone(), format!("{name} is {value}")),
                    (None, words) => (
                        "NotReady".to_owned(),
                        words.map_or_else(|| format!("{name} is not reported yet"), str::to_owned),
                    ),
                }
            }
            Self::Each(list, kind, status) | Self::Any(list, kind, status) => {
                let wants_other = matches!(self, Self::Each(..));
                let found = items(object, list).iter().filter_map(|item| of_item(object, item, kind));
                let mut found = found.filter(|it| (it.status != *status || it.is_stale) == wants_other);
                said(kind, found.next())
            }
            Self::At(list, kind, _) => said(kind, condition_of(object, list, kind, None)),
            Self::Filled(pointer) | Self::Differs(pointer, _) => {
                let name = pointer.trim_start_matches('/').replace("~1", "/").replace("/", ".");
                ("NotReady".to_owned(), format!("{name} is not what it will be"))
            }
            Self::OneOf(tests) => match tests.iter().find(|test| !matches!(test, Self::Exists)) {
                Some(test) => test.words(object),
                None => ("NotReady".to_owned(), "is not ready yet".to_owned()),
            },
            Self::AllOf(tests) => match tests.iter().find(|test| !test.holds(object)).or(tests.first()) {
                Some(test) => test.words(object),
                None => ("NotReady".to_owned(), "is not ready yet".to_owned()),
            },
            Self::Missing(_) | Self::Exists => {
                ("NoStatusYet".to_owned(), "its controller has not reported a status yet".to_owned())
            }
        }
    }
}

fn stale(name: &str) -> (String, String) {
    ("LatestGenerationNotObserved".to_owned(), format!("condition {name} is still of an older generation"))
}

/// A condition of an item of a list, such as a parent of a route.
fn of_item<'v>(object: &Value, item: &'v Value, kind: &str) -> Option<Condition<'v>> {
    condition_of(item, "/conditions", kind, int(object, "/metadata/generation"))
}

fn field(object: &Value, pointer: &str) -> Option<String> {
    match object.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
