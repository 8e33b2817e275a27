//! What it means when there is no answer: by the types of the errors, since their words tell a cut connection under TLS like a
//! refused certificate.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy::Error as HttpError;
use kube::client::AuthError;
use rustls::{AlertDescription, Error as TlsError};

use super::connector::{ConnectTimeout, UnknownName};
use crate::error::Trouble;

/// What the types of an error and of its causes say.
#[derive(Default)]
struct Evidence<'a> {
    auth: Option<&'a AuthError>,
    is_connecting: bool,
    is_name: bool,
    is_late: bool,
    tls: Option<&'a TlsError>,
    io: Option<io::ErrorKind>,
    innermost: String,
}

/// Says what a failure of the client means. `proxy` is the proxy's address, if there is one.
pub(crate) fn trouble(error: &(dyn StdError + 'static), proxy: Option<&str>) -> Trouble {
    let mut evidence = Evidence::default();
    collect(error, &mut evidence);
    let through = |text: String| match proxy {
        Some(proxy) => format!("{text} (through the proxy {proxy})"),
        None => text,
    };
    let Evidence { auth, is_connecting, is_name, is_late, tls, io, innermost } = evidence;
    if let Some(auth) = auth {
        return Trouble::Credentials(auth_failure(auth));
    }
    if let Some(tls) = tls
        && !passes(tls, is_connecting)
    {
        return Trouble::Tls(tls.to_string());
    }
    let is_unreachable =
        is_connecting && !matches!(io, Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset));
    if is_name || is_late || is_unreachable || io.is_some_and(has_no_way) {
        return Trouble::Unreachable(through(innermost));
    }
    Trouble::Interrupted(through(innermost))
}

/// Follows the causes inwards. An `io::Error` is asked for what it wraps, which its `source` leaves out.
fn collect<'a>(error: &'a (dyn StdError + 'static), evidence: &mut Evidence<'a>) {
    if let Some(kube::Error::Auth(auth)) = error.downcast_ref::<kube::Error>() {
        evidence.auth = Some(auth);
    }
    if let Some(auth) = error.downcast_ref::<AuthError>() {
        evidence.auth = Some(auth);
    }
    evidence.is_connecting |= error.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect);
    evidence.is_name |= error.is::<UnknownName>();
    evidence.is_late |= error.is::<ConnectTimeout>();
    if let Some(tls) = error.downcast_ref::<TlsError>() {
        evidence.tls = Some(tls);
    }
    let within = match error.downcast_ref::<io::Error>() {
        Some(error) => {
            evidence.io = Some(error.kind());
            error.get_ref().map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source())
        }
        None => error.source(),
    };
    // The innermost text says it best; of a name that is not known, the one that has the name.
    match within.filter(|_| !error.is::<UnknownName>()) {
        Some(within) => collect(within, evidence),
        None => evidence.innermost = error.to_string(),
    }
}

/// Whether a failure of TLS is one of the connection: it was cut or spoiled on the way, or the other side failed.
fn passes(error: &TlsError, is_connecting: bool) -> bool {
    match error {
        TlsError::AlertReceived(alert) => matches!(
            alert,
            AlertDescription::CloseNotify | AlertDescription::InternalError | AlertDescription::UserCanceled
        ),
        // At the beginning, it is a server without TLS.
        TlsError::InvalidMessage(_) | TlsError::DecryptError | TlsError::PeerSentOversizedRecord => !is_connecting,
        TlsError::HandshakeNotComplete | TlsError::FailedToGetRandomBytes => true,
        _ => false,
    }
}

fn has_no_way(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
    )
}

/// Describes what is wrong with credentials that kube reads itself. Leaves out what a command printed, which may be the
/// credential, and its command line, which may hold one.
pub(crate) fn auth_failure(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => format!("the auth-provider's command failed ({})", out.status),
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the token or password of the kubeconfig contains characters that cannot be sent".to_owned()
        }
        AuthError::MalformedTokenExpirationDate(_) => "the auth-provider's expiry is malformed".to_owned(),
        AuthError::UnrefreshableTokenResponse => "the token has expired and cannot be renewed".to_owned(),
        AuthError::AuthExec(_) => {
            "the auth-provider of the kubeconfig is not supported; use an exec credential plugin instead".to_owned()
        }
        _ => "the user of the kubeconfig cannot be used".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{CertificateError, InvalidMessage, OtherError};

    use super::*;

    /// An error around another one, as the layers of a client make them.
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Box<dyn StdError + Send + Sync>);

    /// As tokio-rustls and hyper-rustls wrap it.
    fn tls(error: TlsError) -> Outer {
        Outer(Box::new(io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error))))
    }

    fn cut(kind: io::ErrorKind, words: &str) -> Outer {
        Outer(Box::new(io::Error::new(kind, words.to_owned())))
    }

    #[test]
    fn failures_are_told_apart_by_type_whatever_they_say() {
        let other = || CertificateError::Other(OtherError(Arc::new(io::Error::other("expired"))));
        let cases: [(Outer, &str); 12] = [
            (tls(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)), "Tls"),
            (tls(TlsError::InvalidCertificate(other())), "Tls"),
            (tls(TlsError::NoCertificatesPresented), "Tls"),
            (tls(TlsError::AlertReceived(AlertDescription::CertificateRequired)), "Tls"),
            (tls(TlsError::AlertReceived(AlertDescription::InternalError)), "Interrupted"),
            (tls(TlsError::DecryptError), "Interrupted"),
            (tls(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)), "Interrupted"),
            (
                cut(io::ErrorKind::UnexpectedEof, "peer closed connection without sending TLS close_notify"),
                "Interrupted",
            ),
            (cut(io::ErrorKind::UnexpectedEof, "tls handshake eof"), "Interrupted"),
            (cut(io::ErrorKind::ConnectionReset, "certificate handshake (connect) dns error"), "Interrupted"),
            (cut(io::ErrorKind::ConnectionRefused, "tls"), "Unreachable"),
            (Outer(Box::new(ConnectTimeout)), "Unreachable"),
        ];
        for (error, expected) in cases {
            let found = match trouble(&error, None) {
                Trouble::Tls(_) => "Tls",
                Trouble::Interrupted(_) => "Interrupted",
                Trouble::Unreachable(_) => "Unreachable",
                other => unreachable!("{other:?}"),
            };
            assert_eq!(found, expected, "{:?}", error.0);
        }
    }

    #[test]
    fn the_proxy_is_named_where_there_is_one() {
        let error = cut(io::ErrorKind::ConnectionRefused, "refused");
        let found = trouble(&error, Some("http://proxy:3128"));
        assert_eq!(found, Trouble::Unreachable("refused (through the proxy http://proxy:3128)".into()));
    }
}
