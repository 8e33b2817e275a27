//! The test kit does what it says, on stacks that need no controller; the example holm-pg tests the rest.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use holm::prelude::*;
use holm::testing::{Cluster, Event, Failure, Fault, Matching, Outcome};
use serde_json::json;

const PASSWORD: &str = "password";

/// A Secret with a generated value, and a ConfigMap that names where it is.
fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace("shop");
    let password = stack.generated("shop-password", Password::alphanumeric(32));
    let credentials = stack.add(Secret::opaque("credentials").entry(PASSWORD, &password));
    stack.add(
        ConfigMap::new("settings")
            .entry("greeting", config.get("greeting").unwrap_or("hello"))
            .entry("credentials", credentials.name()),
    );
    Ok(())
}

const EVERYTHING: [&str; 2] = ["Namespace/shop", "Secret/credentials"];

#[test]
fn a_stack_is_applied_changes_nothing_more_and_goes() {
    let cluster = Cluster::start().unwrap();
    let shop = cluster.stack("shop", declare);
    let planned = shop.plan().unwrap();
    planned.requests.iter().for_each(|request| assert!(!request.is_mutating(), "{request}"));
    planned.assert_changes(["create Namespace/shop", "create Secret/credentials", "create ConfigMap/settings"]);
    assert!(shop.objects().is_empty());

    let applied = shop.apply().unwrap();
    assert_eq!(applied.outcome("Secret/credentials"), Some(&Outcome::Done));
    assert!(applied.events.iter().any(|event| matches!(event, Event::Written { id, .. } if id.kind == "Secret")));
    assert_eq!(shop.objects(), ["ConfigMap/settings", "Namespace/shop", "Secret/credentials"]);
    assert_eq!(shop.object("ConfigMap/settings").unwrap()["data"]["greeting"], "hello");
    assert_eq!(shop.object("Namespace/shop").unwrap()["status"]["phase"], "Active");

    shop.plan().unwrap().assert_empty();
    shop.plan_thoroughly().unwrap().assert_empty();
    shop.apply().unwrap().assert_wrote_nothing();

    let kept = shop.destroy([]).unwrap();
    assert!(kept.planned.actions().contains(&"keep Secret/credentials".to_owned()), "{kept}");
    shop.destroy(EVERYTHING).unwrap();
    assert!(shop.objects().is_empty());
    assert_eq!(shop.object("Namespace/shop"), None);
}

#[test]
fn values_differ_from_run_to_run_of_the_same_stack() {
    let cluster = Cluster::start().unwrap();
    let shop = cluster.stack("shop", declare);
    shop.apply().unwrap();
    let polite = shop.with("greeting", "good morning");
    let planned = polite.plan().unwrap();
    planned.assert_changes(["update ConfigMap/settings"]);
    assert!(planned.field("ConfigMap/settings", "data.greeting").is_some(), "{planned}");
    polite.apply().unwrap();
    polite.plan().unwrap().assert_empty();
    shop.plan().unwrap().assert_changes(["update ConfigMap/settings"]);
}

#[test]
fn what_another_manager_changed_is_drift_with_its_name() {
    let cluster = Cluster::start().unwrap();
    let shop = cluster.stack("shop", declare);
    shop.apply().unwrap();
    shop.edit("ConfigMap/settings", "kubectl-edit", &json!({"data": {"greeting": "moin"}})).unwrap();
    let planned = shop.plan().unwrap();
    let field = planned.field("ConfigMap/settings", "data.greeting").unwrap();
    assert_eq!(field.drift.as_ref().unwrap().manager, "kubectl-edit");
    shop.apply().unwrap();
    assert_eq!(shop.object("ConfigMap/settings").unwrap()["data"]["greeting"], "hello");
}

#[test]
fn what_somebody_else_made_is_adopted() {
    let cluster = Cluster::start().unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    cluster.create("kubectl-create", namespace).unwrap();
    let planned = cluster.stack("shop", declare).plan().unwrap();
    assert!(planned.actions().contains(&"adopt Namespace/shop".to_owned()), "{planned}");
}

