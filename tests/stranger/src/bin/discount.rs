use std::process::ExitCode;

use holm::prelude::*;
use holm::schemars::JsonSchema;
use holm::serde::{Deserialize, Serialize};
use holm::{CustomResource, CustomResourceExt as _};

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
struct DiscountSpec {
    percent: i32,
}

fn main() -> ExitCode {
    holm::run("discount", declare)
}

fn declare(stack: &Stack, _: &Config) -> holm::Result {
    stack.namespace("shop");
    stack.add(Discount::crd());
    stack.add(Discount::new("winter", DiscountSpec { percent: 20 }));
    Ok(())
}
