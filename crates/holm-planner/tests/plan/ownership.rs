//! Whose the objects are: adoption, replacement, release and deletion.

use super::*;

/// Makes the object one that another client created: no label, no uid in the inventory, no field of ours.
fn made_by_another(observed: &mut Observed, id: &ResourceId) {
    observed.inventory.entries.remove(id);
    edit(observed, id, |live| {
        live["metadata"]["labels"].as_object_mut().unwrap().remove(PART_OF_LABEL);
        live["metadata"]["managedFields"][0]["manager"] = json!("kubectl-create");
        live["metadata"]["managedFields"][0]["operation"] = json!("Update");
        live["metadata"]["managedFields"][0]["fieldsV1"] = json!({"f:data": {"f:key": {}}});
    });
}

#[test]
fn an_object_of_another_client_is_adopted_with_consent_only() {
    let before = stack();
    before.add(config_map("one", "1"));
    before.add(config_map("two", "1"));
    let graph = before.build().unwrap();
    let mut observed = settled(&graph);
    made_by_another(&mut observed, &id("ConfigMap", "one"));
    made_by_another(&mut observed, &id("ConfigMap", "two"));
    insta::assert_snapshot!(lines(&run(&graph, &mut observed, &PlanOptions::default())), @r#"
    & ConfigMap/n/one: NotManaged (unchecked: no answer: the server was not asked)
        metadata.labels["applyset.kubernetes.io/part-of"]: Absent -> Value(String("applyset-CCZoJfzBwDc8MSZp7qsrpj09k6lcWaLyXEjdg19hsAc-v1"))
    & ConfigMap/n/two: NotManaged (unchecked: no answer: the server was not asked)
        metadata.labels["applyset.kubernetes.io/part-of"]: Absent -> Value(String("applyset-CCZoJfzBwDc8MSZp7qsrpj09k6lcWaLyXEjdg19hsAc-v1"))
    ! ConfigMap/n/one: ConfigMap/n/one, ConfigMap/n/two are not managed by this stack
    "#);
    let named = Adoption::Named(["ConfigMap/n/one".to_owned()].into());
    let plan = run(&graph, &mut observed, &PlanOptions { adopt: named, ..PlanOptions::default() });
    assert_eq!(plan.blockers[0].kind, BlockerKind::NeedsAdoption(vec![id("ConfigMap", "two")]));
    let plan = run(&graph, &mut observed, &PlanOptions { adopt: Adoption::All, ..PlanOptions::default() });
    assert!(plan.blockers.is_empty() && plan.count(Action::Adopt) == 2);
    assert!(plan.intent.entries.values().all(|entry| entry.adopted));

    let in_code = stack();
    in_code.add(config_map("one", "1").adopt());
    let plan = run(&in_code.build().unwrap(), &mut observed, &PlanOptions::default());
    assert!(plan.blockers.is_empty(), "{}", lines(&plan));
}

#[test]
fn what_was_adopted_is_released_and_deleted_only_by_name() {
    let graph = whole_stack().build().unwrap();
    let mut observed = settled(&graph);
    for entry in observed.inventory.entries.values_mut() {
        entry.adopted = true;
    }
    let destroy = PlanOptions { destroy: true, ..PlanOptions::default() };
    insta::assert_snapshot!(lines(&run(&graph.emptied(), &mut observed, &destroy)), @"
    x PersistentVolumeClaim/n/data: Adopted
    x ConfigMap/n/a: Adopted
    x Namespace/n: Adopted
    ");
    let named = ["ConfigMap/a".to_owned(), "Namespace/n".to_owned()];
    let plan = run(&graph.emptied(), &mut observed, &PlanOptions { allow_delete: named.into(), ..destroy });
    assert_eq!(plan.get(&id("ConfigMap", "a")).unwrap().action, Action::Delete);
    let namespace = ResourceId::new("", "Namespace", None, "n");
    assert_eq!(plan.get(&namespace).unwrap().action, Action::Release, "others may have objects in it");
}

#[test]
fn an_object_of_another_client_is_never_replaced_without_consent_by_name() {
    let before = stack();
    before.add(config_map("a", "1"));
    let mut observed = settled(&before.build().unwrap());
    made_by_another(&mut observed, &id("ConfigMap", "a"));
    let after = stack();
    let resource = after.add(config_map("a", "2"));
    let graph = after.build().unwrap();
    observed.dry_runs.insert(resource.id().clone(), immutable());
    for adopt in [Adoption::Nothing, Adoption::All] {
        let plan = run(&graph, &mut observed, &PlanOptions { adopt, ..PlanOptions::default() });
        assert_eq!(plan.changes[0].action, Action::Unknown, "{}", lines(&plan));
        assert!(matches!(plan.blockers[0].kind, BlockerKind::ReplaceNotManaged(_)), "{}", lines(&plan));
    }
    let allow_delete = BTreeSet::from(["ConfigMap/a".to_owned()]);
    let plan = run(&graph, &mut observed, &PlanOptions { allow_delete, ..PlanOptions::default() });
    let change = &plan.changes[0];
    assert!(plan.blockers.is_empty(), "{}", lines(&plan));
    assert_eq!((change.action, change.must_be_marked, change.uid.as_deref()), (Action::Replace, false, Some("uid-a")));
    // By replace_on_changes, too.
    let by_option = stack();
    by_option.add(config_map("a", "2").replace_on_changes("data.key"));
    let plan = run(&by_option.build().unwrap(), &mut observed, &PlanOptions::default());
    assert_eq!(plan.changes[0].action, Action::Unknown, "{}", lines(&plan));
}

#[test]
fn what_another_client_made_is_not_replaced_or_deleted_because_a_run_was_killed_over_it() {
    let before = stack();
    before.add(config_map("a", "1"));
    let graph = before.build().unwrap();
    let mut observed = settled(&graph);
    let is_of_both = |live: &mut Value| {
        let theirs =
            json!({"manager": "kubectl-create", "operation": "Update", "fieldsV1": {"f:data": {"f:theirs": {}}}});
        live["metadata"]["managedFields"].as_array_mut().unwrap().push(theirs);
    };
    edit(&mut observed, &id("ConfigMap", "a"), is_of_both);
    // The intent of a run that was to create it: it was applied, and nothing recorded.
    observed.inventory.entries.get_mut(&id("ConfigMap", "a")).unwrap().uid = None;
    let plan = run(&graph.emptied(), &mut observed, &PlanOptions { destroy: true, ..PlanOptions::default() });
    assert_eq!(plan.get(&id("ConfigMap", "a")).unwrap().action, Action::Release);
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    assert!(plan.get(&id("ConfigMap", "a")).unwrap().entry.as_ref().unwrap().adopted);

    // The same holds of one that is recorded as adopted.
    let changed = stack();
    changed.add(config_map("a", "2"));
    let changed = changed.build().unwrap();
    for uid in [None, Some("uid-a".to_owned())] {
        let entry = observed.inventory.entries.get_mut(&id("ConfigMap", "a")).unwrap();
        (entry.adopted, entry.uid) = (uid.is_some(), uid);
        observed.dry_runs.insert(id("ConfigMap", "a"), immutable());
        let plan = run(&changed, &mut observed, &PlanOptions::default());
        assert!(matches!(plan.blockers[0].kind, BlockerKind::ReplaceNeedsConsent(_)), "{}", lines(&plan));
        let named = PlanOptions { allow_delete: ["ConfigMap/a".to_owned()].into(), ..PlanOptions::default() };
        let plan = run(&changed, &mut observed, &named);
        assert!(plan.blockers.is_empty(), "{}", lines(&plan));
    }
}

#[test]
fn a_lost_inventory_is_recovered_and_nothing_is_adopted() {
    let graph = whole_stack().build().unwrap();
    let mut observed = settled(&graph);
    observed.inventory = Inventory::default();
    insta::assert_snapshot!(lines(&run(&graph, &mut observed, &PlanOptions::default())), @r"
      Namespace/n: Recovered
      PersistentVolumeClaim/n/data: Recovered
      ConfigMap/n/a: Recovered
    ");
}

#[test]
fn one_sign_alone_deletes_nothing() {
    let graph = whole_stack().build().unwrap();
    let a = id("ConfigMap", "a");
    let destroy = PlanOptions { destroy: true, ..PlanOptions::default() };
    let decided = |observed: &mut Observed| {
        let plan = run(&graph.emptied(), observed, &destroy);
        let change = plan.get(&a).unwrap();
        (change.action, format!("{:?}", change.reason))
    };
    // The label was removed: the stack's record names the uid, and its fields are there.
    let mut observed = settled(&graph);
    edit(&mut observed, &a, |live| live["metadata"]["labels"] = json!({}));
    assert_eq!(decided(&mut observed), (Action::Release, "NotManaged".to_owned()));
    // A forged row with the true uid of an object of others.
    edit(&mut observed, &a, |live| live["metadata"]["managedFields"] = json!([]));
    assert_eq!(decided(&mut observed), (Action::Release, "NotManaged".to_owned()));
    // A row with another uid, as of a copied inventory, and our label.
    let mut observed = settled(&graph);
    edit(&mut observed, &a, |live| {
        live["metadata"]["uid"] = json!("another");
        live["metadata"]["managedFields"] = json!([]);
    });
    assert_eq!(decided(&mut observed), (Action::Release, "AnotherObject".to_owned()));
    // Another set's label.
    let mut observed = settled(&graph);
    edit(&mut observed, &a, |live| live["metadata"]["labels"][PART_OF_LABEL] = json!("applyset-x-v1"));
    let another = r#"AnotherStack(Unknown("applyset-x-v1"))"#.to_owned();
    assert_eq!(decided(&mut observed), (Action::Release, another));
}

#[test]
fn an_object_of_another_stack_is_never_taken() {
    let stack = stack();
    stack.add(config_map("a", "1"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    edit(&mut observed, &id("ConfigMap", "a"), |live| {
        live["metadata"]["labels"][PART_OF_LABEL] = json!("applyset-another-v1");
    });
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    let unknown = SetParent::Unknown("applyset-another-v1".to_owned());
    assert_eq!(
        plan.blockers[0].kind,
        BlockerKind::ManagedByAnother { parent: unknown, objects: vec![id("ConfigMap", "a")] }
    );
    let other = SetParent::of_inventory("holm.auth-gateway.default", "holm").unwrap();
    observed.parents.insert("applyset-another-v1".to_owned(), other);
    insta::assert_snapshot!(run(&graph, &mut observed, &PlanOptions::default()).blockers[0].kind, @"ConfigMap/n/a is managed by auth-gateway/default, inventory ConfigMap holm/holm.auth-gateway.default");
}

#[test]
fn another_object_of_the_same_name_is_not_deleted() {
    let graph = whole_stack().build().unwrap();
    let mut observed = settled(&graph);
    edit(&mut observed, &id("ConfigMap", "a"), |live| live["metadata"]["uid"] = json!("another"));
    let destroy = PlanOptions { destroy: true, ..PlanOptions::default() };
    let plan = run(&graph.emptied(), &mut observed, &destroy);
    let change = plan.get(&id("ConfigMap", "a")).unwrap();
    assert_eq!((change.action, &change.reason), (Action::Keep, &Reason::AnotherUid), "we applied it");
    let allow_delete = BTreeSet::from(["ConfigMap/a".to_owned()]);
    let consented = run(&graph.emptied(), &mut observed, &PlanOptions { allow_delete, ..destroy.clone() });
    assert_eq!(consented.get(&id("ConfigMap", "a")).unwrap().action, Action::Delete);
    edit(&mut observed, &id("ConfigMap", "a"), |live| live["metadata"]["managedFields"] = json!([]));
    let plan = run(&graph.emptied(), &mut observed, &destroy);
    let change = plan.get(&id("ConfigMap", "a")).unwrap();
    assert_eq!((change.action, &change.reason), (Action::Release, &Reason::AnotherObject));
}

#[test]
fn a_plan_is_another_one_once_another_run_began_or_ended() {
    let before = stack();
    before.add(config_map("a", "1"));
    let graph = before.build().unwrap();
    let mut observed = settled(&graph);
    let shown = run(&graph, &mut observed, &PlanOptions::default());
    assert_eq!(shown.differences(&run(&graph, &mut observed, &PlanOptions::default())), []);
    observed.inventory.epoch += 1;
    let now = run(&graph, &mut observed, &PlanOptions::default());
    assert_eq!(shown.differences(&now), [place().id()]);
}
