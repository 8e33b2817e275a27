use super::*;
use holm_values::path::FieldPath;

fn widget(generation: i64, status: Value) -> Value {
    json!({ "metadata": { "generation": generation }, "spec": { "size": 3 }, "status": status })
}

fn condition_of(generation: i64, kind: &str, status: &str) -> Value {
    let mut condition = condition(kind, status, "Reconciled", "");
    condition["observedGeneration"] = json!(generation);
    condition
}

#[test]
fn a_custom_resource_is_current_when_it_says_ready_or_reports_a_status_without_that_condition() {
    let cases = [
        ("ready", widget(2, conditions([condition("Ready", "True", "", "")]))),
        (
            "not ready",
            widget(2, conditions([condition("Ready", "False", "NoDatabase", "database holm does not exist")])),
        ),
        ("not ready, no words", widget(2, conditions([json!({ "type": "Ready", "status": "Unknown" })]))),
        ("an older generation was ready", widget(2, conditions([condition_of(1, "Ready", "True")]))),
        ("this generation is ready", widget(2, conditions([condition_of(2, "Ready", "True")]))),
        (
            "status of an older generation",
            widget(2, json!({ "observedGeneration": 1, "conditions": [condition("Ready", "True", "", "")] })),
        ),
        ("other conditions only", widget(2, conditions([condition("Programmed", "True", "", "")]))),
        ("phase only", widget(2, json!({ "phase": "Done" }))),
        (
            "reconciling",
            widget(
                2,
                conditions([
                    condition("Ready", "True", "", ""),
                    condition("Reconciling", "True", "Progressing", "2 of 3 shards"),
                ]),
            ),
        ),
        (
            "stalled",
            widget(
                2,
                conditions([
                    condition("Ready", "False", "", ""),
                    condition("Stalled", "True", "InvalidSpec", "size must be odd"),
                ]),
            ),
        ),
        (
            "an older generation was stalled",
            widget(2, conditions([condition("Ready", "False", "Retrying", ""), condition_of(1, "Stalled", "True")])),
        ),
        (
            "not stalled",
            widget(2, conditions([condition("Ready", "True", "", ""), condition("Stalled", "False", "", "")])),
        ),
        (
            "being deleted",
            json!({ "metadata": { "deletionTimestamp": "2026-01-05T10:00:00Z", "finalizers": ["example.com/guard"] } }),
        ),
    ];
    insta::assert_snapshot!(table(&kind("example.com/v1", "Widget"), &cases), @r#"
    ready => Current
    not ready => InProgress NoDatabase: Ready is False: database holm does not exist
    not ready, no words => InProgress NotReady: Ready is Unknown
    an older generation was ready => InProgress LatestGenerationNotObserved: condition Ready is still of an older generation
    this generation is ready => Current
    status of an older generation => InProgress LatestGenerationNotObserved: its controller has seen generation 1 and not yet 2
    other conditions only => Current
    phase only => Current
    reconciling => InProgress Progressing: 2 of 3 shards
    stalled => Failed InvalidSpec: size must be odd
    an older generation was stalled => InProgress Retrying: Ready is False: Retrying
    not stalled => Current
    being deleted => Terminating Finalizers: is being deleted and waits for example.com/guard
    "#);
}

#[test]
fn a_custom_resource_without_a_status_is_current_only_where_its_kind_has_none() {
    let widgets = kind("example.com/v1", "Widget");
    let lines = [None, Some(true), Some(false)].map(|has_status_subresource| {
        let surroundings = Surroundings { has_status_subresource, ..Surroundings::default() };
        let cases = [
            ("no status", json!({ "metadata": { "generation": 1 }, "spec": {} })),
            ("null", widget(1, Value::Null)),
            ("empty status", widget(1, json!({ "conditions": [], "nodes": {} }))),
            ("observed", widget(1, json!({ "observedGeneration": 1 }))),
        ];
        format!("{has_status_subresource:?}\n{}", table_with(&widgets, &surroundings, &cases))
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    None
    no status => InProgress NoStatusYet: has no status yet; whether its kind reports one is not known
    null => InProgress NoStatusYet: has no status yet; whether its kind reports one is not known
    empty status => InProgress NoStatusYet: has no status yet; whether its kind reports one is not known
    observed => Current
    Some(true)
    no status => InProgress NoStatusYet: its controller has not reported a status yet
    null => InProgress NoStatusYet: its controller has not reported a status yet
    empty status => InProgress NoStatusYet: its controller has not reported a status yet
    observed => Current
    Some(false)
    no status => Current NoStatus: its kind reports no status
    null => Current NoStatus: its kind reports no status
    empty status => Current NoStatus: its kind reports no status
    observed => Current
    "#);
    // A group of Kubernetes' own name is no proof of a kind of its own.
    let gateway = kind("gateway.networking.k8s.io/v1", "Gateway");
    insta::assert_snapshot!(table(&gateway, &[("no status", json!({}))]), @"no status => InProgress NoStatusYet: its controller has not reported a status yet");
}

#[test]
fn a_rule_of_the_users_own_replaces_what_ready_means() {
    let path = |text: &str| text.parse::<FieldPath>().expect("the paths in this test are well formed");
    let ready = ReadyWhen::condition("Synced");
    let degraded = ReadyWhen::Condition { condition: "Degraded".to_owned(), status: "False".to_owned() };
    let phase = ReadyWhen::Field { path: path("status.phase"), equals: json!("Done") };
    let size = ReadyWhen::Field { path: path("spec.size"), equals: json!(3) };
    let address = ReadyWhen::Present(path("status.addresses"));
    let all = ReadyWhen::All(vec![ready.clone(), phase.clone()]);
    let old = |status: Value| {
        let mut object = widget(2, status);
        object["status"]["observedGeneration"] = json!(1);
        object
    };
    let stalled = conditions([condition("Stalled", "True", "InvalidSpec", "size must be odd")]);
    let cases: Vec<(&str, &ReadyWhen, Value)> = vec![
        ("exists", &ReadyWhen::Exists, old(json!({}))),
        (
            "exists, being deleted",
            &ReadyWhen::Exists,
            json!({ "metadata": { "deletionTimestamp": "2026-01-05T10:00:00Z" } }),
        ),
        ("condition", &ready, widget(2, conditions([condition("Synced", "True", "", "")]))),
        ("condition missing", &ready, widget(2, json!({}))),
        ("condition false", &ready, widget(2, conditions([condition("Synced", "False", "Waiting", "for the vault")]))),
        ("condition of an older generation", &ready, widget(2, conditions([condition_of(1, "Synced", "True")]))),
        ("condition in an older status", &ready, old(conditions([condition("Synced", "True", "", "")]))),
        ("condition false as wanted", &degraded, widget(2, conditions([condition("Degraded", "False", "", "")]))),
        ("field", &phase, widget(2, json!({ "phase": "Done" }))),
        ("field differs", &phase, widget(2, json!({ "phase": "Half" }))),
        ("field is a map", &phase, widget(2, json!({ "phase": { "of": "moon" } }))),
        ("field missing", &phase, widget(2, json!({}))),
        ("field in an older status", &phase, old(json!({ "phase": "Done" }))),
        ("field outside of the status", &size, old(json!({}))),
        ("present", &address, widget(2, json!({ "addresses": ["192.0.2.7"] }))),
        ("empty", &address, widget(2, json!({ "addresses": [] }))),
        ("all", &all, widget(2, json!({ "phase": "Done", "conditions": [condition("Synced", "True", "", "")] }))),
        (
            "all but one",
            &all,
            widget(2, json!({ "phase": "Half", "conditions": [condition("Synced", "True", "", "")] })),
        ),
        ("stalled counts as failed", &ready, widget(2, stalled.clone())),
        ("stalled but ready by the rule", &size, widget(2, stalled)),
    ];
    let widgets = kind("example.com/v1", "Widget");
    let lines =
        cases.iter().map(|(name, rule, object)| line(name, &widgets, object, Some(rule), &Surroundings::default()));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    exists => Current
    exists, being deleted => Terminating Deleting: is being deleted
    condition => Current
    condition missing => InProgress ConditionMissing: condition Synced is not reported yet
    condition false => InProgress Waiting: condition Synced is False and not True: for the vault
    condition of an older generation => InProgress LatestGenerationNotObserved: condition Synced is still of an older generation
    condition in an older status => InProgress LatestGenerationNotObserved: its controller has seen generation 1 and not yet 2
    condition false as wanted => Current
    field => Current
    field differs => InProgress FieldDiffers: status.phase is "Half" and not "Done"
    field is a map => InProgress FieldDiffers: status.phase has not the expected value yet
    field missing => InProgress FieldMissing: status.phase is not set yet
    field in an older status => InProgress LatestGenerationNotObserved: its controller has seen generation 1 and not yet 2
    field outside of the status => Current
    present => Current
    empty => InProgress FieldMissing: status.addresses is not set yet
    all => Current
    all but one => InProgress FieldDiffers: status.phase is "Half" and not "Done"
    stalled counts as failed => Failed InvalidSpec: size must be odd
    stalled but ready by the rule => Current
    "#);
}

#[test]
fn an_empty_list_of_rules_asks_for_nothing() {
    let rule = ReadyWhen::All(Vec::new());
    assert!(assess(&kind("apps/v1", "Deployment"), &json!({}), Some(&rule), &Surroundings::default()).is_current());
}

#[test]
fn a_status_that_nobody_writes_is_waited_for_only_as_long_as_somebody_may_write_it() {
    let widgets = kind("example.com/v1", "Widget");
    let silent = json!({ "metadata": { "generation": 1 }, "spec": {} });
    let with = |change: &dyn Fn(&mut Surroundings)| {
        let mut surroundings = Surroundings { has_status_subresource: Some(true), ..Surroundings::default() };
        change(&mut surroundings);
        surroundings
    };
    let seconds = |seconds| Some(std::time::Duration::from_secs(seconds));
    let cases = [
        ("nothing known", with(&|_| {})),
        ("its schema keeps no status", with(&|it| it.can_report_status = Some(false))),
        ("its schema keeps one", with(&|it| it.can_report_status = Some(true))),
        ("changed just now", with(&|it| it.unchanged_for = seconds(14))),
        ("unchanged for long", with(&|it| it.unchanged_for = seconds(15))),
        (
            "unchanged for long, but others report",
            with(&|it| (it.unchanged_for, it.others_report_status) = (seconds(900), Some(true))),
        ),
        (
            "unchanged for long, and others do not report",
            with(&|it| (it.unchanged_for, it.others_report_status) = (seconds(900), Some(false))),
        ),
        (
            "unchanged for long, but its operator starts",
            with(&|it| (it.unchanged_for, it.is_operator_pending) = (seconds(900), true)),
        ),
    ];
    let lines = cases.iter().map(|(name, surroundings)| line(name, &widgets, &silent, None, surroundings));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    nothing known => InProgress NoStatusYet: its controller has not reported a status yet
    its schema keeps no status => Current NoStatus: its kind reports no status
    its schema keeps one => InProgress NoStatusYet: its controller has not reported a status yet
    changed just now => InProgress NoStatusYet: its controller has not reported a status yet
    unchanged for long => Current NoStatusReported: no controller has reported a status within 15 s
    unchanged for long, but others report => InProgress NoStatusYet: its controller has not reported a status yet
    unchanged for long, and others do not report => Current NoStatusReported: no controller has reported a status within 15 s
    unchanged for long, but its operator starts => InProgress NoStatusYet: its controller has not reported a status yet
    ");
}

#[test]
fn the_last_change_of_a_specification_is_told_by_who_wrote_what() {
    let entry = |time: &str, fields: Value, subresource: &str| json!({ "manager": "m", "time": time, "fieldsV1": fields, "subresource": subresource });
    let object = json!({ "metadata": {
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [
            entry("2026-01-02T00:00:00Z", json!({ "f:spec": { "f:size": {} } }), ""),
            entry("2026-01-03T00:00:00Z", json!({ "f:data": {}, "f:metadata": {} }), ""),
            entry("2026-01-04T00:00:00Z", json!({ "f:metadata": { "f:labels": {} } }), ""),
            entry("2026-01-05T00:00:00Z", json!({ "f:status": {} }), "status"),
            entry("2026-01-06T00:00:00Z", json!({ "f:spec": {} }), "scale"),
        ],
    } });
    let last = |object: &Value| last_change(object).map(|time| time.to_string());
    assert_eq!(last(&object).as_deref(), Some("2026-01-03T00:00:00Z"));
    let without = json!({ "metadata": { "creationTimestamp": "2026-01-01T00:00:00Z" } });
    assert_eq!(last(&without).as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(last(&json!({})), None);
}

#[test]
fn a_schema_tells_whether_a_status_is_kept() {
    let kept = |schema: Value| {
        let definition = json!({ "spec": { "versions": [{ "name": "v1", "schema": { "openAPIV3Schema": schema } }] } });
        can_report_status(&definition, "v1")
    };
    let status = |status: Value| json!({ "type": "object", "properties": { "spec": {}, "status": status } });
    let cases = [
        (json!({ "type": "object" }), false),
        (json!({ "type": "object", "properties": { "spec": { "type": "object" } } }), false),
        (json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }), true),
        (status(json!({ "type": "object" })), false),
        (status(json!({ "type": "object", "properties": {} })), false),
        (status(json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })), true),
        (status(json!({ "type": "object", "properties": { "phase": { "type": "string" } } })), true),
        (status(json!({ "type": "object", "additionalProperties": { "type": "string" } })), true),
        (status(json!({ "type": "object", "additionalProperties": true })), true),
        (status(json!({ "type": "string" })), true),
    ];
    for (schema, expected) in cases {
        assert_eq!(kept(schema.clone()), Some(expected), "{schema}");
    }
    assert_eq!(can_report_status(&json!({ "spec": { "versions": [] } }), "v1"), None);
}

#[test]
fn a_generation_may_be_a_text() {
    let widgets = kind("example.com/v1", "Widget");
    let seen = |observed: Value| widget(2, json!({ "observedGeneration": observed, "phase": "Done" }));
    let cases = [
        ("seen", seen(json!("2"))),
        ("older", seen(json!("1"))),
        ("a hash", seen(json!("5f7d9"))),
        ("empty", seen(json!(""))),
    ];
    insta::assert_snapshot!(table(&widgets, &cases), @"
    seen => Current
    older => InProgress LatestGenerationNotObserved: its controller has seen generation 1 and not yet 2
    a hash => Current
    empty => Current
    ");
}
