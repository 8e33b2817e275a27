//! A listener on the loopback interface, for `kubectl` and other processes.
//!
//! HTTPS with a certificate of its own and a token, made anew unless they are given: both are in the kubeconfig, and whoever can read
//! that file is the administrator. Without TLS it would not do: `kubectl` sends no token over plain HTTP. Tokens of service accounts
//! are taken too; who sends none is `system:anonymous`, as with a real server, and may ask for little more than the version.

mod connection;
mod credentials;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::server::{self, AnswerBody};
use crate::user::User;

pub use credentials::Credentials;

/// A cluster that listens. It stops when this is dropped.
pub struct Listener {
    address: SocketAddr,
    token: String,
    certificate: String,
    task: JoinHandle<()>,
}

impl ApiServer {
    /// Listens on the loopback interface, on this port, or on a free one if it is 0. It needs a tokio runtime.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub async fn listen(&self, port: u16) -> std::io::Result<Listener> {
        self.listen_with(port, &Credentials::new()?).await
    }

    /// The same with these credentials, so that clients of an earlier listener find it unchanged. The cluster should have been built
    /// with their [signing key](crate::ApiServerBuilder::signing_key).
    ///
    /// # Errors
    /// If the port cannot be had.
    pub async fn listen_with(&self, port: u16, credentials: &Credentials) -> std::io::Result<Listener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (token, certificate) = (credentials.token().to_owned(), credentials.certificate().to_owned());
        let expected: Arc<str> = token.as_str().into();
        let acceptor = secured(credentials).map_err(std::io::Error::other)?;
        let cluster = self.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file descriptors, perhaps: the next connection may be luckier.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                let (cluster, expected, acceptor) = (cluster.clone(), expected.clone(), acceptor.clone());
                let answer = move |request| answer(cluster.clone(), expected.clone(), request);
                tokio::spawn(connection::serve(stream, acceptor, answer));
            }
        });
        Ok(Listener { address, token, certificate, task })
    }
}

/// What accepts connections with a certificate.
fn secured(credentials: &Credentials) -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let (certificate, key) = credentials.pair().ok_or("the certificate is damaged")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn answer(cluster: ApiServer, expected: Arc<str>, request: Request<Incoming>) -> Response<AnswerBody> {
    let header = request.headers().get(http::header::AUTHORIZATION);
    let given =
        header.and_then(|value| value.to_str().ok()).map(|value| value.strip_prefix("Bearer ").unwrap_or_default());
    let user = match given {
        None => Some(User::anonymous()),
        Some(token) if same(token.as_bytes(), expected.as_bytes()) => Some(User::administrator()),
        Some(token) => cluster.user_of(token),
    };
    let mut answer = match user {
        Some(user) => server::serve(cluster, Arc::new(user), request).await,
        None => server::refused(&ApiError::new(401, "Unauthorized", "Unauthorized")),
    };
    let headers = answer.headers_mut();
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if let Some(id) = audit_id() {
        headers.insert("audit-id", id);
    }
    answer
}

/// A name for one request, by which a person finds it again; none if the operating system gives no random one.
fn audit_id() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, b, c, d, e) = (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
    HeaderValue::from_str(&format!("{a}-{b}-{c}-{d}-{e}")).ok()
}

/// Compares without telling by the time it takes how much was right.
fn same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len() && given.iter().zip(expected).fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
}

impl Listener {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig for it, in JSON, which is YAML too. It holds the token.
    #[must_use]
    pub fn kubeconfig(&self) -> Value {
        let name = "holm-apiserver";
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": format!("https://{}", self.address), "certificate-authority-data": STANDARD.encode(&self.certificate)}}],
            "users": [{"name": name, "user": {"token": self.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        })
    }

    /// Writes the kubeconfig to a file that only its owner can read.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_kubeconfig(&self, path: &Path) -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(&Bytes::from(self.kubeconfig().to_string()))?;
        file.write_all(b"\n")
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
