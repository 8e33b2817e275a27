//! Changes of a stack that runs: what is updated, replaced, refused, pruned, kept, adopted, and left alone.

use holm_e2e::{ControlPlane, Finished, Program, Session};

const EVERYTHING: &str = "secret,configmap,persistentvolumeclaim,deployment,service";

/// A stack that is applied.
fn applied(name: &str) -> Session {
    let session = begun(name);
    apply(&session, &[]).expect_code(0);
    session
}

fn begun(name: &str) -> Session {
    Session::new(ControlPlane::shared("changes"), name)
}

/// The stack with other values.
fn variant(session: &Session, arguments: &[&str], values: &[(&str, &str)]) -> Program {
    let program = session.workspace("variant-pg", arguments);
    values.iter().fold(program, |program, (key, value)| program.config(key, value))
}

fn apply(session: &Session, values: &[(&str, &str)]) -> Finished {
    session.run(&variant(session, &["apply", "--yes", "--timeout", "60s"], values))
}

fn plan(session: &Session, values: &[(&str, &str)]) -> Finished {
    session.run(&variant(session, &["plan", "--output", "json"], values))
}

#[test]
fn a_second_apply_moves_no_resource_version_and_mutates_nothing() {
    let session = applied("second-apply");
    let versions = session.cluster.versions(EVERYTHING, "second-apply");
    let audit = session.audit();
    apply(&session, &[]).expect_code(0);
    audit.assert_nothing_mutated();
    assert_eq!(session.cluster.versions(EVERYTHING, "second-apply"), versions);
    let plan = session.run(&variant(&session, &["plan", "--detailed-exitcode"], &[]));
    plan.expect_code(0).expect("No changes");
    let thorough = session.run(&variant(&session, &["plan", "--detailed-exitcode", "--thorough"], &[]));
    thorough.expect_code(0).expect("No changes");
    audit.assert_nothing_mutated();
}

#[test]
fn a_plan_without_changes_costs_few_requests() {
    let session = applied("cheap");
    let audit = session.audit();
    plan(&session, &[]).expect_code(0);
    audit.assert_at_most(20);
}

#[test]
fn what_kubectl_scaled_is_drift_with_its_name_and_is_mended() {
    let session = applied("scaled");
    session.cluster.scale("deployment", "scaled", "postgres", 2);
    let planned = plan(&session, &[]);
    let document = planned.plan();
    assert_eq!(document.changed(), ["update Deployment/postgres"]);
    assert_eq!(document.change("Deployment/postgres")["reason"]["code"], "drift");
    let field = document.field("Deployment/postgres", "spec.replicas");
    assert_eq!(field["drift"]["manager"], "kubectl");
    apply(&session, &[]).expect_code(0);
    let deployment = session.cluster.must_get("deployment", "scaled", "postgres");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert!(plan(&session, &[]).plan().changed().is_empty());
}

#[test]
fn an_image_that_somebody_set_is_drift_and_is_mended() {
    let session = applied("set-image");
    session.cluster.set_image("set-image", "postgres", "postgres", "postgres:16-alpine");
    let text = session.run(&variant(&session, &["plan"], &[]));
    text.expect_line(&["containers[postgres].image", "postgres:16-alpine", "postgres:15-alpine"]).expect("kubectl-set");
    apply(&session, &[]).expect_code(0);
    assert!(plan(&session, &[]).plan().changed().is_empty());
}

#[test]
fn what_somebody_deleted_is_made_again() {
    let session = applied("deleted");
    session.cluster.delete("service", "deleted", "postgres");
    let document = plan(&session, &[]).plan();
    assert_eq!(document.changed(), ["create Service/postgres"]);
    assert_eq!(document.change("Service/postgres")["reason"]["code"], "deleted_from_cluster");
    apply(&session, &[]).expect_code(0);
    session.cluster.must_get("service", "deleted", "postgres");
}

#[test]
fn a_label_of_another_manager_is_left_alone() {
    let session = applied("label");
    session.cluster.label("deployment", "label", "postgres", "team", "storage");
    assert!(plan(&session, &[]).plan().changed().is_empty());
    apply(&session, &[("image", "postgres:15.1-alpine")]).expect_code(0);
    let deployment = session.cluster.must_get("deployment", "label", "postgres");
    assert_eq!(deployment["metadata"]["labels"]["team"], "storage");
}

