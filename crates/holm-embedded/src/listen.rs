//! A listener on the loopback interface, for `kubectl` and other processes.
//!
//! Plain HTTP, guarded by a token that only the kubeconfig has: whoever can read that file is the administrator.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::random::Random;
use crate::server::{self, AnswerBody};

/// A cluster that listens. It stops when this is dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    token: String,
    task: JoinHandle<()>,
}

impl Cluster {
    /// Listens on the loopback interface, on this port, or on a free one if it is 0. It needs a tokio runtime.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub async fn listen(&self, port: u16) -> std::io::Result<Listener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let mut random = Random::from_system();
        let token = format!("{:016x}{:016x}", random.next(), random.next());
        let expected = format!("Bearer {token}");
        let cluster = self.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file descriptors, perhaps: the next connection may be luckier.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                let (cluster, expected) = (cluster.clone(), expected.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(cluster.clone(), expected.clone(), request));
                    // A client that goes away in the middle is no concern of the others.
                    let _ =
                        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Listener { address, token, task })
    }
}

async fn answer(
    cluster: Cluster,
    expected: String,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, std::convert::Infallible> {
    let given = request.headers().get(http::header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
    if !given.is_some_and(|given| same(given, expected.as_bytes())) {
        return Ok(server::refused(&ApiError::new(401, "Unauthorized", "Unauthorized")));
    }
    Ok(server::serve(cluster, request).await)
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
        let name = "holm-embedded";
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": format!("http://{}", self.address)}}],
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

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
