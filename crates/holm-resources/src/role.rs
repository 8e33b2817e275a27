//! Roles and ClusterRoles.

use holm_core::{Declaration, IntoResource, Kind, Ref, api_kind_of};
use k8s_openapi::api::rbac::v1 as rbac;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads all objects.
    List,
    /// Follows changes.
    Watch,
    /// Makes an object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes parts of an object, also by an apply.
    Patch,
    /// Deletes one object.
    Delete,
    /// Deletes all objects.
    DeleteCollection,
}

impl Verb {
    /// Everything that changes nothing.
    pub const READ: [Self; 3] = [Self::Get, Self::List, Self::Watch];
    /// Everything.
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Create,
        Self::Update,
        Self::Patch,
        Self::Delete,
        Self::DeleteCollection,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// The rights of roles. Group and plural come from the kind, so that neither can be misspelt.
pub trait RoleRules: Sized {
    #[doc(hidden)]
    fn rules(&mut self) -> &mut Vec<rbac::PolicyRule>;

    /// Allows requests for objects of the kind `K`, such as `kind::ConfigMap`.
    #[must_use]
    fn allow<K>(mut self, verbs: impl IntoIterator<Item = Verb>) -> Self
    where
        K: kube_core::Resource<DynamicType = (), Scope: 'static>,
    {
        self.rules().push(rule::<K>("", verbs));
        self
    }

    /// Allows requests for a subresource of objects of the kind `K`, such as `log` of `kind::Pod`.
    #[must_use]
    fn allow_subresource<K>(mut self, subresource: &str, verbs: impl IntoIterator<Item = Verb>) -> Self
    where
        K: kube_core::Resource<DynamicType = (), Scope: 'static>,
    {
        self.rules().push(rule::<K>(subresource, verbs));
        self
    }

    /// Allows requests for this one object. Lists and creates name no object, so they cannot be allowed so.
    #[must_use]
    fn allow_one<K>(mut self, object: &Ref<K>, verbs: impl IntoIterator<Item = Verb>) -> Self
    where
        K: Kind + kube_core::Resource<DynamicType = (), Scope: 'static>,
    {
        let names = Some(vec![object.name().to_string()]);
        self.rules().push(rbac::PolicyRule { resource_names: names, ..rule::<K>("", verbs) });
        self
    }
}

fn rule<K>(subresource: &str, verbs: impl IntoIterator<Item = Verb>) -> rbac::PolicyRule
where
    K: kube_core::Resource<DynamicType = (), Scope: 'static>,
{
    let kind = api_kind_of::<K>();
    let resource = if subresource.is_empty() { kind.plural } else { format!("{}/{subresource}", kind.plural) };
    rbac::PolicyRule {
        api_groups: Some(vec![kind.group]),
        resources: Some(vec![resource]),
        verbs: verbs.into_iter().map(|verb| verb.as_str().to_owned()).collect(),
        ..Default::default()
    }
}

/// Rights within one namespace.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Role, RoleBinding, RoleRules, RoleSubjects, ServiceAccount, Verb, kind};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let account = stack.add(ServiceAccount::new("shop"));
/// let role = stack.add(
///     Role::new("shop").allow::<kind::ConfigMap>(Verb::READ).allow_subresource::<kind::Pod>("log", [Verb::Get]),
/// );
/// stack.add(RoleBinding::of(&role).to(&account));
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a Role does nothing until it is added to a stack"]
pub struct Role {
    common: Common<rbac::Role>,
    rules: Vec<rbac::PolicyRule>,
}

impl Role {
    /// A Role without rights.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name), rules: Vec::new() }
    }
}

impl RoleRules for Role {
    fn rules(&mut self) -> &mut Vec<rbac::PolicyRule> {
        &mut self.rules
    }
}

impl Builder for Role {
    type Object = rbac::Role;

    fn common(&mut self) -> &mut Common<rbac::Role> {
        &mut self.common
    }
}

impl IntoResource for Role {
    type Kind = kind::Role;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        self.common.finish(rbac::Role { rules: Some(self.rules), ..Default::default() }, Lowering::default())
    }
}

/// Rights in the whole cluster, or, by a RoleBinding, in the namespace of that.
#[must_use = "a ClusterRole does nothing until it is added to a stack"]
pub struct ClusterRole {
    common: Common<rbac::ClusterRole>,
    rules: Vec<rbac::PolicyRule>,
}

impl ClusterRole {
    /// A ClusterRole without rights.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name), rules: Vec::new() }
    }

    /// Allows requests for a path that is no object's, such as `/metrics`; a `*` at its end stands for any rest. It holds only where a
    /// ClusterRoleBinding grants it.
    pub fn allow_path(mut self, path: &str, verbs: impl IntoIterator<Item = Verb>) -> Self {
        self.rules.push(rbac::PolicyRule {
            non_resource_urls: Some(vec![path.to_owned()]),
            verbs: verbs.into_iter().map(|verb| verb.as_str().to_owned()).collect(),
            ..Default::default()
        });
        self
    }
}

impl RoleRules for ClusterRole {
    fn rules(&mut self) -> &mut Vec<rbac::PolicyRule> {
        &mut self.rules
    }
}

impl Builder for ClusterRole {
    type Object = rbac::ClusterRole;

    fn common(&mut self) -> &mut Common<rbac::ClusterRole> {
        &mut self.common
    }
}

impl IntoResource for ClusterRole {
    type Kind = kind::ClusterRole;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        self.common.finish(rbac::ClusterRole { rules: Some(self.rules), ..Default::default() }, Lowering::default())
    }
}
