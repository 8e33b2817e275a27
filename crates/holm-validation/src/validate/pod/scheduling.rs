//! Where pods may run: tolerations, affinity, spread.

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at, texts};
use crate::validate::items;
use crate::validate::rules::Checks;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Checks what a pod says of its place.
pub(super) fn check(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    tolerations(spec, &["tolerations"], &format!("{shown}.tolerations"), errors);
    if let Some(affinity) = at(spec, &["affinity", "nodeAffinity"]) {
        node_affinity(affinity, &format!("{shown}.affinity.nodeAffinity"), errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = at(spec, &["affinity", kind]) else { continue };
        let path = format!("{shown}.affinity.{kind}");
        for (path, term) in items(affinity, &[REQUIRED], &format!("{path}.{REQUIRED}")) {
            pod_term(term, &path, errors);
        }
        for (path, weighted) in items(affinity, &[PREFERRED], &format!("{path}.{PREFERRED}")) {
            weight(weighted, &path, errors);
            let term = at(weighted, &["podAffinityTerm"]).unwrap_or(&Value::Null);
            pod_term(term, &format!("{path}.podAffinityTerm"), errors);
        }
    }
    spread(spec, shown, errors);
}

/// From `ValidateTolerations`.
pub(in crate::validate) fn tolerations(object: &Value, list: &[&str], shown: &str, errors: &mut Vec<FieldError>) {
    for (path, toleration) in items(object, list, shown) {
        let (key, operator) = (text_at(toleration, &["key"]), text_at(toleration, &["operator"]));
        errors.text_unless_empty(toleration, "key", &path, names::label_key);
        let field = format!("{path}.operator");
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid(field.clone(), operator, detail));
        }
        let effect = text_at(toleration, &["effect"]);
        if at(toleration, &["tolerationSeconds"]).is_some() && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(format!("{path}.effect"), effect, detail));
        }
        match operator {
            "" | "Equal" => {
                let value = text_at(toleration, &["value"]);
                let problems = names::label_value(value);
                if !problems.is_empty() {
                    errors.push(FieldError::invalid(field, value, problems.join(";")));
                }
            }
            "Exists" => {
                if !text_at(toleration, &["value"]).is_empty() {
                    let detail = "value must be empty when `operator` is 'Exists'";
                    errors.push(FieldError::invalid(field, text_at(toleration, &["value"]), detail));
                }
            }
            other => errors.push(FieldError::not_supported(field, other, &["Equal", "Exists"])),
        }
        if !effect.is_empty() {
            errors.one_of(toleration, "effect", &path, &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
        }
    }
}

fn node_affinity(affinity: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(required) = at(affinity, &[REQUIRED]) {
        node_selector(required, &format!("{path}.{REQUIRED}"), errors);
    }
    for (path, weighted) in items(affinity, &[PREFERRED], &format!("{path}.{PREFERRED}")) {
        weight(weighted, &path, errors);
        if let Some(term) = at(weighted, &["preference"]) {
            node_term(term, &format!("{path}.preference"), false, errors);
        }
    }
}

/// From `ValidateNodeSelector`.
pub(in crate::validate) fn node_selector(selector: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if at(selector, &["nodeSelectorTerms"]).and_then(Value::as_array).is_none_or(Vec::is_empty) {
        let detail = "must have at least one node selector term";
        errors.push(FieldError::required(format!("{path}.nodeSelectorTerms"), detail));
    }
    for (path, term) in items(selector, &["nodeSelectorTerms"], &format!("{path}.nodeSelectorTerms")) {
        node_term(term, &path, true, errors);
    }
}

