//! The loop of the controllers: deterministic, woken by writes and by time, and as costly as what has changed.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::time::Duration;

use holm_apiserver::{ApiServer, Clock, GroupVersionResource, Objects, Timestamp, WriteOptions};
use holm_controllers::{Controllers, Settled};
use serde_json::{Value, json};

fn objects(api: &ApiServer, group: &str, plural: &str) -> Objects {
    api.objects(&GroupVersionResource::new(group, "v1", plural)).unwrap()
}

fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}},
        },
    })
}

fn create(api: &ApiServer, object: Value) {
    objects(api, "apps", "deployments").create(object, &WriteOptions::by("test")).unwrap();
}

/// A cluster with a clock that stands still.
fn held() -> (ApiServer, Clock) {
    let clock = Clock::held_at(Timestamp(1_795_608_000));
    (ApiServer::builder().clock(clock.clone()).seed(7).build().unwrap(), clock)
}

/// Everything that there is, as text.
fn everything(api: &ApiServer) -> String {
    let kinds = [("apps", "deployments"), ("apps", "replicasets"), ("", "pods"), ("", "events")];
    let all = kinds.iter().flat_map(|(group, plural)| objects(api, group, plural).list(None).items);
    all.map(|object| format!("{object}\n")).collect()
}

#[test]
fn the_same_writes_at_the_same_times_have_the_same_outcome() {
    let play = || {
        let (api, clock) = held();
        let mut controllers = Controllers::new(&api);
        for number in 0..5 {
            create(&api, deployment(&format!("d{number}"), number));
            controllers.settle().unwrap();
            clock.advance(Duration::from_secs(1));
        }
        let patch = json!({"spec": {"replicas": 1}});
        let deployments = objects(&api, "apps", "deployments");
        deployments.merge("default", "d4", "", &patch, &WriteOptions::by("test")).unwrap();
        controllers.settle().unwrap();
        everything(&api)
    };
    let first = play();
    assert!(first.contains("d4-"), "{first}");
    assert_eq!(first, play());
}

#[test]
fn nothing_is_left_to_do_after_settling() {
    let (api, _) = held();
    let mut controllers = Controllers::new(&api);
    create(&api, deployment("web", 3));
    let first = controllers.settle().unwrap();
    assert!(first.acted > 0);
    let revision = api.revision();
    assert_eq!(controllers.settle().unwrap(), Settled { acted: 0, next: first.next });
    assert_eq!(api.revision(), revision);
    // The pods are not ready, and the deadline of the rollout is ten minutes.
    assert_eq!(first.next, Some((1_795_608_000 + 601) * 1000));
}

#[test]
fn controllers_that_come_later_find_everything() {
    let (api, _) = held();
    create(&api, deployment("web", 2));
    Controllers::new(&api).settle().unwrap();
    let pods = || objects(&api, "", "pods").list(Some("default")).items.len();
    assert_eq!(pods(), 2);
    let patch = json!({"spec": {"replicas": 4}});
    objects(&api, "apps", "deployments").merge("default", "web", "", &patch, &WriteOptions::by("test")).unwrap();
    Controllers::new(&api).settle().unwrap();
    assert_eq!(pods(), 4);
}

#[test]
fn what_fell_out_of_the_history_is_found_anew() {
    let api = ApiServer::builder().clock(Clock::held_at(Timestamp(0))).history(5).build().unwrap();
    let mut controllers = Controllers::new(&api);
    controllers.settle().unwrap();
    for number in 0..20 {
        create(&api, deployment(&format!("d{number}"), 1));
    }
    controllers.settle().unwrap();
    assert_eq!(objects(&api, "", "pods").list(Some("default")).items.len(), 20);
    let deployments = objects(&api, "apps", "deployments");
    let options = holm_apiserver::DeleteOptions::default();
    for number in 0..20 {
        deployments.delete("default", &format!("d{number}"), &options).unwrap();
    }
    controllers.settle().unwrap();
    assert_eq!(objects(&api, "", "pods").list(Some("default")).items.len(), 0);
}

