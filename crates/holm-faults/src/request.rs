//! What a request asks of an API server, read from its method and URL.
//!
//! From `k8s.io/apiserver`, `pkg/endpoints/request/requestinfo.go`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use http::Method;
use http::header::USER_AGENT;

/// One request to an API server, in the words of an audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The resource, such as `deployments`; empty for URLs such as `/version`.
    pub resource: String,
    /// The namespace; empty for what is cluster-scoped.
    pub namespace: String,
    /// The name; empty for collections, and for what is created by POST.
    pub name: String,
    /// The subresource, such as `scale`; empty for none.
    pub subresource: String,
    /// Whether it was sent with `dryRun=All`.
    pub dry_run: bool,
    /// The path with its query.
    pub uri: String,
    /// Who said to have sent it.
    pub user_agent: String,
    /// The status code of the answer; none where there was none, or not yet.
    pub code: Option<u16>,
    /// Whether a watch was open when it came, or it is one. False where that is not known, as from an audit log.
    pub is_watched: bool,
}

impl Request {
    /// Reads a request before it is sent.
    pub fn of<B>(request: &http::Request<B>) -> Self {
        let uri = request.uri();
        let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let query = uri.query().unwrap_or_default();
        let has = |parameter: &str| query.split('&').any(|part| part == parameter);
        let mut read = Self {
            verb: request.method().as_str().to_ascii_lowercase(),
            dry_run: has("dryRun=All"),
            uri: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            user_agent: user_agent.to_owned(),
            ..Self::default()
        };
        let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
        let rest: Vec<&str> = match parts.next() {
            Some("api") => parts.skip(1).collect(),
            Some("apis") => parts.skip(2).collect(),
            _ => Vec::new(),
        };
        if let Some(path) = Path::of(&rest) {
            read.verb = verb(request.method(), path.name.is_empty(), has("watch=true") || has("watch=1")).to_owned();
            read.resource = path.resource.to_owned();
            read.namespace = path.namespace.to_owned();
            read.name = path.name.to_owned();
            read.subresource = path.subresource.to_owned();
        }
        read.is_watched = read.verb == "watch";
        read
    }

    /// Whether it is one that writes, dry-runs included.
    pub fn writes(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection" | "post" | "put")
    }

    /// Whether the cluster may be another one after it. Asking for one's own rights is sent as a create but changes nothing.
    pub fn is_mutating(&self) -> bool {
        self.writes() && !self.dry_run && !self.resource.ends_with("reviews")
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.verb, self.uri)?;
        match self.code {
            Some(code) => write!(f, "{code}"),
            None => f.write_str("-"),
        }
    }
}

/// Requests, in the order in which they came. `Display` writes one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(Vec<Request>);

impl Requests {
    /// Those that change something: no reads, no dry-runs.
    #[must_use]
    pub fn mutating(&self) -> Self {
        self.iter().filter(|request| request.is_mutating()).cloned().collect()
    }

    /// How often each verb was sent to each resource: `patch deployments`, or `patch deployments (dry run)`.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for Request { verb, resource, uri, dry_run, .. } in self.iter() {
            let what = if resource.is_empty() { uri.split('?').next().unwrap_or_default() } else { resource };
            let dry_run = if *dry_run { " (dry run)" } else { "" };
            *counts.entry(format!("{verb} {what}{dry_run}")).or_default() += 1;
        }
        counts
    }
}

impl Deref for Requests {
    type Target = [Request];

    fn deref(&self) -> &[Request] {
        &self.0
    }
}

impl FromIterator<Request> for Requests {
    fn from_iter<I: IntoIterator<Item = Request>>(requests: I) -> Self {
        Self(requests.into_iter().collect())
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|request| writeln!(f, "  {request}"))
    }
}

/// The parts of a path below the version.
#[derive(Default)]
struct Path<'a> {
    namespace: &'a str,
    resource: &'a str,
    name: &'a str,
    subresource: &'a str,
}