/// Every request of an apply from nothing, killed before and after it: the next run converges with the same password.
#[test]
fn killed_at_any_request_the_next_run_converges_with_the_same_password() {
    let cluster = Cluster::start().unwrap();
    let shop = cluster.stack("shop", declare);
    let requests = shop.apply().unwrap().requests.len() as u64;
    let mut with_password = 0;
    for fault in [Fault::KillBefore, Fault::KillAfter] {
        for number in 1..=requests {
            shop.destroy(EVERYTHING).unwrap();
            cluster.faults().order(fault, Matching::number(number));
            let killed = shop.apply().expect_err("it is killed");
            let request = killed.killed_at().unwrap_or_else(|| panic!("{fault:?} at {number}: {killed}")).to_string();
            let before = shop.secret("credentials");
            with_password += usize::from(before.is_some());
            shop.apply().unwrap();
            let after = shop.secret("credentials").unwrap();
            assert!(before.is_none_or(|before| before == after), "{fault:?} at {request}: the password changed");
            shop.plan_thoroughly().unwrap().assert_empty();
            assert_eq!(shop.objects(), ["ConfigMap/settings", "Namespace/shop", "Secret/credentials"]);
        }
    }
    assert!(with_password > 0, "no kill left a password behind");
}

#[test]
fn what_passes_by_itself_fails_no_run() {
    let passing = [
        Fault::Throttled { retry_after: 2 },
        Fault::Broken,
        Fault::Unavailable { retry_after: 2 },
        Fault::Reset,
        Fault::Lost,
        Fault::Timeout,
        Fault::Slow(Duration::from_secs(3)),
    ];
    for fault in passing {
        let cluster = Cluster::start().unwrap();
        cluster.faults().order(fault, Matching::mutating().resource("secrets"));
        let shop = cluster.stack("shop", declare);
        shop.apply().unwrap_or_else(|failure| panic!("{fault:?}: {failure}"));
        assert_eq!(cluster.faults().struck().len(), 1, "{fault:?}");
        shop.plan().unwrap().assert_empty();
    }
}

