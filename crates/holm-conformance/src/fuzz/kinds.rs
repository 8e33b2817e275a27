//! What objects are built of, read from `kinds.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

/// A place in an object with the values that it can have.
pub type Place = (String, Vec<Value>);

/// Places that belong together.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// With values that are right.
    pub fields: Vec<Place>,
    /// With values that are wrong.
    pub wrong: Vec<Place>,
}

/// A kind of object.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name.
    pub kind: String,
    /// Its group and version.
    pub api: String,
    /// The name of its resource in paths.
    pub plural: String,
    /// Whether its objects are in no namespace.
    pub is_cluster_scoped: bool,
    /// Whether it is a custom resource.
    pub is_custom: bool,
    /// Whether it has the subresource `scale`.
    pub has_scale: bool,
    /// A status to write, where no controller writes one.
    pub status: Option<Value>,
    /// A smallest valid object, without its name.
    pub base: Value,
    /// Its own places, those of the metadata, and those of each group that it contains.
    pub groups: Vec<Group>,
}

impl Kind {
    /// The path of its objects. `${ns}` stands for the namespace.
    #[must_use]
    pub fn path(&self) -> String {
        let root = if self.api.contains('/') { "apis" } else { "api" };
        let namespace = if self.is_cluster_scoped { "" } else { "/namespaces/${ns}" };
        format!("/{root}/{}{namespace}/{}", self.api, self.plural)
    }

    /// An object of this kind. Those without a namespace carry the name of the sequence's.
    #[must_use]
    pub fn object(&self, name: &str) -> Value {
        let mut object = json!({"apiVersion": self.api, "kind": self.kind, "metadata": {"name": self.name(name)}});
        if let (Some(object), Some(base)) = (object.as_object_mut(), self.base.as_object()) {
            object.extend(base.clone());
        }
        object
    }

    /// The name of an object in a sequence.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        if self.is_cluster_scoped { format!("${{ns}}-{name}") } else { name.to_owned() }
    }

    /// Whether controllers write its objects at times of their own, so that versions say nothing.
    #[must_use]
    pub fn is_controlled(&self) -> bool {
        is_controlled(&self.kind)
    }
}

/// Whether controllers of a real cluster write objects of a kind at times of their own.
#[must_use]
pub fn is_controlled(kind: &str) -> bool {
    const CONTROLLED: [&str; 10] = [
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ResourceQuota",
        "PersistentVolumeClaim",
        "Endpoints",
    ];
    CONTROLLED.contains(&kind)
}

static FILE: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("kinds.yaml")).expect("the file is YAML"));

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let kinds = FILE["kinds"].as_object().into_iter().flatten();
    kinds.map(|(kind, described)| read(kind, described)).collect()
});

/// All kinds.
#[must_use]
pub fn kinds() -> &'static [Kind] {
    &KINDS
}

/// The definitions of the custom resources.
#[must_use]
pub fn definitions() -> Vec<Value> {
    FILE["definitions"].as_array().cloned().unwrap_or_default()
}

fn read(kind: &str, described: &Value) -> Kind {
    let text = |field: &str| described[field].as_str().unwrap_or_default().to_owned();
    let flag = |field: &str| described[field] == Value::Bool(true);
    let mut groups = vec![group(described, ""), group(&FILE["groups"]["metadata"], "metadata/")];
    for (path, name) in described["below"].as_object().into_iter().flatten() {
        groups.push(group(&FILE["groups"][name.as_str().unwrap_or_default()], &format!("{path}/")));
    }
    Kind {
        kind: kind.to_owned(),
        api: text("api"),
        plural: text("plural"),
        is_cluster_scoped: flag("cluster"),
        is_custom: flag("custom"),
        has_scale: flag("scale"),
        status: described.get("status").cloned(),
        base: described["base"].clone(),
        groups,
    }
}

fn group(described: &Value, prefix: &str) -> Group {
    let places = |field: &str| {
        let places: BTreeMap<&String, &Value> = described[field].as_object().into_iter().flatten().collect();
        let place = |(path, values): (&String, &Value)| {
            (format!("{prefix}{path}"), values.as_array().cloned().unwrap_or_default())
        };
        places.into_iter().map(place).collect()
    };
    Group { fields: places("fields"), wrong: places("wrong") }
}