#[test]
fn a_changed_image_is_an_update_and_one_request_applies_it() {
    let session = applied("image");
    let values = [("image", "postgres:15.4-alpine")];
    let document = plan(&session, &values).plan();
    assert_eq!(document.changed(), ["update Deployment/postgres"]);
    assert_eq!(document.change("Deployment/postgres")["reason"]["code"], "declaration");
    let path = "spec.template.spec.containers[postgres].image";
    assert_eq!(document.field("Deployment/postgres", path)["after"]["value"], "postgres:15.4-alpine");
    let audit = session.audit();
    apply(&session, &values).expect_code(0);
    if let Some(mutating) = audit.mutating() {
        let written: Vec<&str> = mutating
            .iter()
            .filter(|request| !request.name.starts_with("holm."))
            .map(|request| request.resource.as_str())
            .collect();
        assert_eq!(written, ["deployments"], "{mutating:?}");
    }
    assert!(plan(&session, &values).plan().changed().is_empty());
}

#[test]
fn a_change_that_reaches_only_an_empty_volume_says_so() {
    let session = applied("empty-volume");
    let plan = session.run(&variant(&session, &["plan"], &[("note", "second")]));
    plan.expect_code(0)
        .expect("~ ConfigMap/postgres-init")
        .expect("note: PostgreSQL runs this only on an empty volume");
}

#[test]
fn a_field_that_left_the_program_leaves_the_object() {
    let session = begun("left-field");
    apply(&session, &[("annotation", "here")]).expect_code(0);
    let document = plan(&session, &[]).plan();
    assert_eq!(document.changed(), ["update Deployment/postgres"]);
    apply(&session, &[]).expect_code(0);
    let deployment = session.cluster.must_get("deployment", "left-field", "postgres");
    assert_eq!(deployment["metadata"]["annotations"].get("holm.dev/note"), None);
    assert!(plan(&session, &[]).plan().changed().is_empty());
}

#[test]
fn a_changed_selector_is_a_replace_with_its_cause() {
    let session = applied("selector");
    let values = [("label", "database")];
    let text = session.run(&variant(&session, &["plan"], &values));
    text.expect_code(0).expect("-/+ Deployment/postgres").expect_line(&["because", "spec.selector", "immutable"]);
    let uid = session.cluster.must_get("deployment", "selector", "postgres")["metadata"]["uid"].clone();
    apply(&session, &values).expect_code(0);
    let deployment = session.cluster.must_get("deployment", "selector", "postgres");
    assert_ne!(deployment["metadata"]["uid"], uid);
    assert_eq!(deployment["spec"]["selector"]["matchLabels"]["role"], "database");
    assert!(plan(&session, &values).plan().changed().is_empty());
}

#[test]
fn a_changed_storage_class_is_refused_with_its_cause_and_consent_replaces_the_claim() {
    let session = applied("class");
    let values = [("class", "immediate")];
    let planned = plan(&session, &values);
    planned.expect_code(1);
    assert_eq!(planned.plan().blockers(), ["PersistentVolumeClaim/postgres-pvc replace_needs_consent"]);
    let text = session.run(&variant(&session, &["plan"], &values));
    text.expect_code(1).expect("immutable").expect("--allow-delete PersistentVolumeClaim/postgres-pvc");
    let audit = session.audit();
    apply(&session, &values).expect_code(1);
    audit.assert_nothing_mutated();
}

#[test]
fn a_removed_service_is_pruned() {
    let session = applied("pruned");
    let values = [("service", "no")];
    let document = plan(&session, &values).plan();
    assert_eq!(document.changed(), ["delete Service/postgres"]);
    apply(&session, &values).expect_code(0);
    assert_eq!(session.cluster.get("service", "pruned", "postgres"), None);
    assert!(plan(&session, &values).plan().changed().is_empty());
}

#[test]
fn a_removed_claim_is_kept_until_consent() {
    let session = applied("kept");
    let values = [("claim", "no")];
    let document = plan(&session, &values).plan();
    assert_eq!(document.change("PersistentVolumeClaim/postgres-pvc")["action"], "keep");
    apply(&session, &values).expect_code(0);
    session.cluster.must_get("persistentvolumeclaim", "kept", "postgres-pvc");
    // It is still the stack's, however often it is applied.
    let again = plan(&session, &values).plan();
    assert_eq!(again.change("PersistentVolumeClaim/postgres-pvc")["action"], "keep");
    let consent = ["apply", "--yes", "--allow-delete", "PersistentVolumeClaim/postgres-pvc"];
    session.run(&variant(&session, &consent, &values)).expect_code(0);
    assert_eq!(session.cluster.get("persistentvolumeclaim", "kept", "postgres-pvc"), None);
}

