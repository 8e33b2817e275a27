//! Rules: whether one allows a request, and whether some cover others.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/rbac/v1/evaluation_helpers.go`, and `k8s.io/component-helpers`,
//! `auth/rbac/validation/policy_comparator.go`.

use serde_json::{Value, json};

use crate::request_info::Attributes;

fn texts<'a>(rule: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    rule.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn has(rule: &Value, field: &str, wanted: &str) -> bool {
    texts(rule, field).any(|found| found == wanted)
}

fn has_or_all(rule: &Value, field: &str, wanted: &str) -> bool {
    texts(rule, field).any(|found| found == "*" || found == wanted)
}

/// Whether a rule allows a request.
pub(crate) fn allows(rule: &Value, attributes: &Attributes) -> bool {
    if !has_or_all(rule, "verbs", &attributes.verb) {
        return false;
    }
    if !attributes.is_resource {
        return texts(rule, "nonResourceURLs").any(|pattern| covers_path(pattern, &attributes.path));
    }
    let names = rule.get("resourceNames").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
    has_or_all(rule, "apiGroups", &attributes.group)
        && texts(rule, "resources").any(|pattern| matches_resource(pattern, attributes))
        && (!names || has(rule, "resourceNames", &attributes.name))
}

fn matches_resource(pattern: &str, attributes: &Attributes) -> bool {
    let Attributes { resource, subresource, .. } = attributes;
    if pattern == "*" {
        return true;
    }
    if subresource.is_empty() {
        return pattern == resource;
    }
    pattern.split_once('/').is_some_and(|(left, right)| right == subresource && (left == "*" || left == resource))
}

fn covers_path(pattern: &str, path: &str) -> bool {
    pattern == "*" || pattern == path || pattern.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
}

/// The rights that are in `wanted` and not in `owned`, each with one verb, one resource and at most one name.
pub(crate) fn missing(owned: &[Value], wanted: &[Value]) -> Vec<Value> {
    let single = wanted.iter().flat_map(broken_down);
    single.filter(|right| !owned.iter().any(|rule| covers(rule, right))).collect()
}

fn broken_down(rule: &Value) -> Vec<Value> {
    let mut single = Vec::new();
    for group in texts(rule, "apiGroups") {
        for resource in texts(rule, "resources") {
            for verb in texts(rule, "verbs") {
                let right = json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]});
                let mut names = texts(rule, "resourceNames").peekable();
                if names.peek().is_none() {
                    single.push(right);
                    continue;
                }
                for name in names {
                    let mut named = right.clone();
                    named["resourceNames"] = json!([name]);
                    single.push(named);
                }
            }
        }
    }
    for url in texts(rule, "nonResourceURLs") {
        for verb in texts(rule, "verbs") {
            single.push(json!({"nonResourceURLs": [url], "verbs": [verb]}));
        }
    }
    single
}

/// Whether a rule covers one right.
fn covers(rule: &Value, right: &Value) -> bool {
    let resource = |wanted: &str| {
        has_or_all(rule, "resources", wanted)
            || wanted.split_once('/').is_some_and(|(_, part)| has(rule, "resources", &format!("*/{part}")))
    };
    let named = texts(rule, "resourceNames").next().is_some();
    let names = texts(right, "resourceNames").next().is_some();
    texts(right, "verbs").all(|verb| has_or_all(rule, "verbs", verb))
        && texts(right, "apiGroups").all(|group| has_or_all(rule, "apiGroups", group))
        && texts(right, "resources").all(resource)
        && (!named || names && texts(right, "resourceNames").all(|name| has(rule, "resourceNames", name)))
        && texts(right, "nonResourceURLs")
            .all(|url| texts(rule, "nonResourceURLs").any(|pattern| pattern == url || starred(pattern, url)))
}

fn starred(pattern: &str, url: &str) -> bool {
    pattern.ends_with('*') && url.starts_with(pattern.trim_end_matches('*'))
}

/// Merges rights that differ in their verbs only, as `CompactRules` of `pkg/registry/rbac/validation/policy_compact.go` does.
pub(crate) fn compacted(rights: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for right in rights {
        let same = |found: &Value| {
            ["apiGroups", "resources", "resourceNames", "nonResourceURLs"]
                .iter()
                .all(|field| found.get(field) == right.get(field))
        };
        let known = merged.iter_mut().find(|found| right.get("resources").is_some() && same(found));
        match known.and_then(|found| found.get_mut("verbs")?.as_array_mut()) {
            Some(verbs) => verbs.extend(right.get("verbs").and_then(Value::as_array).into_iter().flatten().cloned()),
            None => merged.push(right),
        }
    }
    merged
}

/// A rule in one line, from `pkg/apis/rbac/v1/helpers.go` (`CompactString`).
pub(crate) fn described(rule: &Value) -> String {
    let parts = [
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("ResourceNames", "resourceNames"),
        ("Verbs", "verbs"),
    ];
    let shown = parts.iter().filter_map(|(label, field)| {
        let texts: Vec<String> = texts(rule, field).map(|text| format!("{text:?}")).collect();
        (!texts.is_empty()).then(|| format!("{label}:[{}]", texts.join(" ")))
    });
    format!("{{{}}}", shown.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(verb: &str, group: &str, resource: &str, subresource: &str, name: &str) -> Attributes {
        let text = str::to_owned;
        Attributes {
            verb: text(verb),
            is_resource: true,
            group: text(group),
            resource: text(resource),
            subresource: text(subresource),
            name: text(name),
            ..Attributes::default()
        }
    }

    #[test]
    fn a_rule_allows_what_all_its_parts_name() {
        let rule = json!({"apiGroups": [""], "resources": ["pods", "*/scale", "pods/log"], "verbs": ["get"]});
        let cases = [
            (request("get", "", "pods", "", "a"), true),
            (request("list", "", "pods", "", ""), false),
            (request("get", "apps", "pods", "", "a"), false),
            (request("get", "", "pods", "log", "a"), true),
            (request("get", "", "pods", "exec", "a"), false),
            (request("get", "", "deployments", "scale", "a"), true),
            (request("get", "", "deployments", "", "a"), false),
        ];
        for (attributes, expected) in cases {
            assert_eq!(allows(&rule, &attributes), expected, "{attributes:?}");
        }
        let named = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]});
        assert!(allows(&named, &request("get", "", "pods", "", "a")));
        assert!(!allows(&named, &request("get", "", "pods", "", "b")));
        assert!(!allows(&named, &request("list", "", "pods", "", "")));
    }

    #[test]
    fn paths_are_allowed_by_prefix() {
        let rule = json!({"nonResourceURLs": ["/healthz", "/openapi/*"], "verbs": ["get"]});
        let path = |path: &str| Attributes { verb: "get".to_owned(), path: path.to_owned(), ..Attributes::default() };
        assert!(allows(&rule, &path("/healthz")) && allows(&rule, &path("/openapi/v3")));
        assert!(!allows(&rule, &path("/healthz/etcd")) && !allows(&rule, &path("/version")));
    }

    #[test]
    fn what_is_missing_is_listed_right_by_right() {
        let owned = [json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]})];
        let wanted = [json!({"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "watch"]})];
        let missing = compacted(missing(&owned, &wanted));
        let texts: Vec<String> = missing.iter().map(described).collect();
        assert_eq!(
            texts,
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["watch"]}"#,
                r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get" "watch"]}"#,
            ]
        );
    }
}
