//! What containers log while a run waits for them.

use super::{Case, deployment};

/// A Job whose pods log a text and then do what the tag of the image says.
fn job(tag: &str, text: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: migrate}}, spec: {{backoffLimit: 0, template: {{metadata: {{annotations: \
         {{holm.dev/log: '{text}'}}}}, spec: {{restartPolicy: Never, containers: [{{name: m, image: 'example.org/migrate:{tag}'}}]}}}}}}}}\n---\n"
    )
}

#[test]
fn the_logs_of_jobs_are_shown_with_their_pods() {
    let case = Case::begun("job-logs");
    let applied = case.apply(&job("1", "applied 3 migrations"));
    applied.expect_code(0).expect_line(&["| migrate-", " m ", "applied 3 migrations"]);
    let failed = case.apply(&job("job-fail", "relation already exists"));
    failed.expect_code(1).expect_line(&["| migrate-", " m ", "relation already exists"]);
    let silent = case.run(&["apply", "--yes", "--logs=none"], &job("2", "applied 4 migrations"));
    silent.expect_code(0).expect_not("| migrate-");
    let json = case.run(&["apply", "--yes", "-o", "json"], &job("3", "applied 5 migrations"));
    json.expect_code(0).expect_line(&[r#""type":"log""#, r#""container":"m""#, r#""message":"applied 5 migrations""#]);
}

#[test]
fn the_logs_of_what_rolls_out_are_shown_where_that_is_asked_for() {
    let case = Case::begun("rollout-logs");
    let text = |tag: &str, line: &str| {
        let annotated = format!("{{metadata: {{annotations: {{holm.dev/log: '{line}'}}, labels: {{app: web}}}}");
        let pod = format!(
            "containers: [{{name: c, image: 'example.org/web:{tag}', readinessProbe: {{httpGet: {{port: 80}}}}}}]"
        );
        deployment("", &pod).replace("{metadata: {labels: {app: web}}", &annotated)
    };
    case.apply(&text("never-ready", "loading")).expect_code(1);
    let quiet = case.run(&["apply", "--yes", "--timeout", "6s"], &text("never-ready", "listening"));
    quiet.expect_code(1).expect_not("| web-");
    let shown =
        case.run(&["apply", "--yes", "--logs", "--timeout", "6s"], &text("never-ready", "waiting for the database"));
    shown.expect_code(1).expect_line(&["| web-", " c ", "waiting for the database"]);
}

#[test]
fn no_secret_value_stands_in_a_shown_log() {
    let case = Case::begun("secret-logs");
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {token: canary-4b7d19}}\n---\n";
    let applied = case.apply(&format!("{secret}{}", job("1", "login with canary-4b7d19 failed")));
    applied.expect_code(0).expect_line(&["| migrate-", "login with (sensitive) failed"]);
    case.session.assert_never_written("login with canary-4b7d19");
}
