//! The stack that is raced for. Its objects and their values are given on the command line.
//!
//! | key | what it is | default |
//! |---|---|---|
//! | `namespace` | where everything lives | |
//! | `own` | whether the namespace is the stack's own | `no` |
//! | `prefix` | what the names begin with | none |
//! | `settings` | the numbers of the ConfigMaps | none |
//! | `secrets` | the numbers of the Secrets, each with a generated value | none |
//! | `servers` | the numbers of the Deployments, which have no replicas | none |
//! | `value` | what the ConfigMaps say | `0` |
//! | `role` | the label that the Deployments select by, which cannot be changed in place | `0` |

use std::collections::BTreeSet;
use std::fmt;

use holm::prelude::*;
use holm_core::Graph;
use holm_planner::inventory::InventoryPlace;

/// The name of the program.
pub const PROGRAM: &str = "raced";

/// What a run declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The numbers of its ConfigMaps.
    pub settings: BTreeSet<usize>,
    /// The numbers of its Secrets.
    pub secrets: BTreeSet<usize>,
    /// The numbers of its Deployments.
    pub servers: BTreeSet<usize>,
    /// What its ConfigMaps say.
    pub value: usize,
    /// What its Deployments select by.
    pub role: usize,
}

/// Where a stack lives.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The namespace.
    pub namespace: String,
    /// Whether the namespace is one of the stack's objects.
    pub is_own: bool,
}

impl Declaration {
    /// The values that make the program declare this.
    pub fn config(&self, ground: &Ground) -> [(&'static str, String); 7] {
        [
            ("namespace", ground.namespace.clone()),
            ("own", if ground.is_own { "yes" } else { "no" }.to_owned()),
            ("settings", list(&self.settings)),
            ("secrets", list(&self.secrets)),
            ("servers", list(&self.servers)),
            ("value", self.value.to_string()),
            ("role", self.role.to_string()),
        ]
    }

    /// The graph that the program makes of it.
    pub fn graph(&self, ground: &Ground) -> Graph {
        let config = self.config(ground).into_iter();
        let config = config.fold(Config::new("default"), |config, (key, value)| config.with(key, &value));
        holm_core::declare::graph(PROGRAM, None, &config, declare)
            .unwrap_or_else(|problems| panic!("the raced stack has problems: {problems}"))
    }
}

impl Ground {
    /// Where the inventory is.
    pub fn place(&self) -> InventoryPlace {
        InventoryPlace::of(PROGRAM, "default", Some(&self.namespace))
    }
}

/// Declares the stack.
///
/// # Errors
/// When a value is missing, or is no number.
pub fn declare(stack: &Stack, config: &Config) -> holm::Result {
    let namespace: String = config.require("namespace")?;
    if config.get("own") == Some("yes") {
        stack.namespace(&namespace);
    } else {
        stack.in_namespace(&namespace);
    }
    let prefix = config.get("prefix").unwrap_or_default();
    let (value, role) = (config.get("value").unwrap_or("0"), config.get("role").unwrap_or("0"));
    for number in numbers(config, "settings")? {
        stack.add(ConfigMap::new(&format!("{prefix}settings-{number:02}")).entry("value", value));
    }
    for number in numbers(config, "secrets")? {
        let password = stack.generated(&format!("{prefix}password-{number:02}"), Password::alphanumeric(24));
        stack.add(Secret::opaque(&format!("{prefix}secret-{number:02}")).entry("password", &password));
    }
    for number in numbers(config, "servers")? {
        let container = Container::new("server", format!("registry.test/server:{value}"));
        let deployment = Deployment::new(&format!("{prefix}server-{number:02}")).replicas(0);
        let deployment = deployment.pod_label("role", role).selector([("role", role)]);
        stack.add(deployment.container(container));
    }
    Ok(())
}

fn numbers(config: &Config, key: &str) -> holm::Result<BTreeSet<usize>> {
    let numbers = config.get(key).unwrap_or_default().split(',').filter(|number| !number.is_empty());
    Ok(numbers.map(str::parse).collect::<Result<_, _>>()?)
}

fn list(numbers: &BTreeSet<usize>) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings {} = {}", list(&self.settings), self.value)?;
        if !self.secrets.is_empty() {
            write!(f, ", secrets {}", list(&self.secrets))?;
        }
        if !self.servers.is_empty() {
            write!(f, ", servers {} of role {}", list(&self.servers), self.role)?;
        }
        Ok(())
    }
}
