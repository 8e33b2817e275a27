//! Every object of a stack is validated without a cluster as the API server would do it.
#![cfg(feature = "validation")]

use holm::Problem;
use holm::prelude::*;
use holm::testing::Cluster;
use serde_json::{Value, json};

fn deployment(change: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "example.org/shop:1"}]},
            },
        },
    });
    merge(&mut object, change);
    object
}

/// Merges maps, and lists item by item.
fn merge(object: &mut Value, change: &Value) {
    match (object, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            changes.iter().for_each(|(name, change)| merge(fields.entry(name).or_insert(Value::Null), change));
        }
        (Value::Array(items), Value::Array(changes)) if items.len() == changes.len() => {
            items.iter_mut().zip(changes).for_each(|(item, change)| merge(item, change));
        }
        (object, change) => *object = change.clone(),
    }
}

fn container(change: &Value) -> Value {
    deployment(&json!({"spec": {"template": {"spec": {"containers": [change]}}}}))
}

fn autoscaler() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "minReplicas": 5, "maxReplicas": 3,
        },
    })
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "discounts.shop.example.org"},
        "spec": {
            "group": "shop.example.org", "scope": "Namespaced",
            "names": {"plural": "discounts", "singular": "discount", "kind": "Discount", "listKind": "DiscountList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                    "type": "object", "required": ["percent", "code"],
                    "x-kubernetes-validations": [{"rule": "self.percent < 90 || self.mode == 'Sale'", "message": "too much"}],
                    "properties": {
                        "percent": {"type": "integer", "maximum": 100}, "code": {"type": "string"},
                        "mode": {"type": "string", "enum": ["Normal", "Sale"], "default": "Normal"},
                    },
                }}}},
            }],
        },
    })
}

fn discount(spec: Value) -> Value {
    json!({"apiVersion": "shop.example.org/v1", "kind": "Discount", "metadata": {"name": "winter"}, "spec": spec})
}

/// Declares the objects in a new namespace.
fn declare(objects: &[Value]) -> impl Fn(&Stack, &Config) -> holm::Result + '_ {
    move |stack, _| {
        stack.namespace("shop");
        for object in objects {
            stack.add(Manifest::new(object.clone()));
        }
        Ok(())
    }
}

fn problems(objects: &[Value]) -> Vec<String> {
    let told = |problem: &Problem| {
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        assert!(problem.site.is_some_and(|site| site.file.ends_with("validation.rs")), "{problem}");
        format!("{problem}{hint}")
    };
    match holm::testing::graph(declare(objects), []) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(told).collect(),
    }
}

#[test]
fn slips_are_told_in_the_servers_words_with_the_field_and_what_was_meant() {
    let cases = [
        (
            vec![container(&json!({"imagePullPolicy": "Allways"}))],
            "Deployment/shop/shop: spec.template.spec.containers[shop].imagePullPolicy: Unsupported value: \"Allways\": \
             supported values: \"Always\", \"IfNotPresent\", \"Never\" (did you mean \"Always\"?)",
        ),
        (
            vec![container(&json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}))],
            // The core finds it itself, and it is told once.
            "Deployment/shop/shop: spec.template.spec.containers[shop].resources.requests.cpu: \"2\" is no valid request: it is \
             more than the limit of 1",
        ),
        (
            vec![deployment(&json!({})), autoscaler()],
            "HorizontalPodAutoscaler/shop/shop: spec.maxReplicas: Invalid value: 3: must be greater than or equal to \
             `minReplicas`",
        ),
        (
            vec![definition(), discount(json!({"percent": 120, "code": "x", "mode": "sale"}))],
            "Discount/shop/winter: spec.mode: Unsupported value: \"sale\": supported values: \"Normal\", \
             \"Sale\" (did you mean \"Sale\"?)",
        ),
        (
            vec![definition(), discount(json!({"percent": 95, "code": "x"}))],
            "Discount/shop/winter: spec: Invalid value: too much",
        ),
        (
            vec![definition(), discount(json!({"percent": 5, "code": "x", "percentt": 1}))],
            "Discount/shop/winter: spec.percentt: unknown field \"spec.percentt\" (did you mean \"percent\"?)",
        ),
        (
            vec![deployment(&json!({"spec": {"replicas": "two"}}))],
            "Deployment/shop/shop: spec.replicas: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas \
             of type int32",
        ),
    ];
    for (objects, expected) in cases {
        let found = problems(&objects);
        assert!(found.iter().filter(|problem| *problem == expected).count() == 1, "{expected}\n{found:#?}");
    }
}

