//! Generated values and the Secrets that keep them.

use super::*;

fn secret_stack() -> Stack {
    let stack = stack();
    let password = stack.generated("password", Password::alphanumeric(20));
    let url = Input::template("db://{p}@host", [("p", password.clone().url_encode())]);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    stack.add(Manifest::new(secret).with_input("data.password", password.base64()).with_input("stringData.url", url));
    stack
}

#[test]
fn a_secret_never_shows_its_values() {
    let graph = secret_stack().build().unwrap();
    let mut observed = settled(&graph);
    let secret = id("Secret", "s");
    let after = observed.object(&secret).unwrap();
    edit(&mut observed, &secret, |live| {
        live["data"]["url"] = json!("aHVudGVyMg==");
        live["metadata"]["managedFields"][0]["fieldsV1"]["f:data"].as_object_mut().unwrap().remove("f:url");
    });
    observed.dry_runs.insert(secret, DryRun::Accepted { object: after.into(), overruled: Vec::new() });
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    assert_eq!(plan.changes[0].fields[0].before, Shown::Sensitive);
    let everything = format!("{plan:?} {observed:?} {graph:?}");
    for value in ["made-before", "bWFkZS1iZWZvcmU", "hunter2", "aHVudGVyMg"] {
        assert!(!everything.contains(value), "{value} in {everything}");
    }
}

#[test]
fn a_generated_value_is_read_back_and_made_only_where_none_can_be() {
    let graph = secret_stack().build().unwrap();
    let observed = settled(&graph);
    let mut made = 0;
    let mut state = |live: &std::collections::BTreeMap<ResourceId, Live>| {
        let mut fresh = |_: &Password| {
            made += 1;
            Sensitive::from("fresh")
        };
        let inventory = Inventory::default();
        holm_planner::observe::generated(&graph, &inventory, live, &BTreeSet::new(), &mut fresh)["password"].clone()
    };
    assert_eq!(state(&observed.live), GeneratedState::Found("made-before".into()));
    let unreadable = [(id("Secret", "s"), Live::Unreadable("forbidden".into()))].into();
    assert_eq!(state(&unreadable), GeneratedState::Unreadable("forbidden".into()));
    let absent = [(id("Secret", "s"), Live::Absent)].into();
    assert_eq!(state(&absent), GeneratedState::Fresh("fresh".into()));
    assert_eq!(made, 1);
}

#[test]
fn a_generated_value_that_is_lost_blocks_until_it_is_made_anew_by_name() {
    let stack = secret_stack();
    let user = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"},
        "spec": {"containers": [{"name": "c", "image": "x", "env": [
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}}
        ]}]},
    });
    stack.add(Manifest::new(user));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    observed.live.insert(id("Secret", "s"), Live::Absent);
    let state = |observed: &Observed, regenerate: &[&str]| {
        let regenerate = regenerate.iter().map(|name| (*name).to_owned()).collect();
        let mut fresh = |_: &Password| Sensitive::from("fresh");
        holm_planner::observe::generated(&graph, &observed.inventory, &observed.live, &regenerate, &mut fresh)
    };
    observed.generated = state(&observed, &[]);
    assert!(matches!(observed.generated["password"], GeneratedState::Lost(_)));
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    insta::assert_snapshot!(plan.blockers[0].kind, @r#"the generated value "password" is lost: Secret/n/s (data.password) does not have it any more; in use by Pod/n/user"#);
    assert_eq!(state(&observed, &["password"])["password"], GeneratedState::Fresh("fresh".into()));
    // An emptied key is a loss, too; an intent of a run that was killed before it wrote is none.
    observed.live.insert(id("Secret", "s"), Live::found(&json!({"metadata": {"uid": "uid-s"}, "data": {}})));
    assert!(matches!(state(&observed, &[])["password"], GeneratedState::Lost(_)));
    observed.inventory.entries.get_mut(&id("Secret", "s")).unwrap().uid = None;
    assert_eq!(state(&observed, &[])["password"], GeneratedState::Fresh("fresh".into()));
}

#[test]
fn a_generated_value_whose_secret_a_killed_destroy_deleted_is_not_lost() {
    let graph = secret_stack().build().unwrap();
    let mut observed = settled(&graph);
    let allow_delete = BTreeSet::from(["Secret/s".to_owned()]);
    let destroy = PlanOptions { destroy: true, allow_delete, ..PlanOptions::default() };
    let intent = run(&graph.emptied(), &mut observed, &destroy).intent;
    assert!(intent.entries[&id("Secret", "s")].uid.is_some(), "the intent still owns it");
    let live = [(id("Secret", "s"), Live::Absent)].into();
    let mut fresh = |_: &Password| Sensitive::from("fresh");
    let states = holm_planner::observe::generated(&graph, &intent, &live, &BTreeSet::new(), &mut fresh);
    assert_eq!(states["password"], GeneratedState::Fresh("fresh".into()));
}

#[test]
fn a_generated_value_that_was_changed_by_hand_is_kept_and_its_author_named() {
    let graph = secret_stack().build().unwrap();
    let mut observed = settled(&graph);
    edit(&mut observed, &id("Secret", "s"), |live| {
        live["data"]["password"] = json!("Y2hhbmdlZA==");
        live["metadata"]["managedFields"][0]["fieldsV1"]["f:data"].as_object_mut().unwrap().remove("f:password");
        live["metadata"]["managedFields"].as_array_mut().unwrap().push(json!(
            {"manager": "kubectl-patch", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:data": {"f:password": {}}}}
        ));
    });
    observed.generated.insert("password".to_owned(), GeneratedState::Found("changed".into()));
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    let note = r#"the generated value "password" at data.password was changed by kubectl-patch at 2026-01-02T00:00:00Z; it is kept as it is now"#;
    assert_eq!(plan.changes[0].notes, [note]);
}
