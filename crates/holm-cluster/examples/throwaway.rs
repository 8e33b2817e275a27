//! Throw-away.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, missing_docs)]
use std::time::{Duration, Instant};
use holm_cluster::*;
use holm_core::inventory::InventoryPlace;
use holm_core::plan::{plan, PlanOptions};
use holm_core::*;
use serde_json::json;

fn build(ns: &str, file: &str) -> Graph {
    let mut stack = Stack::new("throwaway", "default", None);
    let external = ns.strip_prefix('@');
    match external { Some(ns) => stack.in_namespace(ns), None => { stack.namespace(ns); } }
    if file.contains("gen") {
        let password = stack.generated("pw", Password::alphanumeric(32));
        let secret = stack.add(Manifest::new(json!({"apiVersion":"v1","kind":"Secret","metadata":{"name":"creds"},"type":"Opaque"})).with_input("stringData.password", password.clone()).with_input("stringData.url", Input::template("postgres://u:{p}@h/d", [("p", password.url_encode())])));
        stack.export("pw", secret.field("data.password"));
    }
    if let Some(n) = file.strip_prefix("bench") {
        for i in 0..n.parse::<usize>().unwrap() / 5 {
            stack.add(Manifest::new(json!({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":format!("app-{i}")},"data":{"a":format!("{i}"),"extra":std::env::var("EXTRA").ok().filter(|x| *x==i.to_string()).unwrap_or_default()}})));
            stack.add(Manifest::new(json!({"apiVersion":"v1","kind":"Secret","metadata":{"name":format!("app-{i}")},"stringData":{"a":format!("secret-value-{i}")}})));
            stack.add(Manifest::new(json!({"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":format!("app-{i}")}})));
            stack.add(Manifest::new(json!({"apiVersion":"v1","kind":"Service","metadata":{"name":format!("app-{i}")},"spec":{"selector":{"app":format!("app-{i}")},"ports":[{"port":80}]}})));
            stack.add(Manifest::new(json!({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":format!("app-{i}")},"spec":{"replicas":0,"selector":{"matchLabels":{"app":format!("app-{i}")}},"template":{"metadata":{"labels":{"app":format!("app-{i}")}},"spec":{"serviceAccountName":format!("app-{i}"),"containers":[{"name":"c","image":"registry.test/x:1","envFrom":[{"configMapRef":{"name":format!("app-{i}")}},{"secretRef":{"name":format!("app-{i}")}}],"ports":[{"containerPort":80}]}]}}}})));
        }
    } else if file != "none" && file != "gen" {
        let text = std::fs::read_to_string(file).unwrap();
        let mut all: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap(); all.sort_by_key(|o| o["kind"] != "CustomResourceDefinition");
        for o in all { stack.add(Manifest::new(o)); }
        if file.contains("lb") {
            // the config map takes the cluster ip of the service
            stack.add(Manifest::new(json!({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"late"}})).with_input("data.ip", Input::Field(holm_core::input::FieldReference{ id: ResourceId::new("", "Service", Some(ns), "svc"), path: "spec.clusterIP".parse().unwrap()})));
        }
    }
    match stack.build() { Ok(g) => g, Err(p) => { println!("PROBLEMS {p}"); std::process::exit(1) } }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (verb, ns, file) = (args[1].as_str(), args[2].as_str(), args[3].as_str());
    let env = |k: &str| std::env::var(k).ok();
    let t0 = Instant::now();
    let cluster = match Cluster::connect(&ConnectOptions::default()).await {
        Ok(c) => c,
        Err(e) => { println!("CONNECT: {e}"); let mut s = std::error::Error::source(&e); while let Some(x) = s { println!("  caused by {x}"); s = x.source(); } println!("  hint {:?}", e.hint()); std::process::exit(1) }
    };
    println!("{:?} in {:?}", cluster.identity(), t0.elapsed());
    if env("TRACE").is_some() { cluster.set_trace(Some(Box::new(|t| println!("    {} {} {:?} {:?} #{}", t.method, t.path, t.status, t.duration, t.attempt)))); }
    let mut graph = build(ns, file);
    let ns = ns.trim_start_matches('@');
    let place = InventoryPlace::of("throwaway", "default", Some(ns));
    let mut options = PlanOptions::default();
    options.thorough = env("THOROUGH").is_some();
    for a in env("ALLOW").iter().flat_map(|a| a.split(',')) { options.allow_delete.insert(a.to_owned()); }
    if verb == "destroy" { graph = graph.emptied(); options.destroy = true; }
    if verb == "status" {
        for s in cluster.status(&graph, &place).await.unwrap() { println!("{} {:?} owned {} declared {}\n   {:#?}", s.id, s.readiness, s.is_owned, s.is_declared, s.cause); }
        println!("requests {}", cluster.requests()); return;
    }
    if verb == "outputs" { println!("{:?}", cluster.outputs(&graph, &place).await); return; }
    let t = Instant::now();
    let observed = match cluster.observe(&graph, &place, &options).await { Ok(o) => o, Err(e) => { println!("OBSERVE {e} hint {:?} source {:?}", e.hint(), std::error::Error::source(&e)); std::process::exit(1) } };
    let t_obs = t.elapsed();
    let t = Instant::now();
    let p = plan(&graph, &observed, &place, &options);
    println!("observed in {t_obs:?}, planned in {:?}, {} requests, {} dry runs {} proven", t.elapsed(), cluster.requests(), observed.dry_runs.len(), observed.proven.len());
    let mut shown = 0;
    for c in &p.changes { if c.action != holm_core::plan::Action::Unchanged && shown < 40 { shown += 1; println!("  {} {} {:?} unchecked {:?} {:?}", c.action.symbol(), c.id, c.reason, c.unchecked.as_ref().map(|u| u.to_string()), c.fields.iter().take(6).map(|f| format!("{}: {:?} -> {:?} {:?}", f.path, f.before, f.after, f.drift)).collect::<Vec<_>>()); } }
    for b in &p.blockers { println!("  BLOCKED {} {}", b.id, b.kind); }
    println!("  unchanged {}", p.count(holm_core::plan::Action::Unchanged));
    if verb == "plan" { rss(); return; }
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let (stopper, stop) = stop();
    if let Some(ms) = env("STOP_AFTER_MS") { let ms: u64 = ms.parse().unwrap(); tokio::spawn(async move { tokio::time::sleep(Duration::from_millis(ms)).await; stopper.escalate(); std::future::pending::<()>().await }); } else { std::mem::forget(stopper); }
    let quiet = env("QUIET").is_some();
    let t = Instant::now();
    let printer = tokio::spawn(async move { while let Some(e) = receiver.recv().await { if !quiet { println!("  {:>8.3} {e:?}", t.elapsed().as_secs_f64()); } } });
    let apply = ApplyOptions { timeout: Duration::from_secs(env("TIMEOUT").map_or(60, |t| t.parse().unwrap())), total: env("TOTAL").map(|t| Duration::from_secs(t.parse().unwrap())), ..ApplyOptions::default() };
    match cluster.apply(&graph, observed, &p, &place, &apply, sender, stop).await {
        Ok(report) => { let _ = printer.await; println!("success {} interrupted {} {} outcomes {} requests in {:?}", report.is_success(), report.interrupted, report.outcomes.len(), report.requests, report.duration);
            for (id, action, outcome, _) in &report.outcomes { if *outcome != holm_core::event::Outcome::Done { println!("   {} {id}: {outcome:#?}", action.word()); } } }
        Err(e) => println!("APPLY: {e} hint {:?} source {:?}", e.hint(), std::error::Error::source(&e)),
    }
    rss();
}
fn rss() { let s = std::fs::read_to_string("/proc/self/status").unwrap(); println!("{}", s.lines().find(|l| l.starts_with("VmHWM")).unwrap()); }
