//! A client that does not try anything again by itself.

use std::path::Path;

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
