//! How a stack is tested, in plain `cargo test`: here without a cluster, and in `cluster` on an embedded one.

mod cluster;
mod start;

use super::declare;

#[test]
fn edges_follow_from_references() {
    let graph = holm::testing::graph(declare, []).expect("the stack has no problems");
    insta::assert_snapshot!(graph, @"
    Deployment/postgres requires ConfigMap/postgres-init, PersistentVolumeClaim/postgres-pvc, Secret/postgres-secret
    Service/postgres selects Deployment/postgres
    ");
}

#[test]
fn clients_find_the_server_with_the_url_of_the_secret() {
    let graph = holm::testing::graph(declare, []).expect("the stack has no problems");
    let entries = holm::testing::secret(&graph, "postgres-secret", [("postgres-password", "a/b@c")]);
    let entries = entries.expect("the stack has the Secret");
    let host = graph.outputs()["host"].to_string();
    assert_eq!(entries["password"], "a/b@c");
    assert_eq!(entries["database-url"], format!("postgres://holm:a%2Fb%40c@{host}:5432/holm?sslmode=disable"));
}

#[test]
fn two_servers_never_share_the_data() {
    let graph = holm::testing::graph(declare, []).expect("the stack has no problems");
    let deployment = holm::testing::object(&graph, "Deployment/postgres").expect("the stack has the Deployment");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
}

#[test]
fn image_and_storage_class_can_be_configured() {
    let values = [("image", "example.org/postgres:15"), ("storage-class", "fast")];
    let graph = holm::testing::graph(declare, values).expect("the stack has no problems");
    let deployment = holm::testing::object(&graph, "Deployment/postgres").expect("the stack has the Deployment");
    let claim = holm::testing::object(&graph, "PersistentVolumeClaim/postgres-pvc").expect("the stack has the claim");
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], "example.org/postgres:15");
    assert_eq!(claim["spec"]["storageClassName"], "fast");
}

/// The objects as they were before the component declared them, whoever declares them.
#[test]
fn the_objects_are_those_of_the_document() {
    let graph = holm::testing::graph(declare, []).expect("the stack has no problems");
    let objects = serde_json::to_string_pretty(&holm::testing::objects(&graph)).expect("they are JSON");
    insta::assert_snapshot!("objects", objects);
    let secret = holm::testing::secret(&graph, "postgres-secret", [("postgres-password", "hunter2")]);
    insta::assert_snapshot!(format!("{secret:?}"), @r#"Some({"database-url": "postgres://holm:hunter2@postgres.holm.svc.cluster.local:5432/holm?sslmode=disable", "password": "hunter2"})"#);
    let outputs: Vec<String> = graph.outputs().iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(outputs.join("\n"), @"
    databases=holm, backups
    host=postgres.holm.svc.cluster.local
    port=5432
    secret=postgres-secret
    ");
    let options: Vec<String> = graph
        .resources()
        .iter()
        .map(|resource| {
            let notes: Vec<String> =
                resource.options.notes.iter().map(|note| format!("{}: {}", note.path, note.text)).collect();
            format!("{} protect={} {notes:?}", resource.id.short(), resource.options.protect)
        })
        .collect();
    insta::assert_snapshot!(options.join("\n"), @r#"
    Namespace/holm protect=false []
    Secret/postgres-secret protect=false []
    ConfigMap/postgres-init protect=false ["data: PostgreSQL runs this only on an empty volume; existing databases stay as they are"]
    PersistentVolumeClaim/postgres-pvc protect=true []
    Deployment/postgres protect=false []
    Service/postgres protect=false []
    "#);
}
