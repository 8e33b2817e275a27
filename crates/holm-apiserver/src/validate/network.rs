//! Services, Ingresses, NetworkPolicies and EndpointSlices.

mod ingress;
mod policy;
mod service;
mod slice;

pub(super) use ingress::{ingress, ingress_class};
pub(super) use policy::policy;
pub(super) use service::{service, warnings as service_warnings};
pub(super) use slice::slice;
