//! The command line: verbs, flags and what they mean.
//!
//! The common flags may stand before or after the verb, and lists that are given in both places are joined. (A `global`
//! argument of clap would keep only the values of the last place.)

#[cfg(feature = "embedded")]
pub mod cluster;
pub mod config;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use holm_planner::plan::Adoption;

use crate::duration;

/// How many requests are in flight at most, unless `--parallel` says otherwise.
pub const PARALLEL: usize = 32;

/// How long one resource may take, unless `--timeout` or the resource says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(600);

/// The command line as it was given.
#[derive(Debug, Parser)]
#[command(
    about = "Plans, applies and inspects one stack of Kubernetes resources.",
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
    max_term_width = 100
)]
pub struct Arguments {
    #[command(flatten)]
    before: Common,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What follows the list of flags; PROGRAM is the program's name.
const AFTER_HELP: &str = "\
Examples:
  PROGRAM plan                              show what would change, and change nothing
  PROGRAM apply                             show the plan, ask, apply, wait until all is ready
  PROGRAM apply --yes -o json               the same in a pipeline, as a stream of events
  PROGRAM apply --target Deployment/web     only this and what it depends on
  PROGRAM destroy --allow-delete PersistentVolumeClaim/data
                                            delete everything, this claim included
  PROGRAM status                            what the stack owns, and what is wrong with it
  PROGRAM stack list                        which stacks of this program the cluster has
  PROGRAM graph --format dot | dot -Tsvg    draw the graph

Exit codes:
  0  done; for `plan` and `status` also where there is something to report
  1  an error, or a plan that is blocked; also where the command line is wrong
  2  with --detailed-exitcode: `plan` found changes, `status` something that is not ready";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what `apply` would change. Writes nothing to the cluster.
    Plan(PlanVerb),
    /// Show the plan, ask, carry it out, and wait until everything is ready.
    Apply(ApplyVerb),
    /// Delete what the stack owns, in reverse order. What holds data stays without consent by name.
    Destroy(ApplyVerb),
    /// Show what the stack owns and how far each of it has come, with the cause where something is not ready.
    Status(StatusVerb),
    /// List the stacks of this program that the cluster has. Needs no stack.
    Stack(StackVerb),
    /// Show the resources and what each depends on. Needs no cluster.
    Graph(GraphVerb),
    /// Write the objects as YAML, secret values masked. Needs no cluster.
    Render(RenderVerb),
    /// Show the values that the stack exports.
    Outputs(OutputsVerb),
    /// Show, read and change the configuration of a stack, in holm.toml. Needs no cluster.
    Config(config::ConfigVerb),
    /// Run, show, reset, export or import the embedded cluster of this user. Needs no stack.
    #[cfg(feature = "embedded")]
    Cluster(cluster::ClusterVerb),
}

/// The flags that every verb takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// The stack: one named deployment of this program [default: default]
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// A value for the program; may be repeated. Give secrets as the environment variable HOLM_CONFIG_KEY instead: other
    /// users of the machine can see command lines
    #[arg(long, value_name = "KEY=VALUE", value_parser = secret)]
    config: Vec<Secret>,
    /// The file of the configuration [default: holm.toml in this folder, or in the nearest one above]
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// A file with a private key of age or ssh, for encrypted values; may be repeated [default: the key in $HOLM_IDENTITY,
    /// ~/.config/holm/identity.txt, ~/.ssh/id_ed25519]
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// The namespace of resources that name none
    #[arg(long, short = 'n', value_name = "NAME")]
    namespace: Option<String>,
    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the service account of the pod this runs in]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Instead of a cluster of a kubeconfig: embedded, the one in this process with a simulated node, which is kept for this
    /// user; or embedded:NAME for another one [default: embedded where there is no kubeconfig, and CI is not set]
    #[cfg(feature = "embedded")]
    #[arg(long, value_name = "embedded[:NAME]", value_parser = cluster::read)]
    cluster: Option<cluster::ClusterName>,
    /// What standard output holds: text for people, or json with a versioned schema [default: text]
    #[arg(long, short = 'o', value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Output>,
    /// Report every request on standard error: method, path, status and duration, never a body
    #[arg(long, short = 'v')]
    verbose: bool,
    /// When to use colours: auto, always or never. NO_COLOR and TERM=dumb are honoured [default: auto]
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    color: Option<ColorWhen>,
}

