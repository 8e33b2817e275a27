//! Components: resources that belong together, declared by one function.

use crate::check;
use crate::configure::underlay;
use crate::draft::Draft;
use crate::problem::ProblemKind;
use crate::resource::{Declaration, IntoResource};
use crate::site::Site;

/// How a component is declared: its name, and options for all of its resources. A text turns into it by itself.
///
/// ```
/// use holm_core::{Component, Manifest, Ref, ResourceOptions as _, Stack, Untyped, options};
///
/// /// What the component adds, for those who use it.
/// struct Settings {
///     map: Ref<Untyped>,
/// }
///
/// fn settings(stack: &Stack, name: &str) -> Settings {
///     stack.component(Component::new(name).options(options().protect()), |stack| {
///         let name = stack.qualified("settings");
///         let manifest = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
///         Settings { map: stack.add(Manifest::new(manifest)) }
///     })
/// }
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let settings = settings(&stack, "web");
/// assert_eq!(settings.map.name(), "web-settings");
/// let graph = stack.build()?;
/// assert_eq!(graph.resources()[0].component.as_deref(), Some("web"));
/// assert!(graph.resources()[0].options.protect);
/// # Ok::<(), holm_core::Problems>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a component does nothing until Stack::component declares it"]
pub struct Component {
    name: String,
    options: Option<Declaration>,
    is_of_a_library: bool,
}

impl Component {
    /// A component named `name`, a DNS label. A component inside of another has both names: `shop/database`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), options: None, is_of_a_library: false }
    }

    /// Options for all its resources, and those of the components inside of it. What a resource says itself counts more.
    pub fn options(mut self, options: impl IntoResource) -> Self {
        self.options = Some(options.into_declaration());
        self
    }

    /// Shows the line that declares the component in place of the lines inside of it, which are of a library and tell its user nothing.
    pub fn of_a_library(mut self) -> Self {
        self.is_of_a_library = true;
        self
    }
}

impl From<&str> for Component {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<&String> for Component {
    fn from(name: &String) -> Self {
        Self::new(name)
    }
}

impl From<String> for Component {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

/// A component while it is being declared.
#[derive(Clone, Debug)]
pub(crate) struct OpenComponent {
    path: String,
    /// The line to show for everything inside.
    site: Option<Site>,
}

/// A component that was declared.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredComponent {
    options: Option<Declaration>,
    site: Site,
}

impl Draft {
    /// Begins a component inside of the one that is being declared. Returns what is wrong with it.
    pub(crate) fn open_component(&mut self, component: Component, site: Site) -> Vec<ProblemKind> {
        let mut problems = Vec::new();
        let Component { name, options, is_of_a_library } = component;
        if let Err(rule) = check::dns_label(&name) {
            problems.push(ProblemKind::Invalid { what: "component name", value: name.clone(), rule });
        }
        let path = match self.open_components.last() {
            Some(outer) => format!("{}/{name}", outer.path),
            None => name,
        };
        if let Some(known) = self.components.get(&path) {
            problems.push(ProblemKind::Duplicate { first: known.site });
        }
        problems.extend(options.iter().flat_map(|options| options.problems.iter().map(|(_, kind)| kind.clone())));
        self.components.entry(path.clone()).or_insert(DeclaredComponent { options, site });
        self.open_components.push(OpenComponent { path, site: is_of_a_library.then_some(site) });
        problems
    }

    pub(crate) fn close_component(&mut self) {
        self.open_components.pop();
    }

    /// The path of the component that is being declared.
    pub(crate) fn component(&self) -> Option<&str> {
        self.open_components.last().map(|open| open.path.as_str())
    }

    /// The line to show for what is declared at `here`.
    pub(crate) fn shown(&self, here: Site) -> Site {
        self.open_components.iter().find_map(|open| open.site).unwrap_or(here)
    }

    /// Gives the resources of components the options of these, the inner ones first.
    pub(crate) fn configure_components(&mut self) {
        for resource in &mut self.resources {
            let mut path = resource.component.clone();
            while let Some(inner) = path {
                if let Some(options) = self.components.get(&inner).and_then(|component| component.options.as_ref()) {
                    underlay(resource, options);
                }
                path = inner.rsplit_once('/').map(|(outer, _)| outer.to_owned());
            }
        }
    }
}
