//! What the pure parts cost, in time and in memory, for the workload of the benchmark with 500 and with 5,000 objects:
//! `cargo bench -p holm-e2e --bench pure`.
//!
//! The live objects are made by the server-side apply of `holm-structured-merge`, so their managedFields are Kubernetes' own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed benchmark")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use divan::{AllocProfiler, Bencher};
use holm_core::{Graph, Manifest, Stack, Strength};
use holm_e2e::workload;
use holm_planner::diff::{Extent, differences};
use holm_planner::inventory::{Inventory, InventoryPlace};
use holm_planner::observe::{DryRun, Live, Observed};
use holm_planner::plan::{PlanOptions, plan, survey};
use holm_planner::schedule::Schedule;
use holm_redact::Redactor;
use holm_structured_merge::{FieldTracker, GroupVersionKind, SingleVersion, Timestamp};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// How many objects.
const SIZES: [usize; 2] = [500, 5000];

/// A stack that was applied, and what is observed of it afterwards.
struct Settled {
    graph: Graph,
    place: InventoryPlace,
    observed: Observed,
    /// The same with every object changed by somebody, and the server's answers to our dry-runs.
    meddled: Observed,
}

static SETTLED: LazyLock<BTreeMap<usize, Settled>> =
    LazyLock::new(|| SIZES.into_iter().map(|count| (count, settled(count))).collect());

fn graph(objects: Vec<Value>) -> Graph {
    let stack = Stack::new("benchmark", "default", None);
    stack.namespace(workload::NAMESPACE);
    for object in objects {
        stack.add(Manifest::new(object));
    }
    stack.build().unwrap()
}

fn settled(count: usize) -> Settled {
    let graph = graph(workload::objects(count, false));
    let place = InventoryPlace::of("benchmark", "default", Some(workload::NAMESPACE));
    let live = graph.resources().iter().map(|resource| (resource.id.clone(), Live::Absent)).collect();
    let mut observed = Observed { live, ..Observed::default() };
    let first = plan(&graph, &observed, &place, &creating());
    observed.inventory = Inventory { stored_in: first.intent.stored_in, ..Inventory::default() };
    let mut trackers: BTreeMap<String, FieldTracker> = BTreeMap::new();
    let mut meddled = BTreeMap::new();
    let mut dry_runs = BTreeMap::new();
    for (number, change) in first.changes.iter().enumerate() {
        let desired = change.desired.as_ref().unwrap().open();
        let kind = GroupVersionKind::of(&desired);
        let empty = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
        let tracker = trackers.entry(kind.kind.clone()).or_insert_with(|| tracker(kind));
        let mut live = tracker.apply(&empty, &desired, &place.field_manager, false, Timestamp(0)).unwrap();
        fill_in(&mut live);
        let uid = format!("00000000-0000-4000-8000-{number:012}");
        live["metadata"]["uid"] = json!(uid);
        live["metadata"]["resourceVersion"] = json!(number.to_string());
        let mut edited = live.clone();
        edited["metadata"]["labels"]["tier"] = json!("edited");
        let edited = tracker.update(&live, edited, "kubectl-edit", Timestamp(1)).unwrap();
        let after = tracker.apply(&edited, &desired, &place.field_manager, true, Timestamp(2)).unwrap();
        meddled.insert(change.id.clone(), Live::found(&edited));
        dry_runs.insert(change.id.clone(), DryRun::Accepted { object: after.into(), overruled: Vec::new() });
        observed.live.insert(change.id.clone(), Live::found(&live));
        let mut entry = change.entry.clone().unwrap();
        entry.uid = Some(uid);
        observed.inventory.entries.insert(change.id.clone(), entry);
    }
    let meddled = Observed { live: meddled, dry_runs, ..observed.clone() };
    let surveyed = survey(&graph, &observed, &place, &PlanOptions::default());
    (observed.proven, observed.wanted) = (surveyed.proven, surveyed.wanted);
    assert_eq!(observed.proven.len(), graph.resources().len(), "nothing needs to be asked");
    Settled { graph, place, observed, meddled }
}

/// Fills in what keys of lists are made of, as the server does before it stores an object.
fn fill_in(live: &mut Value) {
    for ports in ["/spec/ports", "/spec/template/spec/containers/0/ports"] {
        for port in live.pointer_mut(ports).and_then(Value::as_array_mut).into_iter().flatten() {
            port["protocol"] = json!("TCP");
        }
    }
}

