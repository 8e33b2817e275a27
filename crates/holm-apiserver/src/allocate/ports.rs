//! The node ports of services: `initNodePorts`, `updateNodePorts` and their neighbours.

use std::collections::{HashMap, HashSet};

use holm_validation::FieldError;
use serde_json::{Value, json};

use super::keep::{is_checked, node_ports};
use super::{invalid, kind, others};
use crate::error::ApiError;
use crate::object::{at, set_at, text_at};
use crate::state::State;

const FIRST: u32 = 30_000;
const COUNT: u32 = 2_768;

/// The numbers that are taken: a number is taken whatever the protocol.
struct Numbers {
    taken: HashSet<i64>,
}

impl Numbers {
    /// Those of the other services, and those that this one has already.
    fn of(state: &State, service: &Value, own: HashSet<i64>) -> Self {
        let mut taken = own;
        for other in others(state, service) {
            taken.extend(node_ports(other));
            taken.extend(at(other, &["spec", "healthCheckNodePort"]).and_then(Value::as_i64));
        }
        Self { taken }
    }

    /// Takes this number.
    fn take(&mut self, number: i64) -> Result<(), String> {
        let (first, last) = (i64::from(FIRST), i64::from(FIRST + COUNT - 1));
        if !(first..=last).contains(&number) {
            return Err(format!("provided port is not in the valid range. The range of valid ports is {first}-{last}"));
        }
        if self.taken.insert(number) { Ok(()) } else { Err("provided port is already allocated".to_owned()) }
    }

    /// Takes any number.
    fn any(&mut self, state: &mut State) -> Result<i64, ApiError> {
        let mut numbers = (0..100_000).map(|_| i64::from(FIRST + state.random.below(COUNT)));
        numbers
            .find(|number| self.taken.insert(*number))
            .ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))
    }
}

fn number(port: &Value, field: &str) -> i64 {
    at(port, &[field]).and_then(Value::as_i64).unwrap_or_default()
}

fn ports(service: &Value) -> Vec<Value> {
    at(service, &["spec", "ports"]).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Whether ports get numbers that nobody asked for.
fn are_given(service: &Value) -> bool {
    kind(service) == "NodePort" || at(service, &["spec", "allocateLoadBalancerNodePorts"]) != Some(&json!(false))
}

fn refused(service: &Value, position: usize, number: i64, problem: String) -> ApiError {
    invalid(service, &[FieldError::invalid(format!("spec.ports[{position}].nodePort"), number, problem)])
}

pub(super) fn on_create(state: &mut State, object: &mut Value) -> Result<(), ApiError> {
    let mut numbers = Numbers::of(state, object, HashSet::new());
    if matches!(kind(object), "NodePort" | "LoadBalancer") {
        new_ports(state, object, &mut numbers)?;
    }
    if is_checked(object) { check_port(state, object, &mut numbers) } else { Ok(()) }
}

/// Ports with the same number share their node port, whatever their protocol.
fn new_ports(state: &mut State, object: &mut Value, numbers: &mut Numbers) -> Result<(), ApiError> {
    let mut all = ports(object);
    let mut of_port: HashMap<i64, i64> = HashMap::new();
    for position in 0..all.len() {
        let Some((port, own)) = all.get(position).map(|port| (number(port, "port"), number(port, "nodePort"))) else {
            break;
        };
        if own == 0 && !are_given(object) {
            continue;
        }
        let given = match of_port.get(&port) {
            None => {
                let asked = all.iter().find(|found| number(found, "port") == port && number(found, "nodePort") != 0);
                let asked = asked.map_or(0, |found| number(found, "nodePort"));
                let given = if asked == 0 {
                    numbers.any(state)?
                } else {
                    numbers.take(asked).map_err(|problem| refused(object, position, asked, problem))?;
                    asked
                };
                of_port.insert(port, given);
                given
            }
            Some(given) if own == 0 || own == *given => *given,
            Some(_) => {
                numbers.take(own).map_err(|problem| refused(object, position, own, problem))?;
                own
            }
        };
        if let Some(port) = all.get_mut(position) {
            set_at(port, &["nodePort"], json!(given));
        }
    }
    if !all.is_empty() {
        set_at(object, &["spec", "ports"], json!(all));
    }
    Ok(())
}

pub(super) fn on_update(state: &mut State, live: &Value, object: &mut Value) -> Result<(), ApiError> {
    let before = node_ports(live);
    let mut numbers = Numbers::of(state, object, before.clone());
    numbers.taken.extend(at(live, &["spec", "healthCheckNodePort"]).and_then(Value::as_i64));
    if matches!(kind(object), "NodePort" | "LoadBalancer") {
        let mut all = ports(object);
        let (mut seen, mut taken): (HashSet<(String, i64)>, HashSet<i64>) = (HashSet::new(), HashSet::new());
        for (position, port) in all.iter_mut().enumerate() {
            let mut own = number(port, "nodePort");
            if own == 0 {
                if !are_given(object) {
                    continue;
                }
                own = numbers.any(state)?;
                set_at(port, &["nodePort"], json!(own));
            } else if !before.contains(&own) && taken.insert(own) {
                numbers.take(own).map_err(|problem| refused(object, position, own, problem))?;
            }
            if !seen.insert((text_at(port, &["protocol"]).to_owned(), own)) {
                return Err(ApiError::unknown(format!("duplicate nodePort: {own}")));
            }
        }
        if !all.is_empty() {
            set_at(object, &["spec", "ports"], json!(all));
        }
    }
    if !is_checked(live) && is_checked(object) { check_port(state, object, &mut numbers) } else { Ok(()) }
}

/// The port at which a load balancer asks whether a node is alive.
fn check_port(state: &mut State, object: &mut Value, numbers: &mut Numbers) -> Result<(), ApiError> {
    let path = ["spec", "healthCheckNodePort"];
    let asked = at(object, &path).and_then(Value::as_i64).unwrap_or_default();
    if asked == 0 {
        let given = numbers.any(state)?;
        set_at(object, &path, json!(given));
        return Ok(());
    }
    numbers.take(asked).map_err(|problem| {
        ApiError::internal(format!("failed to allocate requested HealthCheck NodePort {asked}: {problem}"))
    })
}
