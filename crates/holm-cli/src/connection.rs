//! Which cluster a verb works on: one of a kubeconfig, or the embedded one of this user.

use holm_cluster::{Cluster, ConnectOptions, UserAgent};

use crate::args::Settings;
use crate::diagnostic::Diagnostic;
use crate::style::{Line, Role};

/// What an embedded cluster is called wherever something is told of it.
pub const SIMULATION: &str = "embedded cluster, simulated node";

/// What must live as long as the cluster is worked on.
#[derive(Debug, Default)]
pub struct Running {
    /// Whether nobody asked for the embedded cluster, and there was no other.
    pub is_by_default: bool,
    /// The embedded cluster, where it runs in this process.
    #[cfg(feature = "embedded")]
    pub _embedded: Option<holm_embedded::Cluster>,
}

/// The first line of everything that is told of an embedded cluster.
pub fn loud(is_by_default: bool) -> Line {
    let why = if is_by_default { " No kubeconfig was found." } else { "" };
    let line = Line::default().role(Role::Warning, SIMULATION).text(":").hang(2);
    line.text(&format!(" no container runs, and nothing leaves this machine.{why}"))
}

/// What a plan of an embedded cluster is worth.
pub fn provenance() -> Line {
    let line = Line::default().role(Role::Warning, "note:").text(" ").hang_here();
    line.text(&format!("made with the {SIMULATION}; a real cluster may refuse what it accepted"))
}

/// Returns the namespace that the chosen context names, as with kubectl; none on an embedded cluster.
pub fn namespace(settings: &Settings) -> Option<String> {
    #[cfg(feature = "embedded")]
    if settings.cluster.is_some() {
        return None;
    }
    holm_cluster::context_namespace(&ConnectOptions {
        kubeconfig: settings.kubeconfig.clone(),
        context: settings.context.clone(),
        user_agent: UserAgent::default(),
    })
}

/// Connects to the cluster that the settings choose, or that there is.
///
/// # Errors
/// When there is no cluster, it does not answer, or another process has it.
#[cfg(feature = "embedded")]
pub async fn connect(program: &str, settings: &Settings) -> Result<(Cluster, Running), Diagnostic> {
    use holm_cluster::ConnectError;

    use crate::args::cluster::ClusterName;
    use crate::embedded;

    if let Some(name) = &settings.cluster {
        return embedded::connect(name, program, settings, false).await;
    }
    match Cluster::connect(&options(program, settings)).await {
        Ok(cluster) => Ok((cluster, Running::default())),
        Err(error @ ConnectError::NothingFound { is_named: false, .. }) => {
            if embedded::is_ci(std::env::var_os("CI").as_deref()) {
                let hint = "name a kubeconfig with --kubeconfig FILE or KUBECONFIG; where CI is set, the embedded cluster with its \
                            simulated node is used only with --cluster embedded";
                return Err(Diagnostic::from(error).hint(hint));
            }
            embedded::connect(&ClusterName::default(), program, settings, true).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Connects to the cluster of a kubeconfig.
///
/// # Errors
/// When there is no cluster, or it does not answer.
#[cfg(not(feature = "embedded"))]
pub async fn connect(program: &str, settings: &Settings) -> Result<(Cluster, Running), Diagnostic> {
    Ok((Cluster::connect(&options(program, settings)).await?, Running::default()))
}

fn options(program: &str, settings: &Settings) -> ConnectOptions {
    ConnectOptions {
        kubeconfig: settings.kubeconfig.clone(),
        context: settings.context.clone(),
        user_agent: UserAgent::of(program, &settings.stack),
    }
}
