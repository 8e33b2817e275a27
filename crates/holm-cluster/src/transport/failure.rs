//! What it means when there is no answer.

use std::error::Error as StdError;
use std::io;

use kube::client::AuthError;

use crate::error::Trouble;
use crate::plugin::Plugin;

/// What a failure of the client means.
pub(crate) fn trouble(error: &kube::Error, plugin: Option<&Plugin>) -> Trouble {
    let mut texts = Vec::new();
    let mut kind = None;
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(kube::Error::Auth(auth)) = current.downcast_ref::<kube::Error>() {
            return Trouble::Credentials(auth_failure(auth, plugin));
        }
        if let Some(auth) = current.downcast_ref::<AuthError>() {
            return Trouble::Credentials(auth_failure(auth, plugin));
        }
        if let Some(error) = current.downcast_ref::<io::Error>() {
            kind = Some(error.kind());
        }
        texts.push(current.to_string());
        cause = current.source();
    }
    classify(&texts, kind)
}

/// The innermost text says it best; the outer ones say where it happened.
fn classify(texts: &[String], kind: Option<io::ErrorKind>) -> Trouble {
    let all = texts.join(": ").to_lowercase();
    let innermost = texts.last().cloned().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| all.contains(word));
    if has(&["certificate", "handshake", "corrupt message", "tls"]) {
        return Trouble::Tls(innermost);
    }
    if has(&["dns error"]) {
        return Trouble::Unreachable(format!("its name is not known: {innermost}"));
    }
    let is_connecting = has(&["(connect)", "tcp connect", "connect error"]);
    match kind {
        Some(
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable,
        ) => Trouble::Unreachable(innermost),
        _ if is_connecting => Trouble::Unreachable(innermost),
        _ => Trouble::Interrupted(innermost),
    }
}

/// Describes what is wrong with the credentials. Leaves out what a credential plugin wrote to its standard output, which may be
/// the credential, and its command line, which may hold one.
pub(crate) fn auth_failure(error: &AuthError, plugin: Option<&Plugin>) -> String {
    let title = || Plugin::title(plugin);
    match error {
        AuthError::AuthExecRun { out, .. } => Plugin::failure(plugin, out),
        AuthError::AuthExecStart(cause) => format!("{} could not be run: {cause}", title()),
        AuthError::AuthExecParse(_) => format!("{} did not print an ExecCredential", title()),
        AuthError::ReadTokenFile(cause, path) => format!("the token file {} cannot be read: {cause}", path.display()),
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the token or password of the kubeconfig holds characters that cannot be sent".to_owned()
        }
        AuthError::ExecPluginFailed => format!("{} printed an ExecCredential without a status", title()),
        AuthError::ExecMissingClusterInfo => format!("{} asks for the cluster's data, which is missing", title()),
        AuthError::MalformedTokenExpirationDate(_) => format!("{} printed a malformed expiry", title()),
        AuthError::MissingCommand => "the kubeconfig's user has an exec section without a command".to_owned(),
        AuthError::UnrefreshableTokenResponse => "the token has expired and cannot be renewed".to_owned(),
        _ => "the user of the kubeconfig cannot be used".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let refused = texts(&["client error (Connect)", "tcp connect error", "Connection refused (os error 111)"]);
        assert!(matches!(
            classify(&refused, Some(io::ErrorKind::ConnectionRefused)),
            Trouble::Unreachable(text) if text == "Connection refused (os error 111)"
        ));
        let tls = texts(&["client error (Connect)", "invalid peer certificate: UnknownIssuer"]);
        assert!(matches!(classify(&tls, Some(io::ErrorKind::InvalidData)), Trouble::Tls(_)));
        let reset =
            texts(&["client error (SendRequest)", "connection error", "Connection reset by peer (os error 104)"]);
        assert!(matches!(classify(&reset, Some(io::ErrorKind::ConnectionReset)), Trouble::Interrupted(_)));
        let late = texts(&["client error (Connect)", "deadline has elapsed"]);
        assert!(matches!(classify(&late, Some(io::ErrorKind::TimedOut)), Trouble::Unreachable(_)));
    }
}
