//! Pods, and what makes them.

use holm_values::Timestamp;
use serde_json::{Value, json};

use super::{Shown, human, or, plain};
use crate::object::{self, at, text_at};

const TEMPLATE: &[&str] = &["spec", "template", "spec"];
const SELECTOR: &[&str] = &["spec", "selector"];

pub(super) fn cells(resource: &str, shown: Shown<'_>) -> Option<Vec<Value>> {
    let [names, images] = shown.containers(TEMPLATE);
    let ready = || {
        let (ready, wanted) = (shown.number(&["status", "readyReplicas"]), shown.number(&["spec", "replicas"]));
        json!(format!("{ready}/{wanted}"))
    };
    Some(match resource {
        "pods" => super::pod::cells(shown),
        "scales.autoscaling" => {
            let number = |field: &[&str]| json!(shown.number(field));
            vec![shown.name(), number(&["spec", "replicas"]), number(&["status", "replicas"]), shown.age()]
        }
        "podtemplates" => {
            let [names, images] = shown.containers(&["template", "spec"]);
            vec![shown.name(), names, images, shown.labels(&["template", "metadata", "labels"])]
        }
        "deployments.apps" => vec![
            shown.name(),
            ready(),
            json!(shown.number(&["status", "updatedReplicas"])),
            json!(shown.number(&["status", "availableReplicas"])),
            shown.age(),
            names,
            images,
            shown.selector(SELECTOR),
        ],
        "replicasets.apps" | "replicationcontrollers" => {
            let selector =
                if resource == "replicasets.apps" { shown.selector(SELECTOR) } else { shown.labels(SELECTOR) };
            vec![
                shown.name(),
                json!(shown.number(&["spec", "replicas"])),
                json!(shown.number(&["status", "replicas"])),
                json!(shown.number(&["status", "readyReplicas"])),
                shown.age(),
                names,
                images,
                selector,
            ]
        }
        "statefulsets.apps" => vec![shown.name(), ready(), shown.age(), names, images],
        "daemonsets.apps" => {
            let number = |field: &str| json!(shown.number(&["status", field]));
            vec![
                shown.name(),
                number("desiredNumberScheduled"),
                number("currentNumberScheduled"),
                number("numberReady"),
                number("updatedNumberScheduled"),
                number("numberAvailable"),
                shown.labels(&["spec", "template", "spec", "nodeSelector"]),
                shown.age(),
                names,
                images,
                shown.selector(SELECTOR),
            ]
        }
        "controllerrevisions.apps" => {
            let owner = object::owners(shown.object).find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
            let owner = owner.map_or_else(
                || "<none>".to_owned(),
                |owner| {
                    let group = text_at(owner, &["apiVersion"]).rsplit_once('/').map_or("", |(group, _)| group);
                    let kind = crate::error::qualified(text_at(owner, &["kind"]), group).to_lowercase();
                    format!("{kind}/{}", text_at(owner, &["name"]))
                },
            );
            vec![shown.name(), json!(owner), json!(shown.number(&["revision"])), shown.age()]
        }
        "jobs.batch" => [job(shown), vec![shown.age(), names, images, shown.selector(SELECTOR)]].concat(),
        "cronjobs.batch" => {
            let [names, images] = shown.containers(&["spec", "jobTemplate", "spec", "template", "spec"]);
            let last = match shown.text(&["status", "lastScheduleTime"]) {
                "" => "<none>".to_owned(),
                time => shown.since(time),
            };
            let suspend = at(shown.object, &["spec", "suspend"])
                .map_or("<unset>", |value| if *value == Value::Bool(true) { "True" } else { "False" });
            vec![
                shown.name(),
                shown.shown(&["spec", "schedule"]),
                shown.or(&["spec", "timeZone"], "<none>"),
                json!(suspend),
                json!(shown.count(&["status", "active"])),
                json!(last),
                shown.age(),
                names,
                images,
                shown.selector(&["spec", "jobTemplate", "spec", "selector"]),
            ]
        }
        "poddisruptionbudgets.policy" => {
            let amount = |field: &str| json!(plain(at(shown.object, &["spec", field])).unwrap_or_else(|| "N/A".into()));
            vec![
                shown.name(),
                amount("minAvailable"),
                amount("maxUnavailable"),
                json!(shown.number(&["status", "disruptionsAllowed"])),
                shown.age(),
            ]
        }
        "horizontalpodautoscalers.autoscaling" => {
            let target = |field: &str| shown.text(&["spec", "scaleTargetRef", field]);
            let least = plain(at(shown.object, &["spec", "minReplicas"]));
            vec![
                shown.name(),
                json!(format!("{}/{}", target("kind"), target("name"))),
                json!(metrics(shown)),
                json!(least.unwrap_or_else(|| "<unset>".into())),
                json!(shown.number(&["spec", "maxReplicas"])),
                json!(shown.number(&["status", "currentReplicas"])),
                shown.age(),
            ]
        }
        _ => return None,
    })
}

