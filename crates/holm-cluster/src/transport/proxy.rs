//! Which proxy the way to a server goes through: the one of the kubeconfig, or of the environment.
//!
//! As with kubectl (golang.org/x/net/http/httpproxy): `proxy-url` of a kubeconfig always counts. `HTTPS_PROXY` (`HTTP_PROXY` for a
//! server without TLS) counts unless the server is this machine or `NO_PROXY` names it.

use std::net::IpAddr;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

/// A proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    /// Where it is, without a login.
    pub(super) uri: Uri,
    pub(super) kind: ProxyKind,
    /// The header that it authenticates by.
    pub(super) basic: Option<HeaderValue>,
}

/// What a proxy speaks.
#[derive(Clone)]
pub(super) enum ProxyKind {
    Http,
    Https,
    Socks5 { login: Option<(String, String)> },
}

impl Proxy {
    /// Returns the proxy to `server`, if there is one. `environment` reads a variable.
    ///
    /// # Errors
    /// When the proxy's URL cannot be used, with the reason. A login in it is left out.
    pub(crate) fn to(
        server: &Uri,
        proxy_url: Option<&str>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        if let Some(url) = proxy_url.filter(|url| !url.is_empty()) {
            return Self::of(url, server, "proxy-url").map(Some);
        }
        let name = if server.scheme_str() == Some("http") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
        let read = |name: &str| {
            let lower = name.to_ascii_lowercase();
            environment(name).filter(|value| !value.is_empty()).or_else(|| environment(&lower))
        };
        let Some(url) = read(name).filter(|url| !url.is_empty()) else { return Ok(None) };
        if is_exempt(server, &read("NO_PROXY").unwrap_or_default()) {
            return Ok(None);
        }
        Self::of(&url, server, name).map(Some)
    }

    /// Returns the address for messages, without a login.
    pub(crate) fn address(&self) -> String {
        self.uri.to_string().trim_end_matches('/').to_owned()
    }

    fn of(url: &str, server: &Uri, source: &str) -> Result<Self, String> {
        let unusable = |why: &str| Err(format!("the proxy of {source} {why}"));
        let Some(found) = Matcher::builder().all(url).build().intercept(server) else {
            return unusable("is not a URL with the scheme http, https or socks5");
        };
        let uri = with_port(found.uri());
        let kind = match uri.scheme_str() {
            Some("http") => ProxyKind::Http,
            Some("https") => ProxyKind::Https,
            Some("socks5" | "socks5h") => {
                let login = found.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
                ProxyKind::Socks5 { login }
            }
            other => return unusable(&format!("has the scheme {}, which is not supported", other.unwrap_or_default())),
        };
        Ok(Self { uri, kind, basic: found.basic_auth().cloned() })
    }
}

/// The port that the scheme stands for, where a URL of a SOCKS proxy names none: the connector knows those of HTTP only.
fn with_port(uri: &Uri) -> Uri {
    let is_socks = uri.scheme_str().is_some_and(|scheme| scheme.starts_with("socks"));
    if uri.port().is_some() || !is_socks {
        return uri.clone();
    }
    let with_port = |host: &str| format!("{}://{host}:1080/", uri.scheme_str().unwrap_or_default()).parse();
    uri.host().and_then(|host| with_port(host).ok()).unwrap_or_else(|| uri.clone())
}

/// Whether the environment's proxy is not for this server.
fn is_exempt(server: &Uri, no_proxy: &str) -> bool {
    let Some(host) = server.host() else { return true };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return true;
    }
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let entries: Vec<&str> = no_proxy.split(',').filter_map(|entry| without_port(entry.trim(), port)).collect();
    // Whatever is asked here is intercepted unless it is exempt.
    Matcher::builder().all("http://proxy.invalid").no(entries.join(",")).build().intercept(server).is_none()
}

