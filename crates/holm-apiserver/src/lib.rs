//! A Kubernetes API server in process.
//!
//! For planning, applying and testing stacks where there is no cluster: no containers run, but the API does what that of
//! Kubernetes 1.37 does, with server-side apply, dry run, watches, finalizers, custom resources and the rest.
//!
//! ```
//! use holm_apiserver::{ApiServer, GroupVersionResource, WriteOptions};
//! use serde_json::json;
//!
//! let cluster = ApiServer::new()?;
//! let secrets = cluster.objects(&GroupVersionResource::new("", "v1", "secrets"))?;
//! let made = secrets.create(
//!     json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}),
//!     &WriteOptions::by("example"),
//! )?;
//! assert_eq!(made["type"], "Opaque");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ApiServer::client`] gives a `kube::Client` that needs no socket, [`ApiServer::service`] the same as a `tower::Service`, and
//! [`ApiServer::objects`] direct access for controllers.
//!
//! # Limits
//! What is accepted here may still be refused by a real cluster. Requests for what is not supported are answered with
//! 501 `NotImplemented`, or 406 and 415 for media types.
//! - Bodies are JSON or protobuf, answers JSON, for readers of YAML too; a client that takes only protobuf gets 406, one that sends
//!   CBOR 415. Only an applied configuration may be YAML.
//! - The client in process is the administrator unless [`ApiServer::client_as`] says who it is. Over the listener there are
//!   tokens of the administrator and of service accounts, and roles decide; there are no client certificates, and tokens end
//!   with the process unless its [`Credentials`] are kept. The roles of Kubernetes' own controllers are left out.
//! - No webhooks, no admission policies, no aggregated APIs, no conversion webhooks (a definition with one is stored, and only its stored version can be used); no limit ranges or pod security.
//! - The stable versions of the built-in resources. Autoscalers of `autoscaling/v1` are a view of those of `autoscaling/v2`: what
//!   is written through it is owned in the latter, and it takes no server-side apply.
//! - The OpenAPI documents have no descriptions and no enumerations, so `kubectl explain` names fields with their types and what is
//!   required, and nothing else of them.
//! - No metrics of the server: `/metrics` is answered with 404.
//! - No exec, attach, port forwarding, or proxy. The log of a pod is made up from its annotation `holm.dev/log` and from how its
//!   containers ended; `follow` ends at its end, `sinceTime` and `sinceSeconds` leave nothing out.
//! - An approved request for a certificate is not signed.
//! - Validation covers metadata, pods, workloads, jobs, autoscalers, budgets, network, storage, configuration, access control,
//!   classes, quotas, webhooks and definitions, and what cannot change; not rarely used volume sources, pods for Windows, device
//!   claims, flow control, admission policies, and what is written to the status of workloads and budgets.
//!   `docs/conformance.md` of the repository lists what is compared with a real server.
//! - One address family (IPv4). Addresses, uids and generated names differ from those that a real cluster would choose.
//! - What controllers of garbage, namespaces, protected storage and custom resource definitions do happens at once, in the same
//!   step as the write that it follows from. Of what follows for thousands of objects a part is left to
//!   [`ApiServer::follow_up`]; a request waits for all of it.
//! - An object is nested at most 120 levels deep, its managed fields included, and all objects together have at most 512 MiB as JSON.
//! - The history for watches and for pages of lists is bounded: the last 20,000 changes.

mod admission;
mod allocate;
mod api_server;
mod audit;
mod authenticate;
mod authorize;
mod bootstrap;
mod changes;
mod clock;
mod definitions;
mod error;
mod import;
#[cfg(feature = "listen")]
mod listen;
mod objects;
mod options;
mod patch;
#[cfg(feature = "persist")]
mod persist;
mod protobuf;
mod query;
mod quota;
mod random;
mod registry;
mod request_info;
mod selector;
mod server;
mod settle;
mod state;
mod storable;
mod store;
mod traits;
mod user;
mod view;
mod watch;
mod write;

use holm_validation::{go, object, validate};

pub use api_server::{ApiServer, ApiServerBuilder, ApiServerError, ApiService};
pub use audit::{AuditEvent, AuditLog};
pub use changes::{Changes, ObjectChange};
pub use clock::Clock;
pub use error::ApiError;
pub use holm_schema::{GroupVersionKind, GroupVersionResource};
pub use holm_validation::{FieldError, FieldProblem};
pub use holm_values::Timestamp;
#[cfg(feature = "listen")]
pub use listen::{Credentials, Listener};
pub use objects::{Listed, Objects};
pub use options::{DeleteOptions, FieldValidation, Propagation, WriteOptions};
#[cfg(feature = "persist")]
pub use persist::{PersistError, THREAD as FILE_THREAD};
pub use server::AnswerBody;
pub use user::User;
pub use watch::{Watch, WatchEvent};
