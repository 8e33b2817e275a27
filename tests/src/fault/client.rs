//! The injector as a service around a client, in process.

use std::path::Path;
use std::sync::Arc;

use http::Request;
use kube::client::Body;

use super::Injector;

/// A client whose requests pass through `injector` before they go to `inner`.
pub fn client(inner: &kube::Client, injector: &Arc<Injector>) -> kube::Client {
    let (inner, injector) = (inner.clone(), injector.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, injector) = (inner.clone(), injector.clone());
        async move { injector.pass(request, |request| async move { inner.send(request).await }).await }
    });
    kube::Client::new(service, "default")
}

/// A client for the cluster that a kubeconfig names, which does not try anything again.
///
/// # Errors
/// When the kubeconfig cannot be used.
pub async fn connect(kubeconfig: &Path) -> Result<kube::Client, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).map_err(|error| text(&error))?;
    let options = kube::config::KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| text(&error))?;
    config.default_retry = false;
    kube::Client::try_from(config).map_err(|error| text(&error))
}
