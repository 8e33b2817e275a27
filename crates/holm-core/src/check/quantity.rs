//! Quantities, wherever a built-in kind has one.

use std::collections::HashMap;
use std::sync::OnceLock;

use holm_values::Quantity;

use super::field::is_unknown;
use super::{Declared, Report};
use crate::path::scalar_text;
use crate::problem::ProblemKind;
use crate::references::{CONTAINER_LISTS, POD_SPECS, Pattern};

const RULE: &str =
    "a quantity is a number with an optional suffix: m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent";

/// Where quantities stand in a container.
const CONTAINER: &[&str] =
    &["resources.limits[*]", "resources.requests[*]", "env[*].valueFrom.resourceFieldRef.divisor"];

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
    (
        "",
        "LimitRange",
        &[
            "spec.limits[*].default[*]",
            "spec.limits[*].defaultRequest[*]",
            "spec.limits[*].max[*]",
            "spec.limits[*].maxLimitRequestRatio[*]",
            "spec.limits[*].min[*]",
        ],
    ),
    (
        "apps",
        "StatefulSet",
        &[
            "spec.volumeClaimTemplates[*].spec.resources.limits[*]",
            "spec.volumeClaimTemplates[*].spec.resources.requests[*]",
        ],
    ),
    (
        "autoscaling",
        "HorizontalPodAutoscaler",
        &[
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
        ],
    ),
    ("node.k8s.io", "RuntimeClass", &["overhead.podFixed[*]"]),
    ("storage.k8s.io", "CSIStorageCapacity", &["capacity", "maximumVolumeSize"]),
    ("storage.k8s.io", "VolumeAttachment", &["spec.source.inlineVolumeSpec.capacity[*]"]),
];

pub(super) fn check(report: &mut Report<'_>, declared: &Declared<'_>) {
    let id = &declared.resource.id;
    let Some(patterns) = patterns().get(&(id.group.as_str(), id.kind.as_str())) else { return };
    for pattern in patterns {
        for found in pattern.find(declared.object) {
            // Every other type is judged with the object's schema.
            let Some(text) = scalar_text(found.value).filter(|_| !is_unknown(found.value)) else { continue };
            match text.trim().parse::<Quantity>() {
                Ok(quantity) if quantity.is_negative() => {
                    report.rule(found.path, "quantity", &text, Err("it must not be negative".to_owned()));
                }
                Ok(_) => {}
                Err(_) => {
                    let kind = ProblemKind::Invalid { what: "quantity", rule: RULE.to_owned(), value: text.clone() };
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use holm_schema::{GroupVersionKind, Type, built_in};

    use super::*;
    use crate::catalog;

    /// The kinds whose quantities are not declared by people.
    const LEFT_OUT: [&str; 6] =
        ["DeviceClass", "Node", "ResourceClaim", "ResourceClaimTemplate", "ResourcePoolStatusRequest", "ResourceSlice"];

    #[test]
    fn every_quantity_of_the_schema_is_checked() {
        let pack = built_in().expect("the schema of this repository reads");
        let mut in_schema = BTreeSet::new();
        for kind in catalog::all().filter(|kind| !LEFT_OUT.contains(&kind.kind.as_str())) {
            let root = pack.type_of_kind(&GroupVersionKind::new(&kind.group, &kind.version, &kind.kind));
            let mut found = Vec::new();
            look(root.expect("the kind has a type"), "", &mut Vec::new(), &mut found);
            in_schema.extend(found.into_iter().map(|path| (kind.group.clone(), kind.kind.clone(), path)));
        }
        let mut in_table = BTreeSet::new();
        for (&(group, kind), patterns) in patterns() {
            for pattern in patterns {
                let steps = pattern.fields().map(|step| step.map_or("[*]".to_owned(), |name| format!(".{name}")));
                let path: String = steps.collect();
                in_table.insert((group.to_owned(), kind.to_owned(), path.trim_start_matches('.').to_owned()));
            }
        }
        let different: Vec<_> = in_schema.symmetric_difference(&in_table).collect();
        assert!(different.is_empty(), "{different:#?}");
    }

    fn look<'p>(at: Type<'p>, way: &str, seen: &mut Vec<&'p str>, found: &mut Vec<String>) {
        for (name, field) in at.properties().filter(|(name, _)| *name != "status" && *name != "metadata") {
            let mut path = if way.is_empty() { name.to_owned() } else { format!("{way}.{name}") };
            let mut end = field;
            while let Some(inner) = end.items().or_else(|| end.values()) {
                path.push_str("[*]");
                end = inner;
            }
            if end.is_quantity() {
                found.push(path);
                continue;
            }
            let type_name = end.name().unwrap_or_default();
            if type_name.is_empty() || !seen.contains(&type_name) {
                seen.push(type_name);
                look(end, &path, seen, found);
                seen.pop();
            }
        }
    }

    #[test]
    fn slips_in_units_get_a_suggestion() {
        let cases = [
            ("5GB", Some("5Gi")),
            ("512mb", Some("512Mi")),
            ("1 Gi", Some("1Gi")),
            ("64K", Some("64Ki")),
            ("five", None),
            ("5X", None),
        ];
        for (text, expected) in cases {
            assert_eq!(suggest(text), expected.map(|expected| format!("did you mean \"{expected}\"?")), "{text}");
        }
    }
}