/// The flags of every verb that plans.
#[derive(Args, Clone, Debug, Default)]
pub struct Planning {
    /// Only this resource and what it depends on; may be repeated. Nothing else is changed or deleted
    #[arg(long, value_name = "KIND/NAME", value_delimiter = ',')]
    pub target: Vec<String>,
    /// Consent to delete or replace this resource, although it is protected or holds data; may be repeated
    #[arg(long, value_name = "KIND/NAME", value_delimiter = ',')]
    pub allow_delete: Vec<String>,
    /// Consent to adopt this object, which another client made; may be repeated, or all. Needed with --yes only: at a terminal
    /// the plan that is shown and confirmed is enough
    #[arg(long, value_name = "KIND/NAME|all", value_delimiter = ',')]
    pub adopt: Vec<String>,
    /// Make this generated value anew, also where the old one is lost: the way to rotate a password; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub regenerate: Vec<String>,
    /// Run this Job again, failed or not: it is deleted and made anew; may be repeated
    #[arg(long, value_name = "Job/NAME", value_delimiter = ',')]
    pub rerun: Vec<String>,
    /// Remove the fields that people added to the stack's objects with kubectl and the like, which a plan notes as "also set by"
    #[arg(long)]
    pub prune_fields: bool,
    /// Ask the server about every object, also where field ownership proves that nothing changed
    #[arg(long)]
    pub thorough: bool,
    /// Show also what is unchanged, and every field of what is created
    #[arg(long)]
    pub details: bool,
}

/// `plan`.
#[derive(Args, Clone, Debug, Default)]
pub struct PlanVerb {
    /// How to plan.
    #[command(flatten)]
    pub planning: Planning,
    /// Exit with 0 for no changes, 1 for an error, 2 for changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    after: Common,
}

/// `apply` and `destroy`.
#[derive(Args, Clone, Debug, Default)]
pub struct ApplyVerb {
    /// How to plan.
    #[command(flatten)]
    pub planning: Planning,
    /// Do not ask. Gives no consent to lose data: that takes --allow-delete
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// How many requests may be in flight [default: 32]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    pub parallel: Option<usize>,
    /// Whose logs to show while they are waited for: jobs, all or none; --logs alone is all [default: jobs]
    #[arg(
        long,
        value_name = "WHOSE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        hide_possible_values = true
    )]
    pub logs: Option<Logs>,
    /// How long each resource may take to become ready, or to go [default: 10m, or what it allows itself by its progress deadline or
    /// startup probe]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// How long the whole run may take; then nothing new is begun, and what was done is recorded [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub total_timeout: Option<Duration>,
    #[command(flatten)]
    after: Common,
}

/// `status`.
#[derive(Args, Clone, Debug, Default)]
pub struct StatusVerb {
    /// Exit with 0 where everything is ready, 1 for an error, 2 where something is not ready
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    after: Common,
}

/// `stack`.
#[derive(Args, Clone, Debug)]
pub struct StackVerb {
    /// What to do with them.
    #[command(subcommand)]
    pub action: StackAction,
}

/// What to do with the stacks of the program.
#[derive(Clone, Debug, Subcommand)]
pub enum StackAction {
    /// Show each with its namespace and how many resources it manages.
    List(StackListAction),
}

/// `stack list`.
#[derive(Args, Clone, Debug, Default)]
pub struct StackListAction {
    #[command(flatten)]
    after: Common,
}

/// `graph`.
#[derive(Args, Clone, Debug, Default)]
pub struct GraphVerb {
    /// The language to write the graph in: text, dot or mermaid
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    pub format: GraphFormat,
    #[command(flatten)]
    after: Common,
}

/// `render`.
#[derive(Args, Clone, Debug, Default)]
pub struct RenderVerb {
    #[command(flatten)]
    after: Common,
}

/// `outputs`.
#[derive(Args, Clone, Debug, Default)]
pub struct OutputsVerb {
    /// Only this output, and nothing but its value
    pub name: Option<String>,
    #[command(flatten)]
    after: Common,
}

/// What standard output holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    #[default]
    Text,
    /// JSON with a versioned schema.
    Json,
}

/// Whose logs are shown while a run waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Logs {
    /// Those of Jobs.
    #[default]
    Jobs,
    /// Those of all workloads.
    All,
    /// Nobody's.
    None,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The language of a drawn graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Text for people.
    #[default]
    Text,
    /// Graphviz.
    Dot,
    /// Mermaid, as Markdown renderers draw it.
    Mermaid,
}

/// A value of the command line that may be secret, so that a debug print of the arguments does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(sensitive)")
    }
}

/// The common flags with their defaults filled in.
#[derive(Debug)]
pub struct Settings {
    /// The stack's name.
    pub stack: String,
    /// Whether the command line names the stack.
    pub is_stack_named: bool,
    /// The file of the configuration, where the command line names one.
    pub config_file: Option<PathBuf>,
    /// Files with private keys, where the command line names any.
    pub identities: Vec<PathBuf>,
    /// The values for the program.
    pub config: Vec<(String, Secret)>,
    /// The namespace of resources that name none.
    pub namespace: Option<String>,
    /// The context of the kubeconfig.
    pub context: Option<String>,
    /// The kubeconfig file.
    pub kubeconfig: Option<PathBuf>,
    /// The embedded cluster that is asked for.
    #[cfg(feature = "embedded")]
    pub cluster: Option<cluster::ClusterName>,
    /// The verb, as others are told what holds a cluster.
    #[cfg(feature = "embedded")]
    pub verb: &'static str,
    /// What standard output holds.
    pub output: Output,
    /// Whether every request is reported.
    pub verbose: bool,
}