/// From `ValidateNodeSelectorTerm`. What is only preferred may have values that no label has.
fn node_term(term: &Value, path: &str, has_labels: bool, errors: &mut Vec<FieldError>) {
    for (path, expression) in items(term, &["matchExpressions"], &format!("{path}.matchExpressions")) {
        let count = at(expression, &["values"]).and_then(Value::as_array).map_or(0, Vec::len);
        let field = format!("{path}.values");
        match text_at(expression, &["operator"]) {
            "In" | "NotIn" if count == 0 => {
                errors.push(FieldError::required(field, "must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if count > 0 => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(field, detail));
            }
            "Gt" | "Lt" if count != 1 => {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.push(FieldError::required(field, detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => {
                errors.push(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator"));
            }
        }
        let key = text_at(expression, &["key"]);
        errors.all(format!("{path}.key"), &json!(key), names::label_key(key));
        for (path, value) in items(expression, &["values"], &format!("{path}.values")).filter(|_| has_labels) {
            errors.all(path, value, names::label_value(value.as_str().unwrap_or_default()));
        }
    }
    for (path, expression) in items(term, &["matchFields"], &format!("{path}.matchFields")) {
        node_field(expression, &path, errors);
    }
}

/// From `ValidateNodeFieldSelectorRequirement`: nodes are known by their names alone.
fn node_field(expression: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match text_at(expression, &["operator"]) {
        "In" | "NotIn" => {
            if items(expression, &["values"], "").count() != 1 {
                let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                errors.push(FieldError::required(format!("{path}.values"), detail));
            }
        }
        other => errors.push(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator")),
    }
    let key = text_at(expression, &["key"]);
    if key != "metadata.name" {
        errors.push(FieldError::invalid(format!("{path}.key"), key, "not a valid field selector key"));
        return;
    }
    for (path, value) in items(expression, &["values"], &format!("{path}.values")) {
        errors.all(path, value, names::subdomain(value.as_str().unwrap_or_default()));
    }
}

/// Labels of the pod itself whose values are added to a selector, from `ValidateMatchLabelKeysAndMismatchLabelKeys`.
fn label_keys(term: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let selector = at(term, &["labelSelector"]);
    for list in ["matchLabelKeys", "mismatchLabelKeys"] {
        let shown = format!("{path}.{list}");
        if selector.is_none() && items(term, &[list], "").next().is_some() {
            errors.push(FieldError::forbidden(shown, "must not be specified when labelSelector is not set"));
            continue;
        }
        for (path, key) in items(term, &[list], &shown) {
            errors.all(path, key, names::label_key(key.as_str().unwrap_or_default()));
        }
    }
    let keys = |list: &str| texts(at(term, &[list]));
    // A label that is selected already may be selected with the value of the pod, but not by another expression.
    let labels = selector.and_then(|selector| at(selector, &["matchLabels"])?.as_object());
    let mut selected: Vec<&str> = labels.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let expressions = selector.into_iter().flat_map(|selector| items(selector, &["matchExpressions"], ""));
    for key in expressions.map(|(_, expression)| text_at(expression, &["key"])) {
        let position = keys("matchLabelKeys").iter().rposition(|own| own == key);
        if let Some(position) = position.filter(|_| selected.contains(&key)) {
            let detail = "exists in both matchLabelKeys and labelSelector";
            errors.push(FieldError::invalid(format!("{path}[{position}]"), key, detail));
        }
        selected.push(key);
    }
    let others = keys("mismatchLabelKeys");
    for (position, key) in keys("matchLabelKeys").iter().enumerate().filter(|(_, key)| others.contains(key)) {
        let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
        errors.push(FieldError::invalid(format!("{path}.matchLabelKeys[{position}]"), key.as_str(), detail));
    }
}

fn weight(weighted: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let weight = at(weighted, &["weight"]).and_then(Value::as_i64).unwrap_or_default();
    if !(1..=100).contains(&weight) {
        errors.push(FieldError::invalid(format!("{path}.weight"), weight, "must be in the range 1-100"));
    }
}

/// From `validatePodAffinityTerm`.
fn pod_term(term: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.selector(at(term, &["labelSelector"]), &format!("{path}.labelSelector"));
    errors.selector(at(term, &["namespaceSelector"]), &format!("{path}.namespaceSelector"));
    for (_, name) in items(term, &["namespaces"], "") {
        // The path is written like this there.
        errors.all(format!("{path}.namespace"), name, names::label(name.as_str().unwrap_or_default()));
    }
    label_keys(term, path, errors);
    let key = text_at(term, &["topologyKey"]);
    if key.is_empty() {
        errors.push(FieldError::required(format!("{path}.topologyKey"), "can not be empty"));
    }
    errors.all(format!("{path}.topologyKey"), &json!(key), names::label_key(key));
}

/// From `validateTopologySpreadConstraints`.
fn spread(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    let all: Vec<(String, &Value)> =
        items(spec, &["topologySpreadConstraints"], &format!("{shown}.topologySpreadConstraints")).collect();
    for (position, (path, constraint)) in all.iter().enumerate() {
        if at(constraint, &["maxSkew"]).and_then(Value::as_i64).unwrap_or_default() < 1 {
            let value = at(constraint, &["maxSkew"]).cloned().unwrap_or_default();
            errors.push(FieldError::invalid(format!("{path}.maxSkew"), value, "must be greater than zero"));
        }
        if text_at(constraint, &["topologyKey"]).is_empty() {
            errors.push(FieldError::required(format!("{path}.topologyKey"), "can not be empty"));
        }
        let action = text_at(constraint, &["whenUnsatisfiable"]);
        let actions = &["DoNotSchedule", "ScheduleAnyway"];
        if !actions.contains(&action) {
            errors.push(FieldError::not_supported(format!("{path}.whenUnsatisfiable"), action, actions));
        }
        let identity = |constraint: &Value| {
            ["topologyKey", "whenUnsatisfiable"].map(|field| text_at(constraint, &[field]).to_owned())
        };
        let mut later = all.iter().skip(position + 1);
        if let Some((_, other)) = later.find(|(_, other)| identity(other) == identity(constraint)) {
            let value = identity(other).join(", ");
            errors.push(FieldError::duplicate(
                format!("{path}.{{topologyKey, whenUnsatisfiable}}"),
                format!("{{{value}}}"),
            ));
        }
        if let Some(domains) = at(constraint, &["minDomains"]) {
            let field = format!("{path}.minDomains");
            if domains.as_i64().is_some_and(|domains| domains < 1) {
                errors.push(FieldError::invalid(field.as_str(), domains.clone(), "must be greater than zero"));
            }
            if action != "DoNotSchedule" {
                let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                errors.push(FieldError::invalid(field, domains.clone(), detail));
            }
        }
        label_keys(constraint, path, errors);
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            errors.one_of(constraint, field, path, &["Honor", "Ignore"]);
        }
        errors.selector(at(constraint, &["labelSelector"]), &format!("{path}.labelSelector"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(spec: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        check(spec, "s", &mut errors);
        field_error::told(&errors, |field| field.rsplit_once("].").map_or(field, |(_, last)| last))
    }

    #[test]
    fn nodes_are_chosen_by_labels_that_there_can_be() {
        let required = |term: Value| json!({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}});
        let preferred =
            |term: Value| json!({"affinity": {"nodeAffinity": {PREFERRED: [{"weight": 1, "preference": term}]}}});
        let label = json!({"matchExpressions": [{"key": "k", "operator": "In", "values": ["a b"]}]});
        let field =
            |key: &str, operator: &str| json!({"matchFields": [{"key": key, "operator": operator, "values": ["n"]}]});
        for (spec, wrong) in [
            (required(label.clone()), vec!["Invalid values[0]"]),
            (preferred(label), vec![]),
            (required(field("metadata.name", "In")), vec![]),
            (required(field("metadata.uid", "Exists")), vec!["Invalid operator", "Invalid key"]),
        ] {
            assert_eq!(told(&spec), wrong, "{spec}");
        }
    }

    #[test]
    fn pods_are_chosen_by_a_topology_and_by_labels_of_their_own() {
        let term = |fields: Value| {
            let mut term = json!({"topologyKey": "zone"});
            for (field, value) in fields.as_object().into_iter().flatten() {
                term[field] = value.clone();
            }
            json!({"affinity": {"podAffinity": {REQUIRED: [term]}}})
        };
        let selector = json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]});
        for (spec, wrong) in [
            (term(json!({})), vec![]),
            (term(json!({"namespaces": ["B"]})), vec!["Invalid namespace"]),
            (term(json!({"matchLabelKeys": ["a"]})), vec!["Forbidden matchLabelKeys"]),
            (term(json!({"matchLabelKeys": ["c"], "labelSelector": {"matchLabels": {"c": "d"}}})), vec![]),
            (
                term(json!({"matchLabelKeys": ["a", "b"], "mismatchLabelKeys": ["b"], "labelSelector": selector})),
                vec![
                    "Invalid s.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0][0]",
                    "Invalid matchLabelKeys[1]",
                ],
            ),
            (
                json!({"affinity": {"podAffinity": {PREFERRED: [{"weight": 1}]}}}),
                vec![
                    "Required podAffinityTerm.topologyKey",
                    "Invalid podAffinityTerm.topologyKey",
                    "Invalid podAffinityTerm.topologyKey",
                ],
            ),
        ] {
            assert_eq!(told(&spec), wrong, "{spec}");
        }
    }

    #[test]
    fn pods_are_spread_over_a_topology_once() {
        let of = |action: &str| json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": action});
        let mut few = of("ScheduleAnyway");
        few["minDomains"] = json!(0);
        let twice = "{topologyKey, whenUnsatisfiable}";
        for (constraints, wrong) in [
            (json!([of("DoNotSchedule"), of("ScheduleAnyway")]), vec![]),
            (
                json!([of("DoNotSchedule"), of("DoNotSchedule"), of("DoNotSchedule")]),
                vec![format!("Duplicate {twice}"), format!("Duplicate {twice}")],
            ),
            (json!([few]), vec!["Invalid minDomains".to_owned(); 2]),
            (json!([{"maxSkew": 1, "topologyKey": "zone"}]), vec!["NotSupported whenUnsatisfiable".to_owned()]),
        ] {
            assert_eq!(told(&json!({"topologySpreadConstraints": constraints})), wrong, "{constraints}");
        }
    }

    #[test]
    fn a_toleration_tells_of_its_value_once() {
        let value = format!("{} ", "a".repeat(70));
        assert_eq!(told(&json!({"tolerations": [{"key": "k", "value": value}]})), ["Invalid operator"]);
    }
}
