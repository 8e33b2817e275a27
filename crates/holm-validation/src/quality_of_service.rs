//! The class of a pod by which a node chooses whom it evicts first.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/helper/qos/qos.go` (`ComputePodQOS`).

use holm_values::Quantity;
use serde_json::Value;

use crate::object::at;

const BEST_EFFORT: &str = "BestEffort";
const BURSTABLE: &str = "Burstable";
const GUARANTEED: &str = "Guaranteed";
/// The resources that count.
const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// Returns the class of a pod: that of its own resources if it has any, and otherwise what its containers have in common.
pub fn quality_of_service(pod: &Value) -> &'static str {
    if let Some(own) = at(pod, &["spec", "resources"]).filter(|own| has_pod_resources(own)) {
        return of_resources(own);
    }
    let lists = ["initContainers", "containers"].into_iter().filter_map(|list| at(pod, &["spec", list])?.as_array());
    let classes = lists.flatten().map(|container| of_resources(at(container, &["resources"]).unwrap_or(&Value::Null)));
    in_common(classes)
}

/// Whether a resource is there that a pod can have as a whole.
fn has_pod_resources(resources: &Value) -> bool {
    let lists = ["requests", "limits"].into_iter().filter_map(|part| at(resources, &[part])?.as_object());
    lists.flatten().any(|(name, _)| RESOURCES.contains(&name.as_str()) || name.starts_with("hugepages-"))
}

fn of_resources(resources: &Value) -> &'static str {
    in_common(RESOURCES.into_iter().map(|name| {
        let amount = |part: &str| at(resources, &[part, name]).and_then(Quantity::of).unwrap_or(Quantity::ZERO);
        match (amount("requests"), amount("limits")) {
            (request, limit) if request != limit => BURSTABLE,
            (request, _) if request.is_zero() => BEST_EFFORT,
            _ => GUARANTEED,
        }
    }))
}

/// The class that all have. Those that differ are burstable together.
fn in_common(mut classes: impl Iterator<Item = &'static str>) -> &'static str {
    let Some(first) = classes.next() else { return BEST_EFFORT };
    if classes.all(|class| class == first) { first } else { BURSTABLE }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Cases of `qos_test.go`.
    #[test]
    fn the_class_is_that_of_kubernetes() {
        let of = |cpu: &str, memory: &str| json!({"cpu": cpu, "memory": memory});
        let guaranteed = json!({"requests": of("100m", "100Mi"), "limits": of("0.1", "102400Ki")});
        let burstable = json!({"requests": of("100m", "100Mi")});
        let zero = json!({"requests": of("0", "0Mi")});
        let cases = [
            (json!({}), vec![guaranteed.clone()], GUARANTEED),
            (json!({}), vec![json!({})], BEST_EFFORT),
            (json!({}), vec![zero.clone()], BEST_EFFORT),
            (json!({}), vec![json!({"requests": {"cpu": "0"}})], BEST_EFFORT),
            (json!({}), vec![json!({"limits": {"memory": "0"}, "requests": {"memory": "0"}})], BEST_EFFORT),
            (json!({}), vec![json!({"limits": {"example.com/gpu": "1"}})], BEST_EFFORT),
            (json!({}), vec![burstable.clone()], BURSTABLE),
            (json!({}), vec![json!({"requests": of("100m", "0"), "limits": of("100m", "0")})], BURSTABLE),
            (json!({}), vec![json!({"requests": of("100m", "100Mi"), "limits": of("200m", "100Mi")})], BURSTABLE),
            (json!({}), vec![guaranteed.clone(), guaranteed.clone()], GUARANTEED),
            (json!({}), vec![guaranteed.clone(), zero.clone()], BURSTABLE),
            (json!({}), vec![zero.clone(), zero.clone()], BEST_EFFORT),
            (guaranteed.clone(), vec![burstable.clone()], GUARANTEED),
            (burstable, vec![guaranteed.clone()], BURSTABLE),
            (zero, vec![guaranteed.clone()], BEST_EFFORT),
            (json!({"limits": {"example.com/gpu": "1"}}), vec![guaranteed], GUARANTEED),
        ];
        for (own, containers, expected) in cases {
            let containers: Vec<Value> =
                containers.into_iter().map(|resources| json!({"resources": resources})).collect();
            let pod = json!({"spec": {"resources": own, "containers": containers}});
            assert_eq!(quality_of_service(&pod), expected, "{pod}");
        }
    }
}
