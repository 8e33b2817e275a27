use crate::render::sample;

use super::*;

fn text(plan: &Plan, details: &Details, width: Option<usize>, color: bool) -> String {
    let mut out = String::new();
    write(plan, details, Layout { color, width }, &mut out);
    assert!(!out.contains(sample::CANARY), "{out}");
    out
}

#[test]
fn a_first_plan_creates_everything() {
    insta::assert_snapshot!(text(&sample::first_plan(), &Details::default(), Some(80), false), @"
      + Namespace/holm                      not in the cluster
      + Secret/postgres-secret              not in the cluster [1]
      + ConfigMap/postgres-init             not in the cluster [1]
          note: a later change reaches only an empty volume
      + PersistentVolumeClaim/postgres-pvc  not in the cluster [1]
      + Deployment/postgres                 not in the cluster [1]
      + Service/postgres                    not in the cluster [1]

      [1] predicted, not checked by the server: namespace holm is new in this plan

    Plan: 6 to create
    ");
}

#[test]
fn every_action_and_field_at_80_columns() {
    insta::assert_snapshot!(text(&sample::busy_plan(), &Details::default(), Some(80), false), @r#"
      ~ Secret/postgres-secret              drift, last written by kubectl-edit at
                                            2026-11-23T20:00:00Z
          ~ data.password: (sensitive value changed)
          - data.extra: (sensitive value)
      ~ ConfigMap/postgres-init             declaration changed
          ~ data["init.sql"]:
                CREATE ROLE holm LOGIN;
                CREATE DATABASE holm OWNER holm;
              + CREATE DATABASE backups OWNER holm;
          note: the script runs only on an empty volume
      ~ Deployment/postgres                 declaration changed, and drift
          ~ spec.template.spec.containers[postgres].image:
              "postgres:15-alpine"
              -> "postgres:16-alpine"
          ~ spec.replicas: 3 -> 1  (drift, last written by kubectl-scale at
              2026-11-23T20:00:00Z)
          + spec.template.spec.containers[sidecar]:
              args:
                - "--listen"
                - "0.0.0.0:9187"
              image: "example.org/sidecar:1.2.3"
              name: "sidecar"
          - spec.template.spec.containers[postgres].args: ["-c", "a=1"]
          + spec.template.metadata.annotations["holm/address"]: (known after apply)
          takes over spec.paused from "helm"
          takes over spec.strategy.type from "helm"
    -/+ Deployment/exporter                 cannot be changed in place
          because spec.selector: Invalid value: {"matchLabels":{"app":"pg"}}: field
                  is immutable
          ~ spec.selector.matchLabels.app: "exporter" -> "pg-exporter"
      & Service/postgres                    not managed by this stack [1]
      - ConfigMap/old                       no longer in the program
      x ConfigMap/retained                  stays in the cluster: retain_on_delete
      = PersistentVolumeClaim/postgres-pvc  stays: protected, or holds data
      = Namespace/old                       stays:
                                            PersistentVolumeClaim/postgres-pvc could
                                            not live without it
      ? Secret/hidden                       could not be read: secrets is forbidden

      [1] predicted, not checked by the server: forbidden: services "postgres" is
          forbidden: User "reader" cannot patch

    Plan: 3 to update, 1 to replace, 1 to adopt, 1 to delete, 1 to release, 2 kept,
    1 not known, 1 unchanged

    hint: adopting with --yes needs `--adopt Service/postgres`
    "#);
}

#[test]
fn every_action_and_field_at_140_columns() {
    insta::assert_snapshot!(text(&sample::busy_plan(), &Details::default(), Some(140), false), @r#"
      ~ Secret/postgres-secret              drift, last written by kubectl-edit at 2026-11-23T20:00:00Z
          ~ data.password: (sensitive value changed)
          - data.extra: (sensitive value)
      ~ ConfigMap/postgres-init             declaration changed
          ~ data["init.sql"]:
                CREATE ROLE holm LOGIN;
                CREATE DATABASE holm OWNER holm;
              + CREATE DATABASE backups OWNER holm;
          note: the script runs only on an empty volume
      ~ Deployment/postgres                 declaration changed, and drift
          ~ spec.template.spec.containers[postgres].image: "postgres:15-alpine" -> "postgres:16-alpine"
          ~ spec.replicas: 3 -> 1  (drift, last written by kubectl-scale at 2026-11-23T20:00:00Z)
          + spec.template.spec.containers[sidecar]:
              args:
                - "--listen"
                - "0.0.0.0:9187"
              image: "example.org/sidecar:1.2.3"
              name: "sidecar"
          - spec.template.spec.containers[postgres].args: ["-c", "a=1"]
          + spec.template.metadata.annotations["holm/address"]: (known after apply)
          takes over spec.paused from "helm"
          takes over spec.strategy.type from "helm"
    -/+ Deployment/exporter                 cannot be changed in place
          because spec.selector: Invalid value: {"matchLabels":{"app":"pg"}}: field is immutable
          ~ spec.selector.matchLabels.app: "exporter" -> "pg-exporter"
      & Service/postgres                    not managed by this stack [1]
      - ConfigMap/old                       no longer in the program
      x ConfigMap/retained                  stays in the cluster: retain_on_delete
      = PersistentVolumeClaim/postgres-pvc  stays: protected, or holds data
      = Namespace/old                       stays: PersistentVolumeClaim/postgres-pvc could not live without it
      ? Secret/hidden                       could not be read: secrets is forbidden

      [1] predicted, not checked by the server: forbidden: services "postgres" is forbidden: User "reader" cannot patch

    Plan: 3 to update, 1 to replace, 1 to adopt, 1 to delete, 1 to release, 2 kept, 1 not known, 1 unchanged

    hint: adopting with --yes needs `--adopt Service/postgres`
    "#);
}

#[test]
fn lines_are_never_broken_in_a_pipe() {
    let text = text(&sample::busy_plan(), &Details::default(), None, false);
    assert!(text.lines().any(|line| line.len() > 100), "{text}");
}

#[test]
fn colours_follow_the_meaning() {
    insta::assert_snapshot!(text(&sample::busy_plan(), &Details::default(), Some(80), true).replace('\u{1b}', "^"), @r#"
      ^[33m~^[0m ^[1mSecret/postgres-secret^[0m              ^[2mdrift, last written by kubectl-edit at^[0m
                                            ^[2m2026-11-23T20:00:00Z^[0m
          ^[33m~^[0m data.password: (sensitive value changed)
          ^[31m-^[0m data.extra: (sensitive value)
      ^[33m~^[0m ^[1mConfigMap/postgres-init^[0m             ^[2mdeclaration changed^[0m
          ^[33m~^[0m data["init.sql"]:
                ^[2mCREATE ROLE holm LOGIN;^[0m
                ^[2mCREATE DATABASE holm OWNER holm;^[0m
              ^[32m+^[0m ^[32mCREATE DATABASE backups OWNER holm;^[0m
          ^[1m^[36mnote:^[0m the script runs only on an empty volume
      ^[33m~^[0m ^[1mDeployment/postgres^[0m                 ^[2mdeclaration changed, and drift^[0m
          ^[33m~^[0m spec.template.spec.containers[postgres].image:
              ^[31m"postgres:15-alpine"^[0m
              ^[2m->^[0m ^[32m"postgres:16-alpine"^[0m
          ^[33m~^[0m spec.replicas: ^[31m3 ^[0m^[2m-> ^[0m^[32m1  ^[0m^[36m(drift, last written by kubectl-scale at^[0m
              ^[36m2026-11-23T20:00:00Z)^[0m
          ^[32m+^[0m spec.template.spec.containers[sidecar]:
              ^[32margs:^[0m
                ^[32m- "--listen"^[0m
                ^[32m- "0.0.0.0:9187"^[0m
              ^[32mimage: "example.org/sidecar:1.2.3"^[0m
              ^[32mname: "sidecar"^[0m
          ^[31m-^[0m spec.template.spec.containers[postgres].args: ^[31m["-c", "a=1"]^[0m
          ^[32m+^[0m spec.template.metadata.annotations["holm/address"]: ^[2m(known after apply)^[0m
          ^[36mtakes over^[0m spec.paused from "helm"
          ^[36mtakes over^[0m spec.strategy.type from "helm"
    ^[35m-/+^[0m ^[1mDeployment/exporter^[0m                 ^[2mcannot be changed in place^[0m
          ^[35mbecause^[0m spec.selector: Invalid value: {"matchLabels":{"app":"pg"}}: field
                  is immutable
          ^[33m~^[0m spec.selector.matchLabels.app: ^[31m"exporter" ^[0m^[2m-> ^[0m^[32m"pg-exporter"^[0m
      ^[36m&^[0m ^[1mService/postgres^[0m                    ^[2mnot managed by this stack ^[0m^[33m[1]^[0m
      ^[31m-^[0m ^[1mConfigMap/old^[0m                       ^[2mno longer in the program^[0m
      ^[36mx^[0m ^[1mConfigMap/retained^[0m                  ^[2mstays in the cluster: retain_on_delete^[0m
      ^[36m=^[0m ^[1mPersistentVolumeClaim/postgres-pvc^[0m  ^[2mstays: protected, or holds data^[0m
      ^[36m=^[0m ^[1mNamespace/old^[0m                       ^[2mstays:^[0m
                                            ^[2mPersistentVolumeClaim/postgres-pvc could^[0m
                                            ^[2mnot live without it^[0m
      ^[1m^[31m?^[0m ^[1mSecret/hidden^[0m                       ^[2mcould not be read: secrets is forbidden^[0m

      ^[33m[1]^[0m predicted, not checked by the server: forbidden: services "postgres" is
          forbidden: User "reader" cannot patch

    ^[1mPlan: 3 to update, 1 to replace, 1 to adopt, 1 to delete, 1 to release, 2 kept,^[0m
    ^[1m1 not known, 1 unchanged^[0m

    ^[1m^[36mhint:^[0m adopting with --yes needs `--adopt Service/postgres`
    "#);
}

#[test]
fn what_stands_in_the_way_is_said_with_its_line_and_its_hint() {
    insta::assert_snapshot!(text(&sample::blocked_plan(), &Details::default(), Some(80), false), @r#"
      + ConfigMap/big  not in the cluster

    error: ConfigMap/big: the server refuses it (413 RequestEntityTooLarge): Request
      entity too large: limit is 3145728
      at examples/holm-pg/main.rs:12
      hint: split the object up: the API server takes at most about 1.5 MiB

    error: Deployment/postgres: .spec.replicas is owned by "autoscaler" with another
      value
      at examples/holm-pg/main.rs:12

    Plan: 1 to create; blocked by 2 errors
    "#);
}

#[test]
fn the_same_lack_of_rights_is_one_footnote() {
    let mut plan = sample::first_plan();
    for change in &mut plan.changes {
        change.notes.clear();
        change.unchecked = Some(Unchecked::Forbidden(format!("cannot patch {}", change.id.kind)));
    }
    insta::assert_snapshot!(text(&plan, &Details::default(), Some(80), false), @"
      + Namespace/holm                      not in the cluster [1]
      + Secret/postgres-secret              not in the cluster [1]
      + ConfigMap/postgres-init             not in the cluster [1]
      + PersistentVolumeClaim/postgres-pvc  not in the cluster [1]
      + Deployment/postgres                 not in the cluster [1]
      + Service/postgres                    not in the cluster [1]

      [1] predicted, not checked by the server: forbidden: cannot patch Namespace
          (and 5 more like this)

    Plan: 6 to create
    ");
}

#[test]
fn fields_of_the_server_are_written_as_all_others() {
    let cases = [
        (".spec.replicas", "spec.replicas"),
        (
            r#".spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].name"#,
            "spec.containers[a].ports[containerPort=80,protocol=TCP].name",
        ),
        (r#".metadata.finalizers[="x"]"#, r#"metadata.finalizers[="x"]"#),
    ];
    for (field, expected) in cases {
        assert_eq!(path_of(field), expected);
    }
}

#[test]
fn an_empty_plan_says_that_nothing_changes() {
    let mut plan = sample::first_plan();
    for change in &mut plan.changes {
        (change.action, change.reason, change.unchecked) = (Action::Unchanged, Reason::AsDeclared, None);
        change.notes.clear();
    }
    insta::assert_snapshot!(text(&plan, &Details::default(), Some(80), false), @"No changes: 6 unchanged");
    insta::assert_snapshot!(text(&plan, &Details { unchanged: true, created: Vec::new() }, Some(80), false), @"
        Namespace/holm                      as declared
        Secret/postgres-secret              as declared
        ConfigMap/postgres-init             as declared
        PersistentVolumeClaim/postgres-pvc  as declared
        Deployment/postgres                 as declared
        Service/postgres                    as declared

    No changes: 6 unchanged
    ");
    plan.changes.clear();
    insta::assert_snapshot!(text(&plan, &Details::default(), Some(80), false), @"No changes: there is nothing in this stack");
}

#[test]
fn details_show_every_field_of_what_is_created() {
    let plan = sample::first_plan();
    let field = FieldChange::new(
        "spec.resources.requests.storage".parse().expect("well formed"),
        holm_planner::plan::Shown::Absent,
        holm_planner::plan::Shown::Value("5Gi".into()),
    );
    let details = Details { unchanged: true, created: vec![(3, vec![field])] };
    insta::assert_snapshot!(text(&plan, &details, Some(80), false), @r#"
      + Namespace/holm                      not in the cluster
      + Secret/postgres-secret              not in the cluster [1]
      + ConfigMap/postgres-init             not in the cluster [1]
          note: a later change reaches only an empty volume
      + PersistentVolumeClaim/postgres-pvc  not in the cluster [1]
          + spec.resources.requests.storage: "5Gi"
      + Deployment/postgres                 not in the cluster [1]
      + Service/postgres                    not in the cluster [1]

      [1] predicted, not checked by the server: namespace holm is new in this plan

    Plan: 6 to create
    "#);
}

#[test]
fn changes_of_a_component_stand_together_under_its_name() {
    let mut plan = sample::first_plan();
    for change in &mut plan.changes {
        change.component = match change.id.kind.as_str() {
            "Deployment" => Some("shop".to_owned()),
            "Secret" | "PersistentVolumeClaim" => Some("shop/database".to_owned()),
            _ => None,
        };
    }
    let mut out = String::new();
    write(&plan, &Details::default(), Layout { color: false, width: Some(80) }, &mut out);
    insta::assert_snapshot!(out, @"
      + Namespace/holm                      not in the cluster
      + ConfigMap/postgres-init             not in the cluster [1]
          note: a later change reaches only an empty volume
      + Service/postgres                    not in the cluster [1]
      component shop
      + Deployment/postgres                 not in the cluster [1]
      component shop/database
      + Secret/postgres-secret              not in the cluster [1]
      + PersistentVolumeClaim/postgres-pvc  not in the cluster [1]

      [1] predicted, not checked by the server: namespace holm is new in this plan

    Plan: 6 to create
    ");
}
