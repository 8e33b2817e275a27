//! Values that are encrypted in the file, with [age](https://age-encryption.org/v1): for keys of age, and for those of ssh.
//!
//! An encrypted value is written as `{ encrypted = "..." }`, the age file in base64. Those who may read it are named once, under
//! `[encryption]`. Without the feature `age`, an encrypted value is known as one and is an error.

use holm_values::Sensitive;
use serde_json::Value;

/// The only key of an encrypted value.
pub(crate) const ENCRYPTED: &str = "encrypted";

/// Why a value cannot be encrypted or decrypted. Holds neither the value nor a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// The library was built without the feature `age`.
    #[error("this program was built without the feature that decrypts values")]
    NotBuiltIn,
    /// No recipients are named.
    #[error("nobody is named who could decrypt it")]
    NoRecipients,
    /// A recipient is no public key of age or ssh.
    #[error("\"{0}\" is no public key of age or ssh")]
    BadRecipient(String),
    /// A file holds no private key of age or ssh.
    #[error("{0} holds no private key of age or ssh")]
    BadIdentity(String),
    /// The private key is protected by a passphrase, and there is nobody to ask for it.
    #[error("the private key in {0} is protected by a passphrase")]
    Passphrase(String),
    /// There is no private key at all.
    #[error("there is no private key to decrypt it with")]
    NoIdentity,
    /// It was encrypted for other keys.
    #[error("none of the private keys fits: it is encrypted for others")]
    WrongKey,
    /// It is no age file, or was changed.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// Returns the text of an encrypted value; none where a value is not encrypted.
pub fn ciphertext(value: &Value) -> Option<&str> {
    let entries = value.as_object().filter(|entries| entries.len() == 1)?;
    entries.get(ENCRYPTED)?.as_str()
}

/// Private keys, to decrypt values with.
#[derive(Default)]
pub struct Identities {
    #[cfg(feature = "age")]
    keys: Vec<Box<dyn age::Identity + Send + Sync>>,
}

#[cfg(not(feature = "age"))]
mod built {
    use super::{EncryptionError, Identities, Sensitive, Value};

    impl Identities {
        /// Adds the private keys of a file.
        ///
        /// # Errors
        /// Always, because the feature `age` is missing.
        pub fn add(&mut self, _: &str, _: &Sensitive<String>) -> Result<(), EncryptionError> {
            Err(EncryptionError::NotBuiltIn)
        }

        /// Decrypts a value.
        ///
        /// # Errors
        /// Always, because the feature `age` is missing.
        pub fn decrypt(&self, _: &str) -> Result<Sensitive<String>, EncryptionError> {
            Err(EncryptionError::NotBuiltIn)
        }
    }

    /// Encrypts a text for all recipients.
    ///
    /// # Errors
    /// Always, because the feature `age` is missing.
    pub fn encrypt(_: &Sensitive<String>, _: &[String]) -> Result<Value, EncryptionError> {
        Err(EncryptionError::NotBuiltIn)
    }
}

#[cfg(feature = "age")]
mod built {
    use std::io::{Read as _, Write as _};

    use age::{DecryptError, Decryptor, Encryptor, Identity, IdentityFile, Recipient, ssh, x25519};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{ENCRYPTED, EncryptionError, Identities, Sensitive, Value};

    impl Identities {
        /// Adds the private keys of a file, which is called `name` in errors: lines of `AGE-SECRET-KEY-1...`, or one of ssh.
        ///
        /// # Errors
        /// When it holds none, or one that is protected by a passphrase.
        pub fn add(&mut self, name: &str, text: &Sensitive<String>) -> Result<(), EncryptionError> {
            let bad = || EncryptionError::BadIdentity(name.to_owned());
            let bytes = text.expose().as_bytes();
            if text.expose().trim_start().starts_with("-----BEGIN") {
                return match ssh::Identity::from_buffer(bytes, Some(name.to_owned())).map_err(|_| bad())? {
                    ssh::Identity::Unencrypted(key) => {
                        self.keys.push(Box::new(ssh::Identity::from(key)));
                        Ok(())
                    }
                    ssh::Identity::Encrypted(_) => Err(EncryptionError::Passphrase(name.to_owned())),
                    ssh::Identity::Unsupported(_) => Err(bad()),
                };
            }
            let keys = IdentityFile::from_buffer(bytes).map_err(|_| bad())?.into_identities().map_err(|_| bad())?;
            if keys.is_empty() {
                return Err(bad());
            }
            self.keys.extend(keys);
            Ok(())
        }

        /// Decrypts the text of an encrypted value.
        ///
        /// # Errors
        /// When no key fits, or it is damaged.
        pub fn decrypt(&self, text: &str) -> Result<Sensitive<String>, EncryptionError> {
            if self.keys.is_empty() {
                return Err(EncryptionError::NoIdentity);
            }
            let damaged = |reason: &str| EncryptionError::Damaged(reason.to_owned());
            let bytes = STANDARD.decode(text.split_whitespace().collect::<String>());
            let bytes = bytes.map_err(|_| damaged("it is no base64"))?;
            let decryptor = Decryptor::new_buffered(bytes.as_slice()).map_err(|error| failure(&error))?;
            let keys = self.keys.iter().map(|key| key.as_ref() as &dyn Identity);
            let mut reader = decryptor.decrypt(keys).map_err(|error| failure(&error))?;
            let mut plain = String::new();
            reader.read_to_string(&mut plain).map_err(|_| damaged("what it holds is no text"))?;
            Ok(Sensitive::new(plain))
        }
    }

    /// Encrypts a text for all recipients, as a value of the file.
    ///
    /// # Errors
    /// When there are none, or one of them is no public key.
    pub fn encrypt(text: &Sensitive<String>, recipients: &[String]) -> Result<Value, EncryptionError> {
        let keys: Vec<Box<dyn Recipient>> = recipients.iter().map(|text| recipient(text)).collect::<Result<_, _>>()?;
        let encryptor = Encryptor::with_recipients(keys.iter().map(AsRef::as_ref));
        let encryptor = encryptor.map_err(|_| EncryptionError::NoRecipients)?;
        let mut bytes = Vec::new();
        let written = encryptor.wrap_output(&mut bytes).and_then(|mut writer| {
            writer.write_all(text.expose().as_bytes())?;
            writer.finish()
        });
        written.map_err(|error| EncryptionError::Damaged(error.to_string()))?;
        Ok(serde_json::json!({ENCRYPTED: STANDARD.encode(bytes)}))
    }

    fn recipient(text: &str) -> Result<Box<dyn Recipient>, EncryptionError> {
        let text = text.trim();
        if let Ok(key) = text.parse::<x25519::Recipient>() {
            return Ok(Box::new(key));
        }
        match text.parse::<ssh::Recipient>() {
            Ok(key) => Ok(Box::new(key)),
            Err(_) => Err(EncryptionError::BadRecipient(text.to_owned())),
        }
    }

    fn failure(error: &DecryptError) -> EncryptionError {
        match error {
            DecryptError::NoMatchingKeys => EncryptionError::WrongKey,
            other => EncryptionError::Damaged(other.to_string()),
        }
    }
}

pub use built::encrypt;

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identities(..)")
    }
}
