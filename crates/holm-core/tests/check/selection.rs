//! Services, PodDisruptionBudgets and those who lead to Services.

use holm_core::Stack;
use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;

use crate::{build, deployment, problems, show};

fn service(spec: &str) -> String {
    format!("---\n{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{{spec}}}}}\n")
}

const PORTS: &str = "ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]";

#[test]
fn a_service_that_selects_nobody_is_a_slip() {
    assert_snapshot!(problems(&(deployment("", "") + &service("selector: {app: wbe}, ports: [{port: 80}]"))), @r#"
    warning: Service/ns/web: spec.selector: selects no pods of this stack: app=wbe
      hint: did you mean "app=web"?
    "#);
    assert_snapshot!(problems(&(deployment("", "") + &service("selector: {name: database}, ports: [{port: 80}]"))), @"
    warning: Service/ns/web: spec.selector: selects no pods of this stack: name=database
      hint: the pods of Deployment/web have app=web; if the pods are made outside this stack, declare their workload with stack.external
    ");
    let elsewhere = deployment("", "").replace("{name: web}", "{name: web, namespace: other}");
    assert_snapshot!(problems(&(elsewhere + &service("selector: {app: web}, ports: [{port: 80}]"))), @"
    warning: Service/ns/web: spec.selector: selects no pods of this stack: app=web
      hint: the pods of Deployment/other/web have these labels, and are in another namespace
    ");
    let budget = "---\n{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {selector: {matchLabels: {app: other}}}}";
    assert_snapshot!(problems(&(deployment("", "") + budget)), @"
    warning: PodDisruptionBudget/ns/b: spec.selector: selects no pods of this stack: app=other
      hint: the pods of Deployment/web have app=web; if the pods are made outside this stack, declare their workload with stack.external
    ");
}

#[test]
fn a_service_that_may_select_somebody_is_none() {
    let fine = [
        // No selector, and no pods.
        service("ports: [{port: 80}]"),
        service("selector: {app: other}, type: ExternalName, externalName: example.com"),
        // The whole stack has no pods: they are elsewhere.
        service("selector: {app: web}, ports: [{port: 80}]"),
    ];
    for text in fine {
        assert_eq!(problems(&text), "", "{text}");
    }
    let with_pods = [
        // A label that a controller adds to one of the pods.
        service("selector: {app: web, role: primary}, ports: [{port: 80}]"),
        "---\n{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {selector: {}}}".to_owned(),
        "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: b}, spec: {podSelector: {matchLabels: {app: other}}}}".to_owned(),
    ];
    for text in with_pods {
        assert_eq!(problems(&(deployment("", "") + &text)), "", "{text}");
    }
    let custom = "
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: dbs.g.io}, spec: {group: g.io, names: {plural: dbs, kind: Db}, versions: [{name: v1}]}}
---
{apiVersion: g.io/v1, kind: Db, metadata: {name: a}}
";
    assert_eq!(problems(&(deployment("", "") + custom + &service("selector: {db: a}, ports: [{port: 80}]"))), "");
    let stack = Stack::new("test", "default", Some("ns"));
    stack.external::<Deployment>("database");
    stack.add_yaml(&(deployment("", "") + &service("selector: {app: database}, ports: [{port: 80}]")));
    assert!(stack.build().is_ok());
}

#[test]
fn selections_are_kept_in_the_graph_and_order_nothing() {
    let set = "
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: web
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: db}]}
";
    let one = service("selector: {statefulset.kubernetes.io/pod-name: db-0}, ports: [{port: 80}]")
        .replace("name: web", "name: first");
    let graph =
        build(&(deployment("", "") + set + &one + &service("selector: {app: web}, ports: [{port: 80}]"))).unwrap();
    let selections: Vec<String> =
        graph.selections().iter().map(|found| format!("{} selects {}", found.selector, found.workload)).collect();
    assert_eq!(selections, ["Service/ns/first selects StatefulSet/ns/db", "Service/ns/web selects Deployment/ns/web"]);
    assert_snapshot!(crate::edges(&graph), @"StatefulSet/db -> Service/web (Exists: spec.serviceName)");
}

