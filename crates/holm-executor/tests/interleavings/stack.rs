//! The programs that runs declare: a few objects of a small set of names, so that they meet.

use std::sync::LazyLock;

use holm_core::{Graph, Manifest, Password, ResourceOptions as _, Stack, Strength};
use proptest::prelude::*;
use serde_json::{Value, json};

/// One declaration: which ConfigMaps, each with which value, whether a Deployment that needs them, whether a Secret with a
/// generated password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    /// For each of three names: 0 for none, or the value.
    pub(crate) config_maps: [u8; 3],
    /// 0 for none, or its image.
    pub(crate) deployment: u8,
    pub(crate) secret: bool,
}

impl Declared {
    /// How many declarations there are.
    const COUNT: usize = 27 * 3 * 2;

    fn nth(number: usize) -> Self {
        let digit = |place: u32| u8::try_from(number / 3_usize.pow(place) % 3).unwrap();
        Self { config_maps: [digit(0), digit(1), digit(2)], deployment: digit(3), secret: number >= 81 }
    }

    fn number(self) -> usize {
        let [a, b, c] = self.config_maps.map(usize::from);
        a + 3 * b + 9 * c + 27 * usize::from(self.deployment) + if self.secret { 81 } else { 0 }
    }

    /// The graph, which costs more than a whole run and is made once.
    pub(crate) fn graph(self) -> &'static Graph {
        static GRAPHS: LazyLock<Vec<Graph>> =
            LazyLock::new(|| (0..Declared::COUNT).map(|number| Declared::nth(number).build()).collect());
        &GRAPHS[self.number()]
    }

    /// The graph of nothing.
    pub(crate) fn emptied() -> &'static Graph {
        static EMPTY: LazyLock<Graph> = LazyLock::new(|| Declared::nth(0).build().emptied());
        &EMPTY
    }

    fn build(self) -> Graph {
        let stack = Stack::new("test", "default", None);
        stack.in_namespace("n");
        let mut needed = Vec::new();
        for (name, value) in ["a", "b", "c"].iter().zip(self.config_maps).filter(|(_, value)| *value > 0) {
            needed.push(stack.add(Manifest::new(config_map(name, value))));
        }
        if self.secret {
            let password = stack.generated("password", Password::alphanumeric(8));
            let secret = Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
            stack.add(secret.with_input("stringData.password", &password));
        }
        if self.deployment > 0 {
            let labels = json!({"app": "d"});
            let image = format!("example.org/d:{}", self.deployment);
            let deployment = Manifest::new(json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
                    "metadata": {"labels": labels}, "spec": {"containers": [{"name": "d", "image": image}]},
                }},
            }));
            match needed.first() {
                Some(needed) => stack.add(deployment.depends_on(needed, Strength::Ready)),
                None => stack.add(deployment),
            };
        }
        stack.build().unwrap()
    }
}

fn config_map(name: &str, value: u8) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value.to_string()}})
}

impl Arbitrary for Declared {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        (0..Self::COUNT).prop_map(Self::nth).boxed()
    }
}
