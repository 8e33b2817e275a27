//! Workloads and volumes, with the controllers of the cluster.

use serde_json::{Value, json};

use crate::cluster::{Cluster, NODE, condition};
use crate::{normal, on_both};

fn template(containers: Value) -> Value {
    json!({
        "metadata": {"labels": {"app": "app"}},
        "spec": {"nodeSelector": {"kubernetes.io/hostname": NODE}, "containers": containers},
    })
}

fn main_container() -> Value {
    json!([{"name": "main", "image": "registry.test/app:1"}])
}

/// The statuses of the pods of a workload, which all have other names on each cluster, by their texts.
async fn pods(cluster: &Cluster) -> Vec<Value> {
    let listed = cluster.get(&cluster.path("pods?labelSelector=app=app")).await.expect("pods");
    let mut seen = Vec::new();
    for pod in listed["items"].as_array().expect("a list") {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        seen.push(normal::pod(cluster, name).await["status"].clone());
    }
    seen.sort_by_key(Value::to_string);
    seen
}

#[tokio::test]
async fn a_deployment_becomes_available() {
    let seen = on_both!("deployment", async |mut cluster: Cluster| {
        let path = format!("/apis/apps/v1/namespaces/{}/deployments", cluster.namespace);
        let deployment = json!({"metadata": {"name": "app"}, "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "app"}}, "template": template(main_container()),
        }});
        cluster.create(&path, deployment).await;
        let available = async |cluster: &Cluster| {
            let found = cluster.get(&format!("{path}/app")).await?;
            let is_available = condition(&found, "Available") == "True" && found["status"]["availableReplicas"] == 3;
            is_available.then_some(found["status"].clone())
        };
        let mut status = cluster.until("the Deployment is available", available).await;
        status.as_object_mut().expect("a status").remove("conditions");
        json!({"status": status, "pods": pods(&cluster).await})
    });
    assert_eq!(seen["status"]["readyReplicas"], 3);
    assert_eq!(seen["pods"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_job_completes() {
    let seen = on_both!("completes", async |mut cluster: Cluster| {
        let path = format!("/apis/batch/v1/namespaces/{}/jobs", cluster.namespace);
        let mut template = template(main_container());
        template["spec"]["restartPolicy"] = json!("Never");
        let job =
            json!({"metadata": {"name": "app"}, "spec": {"completions": 2, "parallelism": 1, "template": template}});
        cluster.create(&path, job).await;
        let complete = async |cluster: &Cluster| {
            let found = cluster.get(&format!("{path}/app")).await?;
            (condition(&found, "Complete") == "True").then(|| found["status"]["succeeded"].clone())
        };
        let succeeded = cluster.until("the Job is complete", complete).await;
        json!({"succeeded": succeeded, "pods": pods(&cluster).await})
    });
    assert_eq!(seen["succeeded"], 2);
}

#[tokio::test]
async fn a_job_fails_when_its_pods_do() {
    let seen = on_both!("fails", async |mut cluster: Cluster| {
        let path = format!("/apis/batch/v1/namespaces/{}/jobs", cluster.namespace);
        let mut template = template(json!([{"name": "main", "image": "registry.test/job-fail:1"}]));
        template["spec"]["restartPolicy"] = json!("Never");
        let job = json!({"metadata": {"name": "app"}, "spec": {"backoffLimit": 0, "template": template}});
        cluster.create(&path, job).await;
        let failed = async |cluster: &Cluster| {
            let found = cluster.get(&format!("{path}/app")).await?;
            (condition(&found, "Failed") == "True").then(|| found["status"]["failed"].clone())
        };
        let failed = cluster.until("the Job has failed", failed).await;
        json!({"failed": failed, "pods": pods(&cluster).await})
    });
    assert_eq!(seen["failed"], 1);
}

/// A claim, and the volume that it has.
async fn claim_and_volume(cluster: &Cluster, name: &str) -> Option<Value> {
    let claim = cluster.get(&cluster.path(&format!("persistentvolumeclaims/{name}"))).await?;
    let volume = claim["spec"]["volumeName"].as_str()?;
    let volume = cluster.get(&format!("/api/v1/persistentvolumes/{volume}")).await?;
    let is_bound = claim["status"]["phase"] == "Bound" && volume["status"]["phase"] == "Bound";
    let capacity = |object: &Value, part: &str| object[part]["capacity"].clone();
    is_bound.then(|| {
        json!({
            "claim": capacity(&claim, "status"), "volume": capacity(&volume, "spec"),
            "modes": volume["spec"]["accessModes"], "policy": volume["spec"]["persistentVolumeReclaimPolicy"],
            "node": claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"],
        })
    })
}

fn claim(name: &str, class: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}},
    }})
}

