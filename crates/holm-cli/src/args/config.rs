//! `config`: the verbs for the configuration of a stack.

use clap::{Args, Subcommand};

use super::{Common, Secret, secret};

/// `config`.
#[derive(Args, Clone, Debug)]
pub struct ConfigVerb {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with the configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigAction {
    /// Show every value with where it comes from, secret ones masked.
    Show(ShowAction),
    /// Print one value as it holds for the stack. A secret one is masked.
    Get(GetAction),
    /// Set a value in the file, for the stack that --stack names, or else for every stack.
    Set(SetAction),
    /// Remove a value from the file, of the stack that --stack names, or else of every stack.
    Rm(RemoveAction),
    /// Encrypt the encrypted values of the file again, for those that it names under [encryption] now.
    Rekey(RekeyAction),
    /// Print the JSON Schema of the file, for editors.
    Schema(SchemaAction),
}

/// `config show`.
#[derive(Args, Clone, Debug, Default)]
pub struct ShowAction {
    #[command(flatten)]
    common: Common,
}

/// `config get`.
#[derive(Args, Clone, Debug, Default)]
pub struct GetAction {
    /// The key, such as database.host
    pub key: String,
    #[command(flatten)]
    common: Common,
}

/// `config set`.
#[derive(Args, Clone, Debug)]
pub struct SetAction {
    /// The key, such as database.host
    pub key: String,
    /// The value; read from standard input where it is left out
    #[arg(value_parser = secret)]
    pub value: Option<Secret>,
    /// Encrypt it for those that the file names under [encryption]; a value of a secret type always is, where it names any
    #[arg(long)]
    pub secret: bool,
    #[command(flatten)]
    common: Common,
}

/// `config rm`.
#[derive(Args, Clone, Debug, Default)]
pub struct RemoveAction {
    /// The key, such as database.host
    pub key: String,
    #[command(flatten)]
    common: Common,
}

/// `config rekey`.
#[derive(Args, Clone, Debug, Default)]
pub struct RekeyAction {
    #[command(flatten)]
    common: Common,
}

/// `config schema`.
#[derive(Args, Clone, Debug, Default)]
pub struct SchemaAction {
    #[command(flatten)]
    common: Common,
}

impl ConfigVerb {
    /// The flags that every verb takes.
    pub(super) fn common(&self) -> &Common {
        match &self.action {
            ConfigAction::Show(action) => &action.common,
            ConfigAction::Get(action) => &action.common,
            ConfigAction::Set(action) => &action.common,
            ConfigAction::Rm(action) => &action.common,
            ConfigAction::Rekey(action) => &action.common,
            ConfigAction::Schema(action) => &action.common,
        }
    }
}
