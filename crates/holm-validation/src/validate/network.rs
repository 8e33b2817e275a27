//! Services, Ingresses, NetworkPolicies and EndpointSlices.

mod endpoints;
mod ingress;
mod policy;
mod service;
mod slice;
mod status;

pub(super) use endpoints::endpoints;
pub(super) use ingress::{ingress, ingress_class};
pub(super) use policy::policy;
pub use service::service_addresses;
pub(super) use service::{service, warnings as service_warnings};
pub(super) use slice::slice;
pub(super) use status::{ingress_status, service_status};