#[test]
fn destroy_keeps_data_and_what_it_lives_in_until_consent() {
    let session = applied("destroyed");
    // Consent to the namespace is no consent to what is in it.
    let consent = ["destroy", "--yes", "--allow-delete", "Namespace/destroyed"];
    let destroyed = session.run(&variant(&session, &consent, &[]));
    destroyed.expect_code(0).expect_line(&["=", "PersistentVolumeClaim/postgres-pvc", "protected"]);
    destroyed.expect_line(&["=", "Namespace/destroyed", "could not live without it"]).expect("--allow-delete");
    let left = session.cluster.versions(EVERYTHING, "destroyed");
    assert!(left.contains_key("PersistentVolumeClaim/postgres-pvc"), "{left:?}");
    assert!(!left.contains_key("Deployment/postgres"), "{left:?}");
    assert!(!left.contains_key("Service/postgres"), "{left:?}");
    let consent = "PersistentVolumeClaim/postgres-pvc,Secret/postgres-secret,Namespace/destroyed";
    let destroyed = session.run(&variant(&session, &["destroy", "--yes", "--allow-delete", consent], &[]));
    destroyed.expect_code(0);
    assert_eq!(session.cluster.get("namespace", "", "destroyed"), None);
}

#[test]
fn destroy_deletes_dependents_first() {
    let session = applied("reverse");
    let audit = session.audit();
    session.run(&variant(&session, &["destroy", "--yes"], &[])).expect_code(0);
    let Some(mutating) = audit.mutating() else { return };
    let deleted: Vec<&str> =
        mutating.iter().filter(|request| request.verb == "delete").map(|request| request.resource.as_str()).collect();
    let position = |resource: &str| deleted.iter().position(|deleted| *deleted == resource);
    assert!(position("deployments").is_some(), "{deleted:?}");
    assert!(position("deployments") < position("configmaps"), "{deleted:?}");
}

#[test]
fn an_object_that_kubectl_made_is_adopted_and_the_plan_says_so() {
    let session = begun("adopted");
    let cluster = &session.cluster;
    cluster.create(&serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "adopted"}}));
    cluster.create(&serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "postgres-init", "namespace": "adopted"},
        "data": {"note": "foreign"},
    }));
    let document = plan(&session, &[]).plan();
    assert_eq!(document.change("ConfigMap/postgres-init")["action"], "adopt");
    assert_eq!(document.change("Namespace/adopted")["action"], "adopt");
    apply(&session, &[]).expect_code(1).expect("is not managed by this stack");
    let consented = ["apply", "--yes", "--timeout", "60s", "--adopt", "ConfigMap/postgres-init"];
    session.run(&variant(&session, &consented, &[])).expect_code(0);
    let config_map = cluster.must_get("configmap", "adopted", "postgres-init");
    assert_eq!(config_map["data"]["note"], "first");
    assert!(plan(&session, &[]).plan().changed().is_empty());
}

#[test]
fn two_stacks_do_not_take_an_object_from_each_other() {
    let session = applied("contested");
    let other = ["apply", "--yes", "--stack", "other"];
    let refused = session.run(&variant(&session, &other, &[]));
    refused.expect_code(1).expect("managed by variant-pg/default");
    let audit = session.audit();
    session.run(&variant(&session, &other, &[])).expect_code(1);
    audit.assert_nothing_mutated();
    assert!(plan(&session, &[]).plan().changed().is_empty());
}

#[test]
fn another_appliers_field_is_a_conflict_that_names_it() {
    let session = applied("conflict");
    let deployment = serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "postgres", "namespace": "conflict"}, "spec": {"replicas": 2},
    });
    session.cluster.apply_as("autoscaler", &deployment);
    let planned = session.run(&variant(&session, &["plan"], &[]));
    planned.expect_code(1).expect_line(&["spec.replicas", "autoscaler"]);
    let audit = session.audit();
    apply(&session, &[]).expect_code(1);
    audit.assert_nothing_mutated();
    let document = plan(&session, &[("policy", "take-over")]).plan();
    assert_eq!(document.change("Deployment/postgres")["overruled"][0]["manager"], "autoscaler");
    apply(&session, &[("policy", "take-over")]).expect_code(0);
    let deployment = session.cluster.must_get("deployment", "conflict", "postgres");
    assert_eq!(deployment["spec"]["replicas"], 1);
}

