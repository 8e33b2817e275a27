//! What server-side apply promises, as claims about a Deployment.

use std::sync::Arc;

use holm_structured_merge::{
    Cause, FIELD_MANAGER_CONFLICT, FieldTracker, Filter, Filters, GroupVersionKind, ManagedFieldsEntry, Path,
    SingleVersion, Timestamp, TrackError, keep_times_of_unchanged,
};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// One Deployment and the time, which moves on with every write.
struct Life {
    tracker: FieldTracker,
    live: Value,
    now: i64,
}

impl Life {
    fn new() -> Self {
        let kind = GroupVersionKind::new("apps", "v1", "Deployment");
        let pack = holm_schema::built_in().expect("the pack is whole");
        let object_type = pack.object_type(&kind).expect("Deployment is built in");
        let versions = SingleVersion { api_version: kind.api_version(), kind: kind.kind.clone(), object_type };
        let live = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
        Self { tracker: FieldTracker::new(kind, Arc::new(versions)), live, now: 0 }
    }

    fn apply(&mut self, manager: &str, spec: Value) -> Result<(), TrackError> {
        self.write(|tracker, live, now| tracker.apply(live, &deployment(spec), manager, false, now))
    }

    fn force(&mut self, manager: &str, spec: Value) -> Result<(), TrackError> {
        self.write(|tracker, live, now| tracker.apply(live, &deployment(spec), manager, true, now))
    }

    fn update(&mut self, manager: &str, change: impl FnOnce(&mut Value)) -> Result<(), TrackError> {
        let mut new = self.live.clone();
        change(&mut new);
        self.write(|tracker, live, now| tracker.update(live, new, manager, now))
    }

    fn write(
        &mut self,
        write: impl FnOnce(&FieldTracker, &Value, Timestamp) -> Result<Value, TrackError>,
    ) -> Result<(), TrackError> {
        self.now += 1;
        self.live = write(&self.tracker, &self.live, Timestamp(self.now))?;
        Ok(())
    }

    fn spec(&self) -> &Value {
        &self.live["spec"]
    }

    /// One line per manager: name, operation, time and fields.
    fn owners(&self) -> String {
        let entries = ManagedFieldsEntry::of(&self.live).expect("managed fields can be read");
        let line = |entry: &ManagedFieldsEntry| {
            let (operation, time) = (entry.operation.as_str(), entry.time.map_or(0, |time| time.0));
            format!("{} {operation} at {time}: {}", entry.manager, entry.fields.to_string().replace('\n', " "))
        };
        entries.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

fn deployment(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
}

fn container(container: Value) -> Value {
    json!({"template": {"spec": {"containers": [container]}}})
}

#[test]
fn a_repeated_apply_changes_nothing_not_even_the_time() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", json!({"replicas": 2}))?;
    let before = life.live.clone();
    life.apply("alice", json!({"replicas": 2}))?;
    assert_eq!(life.live, before);
    assert_snapshot!(life.owners(), @"alice Apply at 1: .spec.replicas");
    Ok(())
}

#[test]
fn another_value_is_a_conflict_that_names_owner_and_field() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", json!({"replicas": 2, "paused": true}))?;
    life.update("bob", |live| live["spec"]["minReadySeconds"] = json!(5))?;
    let refused = life.apply("carol", json!({"replicas": 3, "paused": false, "minReadySeconds": 6}));
    let refused = refused.expect_err("others own all of it");
    assert_snapshot!(refused, @r#"
    Apply failed with 3 conflicts: conflicts with "alice":
    - .spec.paused
    - .spec.replicas
    conflicts with "bob" using apps/v1:
    - .spec.minReadySeconds
    "#);
    let causes = match &refused {
        TrackError::Conflicts(conflicts) => conflicts.causes(),
        _ => Vec::new(),
    };
    let message = "conflict with \"bob\" using apps/v1".to_owned();
    let field = ".spec.minReadySeconds".to_owned();
    assert_eq!(causes.last(), Some(&Cause { reason: FIELD_MANAGER_CONFLICT, message, field }));
    Ok(())
}

#[test]
fn force_moves_ownership() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", json!({"replicas": 2, "paused": true}))?;
    life.force("bob", json!({"replicas": 3}))?;
    assert_eq!(life.spec()["replicas"], 3);
    assert_snapshot!(life.owners(), @"
    alice Apply at 1: .spec.paused
    bob Apply at 2: .spec.replicas
    ");
    Ok(())
}

#[test]
fn an_equal_value_is_shared_and_stays_until_the_last_owner_gives_it_up() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", json!({"replicas": 2}))?;
    life.apply("bob", json!({"replicas": 2, "paused": true}))?;
    life.apply("alice", json!({}))?;
    assert_eq!(life.spec()["replicas"], 2);
    life.apply("bob", json!({"paused": true}))?;
    assert_eq!(life.spec().get("replicas"), None);
    Ok(())
}

