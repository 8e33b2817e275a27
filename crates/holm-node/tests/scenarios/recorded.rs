//! The same pods on a real node, as they were recorded there: statuses and Events of the simulated node must be those.
//!
//! `HOLM_NODE_KUBECONFIG` with `HOLM_RECORD=1` records anew, from a node of `tests/tools/realnode`, whose images do what their
//! tags say. Left out is what a simulated node is not to have: the pull of an image that can be pulled, and addresses.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cluster::condition;
use crate::normal::story;
use crate::{Cluster, pod_until, waits_for};

type Until = fn(&Value) -> bool;

/// A pod of one container that runs `image`, with more of the container.
fn runs(image: &str, container: Value) -> Value {
    let mut main = json!({"name": "main", "image": image});
    let fields = container.as_object().cloned().unwrap_or_default();
    main.as_object_mut().expect("an object").extend(fields);
    json!({"spec": {"containers": [main], "terminationGracePeriodSeconds": 0}})
}

fn with(mut pod: Value, field: &str, value: Value) -> Value {
    pod["spec"][field] = value;
    pod
}

fn backs_off(pod: &Value) -> bool {
    waits_for(pod, "containerStatuses", 0) == "CrashLoopBackOff"
        && pod["status"]["containerStatuses"][0]["restartCount"] == 1
}

fn asks(path: &str) -> Value {
    json!({"readinessProbe": {"periodSeconds": 1, "httpGet": {"path": path, "port": 8080}}})
}

/// Name, pod, and what is waited for.
fn cases() -> Vec<(&'static str, Value, Until)> {
    let secret = |name: &str, key: &str| json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}]});
    let volume = json!([{"name": "files", "secret": {"secretName": "absent"}}]);
    let limited = json!({
        "resources": {"limits": {"ephemeral-storage": "10Mi"}},
        "command": ["sh", "-c", "dd if=/dev/zero of=/tmp/x bs=1M count=40; sleep 600"],
    });
    vec![
        ("starts", runs("registry.test/app:1", asks("/")), |pod| condition(pod, "Ready") == "True"),
        ("image-absent", runs("registry.test/app:does-not-exist", json!({})), |pod| {
            waits_for(pod, "containerStatuses", 0) == "ImagePullBackOff"
        }),
        ("registry-unreachable", runs("registry.example.com/app:registry-unreachable", json!({})), |pod| {
            waits_for(pod, "containerStatuses", 0) == "ImagePullBackOff"
        }),
        ("crashes", runs("registry.test/app:crash-loop", json!({})), backs_off),
        ("crashes-with-a-probe", runs("registry.test/app:crash-loop", asks("/")), backs_off),
        ("memory", runs("registry.test/app:oom", json!({"resources": {"limits": {"memory": "16Mi"}}})), backs_off),
        (
            "init-crashes",
            with(
                runs("registry.test/app:1", json!({})),
                "initContainers",
                json!([{"name": "first", "image": "registry.test/app:crash-loop"}, {"name": "second", "image": "registry.test/app:1"}]),
            ),
            |pod| {
                waits_for(pod, "initContainerStatuses", 0) == "CrashLoopBackOff"
                    && pod["status"]["initContainerStatuses"][0]["restartCount"] == 1
            },
        ),
        ("never-ready", runs("registry.test/app:never-ready", asks("/")), |pod| pod["status"]["phase"] == "Running"),
        ("key-absent", runs("registry.test/app:1", secret("there", "absent")), |pod| {
            waits_for(pod, "containerStatuses", 0) == "CreateContainerConfigError"
        }),
        ("secret-absent", runs("registry.test/app:1", secret("absent", "key")), |pod| {
            waits_for(pod, "containerStatuses", 0) == "CreateContainerConfigError"
        }),
        (
            "volume-absent",
            with(
                runs("registry.test/app:1", json!({"volumeMounts": [{"name": "files", "mountPath": "/files"}]})),
                "volumes",
                volume,
            ),
            |pod| waits_for(pod, "containerStatuses", 0) == "ContainerCreating",
        ),
        (
            "fails-for-good",
            with(runs("registry.test/app:job-fail", json!({})), "restartPolicy", json!("Never")),
            |pod| pod["status"]["phase"] == "Failed",
        ),
        ("is-done", with(runs("registry.test/migrate:1", json!({})), "restartPolicy", json!("Never")), |pod| {
            pod["status"]["phase"] == "Succeeded"
        }),
        ("evicted", runs("registry.test/app:evict", limited), |pod| pod["status"]["phase"] == "Failed"),
    ]
}