#[test]
fn events_go_an_hour_after_they_were_last_written() {
    let (api, clock) = held();
    let mut controllers = Controllers::new(&api);
    let events = objects(&api, "", "events");
    for name in ["once", "again"] {
        let involved = json!({"kind": "Pod", "name": "p", "namespace": "default"});
        let event = json!({
            "metadata": {"name": name, "namespace": "default"}, "involvedObject": involved, "reason": "Because", "type": "Normal",
        });
        events.create(event, &WriteOptions::by("test")).unwrap();
    }
    let names = |controllers: &mut Controllers| {
        controllers.settle().unwrap();
        let all = events.list(None).items;
        all.iter().map(|event| event["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut controllers), ["again", "once"]);
    clock.advance(Duration::from_secs(3000));
    let patch = json!({"count": 2, "lastTimestamp": clock.now().to_string()});
    events.merge("default", "again", "", &patch, &WriteOptions::by("test")).unwrap();
    assert_eq!(names(&mut controllers), ["again", "once"]);
    clock.advance(Duration::from_secs(600));
    assert_eq!(names(&mut controllers), ["again"]);
    clock.advance(Duration::from_secs(3000));
    assert!(names(&mut controllers).is_empty());
}

#[test]
fn a_range_of_service_addresses_is_ready_and_stays_for_a_moment_when_it_is_deleted() {
    let (api, clock) = held();
    let mut controllers = Controllers::new(&api);
    let ranges = objects(&api, "networking.k8s.io", "servicecidrs");
    let range = json!({"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/24"]}});
    ranges.create(range, &WriteOptions::by("test")).unwrap();
    controllers.settle().unwrap();
    let made = ranges.get("", "more").unwrap();
    assert_eq!(made["status"]["conditions"][0]["type"], "Ready");
    assert_eq!(made["status"]["conditions"][0]["status"], "True");
    ranges.delete("", "more", &holm_apiserver::DeleteOptions::default()).unwrap();
    controllers.settle().unwrap();
    assert!(ranges.get("", "more").is_some());
    clock.advance(Duration::from_secs(10));
    controllers.settle().unwrap();
    assert!(ranges.get("", "more").is_none());
}

/// With `HOLM_MANY`, with so many Deployments, and the times are shown.
#[test]
fn the_cost_follows_the_change() {
    let many: usize = std::env::var("HOLM_MANY").ok().and_then(|many| many.parse().ok()).unwrap_or(60);
    let (api, _) = held();
    let mut controllers = Controllers::new(&api);
    create(&api, deployment("first", 0));
    let one = controllers.settle().unwrap().acted;
    let start = std::time::Instant::now();
    for number in 1..many {
        create(&api, deployment(&format!("d{number}"), 0));
    }
    let created = start.elapsed();
    let start = std::time::Instant::now();
    let all = controllers.settle().unwrap().acted;
    eprintln!("{many} Deployments: created in {created:?}, settled in {:?} with {all} writes", start.elapsed());
    assert_eq!(all, one * (many - 1));
    let patch = json!({"spec": {"replicas": 1}});
    objects(&api, "apps", "deployments").merge("default", "first", "", &patch, &WriteOptions::by("test")).unwrap();
    let start = std::time::Instant::now();
    let changed = controllers.settle().unwrap().acted;
    eprintln!("one of them changed: settled in {:?} with {changed} writes", start.elapsed());
    assert!(changed < 12, "{changed} writes");
}

#[test]
fn pods_of_a_node_that_is_gone_go_too() {
    let (api, clock) = held();
    let mut controllers = Controllers::new(&api);
    let nodes = objects(&api, "", "nodes");
    nodes.create(json!({"metadata": {"name": "one"}}), &WriteOptions::by("test")).unwrap();
    let pod = json!({
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeName": "one", "containers": [{"name": "c", "image": "i:1"}]},
    });
    let pods = objects(&api, "", "pods");
    pods.create(pod, &WriteOptions::by("test")).unwrap();
    controllers.settle().unwrap();
    nodes.delete("", "one", &holm_apiserver::DeleteOptions::default()).unwrap();
    controllers.settle().unwrap();
    assert!(pods.get("default", "p").is_some());
    clock.advance(Duration::from_secs(39));
    controllers.settle().unwrap();
    assert!(pods.get("default", "p").is_some());
    clock.advance(Duration::from_secs(1));
    controllers.settle().unwrap();
    assert!(pods.get("default", "p").is_none());
}

#[tokio::test]
async fn running_controllers_are_woken_by_writes_and_by_time() {
    let api = ApiServer::new().unwrap();
    let running = tokio::spawn(Controllers::new(&api).run());
    let mut late = deployment("late", 1);
    late["spec"]["progressDeadlineSeconds"] = json!(1);
    create(&api, late);
    let is_late = || {
        let found = objects(&api, "apps", "deployments").get("default", "late");
        found.is_some_and(|found| found.to_string().contains("ProgressDeadlineExceeded"))
    };
    let found = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_late() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(found.await.is_ok(), "{}", everything(&api));
    running.abort();
}