impl<'a> Path<'a> {
    /// None for discovery, which names no resource.
    fn of(parts: &[&'a str]) -> Option<Self> {
        match parts {
            [] => None,
            // A namespace itself, and what belongs to it alone.
            ["namespaces", namespace, subresource @ ("status" | "finalize")] => {
                Some(Path { namespace, resource: "namespaces", name: namespace, subresource })
            }
            ["namespaces", namespace] => {
                Some(Path { namespace, resource: "namespaces", name: namespace, ..Path::default() })
            }
            ["namespaces", namespace, rest @ ..] => Self::of_resource(namespace, rest),
            rest => Self::of_resource("", rest),
        }
    }

    fn of_resource(namespace: &'a str, parts: &[&'a str]) -> Option<Self> {
        let at = |position: usize| parts.get(position).copied().unwrap_or_default();
        (!parts.is_empty()).then(|| Path { namespace, resource: at(0), name: at(1), subresource: at(2) })
    }
}

fn verb(method: &Method, is_collection: bool, is_watch: bool) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if is_collection => "deletecollection",
        Method::DELETE => "delete",
        _ if is_watch => "watch",
        _ if is_collection => "list",
        _ => "get",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_an_audit_log_has_it() {
        let cases = [
            ("GET", "/version", "get -///"),
            ("GET", "/apis/apps/v1", "get -///"),
            ("GET", "/api/v1/pods", "list pods///"),
            ("GET", "/api/v1/namespaces/shop/pods?watch=true&resourceVersion=3", "watch pods/shop//"),
            ("GET", "/api/v1/namespaces", "list namespaces///"),
            ("GET", "/api/v1/namespaces/shop", "get namespaces/shop/shop/"),
            ("PUT", "/api/v1/namespaces/shop/finalize", "update namespaces/shop/shop/finalize"),
            ("GET", "/api/v1/namespaces/shop/services/web", "get services/shop/web/"),
            ("POST", "/apis/apps/v1/namespaces/shop/deployments", "create deployments/shop//"),
            ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/scale", "patch deployments/shop/web/scale"),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/shop/deployments/web?force=true&dryRun=All",
                "patch deployments/shop/web/ dry",
            ),
            ("DELETE", "/apis/storage.k8s.io/v1/storageclasses/fast", "delete storageclasses//fast/"),
            ("DELETE", "/api/v1/namespaces/shop/configmaps", "deletecollection configmaps/shop//"),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "create selfsubjectaccessreviews///"),
        ];
        for (method, uri, expected) in cases {
            let request = http::Request::builder().method(method).uri(uri).body(()).expect("a request");
            let Request { verb, resource, namespace, name, subresource, dry_run, .. } = Request::of(&request);
            let resource = if resource.is_empty() { "-" } else { &resource };
            let dry = if dry_run { " dry" } else { "" };
            assert_eq!(format!("{verb} {resource}/{namespace}/{name}/{subresource}{dry}"), expected, "{method} {uri}");
        }
    }

    #[test]
    fn requests_are_counted_by_verb_and_resource() {
        let request = |method: &str, uri: &str| {
            Request::of(&http::Request::builder().method(method).uri(uri).body(()).expect("a request"))
        };
        let web = "/apis/apps/v1/namespaces/shop/deployments/web";
        let requests: Requests = [
            request("GET", "/version"),
            request("PATCH", &format!("{web}?dryRun=All&force=true")),
            request("PATCH", web),
            request("PATCH", web),
        ]
        .into_iter()
        .collect();
        let counts: Vec<(String, usize)> = requests.counts().into_iter().collect();
        let expected = [("get /version", 1), ("patch deployments", 2), ("patch deployments (dry run)", 1)];
        assert_eq!(counts, expected.map(|(what, count)| (what.to_owned(), count)));
        assert_eq!(requests.mutating().len(), 2);
    }

    #[test]
    fn only_what_changes_the_cluster_is_mutating() {
        let is_mutating = |method: &str, uri: &str| {
            Request::of(&http::Request::builder().method(method).uri(uri).body(()).expect("a request")).is_mutating()
        };
        assert!(is_mutating("PATCH", "/api/v1/namespaces/shop/services/web"));
        assert!(!is_mutating("PATCH", "/api/v1/namespaces/shop/services/web?dryRun=All"));
        assert!(!is_mutating("GET", "/api/v1/namespaces/shop/services/web"));
        assert!(!is_mutating("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"));
    }
}
