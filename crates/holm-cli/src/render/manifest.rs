//! The objects of a stack as YAML, for GitOps.
//!
//! Secret values are masked, and what is known only to a cluster is not there. The mask is no base64, so that a Secret which
//! is applied by mistake is refused by the API server instead of overwriting a password.

use holm_core::{FieldPath, FieldReference, Graph, Resolve, Resolved, Resource, Sensitive, secret};
use holm_redact::MASK;
use serde_json::{Map, Value};

/// What stands in the place of a value that only a cluster knows.
pub const LATER: &str = "(known after apply)";

/// One object without what may not be shown.
#[derive(Debug)]
pub struct Rendered {
    /// The object.
    pub object: Value,
    /// The fields whose values are masked.
    pub masked: Vec<FieldPath>,
    /// The fields whose values only a cluster knows.
    pub later: Vec<FieldPath>,
}

/// Every object of the stack, in dependency order.
pub fn rendered(graph: &Graph) -> Vec<Rendered> {
    graph.resources().iter().map(render).collect()
}

/// The objects as one YAML stream.
///
/// # Errors
/// What the YAML writer has to say.
pub fn yaml(graph: &Graph) -> Result<String, serde_saphyr::ser::Error> {
    let mut out = String::new();
    let objects = rendered(graph);
    if objects.iter().any(|rendered| !rendered.masked.is_empty()) {
        out.push_str(
            "# Secret values are masked as (sensitive) and generated ones exist only in a cluster:\n\
             # fill them in, or let `apply` write these objects.\n",
        );
    }
    for rendered in objects {
        out.push_str("---\n");
        for (what, paths) in [("masked", &rendered.masked), ("known after apply", &rendered.later)] {
            if !paths.is_empty() {
                let paths: Vec<String> = paths.iter().map(FieldPath::to_string).collect();
                out.push_str(&format!("# {what}: {}\n", paths.join(", ")));
            }
        }
        write_in_order(&rendered.object, &mut out)?;
    }
    Ok(out)
}

/// Writes an object, the fields that say what it is before all others.
///
/// # Errors
/// What the YAML writer has to say.
pub fn write_in_order(object: &Value, out: &mut String) -> Result<(), serde_saphyr::ser::Error> {
    let first = ["apiVersion", "kind", "metadata"];
    let Some(fields) = object.as_object() else { return Ok(()) };
    let rest = fields.keys().map(String::as_str).filter(|name| !first.contains(name));
    for name in first.into_iter().chain(rest) {
        if let Some(value) = fields.get(name) {
            let single = Map::from_iter([(name.to_owned(), value.clone())]);
            out.push_str(&serde_saphyr::to_string(&single)?);
        }
    }
    Ok(())
}

fn render(resource: &Resource) -> Rendered {
    let mut rendered = Rendered { object: resource.object.clone(), masked: Vec::new(), later: Vec::new() };
    for (path, input) in &resource.inputs {
        let value = match input.resolve(&Offline) {
            _ if input.is_sensitive() => {
                rendered.masked.push(path.clone());
                Value::from(MASK)
            }
            Resolved::Known { value, .. } => value,
            Resolved::Unknown(_) => {
                rendered.later.push(path.clone());
                Value::from(LATER)
            }
        };
        path.set(&mut rendered.object, value);
    }
    if secret::is_secret(&resource.id) {
        mask(&mut rendered.object, &FieldPath::root(), &mut rendered.masked);
        rendered.masked.sort();
        rendered.masked.dedup();
    }
    rendered
}

/// Masks every field of a Secret that is not known to be harmless, including fields that the API does not define.
fn mask(value: &mut Value, path: &FieldPath, masked: &mut Vec<FieldPath>) {
    if let Some(fields) = value.as_object_mut() {
        for (name, value) in fields {
            let path = path.field(name);
            match secret::is_masked(&path, value) {
                // The keys of values are no secrets, and a reader fills them in.
                true if path == FieldPath::of(["data"]) && value.is_object() => mask(value, &path, masked),
                true if *value == LATER => {}
                true => {
                    *value = Value::from(MASK);
                    masked.push(path);
                }
                false => mask(value, &path, masked),
            }
        }
    }
}

/// Knows nothing of any cluster.
struct Offline;

impl Resolve for Offline {
    fn field(&self, _: &FieldReference) -> Option<(Value, bool)> {
        None
    }

    fn generated(&self, _: &str) -> Option<Sensitive<String>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use holm_core::Stack;

    use crate::render::sample;

    use super::*;

    #[test]
    fn of_a_secret_only_harmless_metadata_is_written() {
        let stack = Stack::new("shop", "dev", Some("shop"));
        stack.add_yaml(
            r#"
apiVersion: v1
kind: Secret
metadata:
  name: exported
  labels: {app: shop}
  annotations:
    team: payments
    kubectl.kubernetes.io/last-applied-configuration: '{"data": {"password": "aHVudGVyMg=="}}'
    example.com/original: '{"stringData": {"password": "hunter2"}}'
type: Opaque
data: {password: aHVudGVyMg==}
stringdata: {password: hunter2}
password: hunter2
"#,
        );
        let text =
            yaml(&stack.build().expect("the server finds what is wrong with it")).expect("plain maps can be written");
        assert!(!text.contains("hunter2") && !text.contains("aHVu"), "{text}");
        insta::assert_snapshot!(text, @r#"
        # Secret values are masked as (sensitive) and generated ones exist only in a cluster:
        # fill them in, or let `apply` write these objects.
        ---
        # masked: data.password, metadata.annotations["example.com/original"], metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"], password, stringdata
        apiVersion: v1
        kind: Secret
        metadata:
          annotations:
            example.com/original: (sensitive)
            kubectl.kubernetes.io/last-applied-configuration: (sensitive)
            team: payments
          labels:
            app: shop
          name: exported
          namespace: shop
        data:
          password: (sensitive)
        password: (sensitive)
        stringdata: (sensitive)
        type: Opaque
        "#);
    }

    #[test]
    fn the_objects_are_yaml_without_secrets() {
        let text = yaml(&sample::graph()).expect("plain maps can be written");
        assert!(!text.contains(sample::CANARY), "{text}");
        insta::assert_snapshot!(text, @"
        # Secret values are masked as (sensitive) and generated ones exist only in a cluster:
        # fill them in, or let `apply` write these objects.
        ---
        # masked: data.password, data.token
        apiVersion: v1
        kind: Secret
        metadata:
          name: postgres-secret
          namespace: holm
        data:
          password: (sensitive)
          token: (sensitive)
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata:
          name: postgres-pvc
          namespace: holm
        spec:
          accessModes:
          - ReadWriteOnce
          resources:
            requests:
              storage: 5Gi
        ---
        # masked: data.token
        # known after apply: data.address
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: postgres-init
          namespace: holm
        data:
          address: (known after apply)
          init.sql: |
            SELECT 1;
            SELECT 2;
          token: (sensitive)
        ");
    }
}
