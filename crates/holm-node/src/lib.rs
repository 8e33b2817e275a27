//! A simulated node, scheduler, volume provisioner and load balancer, as plain clients of any Kubernetes cluster: of the embedded
//! one, and of a real control plane without nodes.
//!
//! No containers run. Pods get the statuses and Events that a kubelet of 1.37 gives them, with shorter times, and they fail when
//! they are told to or when what they need is not there.
mod action;
mod addresses;
mod balancer;
mod client;
mod engine;
mod error;
mod event;
mod execute;
mod kubelet;
mod node;
mod object;
mod options;
mod provisioner;
mod quantity;
mod queue;
mod registration;
mod resource;
mod scheduler;
mod watcher;
mod world;

pub use error::NodeError;
pub use node::{Node, Settled};
pub use options::{LoadBalancers, NodeOptions, PROVISIONER};
