//! Routes of the Gateway API as derived kinds: `HTTPRoute` and `GRPCRoute`.
//!
//! A Gateway controller and the Gateway API's definitions have to be in the cluster. A route leads to Services by reference: their port is
//! looked up by its name, because the Gateway API knows ports by number only. [`references`] makes the stack find routes that lead nowhere.
//!
//! ```
//! use holm::gateway::{self, HTTPRoute};
//! use holm::prelude::*;
//!
//! fn declare(stack: &Stack, _: &Config) -> holm::Result {
//!     stack.namespace("shop");
//!     stack.references(gateway::references());
//!     let http = Port::tcp("http", 8080);
//!     let server = Container::new("shop", "example.org/shop:1.4.2").port(&http);
//!     let service = stack.add(Service::to(&stack.add(Deployment::new("shop").container(server)), &http));
//!     stack.add(
//!         HTTPRoute::to("shop", "public")
//!             .host("shop.example.org")
//!             .route("/", &service, &http)
//!             .route("/old", &service, &http),
//!     );
//!     Ok(())
//! }
//!
//! let graph = holm::testing::graph(declare, [])?;
//! let route = holm::testing::object(&graph, "HTTPRoute/shop").expect("the stack has it");
//! assert_eq!(route["spec"]["rules"][0]["backendRefs"][0]["port"], 8080);
//! # Ok::<(), holm::Problems>(())
//! ```

use holm_core::{Ref, ReferenceRule};
use holm_resources::{Port, kind};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const GROUP: &str = "gateway.networking.k8s.io";

/// The rules by which the stack finds the Gateways and Services that routes name: `stack.references(gateway::references())`.
pub fn references() -> Vec<ReferenceRule> {
    let rules = ["HTTPRoute", "GRPCRoute"].map(|route| {
        [
            ReferenceRule::new(GROUP, route, "spec.rules[*].backendRefs[*].name").names("", "Service"),
            // A Gateway is shared by many stacks.
            ReferenceRule::new(GROUP, route, "spec.parentRefs[*].name").names(GROUP, "Gateway").usually_outside("*"),
        ]
    });
    rules.into_iter().flatten().collect()
}

/// What an `HTTPRoute` asks for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "HTTPRoute",
    plural = "httproutes",
    namespaced,
    derive = "PartialEq",
    doc = "Requests over HTTP that a Gateway leads to Services.",
    crates(
        kube_core = "::kube_core",
        k8s_openapi = "::k8s_openapi",
        schemars = "::schemars",
        serde = "::serde",
        serde_json = "::serde_json"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// The Gateways that it is attached to.
    pub parent_refs: Vec<ParentReference>,
    /// The hosts that it is for; all those of the Gateway where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Where requests go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<HttpRouteRule>,
}

/// What a `GRPCRoute` asks for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "GRPCRoute",
    plural = "grpcroutes",
    namespaced,
    derive = "PartialEq",
    doc = "Calls over gRPC that a Gateway leads to Services.",
    crates(
        kube_core = "::kube_core",
        k8s_openapi = "::k8s_openapi",
        schemars = "::schemars",
        serde = "::serde",
        serde_json = "::serde_json"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteSpec {
    /// The Gateways that it is attached to.
    pub parent_refs: Vec<ParentReference>,
    /// The hosts that it is for; all those of the Gateway where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Where calls go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<GrpcRouteRule>,
}

/// A Gateway that a route is attached to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    /// Its name.
    pub name: String,
    /// Its namespace, where it is another one than the route's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its listener, where it is for one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
}

/// Where requests of some paths go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteRule {
    /// The requests; all where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<HttpRouteMatch>,
    /// The Services, each with its share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<BackendReference>,
}

/// Requests of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteMatch {
    /// Their path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathMatch>,
    /// Their method, such as `GET`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// A path of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpPathMatch {
    /// How it is compared.
    #[serde(rename = "type")]
    pub kind: PathMatchType,
    /// The path.
    pub value: String,
}

/// How a path is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PathMatchType {
    /// It and every path below.
    PathPrefix,
    /// It and no other.
    Exact,
}

/// Where calls of some methods go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteRule {
    /// The calls; all where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<GrpcRouteMatch>,
    /// The Services, each with its share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<BackendReference>,
}

/// Calls of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrpcRouteMatch {
    /// Their method.
    pub method: GrpcMethodMatch,
}

/// A method of calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrpcMethodMatch {
    /// The service with its package, such as `shop.v1.Orders`.
    pub service: String,
    /// The method; all of the service where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// A Service that requests go to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackendReference {
    /// Its name.
    pub name: String,
    /// Its namespace, where it is another one than the route's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The number of its port.
    pub port: u16,
    /// Its share, in relation to those of the others. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

impl BackendReference {
    /// The port `port` of a Service, under the number that the Service has for it. Of a Service outside of the stack, whose ports are not
    /// known, it is the port's own number.
    pub fn to(service: &Ref<kind::Service>, port: &Port) -> Self {
        let ports = service.declared().pointer("/spec/ports").and_then(Value::as_array);
        let found = ports.into_iter().flatten().find(|declared| declared["name"] == port.name());
        let number = found.and_then(|declared| declared["port"].as_u64()).and_then(|number| u16::try_from(number).ok());
        Self { name: service.name().to_string(), port: number.unwrap_or(port.number()), ..Self::default() }
    }
}

impl ParentReference {
    fn named(gateway: &str) -> Self {
        Self { name: gateway.to_owned(), ..Self::default() }
    }
}

impl HTTPRoute {
    /// A route named `name`, attached to a Gateway of its namespace.
    #[must_use]
    pub fn to(name: &str, gateway: &str) -> Self {
        Self::new(
            name,
            HttpRouteSpec { parent_refs: vec![ParentReference::named(gateway)], ..HttpRouteSpec::default() },
        )
    }

    /// The namespace of the Gateways, where it is another one than the route's.
    #[must_use]
    pub fn gateway_namespace(mut self, name: &str) -> Self {
        self.spec.parent_refs.iter_mut().for_each(|parent| parent.namespace = Some(name.to_owned()));
        self
    }

    /// A host that it is for.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.spec.hostnames.push(host.to_owned());
        self
    }

    /// Leads requests to `path`, and to every path below, to a port of a Service.
    #[must_use]
    pub fn route(mut self, path: &str, service: &Ref<kind::Service>, port: &Port) -> Self {
        let path = Some(HttpPathMatch { kind: PathMatchType::PathPrefix, value: path.to_owned() });
        self.spec.rules.push(HttpRouteRule {
            matches: vec![HttpRouteMatch { path, method: None }],
            backend_refs: vec![BackendReference::to(service, port)],
        });
        self
    }
}

impl GRPCRoute {
    /// A route named `name`, attached to a Gateway of its namespace.
    #[must_use]
    pub fn to(name: &str, gateway: &str) -> Self {
        Self::new(
            name,
            GrpcRouteSpec { parent_refs: vec![ParentReference::named(gateway)], ..GrpcRouteSpec::default() },
        )
    }

    /// A host that it is for.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.spec.hostnames.push(host.to_owned());
        self
    }

    /// Leads calls of a gRPC service, such as `shop.v1.Orders`, to a port of a Service.
    #[must_use]
    pub fn route(mut self, grpc_service: &str, service: &Ref<kind::Service>, port: &Port) -> Self {
        let method = GrpcMethodMatch { service: grpc_service.to_owned(), method: None };
        self.spec.rules.push(GrpcRouteRule {
            matches: vec![GrpcRouteMatch { method }],
            backend_refs: vec![BackendReference::to(service, port)],
        });
        self
    }
}
