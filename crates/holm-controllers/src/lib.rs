//! The controllers of an embedded Kubernetes cluster.
//!
//! They do what `kube-controller-manager` 1.37 does, over a [`holm_apiserver::ApiServer`] and without HTTP: pods for workloads,
//! volumes for claims, endpoints for services, with the statuses, conditions, owner references and events of the real ones.
//!
//! ```
//! use holm_apiserver::{ApiServer, GroupVersionResource, WriteOptions};
//! use holm_controllers::Controllers;
//! use serde_json::json;
//!
//! let api = ApiServer::new()?;
//! let deployments = api.objects(&GroupVersionResource::new("apps", "v1", "deployments"))?;
//! let labels = json!({"app": "web"});
//! deployments.create(
//!     json!({
//!         "metadata": {"name": "web", "namespace": "default"},
//!         "spec": {
//!             "replicas": 2,
//!             "selector": {"matchLabels": labels},
//!             "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "web:1"}]}},
//!         },
//!     }),
//!     &WriteOptions::by("example"),
//! )?;
//! Controllers::new(&api).settle()?;
//! let pods = api.objects(&GroupVersionResource::new("", "v1", "pods"))?;
//! assert_eq!(pods.list(Some("default")).items.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same writes at the same times have the same outcome: there is one queue, which the log of the API server fills, and
//! nothing runs beside it. Names and uids that are generated are the same too if the API server has a
//! [seed](holm_apiserver::ApiServerBuilder::seed).
//!
//! # What there is
//! Deployments, ReplicaSets, ReplicationControllers, StatefulSets, DaemonSets, Jobs (with the time after which they go), CronJobs,
//! claims and volumes, Endpoints and EndpointSlices, disruption budgets, autoscalers, ranges of service addresses, and the end of
//! events after an hour. Garbage, namespaces, service accounts, the use of quotas and the protection of storage are the API server's
//! own business; pods are run by a node, such as that of `holm-node`.
//!
//! # Limits
//! - The hash in the names of ReplicaSets and ControllerRevisions is not the one that Kubernetes would compute.
//! - Autoscalers keep their target within its bounds and say otherwise that there are no metrics.
//! - No volume plugin is built in: what is to be made is handed to a provisioner, and what a provisioner has made is left to it.
//! - Endpoints of services without a selector are not mirrored; slices have no hints of topology.
//! - Nodes that do not report drive no pods away; `kubectl rollout undo` works, and the old `rollbackTo` annotation does not.
//! - Nothing is looked at again for its own sake, as a real controller does every few minutes: events that only that would repeat are
//!   not repeated.

mod adoption;
mod autoscaler;
mod context;
mod cron_job;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoints;
mod engine;
mod error;
mod event;
mod event_expiry;
mod fields;
mod hash;
mod history;
mod index;
mod job;
mod kind;
mod nodes;
mod pod_collector;
mod pods;
mod queue;
mod replica_set;
mod route;
mod service_cidr;
mod stateful_set;
mod volumes;

pub use engine::{Controllers, Settled, Unsettled};
