//! Secrets.

use holm_core::{Declaration, FieldPath, Input, IntoResource, Sensitive};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// Values that must not be seen.
///
/// They never stand in the object that the graph keeps, and are sent as `data`: under server-side apply, a key that leaves
/// `stringData` would stay in the cluster for ever.
///
/// ```
/// use holm_core::{Password, Stack};
/// use holm_resources::Secret;
///
/// let stack = Stack::new("shop", "dev", Some("shop"));
/// let password = stack.generated("database-password", Password::alphanumeric(32));
/// stack.add(Secret::opaque("database").entry("username", "shop").entry("password", &password));
/// ```
#[must_use = "a Secret does nothing until it is added to a stack"]
pub struct Secret {
    common: Common<core::Secret>,
    entries: Vec<(String, Input)>,
    secret: core::Secret,
}

impl Secret {
    /// A Secret of the type `Opaque`.
    pub fn opaque(name: &str) -> Self {
        Self::of_type(name, SecretType::Opaque)
    }

    /// A certificate with its key in PEM, of the type `kubernetes.io/tls`.
    pub fn tls(name: &str, certificate: impl Into<Input>, key: impl Into<Input>) -> Self {
        Self::of_type(name, SecretType::Tls).entry("tls.crt", certificate).entry("tls.key", key)
    }

    /// A Secret of any type. It cannot change later.
    pub fn of_type(name: &str, secret_type: SecretType) -> Self {
        let secret = core::Secret { type_: Some(secret_type.into_text()), ..core::Secret::default() };
        Self { common: Common::new(name), entries: Vec::new(), secret }
    }

    /// An entry. Text counts as secret here, too.
    pub fn entry(mut self, key: &str, value: impl Into<Input>) -> Self {
        let value = value.into();
        let value = match value.text().filter(|_| !value.needs_others()) {
            Some(text) => Input::Sensitive(Sensitive::new(text)),
            None => value,
        };
        self.entries.push((key.to_owned(), value.base64()));
        self
    }

    /// An entry that is no text.
    pub fn bytes(mut self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        let value = serde_json::to_value(ByteString(value.into())).unwrap_or_default();
        let encoded = value.as_str().unwrap_or_default().to_owned();
        self.entries.push((key.to_owned(), Input::Sensitive(Sensitive::new(encoded))));
        self
    }

    /// Makes it immutable: a change then needs a new object.
    pub fn immutable(mut self) -> Self {
        self.secret.immutable = Some(true);
        self
    }
}

/// What a Secret holds, which decides the keys that it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretType {
    /// Any entries: `Opaque`.
    Opaque,
    /// A certificate and its key as `tls.crt` and `tls.key`: `kubernetes.io/tls`.
    Tls,
    /// Credentials of image registries as `.dockerconfigjson`: `kubernetes.io/dockerconfigjson`.
    DockerConfigJson,
    /// A user as `username`, `password` or both: `kubernetes.io/basic-auth`.
    BasicAuth,
    /// A key as `ssh-privatekey`: `kubernetes.io/ssh-auth`.
    SshAuth,
    /// A token of the ServiceAccount that the annotation `kubernetes.io/service-account.name` names:
    /// `kubernetes.io/service-account-token`.
    ServiceAccountToken,
    /// A type of another program.
    Other(String),
}

impl SecretType {
    fn into_text(self) -> String {
        let text = match self {
            Self::Opaque => "Opaque",
            Self::Tls => "kubernetes.io/tls",
            Self::DockerConfigJson => "kubernetes.io/dockerconfigjson",
            Self::BasicAuth => "kubernetes.io/basic-auth",
            Self::SshAuth => "kubernetes.io/ssh-auth",
            Self::ServiceAccountToken => "kubernetes.io/service-account-token",
            Self::Other(text) => return text,
        };
        text.to_owned()
    }
}

impl Builder for Secret {
    type Object = core::Secret;

    fn common(&mut self) -> &mut Common<core::Secret> {
        &mut self.common
    }
}

impl IntoResource for Secret {
    type Kind = kind::Secret;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        let data = FieldPath::of(["data"]);
        for (key, value) in self.entries {
            lowering.later(data.field(&key), value);
        }
        self.common.finish(self.secret, lowering)
    }
}
