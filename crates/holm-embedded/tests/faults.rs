//! What a client and a server see of each fault.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use holm_apiserver::{ApiServer, GroupVersionResource};
use holm_faults::{Fault, Faults, Matching};
use http::Request;
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::time::{Instant, timeout};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

struct Bench {
    server: ApiServer,
    faults: Faults,
    client: kube::Client,
}

fn bench() -> Bench {
    let server = ApiServer::new().unwrap();
    let faults = Faults::default();
    let client = faults.client(&server.client());
    Bench { server, faults, client }
}

impl Bench {
    /// Sends a request. The code of the answer, or why there is none.
    async fn send(&self, method: &str, path: &str, body: &str) -> Result<u16, String> {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let answer = self.client.send(request.body(Body::from(body.as_bytes().to_vec())).unwrap());
        match timeout(Duration::from_secs(3600), answer).await {
            Ok(Ok(answer)) => Ok(answer.status().as_u16()),
            Ok(Err(error)) => Err(root_cause(&error)),
            Err(_) => Err("nothing in an hour".to_owned()),
        }
    }

    async fn create(&self, name: &str) -> Result<u16, String> {
        let map = format!(r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{name}"}}}}"#);
        self.send("POST", MAPS, &map).await
    }

    /// Whether the server has the ConfigMap.
    fn has(&self, name: &str) -> bool {
        let maps = self.server.objects(&GroupVersionResource::new("", "v1", "configmaps")).unwrap();
        maps.get("default", name).is_some()
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root_cause)
}

#[tokio::test(start_paused = true)]
async fn each_fault_answers_and_writes_as_it_says() {
    let reset = Err("connection reset, as it was ordered".to_owned());
    let nothing = Err("nothing in an hour".to_owned());
    let cases = [
        (Fault::KillBefore, nothing.clone(), false),
        (Fault::KillAfter, nothing, true),
        (Fault::Conflict, Ok(409), false),
        (Fault::Throttled { retry_after: 1 }, Ok(429), false),
        (Fault::Broken, Ok(500), false),
        (Fault::Unavailable { retry_after: 1 }, Ok(503), false),
        (Fault::Reset, reset.clone(), false),
        (Fault::Lost, reset.clone(), true),
        (Fault::Timeout, reset, true),
        (Fault::Slow(Duration::from_secs(5)), Ok(201), true),
    ];
    for (fault, answer, is_written) in cases {
        let bench = bench();
        bench.faults.order(fault, Matching::any());
        assert_eq!(bench.create("a").await, answer, "{fault:?}");
        assert_eq!(bench.has("a"), is_written, "{fault:?}");
        assert_eq!(bench.faults.struck().len(), 1, "{fault:?}");
        assert_eq!(bench.faults.is_killed(), fault.kills(), "{fault:?}");
        if !fault.kills() {
            assert_eq!(bench.create("b").await, Ok(201), "{fault:?} is done once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusals_name_when_to_come_back() {
    let bench = bench();
    bench.faults.order(Fault::Throttled { retry_after: 7 }, Matching::any());
    let request = Request::get(MAPS).body(Body::empty()).unwrap();
    let answer = bench.client.send(request).await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "7");
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_takes_the_time_and_a_withheld_answer_a_minute() {
    let bench = bench();
    bench.faults.order(Fault::Slow(Duration::from_secs(5)), Matching::number(1));
    bench.faults.order(Fault::Timeout, Matching::number(2));
    let begun = Instant::now();
    bench.create("a").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 5);
    bench.create("b").await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn a_fault_meets_the_requests_that_it_is_ordered_for() {
    let bench = bench();
    let deletes = Matching::mutating().verb("delete").resource("configmaps").name("b");
    bench.faults.order(Fault::Broken, deletes.nth(2).always());
    for name in ["a", "b"] {
        bench.create(name).await.unwrap();
    }
    let delete = |path: &'static str| bench.send("DELETE", path, "");
    let of_b = "/api/v1/namespaces/default/configmaps/b";
    assert_eq!(delete("/api/v1/namespaces/default/configmaps/a").await, Ok(200));
    assert_eq!(delete("/api/v1/namespaces/default/configmaps/b?dryRun=All").await, Ok(200));
    assert_eq!(delete(of_b).await, Ok(200), "the first");
    assert_eq!(delete(of_b).await, Ok(500), "the second");
    assert_eq!(delete(of_b).await, Ok(500), "and every later one");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_waits_for_a_request_that_writes() {
    let bench = bench();
    bench.faults.order(Fault::Conflict, Matching::number(2));
    for expected in [Ok(200), Ok(200), Ok(200)] {
        assert_eq!(bench.send("GET", MAPS, "").await, expected);
    }
    assert_eq!(bench.create("a").await, Ok(409));
}

#[tokio::test(start_paused = true)]
async fn cutting_ends_every_watch_that_is_open_and_the_next_one_goes_on() {
    let bench = bench();
    let watch = || {
        let request = Request::get(format!("{MAPS}?watch=true")).body(Body::empty()).unwrap();
        let answer = bench.client.send(request);
        async { answer.await.unwrap().into_body().into_data_stream() }
    };
    let (mut first, mut second) = (watch().await, watch().await);
    // The ConfigMap that every namespace has.
    for stream in [&mut first, &mut second] {
        stream.next().await.unwrap().unwrap();
    }
    bench.faults.order(Fault::CutWatch, Matching::any());
    bench.create("a").await.unwrap();
    for stream in [first, second] {
        assert_eq!(timeout(Duration::from_secs(3600), stream.count()).await.map(|count| count <= 1), Ok(true));
    }
    let third = watch().await;
    assert!(timeout(Duration::from_secs(60), third.count()).await.is_err(), "a watch has no end of its own");
    // Where none is open, the next one is cut.
    bench.faults.order(Fault::CutWatch, Matching::any());
    bench.create("b").await.unwrap();
    let fourth = watch().await;
    assert!(timeout(Duration::from_secs(3600), fourth.count()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_nothing_gets_through_until_the_orders_are_forgotten() {
    let bench = bench();
    bench.faults.order(Fault::KillBefore, Matching::number(2));
    bench.create("a").await.unwrap();
    bench.create("b").await.unwrap_err();
    bench.faults.killed().await;
    bench.create("c").await.unwrap_err();
    assert!(!bench.has("b") && !bench.has("c"));
    bench.faults.clear();
    assert_eq!(bench.create("c").await, Ok(201));
}

#[tokio::test(start_paused = true)]
async fn the_log_has_every_request_with_its_answer() {
    let bench = bench();
    bench.faults.order(Fault::Reset, Matching::number(2));
    bench.create("a").await.unwrap();
    bench.create("a").await.unwrap_err();
    bench.create("a").await.unwrap();
    let lines: Vec<String> = bench.faults.requests().iter().map(ToString::to_string).collect();
    assert_eq!(lines, [format!("create {MAPS} 201"), format!("create {MAPS} -"), format!("create {MAPS} 409")]);
    bench.faults.forget_requests();
    assert!(bench.faults.requests().is_empty());
}
