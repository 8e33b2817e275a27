//! What a request is about, as access control and the audit log see it: before anybody knows whether there is such a thing.
//!
//! From `k8s.io/apiserver`, `pkg/endpoints/request/requestinfo.go`.

use http::Method;

use crate::query::Query;
use crate::registry::ResourceType;

/// The parts of a namespace that are its own, and no resources in it.
const NAMESPACE_PARTS: [&str; 2] = ["status", "finalize"];

/// The attributes of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for paths that are no resources the
    /// method in lower case.
    pub verb: String,
    /// The path.
    pub path: String,
    /// Whether it is about a resource.
    pub is_resource: bool,
    pub group: String,
    pub version: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

impl Attributes {
    /// Reads them from a request.
    pub fn of(method: &Method, path: &str, segments: &[&str], query: &Query) -> Self {
        let mut found = Self { verb: method.as_str().to_lowercase(), path: path.to_owned(), ..Self::default() };
        let (group, version, rest) = match segments {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return found,
        };
        found.is_resource = true;
        (found.group, found.version) = (group.to_owned(), version.to_owned());
        found.verb = match *method {
            Method::POST => "create",
            Method::GET | Method::HEAD => "get",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "",
        }
        .to_owned();
        let rest = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => {
                "watch".clone_into(&mut found.verb);
                rest
            }
            rest => rest,
        };
        let rest = match rest {
            ["namespaces", namespace, part @ ..] => {
                (*namespace).clone_into(&mut found.namespace);
                match part {
                    [] => rest,
                    [own, ..] if NAMESPACE_PARTS.contains(own) => rest,
                    inner => inner,
                }
            }
            rest => rest,
        };
        let part = |index: usize| rest.get(index).map(|part| (*part).to_owned()).unwrap_or_default();
        (found.resource, found.name, found.subresource) = (part(0), part(1), part(2));
        if found.name.is_empty() && found.verb == "get" {
            found.verb = if query.is_set("watch") { "watch" } else { "list" }.to_owned();
            let by_name = query.get("fieldSelector").unwrap_or_default().split(',').find_map(|part| {
                let value = part.strip_prefix("metadata.name=")?;
                Some(value.trim_start_matches('='))
            });
            by_name.unwrap_or_default().clone_into(&mut found.name);
        }
        if found.name.is_empty() && found.verb == "delete" {
            "deletecollection".clone_into(&mut found.verb);
        }
        found
    }

    /// The attributes of another action on the same resource, by the name of the object.
    pub fn of_resource(verb: &str, resource: &ResourceType, namespace: &str, name: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            path: String::new(),
            is_resource: true,
            group: resource.group().to_owned(),
            version: resource.kind.version.clone(),
            resource: resource.plural().to_owned(),
            subresource: String::new(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_attributes_that_kubernetes_gives_them() {
        let cases = [
            ("GET /api/v1/namespaces/a/pods", "list  v1 pods   a "),
            ("GET /api/v1/namespaces/a/pods?watch=true", "watch  v1 pods   a "),
            ("GET /api/v1/watch/namespaces/a/pods", "watch  v1 pods   a "),
            ("GET /api/v1/pods?fieldSelector=metadata.name=p", "list  v1 pods    p"),
            ("GET /api/v1/namespaces/a", "get  v1 namespaces   a a"),
            ("PUT /api/v1/namespaces/a/finalize", "update  v1 namespaces finalize  a a"),
            ("POST /api/v1/namespaces/a/pods/p/eviction", "create  v1 pods eviction  a p"),
            ("DELETE /apis/apps/v1/namespaces/a/deployments", "deletecollection apps v1 deployments   a "),
            ("PATCH /apis/apps/v1/namespaces/a/deployments/d/scale", "patch apps v1 deployments scale  a d"),
            ("GET /apis/apps/v1", "get"),
            ("POST /healthz", "post"),
        ];
        for (request, expected) in cases {
            let (method, uri) = request.split_once(' ').unwrap_or_default();
            let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
            let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
            let found = Attributes::of(&method, path, &segments, &Query::parse(query));
            let shown = if found.is_resource {
                let Attributes { verb, group, version, resource, subresource, namespace, name, .. } = &found;
                format!("{verb} {group} {version} {resource} {subresource}  {namespace} {name}")
            } else {
                found.verb.clone()
            };
            assert_eq!(shown, expected, "{request}");
        }
    }
}