#[test]
fn what_a_server_may_accept_is_a_warning() {
    let cases = [
        (
            deployment(&json!({"spec": {"replica": 2}})),
            "unknown field \"spec.replica\"; a server of another version may have the field",
            Some("did you mean \"replicas\"?"),
        ),
        (discount(json!({"percent": 5})), "Required value; an admission webhook may fill it in", None),
    ];
    for (object, expected, hint) in cases {
        let graph = holm::testing::graph(declare(&[definition(), object]), []).expect("nothing is certain");
        let warnings = holm::validate(&graph, None).warnings;
        let told: Vec<(String, Option<&str>)> =
            warnings.iter().map(|warning| (warning.kind.to_string(), warning.hint.as_deref())).collect();
        assert_eq!(told, [(expected.to_owned(), hint)]);
    }
}

#[test]
fn a_plan_is_blocked_by_what_the_server_could_not_be_asked() {
    let cluster = Cluster::start().expect("it starts");
    let objects = [deployment(&json!({"spec": {"replica": 2}})), autoscaler()];
    let shop = cluster.stack("shop", declare(&objects));
    // The namespace is new, so that there is no dry run, and the version is known.
    let blockers = |shop: &holm::testing::StackUnderTest<'_>| -> Vec<String> {
        let plan = shop.plan().expect("the cluster answers");
        plan.plan.blockers.iter().map(|blocker| format!("{}: {}", blocker.id.short(), blocker.kind)).collect()
    };
    assert_eq!(
        blockers(&shop),
        [
            "Deployment/shop: spec.replica: unknown field \"spec.replica\"",
            "HorizontalPodAutoscaler/shop: spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
        ]
    );
    let refused = shop.apply().expect_err("it is blocked").to_string();
    assert!(refused.contains("spec.maxReplicas"), "{refused}");
    assert!(shop.objects().is_empty(), "nothing is written");

    // With the namespace in place the server answers, and its answer is told once.
    cluster.stack("shop", declare(&[])).apply().expect("the namespace is right");
    let answered = blockers(&shop);
    assert_eq!(answered.len(), 2, "{answered:#?}");
    assert!(answered.iter().all(|blocker| blocker.contains("the server refuses it")), "{answered:#?}");
}

#[test]
fn values_that_are_known_later_are_no_mistakes() {
    let declare = |stack: &Stack, _: &Config| -> holm::Result {
        stack.namespace("shop");
        let password = stack.generated("password", Password::alphanumeric(12));
        let database = stack.add(Secret::opaque("database").entry("password", &password));
        let service = stack.add(Manifest::new(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
            "spec": {"clusterIP": "None", "selector": {"app": "shop"}, "ports": [{"port": 80}]},
        })));
        let address = service.field("spec.clusterIP");
        for path in [
            "spec.replicas",
            "spec.template.spec.containers[0].imagePullPolicy",
            "spec.template.spec.containers[0].resources.limits.cpu",
            "spec.template.metadata.labels.extra",
            "spec.template.spec.terminationGracePeriodSeconds",
        ] {
            let name = path.rsplit('.').next().unwrap_or_default().to_lowercase();
            let object = container(&json!({"resources": {"requests": {"cpu": "500"}}}));
            let mut object = object;
            object["metadata"]["name"] = json!(name);
            stack.add(Manifest::new(object).with_input(path, address.clone()));
        }
        let _ = database;
        Ok(())
    };
    let graph = holm::testing::graph(declare, []);
    assert!(graph.is_ok(), "{}", graph.err().map(|problems| problems.to_string()).unwrap_or_default());
}

#[test]
fn a_removed_version_says_what_took_its_place() {
    let ingress = json!({
        "apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "shop"},
        "spec": {"backend": {"serviceName": "shop", "servicePort": 80}},
    });
    let found = problems(&[ingress]);
    assert!(found.iter().any(|problem| problem.contains("use networking.k8s.io/v1")), "{found:?}");
}

/// The object in a stack with a Service, whose port goes to these places.
fn with_port(object: &Value, places: &[&str]) -> Value {
    let declare = |stack: &Stack, _: &Config| -> holm::Result {
        stack.namespace("shop");
        stack.add(Manifest::new(definition()));
        let database = stack.add(Service::new("database").port(&Port::tcp("postgres", 80)));
        let object = Manifest::new(object.clone()).allow_warnings("all");
        let object = places.iter().fold(object, |object, place| object.with_input(place, database.port()));
        stack.add(object);
        Ok(())
    };
    let graph = holm::testing::graph(declare, []).expect("the stack has no problems");
    holm::testing::object(&graph, &format!("{}/{}", object["kind"], object["metadata"]["name"]).replace('"', ""))
        .expect("it is in the stack")
}

