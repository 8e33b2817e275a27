use super::*;

#[test]
fn a_claim_is_current_once_bound_or_while_it_waits_for_its_first_consumer() {
    let claim = |phase: &str| plain(json!({}), json!({ "phase": phase }));
    let bound = |status: Value| {
        let mut object = claim("Bound");
        object["status"]["conditions"] = status["conditions"].clone();
        object["status"]["allocatedResourceStatuses"] = status["allocatedResourceStatuses"].clone();
        object
    };
    let sized = |requested: &str, capacity: &str| {
        let spec = json!({ "resources": { "requests": { "storage": requested } } });
        plain(spec, json!({ "phase": "Bound", "capacity": { "storage": capacity } }))
    };
    let placed = json!({
        "metadata": { "annotations": { "volume.kubernetes.io/selected-node": "node-1" } },
        "status": { "phase": "Pending" },
    });
    let lost = plain(json!({ "volumeName": "pv-7" }), json!({ "phase": "Lost" }));
    let cases = [
        ("bound", claim("Bound")),
        ("lost", lost),
        ("pending", claim("Pending")),
        ("no status", plain(json!({}), json!({}))),
        ("its pod has a node", placed.clone()),
        ("grows", bound(conditions([condition("Resizing", "True", "", "")]))),
        ("grows once mounted", bound(conditions([condition("FileSystemResizePending", "True", "", "")]))),
        ("cannot grow", bound(json!({ "allocatedResourceStatuses": { "storage": "ControllerResizeInfeasible" } }))),
        ("growing fails", bound(conditions([condition("ControllerResizeError", "True", "", "disk is in use")]))),
        ("is to grow", sized("6Gi", "5Gi")),
        ("has grown", sized("6Gi", "6144Mi")),
        ("got more than it asked for", sized("500M", "1Gi")),
    ];
    let claims = kind("v1", "PersistentVolumeClaim");
    insta::assert_snapshot!(table(&claims, &cases), @r#"
    bound => Current
    lost => Failed Lost: its volume pv-7 no longer exists
    pending => InProgress NotBound: is not bound to a volume yet
    no status => InProgress NotBound: is not bound to a volume yet
    its pod has a node => InProgress Provisioning: its volume is being made for its first pod
    grows => InProgress Resizing: its volume is growing
    grows once mounted => Current FileSystemResizePending: its file system grows once a pod mounts it
    cannot grow => Failed ControllerResizeInfeasible: its volume cannot grow to the size asked for
    growing fails => InProgress ResizeError: disk is in use
    is to grow => InProgress Resizing: waiting for its volume to grow
    has grown => Current
    got more than it asked for => Current
    "#);
    let waits = Surroundings { waits_for_first_consumer: Some(true), ..Surroundings::default() };
    let cases = [("pending", claim("Pending")), ("its pod has a node", placed), ("lost", claim("Lost"))];
    insta::assert_snapshot!(table_with(&claims, &waits, &cases), @r#"
    pending => Current WaitForFirstConsumer: binds once a pod uses it
    its pod has a node => InProgress Provisioning: its volume is being made for its first pod
    lost => Failed Lost: its volume no longer exists
    "#);
    let binds_at_once = Surroundings { waits_for_first_consumer: Some(false), ..Surroundings::default() };
    insta::assert_snapshot!(table_with(&claims, &binds_at_once, &cases[..1]), @"pending => InProgress NotBound: is not bound to a volume yet");
}

#[test]
fn a_volume_says_by_its_phase_how_it_is() {
    let volume = |phase: &str, message: &str| {
        plain(json!({ "claimRef": { "name": "postgres-pvc" } }), json!({ "phase": phase, "message": message }))
    };
    let cases = [
        ("available", volume("Available", "")),
        ("bound", volume("Bound", "")),
        ("released", volume("Released", "")),
        ("failed", volume("Failed", "no deletable volume plugin matched")),
        ("pending", volume("Pending", "")),
    ];
    insta::assert_snapshot!(table(&kind("v1", "PersistentVolume"), &cases), @r#"
    available => Current Available: no claim uses it yet
    bound => Current
    released => Failed Released: its claim postgres-pvc is gone, and it binds no other until spec.claimRef is taken out
    failed => Failed Failed: no deletable volume plugin matched
    pending => InProgress Pending: is not available yet
    "#);
    let cases = [
        ("attached", plain(json!({}), json!({ "attached": true }))),
        ("not attached", plain(json!({}), json!({ "attached": false, "attachError": { "message": "disk is busy" } }))),
    ];
    insta::assert_snapshot!(table(&kind("storage.k8s.io/v1", "VolumeAttachment"), &cases), @r#"
    attached => Current
    not attached => InProgress NotAttached: disk is busy
    "#);
}

#[test]
fn a_load_balancer_is_current_once_it_has_an_address() {
    let service = |kind: &str, ingress: Value| {
        plain(json!({ "type": kind, "clusterIP": "10.96.0.7" }), json!({ "loadBalancer": { "ingress": ingress } }))
    };
    let cases = [
        ("no address", service("LoadBalancer", json!(null))),
        ("address", service("LoadBalancer", json!([{ "ip": "192.0.2.7" }]))),
        ("cluster", service("ClusterIP", json!(null))),
        ("headless", plain(json!({ "clusterIP": "None" }), json!({}))),
        ("external name", plain(json!({ "type": "ExternalName" }), json!({}))),
    ];
    insta::assert_snapshot!(table(&kind("v1", "Service"), &cases), @r#"
    no address => InProgress NoAddress: the load balancer has no address yet
    address => Current
    cluster => Current
    headless => Current
    external name => Current
    "#);
    insta::assert_snapshot!(table(&kind("networking.k8s.io/v1", "Ingress"), &cases[..2]), @r#"
    no address => Current NoAddress: its controller has reported no address
    address => Current
    "#);
}

#[test]
fn a_definition_is_current_once_its_kind_is_served() {
    let definition = |names: (&str, &str), established: (&str, &str)| {
        plain(
            json!({}),
            conditions([
                condition("NamesAccepted", names.0, names.1, "\"widgets\" is already in use"),
                condition("Established", established.0, established.1, ""),
            ]),
        )
    };
    let cases = [
        ("established", definition(("True", "NoConflicts"), ("True", "InitialNamesAccepted"))),
        ("installing", definition(("True", "NoConflicts"), ("False", "Installing"))),
        ("names taken", definition(("False", "PluralConflict"), ("False", "NotAccepted"))),
        ("not established", definition(("True", "NoConflicts"), ("False", "Denied"))),
        ("new", plain(json!({}), json!({}))),
    ];
    insta::assert_snapshot!(table(&kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"), &cases), @r#"
    established => Current
    installing => InProgress Installing: its kind is not served yet
    names taken => Failed PluralConflict: "widgets" is already in use
    not established => Failed Denied: is not established
    new => InProgress Installing: its kind is not served yet
    "#);
    let service =
        |status: &str, reason: &str| plain(json!({}), conditions([condition("Available", status, reason, "")]));
    let cases = [
        ("available", service("True", "Passed")),
        ("its server is away", service("False", "MissingEndpoints")),
        ("new", plain(json!({}), json!({}))),
    ];
    insta::assert_snapshot!(table(&kind("apiregistration.k8s.io/v1", "APIService"), &cases), @r#"
    available => Current
    its server is away => InProgress MissingEndpoints: its server does not answer yet
    new => InProgress NotAvailable: its server does not answer yet
    "#);
}

#[test]
fn a_namespace_is_current_until_it_is_deleted_and_then_says_what_is_in_it() {
    let cases = [
        ("active", plain(json!({}), json!({ "phase": "Active" }))),
        ("new", plain(json!({}), json!({}))),
        (
            "being deleted",
            json!({
                "metadata": { "deletionTimestamp": "2026-01-05T10:00:00Z" },
                "status": { "phase": "Terminating", "conditions": [
                    condition("NamespaceContentRemaining", "True", "SomeResourcesRemain",
                              "Some resources are remaining: persistentvolumeclaims. has 1 resource instances"),
                    condition("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", ""),
                ] },
            }),
        ),
        ("being deleted, new", json!({ "metadata": { "deletionTimestamp": "2026-01-05T10:00:00Z" } })),
        ("terminating", plain(json!({}), json!({ "phase": "Terminating" }))),
    ];
    insta::assert_snapshot!(table(&kind("v1", "Namespace"), &cases), @r#"
    active => Current
    new => Current
    being deleted => Terminating SomeResourcesRemain: Some resources are remaining: persistentvolumeclaims. has 1 resource instances
    being deleted, new => Terminating Deleting: is being deleted
    terminating => Terminating Deleting: is being deleted
    "#);
}

#[test]
fn what_reports_trouble_but_works_as_declared_is_current_with_a_word() {
    let autoscaler = seen(
        json!({}),
        conditions([
            condition("AbleToScale", "True", "SucceededGetScale", ""),
            condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics known for pods"),
        ]),
    );
    let budget = seen(json!({}), json!({ "currentHealthy": 1, "desiredHealthy": 2 }));
    let all_healthy = seen(json!({}), json!({ "currentHealthy": 2, "desiredHealthy": 2 }));
    let request = |conditions: Value| plain(json!({}), json!({ "conditions": conditions }));
    let dangling =
        plain(json!({}), conditions([condition("Dangling", "True", "NotFound", "no priority level \"gold\"")]));
    let policy = seen(
        json!({}),
        json!({ "typeChecking": { "expressionWarnings": [{ "warning": "undefined field 'replica'" }] } }),
    );
    let lines = [
        ("autoscaling/v2", "HorizontalPodAutoscaler", autoscaler),
        ("policy/v1", "PodDisruptionBudget", budget),
        ("policy/v1", "PodDisruptionBudget", all_healthy),
        ("certificates.k8s.io/v1", "CertificateSigningRequest", request(json!([]))),
        (
            "certificates.k8s.io/v1",
            "CertificateSigningRequest",
            request(json!([condition("Approved", "True", "Ok", "")])),
        ),
        (
            "certificates.k8s.io/v1",
            "CertificateSigningRequest",
            request(json!([condition("Denied", "True", "No", "not you")])),
        ),
        ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", dangling),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", policy),
        ("networking.k8s.io/v1", "ServiceCIDR", plain(json!({}), conditions([condition("Ready", "True", "", "")]))),
        ("networking.k8s.io/v1", "ServiceCIDR", plain(json!({}), json!({}))),
        (
            "storagemigration.k8s.io/v1beta1",
            "StorageVersionMigration",
            plain(json!({}), conditions([condition("Running", "True", "", "")])),
        ),
        (
            "storagemigration.k8s.io/v1beta1",
            "StorageVersionMigration",
            plain(json!({}), conditions([condition("Failed", "True", "", "conflict")])),
        ),
        ("v1", "Secret", json!({ "type": "kubernetes.io/service-account-token", "data": {} })),
        ("v1", "Secret", json!({ "type": "kubernetes.io/service-account-token", "data": { "token": "eA==" } })),
        ("v1", "Secret", json!({ "type": "Opaque" })),
        ("v1", "ConfigMap", json!({})),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", json!({ "metadata": { "generation": 1 } })),
        ("discovery.k8s.io/v1", "EndpointSlice", json!({})),
    ]
    .map(|(version, name, object)| line(name, &kind(version, name), &object, None, &Surroundings::default()));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    HorizontalPodAutoscaler => Current FailedGetResourceMetric: cannot scale now: no metrics known for pods
    PodDisruptionBudget => Current InsufficientPods: 1 of 2 pods that it asks for are healthy
    PodDisruptionBudget => Current
    CertificateSigningRequest => Current Pending: waits for approval
    CertificateSigningRequest => Current Approved: is approved and has no certificate yet
    CertificateSigningRequest => Failed No: not you
    FlowSchema => Current Dangling: no priority level "gold"
    ValidatingAdmissionPolicy => Current ExpressionWarnings: undefined field 'replica'
    ServiceCIDR => Current
    ServiceCIDR => InProgress NotReady: is not in use yet
    StorageVersionMigration => InProgress NotSucceeded: is not done yet
    StorageVersionMigration => Failed Failed: conflict
    Secret => InProgress NoToken: its token has not been filled in yet
    Secret => Current
    Secret => Current
    ConfigMap => Current
    ClusterRole => Current
    EndpointSlice => Current
    "#);
}
