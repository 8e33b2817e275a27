//! What a stack declares, without any cluster.

use std::collections::BTreeMap;

use holm_core::declare::{self, Result};
use holm_core::path::Segment;
use holm_core::{
    Config, FieldPath, FieldReference, Graph, Problems, Resolve, Resolved, Resource, Sensitive, Stack, validate,
};
use serde_json::Value;

use crate::validation;

/// Declares the stack `default` with these configuration values and checks it. The graph's `Display` shows what requires
/// and what selects what, which makes a good snapshot.
///
/// # Errors
/// All problems at once, as `plan` would print them.
pub fn graph<'a>(
    declare: impl FnOnce(&Stack, &Config) -> Result,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Graph, Problems> {
    let config = values.into_iter().fold(Config::new("default"), |config, (key, value)| config.with(key, value));
    let graph = declare::graph("test", None, &config, |stack, config| {
        validation::pass_to(stack);
        declare(stack, config)
    })?;
    let problems = validate::graph(&graph, None).problems;
    if problems.is_empty() { Ok(graph) } else { Err(Problems(problems)) }
}

/// One object of the stack by its `Kind/name`, or `Kind/namespace/name` where it lives in another namespace than the
/// stack's. Secret values read `(sensitive)`, and what only a cluster knows reads `(known after apply)`.
pub fn object(graph: &Graph, id: &str) -> Option<Value> {
    let resource = graph.resources().iter().find(|resource| resource.id.relative_to(graph.namespace()) == id)?;
    Some(rendered(resource))
}

/// Every object of the stack, dependencies first, each as [`object`] gives it.
pub fn objects(graph: &Graph) -> Vec<Value> {
    graph.resources().iter().map(rendered).collect()
}

/// The entries of a Secret of the stack's own namespace, decoded, with the generated values as given. An entry that has no
/// value without a cluster is left out.
pub fn secret<'a>(
    graph: &Graph,
    name: &str,
    generated: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<BTreeMap<String, String>> {
    let is_it = |resource: &&Resource| {
        resource.id.is("", "Secret") && resource.id.relative_to(graph.namespace()) == format!("Secret/{name}")
    };
    let resource = graph.resources().iter().find(is_it)?;
    let given = Given(generated.into_iter().map(|(name, value)| (name, value.to_owned())).collect());
    let data = FieldPath::of(["data"]);
    let entry = |(path, input): (&FieldPath, &holm_core::Input)| {
        let key = path.starts_with(&data).then(|| path.segments().last())?;
        let (Some(Segment::Field(key)), Resolved::Known { value: Value::String(text), .. }) =
            (key, input.clone().base64_decode().resolve(&given))
        else {
            return None;
        };
        Some((key.clone(), text))
    };
    Some(resource.inputs.iter().filter_map(entry).collect())
}

/// Generated values that a test makes up.
struct Given<'a>(BTreeMap<&'a str, String>);

impl Resolve for Given<'_> {
    fn field(&self, _: &FieldReference) -> Option<(Value, bool)> {
        None
    }

    fn generated(&self, name: &str) -> Option<Sensitive<String>> {
        self.0.get(name).cloned().map(Sensitive::new)
    }
}

fn rendered(resource: &Resource) -> Value {
    let mut object = resource.object.clone();
    for (path, input) in &resource.inputs {
        path.set(&mut object, Value::String(input.to_string()));
    }
    object
}
