//! What must not be after a race.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::bystanders::is_bystanders;
use super::play::Ended;
use super::scenario::{Race, Wish};
use super::stack::{Declaration, Ground};
use crate::Finished;
use crate::fault::Picture;

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which promise it breaks.
    pub kind: ViolationKind,
    /// What it is.
    pub text: String,
}

/// A promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViolationKind {
    /// Two overlapping runs of different declarations exited with 0.
    BothSucceeded,
    /// The next run failed.
    NextFailed,
    /// A plan after it has changes.
    NotSettled,
    /// An object is left that no inventory lists.
    Orphan,
    /// The inventory lists what is not there, or not under this uid, or does not list what is declared.
    UntrueInventory,
    /// The inventory lists an object as one that was intended and not made yet, although it is there.
    UnfinishedRow,
    /// A generated value was overwritten, or deleted without consent.
    Password,
    /// An object of others was touched.
    Bystander,
    /// A run hung, or ended in another way than with 0 or 1 without being killed.
    Ended,
    /// The race could not be played.
    NotPlayed,
}

/// What a race left.
pub(super) struct Evidence<'a> {
    pub(super) race: &'a Race,
    pub(super) ground: &'a Ground,
    pub(super) ended: &'a [Ended],
    /// The run after the race, and the plan after that.
    pub(super) after: &'a [Finished],
    /// Before the race, after it, and after the run that follows.
    pub(super) pictures: &'a [Picture; 3],
    /// What is wrong with the bystanders.
    pub(super) touched: Vec<String>,
}

/// What must not be, and whether the runs left a mixture.
pub(super) fn judge(evidence: &Evidence<'_>) -> (Vec<Violation>, bool) {
    let mut violations = both_succeeded(evidence);
    let mut add = |kind, texts: Vec<String>| violations.extend(texts.into_iter().map(|text| Violation { kind, text }));
    add(ViolationKind::Ended, badly_ended(evidence.ended));
    add(ViolationKind::Bystander, evidence.touched.clone());
    add(ViolationKind::Password, passwords(evidence));
    match evidence.after {
        [applied, _] if applied.code != Some(0) => add(ViolationKind::NextFailed, vec![reason(applied)]),
        [_, planned] => {
            if planned.code != Some(0) {
                add(ViolationKind::NotSettled, vec![reason(planned)]);
            }
            for text in inventory(evidence) {
                add(kind_of(&text), vec![text]);
            }
        }
        _ => {}
    }
    (violations, is_mixed(evidence))
}

fn both_succeeded(evidence: &Evidence<'_>) -> Vec<Violation> {
    let runs = || evidence.race.runners.iter().zip(evidence.ended).enumerate();
    let succeeded = || runs().filter(|(_, (_, ended))| ended.finished.code == Some(0));
    let mut violations = Vec::new();
    for (number, (runner, ended)) in succeeded() {
        for (other_number, (other_runner, other_ended)) in succeeded().filter(|(other, _)| *other > number) {
            let contradict = match (&ended.window, &other_ended.window) {
                (Some(window), Some(other)) => window.contradicts(other),
                _ => false,
            };
            if contradict && runner.wish != other_runner.wish {
                let text = format!("runs {} and {} overlapped and both exited with 0", number + 1, other_number + 1);
                violations.push(Violation { kind: ViolationKind::BothSucceeded, text });
            }
        }
    }
    violations
}

fn badly_ended(ended: &[Ended]) -> Vec<String> {
    let bad = |(number, ended): (usize, &Ended)| match ended.finished.code {
        _ if ended.is_hanging => Some(format!("run {} hangs", number + 1)),
        None | Some(0 | 1) => None,
        Some(code) => Some(format!("run {} exited with {code}: {}", number + 1, reason(&ended.finished))),
    };
    ended.iter().enumerate().filter_map(bad).collect()
}

/// Returns which promise is broken by what is wrong with the objects of the stack or its inventory.
fn kind_of(text: &str) -> ViolationKind {
    let has = |part: &str| text.contains(part);
    if has("is an orphan") || has("is marked as ours") {
        ViolationKind::Orphan
    } else if has("has nothing as the uid") || has("has no digest") {
        ViolationKind::UnfinishedRow
    } else {
        ViolationKind::UntrueInventory
    }
}

/// What is wrong with the objects of the stack and its inventory.
fn inventory(evidence: &Evidence<'_>) -> Vec<String> {
    let [_, _, settled] = evidence.pictures;
    let graph = evidence.race.last.graph(evidence.ground);
    settled.without(is_bystanders).faults_after_race(&graph, &evidence.ground.place())
}

