//! Quantities, wherever a built-in kind has one.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::field::is_unknown;
use super::{Declared, Report};
use crate::path::scalar_text;
use crate::problem::ProblemKind;
use crate::quantity::{Quantity, QuantityError};
use crate::references::{CONTAINER_LISTS, POD_SPECS, Pattern};

/// Where quantities stand in a container.
const CONTAINER: &[&str] = &["resources.limits[*]", "resources.requests[*]", "env[*].valueFrom.resourceFieldRef.divisor"];

/// Where they stand in a pod's spec.
const POD: &[&str] = &[
    "resources.limits[*]",
    "resources.requests[*]",
    "overhead[*]",
    "volumes[*].emptyDir.sizeLimit",
    "volumes[*].downwardAPI.items[*].resourceFieldRef.divisor",
    "volumes[*].projected.sources[*].downwardAPI.items[*].resourceFieldRef.divisor",
    "volumes[*].ephemeral.volumeClaimTemplate.spec.resources.limits[*]",
    "volumes[*].ephemeral.volumeClaimTemplate.spec.resources.requests[*]",
];

/// Where they stand in other kinds. Quantities of devices are left to the server: their drivers make them.
const OTHERS: &[(&str, &str, &[&str])] = &[
    ("", "PersistentVolumeClaim", &["spec.resources.limits[*]", "spec.resources.requests[*]"]),
    ("", "PersistentVolume", &["spec.capacity[*]"]),
    ("", "ResourceQuota", &["spec.hard[*]"]),
    ("", "LimitRange", &[
        "spec.limits[*].default[*]",
        "spec.limits[*].defaultRequest[*]",
        "spec.limits[*].max[*]",
        "spec.limits[*].maxLimitRequestRatio[*]",
        "spec.limits[*].min[*]",
    ]),
    ("apps", "StatefulSet", &[
        "spec.volumeClaimTemplates[*].spec.resources.limits[*]",
        "spec.volumeClaimTemplates[*].spec.resources.requests[*]",
    ]),
    ("autoscaling", "HorizontalPodAutoscaler", &[
        "spec.behavior.scaleDown.tolerance",
        "spec.behavior.scaleUp.tolerance",
        "spec.metrics[*].containerResource.target.averageValue",
        "spec.metrics[*].containerResource.target.value",
        "spec.metrics[*].external.target.averageValue",
        "spec.metrics[*].external.target.value",
        "spec.metrics[*].object.target.averageValue",
        "spec.metrics[*].object.target.value",
        "spec.metrics[*].pods.target.averageValue",
        "spec.metrics[*].pods.target.value",
        "spec.metrics[*].resource.target.averageValue",
        "spec.metrics[*].resource.target.value",
    ]),
    ("node.k8s.io", "RuntimeClass", &["overhead.podFixed[*]"]),
    ("storage.k8s.io", "CSIStorageCapacity", &["capacity", "maximumVolumeSize"]),
];

pub(super) fn check(report: &mut Report<'_>, declared: &Declared<'_>) {
    let id = &declared.resource.id;
    let Some(patterns) = patterns().get(&(id.group.as_str(), id.kind.as_str())) else { return };
    for pattern in patterns {
        for found in pattern.find(declared.object) {
            // Every other type is judged with the object's schema.
            let Some(text) = scalar_text(found.value).filter(|_| !is_unknown(found.value)) else { continue };
            match text.trim().parse::<Quantity>() {
                Ok(quantity) if quantity.billionths() < 0 => {
                    report.rule(found.path, "quantity", &text, Err("it must not be negative".to_owned()));
                }
                // The server takes what is too large as the largest that there is.
                Ok(_) | Err(QuantityError::TooLarge) => {}
                Err(error @ QuantityError::Malformed) => {
                    let kind = ProblemKind::Invalid { what: "quantity", rule: error.to_string(), value: text.clone() };
                    report.hint(found.path, kind, suggest(&text));
                }
            }
        }
    }
}

/// What somebody may have meant who wrote `5GB` or `512mi`.
fn suggest(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" | "ki" | "kib" => "Ki",
        "m" | "mb" | "mi" | "mib" => "Mi",
        "g" | "gb" | "gi" | "gib" => "Gi",
        "t" | "tb" | "ti" | "tib" => "Ti",
        _ => return None,
    };
    let suggestion = format!("{number}{unit}");
    suggestion.parse::<Quantity>().ok().map(|_| format!("did you mean \"{suggestion}\"?"))
}

type Patterns = HashMap<(&'static str, &'static str), Vec<Pattern>>;

fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let mut patterns: Patterns = HashMap::new();
        let mut add = |group, kind, path: &str| {
            // The paths are constants, and a test reads them.
            patterns.entry((group, kind)).or_default().extend(Pattern::parse(path).ok());
        };
        for &(group, kind, spec) in POD_SPECS {
            for path in POD {
                add(group, kind, &format!("{spec}.{path}"));
            }
            for list in CONTAINER_LISTS {
                for path in CONTAINER {
                    add(group, kind, &format!("{spec}.{list}.{path}"));
                }
            }
        }
        for &(group, kind, paths) in OTHERS {
            for path in paths {
                add(group, kind, path);
            }
        }
        patterns
    })
}
