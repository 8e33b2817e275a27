//! Who sends a request.

use std::collections::BTreeMap;

/// The group whose members may do everything, whatever the objects of access control say.
pub(crate) const MASTERS: &str = "system:masters";
/// The group of everybody who is known.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody who is not.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user that sends no credentials.
pub(crate) const ANONYMOUS: &str = "system:anonymous";

/// Who sends a request: a name, and the groups that rights are given to.
///
/// ```
/// use holm_apiserver::User;
///
/// let robot = User::service_account("shop", "robot");
/// assert_eq!(robot.name, "system:serviceaccount:shop:robot");
/// assert!(!robot.is_administrator() && User::administrator().is_administrator());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name that bindings and the audit log know.
    pub name: String,
    /// The uid; empty for users that are no objects.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else is known of it, such as the pod that a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// The administrator of the cluster, `admin`, a member of `system:masters`: everything is allowed.
    #[must_use]
    pub fn administrator() -> Self {
        Self::with("admin", &[MASTERS, AUTHENTICATED])
    }

    /// A user with this name, who has the rights that everybody has and those that bindings give.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::with(name, &[AUTHENTICATED])
    }

    /// A service account.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        let mut user = Self::with(&format!("system:serviceaccount:{namespace}:{name}"), &[]);
        user.groups = service_account_groups(namespace);
        user.groups.push(AUTHENTICATED.to_owned());
        user
    }

    /// Nobody in particular: `system:anonymous`.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::with(ANONYMOUS, &[UNAUTHENTICATED])
    }

    /// The user as a member of one more group.
    #[must_use]
    pub fn in_group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// Whether it is a member of `system:masters`.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }

    pub(crate) fn with(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { name: name.to_owned(), uid: String::new(), groups, extra: BTreeMap::new() }
    }
}

/// The groups of the service accounts of a namespace, from `k8s.io/apiserver`, `pkg/authentication/serviceaccount/util.go`.
pub(crate) fn service_account_groups(namespace: &str) -> Vec<String> {
    vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
}

/// The namespace and name of a service account by its user name.
pub(crate) fn split_service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}
