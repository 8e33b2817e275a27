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
    values.into_iter().fold(stack(declare), |stack, (key, value)| stack.with(key, value)).graph()
}

/// Begins to declare a stack without a cluster, with another name than `default`, a namespace or configuration values.
///
/// ```
/// use holm::prelude::*;
///
/// fn declare(stack: &Stack, config: &Config) -> holm::Result {
///     let replicas = if config.stack() == "prod" { 3 } else { 1 };
///     let server = Container::new("shop", config.require::<String>("image")?);
///     stack.add(Deployment::new("shop").replicas(replicas).container(server));
///     Ok(())
/// }
///
/// let prod = holm::testing::stack(declare).named("prod").namespace("shop-prod").with("image", "example.org/shop:1").graph()?;
/// let deployment = holm::testing::object(&prod, "Deployment/shop").expect("the stack has it");
/// assert_eq!(deployment["spec"]["replicas"], 3);
/// assert_eq!(deployment["metadata"]["namespace"], "shop-prod");
/// # Ok::<(), holm::Problems>(())
/// ```
pub fn stack<D>(declare: D) -> OfflineStack<D>
where
    D: FnOnce(&Stack, &Config) -> Result,
{
    OfflineStack { declare, config: Config::new("default"), namespace: None }
}

/// A stack that is declared without a cluster; see [`stack`].
#[derive(Clone, Debug)]
#[must_use = "nothing is declared until graph() is called"]
pub struct OfflineStack<D> {
    declare: D,
    config: Config,
    namespace: Option<String>,
}

impl<D> OfflineStack<D>
where
    D: FnOnce(&Stack, &Config) -> Result,
{
    /// The name of the stack, as with `--stack NAME`. Default: `default`.
    pub fn named(self, name: &str) -> Self {
        Self { config: self.config.renamed(name), ..self }
    }

    /// The namespace of resources that name none, until the program says otherwise, as with `--namespace NAME`. Default: none.
    pub fn namespace(self, name: &str) -> Self {
        Self { namespace: Some(name.to_owned()), ..self }
    }

    /// A configuration value, as with `--config KEY=VALUE`.
    pub fn with(self, key: &str, value: &str) -> Self {
        Self { config: self.config.with(key, value), ..self }
    }

    /// Declares the stack and checks it.
    ///
    /// # Errors
    /// All problems at once, as `plan` would print them.
    pub fn graph(self) -> Result<Graph, Problems> {
        let graph = declare::graph("test", self.namespace.as_deref(), &self.config, |stack, config| {
            validation::pass_to(stack);
            (self.declare)(stack, config)
        })?;
        let problems = validate::graph(&graph, None).problems;
        if problems.is_empty() { Ok(graph) } else { Err(Problems(problems)) }
    }
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
        path.set(&mut object, input.known().unwrap_or_else(|| Value::String(input.to_string())));
    }
    object
}
