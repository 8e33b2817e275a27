//! Faults as a proxy on loopback, before real programs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::Faults;

/// A proxy that passes everything on with the rights of its own client.
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<Mutex<Faults>>,
    accepting: tokio::task::JoinHandle<Infallible>,
}

impl Proxy {
    /// Begins to listen on a free port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(client: kube::Client) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let faults = Arc::new(Mutex::new(Faults::default()));
        let current = faults.clone();
        let accepting = tokio::spawn(async move {
            loop {
                // A connection that could not be accepted is the client's to notice.
                if let Ok((stream, _)) = listener.accept().await {
                    let faults = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    tokio::spawn(serve(stream, faults.client(&client)));
                }
            }
        });
        Ok(Self { address, faults, accepting })
    }

    /// Puts other faults in, for the connections from now on.
    pub fn inject(&self, faults: &Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults.clone();
    }

    /// Writes a kubeconfig that names the proxy.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kubeconfig(&self, folder: &Path) -> Result<PathBuf, String> {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
            "users": [{"name": "proxy", "user": {}}],
        });
        let path = folder.join("proxy.kubeconfig");
        // JSON is YAML.
        std::fs::write(&path, kubeconfig.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection. It breaks where a request has no answer.
async fn serve(stream: TcpStream, client: kube::Client) {
    let service = service_fn(move |request: Request<Incoming>| {
        let client = client.clone();
        async move { answer(request, &client).await }
    });
    // A connection that breaks is what this is for.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, client: &kube::Client) -> Result<Response<Body>, String> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    // The client puts in its own.
    head.headers.remove(http::header::HOST);
    head.headers.remove(http::header::CONTENT_LENGTH);
    head.headers.remove(http::header::TRANSFER_ENCODING);
    let answer = client.send(Request::from_parts(head, Body::from(body))).await;
    let mut response = answer.map_err(|error| error.to_string())?;
    // The connection frames the answer in its own way.
    response.headers_mut().remove(http::header::CONTENT_LENGTH);
    response.headers_mut().remove(http::header::TRANSFER_ENCODING);
    Ok(response)
}
