//! Values that stacks hand to each other: kept in the cluster by the one, read there by the other.
//!
//! They are ordinary objects of the stack that publishes them, planned, applied and pruned like all others: a ConfigMap, and a
//! Secret for those that are secret, both of the name `holm.PROGRAM.STACK.outputs` in the stack's namespace.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Value, json};

use crate::input::{FieldReference, Input};
use crate::manifest::Manifest;
use crate::path::FieldPath;
use crate::reference::Ref;
use crate::resource::{Configured, Declaration, IntoResource, Kind, ResourceOption};
use crate::site::Site;
use crate::stack::Stack;

/// Another stack, whose published outputs this one reads.
#[derive(Clone, Debug)]
pub struct StackReference {
    values: Ref<ConfigMap>,
    secrets: SecretOutputs,
}

/// The Secret is named only where something of it is read: a stack without secret outputs has none.
#[derive(Clone, Debug)]
struct SecretOutputs {
    namespace: String,
    name: String,
}

impl StackReference {
    /// Returns a published output as it is in the cluster when this stack is planned. That the other stack publishes it is checked
    /// by the plan.
    pub fn output(&self, name: &str) -> Input {
        field(&self.values, name)
    }

    /// Returns a published output that is secret. Where a container needs it, refer to [`secret`](Self::secret) instead: then it
    /// is never copied.
    #[track_caller]
    pub fn secret_output(&self, stack: &Stack, name: &str) -> Input {
        field(&self.secret(stack), name).base64_decode()
    }

    /// Returns the Secret with the other stack's secret outputs, for environment variables and volumes of containers in its
    /// namespace.
    #[track_caller]
    pub fn secret(&self, stack: &Stack) -> Ref<Secret> {
        stack.external_in(Some(&self.secrets.namespace), &self.secrets.name)
    }
}

fn field<K: Kind>(of: &Ref<K>, name: &str) -> Input {
    Input::Field(FieldReference { id: of.id().clone(), path: FieldPath::of(["data", name]) })
}

impl Stack {
    /// Exports a value as [`export`](Self::export) does, and keeps it in the cluster, where other stacks read it with a
    /// [`stack_reference`](Self::stack_reference). Secret values are kept in a Secret.
    ///
    /// ```
    /// use holm_core::Stack;
    ///
    /// let database = Stack::new("postgres", "prod", Some("holm"));
    /// database.publish("host", "postgres.holm.svc");
    ///
    /// let shop = Stack::new("shop", "prod", Some("shop"));
    /// let host = shop.stack_reference("postgres", "prod", "holm").output("host");
    /// ```
    #[track_caller]
    pub fn publish(&self, name: &str, value: impl Into<Input>) {
        let value = value.into();
        self.export(name, value.clone());
        self.add_published(name, value, Site::caller());
    }

    /// Names another stack, of the program `program`, whose resources live in `namespace`.
    #[track_caller]
    pub fn stack_reference(&self, program: &str, stack: &str, namespace: &str) -> StackReference {
        let name = object_name(program, stack);
        let values = self.external_in(Some(namespace), &name);
        StackReference { values, secrets: SecretOutputs { namespace: namespace.to_owned(), name } }
    }
}

/// The name of the objects that keep the outputs of a stack. Program and stack are DNS labels, so the dots cannot be mistaken.
fn object_name(program: &str, stack: &str) -> String {
    format!("holm.{program}.{stack}.outputs")
}

/// One of the two objects with published outputs.
pub(crate) struct Published {
    is_secret: bool,
    name: String,
    values: Vec<(String, Input)>,
}

impl Published {
    /// The objects for these values: none, one, or both.
    pub(crate) fn of(program: &str, stack: &str, values: Vec<(String, Input)>) -> Vec<Self> {
        let (secret, plain): (Vec<_>, Vec<_>) = values.into_iter().partition(|(_, value)| value.is_sensitive());
        let of = |is_secret, values| Self { is_secret, name: object_name(program, stack), values };
        [of(false, plain), of(true, secret)].into_iter().filter(|object| !object.values.is_empty()).collect()
    }
}

impl IntoResource for Published {
    type Kind = crate::Untyped;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        let kind = if self.is_secret { "Secret" } else { "ConfigMap" };
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": self.name}, "data": {}});
        if self.is_secret {
            object["type"] = Value::from("Opaque");
        }
        let mut declaration = Manifest::new(object).into_declaration();
        for (name, value) in self.values {
            let value = if self.is_secret { value.base64() } else { value };
            declaration.inputs.insert(FieldPath::of(["data", &name]), value);
        }
        declaration
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Password;

    #[test]
    fn published_values_are_kept_in_a_config_map_and_secret_ones_in_a_secret() {
        let stack = Stack::new("postgres", "prod", Some("holm"));
        stack.publish("host", "postgres.holm.svc");
        stack.publish("port", 5432);
        stack.publish("password", stack.generated("password", Password::alphanumeric(32)));
        stack.export("note", "kept nowhere");
        let graph = stack.build().expect("nothing is wrong");
        let kept: Vec<String> = graph
            .resources()
            .iter()
            .map(|resource| {
                let keys: Vec<String> = resource.inputs.keys().map(ToString::to_string).collect();
                format!("{} {} {}", resource.id, resource.object["data"], keys.join(","))
            })
            .collect();
        insta::assert_snapshot!(kept.join("\n"), @"
        ConfigMap/holm/holm.postgres.prod.outputs null data.host,data.port
        Secret/holm/holm.postgres.prod.outputs null data.password
        ");
        assert_eq!(graph.outputs().len(), 4);
    }

    #[test]
    fn a_stack_that_publishes_nothing_secret_has_no_secret() {
        let stack = Stack::new("postgres", "prod", Some("holm"));
        stack.publish("host", "postgres.holm.svc");
        assert_eq!(stack.build().expect("nothing is wrong").resources().len(), 1);
    }

    #[test]
    fn what_another_stack_publishes_is_read_from_its_objects() {
        let stack = Stack::new("shop", "prod", Some("shop"));
        let postgres = stack.stack_reference("postgres", "prod", "holm");
        stack.export("host", postgres.output("host"));
        stack.export("password", postgres.secret_output(&stack, "password"));
        let graph = stack.build().expect("nothing is wrong");
        let externals: Vec<String> = graph.externals().keys().map(ToString::to_string).collect();
        assert_eq!(externals, ["ConfigMap/holm/holm.postgres.prod.outputs", "Secret/holm/holm.postgres.prod.outputs"]);
        assert!(graph.outputs()["password"].is_sensitive());
        assert!(!graph.outputs()["host"].is_sensitive());
    }
}
