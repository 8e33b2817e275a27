//! What the builders lower to.
#![allow(clippy::unwrap_used)]

mod chaining;
mod cluster;
mod inputs;
mod lowering;
mod misuse;
mod pods;
mod problems;
mod workloads;

use holm_core::{Declaration, IntoResource, Ref, Stack};
use holm_resources::{ConfigMap, PersistentVolumeClaim, Secret, ServiceAccount, kind};

/// The object that a resource lowers to as YAML, then the values that come later, each with its place.
fn lowered(resource: impl IntoResource) -> String {
    let Declaration { object, inputs, problems, .. } = resource.into_declaration();
    assert_eq!(problems, []);
    let mut text = serde_saphyr::to_string(&object).unwrap();
    for (path, input) in inputs {
        text.push_str(&format!("later {path}: {input}\n"));
    }
    text
}

/// The resources that the pods of a test refer to.
struct Given {
    stack: Stack,
    credentials: Ref<kind::Secret>,
    settings: Ref<kind::ConfigMap>,
    data: Ref<kind::PersistentVolumeClaim>,
    account: Ref<kind::ServiceAccount>,
}

impl Given {
    fn new() -> Self {
        let stack = Stack::new("shop", "dev", None);
        stack.namespace("shop");
        Self {
            credentials: stack.add(Secret::opaque("credentials").entry("password", "hunter2")),
            settings: stack.add(ConfigMap::new("settings").entry("mode", "fast").entry("server.conf", "listen 80")),
            data: stack.add(PersistentVolumeClaim::new("data").read_write_once().request("5Gi")),
            account: stack.add(ServiceAccount::new("robot")),
            stack,
        }
    }
}
