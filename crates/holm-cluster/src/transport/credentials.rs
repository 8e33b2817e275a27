//! The credentials that change while a run lasts: a token in a file, and what a credential plugin prints. Everything else in a
//! kubeconfig's user is left to kube.
//!
//! kube runs a plugin once for each part of a client that it builds, and sends a file's token with its final newline.

use std::path::PathBuf;
use std::time::Duration;

use holm_core::Sensitive;
use http::HeaderValue;
use kube::config::AuthInfo;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::plugin::Plugin;

/// How long a file's token is used before the file is read again, as client-go has it.
const FILE_LIFETIME: Duration = Duration::from_secs(60);

/// A client certificate with its key, both in PEM.
#[derive(Clone, PartialEq)]
pub(crate) struct ClientIdentity {
    pub(crate) certificate: String,
    pub(crate) key: Sensitive<String>,
}

/// What a request is sent with.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Credential {
    /// The value of the header `Authorization`.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) identity: Option<ClientIdentity>,
}

/// Where credentials come from that must be got again.
pub(crate) struct Credentials {
    source: Source,
    held: Mutex<Option<Held>>,
}

enum Source {
    File(PathBuf),
    Plugin(Box<Plugin>),
}

struct Held {
    credential: Credential,
    until: Option<Instant>,
}

impl Credentials {
    /// Takes such credentials out of a kubeconfig's user, if it has any.
    pub(crate) fn take(user: &mut AuthInfo) -> Option<Self> {
        let is_fixed = user.auth_provider.is_some() || (user.username.is_some() && user.password.is_some());
        if is_fixed {
            return None;
        }
        let source = match user.token_file.take().filter(|path| !path.is_empty()) {
            // As with client-go, a file takes precedence over a token beside it, and a token over a plugin.
            Some(path) => {
                user.token = None;
                Source::File(PathBuf::from(path))
            }
            None if user.token.is_some() => return None,
            None => Source::Plugin(Box::new(Plugin::of(user.exec.take()?))),
        };
        Some(Self { source, held: Mutex::new(None) })
    }

    /// Returns the credential to use now. The file is read, or the plugin run, only when there is none that is still valid.
    ///
    /// # Errors
    /// When there is none, with the reason; no part of a credential is in it.
    pub(crate) async fn current(&self) -> Result<Credential, String> {
        let mut held = self.held.lock().await;
        match &*held {
            Some(Held { credential, until }) if until.is_none_or(|until| Instant::now() < until) => {
                Ok(credential.clone())
            }
            _ => self.get(&mut held).await,
        }
    }

    /// Returns a credential other than `refused`, which the server did not accept; none when there is no other.
    pub(crate) async fn other_than(&self, refused: &Credential) -> Option<Credential> {
        let mut held = self.held.lock().await;
        let current = match &*held {
            // Another request has got it meanwhile.
            Some(held) if held.credential != *refused => held.credential.clone(),
            _ => self.get(&mut held).await.ok()?,
        };
        (current != *refused).then_some(current)
    }

    async fn get(&self, held: &mut Option<Held>) -> Result<Credential, String> {
        let new = match &self.source {
            Source::File(path) => match std::fs::read_to_string(path) {
                // The server would take it for an anonymous user.
                Ok(token) if token.trim().is_empty() => {
                    return Err(format!("the token file {} is empty", path.display()));
                }
                Ok(token) => {
                    let authorization = Some(bearer(token.trim())?);
                    let credential = Credential { authorization, identity: None };
                    Held { credential, until: Some(Instant::now() + FILE_LIFETIME) }
                }
                // Clients may make a token's file available at the beginning only (kubernetes/kubernetes#68164).
                Err(error) => match held.take() {
                    Some(old) => Held { until: Some(Instant::now() + FILE_LIFETIME), ..old },
                    None => return Err(format!("the token file {} cannot be read: {error}", path.display())),
                },
            },
            Source::Plugin(plugin) => {
                let plugin = plugin.clone();
                let printed = tokio::task::spawn_blocking(move || plugin.run()).await;
                let printed = printed.map_err(|_| "the credential plugin was stopped".to_owned())??;
                let authorization = printed.token.as_ref().map(|token| bearer(token.expose())).transpose()?;
                let credential = Credential { authorization, identity: printed.identity };
                Held { credential, until: printed.lifetime.map(|lifetime| Instant::now() + lifetime) }
            }
        };
        Ok(held.insert(new).credential.clone())
    }
}

fn bearer(token: &str) -> Result<HeaderValue, String> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| "the token contains characters that cannot be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
