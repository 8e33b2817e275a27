//! What containers need and may take.

use std::collections::BTreeSet;

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::{Checks, is_whole};
use crate::validate::{items, resources};

/// From `ValidateContainerResourceRequirements`.
pub(super) fn check(container: &Value, path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    let path = format!("{path}.resources");
    let amounts = |part: &str| at(container, &["resources", part]).and_then(Value::as_object);
    let (mut pages, mut computing) = (false, false);
    for part in ["limits", "requests"] {
        for (name, found) in amounts(part).into_iter().flatten() {
            pages |= resources::is_pages(name);
            computing |= matches!(name.as_str(), "cpu" | "memory");
            amount(name, found, &format!("{path}.{part}[{name}]"), errors);
        }
    }
    for (name, request) in amounts("requests").into_iter().flatten() {
        let Some(limit) = amounts("limits").and_then(|limits| limits.get(name)) else {
            if !resources::overcommits(name) {
                let detail = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(format!("{path}.limits"), detail));
            }
            continue;
        };
        let (Some(limit), Some(wanted)) = (Quantity::of(limit), Quantity::of(request)) else { continue };
        let detail = if wanted != limit && !resources::overcommits(name) {
            "must be equal to"
        } else if wanted > limit {
            "must be less than or equal to"
        } else {
            continue;
        };
        let detail = format!("{detail} {name} limit of {limit}");
        errors.push(FieldError::invalid(format!("{path}.requests"), wanted.to_string(), detail));
    }
    if pages && !computing {
        errors.push(FieldError::forbidden(path.clone(), "HugePages require cpu or memory"));
    }
    claims(container, &format!("{path}.claims"), spec, errors);
}

/// From `ValidateContainerResourceName`, `ValidateResourceQuantityValue` and `validateResourceQuantityHugePageValue`.
fn amount(name: &str, amount: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.all(path.to_owned(), &json!(name), resources::container_name(name));
    if Quantity::of(amount).is_some_and(Quantity::is_negative) {
        errors.push(FieldError::invalid(path, amount.clone(), "must be greater than or equal to 0"));
    }
    if resources::is_counted(name) && !is_whole(amount) {
        errors.push(FieldError::invalid(path, amount.clone(), "must be an integer"));
    }
    if let (Some(size), Some(amount)) = (name.strip_prefix("hugepages-"), Quantity::of(amount)) {
        let size = size.parse::<Quantity>().ok().filter(|size| size.is_whole() && !size.is_negative());
        if !size.is_some_and(|size| amount.rounded().is_multiple_of(size)) {
            let amount = amount.to_string();
            let detail = format!("{amount} is not positive integer multiple of {name}");
            errors.push(FieldError::invalid(path, amount, detail));
        }
    }
}

/// From `validateResourceClaimNames`: a claim is named as a whole or by its requests.
fn claims(container: &Value, path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    let of_pod: BTreeSet<&str> =
        items(spec, &["resourceClaims"], "").map(|(_, claim)| text_at(claim, &["name"])).collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (path, claim) in items(container, &["resources", "claims"], path) {
        let (name, request) = (text_at(claim, &["name"]), text_at(claim, &["request"]));
        if name.is_empty() {
            errors.push(FieldError::required(path, ""));
            continue;
        }
        if seen.contains(name) {
            errors.push(FieldError::duplicate(path.as_str(), name));
        } else {
            errors.text_unless_empty(claim, "request", &path, names::label);
            let key = if request.is_empty() { name.to_owned() } else { format!("{name}/{request}") };
            let is_named = |key: &String| key.split_once('/').is_some_and(|(known, _)| known == name);
            if seen.contains(&key) || (request.is_empty() && seen.iter().any(is_named)) {
                errors.push(FieldError::duplicate(path.as_str(), key.as_str()));
            }
            seen.insert(key);
        }
        if !of_pod.contains(name) {
            let listed: Vec<&str> = of_pod.iter().copied().collect();
            let which = if listed.is_empty() { "which is empty".to_owned() } else { String::new() };
            let detail = format!("must be one of the names in pod.spec.resourceClaims {which}");
            errors.push(FieldError { detail: detail.trim_end().to_owned(), ..FieldError::not_found(path, name) });
        }
    }
}
