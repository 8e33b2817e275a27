//! Resources without pods.

use holm_core::Stack;
use holm_resources::{
    Builder, ConfigMap, Deployment, Namespace, PersistentVolumeClaim, PodSecurity, Port, Secret, Service,
    ServiceAccount, ServiceAddress, StatefulSet, Workload,
};
use k8s_openapi::api::apps::v1::{Deployment as PlainDeployment, DeploymentSpec};

use super::{Given, lowered};

#[test]
fn a_namespace_may_enforce_a_pod_security_standard() {
    insta::assert_snapshot!(lowered(Namespace::new("shop").pod_security(PodSecurity::Restricted)), @"
    apiVersion: v1
    kind: Namespace
    metadata:
      labels:
        pod-security.kubernetes.io/enforce: restricted
      name: shop
    ");
}

#[test]
fn a_secret_keeps_its_values_out_of_the_object() {
    let secret = Secret::opaque("credentials").entry("user", "shop").bytes("key", [0xff, 0x00]).immutable();
    insta::assert_snapshot!(lowered(secret), @"
    apiVersion: v1
    immutable: true
    kind: Secret
    metadata:
      name: credentials
    type: Opaque
    later data.key: (sensitive)
    later data.user: (sensitive)
    ");
    let tls = Secret::tls("certificate", "CERT", "KEY");
    insta::assert_snapshot!(lowered(tls), @r#"
    apiVersion: v1
    kind: Secret
    metadata:
      name: certificate
    type: kubernetes.io/tls
    later data["tls.crt"]: (sensitive)
    later data["tls.key"]: (sensitive)
    "#);
}

#[test]
fn a_config_map_holds_text_and_bytes() {
    let config = ConfigMap::new("settings")
        .entry("server.conf", "listen 80\nuser nobody\n")
        .bytes("icon", [1, 2, 3])
        .annotation("team", "shop")
        .immutable();
    insta::assert_snapshot!(lowered(config), @"
    apiVersion: v1
    binaryData:
      icon: AQID
    data:
      server.conf: |
        listen 80
        user nobody
    immutable: true
    kind: ConfigMap
    metadata:
      annotations:
        team: shop
      name: settings
    ");
}

#[test]
fn a_claim_asks_for_size_class_and_mode() {
    let claim = PersistentVolumeClaim::new("data").read_write_once().request("5Gi").storage_class("fast");
    insta::assert_snapshot!(lowered(claim), @"
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: data
    spec:
      accessModes:
      - ReadWriteOnce
      resources:
        requests:
          storage: 5Gi
      storageClassName: fast
    ");
}

#[test]
fn a_service_account_names_its_pull_secrets() {
    let given = Given::new();
    let account = ServiceAccount::new("robot").automount_token(false).image_pull_secret(&given.credentials);
    insta::assert_snapshot!(lowered(account), @"
    apiVersion: v1
    automountServiceAccountToken: false
    imagePullSecrets:
    - name: credentials
    kind: ServiceAccount
    metadata:
      name: robot
    ");
}

#[test]
fn a_service_takes_selector_and_port_from_the_workload() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let (http, metrics) = (Port::tcp("http", 8080), Port::tcp("metrics", 9090));
    let shop = stack.add(Deployment::new("shop"));
    insta::assert_snapshot!(lowered(Service::to(&shop, &http)), @"
    apiVersion: v1
    kind: Service
    metadata:
      name: shop
      namespace: shop
    spec:
      ports:
      - name: http
        port: 8080
        protocol: TCP
        targetPort: http
      selector:
        app: shop
    ");
    let both = Service::to(&shop, &http).named("all").port_as(80, &metrics).load_balancer();
    insta::assert_snapshot!(lowered(both), @"
    apiVersion: v1
    kind: Service
    metadata:
      name: all
      namespace: shop
    spec:
      ports:
      - name: http
        port: 8080
        protocol: TCP
        targetPort: http
      - name: metrics
        port: 80
        protocol: TCP
        targetPort: metrics
      selector:
        app: shop
      type: LoadBalancer
    ");
    let store = stack.add(StatefulSet::new("store"));
    insta::assert_snapshot!(lowered(Service::to(&store, &http).headless()), @"
    apiVersion: v1
    kind: Service
    metadata:
      name: store
      namespace: shop
    spec:
      clusterIP: None
      ports:
      - name: http
        port: 8080
        protocol: TCP
        targetPort: http
      selector:
        app: store
    ");
}

#[test]
fn a_service_leads_to_raw_workloads_alike() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let labels = [("tier".to_owned(), "web".to_owned())].into();
    let mut raw = PlainDeployment { spec: DeploymentSpec::default(), ..PlainDeployment::default() };
    raw.metadata.name = Some("raw".to_owned());
    raw.spec.selector.match_labels = Some(labels);
    let raw = stack.add(raw);
    let service = Service::to(&raw, &Port::tcp("http", 8080));
    assert_eq!(raw.pod_selector().match_labels, Some([("tier".to_owned(), "web".to_owned())].into()));
    assert!(lowered(service).contains("tier: web"));
}

#[test]
fn a_service_knows_its_address() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let shop = stack.add(Deployment::new("shop"));
    let service = stack.add(Service::to(&shop, &Port::tcp("http", 8080)));
    assert_eq!(service.dns_name(), "shop.shop.svc.cluster.local");
    assert_eq!(service.port().text().as_deref(), Some("8080"));
    let outside = stack.external_in::<holm_resources::kind::Service>(Some("mail"), "smtp");
    assert_eq!(outside.dns_name(), "smtp.mail.svc.cluster.local");
    assert_eq!(outside.port().to_string(), "(known after apply)");
}

#[test]
fn whoever_uses_an_address_needs_the_service() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let service = stack.add(Service::new("shop").port(&Port::tcp("http", 8080)));
    let outside = stack.external_in::<holm_resources::kind::Service>(Some("mail"), "smtp");
    let client = ConfigMap::new("client").entry("host", outside.dns_name()).entry("port", outside.port());
    stack.add(client.namespace("mail"));
    stack.add(ConfigMap::new("shop").entry("host", service.dns_name()).entry("port", service.port()));
    let graph = stack.build().unwrap();
    let client = graph.resources().iter().find(|resource| resource.id.name == "client").unwrap();
    // A number of the Service becomes text for a field that takes text.
    assert_eq!(
        client.inputs.values().cloned().collect::<Vec<_>>(),
        [outside.dns_name().into(), outside.port().as_text()]
    );
    let edges: Vec<String> =
        graph.dependencies().iter().map(|edge| format!("{} {}", edge.dependent, edge.on)).collect();
    assert_eq!(edges, ["ConfigMap/shop/shop Service/shop/shop", "ConfigMap/shop/shop Service/shop/shop"]);
    assert_eq!(graph.externals()[outside.id()].used_by.len(), 2);
}
