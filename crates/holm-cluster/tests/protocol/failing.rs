//! Servers that are away, busy, slow, or refuse: what is tried again, how, and for how long.

use std::time::{Duration, Instant};

use holm_cluster::{ApplyOptions, Cluster, ClusterError, Identity, Trouble};
use holm_executor::event::{Event, Outcome};
use holm_planner::observe::{DryRun, Live, Unchecked};
use serde_json::{Value, json};

use crate::server::{Order, Server, status};
use crate::{HOME, INVENTORY, apply, cluster, config_map, graph, id, observe, planned, run, run_with, server};

const REVIEWS: &str = "/selfsubjectaccessreviews";

fn patient(server: &Server) -> Cluster {
    Cluster::with_client(server.client(), Identity::default())
}

fn many(count: usize) -> Vec<Value> {
    (0..count).map(|number| config_map(&format!("m{number}"))).collect()
}

/// The server does this to every request for a while, and then behaves.
async fn for_a_while(server: &Server, order: Order, duration: Duration) {
    for method in ["GET", "PATCH", "POST", "PUT", "DELETE"] {
        server.order(method, "", usize::MAX, order.clone());
    }
    tokio::time::sleep(duration).await;
    server.behave();
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_of_an_apply_is_waited_for() {
    let unavailable = Order::Answer(503, json!({}), "");
    let stopping = Order::Answer(503, status(503, "ServiceUnavailable", "stopping", json!({})), "retry-after: 1\r\n");
    let busy = Order::Answer(429, status(429, "TooManyRequests", "later", json!({})), "retry-after: 1\r\n");
    let orders = [Order::CloseBefore, Order::CloseAfter, unavailable, stopping, busy];
    futures::future::join_all(orders.map(|order| async {
        let server = server().await;
        let cluster = patient(&server);
        let graph = graph(many(40));
        let plan = planned(&cluster, &graph).await;
        let (ran, ()) = tokio::join!(run(&cluster, &plan), for_a_while(&server, order, Duration::from_secs(4)),);
        let ran = ran.unwrap();
        assert!(ran.report.outcomes.iter().all(|(_, _, outcome, ..)| !matches!(outcome, Outcome::Failed(_))));
        for number in 0..40 {
            assert!(server.object(&format!("{HOME}/configmaps/m{number}")).is_some(), "m{number}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_run_that_is_stopped_does_not_outlast_an_outage() {
    let server = server().await;
    let cluster = patient(&server);
    let plan = planned(&cluster, &graph(many(40))).await;
    for method in ["GET", "PATCH", "POST", "PUT", "DELETE"] {
        server.order(method, "", usize::MAX, Order::CloseBefore);
    }
    let (stopper, stop) = holm_cluster::stop();
    let options = ApplyOptions::default();
    // The limit of the harness is shorter than the budget of a run that goes on.
    let (ran, ()) = tokio::join!(run_with(&cluster, &plan, &options, stop), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        stopper.escalate();
    });
    match ran {
        Ok(ran) => assert!(!ran.report.is_success()),
        Err(error) => assert!(error.request().is_some(), "{error}"),
    }
}

#[tokio::test]
async fn while_a_server_is_away_one_request_at_a_time_asks_whether_it_is_back() {
    let server = server().await;
    let cluster = patient(&server);
    let graph = graph(many(30));
    let plan = planned(&cluster, &graph).await;
    server.forget_requests();
    let (ran, ()) = tokio::join!(
        run(&cluster, &plan),
        for_a_while(&server, Order::Answer(503, json!({}), ""), Duration::from_secs(3)),
    );
    let ran = ran.unwrap();
    let retries = ran.events.iter().filter(|event| matches!(event, Event::Retrying { .. })).count();
    // All that were in flight fail once; after that it is the one that asks.
    assert!(retries < 2 * 30, "{retries} retries");
}

#[tokio::test]
async fn a_server_that_takes_few_requests_at_a_time_gets_few() {
    let server = server().await;
    let cluster = patient(&server);
    let graph = graph(many(40));
    let plan = planned(&cluster, &graph).await;
    // Every request of the first rounds is refused, without a time to wait.
    let busy = Order::Answer(429, status(429, "TooManyRequests", "later", json!({})), "");
    server.order("PATCH", "/configmaps/m", 45, busy);
    let ran = run(&cluster, &plan).await.unwrap();
    assert!(ran.report.outcomes.iter().all(|(_, _, outcome, ..)| !matches!(outcome, Outcome::Failed(_))));
}

#[tokio::test]
async fn the_budget_ends_and_the_error_names_the_tries() {
    let server = server().await;
    let cluster = patient(&server).retry_budget(Duration::from_secs(2));
    observe(&cluster, &graph([config_map("m")])).await.unwrap();
    let away = Order::Answer(503, status(503, "ServiceUnavailable", "down", json!({})), "");
    server.order("GET", INVENTORY, usize::MAX, away);
    let error = observe(&cluster, &graph([config_map("m")])).await.unwrap_err();
    let ClusterError::InventoryUnreadable { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(&source.trouble, Trouble::Server(refusal) if refusal.code == 503), "{source}");
    assert!(source.tries >= 4, "{source}");
    server.behave();
    // A time to wait that is longer than the budget is not waited for.
    let later = Order::Answer(429, status(429, "TooManyRequests", "later", json!({})), "retry-after: 60\r\n");
    server.order("GET", INVENTORY, usize::MAX, later);
    let error = observe(&cluster, &graph([config_map("m")])).await.unwrap_err();
    assert_eq!(error.request().map(|request| request.tries), Some(1), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answered_is_given_up_soon() {
    let server = Server::start().await;
    server.order("GET", "/version", usize::MAX, Order::CloseBefore);
    let greeted = Cluster::greet(server.client(), Identity::default(), holm_cluster::UserAgent::default()).await;
    assert!(greeted.is_err());
    assert_eq!(server.count("GET", "/version"), 2);

    server.behave();
    server.order("GET", "/version", usize::MAX, Order::Hang);
    server.forget_requests();
    let begun = Instant::now();
    let error =
        Cluster::greet(server.client(), Identity::default(), holm_cluster::UserAgent::default()).await.err().unwrap();
    assert!(
        std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("no answer within 5 s"))
    );
    assert_eq!(server.count("GET", "/version"), 1);
    // The budget of a server that has answered is many times that.
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn answers_are_asked_for_compressed_and_read_so() {
    let server = server().await;
    for object in many(6) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        server.write(&format!("{HOME}/configmaps/{name}"), object);
    }
    server.order("GET", "", usize::MAX, Order::Gzip);
    let observed = observe(&cluster(&server), &graph(many(6))).await.unwrap();
    for number in 0..6 {
        assert!(matches!(observed.live[&id("ConfigMap", &format!("m{number}"))], Live::Found(_)), "m{number}");
    }
    let state = server.state();
    assert!(state.requests.iter().all(|request| request.head.contains("accept-encoding: gzip")));
}

#[tokio::test]
async fn an_answer_may_take_long_as_long_as_it_goes_on_arriving() {
    let server = server().await;
    server.write(&format!("{HOME}/configmaps/m"), config_map("m"));
    let cluster = patient(&server).request_timeout(Duration::from_millis(400));
    // Ten pieces and more, a hundred milliseconds after each other.
    server.order("GET", "/configmaps/m", 1, Order::Trickle(20, Duration::from_millis(100), usize::MAX));
    observe(&cluster, &graph([config_map("m")])).await.unwrap();
    assert_eq!(server.count("GET", "/configmaps/m"), 1);
    // One that breaks off is asked for again.
    server.forget_requests();
    server.order("GET", "/configmaps/m", 1, Order::Trickle(20, Duration::from_millis(1), 2));
    observe(&cluster, &graph([config_map("m")])).await.unwrap();
    assert_eq!(server.count("GET", "/configmaps/m"), 2);
    // And so is one that stops.
    server.forget_requests();
    server.order("GET", "/configmaps/m", 1, Order::Trickle(20, Duration::from_secs(60), usize::MAX));
    observe(&cluster, &graph([config_map("m")])).await.unwrap();
    assert_eq!(server.count("GET", "/configmaps/m"), 2);
}

#[tokio::test]
async fn pages_that_do_not_come_in_time_are_asked_for_smaller() {
    let server = server().await;
    let cluster = patient(&server).request_timeout(Duration::from_millis(300));
    server.order("GET", "limit=500", usize::MAX, Order::Hang);
    server.order("GET", "limit=100", usize::MAX, Order::Answer(504, json!({}), ""));
    observe(&cluster, &graph(many(6))).await.unwrap();
    let lines = server.lines();
    let was_asked = |size: &str| lines.iter().any(|line| line.contains("labelSelector") && line.contains(size));
    assert!(was_asked("limit=500") && was_asked("limit=100") && was_asked("limit=20"), "{lines:?}");
}

#[tokio::test]
async fn a_403_is_a_refusal_where_we_have_the_right_and_unchecked_where_we_have_not() {
    let quota = "configmaps \"m\" is forbidden: exceeded quota: main, requested: count/configmaps=1";
    let rights = "configmaps \"m\" is forbidden: User \"u\" cannot patch resource \"configmaps\" in API group \"\"";
    let review = |allowed: bool| Some(Order::Answer(201, json!({"status": {"allowed": allowed}}), ""));
    let no_review = Some(Order::Answer(403, status(403, "Forbidden", "no reviews", json!({})), ""));
    let cases = [
        (quota, review(true), true),
        (rights, review(false), false),
        // Whatever it says: authorization knows.
        (quota, review(false), false),
        (rights, review(true), true),
        // Only where the server does not tell, its words do.
        (quota, no_review.clone(), true),
        (rights, no_review, false),
    ];
    for (message, review, is_refused) in cases {
        let server = server().await;
        server.order("PATCH", "dryRun=All", 9, Order::Answer(403, status(403, "Forbidden", message, json!({})), ""));
        if let Some(order) = review {
            server.order("POST", REVIEWS, 9, order);
        }
        let observed = observe(&cluster(&server), &graph([config_map("m")])).await.unwrap();
        match &observed.dry_runs[&id("ConfigMap", "m")] {
            DryRun::Refused(refusal) => assert!(is_refused && refusal.code == 403, "{message}"),
            DryRun::Unchecked(Unchecked::Forbidden(_)) => assert!(!is_refused, "{message}"),
            other => panic!("{other:?}"),
        }
        assert!(server.lines().iter().filter(|line| !line.starts_with("GET")).all(|line| line.contains("dryRun=All")));
    }
}

#[tokio::test]
async fn a_refusal_whose_cause_the_plan_repairs_is_no_obstacle() {
    let quota = |count: &str| {
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "main"},
            "spec": {"hard": {"count/configmaps": count}}})
    };
    let message = "configmaps \"m\" is forbidden: exceeded quota: main, requested: count/configmaps=1";
    for (declared, is_mended) in [("9", true), ("3", false)] {
        let server = server().await;
        server.write(&format!("{HOME}/resourcequotas/main"), quota("3"));
        let refusal = Order::Answer(403, status(403, "Forbidden", message, json!({})), "");
        server.order("PATCH", "/configmaps/m", 9, refusal);
        server.order("POST", REVIEWS, 9, Order::Answer(201, json!({"status": {"allowed": true}}), ""));
        let graph = graph([config_map("m"), quota(declared)]);
        let observed = observe(&cluster(&server), &graph).await.unwrap();
        let found = &observed.dry_runs[&id("ConfigMap", "m")];
        assert_eq!(matches!(found, DryRun::Unchecked(Unchecked::Mended { .. })), is_mended, "{found:?}");
        assert_eq!(matches!(found, DryRun::Refused(_)), !is_mended, "{found:?}");
    }
}

#[tokio::test]
async fn what_the_structured_merge_refuses_is_final_and_worded_for_people() {
    let server = server().await;
    let go = "failed to create typed patch object (ns/m; v1, Kind=ConfigMap): .data.key: expected string, got \
              &value.valueUnstructured{Value:false}";
    server.order("PATCH", "dryRun=All", 9, Order::Answer(500, status(500, "", go, json!({})), ""));
    let observed = observe(&cluster(&server), &graph([config_map("m")])).await.unwrap();
    let DryRun::Refused(refusal) = &observed.dry_runs[&id("ConfigMap", "m")] else { panic!("it is refused") };
    assert_eq!(refusal.message, "data.key must be a string, not false");
    assert!(!refusal.reason.is_empty());
    assert_eq!(server.count("PATCH", ""), 1);
}

#[tokio::test]
async fn an_api_whose_own_server_is_away_is_named_and_does_not_hold_up_the_rest() {
    let server = server().await;
    let service = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "spec": {"service": {"namespace": "monitoring", "name": "adapter"}},
        "status": {"conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints",
            "message": "endpoints for service/adapter in \"monitoring\" have no addresses"}]}});
    server.write("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.example", service);
    server.order("GET", "/apis/custom.example/", usize::MAX, Order::Text(503, "service unavailable\n"));
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.custom.example"}, "spec": {"group": "custom.example", "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1beta1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let thing = json!({"apiVersion": "custom.example/v1beta1", "kind": "Thing", "metadata": {"name": "t"}});
    let observed = observe(&cluster(&server), &graph([definition, thing, config_map("m")])).await.unwrap();
    let thing = holm_core::ResourceId::new("custom.example", "Thing", Some("ns"), "t");
    let Live::Unreadable(why) = &observed.live[&thing] else { panic!("{:?}", observed.live[&thing]) };
    assert!(why.contains("Service/monitoring/adapter") && why.contains("have no addresses"), "{why}");
    assert_eq!(observed.live[&id("ConfigMap", "m")], Live::Absent);
    assert!(server.count("GET", "/apis/custom.example/") <= 4);
}

#[tokio::test]
async fn a_full_disk_is_called_that() {
    let server = server().await;
    let full = status(500, "InternalError", "etcdserver: mvcc: database space exceeded", json!({}));
    server.order("PATCH", "/configmaps/m", usize::MAX, Order::Answer(500, full, ""));
    let cluster = cluster(&server);
    let graph = graph([config_map("m")]);
    let observed = observe(&cluster, &graph).await.unwrap();
    let DryRun::Refused(refusal) = &observed.dry_runs[&id("ConfigMap", "m")] else { panic!("it is refused") };
    assert!(refusal.message.contains("space exceeded"), "{}", refusal.message);
    server.behave();
    let _ = apply(&cluster, &graph).await;
}
