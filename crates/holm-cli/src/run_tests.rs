use std::io::Write;
use std::sync::{Arc, Mutex};

use holm_core::{Input, Manifest, Scope, Sensitive};
use serde_json::json;

use crate::style::Layout;

use super::*;

/// What a run wrote, and its exit code.
struct Ran {
    code: u8,
    data: String,
    rest: String,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no test panics while writing").clone()).expect("all output is UTF-8")
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no test panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn ran(line: &str, declare: impl FnOnce(&Stack, &Config) -> declare::Result + 'static) -> Ran {
    let (data, rest) = (Kept::default(), Kept::default());
    let layout = Layout { color: false, width: Some(80) };
    let mut terminal = Terminal::to(Box::new(data.clone()), Box::new(rest.clone()), layout);
    let arguments: Vec<OsString> =
        std::iter::once("holm-pg").chain(line.split_whitespace()).map(OsString::from).collect();
    let (_, output) = early(&arguments);
    let code = run_with("holm-pg", None, arguments, output, Box::new(declare), &mut terminal);
    Ran { code, data: data.text(), rest: rest.text() }
}

fn declare(stack: &Stack, config: &Config) -> declare::Result {
    stack.in_namespace("holm");
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": config.stack()}, "data": {"a": "1"}});
    stack.add(Manifest::new(map).plural("configmaps", Scope::Namespaced));
    stack.export("host", "postgres.holm.svc");
    stack.export("token", Input::from(Sensitive::from("canary-8d1f")));
    Ok(())
}

#[test]
fn verbs_without_a_cluster_write_data_and_nothing_else() {
    for line in
        ["graph", "graph --format dot", "graph --format mermaid", "render", "outputs", "outputs host", "graph -o json"]
    {
        let ran = ran(line, declare);
        assert_eq!((ran.code, ran.rest.as_str()), (0, ""), "{line}");
        assert!(!ran.data.is_empty() && !ran.data.contains("canary"), "{line}: {}", ran.data);
    }
    assert_eq!(ran("outputs host", declare).data, "postgres.holm.svc\n");
    assert_eq!(ran("outputs token", declare).data, "(sensitive)\n");
    assert!(ran("render --stack prod", declare).data.contains("name: prod"));
}

#[test]
fn help_and_version_are_data_and_usage_errors_exit_with_1() {
    let help = ran("--help", declare);
    assert_eq!((help.code, help.rest.as_str()), (0, ""));
    assert_eq!(ran("--version", declare).data, format!("holm-pg (holm {})\n", env!("CARGO_PKG_VERSION")));
    let wrong = ran("plan --nope", declare);
    assert_eq!((wrong.code, wrong.data.as_str()), (1, ""));
    insta::assert_snapshot!(wrong.rest, @"
    error: unexpected argument '--nope' found

    Usage: holm-pg plan [OPTIONS]

    For more information, try '--help'.
    ");
}

#[test]
fn errors_are_told_to_people_and_in_json_to_machines_too() {
    let wrong = ran("outputs nope --output json", declare);
    assert_eq!(wrong.code, 1);
    let document: serde_json::Value = serde_json::from_str(&wrong.data).expect("one document");
    assert_eq!((&document["schema"], &document["kind"]), (&json!("holm.error/v1"), &json!("usage")));
    insta::assert_snapshot!(wrong.rest, @r#"
    error: the stack exports no "nope"

    hint: it exports: host, token
    "#);
    let wrong = ran("plan --nope -o json", declare);
    assert!(serde_json::from_str::<serde_json::Value>(&wrong.data).is_ok(), "{}", wrong.data);
}

#[test]
fn a_declaration_may_return_any_error_and_no_configuration_value_gets_out() {
    fn fails(_: &Stack, config: &Config) -> declare::Result {
        config.require::<String>("region")?;
        Ok(())
    }
    let missing = ran("plan", fails);
    assert_eq!((missing.code, missing.data.as_str()), (1, ""));
    assert!(missing.rest.contains("\n  at crates/holm-cli/src/run_tests.rs:"), "{}", missing.rest);
    let rest: Vec<&str> = missing.rest.lines().filter(|line| !line.starts_with("  at ")).collect();
    insta::assert_snapshot!(rest.join("\n"), @r#"
    error: the configuration value "region" is not set
      hint: give it with --config region=VALUE, or as the environment variable
            HOLM_CONFIG_REGION
    "#);
    fn repeats(_: &Stack, config: &Config) -> declare::Result {
        Err(declare::DeclarationError::new(format!("cannot use {}", config.require::<String>("password")?)))
    }
    let repeated = ran("plan --config password=hunter2", repeats);
    assert!(
        repeated.rest.starts_with("error: cannot use (sensitive)\n  at crates/holm-cli/src/run_tests.rs:"),
        "{}",
        repeated.rest
    );
}

#[test]
fn json_does_not_ask_and_so_changes_nothing_without_yes() {
    let refused = ran("apply -o json", declare);
    assert_eq!(refused.code, 1);
    assert!(refused.data.contains("not_confirmed") && refused.rest.contains("--yes"), "{}", refused.rest);
}

#[test]
fn without_a_cluster_the_error_says_what_was_looked_for() {
    let missing = ran("plan --kubeconfig /nonexistent/kubeconfig", declare);
    assert_eq!((missing.code, missing.data.as_str()), (1, ""));
    assert!(missing.rest.contains("/nonexistent/kubeconfig"), "{}", missing.rest);
}