fn tracker(kind: GroupVersionKind) -> FieldTracker {
    let object_type = holm_schema::built_in().unwrap().object_type(&kind).unwrap();
    let versions = SingleVersion { api_version: kind.api_version(), kind: kind.kind.clone(), object_type };
    FieldTracker::new(kind, Arc::new(versions))
}

fn creating() -> PlanOptions {
    PlanOptions { skip_create_checks: true, ..PlanOptions::default() }
}

/// From manifests to the graph: edges, checks, order.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn graph_build(bencher: Bencher<'_, '_>, count: usize) {
    bencher.with_inputs(|| workload::objects(count, false)).bench_values(graph);
}

/// The proof by managedFields that nothing changed.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn survey_settled(bencher: Bencher<'_, '_>, count: usize) {
    let Settled { graph, place, observed, .. } = &SETTLED[&count];
    bencher.bench(|| survey(black_box(graph), black_box(observed), place, &PlanOptions::default()));
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn plan_nothing_changed(bencher: Bencher<'_, '_>, count: usize) {
    let Settled { graph, place, observed, .. } = &SETTLED[&count];
    bencher.bench(|| plan(black_box(graph), black_box(observed), place, &PlanOptions::default()));
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn plan_all_created(bencher: Bencher<'_, '_>, count: usize) {
    let Settled { graph, place, .. } = &SETTLED[&count];
    let live = graph.resources().iter().map(|resource| (resource.id.clone(), Live::Absent)).collect();
    let observed = Observed { live, ..Observed::default() };
    bencher.bench(|| plan(black_box(graph), black_box(&observed), place, &creating()));
}

/// Every object drifted in one field: dry-run answers are compared with live objects, writers are looked up.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn plan_all_drifted(bencher: Bencher<'_, '_>, count: usize) {
    let Settled { graph, place, meddled, .. } = &SETTLED[&count];
    bencher.bench(|| plan(black_box(graph), black_box(meddled), place, &PlanOptions::default()));
}

/// The comparison alone, of objects that are open already.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn diff_all(bencher: Bencher<'_, '_>, count: usize) {
    let meddled = &SETTLED[&count].meddled;
    let pairs: Vec<(Value, Value)> = meddled
        .dry_runs
        .iter()
        .filter_map(|(id, answer)| match answer {
            DryRun::Accepted { object, .. } => Some((meddled.object(id)?, object.open())),
            _ => None,
        })
        .collect();
    bencher.bench(|| {
        pairs.iter().map(|(live, after)| differences(black_box(live), after, Extent::Full).len()).sum::<usize>()
    });
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn inventory_encode(bencher: Bencher<'_, '_>, count: usize) {
    let Settled { place, observed, .. } = &SETTLED[&count];
    bencher.bench(|| black_box(&observed.inventory).to_config_maps(place, "holm/v0", "s1").root.to_string());
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn inventory_decode(bencher: Bencher<'_, '_>, count: usize) {
    let Settled { place, observed, .. } = &SETTLED[&count];
    let object = observed.inventory.to_config_maps(place, "holm/v0", "s1").root;
    bencher.bench(|| Inventory::read_root(black_box(&object), place).unwrap());
}

/// The order of an apply, when every write is ready at once.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn schedule_writes(bencher: Bencher<'_, '_>, count: usize) {
    let Settled { graph, place, .. } = &SETTLED[&count];
    let live = graph.resources().iter().map(|resource| (resource.id.clone(), Live::Absent)).collect();
    let plan = plan(graph, &Observed { live, ..Observed::default() }, place, &creating());
    bencher.bench(|| {
        let mut schedule = Schedule::writes(&plan);
        while let Some(id) = schedule.next() {
            schedule.reached(&id, Strength::Ready);
        }
        assert!(schedule.is_done());
    });
}

/// As many secret values as objects, each learned, and a message scrubbed for each.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn redact(bencher: Bencher<'_, '_>, count: usize) {
    let values: Vec<String> = (0..count).map(|number| format!("{number:08x}-secret-value")).collect();
    bencher.bench(|| {
        let mut redactor = Redactor::default();
        let mut masked = 0;
        for value in &values {
            redactor.learn(value);
            masked += redactor.scrub(&format!("the server says {value} of it")).len();
        }
        masked
    });
}
