//! Finds a cluster and makes sure that it answers.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde::Deserialize;

use crate::error::{RequestError, Trouble};
use crate::plugin::Plugin;
use crate::transport::{Call, Patience, auth_failure, trouble_of};
use crate::{Cluster, UserAgent};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SERVICE_HOST: &str = "KUBERNETES_SERVICE_HOST";

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

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no configuration anywhere.
    #[error("no cluster is configured; looked for: {}", .looked.join("; "))]
    NothingFound {
        /// What was looked for, and what was found instead.
        looked: Vec<String>,
        /// Whether one was meant all the same: a kubeconfig that does not exist is named, or this is a pod.
        is_named: bool,
    },
    /// A kubeconfig cannot be read.
    #[error("the kubeconfig {path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why. Never its content.
        reason: String,
    },
    /// No context was named, and the kubeconfig has no current one.
    #[error("the kubeconfig {origin} has no current context; it has: {}", list(.available))]
    NoCurrentContext {
        /// The kubeconfig.
        origin: String,
        /// The contexts that it has.
        available: Vec<String>,
    },
    /// There is no such context.
    #[error("the kubeconfig {origin} has no context \"{context}\"; it has: {}", list(.available))]
    NoSuchContext {
        /// The kubeconfig.
        origin: String,
        /// The context that was asked for.
        context: String,
        /// The contexts that it has.
        available: Vec<String>,
    },
    /// The context cannot be used.
    #[error("the context \"{context}\" of the kubeconfig {origin} cannot be used: {reason}")]
    BadContext {
        /// The kubeconfig.
        origin: String,
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
    /// The server's address was found, but it does not answer as it should.
    #[error("the cluster at {server}{} cannot be used", context_text(.context))]
    NoAnswer {
        /// The server's URL.
        server: String,
        /// The context, where there is one.
        context: Option<String>,
        /// What went wrong: see [`RequestError::trouble`] for which of an unreachable server, a refused certificate and
        /// refused credentials it is.
        #[source]
        source: Box<RequestError>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn context_text(context: &Option<String>) -> String {
    context.as_ref().map(|context| format!(" (context \"{context}\")")).unwrap_or_default()
}

impl ConnectError {
    /// What would help, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NothingFound { .. } => "name a kubeconfig, or set KUBECONFIG",
            Self::NoCurrentContext { .. } | Self::NoSuchContext { .. } => {
                "name one of them, or set it with `kubectl config use-context`"
            }
            Self::Unreadable { .. } | Self::BadContext { .. } => return None,
            Self::NoAnswer { source, .. } => return source.hint(),
        };
        Some(hint.to_owned())
    }

    /// Whether the server refuses the credentials.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::NoAnswer { source, .. } if matches!(source.trouble, Trouble::Unauthorized(_)))
    }
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
        let (mut config, identity) = find(options).await?;
        let plugin = Plugin::of(&mut config.auth_info);
        let bad = |reason| ConnectError::BadContext {
            origin: identity.source.clone(),
            context: identity.context.clone().unwrap_or_default(),
            reason,
        };
        let client = Client::try_from(config).map_err(|error| {
            bad(match &error {
                kube::Error::Auth(auth) => auth_failure(auth, plugin.as_ref()),
                kube::Error::ProxyProtocolDisabled { .. } => {
                    "it goes through a proxy (proxy-url or HTTPS_PROXY), which this build cannot use".to_owned()
                }
                other => trouble_of(other, plugin.as_ref()).to_string(),
            })
        })?;
        let mut cluster = Self::with_client(client, identity).user_agent(options.user_agent.clone());
        cluster.transport.set_plugin(plugin);
        cluster.greeted().await
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
        let call = Call::get("/version").patience(Patience::FIRST);
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

async fn find(options: &ConnectOptions) -> Result<(Config, Identity), ConnectError> {
    let mut looked = Vec::new();
    let Some((kubeconfig, source)) = read(options, &mut looked)? else {
        return in_cluster(options, looked);
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
    let chosen = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &chosen).await;
    let mut config = config.map_err(|error| ConnectError::BadContext {
        origin: source.clone(),
        context: context.clone(),
        reason: reason_of(&error),
    })?;
    tune(&mut config);
    let identity = identity(&config, Some(context), source, named.user);
    Ok((config, identity))
}

