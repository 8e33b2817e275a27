//! The cluster of the pod that this runs in.

use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use http::Uri;
use kube::Config;
use kube::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{ConnectError, ConnectOptions, Identity, files, identity};

const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";
/// Where the kubelet puts the token, the certificate authority and the namespace of a pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Finds the cluster of this pod.
pub(super) fn find(options: &ConnectOptions, mut looked: Vec<String>) -> Result<(Config, Identity), ConnectError> {
    let Ok(host) = env::var(HOST) else {
        looked.push(format!("this is not a pod ({HOST} is not set)"));
        let is_named = options.context.is_some() || files::is_named();
        return Err(ConnectError::NothingFound { looked, is_named });
    };
    if let Some(context) = &options.context {
        let (origin, available) = ("of this pod".to_owned(), Vec::new());
        return Err(ConnectError::NoSuchContext { origin, context: context.clone(), available });
    }
    match config(&host, env::var(PORT).ok().as_deref(), Path::new(SERVICE_ACCOUNT)) {
        Ok(config) => {
            let identity = identity(&config, None, "in-cluster".to_owned(), None);
            Ok((config, identity))
        }
        Err(reason) => {
            looked.push(format!("this is a pod, but its service account cannot be used: {reason}"));
            Err(ConnectError::NothingFound { looked, is_named: true })
        }
    }
}

/// Returns the namespace of this pod, if it is one and nothing else is configured.
pub(super) fn namespace(options: &ConnectOptions) -> Option<String> {
    env::var_os(HOST)?;
    if options.context.is_some() || options.kubeconfig.is_some() {
        return None;
    }
    let text = fs::read_to_string(Path::new(SERVICE_ACCOUNT).join("namespace")).ok()?;
    Some(text.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}

fn config(host: &str, port: Option<&str>, account: &Path) -> Result<Config, String> {
    let host = if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) { format!("[{host}]") } else { host.to_owned() };
    let port: u16 = match port {
        Some(port) => port.trim().parse().map_err(|_| format!("{PORT} is not a port"))?,
        None => return Err(format!("{PORT} is not set")),
    };
    let uri: Uri = format!("https://{host}:{port}").parse().map_err(|_| format!("{HOST} is not a host name"))?;
    let read = |name: &str| {
        let path = account.join(name);
        fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let authority = read("ca.crt")?;
    let certificates: Result<Vec<Vec<u8>>, _> = CertificateDer::pem_slice_iter(&authority)
        .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
        .collect();
    let certificates = certificates.unwrap_or_default();
    if certificates.is_empty() {
        return Err(format!("{} holds no PEM certificates", account.join("ca.crt").display()));
    }
    read("token")?;
    let mut config = Config::new(uri);
    config.root_cert = Some(certificates);
    config.root_cert_file = Some(account.join("ca.crt"));
    let token_file = Some(account.join("token").to_string_lossy().into_owned());
    config.auth_info = AuthInfo { token_file, ..AuthInfo::default() };
    // Some pods have no such file; client-go takes `default` then.
    let namespace = read("namespace").ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    config.default_namespace = match namespace.trim() {
        "" => "default".to_owned(),
        namespace => namespace.to_owned(),
    };
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_service_account_is_said() {
        let account = env::temp_dir().join(format!("holm-service-account-{}", std::process::id()));
        fs::create_dir_all(&account).expect("a folder for the test");
        let error = |host: &str, port| config(host, port, &account).err().unwrap_or_default();
        assert_eq!(error("10.0.0.1", None), "KUBERNETES_SERVICE_PORT is not set");
        assert_eq!(error("10.0.0.1", Some("x")), "KUBERNETES_SERVICE_PORT is not a port");
        assert!(error("10.0.0.1", Some("443")).contains("ca.crt cannot be read"));
        fs::write(account.join("ca.crt"), "none").expect("it is written");
        assert!(error("10.0.0.1", Some("443")).ends_with("ca.crt holds no PEM certificates"));
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(account.join("ca.crt"), pem).expect("it is written");
        assert!(error("10.0.0.1", Some("443")).contains("token cannot be read"));
        fs::write(account.join("token"), "t\n").expect("it is written");
        let found = config("fd00::1", Some("6443"), &account).expect("everything is there");
        assert_eq!(
            (found.cluster_url.to_string().as_str(), found.default_namespace.as_str()),
            ("https://[fd00::1]:6443/", "default")
        );
        fs::write(account.join("namespace"), "shop\n").expect("it is written");
        assert_eq!(config("10.0.0.1", Some("443"), &account).expect("everything is there").default_namespace, "shop");
        fs::remove_dir_all(&account).expect("it is the test's own");
    }
}
