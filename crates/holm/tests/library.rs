//! Rollouts and policies on a cluster.
#![allow(clippy::unwrap_used)]

use holm::policy::{self, Policy};
use holm::prelude::*;
use holm::testing::{Cluster, Failure, Planned};

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace("shop");
    let password = stack.generated("password", Password::alphanumeric(16));
    let login = stack.add(Secret::opaque("login").entry("password", &password));
    let settings = stack.add(
        ConfigMap::new("settings")
            .entry("mode", config.get("mode").unwrap_or("fast"))
            .entry("unread", config.get("unread").unwrap_or("1")),
    );
    let server = Container::new("web", "example.org/web:1")
        .env("MODE", settings.key("mode"))
        .env("PASSWORD", login.key("password"));
    stack.add(Deployment::new("web").container(server).roll_on_change());
    Ok(())
}

fn notes(planned: &Planned) -> Vec<String> {
    let change = planned.plan.changes.iter().find(|change| change.id.kind == "Deployment");
    change.map(|change| change.notes.clone()).unwrap_or_default()
}

#[test]
fn pods_are_replaced_when_what_they_read_changes_and_the_plan_says_why() {
    let cluster = Cluster::start().unwrap();
    let web = cluster.stack("shop", declare);
    web.apply().unwrap();
    web.plan().unwrap().assert_empty();
    web.plan_thoroughly().unwrap().assert_empty();
    let pod = || web.objects_of("Pod")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let first = pod();

    let unread = web.with("unread", "2");
    unread.plan().unwrap().assert_changes(["update ConfigMap/settings"]);
    unread.apply().unwrap();
    assert_eq!(pod(), first);

    let slow = unread.with("mode", "slow");
    let planned = slow.plan().unwrap();
    planned.assert_changes(["update ConfigMap/settings", "update Deployment/web"]);
    let why = "the pods are replaced, because what they read changed: ConfigMap/settings, Secret/login";
    assert_eq!(notes(&planned), [why]);
    slow.apply().unwrap();
    let second = pod();
    assert_ne!(second, first);
    slow.plan().unwrap().assert_empty();

    let before = slow.secret("login").unwrap();
    let applied = slow.regenerate(["password"]).apply().unwrap();
    let after = slow.secret("login").unwrap();
    assert_ne!(before, after);
    assert_ne!(pod(), second);
    let shown = format!("{applied}");
    assert!(!shown.contains(&before["password"]) && !shown.contains(&after["password"]), "{shown}");
    slow.plan().unwrap().assert_empty();
}

#[test]
fn a_mandatory_policy_blocks_the_plan_and_never_a_destroy() {
    fn with_policies(stack: &Stack, config: &Config) -> holm::Result {
        declare(stack, config)?;
        if config.get("strict") == Some("yes") {
            stack.policies(policy::recommended());
        }
        stack.policies([Policy::mandatory("no-replicas", "it is a test").on_plan(|changes, report| {
            for change in changes.iter().filter(|change| change.action == "delete") {
                report.found(&change.id, "", "would be deleted");
            }
        })]);
        Ok(())
    }
    let cluster = Cluster::start().unwrap();
    let web = cluster.stack("shop", with_policies);
    web.apply().unwrap();
    let strict = web.with("strict", "yes");
    let blocked = strict.apply().unwrap_err();
    assert!(matches!(blocked, Failure::Blocked(_)), "{blocked}");
    let text = blocked.to_string();
    assert!(text.contains("requests-and-limits") && text.contains("restricted-pods"), "{text}");
    strict.destroy(["Namespace/shop", "Secret/login"]).unwrap();
    assert!(strict.objects().is_empty());
}