/// The generated values that changed while their Secret stayed the same object, and those that were deleted without consent.
fn passwords(evidence: &Evidence<'_>) -> Vec<String> {
    let mut faults = BTreeSet::new();
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    let mut see = |secret: &Value, who: &str| {
        let text = |pointer: &str| secret.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let data = secret["data"].clone();
        if data.is_null() {
            // The answer to a deletion is no Secret.
            return;
        }
        let last = known.insert(text("/metadata/uid"), data.clone());
        if last.is_some_and(|last| last != data) {
            faults.insert(format!("the value of Secret/{} was overwritten by {who}", text("/metadata/name")));
        }
    };
    let [before, raced, settled] = evidence.pictures;
    let secrets = |picture: &Picture| -> Vec<Value> {
        picture.objects().filter(|(id, _)| id.kind == "Secret").map(|(_, object)| object.clone()).collect()
    };
    secrets(before).iter().for_each(|secret| see(secret, "nobody"));
    for (number, secret) in written_secrets(evidence.ended) {
        see(&secret, &format!("run {}", number + 1));
    }
    secrets(raced).iter().for_each(|secret| see(secret, "a run that was killed"));
    secrets(settled).iter().for_each(|secret| see(secret, "the run after the race"));
    if evidence.race.runners.iter().all(|runner| !runner.consents) {
        let uid = |secret: &Value| secret["metadata"]["uid"].clone();
        let left: Vec<Value> = secrets(settled).iter().map(uid).collect();
        for secret in secrets(before).iter().filter(|secret| !left.contains(&uid(secret))) {
            faults.insert(format!("Secret/{} was deleted without consent", secret["metadata"]["name"]));
        }
    }
    faults.into_iter().collect()
}

/// The Secrets that the runs wrote, in the order in which the server was done with them, with the numbers of the runs.
fn written_secrets(ended: &[Ended]) -> Vec<(usize, Value)> {
    let written = ended.iter().enumerate().flat_map(|(number, ended)| {
        let exchanges = ended.journal.exchanges().into_iter();
        exchanges.filter_map(move |exchange| Some((exchange.answered?, number, exchange.secret?)))
    });
    let mut written: Vec<_> = written.collect();
    written.sort_by_key(|(answered, ..)| *answered);
    written.into_iter().map(|(_, number, secret)| (number, secret)).collect()
}

/// Whether the runs left neither what was before nor what one of them declares, Secrets aside.
fn is_mixed(evidence: &Evidence<'_>) -> bool {
    let [_, raced, _] = evidence.pictures;
    let mut left = Declaration::default();
    let mut values = BTreeSet::new();
    for (id, object) in raced.objects() {
        let Some((what, number)) = id.name.rsplit_once('-') else { continue };
        let Ok(number) = number.parse() else { continue };
        match what {
            "settings" => {
                left.settings.insert(number);
                values.insert(object["data"]["value"].as_str().unwrap_or_default().to_owned());
            }
            "server" if id.kind == "Deployment" => {
                left.servers.insert(number);
            }
            _ => {}
        }
    }
    let is_whole = |declaration: &Declaration| {
        let value = declaration.value.to_string();
        let has_value = values.iter().all(|found| *found == value);
        has_value && declaration.settings == left.settings && declaration.servers == left.servers
    };
    let nothing = Declaration::default();
    let wishes = evidence.race.runners.iter().map(|runner| match &runner.wish {
        Wish::Apply(declaration) => declaration,
        Wish::Destroy => &nothing,
    });
    let before = evidence.race.base.as_ref().unwrap_or(&nothing);
    !wishes.chain([before]).any(is_whole)
}

/// The lines of what a program wrote that say why it failed, or the last ones.
fn reason(finished: &Finished) -> String {
    let lines: Vec<&str> = finished.stderr.lines().chain(finished.stdout.lines()).map(str::trim).collect();
    let telling: Vec<&str> =
        lines.iter().copied().filter(|line| line.contains("error") || line.contains("failed")).take(3).collect();
    let last = || lines.iter().copied().filter(|line| !line.is_empty()).rev().take(3).collect::<Vec<_>>();
    let code = finished.code.map_or("a signal".to_owned(), |code| format!("exit {code}"));
    format!("{code}: {}", if telling.is_empty() { last() } else { telling }.join(" | "))
}

impl ViolationKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BothSucceeded => "both succeeded",
            Self::NextFailed => "the next apply failed",
            Self::NotSettled => "the plan after it is not empty",
            Self::Orphan => "orphan",
            Self::UntrueInventory => "untrue inventory",
            Self::UnfinishedRow => "unfinished row",
            Self::Password => "generated value lost",
            Self::Bystander => "object of others touched",
            Self::Ended => "run ended badly",
            Self::NotPlayed => "not played",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.text)
    }
}
