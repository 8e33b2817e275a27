//! What a pod asks of its node.
//!
//! From `k8s.io/component-helpers`, `resource/helpers.go` (`PodRequests`): the containers and sidecars together, or the largest init
//! container with the sidecars before it, whichever is more, and the overhead.

use std::collections::BTreeMap;

use holm_values::Quantity;
use serde_json::Value;

use crate::object::{at, list, text};

/// Amounts of resources, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    amounts: BTreeMap<String, i128>,
}

impl Requests {
    pub(crate) fn of_pod(pod: &Value) -> Self {
        let mut sum = Self::default();
        let mut most_of_inits = Self::default();
        let mut sidecars = Self::default();
        for container in list(pod, &["spec", "containers"]) {
            sum.add(&Self::of_container(container));
        }
        for container in list(pod, &["spec", "initContainers"]) {
            let own = Self::of_container(container);
            let mut together = own.clone();
            together.add(&sidecars);
            if text(container, &["restartPolicy"]) == "Always" {
                sum.add(&own);
                sidecars = together.clone();
            }
            most_of_inits.raise(&together);
        }
        sum.raise(&most_of_inits);
        sum.replace(&Self::of(at(pod, &["spec", "resources", "requests"])));
        sum.add(&Self::of(at(pod, &["spec", "overhead"])));
        sum.amounts.insert("pods".to_owned(), 1000);
        sum
    }

    /// The amounts of a map from names to quantities.
    pub(crate) fn of(quantities: Option<&Value>) -> Self {
        let entries = quantities.and_then(Value::as_object).into_iter().flatten();
        let amounts = entries.filter_map(|(name, amount)| Some((name.clone(), Quantity::of(amount)?.thousandths())));
        Self { amounts: amounts.collect() }
    }

    fn of_container(container: &Value) -> Self {
        Self::of(at(container, &["resources", "requests"]))
    }

    pub(crate) fn amount(&self, name: &str) -> i128 {
        self.amounts.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i128)> {
        self.amounts.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (name, amount) in &other.amounts {
            *self.amounts.entry(name.clone()).or_default() += amount;
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        for (name, amount) in &other.amounts {
            *self.amounts.entry(name.clone()).or_default() -= amount;
        }
    }

    /// Takes the larger of the two, resource by resource.
    fn raise(&mut self, other: &Self) {
        for (name, amount) in &other.amounts {
            let own = self.amounts.entry(name.clone()).or_default();
            *own = (*own).max(*amount);
        }
    }

    /// What the pod itself asks for stands in for the sum of its containers.
    fn replace(&mut self, pod: &Self) {
        for (name, amount) in &pod.amounts {
            self.amounts.insert(name.clone(), *amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_asks_for_its_containers_or_its_largest_init_container() {
        let cpu = |amount: &str| json!({"requests": {"cpu": amount}});
        let sidecar = json!({"resources": cpu("1"), "restartPolicy": "Always"});
        let cases = [
            (json!({"containers": [{"resources": cpu("1")}, {"resources": cpu("500m")}]}), 1500),
            (json!({"containers": [{"resources": cpu("1")}], "initContainers": [{"resources": cpu("4")}]}), 4000),
            (json!({"containers": [{"resources": cpu("1")}], "initContainers": [sidecar]}), 2000),
            (json!({"containers": [{}], "initContainers": [sidecar, {"resources": cpu("2")}]}), 3000),
            (json!({"containers": [{"resources": cpu("1")}], "overhead": {"cpu": "250m"}}), 1250),
        ];
        for (spec, expected) in cases {
            let requests = Requests::of_pod(&json!({"spec": spec}));
            assert_eq!(requests.amount("cpu"), expected, "{spec}");
            assert_eq!(requests.amount("pods"), 1000);
        }
    }
}
