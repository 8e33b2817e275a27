//! Failures that are ordered by an annotation or by a word in the image.

use serde_json::{Value, json};

use crate::cluster::condition;
use crate::normal::story;
use crate::{Cluster, on_both, pod, pod_becomes, pod_until, waits_for};

#[tokio::test]
async fn an_image_that_cannot_be_pulled() {
    let seen = on_both!("pull", async |mut cluster: Cluster| {
        let mut pod = pod("pull", "");
        pod["spec"]["containers"][0]["image"] = json!("registry.test/does-not-exist:1");
        pod_until(&mut cluster, pod, "the pull backs off", |pod| {
            waits_for(pod, "containerStatuses", 0) == "ImagePullBackOff"
        })
        .await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Pending
    - ContainersReady ContainersNotReady containers with unready status: [main]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * main not ready 0 waiting ImagePullBackOff Back-off pulling image "registry.test/does-not-exist:1": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "registry.test/does-not-exist:1": failed to resolve reference "registry.test/does-not-exist:1": registry.test/does-not-exist:1: not found
    Normal BackOff kubelet spec.containers{main} Back-off pulling image "registry.test/does-not-exist:1"
    Normal Pulling kubelet spec.containers{main} Pulling image "registry.test/does-not-exist:1"
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/pull to scenario-node
    Warning Failed kubelet spec.containers{main} Error: ErrImagePull
    Warning Failed kubelet spec.containers{main} Error: ImagePullBackOff
    Warning Failed kubelet spec.containers{main} Failed to pull image "registry.test/does-not-exist:1": rpc error: code = NotFound desc = failed to pull and unpack image "registry.test/does-not-exist:1": failed to resolve reference "registry.test/does-not-exist:1": registry.test/does-not-exist:1: not found
    "#);
}

#[tokio::test]
async fn a_configuration_that_is_wrong() {
    let seen = on_both!("config", async |mut cluster: Cluster| {
        pod_until(&mut cluster, pod("config", "config-error"), "the container cannot be made", |pod| {
            waits_for(pod, "containerStatuses", 0) == "CreateContainerConfigError"
        })
        .await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Pending
    - ContainersReady ContainersNotReady containers with unready status: [main]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * main not ready 0 waiting CreateContainerConfigError couldn't find key password in Secret NAMESPACE/postgres-secret
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/config to scenario-node
    Warning Failed kubelet spec.containers{main} Error: couldn't find key password in Secret NAMESPACE/postgres-secret
    "#);
}

fn backs_off(pod: &Value, statuses: &str) -> bool {
    waits_for(pod, statuses, 0) == "CrashLoopBackOff" && pod["status"][statuses][0]["restartCount"] == 1
}

#[tokio::test]
async fn a_container_that_crashes() {
    let seen = on_both!("crash", async |mut cluster: Cluster| {
        pod_until(&mut cluster, pod("crash", "crash-loop"), "it backs off", |pod| backs_off(pod, "containerStatuses"))
            .await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Running
    - ContainersReady ContainersNotReady containers with unready status: [main]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * main not ready 1 waiting CrashLoopBackOff back-off 10s restarting failed container=main pod=crash_NAMESPACE(UID), before: 1 Error
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/crash to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Warning BackOff kubelet spec.containers{main} Back-off restarting failed container main in pod crash_NAMESPACE(UID)
    "#);
}

#[tokio::test]
async fn a_container_that_takes_too_much_memory() {
    let seen = on_both!("oom", async |mut cluster: Cluster| {
        let mut pod = pod("oom", "oom");
        let containers = pod["spec"]["containers"].as_array_mut().expect("containers");
        containers.push(json!({"name": "other", "image": "registry.test/other:1"}));
        pod["metadata"]["annotations"]["holm.dev/simulate-container"] = json!("main");
        pod_until(&mut cluster, pod, "it backs off", |pod| backs_off(pod, "containerStatuses")).await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Running
    - ContainersReady ContainersNotReady containers with unready status: [main]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * main not ready 1 waiting CrashLoopBackOff back-off 10s restarting failed container=main pod=oom_NAMESPACE(UID), before: 137 OOMKilled
    * other ready 0 running
    Normal Created kubelet spec.containers{main} Container created
    Normal Created kubelet spec.containers{other} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Pulled kubelet spec.containers{other} Container image "registry.test/other:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/oom to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Normal Started kubelet spec.containers{other} Container started
    Warning BackOff kubelet spec.containers{main} Back-off restarting failed container main in pod oom_NAMESPACE(UID)
    "#);
}

#[tokio::test]
async fn an_init_container_that_crashes() {
    let seen = on_both!("init", async |mut cluster: Cluster| {
        let mut pod = pod("init", "init-crash-loop");
        pod["spec"]["initContainers"] = json!([{"name": "first", "image": "registry.test/init:1"}, {"name": "second", "image": "registry.test/init:1"}]);
        pod_until(&mut cluster, pod, "it backs off", |pod| backs_off(pod, "initContainerStatuses")).await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Pending
    - ContainersReady ContainersNotReady containers with unready status: [main]
    - Initialized ContainersNotInitialized containers with incomplete status: [first second]
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * first not ready 1 waiting CrashLoopBackOff back-off 10s restarting failed container=first pod=init_NAMESPACE(UID), before: 1 Error
    * second not ready 0 waiting PodInitializing
    * main not ready 0 waiting PodInitializing
    Normal Created kubelet spec.initContainers{first} Container created
    Normal Pulled kubelet spec.initContainers{first} Container image "registry.test/init:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/init to scenario-node
    Normal Started kubelet spec.initContainers{first} Container started
    Warning BackOff kubelet spec.initContainers{first} Back-off restarting failed container first in pod init_NAMESPACE(UID)
    "#);
}

#[tokio::test]
async fn a_container_that_never_gets_ready() {
    let seen = on_both!("unready", async |mut cluster: Cluster| {
        let mut pod = pod("unready", "never-ready");
        pod["spec"]["containers"][0]["readinessProbe"] = json!({"tcpSocket": {"port": 80}});
        pod_until(&mut cluster, pod, "it runs", |pod| pod["status"]["phase"] == "Running").await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Running
    - ContainersReady ContainersNotReady containers with unready status: [main]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * main not ready 0 running
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/unready to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Warning Unhealthy kubelet spec.containers{main} Readiness probe failed: dial tcp 10.245.0.2:80: connect: connection refused
    "#);
}

#[tokio::test]
async fn a_container_that_gets_ready_late() {
    let seen = on_both!("slow", async |mut cluster: Cluster| {
        let before =
            pod_until(&mut cluster, pod("slow", "slow"), "it runs", |pod| pod["status"]["phase"] == "Running").await;
        let after = pod_becomes(&mut cluster, "slow", "it is ready", |pod| condition(pod, "Ready") == "True").await;
        json!([before, after])
    });
    let ready = |seen: &Value| seen["status"]["containerStatuses"][0]["ready"].clone();
    assert_eq!((ready(&seen[0]), ready(&seen[1])), (json!(false), json!(true)));
}

#[tokio::test]
async fn a_pod_that_fails_for_good() {
    let seen = on_both!("failed", async |mut cluster: Cluster| {
        let mut pod = pod("failed", "job-fail");
        pod["spec"]["restartPolicy"] = json!("Never");
        pod_until(&mut cluster, pod, "it has failed", |pod| pod["status"]["phase"] == "Failed").await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Failed
    - ContainersReady PodFailed 
    + Initialized
    - PodReadyToStartContainers PodSandboxNotReady pod sandbox is not ready
    + PodScheduled
    - Ready PodFailed 
    * main not ready 0 terminated 1 Error
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/failed to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    "#);
}

#[tokio::test]
async fn a_pod_that_stops_slowly() {
    let seen = on_both!("stop", async |mut cluster: Cluster| {
        let path = cluster.path("pods/stop");
        pod_until(&mut cluster, pod("stop", "slow-stop"), "it is ready", |pod| condition(pod, "Ready") == "True").await;
        cluster.delete(&path).await;
        let uid = cluster.get(&path).await.expect("the pod")["metadata"]["uid"].clone();
        let uid = uid.as_str().unwrap_or_default().to_owned();
        let stopping = async |cluster: &Cluster| {
            let events = crate::normal::events(cluster, "stop", &uid).await;
            let is_told = events.iter().any(|event| event.as_str().is_some_and(|event| event.contains(" Killing ")));
            let found = cluster.get(&path).await;
            found.filter(|_| is_told).map(|found| json!({"status": found["status"]["phase"], "events": events}))
        };
        let seen = cluster.until("its containers are killed while it is there", stopping).await;
        cluster.until("it is gone", async |cluster| cluster.get(&path).await.is_none().then_some(())).await;
        seen
    });
    insta::assert_snapshot!(crate::pretty(&seen), @r#"
    {
      "events": [
        "Normal Created kubelet spec.containers{main} Container created",
        "Normal Killing kubelet spec.containers{main} Stopping container main",
        "Normal Pulled kubelet spec.containers{main} Container image \"registry.test/app:1\" already present on machine and can be accessed by the pod",
        "Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/stop to scenario-node",
        "Normal Started kubelet spec.containers{main} Container started"
      ],
      "status": "Running"
    }
    "#);
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached() {
    let seen = on_both!("unreachable", async |mut cluster: Cluster| {
        let pod = pod("unreachable", "registry-unreachable");
        pod_until(&mut cluster, pod, "it backs off", |pod| waits_for(pod, "containerStatuses", 0) == "ImagePullBackOff")
            .await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Pending
    - ContainersReady ContainersNotReady containers with unready status: [main]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * main not ready 0 waiting ImagePullBackOff Back-off pulling image "registry.test/app:1": ErrImagePull: failed to pull and unpack image "registry.test/app:1": failed to resolve reference "registry.test/app:1": failed to do request: Head "https://registry.test/v2/app/manifests/1": dial tcp 192.0.2.1:443: connect: network is unreachable
    Normal BackOff kubelet spec.containers{main} Back-off pulling image "registry.test/app:1"
    Normal Pulling kubelet spec.containers{main} Pulling image "registry.test/app:1"
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/unreachable to scenario-node
    Warning Failed kubelet spec.containers{main} Error: ErrImagePull
    Warning Failed kubelet spec.containers{main} Error: ImagePullBackOff
    Warning Failed kubelet spec.containers{main} Failed to pull image "registry.test/app:1": failed to pull and unpack image "registry.test/app:1": failed to resolve reference "registry.test/app:1": failed to do request: Head "https://registry.test/v2/app/manifests/1": dial tcp 192.0.2.1:443: connect: network is unreachable
    "#);
}

#[tokio::test]
async fn a_pod_that_is_evicted() {
    let seen = on_both!("evicted", async |mut cluster: Cluster| {
        let mut pod = pod("evicted", "evict");
        pod["spec"]["containers"][0]["resources"] = json!({"limits": {"ephemeral-storage": "5Mi"}});
        pod_until(&mut cluster, pod, "it is evicted", |pod| pod["status"]["phase"] == "Failed").await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Failed
    - ContainersReady PodFailed 
    + Initialized
    - PodReadyToStartContainers PodSandboxNotReady pod sandbox is not ready
    + PodScheduled
    - Ready PodFailed 
    * main not ready 0 terminated 137 Error
    Normal Created kubelet spec.containers{main} Container created
    Normal Killing kubelet spec.containers{main} Stopping container main
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/evicted to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Warning Evicted kubelet - Pod ephemeral local storage usage exceeds the total limit of containers 5Mi.
    "#);
}
