//! Transforms: one function over every object of a stack, before it is checked and planned.

use serde_json::{Map, Value};

use crate::draft::Draft;
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind};
use crate::references::POD_SPECS;
use crate::resource::Resource;
use crate::secret;

/// A change of every object, in the order in which they were declared.
pub(crate) struct Transform(Box<dyn Fn(&mut Transformed<'_>)>);

impl Transform {
    pub(crate) fn new(change: impl Fn(&mut Transformed<'_>) + 'static) -> Self {
        Self(Box::new(change))
    }
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transform")
    }
}

/// One object while [`Stack::transform`](crate::Stack::transform) changes it.
///
/// Values that come later, such as fields of other resources and the values of Secrets, are not in the object and stay as they are.
#[derive(Debug)]
pub struct Transformed<'r> {
    resource: &'r mut Resource,
}

impl Transformed<'_> {
    /// The identity, which cannot change.
    pub fn id(&self) -> &ResourceId {
        &self.resource.id
    }

    /// The component that it belongs to.
    pub fn component(&self) -> Option<&str> {
        self.resource.component.as_deref()
    }

    /// The object.
    pub fn object(&self) -> &Value {
        &self.resource.object
    }

    /// The object, to be changed. A change of its identity is a problem.
    pub fn object_mut(&mut self) -> &mut Value {
        &mut self.resource.object
    }

    /// Sets a label, unless the object has one of that key.
    pub fn label(&mut self, key: &str, value: &str) {
        self.set("labels", key, value);
    }

    /// Sets an annotation, unless the object has one of that key.
    pub fn annotation(&mut self, key: &str, value: &str) {
        self.set("annotations", key, value);
    }

    /// The pod spec of a workload or a Pod; none for other kinds.
    pub fn pod_spec_mut(&mut self) -> Option<&mut Value> {
        let id = &self.resource.id;
        let (.., place) = POD_SPECS.iter().find(|(group, kind, _)| id.is(group, kind))?;
        self.resource.object.pointer_mut(&format!("/{}", place.replace('.', "/")))
    }

    /// Calls `change` with each container of the pods, the init containers too.
    pub fn containers(&mut self, mut change: impl FnMut(&mut Value)) {
        let Some(spec) = self.pod_spec_mut() else { return };
        for list in ["initContainers", "containers"] {
            spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(&mut change);
        }
    }

    /// Replaces the image of each container by what `change` makes of it.
    pub fn images(&mut self, change: impl Fn(&str) -> String) {
        self.containers(|container| {
            if let Some(Value::String(image)) = container.get_mut("image") {
                *image = change(image);
            }
        });
    }

    /// Sets a key of a map of the metadata, unless it is there.
    fn set(&mut self, map: &str, key: &str, value: &str) {
        let metadata = map_in(&mut self.resource.object, "metadata");
        fill(map_in(metadata, map), key, value.into());
    }
}

/// The map `field` of an object, which replaces what is no map.
fn map_in<'v>(object: &'v mut Value, field: &str) -> &'v mut Value {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let value = &mut object[field];
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value
}

impl Draft {
    /// Changes every object. A changed identity is a problem, because references hold the old one.
    pub(crate) fn transform(&mut self, transforms: &[Transform]) {
        if transforms.is_empty() {
            return;
        }
        let identity = |object: &Value| {
            ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"]
                .map(|pointer| object.pointer(pointer).cloned().unwrap_or_default())
        };
        for resource in &mut self.resources {
            let before = identity(&resource.object);
            for Transform(change) in transforms {
                change(&mut Transformed { resource });
            }
            if identity(&resource.object) != before {
                let text = "a transform changed the apiVersion, kind, name or namespace of the object";
                self.findings.problems.push(Problem {
                    kind: ProblemKind::Unfit(text.to_owned()),
                    resource: Some(resource.id.clone()),
                    path: FieldPath::root(),
                    site: Some(resource.site),
                    hint: Some(
                        "change other fields only; give the resource another name where it is declared".to_owned(),
                    ),
                });
            }
            secret::lift_values(&resource.id, &mut resource.object, &mut resource.inputs);
        }
    }
}

/// A transform that sets a label on every object, unless it has one of that key.
pub fn label(key: &str, value: &str) -> impl Fn(&mut Transformed<'_>) + use<> {
    let (key, value) = (key.to_owned(), value.to_owned());
    move |object| object.label(&key, &value)
}

/// A transform that takes images of the registry `from` from `to`. The images that name no registry are those of `docker.io`, and
/// `library/` is put before one-part names there.
///
/// ```
/// use holm_core::{Stack, transform};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// stack.transform(transform::registry_mirror("docker.io", "mirror.example.org/hub"));
/// ```
pub fn registry_mirror(from: &str, to: &str) -> impl Fn(&mut Transformed<'_>) + use<> {
    let (from, to) = (from.trim_end_matches('/').to_owned(), to.trim_end_matches('/').to_owned());
    move |object| object.images(|image| mirrored(image, &from, &to))
}

fn mirrored(image: &str, from: &str, to: &str) -> String {
    // As the container runtimes read it: the first part is a registry if it has a dot or a port, or is `localhost`.
    let (registry, path) = match image.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest.to_owned()),
        Some(_) => ("docker.io", image.to_owned()),
        None => ("docker.io", format!("library/{image}")),
    };
    if registry == from { format!("{to}/{path}") } else { image.to_owned() }
}

/// A transform that makes pods meet the Pod Security Standard `restricted` in every field that they leave open.
pub fn restricted_pods() -> impl Fn(&mut Transformed<'_>) {
    |object| {
        if let Some(spec) = object.pod_spec_mut() {
            let context = map_in(spec, "securityContext");
            fill(context, "runAsNonRoot", Value::Bool(true));
            fill(context, "seccompProfile", serde_json::json!({"type": "RuntimeDefault"}));
        }
        object.containers(|container| {
            let context = map_in(container, "securityContext");
            fill(context, "allowPrivilegeEscalation", Value::Bool(false));
            let capabilities = map_in(context, "capabilities");
            fill(capabilities, "drop", serde_json::json!(["ALL"]));
        });
    }
}

fn fill(map: &mut Value, field: &str, value: Value) {
    if map.get(field).is_none_or(Value::is_null) {
        map[field] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_a_registry_come_from_its_mirror() {
        let cases = [
            ("postgres:15", "m/hub/library/postgres:15"),
            ("grafana/grafana:1", "m/hub/grafana/grafana:1"),
            ("docker.io/library/redis@sha256:0", "m/hub/library/redis@sha256:0"),
            ("quay.io/x/y:1", "quay.io/x/y:1"),
            ("localhost/x:1", "localhost/x:1"),
            ("registry:5000/x:1", "registry:5000/x:1"),
        ];
        for (image, expected) in cases {
            assert_eq!(mirrored(image, "docker.io", "m/hub"), expected, "{image}");
        }
        assert_eq!(mirrored("registry:5000/x:1", "registry:5000", "m"), "m/x:1");
    }
}
