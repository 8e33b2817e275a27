//! What names what, and names that lead nowhere.

use holm_core::{ApiKind, Manifest, ReferenceRule, ResourceOptions as _, Scope, Stack, Strength};
use insta::assert_snapshot;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use crate::{build, deployment, edges, problems, show, show_warnings};

const BOTH: &str = "
---
{apiVersion: v1, kind: Secret, metadata: {name: credentials}, stringData: {password: x, user: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {mode: x}, binaryData: {logo: eA==}}
";

#[test]
fn keys_that_do_not_exist_are_found() {
    let container = "
env:
- {name: A, valueFrom: {secretKeyRef: {name: credentials, key: pasword}}}
- {name: B, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
- {name: C, valueFrom: {secretKeyRef: {name: credentials, key: other, optional: true}}}
- {name: D, valueFrom: {configMapKeyRef: {name: settings, key: logo}}}
";
    let pod = "
volumes:
- {name: a, secret: {secretName: credentials, items: [{key: user, path: u}, {key: tls.key, path: k}]}}
- {name: b, projected: {sources: [{configMap: {name: settings, items: [{key: mod, path: m}]}}]}}
";
    assert_snapshot!(problems(&(deployment(container, pod) + BOTH)), @r#"
        Deployment/ns/web: spec.template.spec.containers[web].env[A].valueFrom.secretKeyRef.key: names the key "pasword", which Secret/ns/credentials does not have
          hint: did you mean "password"?
        Deployment/ns/web: spec.template.spec.containers[web].env[B].valueFrom.configMapKeyRef.key: names the key "colour", which ConfigMap/ns/settings does not have
          hint: it has logo, mode
        Deployment/ns/web: spec.template.spec.volumes[a].secret.items[key=tls.key].key: names the key "tls.key", which Secret/ns/credentials does not have
          hint: it has password, user
        Deployment/ns/web: spec.template.spec.volumes[b].projected.sources[0].configMap.items[key=mod].key: names the key "mod", which ConfigMap/ns/settings does not have
          hint: did you mean "mode"?
    "#);
}

#[test]
fn keys_that_others_fill_in_are_not_asked_for() {
    let container = "env: [{name: A, valueFrom: {secretKeyRef: {name: credentials, key: token}}}]";
    let fine = [
        "{apiVersion: v1, kind: Secret, metadata: {name: credentials, annotations: {kubernetes.io/service-account.name: default}}, type: kubernetes.io/service-account-token}",
        "{apiVersion: v1, kind: Secret, metadata: {name: credentials, annotations: {replicator.example.com/from: a/b}}}",
    ];
    for secret in fine {
        assert_eq!(problems(&format!("{}---\n{secret}", deployment(container, ""))), "", "{secret}");
    }
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add_yaml(&deployment(container, ""));
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credentials"}, "stringData": {"a": "b"}});
    stack.add(Manifest::new(secret).ignore_changes("data"));
    assert!(stack.build().is_ok());
}

#[test]
fn names_that_lead_nowhere_are_found() {
    let container = "envFrom: [{secretRef: {name: credential}}, {configMapRef: {name: other, optional: true}}]";
    let pod = "
serviceAccountName: web
imagePullSecrets: [{name: registry}]
volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
";
    assert_snapshot!(problems(&(deployment(container, pod) + BOTH)), @"
    warning: Deployment/ns/web: spec.template.spec.containers[web].envFrom[0].secretRef.name: refers to Secret/ns/credential, which is neither in this stack nor declared external
      hint: did you mean Secret/ns/credentials?
    warning: Deployment/ns/web: spec.template.spec.imagePullSecrets[registry].name: refers to Secret/ns/registry, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    warning: Deployment/ns/web: spec.template.spec.serviceAccountName: refers to ServiceAccount/ns/web, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    warning: Deployment/ns/web: spec.template.spec.volumes[data].persistentVolumeClaim.claimName: refers to PersistentVolumeClaim/ns/data, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    ");
}

#[test]
fn what_usually_lives_outside_needs_no_declaration() {
    let pod = "
serviceAccountName: default
priorityClassName: system-cluster-critical
runtimeClassName: gvisor
nodeName: node-1
volumes: [{name: ca, configMap: {name: kube-root-ca.crt}}]
";
    let text = deployment("", pod) + "
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {ingressClassName: nginx, tls: [{secretName: made-by-a-controller}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: view}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: User, name: jane, apiGroup: rbac.authorization.k8s.io}
- {kind: ServiceAccount, name: prometheus, namespace: monitoring}
- {kind: ServiceAccount, name: default, namespace: ns}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: web}}
";
    let graph = build(&text).map_err(|problems| show(&problems)).unwrap();
    let outside: Vec<String> = graph.externals().keys().map(ToString::to_string).collect();
    // Nothing that comes with a namespace of the stack, and nothing whose kind nobody knows.
    assert_snapshot!(outside.join(", "), @"Namespace/ns, Node/node-1, IngressClass/nginx, RuntimeClass/gvisor, ClusterRole/view, PriorityClass/system-cluster-critical, StorageClass/fast, ServiceAccount/monitoring/prometheus");
}

#[test]
fn edges_are_read_out_of_every_kind() {
    let text = "
{apiVersion: v1, kind: Namespace, metadata: {name: ns}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}, imagePullSecrets: [{name: registry}], secrets: [{name: token}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: registry}, type: kubernetes.io/dockerconfigjson, stringData: {.dockerconfigjson: '{}'}}
---
{apiVersion: v1, kind: Secret, metadata: {name: token, annotations: {kubernetes.io/service-account.name: web}}, type: kubernetes.io/service-account-token}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader}, rules: []}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web}]
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, provisioner: x}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {storageClassName: fast, claimRef: {namespace: ns, name: claim}, csi: {driver: x, volumeHandle: x, nodeStageSecretRef: {namespace: ns, name: registry}}}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: claim}, spec: {volumeName: pv, storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: job}
spec:
  schedule: '@daily'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          serviceAccountName: web
          containers: [{name: job, image: x}]
          initContainers: [{name: first, image: x, envFrom: [{secretRef: {name: registry}}]}]
          volumes: [{name: c, persistentVolumeClaim: {claimName: claim}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
" .to_owned() + &deployment("", "");
    let graph = build(&text).map_err(|problems| show(&problems)).unwrap();
    let edges: String =
        edges(&graph).lines().filter(|line| !line.ends_with("lives in it)")).map(|line| format!("{line}\n")).collect();
    assert_snapshot!(edges, @r#"
        PersistentVolume/pv -> StorageClass/fast (Exists: spec.storageClassName)
        PersistentVolume/pv -> Secret/registry (Exists: spec.csi.nodeStageSecretRef.name)
        PersistentVolumeClaim/claim -> PersistentVolume/pv (Exists: spec.volumeName)
        PersistentVolumeClaim/claim -> StorageClass/fast (Exists: spec.storageClassName)
        Secret/token -> ServiceAccount/web (Exists: metadata.annotations["kubernetes.io/service-account.name"])
        ServiceAccount/web -> Secret/registry (Exists: imagePullSecrets[registry].name)
        HorizontalPodAutoscaler/web -> Deployment/web (Exists: spec.scaleTargetRef.name)
        CronJob/job -> PersistentVolumeClaim/claim (Exists: spec.jobTemplate.spec.template.spec.volumes[c].persistentVolumeClaim.claimName)
        CronJob/job -> Secret/registry (Exists: spec.jobTemplate.spec.template.spec.initContainers[first].envFrom[0].secretRef.name)
        CronJob/job -> ServiceAccount/web (Exists: spec.jobTemplate.spec.template.spec.serviceAccountName)
        RoleBinding/reader -> ServiceAccount/web (Exists: subjects[web].name)
        RoleBinding/reader -> Role/reader (Exists: roleRef.name)
    "#);
}

#[test]
fn the_owner_of_a_custom_kind_adds_its_references() {
    let cluster = || {
        Manifest::new(json!({
        "apiVersion": "g.io/v1", "kind": "Cluster", "metadata": {"name": "db"},
        "spec": {"superuser": {"name": "credentials", "key": "pasword"}, "backups": [{"name": "a", "store": {"kind": "Store", "apiGroup": "g.io", "name": "s3"}}]},
    }))
    .plural("clusters", Scope::Namespaced)
    };
    let store = || {
        Manifest::new(json!({"apiVersion": "g.io/v1", "kind": "Store", "metadata": {"name": "s3"}}))
            .plural("stores", Scope::Cluster)
    };
    let rules = || {
        [
            ReferenceRule::new("g.io", "Cluster", "spec.superuser.name").names("", "Secret").key("key"),
            ReferenceRule::new("g.io", "Cluster", "spec.backups[*].store.name").until(Strength::Ready),
        ]
    };
    let stack = Stack::new("test", "default", Some("ns"));
    stack.references(rules());
    stack.add(cluster());
    stack.add_yaml(BOTH);
    stack.add(store());
    assert_snapshot!(show(&stack.build().unwrap_err()), @r#"
        Cluster/ns/db: spec.superuser.key: names the key "pasword", which Secret/ns/credentials does not have
          hint: did you mean "password"?
    "#);

    let stack = Stack::new("test", "default", Some("ns"));
    stack.add(cluster());
    stack.external::<Secret>("credentials");
    stack.add(store());
    stack.references(rules());
    assert_snapshot!(edges(&stack.build().unwrap()), @"Cluster/db -> Store/s3 (Ready: spec.backups[a].store.name)");

    let stack = Stack::new("test", "default", Some("ns"));
    stack.references([ReferenceRule::new("g.io", "Cluster", "spec..x")]);
    assert_snapshot!(show(&stack.build().unwrap_err()), @r#""spec..x" is not a field path: a field name is empty"#);
}

#[test]
fn a_name_that_is_given_as_a_value_makes_an_edge_too() {
    let stack = Stack::new("test", "default", Some("ns"));
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
        "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db"}]}},
    }});
    stack.add(Manifest::new(set).with_input("spec.serviceName", "db"));
    stack.add(Manifest::new(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": {"clusterIP": "None", "selector": {"app": "db"}}})));
    assert_snapshot!(edges(&stack.build().unwrap()), @"StatefulSet/db -> Service/db (Exists: spec.serviceName)");
}

#[test]
fn a_claim_template_takes_the_place_of_a_volume() {
    let text = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: db, volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: nowhere}}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";
    assert_eq!(problems(text), "");
}

