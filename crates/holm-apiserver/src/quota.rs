//! Resource quotas: a namespace that has used up what it may have is given no more.
//!
//! From `k8s.io/apiserver`, `pkg/admission/plugin/resourcequota/controller.go` (`CheckRequest`), and `k8s.io/kubernetes`,
//! `pkg/controller/resourcequota`, which counts some time after a write. Here it is counted in the same step.

mod scope;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holm_values::Quantity;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::object::{self, at, set_at};
use crate::registry::ResourceType;
use crate::state::State;
use crate::store::{Key, ResourceId};

const QUOTAS: &str = "resourcequotas";

/// Amounts by the names that quotas have for them.
type Amounts = BTreeMap<String, Quantity>;

/// Checks a new object against the quotas of its namespace.
pub(crate) fn on_create(
    state: &State,
    resource: &ResourceType,
    namespace: &str,
    object: &Value,
) -> Result<(), ApiError> {
    check(state, resource, namespace, None, object)
}

/// Checks a change against the quotas of the namespace, where the kind is one of which a change can use more.
pub(crate) fn on_update(
    state: &State,
    resource: &ResourceType,
    subresource: &str,
    live: &Value,
    object: &Value,
) -> Result<(), ApiError> {
    let deadline = |pod: &Value| scope::has_deadline(pod);
    let counts = match (&*resource.id, subresource) {
        ("pods", "") => deadline(live) != deadline(object),
        ("pods", "resize") => true,
        ("services" | "persistentvolumeclaims", "") => true,
        _ => false,
    };
    if counts { check(state, resource, object::namespace(live), Some(live), object) } else { Ok(()) }
}

fn check(
    state: &State,
    resource: &ResourceType,
    namespace: &str,
    live: Option<&Value>,
    object: &Value,
) -> Result<(), ApiError> {
    // Events have never been counted.
    if !resource.is_namespaced() || resource.is("events") {
        return Ok(());
    }
    let mut quotas = state.store.list(QUOTAS, Some(namespace)).map(|(_, quota)| quota).peekable();
    if quotas.peek().is_none() {
        return Ok(());
    }
    let refuse = |problem: String| {
        let prefix = object::metadata_text(object, "generateName");
        let name = if prefix.is_empty() { object::name(object) } else { prefix };
        Err(ApiError::forbidden(resource.group(), resource.plural(), name, &problem))
    };
    let now = state.now();
    let wanted = usage::of(&resource.id, object, now);
    for quota in quotas {
        let name = object::name(quota);
        let hard = amounts(at(quota, &["status", "hard"]));
        let restricted: Vec<&str> =
            hard.keys().map(String::as_str).filter(|found| usage::is_of(&resource.id, found)).collect();
        if restricted.is_empty() || !scope::matches(quota, &resource.id, object) {
            continue;
        }
        if resource.is("pods")
            && let Some(missing) = usage::missing(object, &restricted)
        {
            return refuse(format!("failed quota: {name}: must specify {missing}"));
        }
        let used = amounts(at(quota, &["status", "used"]));
        let before = live.filter(|live| scope::matches(quota, &resource.id, live));
        let before = before.map(|live| usage::of(&resource.id, live, now)).unwrap_or_default();
        let requested: Amounts = wanted
            .iter()
            .filter(|(found, _)| hard.contains_key(*found))
            .map(|(found, amount)| (found.clone(), before.get(found).map_or(*amount, |before| above(*amount, *before))))
            .filter(|(_, amount)| !amount.is_zero())
            .collect();
        let exceeds = |(found, amount): &(&String, &Quantity)| {
            let total = used.get(*found).map_or(**amount, |used| used.plus(**amount));
            hard.get(*found).is_some_and(|hard| total > *hard)
        };
        let exceeded: Vec<&String> = requested.iter().filter(exceeds).map(|(found, _)| found).collect();
        if !exceeded.is_empty() {
            let (requested, used, hard) =
                (printed(&requested, &exceeded), printed(&used, &exceeded), printed(&hard, &exceeded));
            return refuse(format!("exceeded quota: {name}, requested: {requested}, used: {used}, limited: {hard}"));
        }
    }
    Ok(())
}

