//! Jobs that fail, and how they run again.

use super::{Case, config_map, deployment};

/// A Job `migrate` that fails at its first pod; with another tag of the image it does what that says.
fn job(tag: &str, extra: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: migrate}}, spec: {{backoffLimit: 0, {extra} template: {{spec: \
         {{restartPolicy: Never, containers: [{{name: m, image: 'example.org/migrate:{tag}'}}]}}}}}}}}\n---\n"
    )
}

#[test]
fn a_failed_job_is_said_by_the_plan_and_replaced_when_its_declaration_changes() {
    let case = Case::begun("job-changed");
    let failed = case.apply(&job("job-fail", ""));
    failed.expect_code(1).expect("gave up").expect("run it again with --rerun Job/migrate");
    let plan = case.plan(&job("job-fail", ""));
    plan.expect_code(0).expect("No changes, and 1 Job has failed: ");
    plan.expect_line(&["Job/migrate", "has failed (BackoffLimitExceeded)"]);
    // A field that could change in place would not make it run again.
    let mutable = case.plan(&job("job-fail", "ttlSecondsAfterFinished: 3600,"));
    mutable.expect_code(2).expect_line(&["-/+ Job/migrate", "has failed (BackoffLimitExceeded), and runs again"]);
    mutable.expect("spec.ttlSecondsAfterFinished");
    let repaired = job("2", "");
    case.plan(&repaired).expect_code(2).expect("-/+ Job/migrate");
    case.apply(&repaired).expect_code(0).expect("1 replaced");
    case.plan(&repaired).expect_code(0).expect("No changes: ").expect_not("has failed");
}

#[test]
fn a_failed_job_runs_again_when_that_is_asked_for() {
    let case = Case::begun("job-rerun");
    let text = job("job-fail", "") + &config_map("old", "1");
    case.apply(&text).expect_code(1);
    // Nothing was written, so nothing is said of a write; and what left the program stays while the stack does not work.
    let again = case.apply(&job("job-fail", ""));
    again.expect_code(1).expect("nothing is deleted while Job/migrate is not ready").expect_not("failed write");
    again.expect("--rerun Job/migrate");
    let plan = case.run(&["plan", "--detailed-exitcode", "--rerun", "Job/migrate"], &text);
    plan.expect_code(2).expect_line(&["-/+ Job/migrate", "runs again: --rerun names it"]).expect("1 to replace");
    let before = case.session.cluster.must_get("job", "job-rerun", "migrate")["metadata"]["uid"].clone();
    case.run(&["apply", "--yes", "--rerun", "Job/job-rerun/migrate"], &text).expect_code(1).expect("gave up");
    assert_ne!(case.session.cluster.must_get("job", "job-rerun", "migrate")["metadata"]["uid"], before);
    let unknown = case.run(&["plan", "--rerun", "Job/migrat"], &text);
    unknown.expect_code(1).expect("the stack has no Job of that name").expect("its Jobs: Job/migrate");
}

#[test]
fn a_completed_job_runs_again_too() {
    let case = Case::begun("job-completed");
    let text = job("1", "");
    case.apply(&text).expect_code(0);
    let again = ["apply", "--yes", "--rerun", "Job/migrate"];
    case.run(&again, &text).expect_code(0).expect("1 replaced");
    // One that its time to live removed is made anew.
    let short_lived = job("1", "ttlSecondsAfterFinished: 0,");
    case.apply(&short_lived).expect_code(0);
    holm_e2e::eventually("it is removed", || {
        case.session.cluster.get("job", "job-completed", "migrate").is_none().then_some(())
    });
    case.plan(&short_lived).expect_code(0).expect("No changes");
    case.run(&again, &short_lived).expect_code(0).expect("1 created");
}

#[test]
fn a_job_that_failed_does_not_wait_for_what_repairs_something_else() {
    let case = Case::begun("job-repaired");
    let text = |value: &str, tag: &str| {
        let job = job("job-fail", "").replace(
            "restartPolicy: Never,",
            "restartPolicy: Never, volumes: [{name: v, configMap: {name: settings}}],",
        );
        config_map("settings", value)
            + &job
            + &deployment("", &format!("containers: [{{name: c, image: 'example.org/web:{tag}'}}]"))
    };
    case.apply(&text("1", "1")).expect_code(1);
    // What it reads is written by this run, which does not bring it to run again: the run ends long before its limit.
    let repaired = case.apply(&text("2", "2"));
    repaired
        .expect_code(1)
        .expect("gave up")
        .expect("--rerun Job/migrate")
        .expect_line(&["~ Deployment/web", "updated"]);
}
