//! Pods that lack what they name.

use serde_json::{Value, json};

use crate::cluster::condition;
use crate::normal::story;
use crate::{Cluster, on_both, pod, pod_becomes, pod_until, waits_for};

fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready") == "True"
}

#[tokio::test]
async fn a_key_that_is_missing_and_comes() {
    let seen = on_both!("key", async |mut cluster: Cluster| {
        let mut pod = pod("key", "");
        let from = |optional: bool, name: &str| json!({"secretKeyRef": {"name": name, "key": "password", "optional": optional}});
        pod["spec"]["containers"][0]["env"] = json!([
            {"name": "OPTIONAL", "valueFrom": from(true, "nobody")},
            {"name": "PASSWORD", "valueFrom": from(false, "login")},
        ]);
        let cannot = |pod: &Value| waits_for(pod, "containerStatuses", 0) == "CreateContainerConfigError";
        let without_secret = pod_until(&mut cluster, pod, "the container cannot be made", cannot).await;
        let secret = json!({"metadata": {"name": "login"}, "stringData": {"user": "u"}});
        cluster.create(&cluster.path("secrets"), secret).await;
        let says_key = |pod: &Value| pod.to_string().contains("couldn't find key");
        let without_key = pod_becomes(&mut cluster, "key", "the key is missed", says_key).await;
        cluster.patch(&cluster.path("secrets/login"), json!({"stringData": {"password": "p"}})).await;
        let with_key = pod_becomes(&mut cluster, "key", "it is ready", is_ready).await;
        json!([without_secret, without_key, with_key])
    });
    insta::assert_snapshot!(story(&seen[0]), @r#"
    Pending
    - ContainersReady ContainersNotReady containers with unready status: [main]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [main]
    * main not ready 0 waiting CreateContainerConfigError secret "login" not found
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/key to scenario-node
    Warning Failed kubelet spec.containers{main} Error: secret "login" not found
    "#);
    insta::assert_snapshot!(story(&seen[2]), @r#"
    Running
    + ContainersReady
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    + Ready
    * main ready 0 running
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/key to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Warning Failed kubelet spec.containers{main} Error: couldn't find key password in Secret NAMESPACE/login
    Warning Failed kubelet spec.containers{main} Error: secret "login" not found
    "#);
}

#[tokio::test]
async fn a_config_map_for_the_whole_environment_is_missing() {
    let seen = on_both!("env-from", async |mut cluster: Cluster| {
        let mut pod = pod("env-from", "");
        let containers = pod["spec"]["containers"].as_array_mut().expect("containers");
        containers.push(json!({
            "name": "other", "image": "registry.test/other:1",
            "envFrom": [{"secretRef": {"name": "nobody", "optional": true}}, {"configMapRef": {"name": "settings"}}],
        }));
        let cannot = |pod: &Value| waits_for(pod, "containerStatuses", 1) == "CreateContainerConfigError";
        pod_until(&mut cluster, pod, "the container cannot be made", cannot).await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Pending
    - ContainersReady ContainersNotReady containers with unready status: [other]
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [other]
    * main ready 0 running
    * other not ready 0 waiting CreateContainerConfigError configmap "settings" not found
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Pulled kubelet spec.containers{other} Container image "registry.test/other:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/env-from to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Warning Failed kubelet spec.containers{other} Error: configmap "settings" not found
    "#);
}

#[tokio::test]
async fn volumes_that_are_missing_and_come() {
    let seen = on_both!("mount", async |mut cluster: Cluster| {
        let mut pod = pod("mount", "");
        pod["spec"]["initContainers"] = json!([
            {"name": "prepare", "image": "registry.test/init:1"},
            {"name": "proxy", "image": "registry.test/proxy:1", "restartPolicy": "Always"},
        ]);
        pod["spec"]["volumes"] = json!([
            {"name": "absent", "secret": {"secretName": "nobody", "optional": true}},
            {"name": "tls", "secret": {"secretName": "tls"}},
            {"name": "config", "configMap": {"name": "config", "items": [{"key": "main", "path": "main"}]}},
            {"name": "both", "projected": {"sources": [{"secret": {"name": "tls"}}, {"configMap": {"name": "config"}}]}},
        ]);
        let is_told = |pod: &Value| pod["status"]["startTime"].is_string();
        let missing = pod_until(&mut cluster, pod, "the volumes cannot be mounted", is_told).await;
        cluster
            .create(&cluster.path("secrets"), json!({"metadata": {"name": "tls"}, "stringData": {"key": "k"}}))
            .await;
        cluster
            .create(&cluster.path("configmaps"), json!({"metadata": {"name": "config"}, "data": {"main": "m"}}))
            .await;
        // What was said between the two depends on the time.
        let mut ready = pod_becomes(&mut cluster, "mount", "it is ready", is_ready).await;
        let events = ready["events"].as_array_mut().expect("events");
        events.retain(|event| !event.as_str().is_some_and(|event| event.contains("FailedMount")));
        json!([missing, ready])
    });
    insta::assert_snapshot!(story(&seen[0]), @r#"
    Pending
    - ContainersReady ContainersNotReady containers with unready status: [proxy main]
    - Initialized ContainersNotInitialized containers with incomplete status: [prepare proxy]
    - PodReadyToStartContainers PodSandboxNotReady no pod sandbox exists
    + PodScheduled
    - Ready ContainersNotReady containers with unready status: [proxy main]
    * prepare not ready 0 waiting PodInitializing
    * proxy not ready 0 waiting PodInitializing
    * main not ready 0 waiting PodInitializing
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/mount to scenario-node
    Warning FailedMount kubelet - MountVolume.SetUp failed for volume "both" : [secret "tls" not found, configmap "config" not found]
    Warning FailedMount kubelet - MountVolume.SetUp failed for volume "config" : configmap "config" not found
    Warning FailedMount kubelet - MountVolume.SetUp failed for volume "tls" : secret "tls" not found
    "#);
    insta::assert_snapshot!(story(&seen[1]), @r#"
    Running
    + ContainersReady
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    + Ready
    * prepare ready 0 terminated 0 Completed
    * proxy ready 0 running
    * main ready 0 running
    Normal Created kubelet spec.containers{main} Container created
    Normal Created kubelet spec.initContainers{prepare} Container created
    Normal Created kubelet spec.initContainers{proxy} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Pulled kubelet spec.initContainers{prepare} Container image "registry.test/init:1" already present on machine and can be accessed by the pod
    Normal Pulled kubelet spec.initContainers{proxy} Container image "registry.test/proxy:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/mount to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Normal Started kubelet spec.initContainers{prepare} Container started
    Normal Started kubelet spec.initContainers{proxy} Container started
    "#);
}

#[tokio::test]
async fn a_readiness_gate_that_opens() {
    let seen = on_both!("gate", async |mut cluster: Cluster| {
        let mut pod = pod("gate", "");
        pod["spec"]["readinessGates"] = json!([{"conditionType": "example.com/gate"}]);
        let runs = |pod: &Value| pod["status"]["phase"] == "Running";
        let closed = pod_until(&mut cluster, pod, "it runs", runs).await;
        let path = cluster.path("pods/gate");
        let mut found = cluster.get(&path).await.expect("the pod");
        let conditions = found["status"]["conditions"].as_array_mut().expect("conditions");
        conditions.push(json!({"type": "example.com/gate", "status": "True"}));
        cluster.patch(&format!("{path}/status"), json!({"status": {"conditions": conditions}})).await;
        let open = pod_becomes(&mut cluster, "gate", "it is ready", is_ready).await;
        json!([closed, open])
    });
    insta::assert_snapshot!(story(&seen[0]), @r#"
    Running
    + ContainersReady
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    - Ready ReadinessGatesNotReady corresponding condition of pod readiness gate "example.com/gate" does not exist.
    * main ready 0 running
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/gate to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    "#);
}