/// The kubeconfig and what it is called; none where there is no file to read.
fn read(options: &ConnectOptions, looked: &mut Vec<String>) -> Result<Option<(Kubeconfig, String)>, ConnectError> {
    if let Some(path) = &options.kubeconfig {
        return read_file(path).map(|kubeconfig| Some((kubeconfig, path.display().to_string())));
    }
    let named: Vec<PathBuf> = env::var_os("KUBECONFIG")
        .map(|value| env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if !named.is_empty() {
        // As kubectl does it, a file of the list may be missing.
        let (there, missing): (Vec<_>, Vec<_>) = named.into_iter().partition(|path| path.exists());
        let names =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let source = names(&there);
        let merged = there.iter().try_fold(Kubeconfig::default(), |merged, path| {
            merged.merge(read_file(path)?).map_err(|error| unreadable(path, &error))
        })?;
        if !there.is_empty() {
            return Ok(Some((merged, source)));
        }
        looked.push(format!("KUBECONFIG names {}, which does not exist", names(&missing)));
        return Ok(None);
    }
    looked.push("no kubeconfig is named, and KUBECONFIG is not set".to_owned());
    match env::home_dir().map(|home| home.join(".kube").join("config")) {
        Some(path) if path.exists() => {
            let kubeconfig = read_file(&path)?;
            let is_empty = kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty();
            if !is_empty {
                return Ok(Some((kubeconfig, path.display().to_string())));
            }
            looked.push(format!("{} is empty", path.display()));
        }
        Some(path) => looked.push(format!("{} does not exist", path.display())),
        None => looked.push("there is no home directory with a .kube/config".to_owned()),
    }
    Ok(None)
}

/// Whether `KUBECONFIG` names a file. Somebody who does so means a cluster, also where the name is mistyped.
fn is_kubeconfig_named() -> bool {
    env::var_os("KUBECONFIG").is_some_and(|value| env::split_paths(&value).any(|path| !path.as_os_str().is_empty()))
}

fn read_file(path: &Path) -> Result<Kubeconfig, ConnectError> {
    Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &KubeconfigError) -> ConnectError {
    ConnectError::Unreadable { path: path.display().to_string(), reason: reason_of(error) }
}

/// What is wrong with a kubeconfig. The parser's own words may quote the file, in which tokens and keys stand.
fn reason_of(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(place) => format!("it is no kubeconfig in YAML, at line {} column {}", place.line(), place.column()),
            None => "it is no kubeconfig in YAML".to_owned(),
        },
        KubeconfigError::LoadClusterOfContext(cluster) => format!("it has no cluster \"{cluster}\""),
        KubeconfigError::LoadCertificateAuthority(_) => "its certificate-authority cannot be read".to_owned(),
        KubeconfigError::LoadClientCertificate(_) => "the user's client-certificate cannot be read".to_owned(),
        KubeconfigError::LoadClientKey(_) => "the user's client-key cannot be read".to_owned(),
        KubeconfigError::ParseCertificates(_) => "its certificate-authority holds no PEM certificates".to_owned(),
        other => other.to_string(),
    }
}

fn in_cluster(options: &ConnectOptions, mut looked: Vec<String>) -> Result<(Config, Identity), ConnectError> {
    if env::var_os(SERVICE_HOST).is_none() {
        looked.push(format!("this is not a pod ({SERVICE_HOST} is not set)"));
        let is_named = options.context.is_some() || is_kubeconfig_named();
        return Err(ConnectError::NothingFound { looked, is_named });
    }
    if let Some(context) = &options.context {
        let (origin, available) = ("of this pod".to_owned(), Vec::new());
        return Err(ConnectError::NoSuchContext { origin, context: context.clone(), available });
    }
    match Config::incluster() {
        Ok(mut config) => {
            tune(&mut config);
            let identity = identity(&config, None, "in-cluster".to_owned(), None);
            Ok((config, identity))
        }
        Err(error) => {
            looked.push(format!("this is a pod, but its service account cannot be used: {error}"));
            Err(ConnectError::NothingFound { looked, is_named: true })
        }
    }
}

fn tune(config: &mut Config) {
    // The transport retries, and knows what is safe; a second layer of retries would multiply with it.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
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
