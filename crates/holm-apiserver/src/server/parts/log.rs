//! The log subresource of pods. No containers run, so the text follows from the pod: the annotation `holm.dev/log`, or one line, and
//! the last words of a container that has failed.
//!
//! Which container is meant and which options are wrong is decided as in `k8s.io/kubernetes`, `pkg/registry/core/pod/strategy.go` and
//! `pkg/apis/core/validation`; a container without a log has the errors of `pkg/kubelet/kubelet_pods.go`
//! (`validateContainerLogStatus`).

use holm_validation::FieldError;
use serde_json::Value;

use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::object::{self, at, text_at};
use crate::query::Query;
use crate::server::route::Route;

/// The annotation with the text that the containers of a pod have logged.
const TEXT: &str = "holm.dev/log";

/// The log of a container. `follow` ends at the end of the text.
pub(super) fn get(cluster: &ApiServer, route: &Route, name: &str, query: &Query) -> Result<String, ApiError> {
    let options = Options::of(query, name)?;
    let state = cluster.read();
    let found = state.store.get(&state.key(&route.resource, route.namespace(), name)).cloned();
    drop(state);
    let pod = found.ok_or_else(|| ApiError::not_found("", "pods", name))?;
    let container = container(&pod, query.get("container").unwrap_or_default())?;
    if text_at(&pod, &["spec", "nodeName"]).is_empty() {
        return Ok(String::new());
    }
    let ended = ended(&pod, &container, options.previous).map_err(ApiError::bad_request)?;
    let mut text = match object::annotation(&pod, TEXT) {
        Some(text) => text.to_owned(),
        None => {
            format!("simulated container {container}: started\n{}", ended.map(last_words).unwrap_or_default())
        }
    };
    if options.timestamps {
        let since = since(&pod, &container);
        text = text.split_inclusive('\n').map(|line| format!("{since} {line}")).collect();
    }
    if let Some(lines) = options.tail_lines {
        text = tail(&text, lines);
    }
    if let Some(limit) = options.limit_bytes {
        text.truncate((0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default());
    }
    Ok(text)
}

#[derive(Debug)]
struct Options {
    previous: bool,
    timestamps: bool,
    tail_lines: Option<usize>,
    limit_bytes: Option<usize>,
}

impl Options {
    /// `ValidatePodLogOptions`
    fn of(query: &Query, name: &str) -> Result<Self, ApiError> {
        let mut errors = Vec::new();
        let mut number = |field: &str, least: i64, problem: &str| -> Result<Option<usize>, ApiError> {
            let Some(number) = query.integer(field)? else { return Ok(None) };
            if number < least {
                errors.push(FieldError::invalid(field, number, problem));
            }
            Ok(usize::try_from(number).ok())
        };
        let tail_lines = number("tailLines", 0, "must be greater than or equal to 0")?;
        let limit_bytes = number("limitBytes", 1, "must be greater than 0")?;
        number("sinceSeconds", 1, "must be greater than 0")?;
        let since = query.get("sinceTime");
        if since.is_some_and(|since| since.parse::<holm_structured_merge::Timestamp>().is_err()) {
            return Err(ApiError::bad_request("sinceTime is not a time as RFC 3339 has them"));
        }
        if query.first("stream").is_some() {
            // It goes with a feature that is off (`PodLogsQuerySplitStreams`).
            errors.push(FieldError::forbidden("stream", "may not be specified"));
        }
        if query.get("sinceSeconds").is_some() && since.is_some() {
            errors.push(FieldError::forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
        }
        if !errors.is_empty() {
            return Err(ApiError::invalid("", "PodLogOptions", name, &errors));
        }
        Ok(Self { previous: query.is_set("previous"), timestamps: query.is_set("timestamps"), tail_lines, limit_bytes })
    }
}

/// The container that is meant: `validateContainer`.
fn container(pod: &Value, named: &str) -> Result<String, ApiError> {
    let names = |list: &str| -> Vec<String> {
        let containers = at(pod, &["spec", list]).and_then(Value::as_array).into_iter().flatten();
        containers.map(|container| text_at(container, &["name"]).to_owned()).collect()
    };
    let (mains, inits, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    let pod_name = object::name(pod);
    if named.is_empty() {
        return match mains.as_slice() {
            [] => Err(ApiError::bad_request(format!("a container name must be specified for pod {pod_name}"))),
            [only] => Ok(only.clone()),
            _ => {
                let all: Vec<&str> = inits.iter().chain(&mains).chain(&ephemeral).map(String::as_str).collect();
                let names = all.join(" ");
                Err(ApiError::bad_request(format!(
                    "a container name must be specified for pod {pod_name}, choose one of: [{names}]"
                )))
            }
        };
    }
    if mains.iter().chain(&inits).chain(&ephemeral).any(|name| name == named) {
        return Ok(named.to_owned());
    }
    Err(ApiError::bad_request(format!("container {named} is not valid for pod {pod_name}")))
}

/// The container's status.
fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let of = |list: &str| at(pod, &["status", list]).and_then(Value::as_array).into_iter().flatten();
    of("containerStatuses").chain(of("initContainerStatuses")).find(|status| text_at(status, &["name"]) == container)
}

/// How the run of a container has ended whose log is asked for, if it has; or why there is no log.
fn ended<'a>(pod: &'a Value, container: &str, previous: bool) -> Result<Option<&'a Value>, String> {
    let pod_name = object::name(pod);
    let Some(status) = status(pod, container) else {
        return Err(format!("container {container:?} in pod {pod_name:?} is not available"));
    };
    let waiting = at(status, &["state", "waiting"]);
    let last = at(status, &["lastState", "terminated"]);
    let end = if previous {
        Some(last.ok_or_else(|| format!("previous terminated container {container:?} in pod {pod_name:?} not found"))?)
    } else if let Some(waiting) = waiting {
        let Some(last) = last else {
            let reason = match text_at(waiting, &["reason"]) {
                "ErrImagePull" => "image can't be pulled",
                "ImagePullBackOff" => "trying and failing to pull image",
                reason => reason,
            };
            return Err(format!("container {container:?} in pod {pod_name:?} is waiting to start: {reason}"));
        };
        Some(last)
    } else {
        at(status, &["state", "terminated"])
    };
    Ok(end)
}

