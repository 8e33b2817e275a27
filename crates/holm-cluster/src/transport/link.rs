//! The way to the server: a client, and the credentials that its requests carry.

use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use kube::{Client, Config};

use super::connector;
use super::credentials::{ClientIdentity, Credential, Credentials};
use super::failure;
use super::proxy::Proxy;
use crate::error::Trouble;

/// A client that is made anew when its certificate changes.
pub(crate) struct Link {
    client: RwLock<(Client, Option<ClientIdentity>)>,
    renewal: Option<Renewal>,
    /// The proxy's address for messages.
    proxy: Option<String>,
}

struct Renewal {
    config: Config,
    proxy: Option<Proxy>,
    credentials: Credentials,
}

impl Link {
    /// A client that was made elsewhere, with credentials of its own.
    pub(crate) fn of(client: Client) -> Self {
        Self { client: RwLock::new((client, None)), renewal: None, proxy: None }
    }

    /// Makes a client. Gets its credentials first, so that what is wrong with them is said before anything is sent.
    ///
    /// # Errors
    /// When there are no credentials, or a client cannot be made of the configuration.
    pub(crate) async fn to(mut config: Config, proxy: Option<Proxy>) -> Result<Self, Trouble> {
        let address = proxy.as_ref().map(Proxy::address);
        let Some(credentials) = Credentials::take(&mut config.auth_info) else {
            let client = client(&config, proxy.as_ref(), None)?;
            return Ok(Self { client: RwLock::new((client, None)), renewal: None, proxy: address });
        };
        let identity = credentials.current().await.map_err(Trouble::Credentials)?.identity;
        let client = RwLock::new((client(&config, proxy.as_ref(), identity.as_ref())?, identity));
        Ok(Self { client, renewal: Some(Renewal { config, proxy, credentials }), proxy: address })
    }

    /// Returns the client and the credential of the next request.
    pub(super) async fn current(&self) -> Result<(Client, Credential), Trouble> {
        let Some(renewal) = &self.renewal else { return Ok((self.client(), Credential::default())) };
        let credential = renewal.credentials.current().await.map_err(Trouble::Credentials)?;
        if self.client.read().unwrap_or_else(PoisonError::into_inner).1 != credential.identity {
            let new = client(&renewal.config, renewal.proxy.as_ref(), credential.identity.as_ref())?;
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = (new, credential.identity.clone());
        }
        Ok((self.client(), credential))
    }

    /// Returns whether there is a credential other than `refused`, which the server did not accept.
    pub(super) async fn is_renewed(&self, refused: &Credential) -> bool {
        match &self.renewal {
            Some(renewal) => renewal.credentials.other_than(refused).await.is_some(),
            None => false,
        }
    }

    /// Says what a failure of the client means.
    pub(super) fn trouble(&self, error: &kube::Error) -> Trouble {
        failure::trouble(error, self.proxy.as_deref())
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

/// The header of a credential.
pub(super) fn authorization(credential: &Credential) -> Option<&HeaderValue> {
    credential.authorization.as_ref()
}

fn client(config: &Config, proxy: Option<&Proxy>, identity: Option<&ClientIdentity>) -> Result<Client, Trouble> {
    let made = match identity {
        None => connector::client(config, proxy),
        Some(identity) => {
            let mut config = config.clone();
            config.auth_info.client_certificate = None;
            config.auth_info.client_key = None;
            config.auth_info.client_certificate_data = Some(STANDARD.encode(&identity.certificate));
            config.auth_info.client_key_data = Some(STANDARD.encode(identity.key.expose()).into());
            connector::client(&config, proxy)
        }
    };
    made.map_err(|error| match failure::trouble(&error, None) {
        // Nothing was sent yet, so that what is left is the configuration.
        Trouble::Interrupted(text) => Trouble::Tls(text),
        other => other,
    })
}
