//! Rules of a stack for when the objects of a kind are ready.

use holm_core::{Manifest, ReadyWhen, ResourceOptions, Scope, Stack};
use serde_json::json;

#[test]
fn a_rule_for_a_kind_counts_for_all_of_it_but_those_with_a_rule_of_their_own() {
    let stack = Stack::new("program", "default", Some("ns"));
    let object = |kind: &str, name: &str| {
        Manifest::new(json!({"apiVersion": "example.org/v1", "kind": kind, "metadata": {"name": name}}))
            .plural(&format!("{}s", kind.to_lowercase()), Scope::Namespaced)
    };
    stack.add(object("Widget", "before"));
    stack.kind_ready_when("example.org", "Widget", ReadyWhen::condition("Early"));
    stack.kind_ready_when("example.org", "Widget", ReadyWhen::condition("Synced"));
    stack.add(object("Widget", "after"));
    stack.add(object("Widget", "own").ready_when(ReadyWhen::Exists));
    stack.add(object("Gadget", "other"));
    let graph = stack.build().expect("the stack is right");
    let rule = |name: &str| {
        let resource = graph.resources().iter().find(|resource| resource.id.name == name).expect("it is declared");
        resource.options.ready_when.clone()
    };
    assert_eq!(rule("before"), Some(ReadyWhen::condition("Synced")));
    assert_eq!(rule("after"), Some(ReadyWhen::condition("Synced")));
    assert_eq!(rule("own"), Some(ReadyWhen::Exists));
    assert_eq!(rule("other"), None);
}