fn amounts(list: Option<&Value>) -> Amounts {
    let list = list.and_then(Value::as_object).into_iter().flatten();
    list.filter_map(|(name, amount)| Some((name.clone(), Quantity::of(amount)?))).collect()
}

/// Some of the amounts as messages have them.
fn printed(amounts: &Amounts, names: &[&String]) -> String {
    let found = names.iter().filter_map(|name| Some(format!("{name}={}", amounts.get(*name)?)));
    found.collect::<Vec<_>>().join(",")
}

impl State {
    /// Counts again what the quotas of a namespace limit, after objects of some resources changed there.
    pub(crate) fn count_quotas(&mut self, namespace: &str, changed: &BTreeSet<ResourceId>) {
        let quotas: Vec<Arc<Value>> =
            self.store.list(QUOTAS, Some(namespace)).map(|(_, quota)| Arc::clone(quota)).collect();
        for quota in quotas {
            let hard = amounts(at(&quota, &["spec", "hard"]));
            let is_concerned = |resource: &String| changed.iter().any(|changed| **changed == **resource);
            if !changed.contains(QUOTAS) && !self.counted_resources(hard.keys()).iter().any(is_concerned) {
                continue;
            }
            let mut counted = Value::clone(&quota);
            let hard = at(&quota, &["spec", "hard"]).cloned().unwrap_or_else(|| json!({}));
            // What has nothing in it is left out, as in every object that is stored.
            let parts = [("hard", hard), ("used", Value::Object(self.used(&quota)))].into_iter();
            let parts = parts.filter(|(_, amounts)| amounts.as_object().is_some_and(|amounts| !amounts.is_empty()));
            let status: Map<String, Value> = parts.map(|(name, amounts)| (name.to_owned(), amounts)).collect();
            set_at(&mut counted, &["status"], Value::Object(status));
            if counted == *quota {
                continue;
            }
            let Some(resource) = self.registry.by_id(QUOTAS).cloned() else { return };
            let counted =
                resource.tracker("status").update_or_keep(&quota, counted, "kube-controller-manager", self.now());
            let name = object::name(&quota).to_owned();
            self.store.put(Key { resource: QUOTAS.into(), namespace: namespace.to_owned(), name }, counted);
        }
    }

    /// What the objects of a namespace use of that which a quota limits.
    fn used(&self, quota: &Value) -> Map<String, Value> {
        let namespace = object::namespace(quota);
        let hard = amounts(at(quota, &["spec", "hard"]));
        let mut used = Amounts::new();
        for resource in self.counted_resources(hard.keys()) {
            let names = || hard.keys().filter(|name| usage::is_of(&resource, name));
            for name in names() {
                used.insert(name.clone(), Quantity::ZERO);
            }
            for (_, object) in self.store.list(&resource, Some(namespace)) {
                if !scope::matches(quota, &resource, object) {
                    continue;
                }
                let amounts = usage::of(&resource, object, self.now());
                for (name, amount) in names().filter_map(|name| amounts.get_key_value(name)) {
                    let total = used.entry(name.clone()).or_insert(Quantity::ZERO);
                    *total = total.plus(*amount);
                }
            }
        }
        used.into_iter().map(|(name, amount)| (name, json!(amount.to_string()))).collect()
    }

    /// The resources, as the store knows them, of which a quota with these names limits something.
    fn counted_resources<'a>(&self, names: impl Iterator<Item = &'a String>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in names {
            for resource in usage::resources_of(name) {
                let is_served = self.registry.by_id(&resource).is_some_and(|found| found.is_namespaced());
                if is_served && resource != "events" && !found.contains(&resource) {
                    found.push(resource);
                }
            }
        }
        found
    }
}

/// How much an amount is more than another one; nothing if it is less.
fn above(amount: Quantity, other: Quantity) -> Quantity {
    let more = amount.minus(other);
    if more.is_negative() { Quantity::ZERO } else { more }
}