#[test]
fn objects_from_a_text_have_the_line_that_added_it() {
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add_yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
    let line = line!() - 1;
    let site = stack.build().unwrap_err().0[0].site.unwrap();
    assert_eq!((site.file.rsplit('/').next(), site.line), (Some("references.rs"), line));
}

#[test]
fn a_kind_that_the_stack_defines_is_known_without_an_object_of_it() {
    let stack = Stack::new("test", "default", Some("ns"));
    stack.references([
        ReferenceRule::new("g.io", "App", "spec.db").names("g.io", "Db"),
        ReferenceRule::new("g.io", "App", "spec.other").names("x.io", "Other"),
    ]);
    stack.add_yaml("
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: dbs.g.io}, spec: {group: g.io, scope: Cluster, names: {plural: dbs, kind: Db}, versions: [{name: v1}]}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: apps.g.io}, spec: {group: g.io, scope: Namespaced, names: {plural: apps, kind: App}, versions: [{name: v1}]}}
---
{apiVersion: g.io/v1, kind: App, metadata: {name: web}, spec: {db: main, other: thing}}
");
    assert_snapshot!(show_warnings(&stack.build().unwrap()), @"
    warning: App/ns/web: spec.db: refers to Db/main, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    ");
}

#[test]
fn a_kind_that_the_cluster_defines_is_settled_later() {
    let text = "
{apiVersion: g.io/v1, kind: Policy, metadata: {name: p}, spec: {}}
---
{apiVersion: g.io/v1, kind: Pool, metadata: {name: q}, spec: {}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
";
    let stack = Stack::new("test", "default", Some("ns"));
    let added = stack.add_yaml(text);
    let copy = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "copy"}});
    stack.add(Manifest::new(copy).with_input("data.uid", added[1].field("metadata.uid")));
    let graph = stack.build().unwrap();
    let guessed: Vec<String> = graph.guessed_kinds().iter().map(|kind| kind.plural.clone()).collect();
    assert_eq!(guessed, ["policies", "pools"]);
    let kind = |kind: &str, plural: &str, scope| ApiKind {
        group: "g.io".to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        scope,
    };
    let served = [kind("Policy", "policies", Scope::Namespaced), kind("Pool", "cluster-pools", Scope::Cluster)];
    let graph = graph.with_kinds(&served).unwrap();
    assert!(graph.guessed_kinds().is_empty());
    let settled: Vec<String> =
        graph.resources().iter().map(|resource| format!("{} {}", resource.id, resource.kind.plural)).collect();
    assert_eq!(
        settled,
        ["Policy/ns/p policies", "Pool/q cluster-pools", "ConfigMap/ns/c configmaps", "ConfigMap/ns/copy configmaps"]
    );
    assert!(graph.resources()[1].object.pointer("/metadata/namespace").is_none());
    assert_snapshot!(edges(&graph), @"ConfigMap/copy -> Pool/q (Ready: data.uid)");
}