/// Name, status, completions and duration.
fn job(shown: Shown<'_>) -> Vec<Value> {
    let done = shown.number(&["status", "succeeded"]);
    let parallel = shown.number(&["spec", "parallelism"]);
    let completions = match at(shown.object, &["spec", "completions"]).and_then(Value::as_i64) {
        Some(wanted) => format!("{done}/{wanted}"),
        None if parallel > 1 => format!("{done}/1 of {parallel}"),
        None => format!("{done}/1"),
    };
    let time = |field: &str| shown.text(&["status", field]).parse::<Timestamp>().ok();
    let duration = time("startTime").map(|start| human(time("completionTime").unwrap_or(shown.now).0 - start.0));
    let has = |kind: &str| shown.condition(kind) == "True";
    let status = match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if shown.is_deleting() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    };
    vec![shown.name(), json!(status), json!(completions), json!(duration.unwrap_or_default())]
}

/// From `formatHPAMetrics`.
fn metrics(shown: Shown<'_>) -> String {
    let current: Vec<&Value> = shown.items(&["status", "currentMetrics"]).collect();
    let mut texts: Vec<String> = Vec::new();
    for (index, metric) in shown.items(&["spec", "metrics"]).enumerate() {
        let (field, named) = match text_at(metric, &["type"]) {
            "External" => ("external", false),
            "Pods" => ("pods", false),
            "Object" => ("object", false),
            "Resource" => ("resource", true),
            "ContainerResource" => ("containerResource", true),
            _ => {
                texts.push("<unknown type>".to_owned());
                continue;
            }
        };
        let target = |part: &str| plain(at(metric, &[field, "target", part]));
        let now = |part: &str| plain(current.get(index).and_then(|found| at(found, &[field, "current", part])));
        let unknown = || "<unknown>".to_owned();
        let average = target("averageValue");
        let text = if named {
            let name = text_at(metric, &[field, "name"]);
            match average {
                Some(average) => format!("{name}: {}/{average}", now("averageValue").unwrap_or_else(unknown)),
                None => {
                    let now = now("averageUtilization").map_or_else(unknown, |percent| format!("{percent}%"));
                    let wanted =
                        target("averageUtilization").map_or_else(|| "<auto>".into(), |percent| format!("{percent}%"));
                    format!("{name}: {now}/{wanted}")
                }
            }
        } else {
            match average {
                Some(average) if field == "pods" => {
                    format!("{}/{average}", now("averageValue").unwrap_or_else(unknown))
                }
                Some(average) => format!("{}/{average} (avg)", now("averageValue").unwrap_or_else(unknown)),
                None => format!("{}/{}", now("value").unwrap_or_else(unknown), target("value").unwrap_or_default()),
            }
        };
        texts.push(text);
    }
    let count = texts.len();
    texts.truncate(2);
    let shown = or(&texts.join(", "), "<none>");
    if count > 2 { format!("{shown} + {} more...", count - 2) } else { shown }
}
