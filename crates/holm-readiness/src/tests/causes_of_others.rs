//! Causes in claims, in what has no pods, and in what is being deleted.

use super::causes::{Scene, all_rendered, event, rendered};
use super::pods::pod;
use super::*;
use crate::cause::explain_deletion;
use holm_redact::Redactor;

fn claim_event(class: &str, reason: &str, message: &str, count: i64) -> Value {
    event("PersistentVolumeClaim", "postgres-pvc", "claim", class, reason, message, count)
}

fn claim(phase: &str) -> Value {
    json!({ "metadata": { "name": "postgres-pvc", "namespace": "holm", "uid": "claim" },
            "spec": { "volumeName": if phase == "Lost" { "pv-7" } else { "" } }, "status": { "phase": phase } })
}

#[test]
fn a_claim_that_does_not_bind_says_what_it_waits_for() {
    let pending = |event: Value| Scene::of(&kind("v1", "PersistentVolumeClaim"), claim("Pending")).event(event);
    let scenes = [
        Scene::of(&kind("v1", "PersistentVolumeClaim"), claim("Lost")),
        Scene::of(&kind("v1", "PersistentVolumeClaim"), claim("Pending")),
        pending(claim_event("Warning", "ProvisioningFailed", "storageclass.storage.k8s.io \"fast\" not found", 3)),
        pending(claim_event(
            "Warning",
            "ProvisioningFailed",
            "failed to provision volume: rpc error: quota reached",
            3,
        )),
        pending(claim_event(
            "Normal",
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
            1,
        )),
        pending(claim_event("Warning", "FailedBinding", "volume \"pv-3\" already bound to a different claim.", 2)),
        pending(claim_event(
            "Warning",
            "VolumeMismatch",
            "Cannot bind to requested volume \"pv-3\": requested PV is too small",
            2,
        )),
        pending(claim_event(
            "Normal",
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator.",
            9,
        )),
        pending(claim_event(
            "Normal",
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
            9,
        )),
        pending(claim_event("Normal", "WaitForPodScheduled", "waiting for pod postgres-0 to be scheduled", 2)),
    ];
    insta::assert_snapshot!(all_rendered(&scenes), @r#"
    its volume pv-7 no longer exists
    -> it binds no other: look for the data first, then delete the claim and make it anew
    PersistentVolumeClaim/postgres-pvc
    final

    is not bound to a volume yet
    PersistentVolumeClaim/postgres-pvc
    waits

    there is no storage class fast
    -> declare it in the stack, or name one that the cluster has
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x3 ProvisioningFailed: storageclass.storage.k8s.io "fast" not found
    final

    its volume cannot be made: failed to provision volume: rpc error: quota reached
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x3 ProvisioningFailed: failed to provision volume: rpc error: quota reached
    waits

    no volume fits, and neither the claim nor the cluster names a storage class
    -> set storageClassName, mark a class as the default, or add a PersistentVolume that fits
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x1 FailedBinding: no persistent volumes available for this claim and no storage class is set
    waits

    volume pv-3 is bound to another claim
    -> name another volume, or none
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x2 FailedBinding: volume "pv-3" already bound to a different claim.
    final

    the volume that it names does not fit: Cannot bind to requested volume "pv-3": requested PV is too small
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x2 VolumeMismatch: Cannot bind to requested volume "pv-3": requested PV is too small
    final

    waits for provisioner ebs.csi.aws.com to make its volume
    -> is that provisioner running?
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x9 ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator.
    waits

    binds once a pod uses it
    -> no pod uses it yet; its storage class waits for one
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x9 WaitForFirstConsumer: waiting for first consumer to be created before binding
    waits

    binds once its pod has a node
    PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x2 WaitForPodScheduled: waiting for pod postgres-0 to be scheduled
    waits
    "#);
}

#[test]
fn a_pod_that_waits_for_a_claim_is_explained_by_the_claim() {
    let mut unplaced = pod("Pending", json!({}), json!({}));
    unplaced["spec"]["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "postgres-pvc" } }]);
    let message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
    unplaced["status"] =
        json!({ "phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)] });
    let scene = Scene::of_deployment(unplaced)
        .related("v1", "PersistentVolumeClaim", claim("Pending"))
        .event(claim_event("Warning", "ProvisioningFailed", "storageclass.storage.k8s.io \"fast\" not found", 3));
    insta::assert_snapshot!(rendered(&scene), @r#"
    claim postgres-pvc: there is no storage class fast
    -> declare it in the stack, or name one that the cluster has
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0 > PersistentVolumeClaim/postgres-pvc
    event PersistentVolumeClaim/postgres-pvc x3 ProvisioningFailed: storageclass.storage.k8s.io "fast" not found
    final
    "#);
}

#[test]
fn a_claim_that_waits_for_its_pod_is_not_why_the_pod_finds_no_node() {
    let mut unplaced = pod("Pending", json!({}), json!({}));
    unplaced["spec"]["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "postgres-pvc" } }]);
    let message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    unplaced["status"] =
        json!({ "phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)] });
    let scene = Scene::of_deployment(unplaced)
        .related("v1", "PersistentVolumeClaim", claim("Pending"))
        .event(claim_event("Normal", "WaitForPodScheduled", "waiting for pod postgres-0 to be scheduled", 15));
    insta::assert_snapshot!(rendered(&scene), @r"
    no node can take the pod: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.
    -> no node has the labels that the pod asks for
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    waits
    ");
}

#[test]
fn what_has_no_pods_is_explained_by_its_conditions() {
    let of = |version: &str, name: &str, object: Value| Scene::of(&kind(version, name), object);
    let named = |status: Value| json!({ "metadata": { "name": "it", "uid": "it" }, "spec": {}, "status": status });
    let balancer = || {
        let mut object = named(json!({}));
        object["spec"] = json!({ "type": "LoadBalancer" });
        of("v1", "Service", object)
    };
    let scenes = [
        balancer(),
        balancer().event(event(
            "Service",
            "it",
            "it",
            "Warning",
            "SyncLoadBalancerFailed",
            "Error syncing load balancer: out of addresses",
            3,
        )),
        of(
            "example.com/v1",
            "Widget",
            named(conditions([condition("Ready", "False", "NoDatabase", "database holm does not exist")])),
        ),
        of(
            "example.com/v1",
            "Widget",
            named(conditions([condition("Stalled", "True", "InvalidSpec", "size must be odd")])),
        ),
        of("example.com/v1", "Widget", named(json!({}))),
        of(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            named(conditions([condition("NamesAccepted", "False", "PluralConflict", "\"widgets\" is already in use")])),
        ),
        of(
            "apiregistration.k8s.io/v1",
            "APIService",
            named(conditions([condition(
                "Available",
                "False",
                "MissingEndpoints",
                "endpoints for service/metrics have no addresses",
            )])),
        ),
    ];
    insta::assert_snapshot!(all_rendered(&scenes), @r#"
    the load balancer has no address yet
    -> it needs a controller that gives addresses; type ClusterIP or NodePort needs none
    Service/it
    waits

    its load balancer cannot be made: Error syncing load balancer: out of addresses
    Service/it
    event Service/it x3 SyncLoadBalancerFailed: Error syncing load balancer: out of addresses
    waits

    Ready is False: database holm does not exist
    Widget/it
    waits

    size must be odd
    Widget/it
    final

    has no status yet; whether its kind reports one is not known
    -> is the controller of Widget running? If there is none, say when it is ready with ready_when
    Widget/it
    waits

    its names are taken by another definition: "widgets" is already in use
    -> choose other names, or delete the definition that has them
    CustomResourceDefinition/it
    final

    endpoints for service/metrics have no addresses
    -> look at the Service that it names and its pods
    APIService/it
    waits
    "#);
}

#[test]
fn what_is_still_there_after_its_deletion_says_what_it_waits_for() {
    let deleted = |version: &str, name: &str, finalizers: &[&str], status: Value| {
        let metadata = json!({ "name": "it", "deletionTimestamp": "2026-01-05T10:00:00Z", "finalizers": finalizers });
        Scene::of(&kind(version, name), json!({ "metadata": metadata, "status": status }))
    };
    let namespace =
        |kind: &str, message: &str| deleted("v1", "Namespace", &[], conditions([condition(kind, "True", "", message)]));
    let scenes = [
        namespace("NamespaceContentRemaining", "Some resources are remaining: pods. has 2 resource instances"),
        namespace(
            "NamespaceFinalizersRemaining",
            "Some content in the namespace has finalizers remaining: example.com/guard in 1 resource instances",
        ),
        namespace(
            "NamespaceDeletionDiscoveryFailure",
            "Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1",
        ),
        namespace("NamespaceDeletionContentFailure", "Failed to delete all resource types, 1 remaining"),
        deleted("v1", "PersistentVolumeClaim", &["kubernetes.io/pvc-protection"], json!({})),
        deleted("apps/v1", "Deployment", &["foregroundDeletion"], json!({})),
        deleted("example.com/v1", "Widget", &["foregroundDeletion", "example.com/guard"], json!({})),
        deleted("v1", "ConfigMap", &[], json!({})),
    ];
    insta::assert_snapshot!(all_rendered(&scenes), @"
    still holds: pods. has 2 resource instances
    Namespace/it
    waits

    waits for finalizers of what is in it: example.com/guard in 1 resource instances
    -> the controller that set the finalizer must take it away; is it running?
    Namespace/it
    waits

    cannot be emptied, because not all of its kinds can be found: Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1
    -> APIService v1beta1.metrics.k8s.io has no server that answers: repair it, or delete it if it is no longer needed
    Namespace/it
    waits

    cannot be emptied: Failed to delete all resource types, 1 remaining
    Namespace/it
    waits

    a pod still uses the claim
    -> delete the pods that mount it
    PersistentVolumeClaim/it
    waits

    what it owns is being deleted first
    Deployment/it
    waits

    waits for its finalizer example.com/guard
    -> the controller that set the finalizer must take it away; is it running?
    Widget/it
    waits

    is being deleted
    ConfigMap/it
    waits
    ");
}

#[test]
fn there_is_no_cause_for_what_works() {
    assert_eq!(Scene::of(&kind("v1", "ConfigMap"), json!({})).explain(), None);
    assert_eq!(Scene::of(&kind("v1", "ConfigMap"), json!({})).to_log(), []);
}

#[test]
fn what_holds_a_namespace_or_a_definition_is_named() {
    let deleted = |statuses: Vec<Value>| {
        json!({ "metadata": { "name": "it", "deletionTimestamp": "2026-01-05T10:00:00Z", "finalizers": ["kubernetes"] },
                "status": { "phase": "Terminating", "conditions": statuses } })
    };
    let discovery = "Discovery failed for some groups, 2 failing: unable to retrieve the complete list of server APIs: \
                     metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1, custom.example/v2: stale \
                     GroupVersion discovery: custom.example/v2";
    let guard = "Some content in the namespace has finalizers remaining: example.com/guard in 1 resource instances";
    let cases = [
        ("v1", "Namespace", vec![condition("NamespaceDeletionDiscoveryFailure", "True", "DiscoveryFailed", discovery)]),
        (
            "v1",
            "Namespace",
            vec![
                condition(
                    "NamespaceDeletionDiscoveryFailure",
                    "True",
                    "DiscoveryFailed",
                    "one failing: metrics.k8s.io/v1beta1",
                ),
                condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", guard),
            ],
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            vec![condition(
                "Terminating",
                "True",
                "InstanceDeletionFailed",
                "could not delete instances in all namespaces, 1 left",
            )],
        ),
    ];
    let lines = cases.into_iter().map(|(version, name, statuses)| {
        let kind = kind(version, name);
        let object = deleted(statuses);
        let cause = explain_deletion(&kind, &object, &Redactor::default()).expect("it is being deleted");
        assert!(
            assess(&kind, &object, None, &Surroundings::default()).message.len() > 20,
            "it is said while waiting, too"
        );
        format!("{}\n    -> {}", cause.summary, cause.hint.unwrap_or_default())
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    cannot be emptied, because not all of its kinds can be found: Discovery failed for some groups, 2 failing: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1, custom.example/v2: stale GroupVersion discovery: custom.example/v2
        -> APIService v1beta1.metrics.k8s.io, v2.custom.example have no server that answers: repair it, or delete it if it is no longer needed
    cannot be emptied, because not all of its kinds can be found: one failing: metrics.k8s.io/v1beta1; it also waits for finalizers of what is in it: example.com/guard in 1 resource instances
        -> APIService v1beta1.metrics.k8s.io has no server that answers: repair it, or delete it if it is no longer needed
    the custom resources of its kind must go first: could not delete instances in all namespaces, 1 left
        -> their finalizers hold them: is the controller that set them running?
    ");
    assert_eq!(explain_deletion(&kind("v1", "Namespace"), &json!({}), &Redactor::default()), None);
}
