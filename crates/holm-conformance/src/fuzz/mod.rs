//! Random requests to two servers, and where their answers differ first.
//!
//! A [`Sequence`] is made from a seed ([`sequence`]), played on any server ([`Player`]), compared step by step ([`compare`]),
//! and made as small as it can be while its answers still differ ([`shrink`]). [`Campaign`] does this for many seeds.

mod campaign;
mod compare;
mod explained;
mod generate;
mod grow;
mod kinds;
mod play;
mod random;
mod shrink;

pub use campaign::{Campaign, Finding, Tally};
pub use compare::{Difference, compare};
pub use explained::{EXPLAINED, Explained};
pub use generate::{Shape, sequence};
pub use kinds::definitions;
pub use play::{Player, define, get};
pub use random::Random;
pub use shrink::shrink;

use serde_json::{Value, json};

/// One request. In its texts `${ns}` stands for the namespace of the sequence.
///
/// Two fields of a body are for the player: `$answer` names the step whose answer the body is a merge patch for, `$fresh` gives
/// the body the version that the object has at the time.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// A name for the step, which it keeps when others go.
    pub label: String,
    /// The verb of HTTP, or `WATCH`: the events since the sequence began.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// What the body is; see [`crate::Request::content`].
    pub content: String,
    /// The name of the client.
    pub agent: String,
    /// The body.
    pub body: Option<Value>,
}

/// Requests in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// What it was made from.
    pub seed: u64,
    /// The requests.
    pub steps: Vec<Step>,
}

impl Step {
    /// The step as a line of a file.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut value =
            json!({"label": self.label, "do": format!("{} {}", self.method, self.path), "agent": self.agent});
        if !self.content.is_empty() {
            value["type"] = json!(self.content);
        }
        if let Some(body) = &self.body {
            value["body"] = body.clone();
        }
        value
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let request = text("do");
        let (method, path) = request.split_once(' ')?;
        Some(Self {
            label: text("label"),
            method: method.to_owned(),
            path: path.to_owned(),
            content: text("type"),
            agent: text("agent"),
            body: value.get("body").cloned(),
        })
    }

    /// Whether it changes nothing even when it succeeds.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        // The options of a deletion are those of its body, if it has one.
        let has_options = self.method == "DELETE" && self.body.is_some();
        matches!(self.method.as_str(), "GET" | "WATCH") || (self.path.contains("dryRun=All") && !has_options)
    }
}

impl Sequence {
    /// The sequence as a file: one line for each step.
    #[must_use]
    pub fn to_text(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(|step| format!("  {}", step.to_value())).collect();
        format!("{{\"seed\": {}, \"steps\": [\n{}\n]}}\n", self.seed, steps.join(",\n"))
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let steps = value["steps"].as_array()?.iter().map(Step::of).collect::<Option<Vec<Step>>>()?;
        Some(Self { seed: value["seed"].as_u64()?, steps })
    }
}
