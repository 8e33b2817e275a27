//! `cluster`: the verbs for the embedded cluster of this user.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use holm_embedded::{DEFAULT_NAME, Place};

use super::{ColorWhen, Common, Output};

/// `cluster`.
#[derive(Args, Clone, Debug)]
pub struct ClusterVerb {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ClusterAction,
}

/// What to do with the embedded cluster.
#[derive(Clone, Debug, Subcommand)]
pub enum ClusterAction {
    /// Run it in the foreground with a listener, for kubectl and other programs, until Ctrl-C.
    Start(StartAction),
    /// Show where it is kept, what it holds, and who is using it.
    Status(StatusAction),
    /// Forget everything in it.
    Reset(ResetAction),
    /// Write all its objects to a YAML file that only you can read: Secrets are among them.
    Export(ExportAction),
    /// Begin it anew with the objects of such a file.
    Import(ImportAction),
    /// Print the path of the kubeconfig with which it can be reached while `cluster start` runs.
    Kubeconfig(KubeconfigAction),
}

/// The flags that all of them take.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Common options")]
pub struct ClusterCommon {
    /// Which one: embedded, or embedded:NAME for another one [default: embedded]
    #[arg(long, value_name = "embedded[:NAME]", value_parser = read)]
    cluster: Option<ClusterName>,
    /// What standard output holds: text for people, or json with a versioned schema [default: text]
    #[arg(long, short = 'o', value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Output>,
    /// When to use colours: auto, always or never. NO_COLOR and TERM=dumb are honoured [default: auto]
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    color: Option<ColorWhen>,
}

/// `cluster start`.
#[derive(Args, Clone, Debug, Default)]
pub struct StartAction {
    /// The port to listen on, on the loopback interface [default: a free one]
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    #[command(flatten)]
    common: ClusterCommon,
}

/// `cluster status`.
#[derive(Args, Clone, Debug, Default)]
pub struct StatusAction {
    #[command(flatten)]
    common: ClusterCommon,
}

/// `cluster reset`.
#[derive(Args, Clone, Debug, Default)]
pub struct ResetAction {
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
    #[command(flatten)]
    common: ClusterCommon,
}

/// `cluster export`.
#[derive(Args, Clone, Debug, Default)]
pub struct ExportAction {
    /// The file, which must not exist yet; `-` for standard output
    pub file: PathBuf,
    /// Write to standard output also where that is a terminal, Secrets and all
    #[arg(long)]
    pub to_terminal: bool,
    #[command(flatten)]
    common: ClusterCommon,
}

/// `cluster import`.
#[derive(Args, Clone, Debug, Default)]
pub struct ImportAction {
    /// The file, as `cluster export` wrote it; `-` for standard input
    pub file: PathBuf,
    /// Forget what is in the cluster now, without asking
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Import what the file contains even if its end mark is missing or counts other objects
    #[arg(long)]
    pub allow_incomplete: bool,
    #[command(flatten)]
    common: ClusterCommon,
}

/// `cluster kubeconfig`.
#[derive(Args, Clone, Debug, Default)]
pub struct KubeconfigAction {
    #[command(flatten)]
    common: ClusterCommon,
}

impl ClusterVerb {
    /// The flags as every verb has them.
    pub(super) fn common(&self) -> Common {
        let ClusterCommon { cluster, output, color } = match &self.action {
            ClusterAction::Start(action) => &action.common,
            ClusterAction::Status(action) => &action.common,
            ClusterAction::Reset(action) => &action.common,
            ClusterAction::Export(action) => &action.common,
            ClusterAction::Import(action) => &action.common,
            ClusterAction::Kubeconfig(action) => &action.common,
        };
        Common { cluster: cluster.clone(), output: *output, color: *color, ..Common::default() }
    }
}

/// The name of an embedded cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterName(pub String);

impl Default for ClusterName {
    fn default() -> Self {
        Self(DEFAULT_NAME.to_owned())
    }
}

/// Reads `embedded` and `embedded:NAME`.
pub(super) fn read(text: &str) -> Result<ClusterName, String> {
    let name = match text.strip_prefix("embedded") {
        Some("") => return Ok(ClusterName::default()),
        Some(rest) => rest.strip_prefix(':'),
        None => None,
    };
    let name =
        name.ok_or("embedded or embedded:NAME is expected; another cluster is chosen by --kubeconfig and --context")?;
    // Only whether the name can be one; the directory does not matter for that.
    Place::in_directory("".as_ref(), name).map_err(|error| error.to_string())?;
    Ok(ClusterName(name.to_owned()))
}
