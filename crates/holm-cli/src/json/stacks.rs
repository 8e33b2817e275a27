//! The document `holm.stacks/v1`.

use holm_cluster::{Identity, StackRecord, Stacks};
use serde::Serialize;

use crate::json::plan::ClusterDocument;
use crate::json::{Form, document};

#[derive(Serialize)]
struct StacksDocument<'a> {
    schema: &'static str,
    program: &'a str,
    cluster: ClusterDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_in: Option<&'a str>,
    stacks: Vec<StackDocument<'a>>,
}

#[derive(Serialize)]
struct StackDocument<'a> {
    stack: &'a str,
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_open: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'a str>,
}

impl<'a> From<&'a StackRecord> for StackDocument<'a> {
    fn from(record: &'a StackRecord) -> Self {
        let contents = record.contents.as_ref().ok();
        Self {
            stack: &record.stack,
            namespace: &record.namespace,
            objects: contents.map(|contents| contents.objects),
            revision: contents.map(|contents| contents.revision),
            is_open: contents.map(|contents| contents.is_open),
            unreadable: record.contents.as_ref().err().map(String::as_str),
        }
    }
}

/// Returns the document of the stacks of a program.
pub fn stacks(program: &str, stacks: &Stacks, cluster: &Identity) -> String {
    let written = StacksDocument {
        schema: "holm.stacks/v1",
        program,
        cluster: ClusterDocument::from(cluster),
        only_in: stacks.only_in.as_deref(),
        stacks: stacks.stacks.iter().map(StackDocument::from).collect(),
    };
    document(&written, Form::Indented)
}