impl Settings {
    /// Takes the context and the namespace that the file of the configuration names, where the command line names none.
    pub fn take_from(&mut self, configuration: &holm_config::Settings) {
        #[cfg(feature = "embedded")]
        let has_context = self.context.is_some() || self.cluster.is_some();
        #[cfg(not(feature = "embedded"))]
        let has_context = self.context.is_some();
        if !has_context {
            self.context.clone_from(&configuration.context);
        }
        if self.namespace.is_none() {
            self.namespace.clone_from(&configuration.namespace);
        }
    }
}

impl Arguments {
    /// The command with the program's name and version.
    pub fn command_for(program: &str) -> clap::Command {
        Self::command()
            .name(program.to_owned())
            .bin_name(program.to_owned())
            .version(concat!("(holm ", env!("CARGO_PKG_VERSION"), ")"))
            .after_help(AFTER_HELP.replace("PROGRAM", program))
    }

    /// Reads the command line, the program's path first.
    ///
    /// # Errors
    /// What clap has to say, which may be the help that was asked for.
    pub fn read(program: &str, arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command_for(program);
        let arguments: Vec<std::ffi::OsString> = arguments.into_iter().collect();
        let is_cut_off = has_a_config_without_value(&arguments);
        let texts: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let read = command.try_get_matches_from_mut(arguments).and_then(|matches| Self::from_arg_matches(&matches));
        read.map_err(|mut error| {
            hide(&mut error, &texts);
            if is_cut_off && error.use_stderr() {
                return command.error(ErrorKind::ValueValidation, NOT_KEY_VALUE);
            }
            error.format(&mut command)
        })
    }

    /// The common flags of both places, with their defaults.
    ///
    /// # Errors
    /// What is wrong, in words without the value, which may be secret.
    pub fn settings(&self) -> Result<Settings, String> {
        #[cfg(feature = "embedded")]
        let of_cluster;
        let after = match &self.verb {
            Verb::Plan(verb) => &verb.after,
            Verb::Apply(verb) | Verb::Destroy(verb) => &verb.after,
            Verb::Status(verb) => &verb.after,
            Verb::Stack(StackVerb { action: StackAction::List(action) }) => &action.after,
            Verb::Graph(verb) => &verb.after,
            Verb::Render(verb) => &verb.after,
            Verb::Outputs(verb) => &verb.after,
            Verb::Config(verb) => verb.common(),
            #[cfg(feature = "embedded")]
            Verb::Cluster(verb) => {
                of_cluster = verb.common();
                &of_cluster
            }
        };
        let before = &self.before;
        let config: Result<Vec<_>, _> = before.config.iter().chain(&after.config).map(key_value).collect();
        let context = after.context.clone().or_else(|| before.context.clone());
        let kubeconfig = after.kubeconfig.clone().or_else(|| before.kubeconfig.clone());
        #[cfg(feature = "embedded")]
        let cluster = after.cluster.clone().or_else(|| before.cluster.clone());
        #[cfg(feature = "embedded")]
        if cluster.is_some() && (context.is_some() || kubeconfig.is_some()) {
            return Err(
                "--cluster embedded has no kubeconfig, so it goes neither with --kubeconfig nor with --context"
                    .to_owned(),
            );
        }
        let stack = after.stack.clone().or_else(|| before.stack.clone());
        Ok(Settings {
            is_stack_named: stack.is_some(),
            stack: stack.unwrap_or_else(|| "default".to_owned()),
            config_file: after.config_file.clone().or_else(|| before.config_file.clone()),
            identities: before.identity.iter().chain(&after.identity).cloned().collect(),
            config: config?,
            namespace: after.namespace.clone().or_else(|| before.namespace.clone()),
            context,
            kubeconfig,
            #[cfg(feature = "embedded")]
            cluster,
            #[cfg(feature = "embedded")]
            verb: self.verb.name(),
            output: after.output.or(before.output).unwrap_or_default(),
            verbose: after.verbose || before.verbose,
        })
    }
}

