//! The logs of pods as kubectl shows them, over the listener of the embedded API server. It needs kubectl, which
//! `tests/tools/controlplane/build.sh` builds into `HOLM_CONTROLPLANE_BIN`; without that variable there is nothing to do.

use std::path::Path;
use std::process::Command;

use holm_apiserver::{ApiServer, Clock, GroupVersionResource, Timestamp, WriteOptions};
use holm_node::{Node, NodeOptions};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_logs() {
    let Some(bin) = std::env::var_os("HOLM_CONTROLPLANE_BIN") else { return };
    let clock = Clock::held_at(Timestamp(1_800_000_000));
    let server = ApiServer::builder().clock(clock.clone()).build().expect("an API server");
    let mut node = Node::new(server.client(), NodeOptions::default().clock(move || clock.now_milliseconds()));
    let pods = server.objects(&GroupVersionResource::new("", "v1", "pods")).expect("pods");
    for (name, image) in [("told", "registry.test/app:1"), ("pulls", "registry.test/does-not-exist:1")] {
        let pod = json!({
            "metadata": {"name": name, "namespace": "default", "annotations": {"holm.dev/log": "one\ntwo\n"}},
            "spec": {"containers": [{"name": "main", "image": image}]},
        });
        pods.create(pod, &WriteOptions::by("test")).expect("a pod");
    }
    node.settle().await.expect("a settled node");

    let listener = server.listen(0).await.expect("a listener");
    let file = std::env::temp_dir().join(format!("holm-node-{}.kubeconfig", std::process::id()));
    listener.write_kubeconfig(&file).expect("a kubeconfig");
    let kubectl = Path::new(&bin).join("kubectl");
    let logs = |arguments: &[&str]| {
        let output = Command::new(&kubectl).arg("--kubeconfig").arg(&file).arg("logs").args(arguments).output();
        let output = output.expect("kubectl");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let seen =
        [logs(&["told"]), logs(&["told", "--tail=1", "--follow"]), logs(&["told", "--previous"]), logs(&["pulls"])];
    std::fs::remove_file(&file).expect("the kubeconfig goes");
    insta::assert_snapshot!(seen.join("---\n"), @r#"
    one
    two
    ---
    two
    ---
    Error from server (BadRequest): previous terminated container "main" in pod "told" not found
    ---
    Error from server (BadRequest): container "main" in pod "pulls" is waiting to start: image can't be pulled
    "#);
}
