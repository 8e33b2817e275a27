//! Events and autoscalers are the same objects in both of their versions.
#![allow(clippy::unwrap_used, clippy::panic)]

use holm_apiserver::ApiServer;
use k8s_openapi::api::autoscaling::{v1, v2};
use k8s_openapi::api::core::v1::Event as CoreEvent;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn an_event_is_seen_in_both_groups() {
    let cluster = ApiServer::new().unwrap();
    let new: Api<Event> = Api::default_namespaced(cluster.client());
    let core: Api<CoreEvent> = Api::default_namespaced(cluster.client());
    let made = json!({
        "metadata": {"name": "a"}, "regarding": {"kind": "Pod", "name": "p", "namespace": "default"}, "note": "it happened",
        "reason": "Because", "type": "Normal", "action": "Do", "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "example.org/c", "reportingInstance": "i",
    });
    assert_eq!(new.create(&PostParams::default(), &from(made)).await.unwrap().note.unwrap(), "it happened");
    let seen = core.get("a").await.unwrap();
    assert_eq!((seen.message.as_deref(), seen.involved_object.name.as_deref()), (Some("it happened"), Some("p")));
    assert_eq!(seen.reporting_component.as_deref(), Some("example.org/c"));

    let patch = Patch::Merge(
        json!({"note": "again", "series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}),
    );
    new.patch("a", &PatchParams::default(), &patch).await.unwrap();
    let seen = core.get("a").await.unwrap();
    assert_eq!((seen.message.as_deref(), seen.series.unwrap().count), (Some("again"), Some(2)));
    let selected = new.list(&ListParams::default().fields("regarding.name=p")).await.unwrap();
    assert_eq!(selected.items.len(), 1);
    assert!(new.list(&ListParams::default().fields("regarding.name=q")).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn an_event_is_applied_in_both_groups_and_its_fields_have_owners_in_either() {
    let cluster = ApiServer::new().unwrap();
    let new: Api<Event> = Api::default_namespaced(cluster.client());
    let core: Api<CoreEvent> = Api::default_namespaced(cluster.client());
    let involved = json!({"kind": "Pod", "name": "p", "namespace": "default"});
    let noted = |note: &str| {
        Patch::Apply(json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "a"}, "regarding": involved, "note": note,
            "reason": "Because", "type": "Normal",
        }))
    };
    let told = |message: &str| {
        Patch::Apply(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a", "namespace": "default"}, "message": message,
        }))
    };
    let made = new.patch("a", &PatchParams::apply("one"), &noted("it happened")).await.unwrap();
    assert_eq!(made.note.as_deref(), Some("it happened"));
    // The same text is shared, another one is a conflict, whichever name the field has.
    core.patch("a", &PatchParams::apply("two"), &told("it happened")).await.unwrap();
    let refused = core.patch("a", &PatchParams::apply("two"), &told("it did not")).await.unwrap_err();
    assert!(refused.to_string().contains("conflict with \"one\": .note"), "{refused}");
    let refused = new.patch("a", &PatchParams::apply("one"), &noted("again")).await.unwrap_err();
    assert!(refused.to_string().contains("conflict with \"two\": .message"), "{refused}");
    core.patch("a", &PatchParams::apply("two").force(), &told("it did not")).await.unwrap();
    let seen = new.get("a").await.unwrap();
    assert_eq!(seen.note.as_deref(), Some("it did not"));
    let owners = seen.metadata.managed_fields.unwrap();
    let versions: Vec<_> = owners.iter().map(|entry| entry.api_version.as_deref().unwrap()).collect();
    assert_eq!(versions, ["events.k8s.io/v1", "v1"]);
}

#[tokio::test]
async fn an_autoscaler_keeps_in_the_newer_version_what_the_older_cannot_say() {
    let cluster = ApiServer::new().unwrap();
    let older: Api<v1::HorizontalPodAutoscaler> = Api::default_namespaced(cluster.client());
    let newer: Api<v2::HorizontalPodAutoscaler> = Api::default_namespaced(cluster.client());
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let made = json!({"metadata": {"name": "a"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50, "scaleTargetRef": target}});
    older.create(&PostParams::default(), &from(made)).await.unwrap();
    let external =
        json!({"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Value", "value": "9"}}});
    let percentage = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}});
    let add = Patch::Merge(json!({"spec": {"metrics": [percentage, external]}}));
    newer.patch("a", &PatchParams::default(), &add).await.unwrap();
    let patch = Patch::Merge(json!({"spec": {"targetCPUUtilizationPercentage": 70}}));
    let shown = older.patch("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(shown.spec.target_cpu_utilization_percentage, Some(70));
    let metrics = newer.get("a").await.unwrap().spec.metrics.unwrap();
    let shown: Vec<String> = metrics.iter().map(|metric| metric.type_.clone()).collect();
    assert_eq!(shown, ["Resource", "External"]);
    assert_eq!(metrics[0].resource.as_ref().unwrap().target.average_utilization, Some(70));
}

#[tokio::test]
async fn the_newer_version_is_the_preferred_one() {
    let cluster = ApiServer::new().unwrap();
    let groups = cluster.client().list_api_groups().await.unwrap();
    let scaling = groups.groups.into_iter().find(|group| group.name == "autoscaling").unwrap();
    assert_eq!(scaling.preferred_version.unwrap().version, "v2");
    let versions: Vec<String> = scaling.versions.into_iter().map(|version| version.version).collect();
    assert_eq!(versions, ["v2", "v1"]);
}
