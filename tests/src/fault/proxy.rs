//! The injector as a proxy on loopback, before real programs.

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

use super::Injector;
use super::inject::{AnswerBody, NoAnswer};

/// A proxy that passes everything on with the rights of its own client.
pub struct Proxy {
    address: SocketAddr,
    injector: Arc<Mutex<Arc<Injector>>>,
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
        let injector = Arc::new(Mutex::new(Arc::new(Injector::new(None))));
        let current = injector.clone();
        let accepting = tokio::spawn(async move {
            loop {
                // A connection that could not be accepted is the client's to notice.
                if let Ok((stream, _)) = listener.accept().await {
                    let injector = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    tokio::spawn(serve(stream, client.clone(), injector));
                }
            }
        });
        Ok(Self { address, injector, accepting })
    }

    /// Puts another injector in, for the connections from now on.
    pub fn inject(&self, injector: &Arc<Injector>) {
        *self.injector.lock().unwrap_or_else(PoisonError::into_inner) = injector.clone();
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
async fn serve(stream: TcpStream, client: kube::Client, injector: Arc<Injector>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (client, injector) = (client.clone(), injector.clone());
        async move { answer(request, client, &injector).await }
    });
    // A connection that breaks is what this is for.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    client: kube::Client,
    injector: &Injector,
) -> Result<Response<AnswerBody>, NoAnswer> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map_err(NoAnswer::other)?.to_bytes();
    // The client puts in its own.
    head.headers.remove(http::header::HOST);
    head.headers.remove(http::header::CONTENT_LENGTH);
    head.headers.remove(http::header::TRANSFER_ENCODING);
    let request = Request::from_parts(head, Body::from(body));
    let answer = injector.pass(request, |request| async move { client.send(request).await }).await;
    answer.map(|mut response| {
        // The connection frames the answer in its own way.
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
        response.headers_mut().remove(http::header::TRANSFER_ENCODING);
        response
    })
}
