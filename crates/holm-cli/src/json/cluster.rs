//! The document `holm.cluster/v1`.

use std::path::Path;

use serde::Serialize;

use crate::connection::SIMULATION;
use crate::json::{Form, document};
use crate::verbs::cluster::ClusterStatus;

#[derive(Default, Serialize)]
struct ClusterDocument<'a> {
    schema: &'static str,
    simulation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unreadable: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubeconfig: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<HolderDocument<'a>>,
}

#[derive(Serialize)]
struct HolderDocument<'a> {
    process: u32,
    since: String,
    command: &'a str,
}

fn empty<'a>() -> ClusterDocument<'a> {
    ClusterDocument { schema: "holm.cluster/v1", simulation: SIMULATION, ..ClusterDocument::default() }
}

fn path_text(path: &Path) -> Option<String> {
    Some(path.display().to_string())
}

/// What there is to say of a cluster.
pub fn status(status: &ClusterStatus) -> String {
    let holder = status.holder.as_ref();
    let written = ClusterDocument {
        name: Some(&status.name),
        file: Some(&status.file),
        size_bytes: status.size,
        objects: status.content.map(|(objects, _)| objects),
        revision: status.content.map(|(_, revision)| revision),
        unreadable: &status.unreadable,
        kubeconfig: holder.and_then(|holder| path_text(holder.kubeconfig.as_deref()?)),
        holder: holder.map(|holder| HolderDocument {
            process: holder.process,
            since: holder.since.to_string(),
            command: &holder.command,
        }),
        ..empty()
    };
    document(&written, Form::Indented)
}

/// Where a cluster listens, on one line: it comes while the command goes on.
pub fn listening(name: &str, server: &str, kubeconfig: &Path) -> String {
    let written =
        ClusterDocument { name: Some(name), server: Some(server), kubeconfig: path_text(kubeconfig), ..empty() };
    document(&written, Form::Line)
}

/// Where the kubeconfig is.
pub fn kubeconfig(path: &Path) -> String {
    document(&ClusterDocument { kubeconfig: path_text(path), ..empty() }, Form::Indented)
}
