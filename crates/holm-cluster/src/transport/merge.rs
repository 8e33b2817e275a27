//! What the structured merge of an API server refuses: it answers with status 500 and Go's words (apimachinery
//! `managedfields/internal/structuredmerge.go`, structured-merge-diff `typed/validate.go`), though the object is what is wrong.

use holm_planner::observe::{Refusal, RefusalCause};

const PATCH: &str = "failed to create typed patch object (";
const LIVE: &str = "failed to create typed live object (";
const UNDECLARED: &str = "field not declared in schema";

/// Returns the refusal that a message of status 500 means, with the fields as causes; none where it is a failure of the server.
pub(super) fn refused(message: &str) -> Option<Refusal> {
    let (intro, rest) = match message.strip_prefix(PATCH).map(|rest| ("", rest)) {
        Some(found) => found,
        None => match message.strip_prefix(LIVE) {
            Some(rest) => ("the object in the cluster does not match its schema: ", rest),
            // From within the merge itself, without an introduction.
            None if message.starts_with('.') && message.ends_with(UNDECLARED) => ("", message),
            None => return None,
        },
    };
    let errors = match rest.split_once("): ") {
        Some((_, errors)) if !rest.starts_with('.') => errors,
        _ => rest,
    };
    let errors = errors.strip_prefix("errors:\n").unwrap_or(errors);
    let causes: Vec<RefusalCause> = errors.lines().map(str::trim).filter(|line| !line.is_empty()).map(cause).collect();
    let texts: Vec<String> = causes.iter().map(text).collect();
    let message = format!("{intro}{}", texts.join("; "));
    Some(Refusal { code: 500, reason: "Invalid".to_owned(), message, causes })
}

fn text(cause: &RefusalCause) -> String {
    if cause.field.is_empty() { cause.message.clone() } else { format!("{} {}", cause.field, cause.message) }
}

fn cause(line: &str) -> RefusalCause {
    let (field, words) = match end_of_path(line) {
        Some(end) => (line[..end].trim_start_matches('.').to_owned(), &line[end + 2..]),
        None => (String::new(), line),
    };
    let reason = if words == UNDECLARED { "FieldValueForbidden" } else { "FieldValueInvalid" };
    RefusalCause { reason: reason.to_owned(), message: worded(words), field }
}

/// Where the path ends that a line begins with. Keys of list items are in brackets, and may hold anything.
fn end_of_path(line: &str) -> Option<usize> {
    if !line.starts_with(['.', '[']) {
        return None;
    }
    let (mut is_quoted, mut is_escaped, mut depth) = (false, false, 0_usize);
    for (position, c) in line.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => depth += 1,
            ']' if !is_quoted => depth = depth.saturating_sub(1),
            ':' if !is_quoted && depth == 0 => return line[position..].starts_with(": ").then_some(position),
            _ => {}
        }
    }
    None
}

fn worded(words: &str) -> String {
    if words == UNDECLARED {
        return "is not a field of this kind and version (field not declared in schema)".to_owned();
    }
    let expected = [
        ("expected string, got ", "must be a string"),
        ("expected numeric (int or float), got ", "must be a number"),
        ("expected boolean, got ", "must be a boolean"),
        ("expected any scalar, got ", "must be a string, number or boolean"),
        ("expected list, got ", "must be a list"),
        ("expected map, got ", "must be an object"),
    ];
    match expected.iter().find_map(|(prefix, must)| words.strip_prefix(prefix).map(|got| (must, value(got)))) {
        Some((must, Some(value))) => format!("{must}, not {value}"),
        Some((must, None)) => (*must).to_owned(),
        None => words
            .strip_prefix("duplicate entries for key ")
            .map_or_else(|| words.to_owned(), |key| format!("has more than one entry {key}")),
    }
}

/// The value in Go's spellings of one: `&value.valueUnstructured{Value:false}`, `&{false}`, and names of types.
fn value(got: &str) -> Option<String> {
    let inner = got
        .strip_prefix("&value.valueUnstructured{Value:")
        .or_else(|| got.strip_prefix("&{"))
        .and_then(|inner| inner.strip_suffix('}'));
    let Some(inner) = inner else {
        return match got {
            "string" => Some("a string".to_owned()),
            "bool" => Some("a boolean".to_owned()),
            _ if got.starts_with("map[") => Some("an object".to_owned()),
            _ if got.starts_with("[]") => Some("a list".to_owned()),
            _ => None,
        };
    };
    match inner {
        _ if inner.starts_with("map[") => Some("an object".to_owned()),
        _ if inner.starts_with('[') => Some("a list".to_owned()),
        _ if inner.contains("interface") || inner.contains("value.") => None,
        _ => Some(inner.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): ";

    #[test]
    fn refusals_of_the_merge_are_worded_without_gos_internals() {
        let cases = [
            (
                ".spec.template.spec.containers[name=\"a: b\"].name: expected string, got &value.valueUnstructured{Value:false}",
                "spec.template.spec.containers[name=\"a: b\"].name must be a string, not false",
            ),
            (
                ".spec.replicas: expected numeric (int or float), got string",
                "spec.replicas must be a number, not a string",
            ),
            (".spec.paused: expected boolean, got &{maybe}", "spec.paused must be a boolean, not maybe"),
            (".spec.selector: expected map, got &{[a b]}", "spec.selector must be an object, not a list"),
            (".spec.ports: expected list, got &{map[a:1]}", "spec.ports must be a list, not an object"),
            (
                ".data.x: expected string, got &value.valueUnstructured{Value:map[string]interface {}{\"a\":1}}",
                "data.x must be a string, not an object",
            ),
            (
                ".spec.color: field not declared in schema",
                "spec.color is not a field of this kind and version (field not declared in schema)",
            ),
            (
                ".spec.ports: duplicate entries for key [port=80,protocol=\"TCP\"]",
                "spec.ports has more than one entry [port=80,protocol=\"TCP\"]",
            ),
            (
                "errors:\n  .a: expected map, got &{1}\n  .b: field not declared in schema",
                "a must be an object, not 1; b is not a field of this kind and version (field not declared in schema)",
            ),
        ];
        for (words, expected) in cases {
            let refusal = refused(&format!("{OBJECT}{words}")).expect("it is the merge's");
            assert_eq!(refusal.message, expected);
            assert!(!refusal.causes.is_empty() && !refusal.reason.is_empty());
        }
        let bare = refused(".spec.accessPolicy: field not declared in schema").expect("it is the merge's");
        assert_eq!(bare.causes[0].field, "spec.accessPolicy");
        let live = refused("failed to create typed live object (a/b; v1, Kind=X): .x: expected list, got &{1}");
        assert!(
            live.expect("it is the merge's")
                .message
                .starts_with("the object in the cluster does not match its schema: x ")
        );
    }

    #[test]
    fn other_failures_of_the_server_are_left_alone() {
        for message in ["etcdserver: request timed out", "", "no kind \"Gear\" is registered", ".: x"] {
            assert_eq!(refused(message), None, "{message}");
        }
    }
}
