//! What the clients of a listener know it by, and what it knows them by.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate for the loopback interface with its key, the token of the administrator, and the key that tokens of service accounts
/// are signed with. Whoever has them is the administrator. A cluster that keeps them is the same to its clients after a restart.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    token: String,
    signing_key: [u8; 32],
    certificate: String,
    key: String,
}

impl Credentials {
    /// Makes new ones.
    ///
    /// # Errors
    /// If the operating system gives no randomness.
    pub fn new() -> std::io::Result<Self> {
        let random = || {
            let mut bytes = [0; 32];
            let filled = getrandom::fill(&mut bytes).map(|()| bytes);
            filled.map_err(|_| std::io::Error::other("the operating system gives no random bytes"))
        };
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(std::io::Error::other)?;
        let key: &KeyPair = &made.signing_key;
        Ok(Self {
            token: URL_SAFE_NO_PAD.encode(random()?),
            signing_key: random()?,
            certificate: made.cert.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Reads what [`to_text`](Self::to_text) wrote; none where the text is something else.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(text).ok()?;
        let is_usable = !read.token.is_empty() && read.pair().is_some();
        is_usable.then_some(read)
    }

    /// Returns them as text, which is as secret as they are.
    #[must_use]
    pub fn to_text(&self) -> String {
        // It has texts and numbers only, which always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The key that tokens of service accounts are signed with.
    #[must_use]
    pub fn signing_key(&self) -> [u8; 32] {
        self.signing_key
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The certificate and its key, as TLS takes them; none where they are damaged.
    pub(super) fn pair(&self) -> Option<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).ok()?;
        Some((certificate, PrivateKeyDer::from_pem_slice(self.key.as_bytes()).ok()?))
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Credentials(sensitive)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_they_were_written_and_never_shown() {
        let made = Credentials::new().expect("there is randomness");
        let read = Credentials::from_text(&made.to_text()).expect("they are whole");
        assert_eq!(
            (read.token(), read.signing_key(), read.certificate()),
            (made.token(), made.signing_key(), made.certificate())
        );
        assert!(!format!("{made:?}").contains(made.token()));
        let other = Credentials::new().expect("there is randomness");
        assert_ne!((made.token(), made.signing_key()), (other.token(), other.signing_key()));
        for damaged in ["", "{}", &made.to_text().replace("BEGIN", "begin")] {
            assert!(Credentials::from_text(damaged).is_none(), "{damaged}");
        }
    }
}
