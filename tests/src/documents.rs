//! What `--output json` writes, as far as tests ask about it.

use serde_json::Value;

use crate::program::Finished;

/// The document `holm.plan/v1`.
#[derive(Clone, Debug)]
pub struct PlanDocument {
    /// The document.
    pub value: Value,
    text: String,
}

impl Finished {
    /// Standard output as a plan.
    #[track_caller]
    pub fn plan(&self) -> PlanDocument {
        let value = self.json();
        assert_eq!(value["schema"], "holm.plan/v1", "this is no plan\n{self}");
        PlanDocument { value, text: self.to_string() }
    }

    /// Standard output as one JSON document a line: the events of an apply, and its report.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let read =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}\n{self}"));
        self.stdout.lines().map(read).collect()
    }
}

impl PlanDocument {
    /// Every change as `action Kind/name`, in the order of the plan.
    pub fn actions(&self) -> Vec<String> {
        let changes = self.value["changes"].as_array().into_iter().flatten();
        changes.map(|change| format!("{} {}", text(&change["action"]), name(&change["resource"]))).collect()
    }

    /// The changes that are something else than `unchanged`, as `action Kind/name`.
    pub fn changed(&self) -> Vec<String> {
        self.actions().into_iter().filter(|action| !action.starts_with("unchanged ")).collect()
    }

    /// The change of one resource, given as `Kind/name`.
    #[track_caller]
    pub fn change(&self, resource: &str) -> &Value {
        let changes = self.value["changes"].as_array().into_iter().flatten();
        let found = changes.into_iter().find(|change| name(&change["resource"]) == resource);
        found.unwrap_or_else(|| panic!("the plan has no {resource}\n{}", self.text))
    }

    /// The change of one field of a resource; the field as the plan writes it.
    #[track_caller]
    pub fn field(&self, resource: &str, path: &str) -> &Value {
        let fields = self.change(resource)["fields"].as_array().into_iter().flatten();
        let found = fields.into_iter().find(|field| field["path"] == path);
        found.unwrap_or_else(|| panic!("the plan changes no {path} of {resource}\n{}", self.text))
    }

    /// Every blocker as `Kind/name code`.
    pub fn blockers(&self) -> Vec<String> {
        let blockers = self.value["blockers"].as_array().into_iter().flatten();
        blockers.map(|blocker| format!("{} {}", name(&blocker["resource"]), text(&blocker["code"]))).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn name(resource: &Value) -> String {
    format!("{}/{}", text(&resource["kind"]), text(&resource["name"]))
}
