//! Services, Ingresses, NetworkPolicies and EndpointSlices.

mod endpoints;
mod ingress;
mod policy;
mod service;
mod slice;

pub(super) use endpoints::endpoints;
pub(super) use ingress::{ingress, ingress_class};
pub(super) use policy::policy;
pub(crate) use service::service_addresses;
pub(super) use service::{ingress_status, service, status as service_status, warnings as service_warnings};
pub(super) use slice::slice;
