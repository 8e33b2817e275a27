//! Definitions of derived kinds, and the routes of the Gateway API.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use holm::gateway::{self, GRPCRoute, HTTPRoute};
use holm::prelude::*;
use holm::schemars::JsonSchema;
use holm::serde::{Deserialize, Serialize};
use holm::{CustomResource, Graph};

/// The kind as it is stored.
mod v1 {
    use super::*;

    #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
    #[kube(group = "shop.example.org", version = "v1", kind = "Discount", namespaced)]
    #[kube(crates(
        kube_core = "holm::kube_core",
        k8s_openapi = "holm::k8s_openapi",
        schemars = "holm::schemars",
        serde = "holm::serde",
        serde_json = "holm::serde_json"
    ))]
    #[serde(crate = "holm::serde")]
    #[schemars(crate = "holm::schemars")]
    pub struct DiscountSpec {
        pub percent: i32,
    }
}

/// The kind as it was.
mod v1beta1 {
    use super::*;

    #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
    #[kube(group = "shop.example.org", version = "v1beta1", kind = "Discount", namespaced)]
    #[kube(crates(
        kube_core = "holm::kube_core",
        k8s_openapi = "holm::k8s_openapi",
        schemars = "holm::schemars",
        serde = "holm::serde",
        serde_json = "holm::serde_json"
    ))]
    #[serde(crate = "holm::serde")]
    #[schemars(crate = "holm::schemars")]
    pub struct DiscountSpec {
        pub share: i32,
    }
}

#[test]
fn a_definition_is_made_of_its_types_and_stores_one_of_them() {
    fn declare(stack: &Stack, _: &Config) -> holm::Result {
        stack.namespace("shop");
        let definition = CustomResourceDefinition::of::<v1::Discount>().also_serve::<v1beta1::Discount>().protect();
        stack.add(definition.label("team", "shop"));
        stack.add(v1::Discount::new("winter", v1::DiscountSpec { percent: 20 }));
        Ok(())
    }
    let graph = holm::testing::graph(declare, []).unwrap();
    assert_eq!(
        graph.to_string(),
        "Discount/winter requires CustomResourceDefinition/discounts.shop.example.org (established)"
    );
    let definition = holm::testing::object(&graph, "CustomResourceDefinition/discounts.shop.example.org").unwrap();
    let versions: Vec<(&str, bool)> = definition["spec"]["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| (version["name"].as_str().unwrap(), version["storage"].as_bool().unwrap()))
        .collect();
    assert_eq!(versions, [("v1", true), ("v1beta1", false)]);
    assert_eq!(definition["metadata"]["labels"]["team"], "shop");
}

#[test]
fn versions_of_another_kind_and_twice_the_same_are_problems() {
    let declare = |stack: &Stack, _: &Config| {
        stack.namespace("shop");
        stack.add(CustomResourceDefinition::of::<v1::Discount>().also_serve::<HTTPRoute>());
        stack.add(CustomResourceDefinition::of::<GRPCRoute>().also_serve::<GRPCRoute>());
        Ok(())
    };
    let problems = holm::testing::graph(declare, []).unwrap_err().to_string();
    assert!(problems.contains("httproutes.gateway.networking.k8s.io is not a version of HTTPRoute"), "{problems}");
    assert!(problems.contains("the version v1 is served twice"), "{problems}");
}

fn routes(service: &str) -> Result<Graph, holm::Problems> {
    let declare = |stack: &Stack, _: &Config| {
        stack.namespace("shop");
        stack.references(gateway::references());
        let http = Port::tcp("http", 8080);
        let server = Container::new("web", "example.org/web:1").port(&http);
        let web = stack.add(Deployment::new("web").container(server));
        let known = stack.add(Service::new("web").selector([("app", "web")]).port_as(80, &http));
        let mut route = HTTPRoute::to("web", "public").gateway_namespace("gateways").host("web.example.org");
        route = route.route("/", &known, &http);
        route.spec.rules[0].backend_refs[0].name = service.to_owned();
        stack.add(route.protect());
        stack.add(GRPCRoute::to("calls", "public").route(
            "shop.v1.Orders",
            &Service::to(&web, &http).declared_as(stack),
            &http,
        ));
        Ok(())
    };
    holm::testing::graph(declare, [])
}

/// A second Service, under another name.
trait Declared {
    fn declared_as(self, stack: &Stack) -> Ref<kind::Service>;
}

impl Declared for Service {
    fn declared_as(self, stack: &Stack) -> Ref<kind::Service> {
        stack.add(self.named("calls"))
    }
}

#[test]
fn routes_lead_to_services_by_reference_and_to_the_number_of_their_port() {
    let graph = routes("web").unwrap();
    insta::assert_snapshot!(graph, @"
    Service/web selects Deployment/web
    HTTPRoute/web requires Service/web
    Service/calls selects Deployment/web
    GRPCRoute/calls requires Service/calls
    ");
    let route = holm::testing::object(&graph, "HTTPRoute/web").unwrap();
    assert_eq!(route["apiVersion"], "gateway.networking.k8s.io/v1");
    insta::assert_snapshot!(route["spec"], @r#"{"hostnames":["web.example.org"],"parentRefs":[{"name":"public","namespace":"gateways"}],"rules":[{"backendRefs":[{"name":"web","port":80}],"matches":[{"path":{"type":"PathPrefix","value":"/"}}]}]}"#);
    let problems = routes("wep").unwrap_err().to_string();
    assert!(problems.contains("wep") && problems.contains("did you mean"), "{problems}");
}
