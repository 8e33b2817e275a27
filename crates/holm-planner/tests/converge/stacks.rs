//! Random stacks of the kinds that stacks use, and random things that others do to them.

use std::collections::BTreeSet;

use holm_core::{Graph, Manifest, Password, ResourceOptions as _, Stack};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// The names that objects may have.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// A random stack.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    manifests: Vec<Value>,
}

/// Something that somebody else does to an object.
#[derive(Clone, Debug)]
pub(crate) enum Meddling {
    /// Another manager adds a label.
    Label(usize),
    /// `kubectl edit` changes a scalar that we own: the n-th.
    Edit(usize, usize),
    /// Somebody deletes it.
    Delete(usize),
}

impl Arbitrary for Meddling {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let object = 0_usize..8;
        prop_oneof![
            object.clone().prop_map(Self::Label),
            (object.clone(), 0_usize..30).prop_map(|(object, field)| Self::Edit(object, field)),
            object.prop_map(Self::Delete),
        ]
        .boxed()
    }
}

impl Arbitrary for Declared {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let objects = (
            btree_map(select(&NAMES), config_map(), 0..3),
            btree_map(select(&NAMES), deployment(), 0..3),
            btree_map(select(&NAMES), service_ports(), 0..2),
        );
        objects
            .prop_map(|(config_maps, deployments, services)| {
                let mut manifests = Vec::new();
                for (name, data) in config_maps {
                    manifests.push(object("v1", "ConfigMap", name, json!({"data": data})));
                }
                for (name, mut spec) in deployments {
                    spec["selector"] = json!({"matchLabels": {"app": name}});
                    spec["template"]["metadata"] = json!({"labels": {"app": name}});
                    manifests.push(object("apps/v1", "Deployment", name, json!({"spec": spec})));
                }
                for (name, ports) in services {
                    manifests.push(object("v1", "Service", name, json!({"spec": {"ports": ports}})));
                }
                Self { manifests }
            })
            .boxed()
    }
}

impl Declared {
    /// What another client made under the names of some of the objects: with other values, and some such that the
    /// declaration cannot change them in place.
    pub(crate) fn strangers(&self, which: &[(bool, bool)]) -> Vec<Value> {
        let mut strangers = Vec::new();
        for (manifest, (is_there, is_immutable)) in self.manifests.iter().zip(which.iter().cycle()) {
            if !is_there {
                continue;
            }
            let mut stranger = manifest.clone();
            stranger["metadata"]["namespace"] = json!("n");
            match (manifest["kind"].as_str(), is_immutable) {
                (Some("Deployment"), true) => {
                    stranger["spec"]["selector"] = json!({"matchLabels": {"app": "theirs"}});
                    stranger["spec"]["template"]["metadata"] = json!({"labels": {"app": "theirs"}});
                }
                (Some("ConfigMap"), _) => {
                    stranger["data"] = json!({"precious": "x"});
                    if *is_immutable {
                        stranger["immutable"] = json!(true);
                    }
                }
                _ => stranger["metadata"]["annotations"] = json!({"theirs": "x"}),
            }
            strangers.push(stranger);
        }
        strangers
    }

    /// The stack with a Secret that keeps a generated password.
    pub(crate) fn graph(&self) -> Graph {
        let stack = Stack::new("test", "default", None);
        stack.namespace("n");
        let password = stack.generated("password", Password::alphanumeric(16));
        let secret = Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
        stack.add(secret.with_input("data.password", password.base64()));
        for manifest in &self.manifests {
            stack.add(Manifest::new(manifest.clone()));
        }
        stack.build().unwrap()
    }
}

/// Consent to everything that these stacks may hold.
pub(crate) fn every_name() -> BTreeSet<String> {
    let kinds = ["ConfigMap", "Deployment", "Service"];
    let named = kinds.iter().flat_map(|kind| NAMES.iter().map(move |name| format!("{kind}/{name}")));
    named.chain(["Secret/s".to_owned(), "Namespace/n".to_owned()]).collect()
}

fn object(api_version: &str, kind: &str, name: &str, rest: Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    for (field, value) in rest.as_object().unwrap() {
        object[field] = value.clone();
    }
    object
}

fn config_map() -> impl Strategy<Value = Value> {
    btree_map(select(&["x", "y.txt", "z"][..]), select(&["", "1", "one\ntwo\n"][..]), 0..3).prop_map(|data| json!(data))
}

fn service_ports() -> impl Strategy<Value = Value> {
    let port = (select(&[80, 443, 5432][..]), of(select(&["TCP", "UDP"][..])));
    btree_map(port, any::<bool>(), 1..3).prop_map(|ports| {
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for ((port, protocol), has_target) in ports {
            // The protocol left out and TCP are the same key.
            if !seen.insert((port, protocol.unwrap_or("TCP"))) {
                continue;
            }
            let mut row =
                json!({"name": format!("p{port}-{}", protocol.unwrap_or("TCP").to_lowercase()), "port": port});
            if let Some(protocol) = protocol {
                row["protocol"] = json!(protocol);
            }
            if has_target {
                row["targetPort"] = json!(port + 1);
            }
            rows.push(row);
        }
        json!(rows)
    })
}

fn deployment() -> impl Strategy<Value = Value> {
    let container = (
        select(&["x:1", "x:2"][..]),
        btree_map(select(&["A", "B", "C"][..]), select(&["", "1", "2"][..]), 0..3),
        of(select(&["1000m", "1", "0.5", "250m"][..])),
        vec(select(&["-v", "--flag"][..]), 0..3),
        btree_set(select(&[80, 81][..]), 0..2),
        any::<bool>(),
    );
    let containers = btree_map(select(&["main", "side"][..]), container, 1..3);
    (of(0_u8..3), containers, of(select(&["gpu", "spot"][..]))).prop_map(|(replicas, containers, toleration)| {
        let rows: Vec<Value> = containers
            .into_iter()
            .map(|(name, (image, env, cpu, args, ports, empties))| {
                let mut row = json!({"name": name, "image": image});
                let env: Vec<Value> =
                    env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
                if !env.is_empty() || empties {
                    row["env"] = json!(env);
                }
                if let Some(cpu) = cpu {
                    row["resources"] = json!({"requests": {"cpu": cpu}});
                } else if empties {
                    row["resources"] = json!({});
                }
                if !args.is_empty() {
                    row["args"] = json!(args);
                }
                if !ports.is_empty() {
                    let ports: Vec<Value> = ports.into_iter().map(|port| json!({"containerPort": port})).collect();
                    row["ports"] = json!(ports);
                }
                row
            })
            .collect();
        let mut spec = json!({"template": {"spec": {"containers": rows}}});
        if let Some(replicas) = replicas {
            spec["replicas"] = json!(replicas);
        }
        if let Some(key) = toleration {
            spec["template"]["spec"]["tolerations"] = json!([{"key": key}]);
        }
        spec
    })
}
