//! What surrounds workloads: routes, scaling, disruption, policies, rights, volumes, quotas.

use std::time::Duration;

use holm_core::{IntoResource, Ref, Stack};
use holm_resources::{
    Builder, ClusterRole, ClusterRoleBinding, Container, Cpu, DaemonSet, Deployment, HorizontalPodAutoscaler, Ingress,
    LimitRange, Memory, NetworkPolicy, Percent, PersistentVolume, PersistentVolumeClaim, PodDisruptionBudget,
    PodOptions, Port, PriorityClass, ReclaimPolicy, ResourceQuota, Role, RoleBinding, RoleRules, RoleSubjects, Secret,
    Service, ServiceAccount, StorageClass, Verb, kind,
};

use super::lowered;

struct Shop {
    stack: Stack,
    http: Port,
    web: Ref<kind::Deployment>,
    service: Ref<kind::Service>,
}

fn shop() -> Shop {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let http = Port::tcp("http", 8080);
    let container =
        Container::new("web", "example.org/web:1").port(&http).request(Cpu::millis(100), Memory::gibibytes(1));
    let web = stack.add(Deployment::new("web").container(container));
    let service = stack.add(Service::to(&web, &http));
    Shop { stack, http, web, service }
}

fn problems(resource: impl IntoResource) -> String {
    let problems = resource.into_declaration().problems;
    let lines: Vec<String> = problems.into_iter().map(|(path, kind)| format!("{path}: {kind}")).collect();
    lines.join("\n")
}

