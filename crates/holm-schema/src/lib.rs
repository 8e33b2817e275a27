//! The schema of the built-in Kubernetes kinds, as data.
//!
//! One file holds what Kubernetes 1.37 publishes about its API, without the prose: the OpenAPI v3 schema of
//! every type, with list keys, patch strategies, required fields, formats and defaults, and the discovery document, with
//! resources, scopes, verbs, short names, categories and subresources. [`built_in`] finds its way in it once.
//!
//! ```
//! use holm_schema::{GroupVersionKind, built_in};
//!
//! let pack = built_in()?;
//! let deployment = GroupVersionKind::new("apps", "v1", "Deployment");
//! let resource = pack.resource_of_kind(&deployment).expect("Deployment is built in");
//! assert_eq!((resource.name.as_str(), resource.namespaced), ("deployments", true));
//!
//! let spec = pack.type_of_kind(&deployment).and_then(|kind| kind.property("spec")).expect("it has a spec");
//! assert_eq!(spec.required().collect::<Vec<_>>(), ["selector", "template"]);
//! # Ok::<(), holm_schema::PackError>(())
//! ```
//!
//! [`Pack::object_type`] gives the type of a kind as server-side apply needs it, and [`Pack::custom_type`] that of a custom
//! resource.
//!
//! # Where it comes from
//! The Go module `k8s.io/kubernetes@v1.37.2`: `api/openapi-spec/v3/*.json`, `api/discovery/aggregated_v2.json`, and for the
//! core group, which the latter leaves out, `api/discovery/api__v1.json`. `cargo run -p holm-schema --example generate -- DIR`
//! makes the data file from a folder of that module; `data/NOTICE` names its licence.
//!
//! # Caveats
//! A `default` in the schema is often only the zero value of a Go type that is no pointer (`""`, `0`, `{}`): the server does
//! not set such fields. [`Type::default_value`] gives every default, [`Type::server_default`] leaves these out. Most of the
//! defaults that the server does set are code and not in the schema at all; so are enumerations, patterns and immutability.
//!
//! A type or group is read when it is asked for the first time.

mod custom;
mod discovery;
mod pack;
mod types;

pub use discovery::{ApiGroup, ApiVersion, GroupVersionResource, Resource, Subresource};
pub use holm_structured_merge::GroupVersionKind;
pub use pack::{Pack, PackError, built_in};
pub use types::{DataType, ListType, PatchStrategy, Type};