#[test]
fn a_dropped_item_goes_with_its_defaults_but_not_with_what_others_own() -> Result<(), TrackError> {
    let mut life = Life::new();
    let env = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]);
    life.apply("alice", container(json!({"name": "web", "image": "x", "env": env})))?;
    life.apply("bob", container(json!({"name": "web", "env": [{"name": "C", "value": "1"}]})))?;
    life.live["spec"]["template"]["spec"]["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    life.apply("alice", container(json!({"name": "web", "image": "x", "env": [{"name": "B", "value": "1"}]})))?;
    let left = &life.spec()["template"]["spec"]["containers"][0];
    assert_eq!(left["env"], json!([{"name": "B", "value": "1"}, {"name": "C", "value": "1"}]));
    assert_eq!(left["terminationMessagePath"], "/dev/termination-log");
    life.apply("bob", json!({}))?;
    life.apply("alice", json!({}))?;
    assert!(life.spec()["template"].is_null());
    Ok(())
}

#[test]
fn a_list_key_with_a_default_is_owned_although_nobody_declared_it() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", container(json!({"name": "web", "ports": [{"containerPort": 80}]})))?;
    assert_snapshot!(life.owners().replace(' ', "\n"), @r#"
    alice
    Apply
    at
    1:
    .spec.template.spec.containers[name="web"]
    .spec.template.spec.containers[name="web"].name
    .spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]
    .spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].containerPort
    "#);
    Ok(())
}

#[test]
fn a_field_that_is_not_declared_is_refused_with_the_servers_text() {
    let refused = Life::new().apply("alice", json!({"bogus": 1})).expect_err("the field is not declared");
    assert_snapshot!(refused, @"failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.bogus: field not declared in schema");
}

#[test]
fn what_was_there_before_the_first_apply_has_an_owner() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.live = deployment(json!({"replicas": 1}));
    life.live["metadata"]["uid"] = json!("1");
    life.update("bob", |live| live["spec"]["paused"] = json!(true))?;
    assert_snapshot!(life.owners(), @"");
    let refused = life.apply("alice", json!({"replicas": 2})).expect_err("somebody wrote the replicas");
    assert_snapshot!(refused, @r#"Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas"#);
    Ok(())
}

#[test]
fn fields_that_the_kind_resets_are_not_owned() -> Result<(), TrackError> {
    let mut life = Life::new();
    let status = [Path::fields(&["status"])].iter().collect();
    life.tracker = life.tracker.filters(Filters::none().with("apps/v1", Filter::Exclude(status)));
    life.write(|tracker, live, now| {
        let mut config = deployment(json!({"replicas": 1}));
        config["status"] = json!({"replicas": 1});
        tracker.apply(live, &config, "alice", false, now)
    })?;
    assert_snapshot!(life.owners(), @"alice Apply at 1: .spec.replicas");
    Ok(())
}

#[test]
fn an_update_without_managed_fields_keeps_them_and_one_with_an_empty_list_resets_them() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", json!({"replicas": 2}))?;
    life.live["metadata"]["uid"] = json!("1");
    life.update("old", |live| {
        live["spec"]["paused"] = json!(true);
        live["metadata"]["managedFields"].take();
    })?;
    assert_snapshot!(life.owners(), @"
    alice Apply at 1: .spec.replicas
    old Update at 2: .spec.paused
    ");
    life.update("old", |live| live["metadata"]["managedFields"] = json!([]))?;
    assert_snapshot!(life.owners(), @"");
    Ok(())
}

#[test]
fn a_write_that_cannot_be_tracked_keeps_the_managed_fields() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", json!({"replicas": 2}))?;
    let mut invalid = life.live.clone();
    invalid["spec"]["bogus"] = json!(1);
    invalid["metadata"]["managedFields"].take();
    assert!(life.tracker.update(&life.live, invalid.clone(), "bob", Timestamp(2)).is_err());
    let kept = life.tracker.update_or_keep(&life.live, invalid, "bob", Timestamp(2));
    assert_eq!(kept["metadata"]["managedFields"], life.live["metadata"]["managedFields"]);
    assert_eq!(kept["spec"]["bogus"], 1);
    Ok(())
}

#[test]
fn times_go_back_if_they_are_all_that_changed() -> Result<(), TrackError> {
    let mut life = Life::new();
    life.apply("alice", json!({"replicas": 2}))?;
    let mut later = life.live.clone();
    later["metadata"]["managedFields"][0]["time"] = json!(Timestamp(9).to_string());
    let mut unchanged = later.clone();
    keep_times_of_unchanged(&life.live, &mut unchanged);
    assert_eq!(unchanged, life.live);
    let mut changed = later;
    changed["spec"]["replicas"] = json!(3);
    let expected = changed.clone();
    keep_times_of_unchanged(&life.live, &mut changed);
    assert_eq!(changed, expected);
    Ok(())
}