#[test]
fn a_kind_that_nobody_can_define_is_a_slip() {
    assert_snapshot!(problems("{apiVersion: apps/v1, kind: Deploymnt, metadata: {name: a}}"), @r#"
    Deploymnt/ns/a: apps/v1 has no kind Deploymnt
      hint: did you mean "Deployment"?
    "#);
    let other_version = "
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: dbs.g.io}, spec: {group: g.io, scope: Namespaced, names: {plural: dbs, kind: Db}, versions: [{name: v1}]}}
---
{apiVersion: g.io/v2, kind: Db, metadata: {name: a}}
";
    assert_snapshot!(problems(other_version), @r"
    Db/ns/a: apiVersion: g.io/v2 has no kind Db
      hint: the CustomResourceDefinition of this stack serves v1
    ");
    // Nor can an object be written in a version that is not served any more.
    let unserved =
        other_version.replace("[{name: v1}]", "[{name: v1}, {name: v2, served: false}, {name: v3, served: true}]");
    assert_snapshot!(problems(&unserved), @r"
    Db/ns/a: apiVersion: g.io/v2 has no kind Db
      hint: the CustomResourceDefinition of this stack serves v1, v3
    ");
    // The order of declaration does not matter.
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add(Manifest::new(json!({"apiVersion": "g.io/v1", "kind": "Db", "metadata": {"name": "a"}})));
    stack.add_yaml(other_version.split("---").next().unwrap());
    let graph = stack.build().unwrap();
    assert!(graph.guessed_kinds().is_empty());
    assert_snapshot!(edges(&graph), @"Db/a -> CustomResourceDefinition/dbs.g.io (Established: is of the kind that it defines)");
}
