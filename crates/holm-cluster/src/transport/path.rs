//! Paths and queries.

use holm_core::{ApiKind, ResourceId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a query value; everything else is percent-encoded.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stays as it is in a path. Names of RBAC objects may hold colons, spaces and more.
const PATH: &AsciiSet = &QUERY.remove(b'/').remove(b':').remove(b'@').remove(b'$').remove(b'+').remove(b',');

/// A path with its query.
#[derive(Clone, Debug)]
pub(crate) struct Query(String);

impl Query {
    /// One object.
    pub(crate) fn object(kind: &ApiKind, id: &ResourceId) -> Self {
        Self::path(&kind.object_path(id))
    }

    /// All objects of a kind, in one namespace or everywhere.
    pub(crate) fn collection(kind: &ApiKind, namespace: Option<&str>) -> Self {
        Self::path(&kind.collection_path(namespace))
    }

    /// Any other path.
    pub(crate) fn path(path: &str) -> Self {
        Self(utf8_percent_encode(path, PATH).to_string())
    }

    /// With one more parameter.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, QUERY));
        self
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use holm_core::Scope;

    use super::*;

    #[test]
    fn odd_names_and_values_are_encoded() {
        let (group, version) = ("rbac.authorization.k8s.io".to_owned(), "v1".to_owned());
        let (kind, plural) = ("ClusterRole".to_owned(), "clusterroles".to_owned());
        let kind = ApiKind { group, version, kind, plural, scope: Scope::Cluster };
        let id = ResourceId::new("rbac.authorization.k8s.io", "ClusterRole", None, "system:a b?");
        let query = Query::object(&kind, &id).with("labelSelector", "a/b=c").with("limit", "500");
        assert_eq!(
            query.into_string(),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b%3F?labelSelector=a%2Fb%3Dc&limit=500"
        );
    }
}
