//! Components: names, options, lines and problems of what they hold.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use holm_core::{Component, Manifest, Ref, ResourceOptions as _, Stack, Strength, Timeouts, Untyped, options};
use serde_json::json;

fn map(name: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
}

fn stack() -> Stack {
    Stack::new("shop", "default", Some("shop"))
}

#[test]
fn resources_know_the_components_that_they_are_in() {
    let stack = stack();
    stack.add(map("before"));
    let (inner, outer) = stack.component("web", |stack| {
        let inner: Ref<Untyped> = stack.component("cache", |stack| stack.add(map(&stack.qualified("settings"))));
        (inner, stack.add(map(&stack.qualified("settings"))))
    });
    stack.add(map(&stack.qualified("after")));
    assert_eq!((inner.name().as_str(), outer.name().as_str()), ("web-cache-settings", "web-settings"));
    let graph = stack.build().unwrap();
    let found: Vec<(&str, Option<&str>)> =
        graph.resources().iter().map(|resource| (&*resource.id.name, resource.component.as_deref())).collect();
    assert_eq!(
        found,
        [("before", None), ("web-cache-settings", Some("web/cache")), ("web-settings", Some("web")), ("after", None)]
    );
}

#[test]
fn options_of_a_component_hold_for_all_inside_and_count_less_than_those_of_a_resource() {
    let stack = stack();
    let first = stack.add(map("first"));
    let minute = |minutes| Timeouts { ready: Some(Duration::from_mins(minutes)), delete: None };
    let outer = options().protect().timeouts(minute(1)).depends_on(&first, Strength::Ready);
    stack.component(Component::new("web").options(outer), |stack| {
        stack.add(map("a"));
        stack.component(Component::new("inner").options(options().timeouts(minute(2))), |stack| {
            stack.add(map("b"));
            stack.add(map("c").timeouts(minute(3)));
        });
    });
    let graph = stack.build().unwrap();
    let limits: Vec<(bool, Option<Duration>)> =
        graph.resources().iter().map(|resource| (resource.options.protect, resource.options.timeouts.ready)).collect();
    let minutes = |minutes| Some(Duration::from_mins(minutes));
    assert_eq!(limits, [(false, None), (true, minutes(1)), (true, minutes(2)), (true, minutes(3))]);
    insta::assert_snapshot!(graph, @"
    ConfigMap/a requires ConfigMap/first (ready)
    ConfigMap/b requires ConfigMap/first (ready)
    ConfigMap/c requires ConfigMap/first (ready)
    ");
}

#[test]
fn what_is_inside_of_a_component_of_a_library_has_the_line_that_declares_it() {
    fn library(stack: &Stack, name: &str) {
        stack.component("helper", |stack| stack.add(map(name)));
    }
    let stack = stack();
    let line = line!() + 1;
    stack.component(Component::new("web").of_a_library(), |stack| {
        stack.add(map("Not A Name"));
        library(stack, "Nor This");
        stack.report("one more");
    });
    library(&stack, "And This");
    let lines: Vec<u32> = stack.build().unwrap_err().0.iter().map(|problem| problem.site.unwrap().line).collect();
    assert_eq!(lines.iter().filter(|found| **found == line).count(), 3, "{lines:?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_component_needs_a_name_of_its_own() {
    let stack = stack();
    let line = line!() + 1;
    stack.component("web", |_| ());
    stack.component("web", |_| ());
    stack.component("Not A Name", |stack| stack.component("web", |_| ()));
    stack.component(Component::new("wrong").options(options().ignore_changes("a..b")), |_| ());
    let problems: Vec<String> = stack.build().unwrap_err().0.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(problems.join("\n").replace(&format!("{}:{line}", file!()), "FILE:LINE"), @r#"
    declared twice; first at FILE:LINE
    "Not A Name" is no valid component name: it must consist of lower-case letters, digits and '-', and start and end with a letter or digit
    "a..b" is not a field path: a field name is empty
    "#);
}

#[test]
fn two_outputs_of_one_name_are_a_problem() {
    let stack = stack();
    stack.export("host", "a");
    stack.export("port", 80);
    stack.export("host", "b");
    let problems = stack.build().unwrap_err();
    assert_eq!(problems.0.len(), 1, "{problems}");
    assert!(problems.to_string().contains("\"host\" is exported twice"), "{problems}");
}
