//! What the components add.
#![allow(clippy::unwrap_used)]

use holm_components::{Backup, Postgres, WebService};
use holm_core::{Graph, Ref, ResourceOptions as _, Stack, options};
use holm_resources::{Cpu, Memory, Percent, Secret, kind};

fn stack() -> Stack {
    Stack::new("shop", "default", Some("shop"))
}

fn names(graph: &Graph) -> Vec<String> {
    graph.resources().iter().map(|resource| resource.id.relative_to(graph.namespace())).collect()
}

#[test]
fn a_web_service_of_one_pod_has_a_service_and_a_policy() {
    let stack = stack();
    let web = WebService::new("web", "example.org/web:1").declare(&stack);
    assert_eq!(web.port.number(), 8080);
    assert!(web.ingress.is_none());
    let graph = stack.build().unwrap();
    insta::assert_snapshot!(names(&graph).join("\n"), @"
    Service/web
    NetworkPolicy/web
    Deployment/web
    ");
    assert!(graph.resources().iter().all(|resource| resource.component.as_deref() == Some("web")));
}

#[test]
fn a_web_service_with_everything() {
    let stack = stack();
    let certificate: Ref<kind::Secret> = stack.made_at_run_time("web-tls");
    let settings = stack.add(Secret::opaque("settings").entry("token", "x"));
    let other = WebService::new("other", "example.org/other:1").declare(&stack);
    WebService::new("web", "example.org/web:1")
        .port(3000)
        .readiness("/ready")
        .request(Cpu::millis(100), Memory::mebibytes(128))
        .limit(Cpu::millis(500), Memory::mebibytes(256))
        .env("LEVEL", "info")
        .env_from(&settings)
        .autoscale(2..=4, Percent(70))
        .host("web.example.org")
        .ingress_class("nginx")
        .ingress_namespace("ingress-nginx")
        .tls(&certificate)
        .allow_from(&other.workload)
        .connect_to(&other.workload, &other.port)
        .connect_to(&other.workload, &other.port)
        .options(options().protect())
        .declare(&stack);
    let graph = stack.build().unwrap();
    insta::assert_snapshot!(graph, @"
    Service/other selects Deployment/other
    NetworkPolicy/other selects Deployment/other
    Deployment/other requires NetworkPolicy/other
    Service/web selects Deployment/web
    Ingress/web requires IngressClass/nginx (external), Service/web
    PodDisruptionBudget/web selects Deployment/web
    NetworkPolicy/web selects Deployment/web
    Deployment/web requires NetworkPolicy/web, Secret/settings
    HorizontalPodAutoscaler/web requires Deployment/web
    ");
    let policy = graph.resources().iter().find(|r| r.id.kind == "NetworkPolicy" && r.id.name == "web").unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&policy.object["spec"]).unwrap(), @r#"
    {
      "egress": [
        {
          "ports": [
            {
              "port": 8080,
              "protocol": "TCP"
            }
          ],
          "to": [
            {
              "podSelector": {
                "matchLabels": {
                  "app": "other"
                }
              }
            }
          ]
        },
        {
          "ports": [
            {
              "port": 53,
              "protocol": "UDP"
            },
            {
              "port": 53,
              "protocol": "TCP"
            }
          ],
          "to": [
            {
              "namespaceSelector": {
                "matchLabels": {
                  "kubernetes.io/metadata.name": "kube-system"
                }
              }
            }
          ]
        },
        {
          "ports": [
            {
              "port": 8080,
              "protocol": "TCP"
            }
          ],
          "to": [
            {
              "podSelector": {
                "matchLabels": {
                  "app": "other"
                }
              }
            }
          ]
        }
      ],
      "ingress": [
        {
          "from": [
            {
              "podSelector": {}
            }
          ],
          "ports": [
            {
              "port": 3000,
              "protocol": "TCP"
            }
          ]
        },
        {
          "from": [
            {
              "namespaceSelector": {
                "matchLabels": {
                  "kubernetes.io/metadata.name": "ingress-nginx"
                }
              }
            }
          ],
          "ports": [
            {
              "port": 3000,
              "protocol": "TCP"
            }
          ]
        },
        {
          "from": [
            {
              "podSelector": {
                "matchLabels": {
                  "app": "other"
                }
              }
            }
          ],
          "ports": [
            {
              "port": 3000,
              "protocol": "TCP"
            }
          ]
        }
      ],
      "podSelector": {
        "matchLabels": {
          "app": "web"
        }
      },
      "policyTypes": [
        "Ingress",
        "Egress"
      ]
    }
    "#);
    assert!(policy.options.protect);
}

#[test]
fn a_postgres_has_its_secret_data_and_service() {
    let stack = stack();
    let server = Postgres::new("db", "shop").database("shop").database("audit").storage("10Gi").declare(&stack);
    assert_eq!(server.host(), "db.shop.svc.cluster.local");
    let graph = stack.build().unwrap();
    insta::assert_snapshot!(names(&graph).join("\n"), @"
    Secret/db-secret
    ConfigMap/db-init
    PersistentVolumeClaim/db-pvc
    Deployment/db
    Service/db
    ");
    insta::assert_snapshot!(graph, @"
    Deployment/db requires ConfigMap/db-init, PersistentVolumeClaim/db-pvc, Secret/db-secret
    Service/db selects Deployment/db
    ");
    let probe = &graph.resources().iter().find(|r| r.id.kind == "Deployment").unwrap().object["spec"]["template"]["spec"]
        ["containers"][0]["readinessProbe"]["exec"]["command"][2];
    assert!(probe.as_str().unwrap().ends_with("--dbname=audit"), "{probe}");
}

#[test]
fn a_postgres_may_be_dumped_and_its_databases_ensured() {
    let stack = stack();
    let backup = Backup::at("0 3 * * *").keep(3).storage("20Gi");
    Postgres::new("db", "shop").database("shop").ensure().backup(backup).declare(&stack);
    let graph = stack.build().unwrap();
    insta::assert_snapshot!(graph, @"
    Deployment/db requires ConfigMap/db-init, PersistentVolumeClaim/db-pvc, Secret/db-secret
    Service/db selects Deployment/db
    Job/db-ensure requires Deployment/db (ready), Secret/db-secret, Service/db, Service/db (ready)
    CronJob/db-backup requires PersistentVolumeClaim/db-backup, Secret/db-secret, Service/db
    ");
}

#[test]
fn names_that_would_need_quotes_are_problems_at_the_line_of_the_component() {
    let stack = stack();
    let line = line!() + 1;
    Postgres::new("db", "shop").database("Shop").database("a b").declare(&stack);
    let problems = stack.build().unwrap_err();
    assert!(problems.0.iter().all(|problem| problem.site.unwrap().line == line), "{problems}");
    assert!(problems.to_string().contains("\"a b\" is not a valid name"), "{problems}");
    let empty = self::stack();
    Postgres::new("db", "shop").declare(&empty);
    assert!(empty.build().unwrap_err().to_string().contains("needs a database"));
}
