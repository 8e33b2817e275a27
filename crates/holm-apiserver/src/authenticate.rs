//! Who a request comes from: tokens, and asking on behalf of others.
//!
//! Tokens of service accounts are signed with a key that lives as long as the process, unless one is kept; they are checked as
//! `k8s.io/kubernetes`, `pkg/serviceaccount/claims.go` does: the time, the account, and the object that they are bound to.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::authorize;
use crate::error::ApiError;
use crate::object::{self, at, text_at};
use crate::request_info::Attributes;
use crate::state::State;
use crate::user::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User, service_account_groups, split_service_account};

/// Who makes tokens, and for whom they are unless somebody else is named.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc";

/// Makes and checks tokens.
pub(crate) struct Signer {
    key: [u8; 32],
}

/// What a token says about its owner.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub user: User,
    pub audiences: Vec<String>,
}

impl Signer {
    /// A signer with a key that nobody knows.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn new() -> Result<Self, ApiError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| ApiError::internal("the operating system gives no random key"))?;
        Ok(Self { key })
    }

    /// A signer with a key that was kept.
    pub fn with(key: [u8; 32]) -> Self {
        Self { key }
    }

    fn signature(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        code.update(text.as_bytes());
        Some(code)
    }

    /// Signs claims.
    pub fn sign(&self, claims: &Value) -> Result<String, ApiError> {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encoded(&json!({"alg": "HS256", "typ": "JWT"})), encoded(claims));
        let code = self.signature(&text).ok_or_else(|| ApiError::internal("the key cannot be used"))?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(code.finalize().into_bytes())))
    }

    /// Reads the claims of a token that this signer has signed.
    fn claims(&self, token: &str) -> Option<Value> {
        let (text, signature) = token.rsplit_once('.')?;
        self.signature(text)?.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.split_once('.')?.1).ok()?).ok()
    }

    /// Who has a token; nobody if it is not one of this cluster, has expired, or belongs to something that is gone.
    pub fn verify(&self, state: &State, token: &str) -> Option<Verified> {
        let claims = self.claims(token)?;
        let now = state.now().0;
        let time = |field: &str| claims.get(field).and_then(Value::as_i64);
        if now >= time("exp")? || now < time("nbf")? {
            return None;
        }
        let own = claims.get("kubernetes.io")?;
        let namespace = text_at(own, &["namespace"]);
        let exists = |resource: &str, place: &str, part: &str| {
            let (name, uid) = (text_at(own, &[part, "name"]), text_at(own, &[part, "uid"]));
            state.find(resource, place, name).is_some_and(|found| object::uid(found) == Some(uid))
        };
        if !exists("serviceaccounts", namespace, "serviceaccount") {
            return None;
        }
        let bound = [("pods", namespace, "pod"), ("secrets", namespace, "secret"), ("nodes", "", "node")];
        for (resource, place, part) in bound {
            // The node of a bound pod is only told.
            let told = part == "node" && own.get("pod").is_some();
            if own.get(part).is_some() && !told && !exists(resource, place, part) {
                return None;
            }
        }
        let mut user = User::service_account(namespace, text_at(own, &["serviceaccount", "name"]));
        text_at(own, &["serviceaccount", "uid"]).clone_into(&mut user.uid);
        let mut told = |key: &str, value: String| {
            user.extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value]);
        };
        told("credential-id", format!("JTI={}", text_at(&claims, &["jti"])));
        for part in ["pod", "node"] {
            for field in ["name", "uid"] {
                let value = text_at(own, &[part, field]);
                if !value.is_empty() {
                    told(&format!("{part}-{field}"), value.to_owned());
                }
            }
        }
        Some(Verified { user, audiences: object::texts(at(&claims, &["aud"])) })
    }
}

/// On whose behalf a request asks to be served; nobody if it does not say. `user` must be allowed to ask.
///
/// From `k8s.io/apiserver`, `pkg/endpoints/filters/impersonation/impersonation.go`.
pub(crate) fn impersonated(state: &State, user: &User, headers: &HeaderMap) -> Result<Option<User>, ApiError> {
    let all = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    };
    let name = all("impersonate-user").into_iter().next().unwrap_or_default();
    let (wanted_groups, uid) = (all("impersonate-group"), all("impersonate-uid").into_iter().next());
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for header in headers.keys() {
        if let Some(key) = header.as_str().strip_prefix("impersonate-extra-") {
            let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned();
            extra.insert(key, all(header.as_str()));
        }
    }
    if name.is_empty() {
        if wanted_groups.is_empty() && extra.is_empty() && uid.is_none() {
            return Ok(None);
        }
        return Err(ApiError::bad_request("requested groups, a uid or extra without impersonating a user"));
    }
    let check = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| {
        let attributes = Attributes {
            verb: "impersonate".to_owned(),
            is_resource: true,
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        authorize::check(state, user, &attributes)
    };
    let mut groups = wanted_groups.clone();
    match split_service_account(&name) {
        Some((namespace, account)) => {
            check("", "serviceaccounts", "", namespace, account)?;
            if groups.is_empty() {
                groups = service_account_groups(namespace);
            }
        }
        None => check("", "users", "", "", &name)?,
    }
    for group in &wanted_groups {
        check("", "groups", "", "", group)?;
    }
    for (key, values) in &extra {
        for value in values {
            check("authentication.k8s.io", "userextras", key, "", value)?;
        }
    }
    if let Some(uid) = &uid {
        check("authentication.k8s.io", "uids", "", "", uid)?;
    }
    let said = |group: &str| groups.iter().any(|found| found == group);
    if name == ANONYMOUS {
        if !said(UNAUTHENTICATED) {
            groups.push(UNAUTHENTICATED.to_owned());
        }
    } else if !said(AUTHENTICATED) && !said(UNAUTHENTICATED) {
        groups.push(AUTHENTICATED.to_owned());
    }
    Ok(Some(User { name, uid: uid.unwrap_or_default(), groups, extra }))
}