/// An entry of `NO_PROXY` without its port; none where that is another port.
fn without_port(entry: &str, port: u16) -> Option<&str> {
    if entry.parse::<IpAddr>().is_ok() {
        return Some(entry);
    }
    let (host, named) = match entry.rsplit_once(':') {
        Some((host, named)) if named.chars().all(|c| c.is_ascii_digit()) => (host, Some(named)),
        _ => (entry, None),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    // The matcher takes "*" for everything, and "*.domain" for nothing.
    let host = host.strip_prefix("*.").unwrap_or(host);
    named.is_none_or(|named| named.parse() == Ok(port)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, proxy_url: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let server = server.parse().expect("the test's own URL");
        let read =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Proxy::to(&server, proxy_url, &read).map(|proxy| proxy.map(|proxy| proxy.address()))
    }

    #[test]
    fn the_environment_names_a_proxy_and_exempts_servers_from_it() {
        let cases: [(&str, &str, &str, bool); 19] = [
            ("https://k8s.example:6443", "http://proxy:3128", "", true),
            ("https://k8s.example:6443", "http://proxy:3128", "other.example", true),
            ("https://k8s.example:6443", "http://proxy:3128", "k8s.example", false),
            ("https://k8s.example:6443", "http://proxy:3128", " a.example , k8s.example ", false),
            ("https://api.k8s.example:6443", "http://proxy:3128", "k8s.example", false),
            ("https://api.k8s.example:6443", "http://proxy:3128", ".k8s.example", false),
            ("https://api.k8s.example:6443", "http://proxy:3128", "*.k8s.example", false),
            ("https://notk8s.example:6443", "http://proxy:3128", "k8s.example", true),
            ("https://k8s.example:6443", "http://proxy:3128", "*", false),
            ("https://k8s.example:6443", "http://proxy:3128", "k8s.example:6443", false),
            ("https://k8s.example:6443", "http://proxy:3128", "k8s.example:443", true),
            ("https://k8s.example", "http://proxy:3128", "k8s.example:443", false),
            ("https://10.1.2.3:6443", "http://proxy:3128", "10.0.0.0/8", false),
            ("https://11.1.2.3:6443", "http://proxy:3128", "10.0.0.0/8", true),
            ("https://10.1.2.3:6443", "http://proxy:3128", "10.1.2.3:6443", false),
            ("https://[fd00::1]:6443", "http://proxy:3128", "fd00::/8", false),
            ("https://[fd00::1]:6443", "http://proxy:3128", "[fd00::1]:6443", false),
            ("https://127.0.0.1:6443", "http://proxy:3128", "", false),
            ("https://localhost:6443", "http://proxy:3128", "", false),
        ];
        for (server, url, no_proxy, expected) in cases {
            for (upper, no) in [("HTTPS_PROXY", "NO_PROXY"), ("https_proxy", "no_proxy")] {
                let found = proxy(server, None, &[(upper, url), (no, no_proxy)]);
                assert_eq!(found, Ok(expected.then(|| url.to_owned())), "{server} with {no}={no_proxy}");
            }
        }
    }

    #[test]
    fn the_variable_follows_the_scheme_of_the_server() {
        let variables = [("HTTP_PROXY", "http://plain:1"), ("HTTPS_PROXY", "http://secure:2")];
        assert_eq!(proxy("http://k8s.example", None, &variables), Ok(Some("http://plain:1".into())));
        assert_eq!(proxy("https://k8s.example", None, &variables), Ok(Some("http://secure:2".into())));
        assert_eq!(proxy("https://k8s.example", None, &[("ALL_PROXY", "http://all:1")]), Ok(None));
    }

    #[test]
    fn a_kubeconfig_names_a_proxy_for_every_server_and_no_login_is_shown() {
        let no = [("NO_PROXY", "*"), ("HTTPS_PROXY", "http://other:1")];
        for (url, expected) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("https://user:pass@proxy", "https://proxy"),
            ("proxy:3128", "http://proxy:3128"),
            ("socks5://user:pass@10.0.0.1:1080", "socks5://10.0.0.1:1080"),
            ("socks5://10.0.0.1", "socks5://10.0.0.1:1080"),
        ] {
            assert_eq!(proxy("https://127.0.0.1:6443", Some(url), &no), Ok(Some(expected.into())), "{url}");
        }
        for url in ["ftp://user:hunter2@proxy", "socks4://proxy:1", "http://user:hunter2@pro xy"] {
            let error = proxy("https://k8s.example", Some(url), &[]).expect_err(url);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