#[test]
fn a_value_of_another_resource_gets_the_type_of_its_field() {
    let env =
        json!({"env": [{"name": "PORT"}], "ports": [{"name": "http"}], "livenessProbe": {"httpGet": {"port": 1}}});
    let places = [
        "spec.template.spec.containers[shop].env[PORT].value",
        "spec.template.spec.containers[shop].ports[http].containerPort",
        "spec.template.spec.containers[shop].livenessProbe.httpGet.port",
        "spec.template.metadata.annotations.port",
    ];
    let deployment = with_port(&container(&env), &places);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["env"][0]["value"], "80");
    assert_eq!(container["ports"][0]["containerPort"], 80);
    // A text there would be the name of a port.
    assert_eq!(container["livenessProbe"]["httpGet"]["port"], 80);
    assert_eq!(deployment["spec"]["template"]["metadata"]["annotations"]["port"], "80");
    let custom = with_port(&discount(json!({"mode": "Sale"})), &["spec.percent", "spec.code"]);
    assert_eq!((&custom["spec"]["percent"], &custom["spec"]["code"]), (&json!(80), &json!("80")));
}

/// The warnings of a stack of one object with its definition, configured so.
fn warnings<R: holm::IntoResource>(object: &Value, configure: impl Fn(Manifest) -> R) -> Vec<String> {
    let declare = |stack: &Stack, _: &Config| -> holm::Result {
        stack.namespace("shop");
        stack.add(Manifest::new(definition()));
        stack.add(configure(Manifest::new(object.clone())));
        Ok(())
    };
    let graph = holm::testing::graph(declare, []).expect("the stack has no problems");
    let told = |warning: &holm::Warning| match &warning.hint {
        Some(hint) => format!("{warning} ({hint})"),
        None => warning.to_string(),
    };
    graph.warnings().iter().map(told).collect()
}

#[test]
fn paths_that_lead_to_no_field_are_warned_of() {
    let deployment = deployment(&json!({}));
    assert_eq!(
        warnings(&deployment, |manifest| manifest.ignore_changes("spec.replcas")),
        [
            "Deployment/shop/shop: ignore_changes names spec.replcas, and a Deployment has no such field (did you mean \"replicas\"?)"
        ]
    );
    assert_eq!(
        warnings(&deployment, |manifest| manifest.replace_on_changes("spec.template.spec.containers[shop].imag")),
        [
            "Deployment/shop/shop: replace_on_changes names spec.template.spec.containers[shop].imag, and a Deployment has no such \
          field (did you mean \"image\"?)"
        ]
    );
    let fine = [
        "spec.replicas",
        "metadata.annotations[\"example.org/x\"]",
        "spec.template.spec.containers[other].env[A].value",
    ];
    for path in fine {
        assert_eq!(warnings(&deployment, |manifest| manifest.ignore_changes(path)), Vec::<String>::new(), "{path}");
    }
    let custom = discount(json!({"percent": 5, "code": "x"}));
    let ready = |path: &str| ReadyWhen::Present(path.parse().expect("well formed"));
    assert_eq!(
        warnings(&custom, |manifest| manifest.ready_when(ready("spec.cod"))),
        ["Discount/shop/winter: ready_when names spec.cod, and a Discount has no such field (did you mean \"code\"?)"]
    );
}

#[test]
fn a_field_of_another_resource_that_it_cannot_have_is_warned_of() {
    let declare = |stack: &Stack, _: &Config| -> holm::Result {
        stack.namespace("shop");
        let service = stack.add(Service::new("shop").port(&Port::tcp("http", 80)));
        stack.add(ConfigMap::new("a").entry("address", service.field("status.loadBalanser.ingress[0].ip")));
        stack.export("address", service.field("spec.clusterIp"));
        Ok(())
    };
    let graph = holm::testing::graph(declare, []).expect("the stack has no problems");
    let warnings: Vec<String> =
        graph.warnings().iter().map(|warning| format!("{warning} {:?}", warning.hint)).collect();
    assert_eq!(
        warnings,
        [
            "ConfigMap/shop/a: data.address: field names status.loadBalanser.ingress[0].ip, and a Service has no such field \
             Some(\"did you mean \\\"loadBalancer\\\"?\")",
            "Service/shop/shop: field names spec.clusterIp, and a Service has no such field Some(\"did you mean \\\"clusterIP\\\"?\")",
        ]
    );
}
