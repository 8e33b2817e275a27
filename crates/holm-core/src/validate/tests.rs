use serde_json::json;

use super::*;
use crate::config::Config;
use crate::manifest::Manifest;
use crate::stack::Stack;

/// Finds what it is told to, in the object of this name.
#[derive(Debug)]
struct Told(Vec<(&'static str, &'static str, Certainty)>);

impl Validator for Told {
    fn version(&self) -> ServerVersion {
        ServerVersion { major: 1, minor: 37 }
    }

    fn validate(&self, objects: &[Value]) -> Vec<Finding> {
        let found = self.0.iter().map(|(name, path, certainty)| Finding {
            object: objects.iter().position(|object| object["metadata"]["name"] == *name).expect("it is there"),
            path: path.parse().expect("well formed"),
            text: format!("wrong {path}"),
            certainty: *certainty,
            meant: Some(Meant { given: "replica".to_owned(), known: vec!["replicas".to_owned(), "paused".to_owned()] }),
        });
        found.collect()
    }
}

fn pod(name: &str, port: &Value) -> Manifest {
    Manifest::new(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": port}]}]},
    }))
}

fn declared(told: Told, port: &Value) -> Result<Graph, crate::Problems> {
    crate::declare::graph("test", Some("shop"), &Config::new("default"), |stack: &Stack, _| {
        stack.validate_with(std::sync::Arc::new(told));
        stack.add(pod("a", port));
        stack.add(pod("b", &json!(80)));
        Ok(())
    })
}

fn found(certainty: Certainty, server: Option<&str>) -> (usize, usize) {
    let graph = declared(Told(vec![("a", "spec.replica", certainty)]), &json!(80)).expect("nothing else is wrong");
    let validated = super::graph(&graph, server.and_then(ServerVersion::of));
    (validated.problems.len(), validated.warnings.len())
}

#[test]
fn a_finding_is_a_problem_only_where_no_server_accepts_the_object() {
    let (problem, warning) = ((1, 0), (0, 1));
    for (certainty, unknown, older, same, newer) in [
        (Certainty::Always, problem, problem, problem, problem),
        (Certainty::InVersion, problem, problem, problem, warning),
        (Certainty::UnknownField, warning, problem, problem, warning),
        (Certainty::Maybe, warning, warning, warning, warning),
    ] {
        assert_eq!(found(certainty, None), unknown, "{certainty:?}");
        assert_eq!(found(certainty, Some("v1.33.1")), older, "{certainty:?}");
        assert_eq!(found(certainty, Some("v1.37.9")), same, "{certainty:?}");
        assert_eq!(found(certainty, Some("v1.38.0")), newer, "{certainty:?}");
    }
}

#[test]
fn a_finding_has_its_line_its_field_by_name_and_what_was_meant() {
    let told = Told(vec![("b", "spec.containers[0].image", Certainty::InVersion)]);
    let graph = declared(told, &json!(80)).expect("nothing else is wrong");
    let problems = super::graph(&graph, None).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    let problem = &problems[0];
    assert_eq!(problem.to_string(), "Pod/shop/b: spec.containers[c].image: wrong spec.containers[0].image");
    assert_eq!(problem.hint.as_deref(), Some("did you mean \"replicas\"?"));
    assert_eq!(problem.site, graph.resources().iter().find(|resource| resource.id.name == "b").map(|found| found.site));
}

#[test]
fn what_is_found_is_told_with_other_problems_and_nothing_twice() {
    let told = vec![
        ("a", "spec.containers[0].image", Certainty::InVersion),
        ("a", "spec.containers[0].ports[0].containerPort", Certainty::InVersion),
        ("a", "spec.other", Certainty::UnknownField),
    ];
    let problems = declared(Told(told), &json!(70_000)).expect_err("the port is wrong").0;
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let ours = texts.iter().filter(|text| text.contains("wrong spec")).count();
    assert_eq!(ours, usize::from(!texts.is_empty()), "{texts:?}");
}

#[test]
fn without_a_library_nothing_is_found() {
    let graph = crate::declare::graph("test", Some("shop"), &Config::new("default"), |stack: &Stack, _| {
        stack.add(pod("a", &json!(80)));
        Ok(())
    });
    assert_eq!(super::graph(&graph.expect("nothing is wrong"), None), Validated::default());
}
