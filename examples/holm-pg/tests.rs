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
fn the_server_starts_as_the_library_starts_one() {
    assert_eq!(include_str!("start.sh"), include_str!("../../crates/holm-components/src/postgres/start.sh"));
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