#[tokio::test]
async fn a_claim_that_waits_for_its_first_consumer_is_bound_for_the_pods_node() {
    let seen = on_both!("consumer", async |mut cluster: Cluster| {
        cluster.create(&cluster.path("persistentvolumeclaims"), claim("data", "scenario-waits")).await;
        let mut pod = crate::pod("consumer", "");
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        let ready = |pod: &Value| condition(pod, "Ready") == "True";
        let mut pod = crate::pod_until(&mut cluster, pod, "the pod is ready", ready).await;
        // Whether the scheduler sees the claim before the pod depends on the machine.
        let events = pod["events"].as_array_mut().expect("events");
        events.retain(|event| !event.as_str().is_some_and(|event| event.contains("FailedScheduling")));
        json!({"pod": pod, "storage": claim_and_volume(&cluster, "data").await})
    });
    assert_eq!(seen["storage"]["node"], NODE);
    assert_eq!(seen["storage"]["policy"], "Delete");
}

#[tokio::test]
async fn a_volume_that_is_there_is_taken_before_one_is_made() {
    let seen = on_both!("static", async |mut cluster: Cluster| {
        let name = cluster.namespace.clone();
        // A class of its own, so that no other scenario takes it.
        let class = json!({
            "metadata": {"name": name}, "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
        });
        cluster.create("/apis/storage.k8s.io/v1/storageclasses", class).await;
        let volume = json!({"metadata": {"name": name}, "spec": {
            "capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": name,
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/data"},
        }});
        cluster.create("/api/v1/persistentvolumes", volume).await;
        cluster.create(&cluster.path("persistentvolumeclaims"), claim("data", &name)).await;
        let mut pod = crate::pod("static", "");
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        crate::pod_until(&mut cluster, pod, "the pod is ready", |pod| condition(pod, "Ready") == "True").await;
        let found = cluster.get(&cluster.path("persistentvolumeclaims/data")).await.expect("the claim");
        assert_eq!(found["spec"]["volumeName"], json!(name));
        let mut seen = claim_and_volume(&cluster, "data").await.expect("a claim with its volume");
        // The stage of the tests' control plane for claims that grow writes down what this one asked for.
        seen.as_object_mut().expect("an object").remove("claim");
        seen
    });
    assert_eq!((&seen["policy"], &seen["volume"]), (&json!("Retain"), &json!({"storage": "5Gi"})));
}

#[tokio::test]
async fn a_bound_claim_grows_and_its_volume_goes_with_it() {
    let seen = on_both!("grows", async |mut cluster: Cluster| {
        let path = cluster.path("persistentvolumeclaims/data");
        cluster.create(&cluster.path("persistentvolumeclaims"), claim("data", "scenario-immediate")).await;
        cluster.until("the claim is bound", async |cluster| claim_and_volume(cluster, "data").await).await;
        cluster.patch(&path, json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}})).await;
        let grown = async |cluster: &Cluster| {
            claim_and_volume(cluster, "data")
                .await
                .filter(|seen| seen["claim"]["storage"] == "2Gi" && seen["volume"]["storage"] == "2Gi")
        };
        let seen = cluster.until("the claim has grown", grown).await;
        let found = cluster.get(&path).await.expect("the claim");
        let volume = format!("/api/v1/persistentvolumes/{}", found["spec"]["volumeName"].as_str().unwrap_or_default());
        cluster.delete(&path).await;
        cluster.until("the volume is gone", async |cluster| cluster.get(&volume).await.is_none().then_some(())).await;
        seen
    });
    assert_eq!((&seen["claim"], &seen["volume"]), (&json!({"storage": "2Gi"}), &json!({"storage": "2Gi"})));
}

#[tokio::test]
async fn a_stateful_set_has_its_pods_and_their_claims() {
    let seen = on_both!("stateful", async |mut cluster: Cluster| {
        let path = format!("/apis/apps/v1/namespaces/{}/statefulsets", cluster.namespace);
        let mut container = main_container();
        container[0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
        let set = json!({"metadata": {"name": "app"}, "spec": {
            "replicas": 2, "serviceName": "app", "selector": {"matchLabels": {"app": "app"}}, "template": template(container),
            "volumeClaimTemplates": [claim("data", "scenario-waits")],
        }});
        cluster.create(&path, set).await;
        let ready = async |cluster: &Cluster| {
            let found = cluster.get(&format!("{path}/app")).await?;
            (found["status"]["availableReplicas"] == 2).then_some(())
        };
        cluster.until("the StatefulSet is available", ready).await;
        let mut claims = Vec::new();
        for name in ["data-app-0", "data-app-1"] {
            claims.push(claim_and_volume(&cluster, name).await.expect("a claim with its volume"));
        }
        json!({"claims": claims, "pods": pods(&cluster).await})
    });
    assert_eq!(seen["pods"].as_array().map(Vec::len), Some(2));
    assert_eq!(seen["claims"][1]["node"], NODE);
}
