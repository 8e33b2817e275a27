//! RoleBindings and ClusterRoleBindings.

use holm_core::{Declaration, FieldPath, IntoResource, Kind, ProblemKind, Ref, api_kind_of};
use k8s_openapi::api::rbac::v1 as rbac;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

const GROUP: &str = "rbac.authorization.k8s.io";

/// The kinds of roles.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not a role",
    label = "neither a Role nor a ClusterRole",
    note = "a RoleBinding grants a Role or a ClusterRole, a ClusterRoleBinding only a ClusterRole"
)]
pub trait RoleKind: Kind + kube_core::Resource<DynamicType = (), Scope: 'static> {}

impl RoleKind for kind::Role {}
impl RoleKind for kind::ClusterRole {}

/// To whom a binding grants its role.
pub trait RoleSubjects: Sized {
    #[doc(hidden)]
    fn subjects(&mut self) -> &mut Vec<rbac::Subject>;

    /// Grants the role to the pods of a ServiceAccount, which may live in another namespace.
    #[must_use]
    fn to(mut self, account: &Ref<kind::ServiceAccount>) -> Self {
        self.subjects().push(rbac::Subject {
            kind: "ServiceAccount".to_owned(),
            name: account.name().to_string(),
            namespace: account.namespace().map(str::to_owned),
            ..Default::default()
        });
        self
    }

    /// Grants the role to a user.
    #[must_use]
    fn to_user(mut self, name: &str) -> Self {
        self.subjects().push(outsider("User", name));
        self
    }

    /// Grants the role to a group of users, such as `system:authenticated`.
    #[must_use]
    fn to_group(mut self, name: &str) -> Self {
        self.subjects().push(outsider("Group", name));
        self
    }
}

fn outsider(kind: &str, name: &str) -> rbac::Subject {
    let api_group = Some(GROUP.to_owned());
    rbac::Subject { api_group, kind: kind.to_owned(), name: name.to_owned(), ..Default::default() }
}

fn role_ref<K: RoleKind>(role: &Ref<K>) -> rbac::RoleRef {
    let kind = api_kind_of::<K>().kind;
    // The group has a type of its own in some versions of Kubernetes.
    rbac::RoleRef { api_group: GROUP.to_owned().into(), kind, name: role.name().to_string() }
}

fn checked<K>(common: &mut Common<K>, subjects: Vec<rbac::Subject>) -> Option<Vec<rbac::Subject>> {
    if subjects.is_empty() {
        let message = "the binding grants its role to nobody; add .to(&account)".to_owned();
        common.problem(FieldPath::of(["subjects"]), ProblemKind::Incomplete(message));
    }
    Some(subjects)
}

/// Grants a Role, or a ClusterRole within one namespace. Which role it is cannot change later.
#[must_use = "a RoleBinding does nothing until it is added to a stack"]
pub struct RoleBinding {
    common: Common<rbac::RoleBinding>,
    role: rbac::RoleRef,
    subjects: Vec<rbac::Subject>,
}

impl RoleBinding {
    /// A binding of `role` with its name, in its namespace, or that of the stack for a ClusterRole.
    pub fn of<K: RoleKind>(role: &Ref<K>) -> Self {
        let mut common = Common::new(role.name());
        if let Some(namespace) = role.namespace() {
            common.set_namespace(namespace);
        }
        Self { common, role: role_ref(role), subjects: Vec::new() }
    }

    /// Another name than the role's.
    pub fn named(mut self, name: &str) -> Self {
        self.common.set_name(name);
        self
    }
}

impl RoleSubjects for RoleBinding {
    fn subjects(&mut self) -> &mut Vec<rbac::Subject> {
        &mut self.subjects
    }
}

impl Builder for RoleBinding {
    type Object = rbac::RoleBinding;

    fn common(&mut self) -> &mut Common<rbac::RoleBinding> {
        &mut self.common
    }
}

impl IntoResource for RoleBinding {
    type Kind = kind::RoleBinding;
    keep_options!();

    fn into_declaration(mut self) -> Declaration {
        let subjects = checked(&mut self.common, self.subjects);
        let object = rbac::RoleBinding { role_ref: self.role, subjects, ..Default::default() };
        self.common.finish(object, Lowering::default())
    }
}

/// Grants a ClusterRole in the whole cluster. Which role it is cannot change later.
#[must_use = "a ClusterRoleBinding does nothing until it is added to a stack"]
pub struct ClusterRoleBinding {
    common: Common<rbac::ClusterRoleBinding>,
    role: rbac::RoleRef,
    subjects: Vec<rbac::Subject>,
}

impl ClusterRoleBinding {
    /// A binding of `role` with its name.
    pub fn of(role: &Ref<kind::ClusterRole>) -> Self {
        Self { common: Common::new(role.name()), role: role_ref(role), subjects: Vec::new() }
    }

    /// Another name than the role's.
    pub fn named(mut self, name: &str) -> Self {
        self.common.set_name(name);
        self
    }
}

impl RoleSubjects for ClusterRoleBinding {
    fn subjects(&mut self) -> &mut Vec<rbac::Subject> {
        &mut self.subjects
    }
}

impl Builder for ClusterRoleBinding {
    type Object = rbac::ClusterRoleBinding;

    fn common(&mut self) -> &mut Common<rbac::ClusterRoleBinding> {
        &mut self.common
    }
}

impl IntoResource for ClusterRoleBinding {
    type Kind = kind::ClusterRoleBinding;
    keep_options!();

    fn into_declaration(mut self) -> Declaration {
        let subjects = checked(&mut self.common, self.subjects);
        let object = rbac::ClusterRoleBinding { role_ref: self.role, subjects, ..Default::default() };
        self.common.finish(object, Lowering::default())
    }
}
