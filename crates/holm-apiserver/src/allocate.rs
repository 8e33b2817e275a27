//! Addresses and ports that services get.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/core/service/storage/{storage,alloc}.go`: one address family (IPv4), cluster IPs from
//! `10.96.0.0/16`, node ports from 30000 to 32767. All of it happens before an object is validated, so what is wrong with addresses
//! is told alone. A dry run allocates nothing: what it shows is free, and not reserved.

mod families;
mod keep;
mod ports;

use std::collections::HashSet;

use holm_validation::FieldError;
use holm_validation::prepare::complete_addresses;
use holm_values::names;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::object::{self, at, set_at, text_at};
use crate::registry::ResourceType;
use crate::state::State;

pub(crate) use keep::drop_of_type;

/// Gives a new service its addresses and ports.
pub(crate) fn on_create(
    state: &mut State,
    resource: &ResourceType,
    object: &mut Value,
    dry_run: bool,
) -> Result<(), ApiError> {
    if !resource.is("services") {
        return Ok(());
    }
    complete_addresses(object);
    families::complete(None, object)?;
    addresses(state, object, dry_run)?;
    ports::on_create(state, object)
}

/// Keeps what a changed service has, and gives it what it lacks.
pub(crate) fn on_update(
    state: &mut State,
    resource: &ResourceType,
    live: &Value,
    object: &mut Value,
    dry_run: bool,
) -> Result<(), ApiError> {
    if !resource.is("services") {
        return Ok(());
    }
    keep::allocated(live, object);
    keep::one_and_all(live, object);
    families::complete(Some(live), object)?;
    if !families::are_settled(live, object) && kind(live) == EXTERNAL_NAME && kind(object) != EXTERNAL_NAME {
        addresses(state, object, dry_run)?;
    }
    ports::on_update(state, live, object)
}

const EXTERNAL_NAME: &str = "ExternalName";

fn kind(service: &Value) -> &str {
    text_at(service, &["spec", "type"])
}

/// The texts in a list of the spec.
fn texts(service: &Value, field: &str) -> Vec<String> {
    object::texts(at(service, &["spec", field]))
}

fn invalid(service: &Value, errors: &[FieldError]) -> ApiError {
    ApiError::invalid("", "Service", object::name(service), errors)
}

/// The other services.
fn others<'s>(state: &'s State, service: &Value) -> impl Iterator<Item = &'s Value> {
    let (namespace, name) = (object::namespace(service).to_owned(), object::name(service).to_owned());
    let all = state.store.list("services", None);
    all.filter(move |((found, other), _)| (found, other) != (&namespace, &name)).map(|(_, service)| &**service)
}

/// From `allocClusterIPs`. A service that is here has valid families, of which there is one.
fn addresses(state: &mut State, object: &mut Value, dry_run: bool) -> Result<(), ApiError> {
    let wanted = texts(object, "clusterIPs").first().cloned().unwrap_or_default();
    if kind(object) == EXTERNAL_NAME || wanted == "None" {
        return Ok(());
    }
    let name = object::name(object);
    if !dry_run && (name.is_empty() || !names::path_segment(name).is_empty()) {
        // An address is an object that names its service, and is refused with a service that cannot be named.
        let problem = "failed to allocate IP: the service has no name that an address can refer to";
        return Err(invalid(object, &[FieldError::invalid("spec.clusterIPs", json!([wanted]), problem)]));
    }
    let used: HashSet<String> =
        others(state, object).map(|service| text_at(service, &["spec", "clusterIP"]).to_owned()).collect();
    let address = if wanted.is_empty() {
        let free = (0..4096_u32).map(|_| {
            let number = 256 + state.random.below(65_000);
            format!("10.96.{}.{}", number / 256, number % 256)
        });
        let mut free = free.filter(|address| !used.contains(address) && !address.ends_with(".0"));
        free.next().ok_or_else(|| ApiError::internal("failed to allocate a serviceIP: range is full"))?
    } else {
        let problem = if !wanted.starts_with("10.96.") {
            format!("failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range")
        } else if used.contains(&wanted) {
            format!("failed to allocate IP {wanted}: provided IP is already allocated")
        } else {
            String::new()
        };
        if !problem.is_empty() {
            return Err(invalid(object, &[FieldError::invalid("spec.clusterIPs", json!([wanted]), problem)]));
        }
        wanted
    };
    set_at(object, &["spec", "clusterIP"], json!(address));
    set_at(object, &["spec", "clusterIPs"], json!([address]));
    Ok(())
}
