//! CustomResourceDefinitions of derived types.

use holm_core::{Declaration, FieldPath, IntoResource, ProblemKind};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use kube_core::CustomResourceExt;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// The definition of a custom kind, made of the Rust types of its objects, so that the schema and what is added to the stack cannot differ.
///
/// Objects are stored as the type that it is made of. Types of older versions of the kind are served beside it; they must be of the same
/// group, kind and scope.
#[must_use = "a definition does nothing until it is added to a stack"]
pub struct CustomResourceDefinition {
    common: Common<extensions::CustomResourceDefinition>,
    spec: extensions::CustomResourceDefinitionSpec,
}

impl CustomResourceDefinition {
    /// The definition of `K`, a struct that derives `CustomResource`.
    pub fn of<K: CustomResourceExt>() -> Self {
        let definition = K::crd();
        let mut common = Common::new(definition.metadata.name.unwrap_or_default());
        common.take_labels(definition.metadata.labels);
        Self { common, spec: definition.spec }
    }

    /// Serves objects as `K`, another version of the kind, too. They are stored as the type that the definition was made of.
    pub fn also_serve<K: CustomResourceExt>(mut self) -> Self {
        let other = K::crd();
        if (&other.spec.group, &other.spec.names.kind, &other.spec.scope)
            != (&self.spec.group, &self.spec.names.kind, &self.spec.scope)
        {
            let message = format!("{} is not a version of {}", K::crd_name(), K::api_resource().kind);
            self.common.problem(FieldPath::of(["spec", "versions"]), ProblemKind::Unfit(message));
            return self;
        }
        for version in other.spec.versions {
            if self.spec.versions.iter().any(|known| known.name == version.name) {
                let message = format!("the version {} is served twice", version.name);
                self.common.problem(FieldPath::of(["spec", "versions"]), ProblemKind::Unfit(message));
                continue;
            }
            self.spec.versions.push(extensions::CustomResourceDefinitionVersion { storage: false, ..version });
        }
        self
    }
}

impl Builder for CustomResourceDefinition {
    type Object = extensions::CustomResourceDefinition;

    fn common(&mut self) -> &mut Common<extensions::CustomResourceDefinition> {
        &mut self.common
    }
}

impl IntoResource for CustomResourceDefinition {
    type Kind = kind::CustomResourceDefinition;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let object = extensions::CustomResourceDefinition { spec: self.spec, ..Default::default() };
        self.common.finish(object, Lowering::default())
    }
}
