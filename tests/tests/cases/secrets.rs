//! Secrets: their values reach no plan, however they are declared, and what is malformed is refused rather than dropped.

use serde_json::json;

use super::Case;

fn secret(rest: &str) -> String {
    format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{rest}\n")
}

#[test]
fn text_becomes_data_and_keys_that_leave_go() {
    let case = Case::new("case-string-data");
    let text = |user: &str, password: &str| {
        secret(&format!(
            "type: Opaque\ndata: {{password: b2xkLXZhbHVlLTE=}}\nstringData:\n  {user}: admin-value-1\n  password: {password}\n  multi: |\n    \
             line-one-secret\n    line-two-secret"
        ))
    };
    case.settle(&text("username", "t0p-Secret-value"));
    let after = text("user", "n3w-Secret-value");
    let planned = case.plan(&after);
    planned.expect_code(2).expect("+ data.user: (sensitive value)").expect("- data.username: (sensitive value)");
    planned.expect("~ data.password: (sensitive value changed)");
    case.settle(&after);
    let keys: Vec<String> = case.live("secret", "s")["data"].as_object().expect("a map").keys().cloned().collect();
    assert_eq!(keys, ["multi", "password", "user"]);
    // By hand, as `kubectl apply` with its copy in an annotation.
    let copy = r#"{"stringData":{"password":"hand-Secret-value"}}"#;
    let by_hand = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": copy}},
        "stringData": {"password": "hand-Secret-value"}});
    case.patch("secret", "s", &by_hand);
    case.run(&["plan", "--details"], &after).expect_code(0).expect("drift");
    case.run(&["plan", "--output", "json"], &after).expect_code(0);
    case.settle(&after);
    assert_eq!(case.session.secret("case-string-data", "s", "password"), "n3w-Secret-value");
    case.remove_files();
    for value in ["t0p-Secret-value", "n3w-Secret-value", "hand-Secret-value", "line-two-secret"] {
        case.session.assert_never_shown(value);
    }
}

#[test]
fn a_malformed_secret_is_refused_without_its_value_and_nothing_is_lost() {
    let case = Case::in_namespace("case-bad-secret");
    let good = secret("stringData: {password: s3cr3t-value}");
    case.settle(&good);
    let bad = [
        ("stringData: |\n  password: s3cr3t-value", "the value must be a map, and is text"),
        ("data: [{name: password, value: czNjcjN0}]", "the value must be a map, and is a list"),
        ("data: hunter5-string-value", "the value must be a map, and is text"),
        ("stringData: [hunter6-list-value]", "the value must be a map, and is a list"),
        ("data: {a: not-base64-plaintext-secret!!}", "the value is not base64"),
        ("stringData: {a: 12345678901, b: true}", "the value must be text and is a number"),
        ("data: {a: {nested: hunter7-nested}}", "the value must be text and is a map"),
        ("type: kubernetes.io/tls\nstringData: {tls.crt: hunter3-crt-value}", "needs the key"),
        ("stringData: {'bad key!': hunter4-bad-key-value}", "is no valid key"),
    ];
    for (rest, message) in bad {
        for arguments in [&["plan", "--details"][..], &["render"], &["apply", "--yes"]] {
            case.run(arguments, &secret(rest)).expect_code(1).expect(message);
        }
    }
    for value in [
        "s3cr3t-value",
        "hunter5-string-value",
        "hunter6-list-value",
        "not-base64-plaintext",
        "hunter7-nested",
        "hunter3-crt-value",
        "hunter4-bad-key-value",
        "czNjcjN0",
        "12345678901",
    ] {
        case.session.assert_never_written(value);
    }
    case.expect_nothing(&good);
    // A field beside the data that no Secret has.
    let stray = secret("data: {a: aHVudGVyOA==}\npassword: hunter9-toplevel");
    for arguments in [&["plan", "--details"][..], &["render"], &["apply", "--yes"]] {
        case.run(arguments, &stray);
    }
    case.session.assert_never_written("hunter9-toplevel");
}

