//! Keys of Secrets and ConfigMaps that somebody names and that do not exist.

use std::collections::HashMap;

use super::field::text;
use super::{Declared, Report, data};
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::problem::ProblemKind;
use crate::references::Reference;
use crate::warning::WarningKind;
use holm_values::did_you_mean;

pub(super) fn check(report: &mut Report<'_>, references: Vec<Reference>, all: &HashMap<&ResourceId, Declared<'_>>) {
    for reference in references {
        if reference.is_optional || reference.keys.is_empty() {
            continue;
        }
        let Some(target) = all.get(&reference.target).filter(|target| !is_filled_by_others(target)) else { continue };
        let known = data::keys(target);
        for (path, key) in reference.keys {
            if known.binary_search(&key.as_str()).is_ok() {
                continue;
            }
            let hint = did_you_mean(&key, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
                [] => "it has no keys".to_owned(),
                known => format!("it has {}", known.join(", ")),
            });
            let target_id = reference.target.clone();
            // What is declared without keys is made to be filled by a controller.
            if known.is_empty() && report.resource.is_from_text {
                report.warn(path, WarningKind::UndeclaredKey { target: target_id, key }, hint);
            } else {
                report.hint(path, ProblemKind::MissingKey { target: target_id, key }, Some(hint));
            }
        }
    }
}

/// Whether somebody else may add keys: the server itself, or whoever the object is marked for.
fn is_filled_by_others(target: &Declared<'_>) -> bool {
    let data = FieldPath::of(["data"]);
    let is_marked = target
        .object
        .pointer("/metadata/annotations")
        .is_some_and(|marks| marks.as_object().is_some_and(|marks| !marks.is_empty()));
    text(target.object, "type") == Some("kubernetes.io/service-account-token")
        || target.resource.options.ignore_changes.iter().any(|path| path.starts_with(&data) || data.starts_with(path))
        || (is_marked && data::keys(target).is_empty())
}
