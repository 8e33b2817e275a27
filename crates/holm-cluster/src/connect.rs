//! Finds a cluster and makes sure that it answers.

use std::env;
use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize;

use crate::error::Trouble;
use crate::transport::{Call, Link, Proxy};
use crate::{Cluster, UserAgent};

mod failure;
mod files;
mod pod;

pub use failure::ConnectError;

/// Where to look for a cluster.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// The kubeconfig file to use, and no other. Default: the files that `KUBECONFIG` names, then `~/.kube/config`, then
    /// the configuration of the pod that this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The context to use. Default: the kubeconfig's current one.
    pub context: Option<String>,
    /// Who sends the requests. Default: `holm/VERSION`, without a program.
    pub user_agent: UserAgent,
}

/// Which cluster this is, as it is shown before anything is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The context's name; none inside a pod.
    pub context: Option<String>,
    /// Where the configuration came from, such as a file or `in-cluster`.
    pub source: String,
    /// The server's URL.
    pub server: String,
    /// The server's version, such as `v1.37.2`.
    pub version: String,
    /// The namespace of the context; `default` where it names none.
    pub namespace: String,
    /// The user's name in the kubeconfig, where there is one.
    pub user: Option<String>,
    /// Whether it is an embedded cluster: its node is simulated, and a real one may refuse what it accepts.
    pub is_embedded: bool,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    git_version: String,
}

impl Cluster {
    /// Finds the cluster that `options` name and asks it for its version, so that a server that is not there, a
    /// certificate that does not match and a token that has expired are told before anything else is done.
    ///
    /// # Errors
    /// When no configuration is found, with what was looked for; when it cannot be used; when the server does not answer.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let (config, identity) = find(options).await?;
        let bad = |reason| ConnectError::BadContext {
            origin: identity.source.clone(),
            context: identity.context.clone().unwrap_or_default(),
            reason,
        };
        let proxy_url = config.proxy_url.as_ref().map(ToString::to_string);
        let variable = |name: &str| env::var(name).ok();
        let proxy = Proxy::to(&config.cluster_url, proxy_url.as_deref(), &variable).map_err(&bad)?;
        let link = Link::to(config, proxy).await.map_err(|trouble| match trouble {
            Trouble::Credentials(reason) | Trouble::Tls(reason) => bad(reason),
            other => bad(other.to_string()),
        })?;
        Self::over(link, identity).user_agent(options.user_agent.clone()).greeted().await
    }

    /// A cluster behind a client that was made elsewhere, such as one in process, asked for its version. `user_agent` is sent
    /// with that request already.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn greet(client: Client, identity: Identity, user_agent: UserAgent) -> Result<Self, ConnectError> {
        Self::with_client(client, identity).user_agent(user_agent).greeted().await
    }

    async fn greeted(mut self) -> Result<Self, ConnectError> {
        let call = Call::get("/version");
        let version: Version = self.transport.json(&call).await.map_err(|source| ConnectError::NoAnswer {
            server: self.identity.server.clone(),
            context: self.identity.context.clone(),
            source,
        })?;
        self.identity.is_embedded = version.git_version.ends_with(holm_values::EMBEDDED_BUILD);
        self.identity.version = version.git_version;
        Ok(self)
    }
}

/// Returns the namespace that the context of `options` names, or the one of the pod that this runs in. Reads files only; what is
/// wrong with them is said when a connection is made.
pub fn context_namespace(options: &ConnectOptions) -> Option<String> {
    let Ok(Some((kubeconfig, _))) = files::read(options, &mut Vec::new()) else { return pod::namespace(options) };
    let chosen = options.context.as_ref().or(kubeconfig.current_context.as_ref())?;
    let context = kubeconfig.contexts.iter().find(|named| named.name == *chosen)?.context.as_ref()?;
    context.namespace.clone().filter(|namespace| !namespace.is_empty())
}

async fn find(options: &ConnectOptions) -> Result<(Config, Identity), ConnectError> {
    let mut looked = Vec::new();
    let Some((mut kubeconfig, source)) = files::read(options, &mut looked)? else {
        return pod::find(options, looked);
    };
    let available: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    let Some(context) = options.context.clone().or(current) else {
        return Err(ConnectError::NoCurrentContext { origin: source, available });
    };
    let named = kubeconfig.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.clone());
    let Some(named) = named else {
        return Err(ConnectError::NoSuchContext { origin: source, context, available });
    };
    complete(&mut kubeconfig, &named);
    // Read by itself: kube takes the proxy of the environment for it, and does not ask `NO_PROXY` about the server.
    let proxy_url = take_proxy_url(&mut kubeconfig, &named.cluster);
    let chosen = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &chosen).await;
    let bad = |reason| ConnectError::BadContext { origin: source.clone(), context: context.clone(), reason };
    let mut config = config.map_err(|error| bad(files::reason_of(&error)))?;
    config.proxy_url = match proxy_url.map(|url| url.parse()).transpose() {
        Ok(url) => url,
        Err(_) => return Err(bad("its proxy-url is not a URL".to_owned())),
    };
    if config.default_namespace.is_empty() {
        "default".clone_into(&mut config.default_namespace);
    }
    let identity = identity(&config, Some(context), source, named.user);
    Ok((config, identity))
}

/// Gives the server of a context the scheme that it lacks, as client-go does: TLS where anything is said about certificates.
fn complete(kubeconfig: &mut Kubeconfig, context: &kube::config::Context) {
    let user = kubeconfig.auth_infos.iter().find(|named| Some(&named.name) == context.user.as_ref());
    let user = user.and_then(|named| named.auth_info.as_ref());
    let has_certificate =
        user.is_some_and(|user| user.client_certificate.is_some() || user.client_certificate_data.is_some());
    let cluster = kubeconfig.clusters.iter_mut().find(|named| named.name == context.cluster);
    let Some(cluster) = cluster.and_then(|named| named.cluster.as_mut()) else { return };
    let is_secure = has_certificate
        || cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    if let Some(server) = cluster.server.as_mut().filter(|server| !server.contains("://") && !server.is_empty()) {
        server.insert_str(0, if is_secure { "https://" } else { "http://" });
    }
}

fn take_proxy_url(kubeconfig: &mut Kubeconfig, cluster: &str) -> Option<String> {
    let cluster = kubeconfig.clusters.iter_mut().find(|named| named.name == cluster)?.cluster.as_mut()?;
    cluster.proxy_url.take().filter(|url| !url.is_empty())
}

fn identity(config: &Config, context: Option<String>, source: String, user: Option<String>) -> Identity {
    Identity {
        context,
        source,
        server: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
        version: String::new(),
        namespace: config.default_namespace.clone(),
        user: user.filter(|user| !user.is_empty()),
        is_embedded: false,
    }
}