#[test]
fn a_value_that_was_sensitive_stays_masked_when_it_leaves_or_becomes_plain() {
    let case = Case::new("case-was-secret");
    let line = |data: &str, secret: &str| {
        format!(
            "{{\"object\": {{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"cm\"}}, \"data\": {data}}}, \
             \"secret\": {secret}}}\n"
        )
    };
    let apply = |lines: &str| {
        case.run_lines(&["apply", "--yes"], lines).expect_code(0);
    };
    apply(&line(r#"{"plain": "p"}"#, r#"{"data.token": "first-secret-token"}"#));
    let planned = |lines: &str| case.run_lines(&["plan", "--detailed-exitcode"], lines);
    planned(&line(r#"{"plain": "p"}"#, "{}"))
        .expect_code(2)
        .expect("- data.token: (sensitive value)")
        .expect_not("drift");
    planned(&line(r#"{"plain": "p", "token": "x"}"#, "{}"))
        .expect_code(2)
        .expect("data.token: (sensitive value changed)");
    let moved = line(r#"{"plain": "p"}"#, r#"{"data.other": "second-secret-token"}"#);
    planned(&moved).expect_code(2).expect("+ data.other: (sensitive value)").expect_not("drift");
    case.run_lines(&["plan", "--output", "json"], &line(r#"{"plain": "p"}"#, "{}")).expect_code(0);
    apply(&moved);
    planned(&moved).expect_code(0);
    // The value itself, where the program calls it plain.
    planned(&line(r#"{"plain": "second-secret-token"}"#, "{}"))
        .expect_code(2)
        .expect("- data.other: (sensitive value)");
    apply(&line(r#"{"plain": "p"}"#, "{}"));
    planned(&line(r#"{"plain": "p"}"#, "{}")).expect_code(0).expect("No changes");
    case.remove_files();
    case.session.assert_never_shown("first-secret-token");
    case.session.assert_never_shown("second-secret-token");
}

#[test]
fn a_secret_in_an_environment_that_leaves_is_not_shown() {
    let case = Case::new("case-secret-leaves");
    let secret = r#"{"object": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "pw-very-secret-1"}}}"#;
    let deployment = |env: &str, secret: &str| {
        format!(
            "{{\"object\": {{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"metadata\": {{\"name\": \"d\"}}, \"spec\": \
             {{\"replicas\": 0, \"selector\": {{\"matchLabels\": {{\"app\": \"d\"}}}}, \"template\": {{\"metadata\": {{\"labels\": \
             {{\"app\": \"d\"}}}}, \"spec\": {{\"containers\": [{{\"name\": \"c\", \"image\": \"x:1\", \"env\": [{env}]}}]}}}}}}}}, \
             \"secret\": {secret}}}"
        )
    };
    let url = r#"{"spec.template.spec.containers[c].env[DB].value": "postgres://u:pw-very-secret-1@h"}"#;
    let (db, other) = (r#"{"name": "DB"}"#, r#"{"name": "X", "value": "1"}"#);
    let first = format!("{secret}\n{}\n", deployment(&format!("{db}, {other}"), url));
    case.run_lines(&["apply", "--yes"], &first).expect_code(0);
    let without = format!("{secret}\n{}\n", deployment(other, "{}"));
    let planned = case.run_lines(&["plan", "--details"], &without);
    planned.expect_code(0).expect("- spec.template.spec.containers[c].env[DB].value: (sensitive value)");
    // Also where the Secret that holds the value leaves with it, and by another order of the list.
    let alone = deployment(other, "{}") + "\n";
    case.run_lines(&["plan", "--details"], &alone).expect_code(0).expect("- Secret/s");
    let reordered = format!("{secret}\n{}\n", deployment(&format!("{other}, {db}"), url));
    case.run_lines(&["plan", "--details"], &reordered).expect_code(0).expect("env: order: DB, X -> X, DB");
    case.run_lines(&["apply", "--yes"], &alone).expect_code(0);
    case.run_lines(&["plan", "--detailed-exitcode", "--thorough"], &alone).expect_code(0);
    case.remove_files();
    case.session.assert_never_shown("pw-very-secret-1");
}
