//! Pods that run, and what they have logged.

use serde_json::{Value, json};

use crate::cluster::condition;
use crate::normal::story;
use crate::{Cluster, on_both, pod, pod_until, waits_for};

#[tokio::test]
async fn a_pod_becomes_ready() {
    let seen = on_both!("ready", async |mut cluster: Cluster| {
        pod_until(&mut cluster, pod("ready", ""), "it is ready", |pod| condition(pod, "Ready") == "True").await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Running
    + ContainersReady
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    + Ready
    * main ready 0 running
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/ready to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    "#);
}

#[tokio::test]
async fn a_pod_of_a_job_ends() {
    let seen = on_both!("job", async |mut cluster: Cluster| {
        let mut pod = pod("job", "");
        pod["spec"]["restartPolicy"] = json!("Never");
        pod["spec"]["initContainers"] =
            json!([{"name": "proxy", "image": "registry.test/proxy:1", "restartPolicy": "Always"}]);
        // No controller knows it, and its owner is not looked for.
        let owner = cluster.get(&cluster.path("configmaps/kube-root-ca.crt")).await.expect("a config map");
        let uid = owner["metadata"]["uid"].clone();
        let job = json!({"metadata": {"name": "owner"}, "spec": {"suspend": true, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.test/app:1"}],
        }}}});
        let path = format!("/apis/batch/v1/namespaces/{}/jobs", cluster.namespace);
        cluster.create(&path, job).await;
        let job = cluster.get(&format!("{path}/owner")).await.expect("the Job");
        assert_ne!(uid, job["metadata"]["uid"]);
        pod["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "owner", "uid": job["metadata"]["uid"]}]);
        pod_until(&mut cluster, pod, "it has ended", |pod| pod["status"]["phase"] == "Succeeded").await
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Succeeded
    - ContainersReady PodCompleted 
    + Initialized
    - PodReadyToStartContainers PodSandboxNotReady pod sandbox is not ready
    + PodScheduled
    - Ready PodCompleted 
    * proxy not ready 0 terminated 0 Completed
    * main not ready 0 terminated 0 Completed
    Normal Created kubelet spec.containers{main} Container created
    Normal Created kubelet spec.initContainers{proxy} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Pulled kubelet spec.initContainers{proxy} Container image "registry.test/proxy:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/job to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Normal Started kubelet spec.initContainers{proxy} Container started
    "#);
}

#[tokio::test]
async fn a_pod_without_an_owner_ends_when_nobody_would_start_it_again() {
    let seen = on_both!("bare", async |mut cluster: Cluster| {
        let mut phases = Vec::new();
        let cases = [("hangs", "Never", "job-hang"), ("never", "Never", ""), ("on-failure", "OnFailure", "")];
        for (name, policy, mode) in cases {
            let mut pod = pod(name, mode);
            pod["spec"]["restartPolicy"] = json!(policy);
            let expected = if mode.is_empty() { "Succeeded" } else { "Running" };
            let seen = pod_until(&mut cluster, pod, "it is as ordered", |pod| pod["status"]["phase"] == expected).await;
            phases.push(seen["status"]["phase"].clone());
        }
        // Two others have come to their ends since it began.
        let hangs = cluster.get(&cluster.path("pods/hangs")).await.expect("the pod");
        phases.push(hangs["status"]["phase"].clone());
        json!(phases)
    });
    assert_eq!(seen, json!(["Running", "Succeeded", "Succeeded", "Running"]));
}

#[tokio::test]
async fn containers_have_logs_when_they_have_started() {
    let mut cluster = Cluster::embedded("logs").await;
    let mut told = pod("told", "");
    told["metadata"]["annotations"] = json!({"holm.dev/log": "one\ntwo\nthree\n"});
    pod_until(&mut cluster, told, "it is ready", |pod| condition(pod, "Ready") == "True").await;
    let crashed = |pod: &Value| waits_for(pod, "containerStatuses", 0) == "CrashLoopBackOff";
    pod_until(&mut cluster, pod("crashed", "crash-loop"), "it backs off", crashed).await;
    let pulls = |pod: &Value| waits_for(pod, "containerStatuses", 0) == "ImagePullBackOff";
    pod_until(&mut cluster, pod("pulls", "image-pull-error"), "it backs off", pulls).await;
    let cases = [
        ("told/log", "one\ntwo\nthree\n"),
        ("told/log?tailLines=1&follow=true", "three\n"),
        ("told/log?limitBytes=5", "one\nt"),
        ("told/log?previous=true", "400: previous terminated container \"main\" in pod \"told\" not found"),
        ("told/log?container=other", "400: container other is not valid for pod told"),
        ("crashed/log", "simulated container main: started\nfatal: simulated failure\n"),
        ("crashed/log?previous=true", "simulated container main: started\nfatal: simulated failure\n"),
        ("pulls/log", "400: container \"main\" in pod \"pulls\" is waiting to start: trying and failing to pull image"),
        ("nobody/log", "404: pods \"nobody\" not found"),
    ];
    for (path, expected) in cases {
        assert_eq!(cluster.text(&cluster.path(&format!("pods/{path}"))).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_service_gets_an_address_when_it_asks_for_one() {
    let mut cluster = Cluster::embedded("balancer").await;
    let service = |name: &str, asks: Value| {
        let annotations = json!({"holm.dev/load-balancer": asks});
        json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    };
    for (name, asks) in [("given", "true"), ("second", "true"), ("named", "203.0.113.7"), ("waiting", "false")] {
        cluster.create(&cluster.path("services"), service(name, json!(asks))).await;
    }
    cluster.until("the node has settled", async |_| Some(())).await;
    let mut addresses = Vec::new();
    for name in ["given", "second", "named", "waiting"] {
        let found = cluster.get(&cluster.path(&format!("services/{name}"))).await.expect("the Service");
        addresses.push(found["status"]["loadBalancer"].clone());
    }
    let ip = |address: &str| json!({"ingress": [{"ip": address, "ipMode": "VIP"}]});
    assert_eq!(addresses, [ip("198.51.100.1"), ip("198.51.100.2"), ip("203.0.113.7"), json!({})]);
}
