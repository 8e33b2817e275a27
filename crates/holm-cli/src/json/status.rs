//! The documents `holm.status/v1`, `holm.outputs/v1` and `holm.graph/v1`.

use std::collections::BTreeMap;

use holm_cluster::{Identity, Output};
use holm_core::Graph;
use serde::Serialize;
use serde_json::Value;

use crate::json::event::{CauseDocument, ReadinessDocument};
use crate::json::plan::ClusterDocument;
use crate::json::{Form, ResourceDocument, SiteDocument, document};
use crate::render::graph::strength;
use crate::render::status::Row;

#[derive(Serialize)]
struct StatusDocument<'a> {
    schema: &'static str,
    program: &'a str,
    stack: &'a str,
    cluster: ClusterDocument,
    is_ready: bool,
    objects: Vec<ObjectDocument<'a>>,
}

#[derive(Serialize)]
struct ObjectDocument<'a> {
    resource: ResourceDocument,
    readiness: ReadinessDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<CauseDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    is_ours: bool,
}

/// The document of what a stack owns.
pub fn status(graph: &Graph, rows: &[Row], cluster: &Identity) -> String {
    let objects = rows.iter().map(|row| ObjectDocument {
        resource: ResourceDocument::from(&row.id),
        readiness: ReadinessDocument::from(&row.readiness),
        age_seconds: row.age.map(|age| age.as_secs()),
        diagnosis: row.cause.as_ref().map(CauseDocument::from),
        note: row.note.as_deref(),
        is_ours: row.is_ours,
    });
    let written = StatusDocument {
        schema: "holm.status/v1",
        program: graph.program(),
        stack: graph.stack(),
        cluster: ClusterDocument::from(cluster),
        is_ready: rows.iter().all(Row::is_ready),
        objects: objects.collect(),
    };
    document(&written, Form::Indented)
}

#[derive(Serialize)]
struct OutputsDocument<'a> {
    schema: &'static str,
    program: &'a str,
    stack: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterDocument>,
    outputs: BTreeMap<&'a str, OutputDocument<'a>>,
}

#[derive(Serialize)]
struct OutputDocument<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<&'a str>,
}

impl<'a> From<&'a Output> for OutputDocument<'a> {
    fn from(output: &'a Output) -> Self {
        let (state, value, waits_for) = match output {
            Output::Plain(value) => ("value", Some(value), None),
            Output::Sensitive => ("sensitive", None, None),
            Output::Unknown(waits_for) => ("unknown", None, Some(waits_for.as_str())),
        };
        Self { state, value, waits_for }
    }
}

/// The document of the exported values, with the cluster where one was asked.
pub fn outputs(graph: &Graph, outputs: &BTreeMap<String, Output>, cluster: Option<&Identity>) -> String {
    let written = OutputsDocument {
        schema: "holm.outputs/v1",
        program: graph.program(),
        stack: graph.stack(),
        cluster: cluster.map(ClusterDocument::from),
        outputs: outputs.iter().map(|(name, output)| (name.as_str(), OutputDocument::from(output))).collect(),
    };
    document(&written, Form::Indented)
}

/// One exported value.
pub fn output(output: &Output) -> String {
    document(&OutputDocument::from(output), Form::Indented)
}

#[derive(Serialize)]
struct GraphDocument<'a> {
    schema: &'static str,
    program: &'a str,
    stack: &'a str,
    resources: Vec<NodeDocument<'a>>,
    dependencies: Vec<DependencyDocument>,
    selections: Vec<SelectionDocument>,
    externals: Vec<ResourceDocument>,
}

#[derive(Serialize)]
struct NodeDocument<'a> {
    resource: ResourceDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    site: SiteDocument,
}

#[derive(Serialize)]
struct DependencyDocument {
    dependent: ResourceDocument,
    on: ResourceDocument,
    strength: &'static str,
    origin: String,
}

#[derive(Serialize)]
struct SelectionDocument {
    selector: ResourceDocument,
    workload: ResourceDocument,
}

/// The document of the graph.
pub fn graph(graph: &Graph) -> String {
    let written = GraphDocument {
        schema: "holm.graph/v1",
        program: graph.program(),
        stack: graph.stack(),
        resources: graph
            .resources()
            .iter()
            .map(|resource| NodeDocument {
                resource: ResourceDocument::from(&resource.id),
                component: resource.component.as_deref(),
                site: SiteDocument::from(resource.site),
            })
            .collect(),
        dependencies: graph
            .dependencies()
            .iter()
            .map(|dependency| DependencyDocument {
                dependent: ResourceDocument::from(&dependency.dependent),
                on: ResourceDocument::from(&dependency.on),
                strength: strength(dependency.strength),
                origin: dependency.origin.to_string(),
            })
            .collect(),
        selections: graph
            .selections()
            .iter()
            .map(|selection| SelectionDocument {
                selector: ResourceDocument::from(&selection.selector),
                workload: ResourceDocument::from(&selection.workload),
            })
            .collect(),
        externals: graph.externals().keys().map(ResourceDocument::from).collect(),
    };
    document(&written, Form::Indented)
}
