//! What is sent to the server, and what comes of every answer that it may give.
#![allow(clippy::unwrap_used, clippy::panic)]

mod applying;
mod failing;
mod observing;
mod server;

use std::time::Duration;

use holm_cluster::{ApplyOptions, Cluster, ClusterError, Identity, Session, Stop};
use holm_core::{Graph, Manifest, ResourceId, Stack};
use holm_executor::event::{Event, Outcome, Report};
use holm_planner::inventory::InventoryPlace;
use holm_planner::observe::Observed;
use holm_planner::plan::{Plan, PlanOptions, plan};
use serde_json::{Value, json};
use server::Server;

/// The path of everything in the namespace.
const HOME: &str = "/api/v1/namespaces/ns";
const INVENTORY: &str = "/api/v1/namespaces/ns/configmaps/holm.program.default";

fn cluster(server: &Server) -> Cluster {
    Cluster::with_client(server.client(), Identity::default()).retry_budget(Duration::from_secs(4))
}

fn place() -> InventoryPlace {
    InventoryPlace::of("program", "default", Some("ns"))
}

/// A stack in a namespace that exists outside of it.
fn graph(objects: impl IntoIterator<Item = Value>) -> Graph {
    let stack = Stack::new("program", "default", None);
    stack.in_namespace("ns");
    for object in objects {
        stack.add(Manifest::new(object));
    }
    stack.build().unwrap()
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"}})
}

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::new("", kind, Some("ns"), name)
}

/// A server on which the namespace exists.
async fn server() -> Server {
    let server = Server::start().await;
    server.write("/api/v1/namespaces/ns", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}));
    server
}

async fn observe(cluster: &Cluster, graph: &Graph) -> Result<Observed, ClusterError> {
    cluster.observe(graph, &place(), &PlanOptions::default()).await
}

async fn planned(cluster: &Cluster, graph: &Graph) -> Plan {
    let observed = observe(cluster, graph).await.unwrap();
    let plan = plan(graph, &observed, &place(), &PlanOptions::default());
    assert_eq!(plan.blockers, []);
    plan
}

/// What became of a run.
struct Ran {
    report: Report,
    events: Vec<Event>,
}

impl Ran {
    fn outcome(&self, id: &ResourceId) -> &Outcome {
        &self.report.outcomes.iter().find(|(of, ..)| of == id).unwrap_or_else(|| panic!("{id} has no outcome")).2
    }

    fn failure(&self, id: &ResourceId) -> String {
        match self.outcome(id) {
            Outcome::Failed(failure) => failure.message.clone(),
            other => panic!("{id} came out as {other:?}"),
        }
    }
}

async fn run(cluster: &Cluster, plan: &Plan) -> Result<Ran, ClusterError> {
    run_with(cluster, plan, &ApplyOptions::default(), Stop::never()).await
}

async fn run_with(cluster: &Cluster, plan: &Plan, options: &ApplyOptions, stop: Stop) -> Result<Ran, ClusterError> {
    let (events, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let run = cluster.apply(plan, Session { options: options.clone(), stop, ..Session::new(events) });
    // A limit for a run that hangs, not a claim about its speed.
    let report = tokio::time::timeout(Duration::from_secs(60), run).await.expect("the run ends")?;
    let mut events = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        events.push(event);
    }
    Ok(Ran { report, events })
}

async fn apply(cluster: &Cluster, graph: &Graph) -> Ran {
    let plan = planned(cluster, graph).await;
    run(cluster, &plan).await.unwrap()
}