#[test]
fn a_target_changes_only_itself_and_what_it_needs() {
    let session = begun("target");
    let arguments = ["apply", "--yes", "--target", "ConfigMap/postgres-init"];
    session.run(&variant(&session, &arguments, &[])).expect_code(0);
    session.cluster.must_get("configmap", "target", "postgres-init");
    assert_eq!(session.cluster.get("deployment", "target", "postgres"), None);
    apply(&session, &[]).expect_code(0);
    // What is removed or changed beside the target stays as it is.
    let values = [("service", "no"), ("image", "postgres:15.4-alpine"), ("note", "second")];
    session.run(&variant(&session, &arguments, &values)).expect_code(0);
    session.cluster.must_get("service", "target", "postgres");
    let config_map = session.cluster.must_get("configmap", "target", "postgres-init");
    assert_eq!(config_map["data"]["note"], "second");
    let deployment = session.cluster.must_get("deployment", "target", "postgres");
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], "postgres:15-alpine");
}

#[test]
fn values_of_other_resources_are_known_after_apply() {
    let session = begun("outputs");
    let workspace = |arguments: &[&str]| session.run(&session.workspace("outputs", arguments));
    let planned = workspace(&["plan", "--details"]);
    planned.expect_code(0).expect("known after apply");
    workspace(&["apply", "--yes"]).expect_code(0);
    let address = session.cluster.must_get("service", "outputs", "server")["spec"]["clusterIP"].clone();
    let address = address.as_str().expect("a Service has an address");
    let config_map = session.cluster.must_get("configmap", "outputs", "client");
    assert_eq!(config_map["data"]["address"], address);
    assert_eq!(config_map["data"]["url"], format!("http://{address}:80/"));
    assert_eq!(session.secret("outputs", "client", "url"), format!("http://{address}:80/"));
    workspace(&["plan", "--detailed-exitcode"]).expect_code(0);
    let output = workspace(&["outputs", "address"]);
    assert_eq!(output.stdout.trim(), address);
}

#[test]
fn the_password_survives_the_loss_of_the_inventory() {
    let session = applied("lost");
    let password = session.secret("lost", "postgres-secret", "password");
    session.cluster.delete("configmap", "lost", "holm.variant-pg.default");
    apply(&session, &[]).expect_code(0);
    assert_eq!(session.secret("lost", "postgres-secret", "password"), password);
    assert!(plan(&session, &[]).plan().changed().is_empty());
    session.assert_never_shown(&password);
}

#[test]
fn a_terminal_is_asked_and_only_yes_is_yes() {
    let session = begun("asked");
    let audit = session.audit();
    let declined = session.keep(variant(&session, &["apply"], &[]).run_on_terminal("no\n"));
    declined.expect_code(1).expect("[y/N]").expect("not confirmed");
    audit.assert_nothing_mutated();
    let agreed = session.keep(variant(&session, &["apply"], &[]).run_on_terminal("yes\n"));
    agreed.expect_code(0);
    session.cluster.must_get("deployment", "asked", "postgres");
    session.assert_never_shown(&session.secret("asked", "postgres-secret", "password"));
}

#[test]
fn machines_get_every_event_on_a_line_and_a_report_at_the_end() {
    let session = begun("machines");
    let applied = session.run(&variant(&session, &["apply", "--yes", "--output", "json"], &[]));
    applied.expect_code(0);
    let lines = applied.json_lines();
    let created: Vec<&str> = lines
        .iter()
        .filter(|line| line["type"] == "ready")
        .filter_map(|line| line["resource"]["kind"].as_str())
        .collect();
    assert!(created.contains(&"Deployment"), "{applied}");
    let report = lines.last().expect("there are lines");
    assert_eq!((&report["schema"], &report["outcome"]), (&"holm.report/v1".into(), &"done".into()), "{applied}");
}

#[test]
fn colours_are_for_terminals_and_no_color_is_honoured() {
    let session = begun("colours");
    let apply = variant(&session, &["apply"], &[]);
    let colourful = session.keep(apply.clone().env("NO_COLOR", "").env("TERM", "xterm").run_on_terminal("no\n"));
    assert!(colourful.stderr.contains("\u{1b}["), "{colourful}");
    assert!(!colourful.stdout.contains("\u{1b}["), "standard output is a pipe here\n{colourful}");
    let plain = session.keep(apply.env("TERM", "xterm").run_on_terminal("no\n"));
    assert!(!plain.stderr.contains("\u{1b}["), "{plain}");
}
