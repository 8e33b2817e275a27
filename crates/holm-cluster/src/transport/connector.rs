//! Makes connections: TCP without delay, through a proxy or not, with TLS, and each within a time limit.
//!
//! kube builds such a client itself, but without TCP_NODELAY, and it compares `NO_PROXY` with the proxy instead of the server.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ClientBuilder, ConfigExt};
use tower::{BoxError, Service, ServiceBuilder};

use super::proxy::{Proxy, ProxyKind};

/// How long a TCP connection may take, for all addresses of a name together.
const TCP_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a connection may take in all: name, TCP, proxy and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A name that no resolver knows.
#[derive(Debug, thiserror::Error)]
#[error("the name {name} is not known: {source}")]
pub(super) struct UnknownName {
    name: String,
    source: io::Error,
}

/// A connection that took too long.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
pub(super) struct ConnectTimeout;

/// Returns a client for a server, through a proxy where one is given.
pub(super) fn client(config: &Config, proxy: Option<&Proxy>) -> Result<kube::Client, kube::Error> {
    let tcp = tcp();
    let Some(proxy) = proxy else { return over(tcp, config) };
    let uri = proxy.uri.clone();
    match &proxy.kind {
        ProxyKind::Http => over(with_basic(Tunnel::new(uri, tcp), proxy), config),
        ProxyKind::Https => {
            // `tls-server-name` is the server's; the proxy goes by its own.
            let mut own = config.clone();
            own.tls_server_name = None;
            let tls = own.rustls_https_connector_with_connector(tcp)?;
            over(with_basic(Tunnel::new(uri, tls), proxy), config)
        }
        ProxyKind::Socks5 { login: None } => over(SocksV5::new(uri, tcp), config),
        ProxyKind::Socks5 { login: Some((user, password)) } => {
            over(SocksV5::new(uri, tcp).with_auth(user.clone(), password.clone()), config)
        }
    }
}

fn with_basic<C>(tunnel: Tunnel<C>, proxy: &Proxy) -> Tunnel<C> {
    match &proxy.basic {
        Some(header) => tunnel.with_auth(header.clone()),
        None => tunnel,
    }
}

fn tcp() -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
    tcp.enforce_http(false);
    // Requests are small and answered at once: waiting for more to send only delays them.
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(Duration::from_secs(30)));
    tcp.set_connect_timeout(Some(TCP_TIMEOUT));
    tcp
}

/// A client whose connections are made by `connector`, and secured here.
fn over<C>(connector: C, config: &Config) -> Result<kube::Client, kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let connector = Timed(config.rustls_https_connector_with_connector(connector)?);
    let http = HttpClient::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

/// Resolves names, and says of a failure that it is one of the name.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = UnknownName;
    type Future = Pin<Box<dyn Future<Output = Result<GaiAddrs, UnknownName>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UnknownName>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let text = name.as_str().to_owned();
        let resolving = self.0.call(name);
        Box::pin(async move { resolving.await.map_err(|source| UnknownName { name: text, source }) })
    }
}

/// Gives up a connection that takes too long.
#[derive(Clone)]
struct Timed<C>(C);

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(Box::<dyn StdError + Send + Sync>::from(ConnectTimeout)),
            }
        })
    }
}
