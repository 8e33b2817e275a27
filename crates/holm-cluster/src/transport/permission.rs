//! Whether a 403 is about rights. Admission (quotas, Pod Security, namespaces that terminate) answers with the same status and
//! reason as authorization, so the server is asked what we may do.

use holm_planner::denial;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, JSON, Query, Transport, read};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// What a request would do, as authorization sees it.
#[derive(Debug, PartialEq)]
struct Attributes {
    group: String,
    version: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    verbs: &'static [&'static str],
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Review {
    status: Option<ReviewStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ReviewStatus {
    allowed: Option<bool>,
}

/// Returns whether the server refused a write for a reason other than rights: we have all that it takes.
pub(super) async fn is_admission(transport: &Transport, call: &Call<'_>, message: &str) -> bool {
    let Some(attributes) = attributes(&call.method, &call.path) else { return false };
    for verb in attributes.verbs {
        match is_allowed(transport, &attributes, verb).await {
            Some(true) => {}
            Some(false) => return false,
            // The server does not say, which leaves its words.
            None => return denial::is_known(message),
        }
    }
    true
}

async fn is_allowed(transport: &Transport, attributes: &Attributes, verb: &str) -> Option<bool> {
    let Attributes { group, version, resource, subresource, namespace, name, .. } = attributes;
    let wanted = json!({"group": group, "version": version, "resource": resource, "subresource": subresource,
        "namespace": namespace, "name": name, "verb": verb});
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted}});
    // It stores nothing, and says so: a plan sends nothing without this.
    let path = Query::path(REVIEWS).with("dryRun", "All").into_string();
    let call = Call::send(Method::POST, path, JSON, Value::to_string(&body).into_bytes());
    let answer = transport.attempt(&call, 1).await.ok()?;
    read::<Review>(&answer.body).ok()?.status?.allowed
}

/// Reads `/api/v1/namespaces/NS/RESOURCE/NAME` and its relatives.
fn attributes(method: &Method, path: &str) -> Option<Attributes> {
    let verbs: &[&str] = match *method {
        // Server-side apply of what is not there creates it.
        Method::PATCH => &["patch", "create"],
        Method::POST => &["create"],
        Method::PUT => &["update"],
        Method::DELETE => &["delete"],
        _ => return None,
    };
    let path = path.split('?').next().unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    let mut parts = decoded.trim_start_matches('/').split('/');
    let group = match parts.next()? {
        "api" => String::new(),
        "apis" => parts.next()?.to_owned(),
        _ => return None,
    };
    let version = parts.next()?.to_owned();
    let rest: Vec<&str> = parts.collect();
    let (namespace, rest) = match rest.as_slice() {
        ["namespaces", namespace, _, ..] if !matches!(rest.get(2), Some(&("status" | "finalize"))) => {
            ((*namespace).to_owned(), &rest[2..])
        }
        // A namespace is within itself.
        ["namespaces", name, ..] => ((*name).to_owned(), &rest[..]),
        _ => (String::new(), &rest[..]),
    };
    let part = |position: usize| rest.get(position).map(|part| (*part).to_owned()).unwrap_or_default();
    let resource = part(0);
    if resource.is_empty() || resource == "selfsubjectaccessreviews" {
        return None;
    }
    // A new object has no name yet, as authorization sees it.
    let verbs = if part(2).is_empty() { verbs } else { &verbs[..1] };
    Some(Attributes { group, version, resource, subresource: part(2), namespace, name: part(1), verbs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_seen_as_authorization_sees_them() {
        let seen = |method: Method, path: &str| {
            attributes(&method, path).map(|found| {
                let Attributes { group, resource, subresource, namespace, name, verbs, .. } = found;
                format!("{} {group}|{resource}|{subresource}|{namespace}|{name}", verbs.join(","))
            })
        };
        let cases = [
            (
                Method::PATCH,
                "/apis/apps/v1/namespaces/n/deployments/web?dryRun=All",
                "patch,create apps|deployments||n|web",
            ),
            (Method::PATCH, "/apis/apps/v1/namespaces/n/deployments/web/scale", "patch apps|deployments|scale|n|web"),
            (Method::POST, "/api/v1/namespaces/n/secrets", "create |secrets||n|"),
            (Method::PATCH, "/api/v1/namespaces/n", "patch,create |namespaces||n|n"),
            (Method::PUT, "/api/v1/namespaces/n/finalize", "update |namespaces|finalize|n|n"),
            (
                Method::DELETE,
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b",
                "delete rbac.authorization.k8s.io|clusterroles|||system:a b",
            ),
        ];
        for (method, path, expected) in cases {
            assert_eq!(seen(method, path).as_deref(), Some(expected), "{path}");
        }
        for path in ["/version", "/api/v1", "/healthz"] {
            assert_eq!(seen(Method::PATCH, path), None, "{path}");
        }
        assert_eq!(seen(Method::GET, "/api/v1/namespaces/n"), None);
    }
}