#[cfg(feature = "embedded")]
impl Verb {
    fn name(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Destroy(_) => "destroy",
            Self::Status(_) => "status",
            Self::Stack(_) => "stack list",
            Self::Graph(_) => "graph",
            Self::Render(_) => "render",
            Self::Outputs(_) => "outputs",
            Self::Config(_) => "config",
            Self::Cluster(verb) => match verb.action {
                cluster::ClusterAction::Start(_) => "cluster start",
                cluster::ClusterAction::Status(_) => "cluster status",
                cluster::ClusterAction::Reset(_) => "cluster reset",
                cluster::ClusterAction::Export(_) => "cluster export",
                cluster::ClusterAction::Import(_) => "cluster import",
                cluster::ClusterAction::Kubeconfig(_) => "cluster kubeconfig",
            },
        }
    }
}

impl Planning {
    /// The consents, trimmed and each once.
    pub fn consents(&self) -> BTreeSet<String> {
        each_once(&self.allow_delete)
    }

    /// The consent to adopt. A plan that is `shown` and confirmed consents to all that it shows.
    pub fn adoption(&self, shown: bool) -> Adoption {
        let named = each_once(&self.adopt);
        match (shown || named.contains("all"), named.is_empty()) {
            (true, _) => Adoption::All,
            (false, true) => Adoption::Nothing,
            (false, false) => Adoption::Named(named),
        }
    }

    /// The Jobs to run again.
    pub fn rerun(&self) -> BTreeSet<String> {
        each_once(&self.rerun)
    }

    /// The generated values to make anew.
    pub fn regenerated(&self) -> BTreeSet<String> {
        each_once(&self.regenerate)
    }
}

fn each_once(texts: &[String]) -> BTreeSet<String> {
    texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// What `--color` and `--output` say, read before the command line is understood, because errors about it are written too.
pub fn early(arguments: &[std::ffi::OsString]) -> (ColorWhen, Output) {
    let (mut color, mut output) = (ColorWhen::Auto, Output::Text);
    let texts: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    for (position, argument) in texts.iter().enumerate() {
        let next = texts.get(position + 1).copied().unwrap_or_default();
        let value = |names: &[&str]| {
            names.iter().find_map(|name| {
                let rest = argument.strip_prefix(name)?;
                if rest.is_empty() { Some(next) } else { rest.strip_prefix('=') }
            })
        };
        if let Some(Ok(when)) = value(&["--color"]).map(|text| ColorWhen::from_str(text, true)) {
            color = when;
        }
        if let Some(Ok(format)) = value(&["--output", "-o"]).map(|text| Output::from_str(text, true)) {
            output = format;
        }
    }
    (color, output)
}

/// Whether a `--config` is without `=`: then what follows may be its value, and secret, and clap repeats what it does not
/// expect.
fn has_a_config_without_value(arguments: &[std::ffi::OsString]) -> bool {
    let texts: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    texts.iter().enumerate().any(|(position, argument)| match argument.strip_prefix("--config") {
        Some("") => texts.get(position + 1).is_some_and(|next| !next.contains('=')),
        Some(rest) => rest.strip_prefix('=').is_some_and(|rest| !rest.contains('=')),
        None => false,
    })
}

/// Removes an unexpected argument from clap's error where it may be a secret: the rest of an unquoted value
/// (`--config password=correct horse`), or a value without its flag (`password=hunter2`).
fn hide(error: &mut clap::Error, arguments: &[String]) {
    let follows_a_config = |text: &str| {
        let is_config = |argument: &String| argument == "--config" || argument.starts_with("--config=");
        let is_set = |pair: &[String]| matches!(pair, [verb, action] if verb == "config" && action == "set");
        let config = arguments.iter().position(is_config).or_else(|| arguments.windows(2).position(is_set));
        let own = arguments.iter().rposition(|argument| argument == text);
        config.is_some_and(|config| own.is_none_or(|own| own > config))
    };
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        let is_word = !text.starts_with('-') && kind != ContextKind::InvalidValue && follows_a_config(text);
        let shown = match text.split_once('=') {
            Some((key, _)) => format!("{key}=(not shown)"),
            None if is_word => "(not shown, as it may belong to --config)".to_owned(),
            None => continue,
        };
        error.insert(kind, ContextValue::String(shown));
        for suggestion in [
            ContextKind::Suggested,
            ContextKind::SuggestedArg,
            ContextKind::SuggestedSubcommand,
            ContextKind::SuggestedValue,
            ContextKind::TrailingArg,
        ] {
            error.remove(suggestion);
        }
    }
}

const NOT_KEY_VALUE: &str = "a --config is not of the form KEY=VALUE";

/// Takes any text. Whether it is well formed is looked at later, because clap repeats what it refuses.
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret(text.to_owned()))
}

fn key_value(text: &Secret) -> Result<(String, Secret), String> {
    match text.0.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), Secret(value.to_owned()))),
        _ => Err(NOT_KEY_VALUE.to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a number from 1 is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests;