/// What a container wrote before it ended. Its message is what it wrote for that, and else a simulated crash has these words.
fn last_words(ended: &Value) -> &str {
    match (text_at(ended, &["message"]), at(ended, &["exitCode"]).and_then(Value::as_i64)) {
        ("", Some(1)) => "fatal: simulated failure\n",
        (message, _) => message,
    }
}

/// The time of a container's lines: when it started.
fn since(pod: &Value, container: &str) -> String {
    let started = status(pod, container).and_then(|status| {
        ["running", "terminated"].iter().find_map(|state| at(status, &["state", state, "startedAt"])?.as_str())
    });
    started.unwrap_or("1970-01-01T00:00:00Z").to_owned()
}

/// The last lines of a text.
fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    all.iter().skip(all.len().saturating_sub(lines)).copied().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_lines_of_a_text() {
        for (text, lines, expected) in
            [("a\nb\nc\n", 2, "b\nc\n"), ("a\nb", 1, "b"), ("a\n", 0, ""), ("a\n", 9, "a\n"), ("", 3, "")]
        {
            assert_eq!(tail(text, lines), expected, "{text:?} {lines}");
        }
    }

    #[test]
    fn a_container_is_named_where_there_is_more_than_one() {
        let pod = |inits: Value, mains: Value| json!({"metadata": {"name": "p"}, "spec": {"initContainers": inits, "containers": mains}});
        let one = pod(json!([]), json!([{"name": "a"}]));
        let many = pod(json!([{"name": "i"}]), json!([{"name": "a"}, {"name": "b"}]));
        let message = |found: Result<String, ApiError>| found.unwrap_or_else(|error| error.message);
        assert_eq!(message(container(&one, "")), "a");
        assert_eq!(message(container(&many, "i")), "i");
        assert_eq!(message(container(&many, "x")), "container x is not valid for pod p");
        assert_eq!(
            message(container(&many, "")),
            "a container name must be specified for pod p, choose one of: [i a b]"
        );
    }
}