#[test]
fn an_ingress_leads_to_services_by_reference_and_covers_the_hosts_of_its_routes() {
    let Shop { stack, http, service, .. } = shop();
    let certificate = stack.add(Secret::tls("tls", "certificate", "key"));
    let ingress = Ingress::new("web")
        .class("nginx")
        .route("a.example.org/", &service, &http)
        .route_exact("a.example.org/health", &service, &http)
        .route("*.b.example.org", &service, &http)
        .route("/everywhere", &service, &http)
        .default_backend(&service, &http)
        .tls(&certificate);
    insta::assert_snapshot!(lowered(ingress), @r#"
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata:
      name: web
    spec:
      defaultBackend:
        service:
          name: web
          port:
            name: http
      ingressClassName: nginx
      rules:
      - host: a.example.org
        http:
          paths:
          - backend:
              service:
                name: web
                port:
                  name: http
            path: /
            pathType: Prefix
          - backend:
              service:
                name: web
                port:
                  name: http
            path: /health
            pathType: Exact
      - host: "*.b.example.org"
        http:
          paths:
          - backend:
              service:
                name: web
                port:
                  name: http
            path: /
            pathType: Prefix
      - http:
          paths:
          - backend:
              service:
                name: web
                port:
                  name: http
            path: /everywhere
            pathType: Prefix
      tls:
      - hosts:
        - a.example.org
        - "*.b.example.org"
        secretName: tls
    "#);
    insta::assert_snapshot!(problems(Ingress::new("none")), @"spec.rules: an Ingress needs a route or a default backend");
    insta::assert_snapshot!(problems(Ingress::new("no-host").route("/", &service, &http).tls(&certificate)), @r#"spec.tls: a certificate needs routes with a host, such as .route("shop.example.org/", ..)"#);
}

#[test]
fn an_autoscaler_knows_its_target_and_keeps_within_a_range() {
    let Shop { stack, web, .. } = shop();
    let autoscaler = HorizontalPodAutoscaler::of(&web, 2..=4)
        .cpu(Percent(70))
        .memory(Percent(80))
        .scale_down_after(Duration::from_secs(60));
    insta::assert_snapshot!(lowered(autoscaler), @"
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata:
      name: web
      namespace: shop
    spec:
      behavior:
        scaleDown:
          stabilizationWindowSeconds: 60
      maxReplicas: 4
      metrics:
      - resource:
          name: cpu
          target:
            averageUtilization: 70
            type: Utilization
        type: Resource
      - resource:
          name: memory
          target:
            averageUtilization: 80
            type: Utilization
        type: Resource
      minReplicas: 2
      scaleTargetRef:
        apiVersion: apps/v1
        kind: Deployment
        name: web
    ");
    insta::assert_snapshot!(problems(HorizontalPodAutoscaler::of(&web, 0..=2)), @r#"spec.minReplicas: "0..=2" is no valid range of replicas: it begins with 1 at least and ends with no less than it begins with"#);
    let outside: Ref<kind::StatefulSet> = stack.external("outside");
    assert_eq!(problems(HorizontalPodAutoscaler::of(&outside, 1..=2).cpu(Percent(70))), "");
}

#[test]
fn a_budget_selects_the_pods_of_its_workload_and_has_one_bound() {
    let Shop { stack, web, .. } = shop();
    insta::assert_snapshot!(lowered(PodDisruptionBudget::max_unavailable(&web, Percent(25)).always_evict_unhealthy()), @"
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata:
      name: web
      namespace: shop
    spec:
      maxUnavailable: 25%
      selector:
        matchLabels:
          app: web
      unhealthyPodEvictionPolicy: AlwaysAllow
    ");
    insta::assert_snapshot!(lowered(PodDisruptionBudget::min_available(&web, 1).named("other")), @"
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata:
      name: other
      namespace: shop
    spec:
      minAvailable: 1
      selector:
        matchLabels:
          app: web
    ");
    let outside: Ref<kind::Deployment> = stack.external("outside");
    insta::assert_snapshot!(problems(PodDisruptionBudget::max_unavailable(&outside, 1)), @"spec.selector: the pod labels of Deployment/shop/outside are not known here; set the selector with patch()");
}

#[test]
fn a_network_policy_names_pods_and_namespaces_by_reference() {
    let Shop { stack, http, web, .. } = shop();
    let other =
        Deployment::new("other").namespace("elsewhere").container(Container::new("other", "example.org/other:1"));
    let other = stack.add(other);
    let policy = NetworkPolicy::of(&web)
        .allow_from(&other, &http)
        .allow_from_namespace("ingress-nginx", &http)
        .allow_from_anywhere(&http)
        .allow_to(&web, &http)
        .allow_dns();
    insta::assert_snapshot!(lowered(policy), @"
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: web
      namespace: shop
    spec:
      egress:
      - ports:
        - port: 8080
          protocol: TCP
        to:
        - podSelector:
            matchLabels:
              app: web
      - ports:
        - port: 53
          protocol: UDP
        - port: 53
          protocol: TCP
        to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
      ingress:
      - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: elsewhere
          podSelector:
            matchLabels:
              app: other
        ports:
        - port: 8080
          protocol: TCP
      - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: ingress-nginx
        ports:
        - port: 8080
          protocol: TCP
      - ports:
        - port: 8080
          protocol: TCP
      podSelector:
        matchLabels:
          app: web
      policyTypes:
      - Ingress
      - Egress
    ");
    insta::assert_snapshot!(lowered(NetworkPolicy::of_all_pods("deny").deny_to()), @"
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: deny
    spec:
      podSelector: {}
      policyTypes:
      - Ingress
      - Egress
    ");
}

#[test]
fn roles_allow_kinds_and_bindings_grant_them() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let account = stack.add(ServiceAccount::new("robot"));
    let secret = stack.add(Secret::opaque("one").entry("a", "b"));
    let role = Role::new("reader")
        .allow::<kind::ConfigMap>(Verb::READ)
        .allow::<kind::Deployment>([Verb::Patch])
        .allow_subresource::<kind::Pod>("log", [Verb::Get])
        .allow_one(&secret, [Verb::Get]);
    insta::assert_snapshot!(lowered(role), @r#"
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata:
      name: reader
    rules:
    - apiGroups:
      - ""
      resources:
      - configmaps
      verbs:
      - get
      - list
      - watch
    - apiGroups:
      - apps
      resources:
      - deployments
      verbs:
      - patch
    - apiGroups:
      - ""
      resources:
      - pods/log
      verbs:
      - get
    - apiGroups:
      - ""
      resourceNames:
      - one
      resources:
      - secrets
      verbs:
      - get
    "#);
    let role = stack.add(Role::new("reader").allow::<kind::ConfigMap>(Verb::READ));
    insta::assert_snapshot!(lowered(RoleBinding::of(&role).to(&account).to_group("developers")), @"
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata:
      name: reader
      namespace: shop
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: Role
      name: reader
    subjects:
    - kind: ServiceAccount
      name: robot
      namespace: shop
    - apiGroup: rbac.authorization.k8s.io
      kind: Group
      name: developers
    ");
    let view: Ref<kind::ClusterRole> = stack.external("view");
    insta::assert_snapshot!(lowered(RoleBinding::of(&view).to_user("ann")), @"
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata:
      name: view
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ClusterRole
      name: view
    subjects:
    - apiGroup: rbac.authorization.k8s.io
      kind: User
      name: ann
    ");
    let metrics =
        stack.add(ClusterRole::new("metrics").allow_path("/metrics", [Verb::Get]).allow::<kind::Node>(Verb::READ));
    insta::assert_snapshot!(lowered(ClusterRoleBinding::of(&metrics).to(&account)), @"
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata:
      name: metrics
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ClusterRole
      name: metrics
    subjects:
    - kind: ServiceAccount
      name: robot
      namespace: shop
    ");
    insta::assert_snapshot!(problems(ClusterRoleBinding::of(&metrics)), @"subjects: the binding grants its role to nobody; add .to(&account)");
}

#[test]
fn a_daemon_set_updates_with_one_of_both_bounds() {
    let agent = || Container::new("agent", "example.org/agent:1");
    insta::assert_snapshot!(lowered(DaemonSet::new("agent").max_surge(1).container(agent())), @"
    apiVersion: apps/v1
    kind: DaemonSet
    metadata:
      labels:
        app: agent
      name: agent
    spec:
      selector:
        matchLabels:
          app: agent
      template:
        metadata:
          labels:
            app: agent
        spec:
          containers:
          - image: example.org/agent:1
            name: agent
      updateStrategy:
        rollingUpdate:
          maxSurge: 1
          maxUnavailable: 0
        type: RollingUpdate
    ");
    let on_delete = DaemonSet::new("agent").update_on_delete().container(agent()).into_declaration();
    insta::assert_snapshot!(on_delete.object["spec"]["updateStrategy"], @r#"{"type":"OnDelete"}"#);
}

#[test]
fn a_volume_has_one_source_and_a_claim_may_be_bound_to_it() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    insta::assert_snapshot!(lowered(PersistentVolume::local("disk", "5Gi", "/mnt/disk", "node-1")), @r#"
    apiVersion: v1
    kind: PersistentVolume
    metadata:
      name: disk
    spec:
      accessModes:
      - ReadWriteOnce
      capacity:
        storage: 5Gi
      local:
        path: /mnt/disk
      nodeAffinity:
        required:
          nodeSelectorTerms:
          - matchExpressions:
            - key: kubernetes.io/hostname
              operator: In
              values:
              - node-1
      persistentVolumeReclaimPolicy: Retain
    "#);
    insta::assert_snapshot!(lowered(PersistentVolume::nfs("files", "1Ti", "nas", "/files").mount_options(["nfsvers=4.1"])), @r#"
    apiVersion: v1
    kind: PersistentVolume
    metadata:
      name: files
    spec:
      accessModes:
      - ReadWriteMany
      capacity:
        storage: 1Ti
      mountOptions:
      - nfsvers=4.1
      nfs:
        path: /files
        server: nas
      persistentVolumeReclaimPolicy: Retain
    "#);
    let volume = PersistentVolume::csi("fast", "5Gi", "ebs.csi.aws.com", "vol-1").storage_class("fast");
    insta::assert_snapshot!(lowered(volume), @"
    apiVersion: v1
    kind: PersistentVolume
    metadata:
      name: fast
    spec:
      accessModes:
      - ReadWriteOnce
      capacity:
        storage: 5Gi
      csi:
        driver: ebs.csi.aws.com
        volumeHandle: vol-1
      persistentVolumeReclaimPolicy: Retain
      storageClassName: fast
    ");
    let volume = stack.add(PersistentVolume::nfs("files", "1Ti", "nas", "/files"));
    insta::assert_snapshot!(lowered(PersistentVolumeClaim::new("files").read_write_many().request("1Ti").bound_to(&volume)), @r#"
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: files
    spec:
      accessModes:
      - ReadWriteMany
      resources:
        requests:
          storage: 1Ti
      storageClassName: ""
      volumeName: files
    "#);
    let class = StorageClass::new("fast", "ebs.csi.aws.com").parameter("type", "gp3").reclaim(ReclaimPolicy::Retain);
    insta::assert_snapshot!(lowered(class.allow_expansion().cluster_default()), @r#"
    allowVolumeExpansion: true
    apiVersion: storage.k8s.io/v1
    kind: StorageClass
    metadata:
      annotations:
        storageclass.kubernetes.io/is-default-class: "true"
      name: fast
    parameters:
      type: gp3
    provisioner: ebs.csi.aws.com
    reclaimPolicy: Retain
    volumeBindingMode: WaitForFirstConsumer
    "#);
}

#[test]
fn quotas_and_limit_ranges_are_checked_against_themselves() {
    let quota = ResourceQuota::new("q").requests(Cpu::cores(4), Memory::gibibytes(8)).pods(20).storage("100Gi");
    insta::assert_snapshot!(lowered(quota), @r#"
    apiVersion: v1
    kind: ResourceQuota
    metadata:
      name: q
    spec:
      hard:
        pods: "20"
        requests.cpu: "4"
        requests.memory: 8Gi
        requests.storage: 100Gi
    "#);
    insta::assert_snapshot!(problems(ResourceQuota::new("q")), @"spec.hard: the quota bounds nothing; add .requests(..), .pods(..) or .hard(..)");
    let range = LimitRange::new("r")
        .default_request(Cpu::millis(100), Memory::mebibytes(128))
        .default_limit(Cpu::millis(500), Memory::mebibytes(512));
    insta::assert_snapshot!(lowered(range), @"
    apiVersion: v1
    kind: LimitRange
    metadata:
      name: r
    spec:
      limits:
      - default:
          cpu: 500m
          memory: 512Mi
        defaultRequest:
          cpu: 100m
          memory: 128Mi
        type: Container
    ");
    let wrong = LimitRange::new("r")
        .default_request(Cpu::cores(1), Memory::mebibytes(128))
        .default_limit(Cpu::millis(500), Memory::gibibytes(1))
        .max(Cpu::cores(2), Memory::mebibytes(512));
    insta::assert_snapshot!(problems(wrong), @"
    spec.limits: defaultRequest of cpu is 1, above default, which is 500m
    spec.limits: default of memory is 1Gi, above max, which is 512Mi
    ");
}

#[test]
fn priorities_stay_below_those_of_the_system() {
    insta::assert_snapshot!(lowered(PriorityClass::new("low", -5).never_preempts().description("batch")), @"
    apiVersion: scheduling.k8s.io/v1
    description: batch
    kind: PriorityClass
    metadata:
      name: low
    preemptionPolicy: Never
    value: -5
    ");
    insta::assert_snapshot!(problems(PriorityClass::new("high", 2_000_000_000)), @r#"value: "2000000000" is no valid priority: those above 1000000000 are the system's own"#);
}