#[test]
fn what_does_not_pass_is_a_failure_that_shows_the_plan_and_the_servers_words() {
    let cluster = Cluster::start().unwrap();
    cluster.faults().order(Fault::Broken, Matching::mutating().name("settings").always());
    let failure = cluster.stack("shop", declare).apply().expect_err("it is refused every time");
    assert!(matches!(failure, Failure::Failed(_)), "{failure}");
    let text = failure.to_string();
    // The last line has a duration, of which a part is random.
    let (shown, _) = text.rsplit_once(" in ").unwrap();
    insta::assert_snapshot!(shown, @"
    the run failed
      + Namespace/shop      not in the cluster [1]
      + Secret/credentials  not in the cluster [2]
      + ConfigMap/settings  not in the cluster [2]

      [1] predicted, not checked by the server: the server checks it when it is created
      [2] predicted, not checked by the server: namespace shop is new in this plan

    Plan: 3 to create
    error: creating ConfigMap/settings: the server fails (500 InternalError): an error on the server has prevented the request from succeeding
      PATCH /api/v1/namespaces/shop/configmaps/settings, tried 3 times

    Failed: 2 created, 1 failed
    ");
    assert_eq!(format!("{failure:?}"), failure.to_string(), "what `expect` shows is what a person reads");
}

#[test]
fn no_secret_value_is_in_what_the_kit_shows() {
    let cluster = Cluster::start().unwrap();
    let shop = cluster.stack("shop", declare);
    let applied = shop.apply().unwrap();
    let password = shop.secret("credentials").unwrap()[PASSWORD].clone();
    assert_eq!(password.len(), 32);
    shop.edit("Secret/credentials", "kubectl-edit", &json!({"data": {"password": "b3RoZXItdmFsdWU="}})).unwrap();
    let planned = shop.plan().unwrap();
    planned.assert_changes(["update Secret/credentials"]);
    let objects = format!("{:?}", shop.objects_of("Secret"));
    for text in [applied.to_string(), format!("{applied:?}"), planned.to_string(), format!("{planned:?}"), objects] {
        for secret in [password.as_str(), "other-value", "b3RoZXItdmFsdWU="] {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
    }
}

#[test]
fn problems_of_the_declaration_are_told_before_any_request() {
    let cluster = Cluster::start().unwrap();
    let needs_a_value = |stack: &Stack, config: &Config| {
        stack.namespace(&config.require::<String>("namespace")?);
        Ok(())
    };
    let failure = cluster.stack("shop", needs_a_value).apply().expect_err("a value is missing");
    assert!(matches!(failure, Failure::Problems(_)), "{failure}");
    assert!(cluster.requests().is_empty());
}

#[test]
fn time_stands_still_between_calls_and_goes_as_far_as_it_is_advanced() {
    let cluster = Cluster::start().unwrap();
    let start = cluster.now();
    cluster.stack("shop", declare).apply().unwrap();
    let applied = cluster.now();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(cluster.now(), applied);
    cluster.advance(Duration::from_secs(3600));
    assert_eq!(cluster.now().0, applied.0 + 3600);
    assert!(applied.0 - start.0 < 60, "nothing of this takes a minute");
}

#[test]
fn uids_are_the_same_in_every_run_of_a_test() {
    let uid = || {
        let cluster = Cluster::start().unwrap();
        let shop = cluster.stack("shop", declare);
        shop.apply().unwrap();
        shop.object("ConfigMap/settings").unwrap()["metadata"]["uid"].clone()
    };
    assert_eq!(uid(), uid());
}

#[tokio::test]
async fn inside_a_runtime_it_says_why_not() {
    assert!(matches!(Cluster::start(), Err(Failure::InsideRuntime)));
}

#[test]
fn two_stacks_of_a_program_live_side_by_side_under_their_names() {
    fn declare(stack: &Stack, config: &Config) -> holm::Result {
        let replicas = if config.stack() == "prod" { "3" } else { "1" };
        stack.add(ConfigMap::new("settings").entry("replicas", replicas));
        Ok(())
    }
    let cluster = Cluster::start().unwrap();
    let namespace = |name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    cluster.create("test", namespace("dev")).unwrap();
    cluster.create("test", namespace("prod")).unwrap();
    let shop = cluster.stack("shop", declare);
    let (dev, prod) = (shop.named("dev").in_namespace("dev"), shop.named("prod").in_namespace("prod"));
    dev.apply().unwrap();
    prod.apply().unwrap();
    assert_eq!(dev.object("ConfigMap/settings").unwrap()["data"]["replicas"], "1");
    assert_eq!(prod.object("ConfigMap/settings").unwrap()["data"]["replicas"], "3");
    dev.destroy([]).unwrap();
    assert_eq!(dev.object("ConfigMap/settings"), None);
    prod.plan().unwrap().assert_empty();
}

#[test]
fn a_branch_of_one_stack_is_declared_without_a_cluster() {
    fn declare(stack: &Stack, config: &Config) -> holm::Result {
        if config.stack() == "prod" {
            stack.add(ConfigMap::new("settings").entry("region", config.require::<String>("region")?));
        }
        Ok(())
    }
    let prod = holm::testing::stack(declare).named("prod");
    let missing = prod.clone().namespace("shop").graph().unwrap_err();
    assert!(missing.to_string().contains("\"region\" is not set"), "{missing}");
    let graph = prod.namespace("shop").with("region", "eu").graph().unwrap();
    assert_eq!(holm::testing::object(&graph, "ConfigMap/settings").unwrap()["data"]["region"], "eu");
    assert_eq!(holm::testing::stack(declare).graph().unwrap().resources().len(), 0);
}