/// What an Event must be there for, in the cases whose status comes before it.
const LAST_EVENTS: [(&str, &str); 5] = [
    ("crashes-with-a-probe", " BackOff "),
    ("never-ready", " Unhealthy "),
    ("volume-absent", " FailedMount "),
    ("evicted", " Killing "),
    ("is-done", " Started "),
];

async fn play(mut cluster: Cluster, name: &str, pod: &Value, until: Until) -> String {
    let mut pod = pod.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"] = json!({"name": name});
    pod["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": cluster.node});
    cluster
        .create(&cluster.path("secrets"), json!({"metadata": {"name": "there"}, "stringData": {"key": "value"}}))
        .await;
    pod_until(&mut cluster, pod, name, until).await;
    let last = LAST_EVENTS.iter().find(|(case, _)| *case == name).map(|(_, event)| *event).unwrap_or_default();
    let seen = cluster
        .until(last, async |cluster| {
            let seen = crate::normal::pod(cluster, name).await;
            let text = story(&seen);
            // A pod of a real node does not stand still.
            (until(&seen) && text.contains(last)).then_some(text)
        })
        .await;
    let address =
        cluster.get(&cluster.path(&format!("pods/{name}"))).await.expect("the pod")["status"]["podIP"].clone();
    let node = cluster.node;
    let address = address.as_str().filter(|address| !address.is_empty()).unwrap_or("no address");
    without_pulls(&seen.replace(address, "ADDRESS").replace(node, "NODE"))
}

/// An image that can be pulled is there on the simulated node; which address a registry does not have, is of no interest.
fn without_pulls(story: &str) -> String {
    let has_pulled = story.contains("Successfully pulled image");
    let mut lines: Vec<String> = Vec::new();
    for line in story.lines() {
        if has_pulled && line.contains(" Pulling kubelet ") {
            continue;
        }
        let mut line = match line.split_once(" Successfully pulled image ") {
            Some((head, rest)) => {
                let image = rest.split(" in ").next().unwrap_or_default();
                format!("{head} Container image {image} already present on machine and can be accessed by the pod")
            }
            None => line.trim_end().to_owned(),
        };
        if let (Some(from), Some(to)) = (line.find(": dial tcp"), line.rfind("connect: network is unreachable")) {
            line.replace_range(from..to, ": dial tcp ADDRESS: ");
        }
        lines.push(line);
    }
    lines.dedup();
    lines.join("\n")
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/recorded").join(format!("{name}.txt"))
}

#[tokio::test]
async fn statuses_and_events_are_those_of_a_real_node() {
    let mut differences = Vec::new();
    for (name, pod, until) in cases() {
        if std::env::var_os("HOLM_RECORD").is_some()
            && let Some(cluster) = Cluster::node(name).await
        {
            let recorded = play(cluster, name, &pod, until).await;
            std::fs::write(file(name), format!("{recorded}\n")).expect("the folder is there");
        }
        let recorded = std::fs::read_to_string(file(name)).unwrap_or_else(|_| panic!("{name} was never recorded"));
        let simulated = play(Cluster::embedded(name).await, name, &pod, until).await;
        if recorded.trim_end() != simulated {
            differences.push(format!("{name}\n--- real\n{recorded}--- simulated\n{simulated}\n"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
