//! What a stack was declared to be, before anything of it is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holm_readiness::ReadyWhen;

use crate::check::Findings;
use crate::component::{DeclaredComponent, OpenComponent};
use crate::id::{ApiKind, GroupKind, ResourceId};
use crate::input::{Generated, Input};
use crate::policy::Policy;
use crate::references::ReferenceRule;
use crate::resource::{Declaration, Resource};
use crate::site::Site;
use crate::validate::Validator;
use crate::warning::WarningLevel;

/// A declaration that is not yet checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) program: String,
    pub(crate) name: String,
    /// Where resources without a namespace of their own go.
    pub(crate) namespace: Option<String>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) externals: BTreeMap<ResourceId, (ApiKind, Site)>,
    pub(crate) generated: BTreeMap<String, (Generated, Site)>,
    pub(crate) outputs: BTreeMap<String, (Input, Site)>,
    /// Outputs that are kept in the cluster, and the line of the first of them.
    pub(crate) published: (Vec<(String, Input)>, Option<Site>),
    /// The CustomResourceDefinition of the stack that defines a kind.
    pub(crate) definitions: BTreeMap<GroupKind, ResourceId>,
    /// The references of custom kinds.
    pub(crate) rules: Vec<ReferenceRule>,
    /// When the objects of a kind are ready, by API group and kind.
    pub(crate) ready_rules: BTreeMap<(String, String), ReadyWhen>,
    pub(crate) validator: Option<Arc<dyn Validator>>,
    /// The components that are being declared, the innermost last.
    pub(crate) open_components: Vec<OpenComponent>,
    /// The components by their paths.
    pub(crate) components: BTreeMap<String, DeclaredComponent>,
    pub(crate) policies: Vec<Policy>,
    /// Whether all workloads roll when what they read changes.
    pub(crate) rolls_on_change: bool,
    /// The objects that something creates while the stack runs.
    pub(crate) made_at_run_time: BTreeSet<ResourceId>,
    /// The resources whose kind only the cluster knows.
    pub(crate) guessed: BTreeSet<ResourceId>,
    /// The kinds that CustomResourceDefinitions of the stack define.
    pub(crate) defined: Vec<ApiKind>,
    /// The options that the program adds to resources, by their names.
    pub(crate) configured: Vec<(String, Declaration, Site)>,
    pub(crate) levels: Vec<(String, WarningLevel, Site)>,
    pub(crate) findings: Findings,
}
