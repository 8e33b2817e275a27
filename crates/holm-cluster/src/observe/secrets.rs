//! The secret values that a run comes across, so that they can be taken out of whatever a server says.

use holm_core::input::{Input, Resolve, Resolved, Transform};
use holm_core::secret::{is_secret, values};
use holm_core::{Graph, ResourceId, Sensitive};
use serde_json::Value;

/// The secret values of a declaration, as far as `source` can resolve them.
pub(crate) fn declared(graph: &Graph, source: &dyn Resolve) -> Vec<Sensitive<String>> {
    let mut secrets = Vec::new();
    for resource in graph.resources() {
        for input in resource.inputs.values() {
            input.visit(&mut |part| {
                if let Input::Sensitive(value) = part {
                    secrets.push(value.clone());
                }
            });
            if let Resolved::Known { value: Value::String(text), sensitive: true } = input.resolve(source) {
                if is_secret(&resource.id) {
                    secrets.extend(Transform::Base64Decode.apply(&text).ok().map(Sensitive::new));
                }
                secrets.push(Sensitive::new(text));
            }
        }
    }
    secrets
}

/// The secret values of an object; none for anything but a Secret.
pub(crate) fn of_object(id: &ResourceId, object: &Value) -> Vec<Sensitive<String>> {
    if is_secret(id) { values(object).into_iter().map(Sensitive::new).collect() } else { Vec::new() }
}