#[test]
fn a_service_leads_to_ports_that_somebody_listens_on() {
    let check = |ports: &str, container: &str| {
        problems(&(deployment(container, "") + &service(&format!("selector: {{app: web}}, ports: [{ports}]"))))
    };
    assert_snapshot!(check("{name: a, port: 80, targetPort: htp}, {name: b, port: 81, targetPort: 9090}, {name: c, port: 8081}", PORTS), @"
    warning: Service/ns/web: spec.ports[a].targetPort: port 80 targets htp, which no container of Deployment/ns/web declares
      hint: its containers have http (8080), dns (53)
    warning: Service/ns/web: spec.ports[b].targetPort: port 81 targets 9090, which no container of Deployment/ns/web declares
      hint: its containers have http (8080), dns (53)
    warning: Service/ns/web: spec.ports[c].port: port 8081 targets 8081, which no container of Deployment/ns/web declares
      hint: its containers have http (8080), dns (53)
    ");
    assert_snapshot!(check("{port: 53, targetPort: dns}", PORTS), @"
    warning: Service/ns/web: spec.ports[port=53].targetPort: port 53 targets dns, which no container of Deployment/ns/web declares
      hint: its containers have http (8080), dns (53)
    ");
    assert_snapshot!(check("{port: 80, targetPort: http}", ""), @"
    warning: Service/ns/web: spec.ports[port=80].targetPort: port 80 targets http, which no container of Deployment/ns/web declares
      hint: its containers declare no port
    ");
    for ports in [
        "{port: 80, targetPort: 8080}",
        "{port: 80, targetPort: http}",
        "{port: 53, targetPort: dns, protocol: UDP}",
        "{port: 8080}",
    ] {
        assert_eq!(check(ports, PORTS), "", "{ports}");
    }
    // Containers may listen on ports that they do not declare, and a headless Service only resolves names.
    assert_eq!(check("{port: 80, targetPort: 9090}", ""), "");
    assert_eq!(
        problems(&(deployment(PORTS, "") + &service("selector: {app: web}, clusterIP: None, ports: [{port: 80}]"))),
        ""
    );
    // A sidecar listens too.
    let sidecar =
        "initContainers: [{name: side, image: s, restartPolicy: Always, ports: [{name: proxy, containerPort: 15000}]}]";
    assert_eq!(
        problems(&(deployment("", sidecar) + &service("selector: {app: web}, ports: [{port: 80, targetPort: proxy}]"))),
        ""
    );
}

#[test]
fn the_ports_of_a_service_are_checked() {
    assert_snapshot!(problems(&service("ports: [{port: 80}, {name: Web, port: 0}, {name: a, port: 80}, {name: a, port: 81, targetPort: '81'}]")), @r#"
        Service/ns/web: spec.ports[Web].name: "Web" is no valid port name: it must consist of lower-case letters, digits and '-', and start and end with a letter or digit
        Service/ns/web: spec.ports[Web].port: "0" is no valid port: it must be between 1 and 65535
        Service/ns/web: spec.ports[0].name: each of several ports needs a name
        Service/ns/web: spec.ports[2]: there is another port "80/TCP"
        Service/ns/web: spec.ports[3].name: the Service has another port "a"
        Service/ns/web: spec.ports[3].targetPort: the port 81 is text, which would be a name; give it as a number
    "#);
    assert_snapshot!(problems(&service("selector: {app: web}")), @"Service/ns/web: spec.ports: a Service needs a port");
}

#[test]
fn who_leads_to_a_service_names_a_port_of_it() {
    let text = service("ports: [{name: http, port: 80}]") + "
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules:
  - host: example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: https}}}}
      - {path: /a, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: web}
webhooks:
- {name: a.example.com, clientConfig: {service: {namespace: ns, name: web}}, sideEffects: None, admissionReviewVersions: [v1]}
";
    assert_snapshot!(problems(&text), @r"
        ValidatingWebhookConfiguration/web: webhooks[a.example.com].clientConfig.service.port: leads to the port 443 of Service/ns/web, which has no such port
          hint: it has 80, http
        Ingress/ns/web: spec.rules[host=example.com].http.paths[path=/].backend.service.port.name: leads to the port https of Service/ns/web, which has no such port
          hint: it has 80, http
    ");
}

#[test]
fn a_webhook_waits_for_the_pods_that_answer() {
    let webhook = "
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
webhooks:
- {name: a.example.com, clientConfig: {service: {namespace: ns, name: web}}, sideEffects: None, admissionReviewVersions: [v1]}
";
    let graph =
        build(&(deployment("", "") + &service("selector: {app: web}, ports: [{port: 443}]") + webhook)).unwrap();
    assert_snapshot!(crate::edges(&graph), @r"
        ValidatingWebhookConfiguration/hook -> Service/web (Ready: webhooks[a.example.com].clientConfig.service.name)
        ValidatingWebhookConfiguration/hook -> Deployment/web (Ready: webhooks[a.example.com].clientConfig.service.name)
    ");
}

#[test]
fn problems_of_all_resources_are_reported_together() {
    let text = deployment("image: ''", "").replace("        image: web:1\n", "")
        + &service("selector: {app: web}, ports: [{name: a, port: 0}, {name: a, port: 81}]");
    let problems = build(&text).unwrap_err();
    assert_eq!(problems.0.len(), 3, "{}", show(&problems));
}
