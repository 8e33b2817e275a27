//! What a plan must not miss and must not refuse, on objects that others wrote and that others change meanwhile. Each scenario is a
//! stack whose files are declared one after the other; what happens in between, a person or a controller does.

mod custom;
mod immutable;
mod secrets;
mod text;

use holm_e2e::{ControlPlane, Finished, Session};
use serde_json::{Value, json};

struct Case {
    session: Session,
    /// The name of the stack.
    stack: String,
}

impl Case {
    /// A stack that declares its namespace.
    fn new(name: &str) -> Self {
        let session = Session::new(ControlPlane::shared("cases"), name);
        Self { session, stack: name.to_owned() }
    }

    /// A stack in a namespace that somebody else made.
    fn in_namespace(name: &str) -> Self {
        let case = Self::new(name);
        case.session.cluster.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        case
    }

    fn run(&self, arguments: &[&str], text: &str) -> Finished {
        self.run_file(arguments, text, "objects.yaml")
    }

    /// The same with one object a line, which has options beside it.
    fn run_lines(&self, arguments: &[&str], lines: &str) -> Finished {
        self.run_file(arguments, lines, "objects.jsonl")
    }

    fn run_file(&self, arguments: &[&str], text: &str, name: &str) -> Finished {
        let file = self.session.home().join(name);
        std::fs::write(&file, text).expect("the home can be written");
        let program = self.session.workspace("cases", arguments).args(["--stack", self.stack.as_str()]);
        let has_namespace = self
            .session
            .cluster
            .get("namespace", "", &self.session.namespace)
            .is_some_and(|live| live["metadata"]["managedFields"].to_string().contains("kubectl-create"));
        let key = if has_namespace { "inns" } else { "ns" };
        let program = program.config(key, &self.session.namespace).config("files", &file.to_string_lossy());
        self.session.run(&program)
    }

    /// Removes the declarations of the test from the home of its programs, which then must hold no secret.
    fn remove_files(&self) {
        for name in ["objects.yaml", "objects.jsonl"] {
            if let Err(error) = std::fs::remove_file(self.session.home().join(name)) {
                assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{name}");
            }
        }
    }

    /// Plans, with the exit code that says whether anything would change.
    fn plan(&self, text: &str) -> Finished {
        self.run(&["plan", "--detailed-exitcode"], text)
    }

    fn apply(&self, text: &str) -> Finished {
        let applied = self.run(&["apply", "--yes", "--adopt", "all", "--timeout", "20s"], text);
        applied.expect_code(0);
        applied
    }

    /// Applies, after which nothing is left to do, also where the server is asked about every object.
    fn settle(&self, text: &str) -> Finished {
        let applied = self.apply(text);
        self.expect_nothing(text);
        applied
    }

    fn expect_nothing(&self, text: &str) {
        self.plan(text).expect_code(0).expect("No changes");
        self.run(&["plan", "--detailed-exitcode", "--thorough"], text).expect_code(0).expect("No changes");
    }

    fn live(&self, kind: &str, name: &str) -> Value {
        self.session.cluster.must_get(kind, &self.session.namespace, name)
    }

    fn patch(&self, kind: &str, name: &str, patch: &Value) {
        self.session.cluster.patch(kind, &self.session.namespace, name, patch);
    }
}

/// A Deployment `web` without pods, with more in its spec, its pods and its container.
fn deployment(spec: &str, pod: &str, container: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{replicas: 0, {spec}\n  selector: {{matchLabels: \
         {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{{pod} containers: [{{name: c, image: 'i:1', \
         {container}}}]}}}}}}\n"
    )
}

fn config_map(data: &str) -> String {
    format!("---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {{{data}}}}}\n")
}

fn names(items: &Value) -> Vec<&str> {
    items.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect()
}

#[test]
fn the_order_of_keyed_lists_is_shown_and_sent() {
    let case = Case::new("case-order");
    let text = |env: &str, init: &str, volumes: &str| {
        deployment("", &format!("initContainers: [{init}], volumes: [{volumes}],"), &format!("env: [{env}]"))
    };
    let url = "{name: URL, value: http://$(HOST)/}";
    let (host, one, two) = ("{name: HOST, value: db}", "{name: one, image: 'i:1'}", "{name: two, image: 'i:1'}");
    let (first, second) = ("{name: v, emptyDir: {}}", "{name: w, emptyDir: {}}");
    let before = text(&format!("{url}, {host}"), &format!("{one}, {two}"), &format!("{first}, {second}"));
    case.settle(&before);
    let after = text(&format!("{host}, {url}"), &format!("{two}, {one}"), &format!("{second}, {first}"));
    let planned = case.plan(&after);
    planned.expect_code(2).expect("containers[c].env: order: URL, HOST -> HOST, URL");
    planned.expect("initContainers: order: one, two -> two, one").expect("volumes: order: v, w -> w, v");
    case.settle(&after);
    let pod = &case.live("deployment", "web")["spec"]["template"]["spec"];
    assert_eq!(names(&pod["containers"][0]["env"]), ["HOST", "URL"]);
    assert_eq!(names(&pod["initContainers"]), ["two", "one"]);
    // Another order by hand is drift, and items that somebody adds are not.
    let reversed = json!({"spec": {"template": {"spec": {"$setElementOrder/initContainers": [{"name": "one"}, {"name": "two"}],
        "initContainers": [{"name": "one"}, {"name": "two"}]}}}});
    case.patch("deployment", "web", &reversed);
    let drifted = case.plan(&after);
    drifted.expect_code(2).expect("drift").expect("initContainers: order: one, two -> two, one");
    case.settle(&after);
}

#[test]
fn the_order_of_ports_and_webhooks_counts_too() {
    let case = Case::new("case-order-ports");
    let text = |ports: [u16; 2], hooks: [&str; 2]| {
        let port = |port: u16| format!("{{name: p{port}, port: {port}}}");
        let hook = |name: &str| {
            format!(
                "{{name: {name}.example.com, sideEffects: None, admissionReviewVersions: [v1], failurePolicy: Ignore, clientConfig: \
                 {{url: 'https://127.0.0.1/x'}}, rules: []}}"
            )
        };
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{ports: [{}, {}]}}}}\n---\n{{apiVersion: \
             admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {{name: case-order-ports}}, webhooks: \
             [{}, {}]}}\n",
            port(ports[0]),
            port(ports[1]),
            hook(hooks[0]),
            hook(hooks[1]),
        )
    };
    case.settle(&text([80, 81], ["a", "b"]));
    let after = text([81, 80], ["b", "a"]);
    let planned = case.plan(&after);
    planned.expect_code(2).expect("spec.ports: order: p80, p81 -> p81, p80");
    planned.expect("webhooks: order: a.example.com, b.example.com -> b.example.com, a.example.com");
    case.settle(&after);
}

#[test]
fn another_version_alone_is_sent_before_the_definition_drops_the_old_one() {
    let case = Case::new("case-version");
    let text = |api_version: &str, served: &[&str], spec: &str| {
        let version = |name: &&str| {
            format!(
                "{{name: {name}, served: true, storage: {}, schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{type: \
                 object, properties: {{a: {{type: string}}, b: {{type: string}}}}}}}}}}}}}}",
                *name == "v1"
            )
        };
        let versions: Vec<String> = served.iter().map(version).collect();
        format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: movers.case.example.com}}, spec: \
             {{group: case.example.com, scope: Namespaced, names: {{kind: Mover, plural: movers}}, versions: [{}]}}}}\n---\n{{apiVersion: \
             case.example.com/{api_version}, kind: Mover, metadata: {{name: m}}, spec: {spec}}}\n",
            versions.join(", ")
        )
    };
    let both = ["v1", "v1alpha1"];
    case.settle(&text("v1alpha1", &both, "{a: '1', b: '2'}"));
    let moved = text("v1", &both, "{a: '1', b: '2'}");
    case.plan(&moved).expect_code(2).expect(r#"apiVersion: "case.example.com/v1alpha1" -> "case.example.com/v1""#);
    case.settle(&moved);
    case.settle(&text("v1", &["v1"], "{a: '1', b: '2'}"));
    case.settle(&text("v1", &["v1"], "{a: '1'}"));
    assert_eq!(case.live("movers.case.example.com", "m")["spec"], json!({"a": "1"}));
}

#[test]
fn what_was_dropped_goes_although_a_person_owns_it_too() {
    let case = Case::in_namespace("case-dropped");
    let both = config_map("key: a, legacy: b");
    let ports = |ports: &str| deployment("", "", &format!("ports: [{ports}]"));
    for object in [both.as_str(), &ports("{name: http, containerPort: 80}")] {
        let mut object: Value = object_of(object);
        object["metadata"]["namespace"] = json!("case-dropped");
        case.session.cluster.create(&object);
    }
    case.settle(&(both + &ports("{name: http, containerPort: 80}")));
    let after = config_map("key: a") + &ports("{name: http, containerPort: 8080}");
    let planned = case.plan(&after);
    planned.expect_code(2).expect(r#"- data.legacy: "b""#).expect("removes what kubectl-create owns too: data.legacy");
    planned.expect("fields of other managers are taken over first").expect_not("drift");
    case.settle(&after);
    assert_eq!(case.live("configmap", "c")["data"], json!({"key": "a"}));
    let container = &case.live("deployment", "web")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"], json!([{"name": "http", "containerPort": 8080, "protocol": "TCP"}]));
}

/// The object of a text.
fn object_of(text: &str) -> Value {
    serde_saphyr::from_str(text.trim_start_matches("---\n")).expect("the test's own text reads")
}

#[test]
fn what_a_controller_owns_too_is_said_to_stay() {
    let case = Case::new("case-staying");
    case.settle(&config_map("key: a, legacy: b"));
    case.session.cluster.apply_as(
        "operator",
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "case-staying"}, "data": {"legacy": "b"}}),
    );
    let after = config_map("key: a");
    case.plan(&after).expect_code(2).expect("data.legacy stays: operator owns it too");
    case.settle(&after);
    assert_eq!(case.live("configmap", "c")["data"], json!({"key": "a", "legacy": "b"}));
}

#[test]
fn one_of_fields_that_a_person_changed_are_mended() {
    let case = Case::new("case-unions");
    let text = deployment(
        "",
        "volumes: [{name: v, emptyDir: {}}],",
        "livenessProbe: {httpGet: {port: 80}}, env: [{name: A, value: '1'}], lifecycle: {preStop: {exec: {command: [x]}}}",
    ) + "---\n{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{name: dns, port: 53}]}}\n";
    case.settle(&text);
    let container = json!({"name": "c", "livenessProbe": {"httpGet": null, "tcpSocket": {"port": 81}},
        "env": [{"name": "A", "value": null, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "lifecycle": {"preStop": {"exec": null, "sleep": {"seconds": 1}}}});
    let volume = json!({"name": "v", "emptyDir": null, "hostPath": {"path": "/x"}});
    case.patch(
        "deployment",
        "web",
        &json!({"spec": {"template": {"spec": {"containers": [container], "volumes": [volume]}}}}),
    );
    case.patch("service", "s", &json!({"spec": {"ports": [{"name": "dns", "port": 53, "protocol": "UDP"}]}}));
    let planned = case.plan(&text);
    planned.expect_code(2).expect("livenessProbe.tcpSocket.port: 81").expect("drift").expect_not("error:");
    case.settle(&text);
    let pod = &case.live("deployment", "web")["spec"]["template"]["spec"];
    assert!(pod["containers"][0]["livenessProbe"].get("tcpSocket").is_none(), "{pod}");
    assert_eq!(pod["containers"][0]["env"], json!([{"name": "A", "value": "1"}]));
    assert_eq!(pod["volumes"], json!([{"name": "v", "emptyDir": {}}]));
    assert_eq!(case.live("service", "s")["spec"]["ports"][0]["protocol"], "TCP");
}

#[test]
fn strategies_leave_their_default_and_come_back() {
    let case = Case::new("case-strategy");
    let text = |deployment_strategy: &str, others: &str| {
        let of = |kind: &str, extra: &str| {
            format!(
                "---\n{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: x}}, spec: {{{extra} updateStrategy: {others}, selector: \
                 {{matchLabels: {{app: x}}}}, template: {{metadata: {{labels: {{app: x}}}}, spec: {{nodeSelector: {{none: none}}, \
                 containers: [{{name: c, image: 'i:1'}}]}}}}}}}}\n"
            )
        };
        let strategy = format!("strategy: {deployment_strategy},");
        deployment(&strategy, "", "") + &of("StatefulSet", "replicas: 0,") + &of("DaemonSet", "")
    };
    case.settle(&text("{}", "{}"));
    let generation = case.live("deployment", "web")["metadata"]["generation"].clone();
    let recreate = text("{type: Recreate}", "{type: OnDelete}");
    let planned = case.plan(&recreate);
    planned.expect_code(2).expect(r#"spec.strategy.type: "RollingUpdate" -> "Recreate""#).expect_not("error:");
    planned.expect("- spec.strategy.rollingUpdate.maxSurge");
    case.settle(&recreate);
    let live = case.live("deployment", "web");
    assert_eq!(live["spec"]["strategy"], json!({"type": "Recreate"}));
    // One write changed it, and not the record that was changed before.
    assert_eq!(live["metadata"]["generation"].as_u64(), generation.as_u64().map(|before| before + 1));
    assert_eq!(case.live("daemonset", "x")["spec"]["updateStrategy"], json!({"type": "OnDelete"}));
    case.settle(&text("{type: Recreate, rollingUpdate: null}", "{type: OnDelete, rollingUpdate: null}"));
    let rolling = "{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}";
    case.settle(&text(rolling, "{type: RollingUpdate}"));
    case.settle(&recreate);
}

#[test]
fn what_a_manifest_does_not_give_is_not_sent() {
    let case = Case::new("case-not-given");
    let text = "
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: p, annotations: {}}, spec: {storageClassName: null, volumeName: null, accessModes: [ReadWriteOnce], resources: {limits: null, requests: {storage: 1Gi}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: s, labels: {}}, spec: {clusterIP: null, ports: [{port: 80, protocol: null, targetPort: null}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: t, annotations: null}, spec: {ports: [{port: 80, protocol: ''}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c, annotations: {}, labels: {}}, data: {}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: case-aggregate}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {case/aggregate: 'yes'}}]}, rules: []}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: case-part, labels: {case/aggregate: 'yes'}}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}
";
    let with_claim = ["apply", "--yes", "--timeout", "5s"];
    case.run(&with_claim, text);
    holm_e2e::eventually("the rules of the aggregated role", || {
        let role = case.session.cluster.must_get("clusterrole", "", "case-aggregate");
        (role["rules"].as_array().is_some_and(|rules| !rules.is_empty())).then_some(())
    });
    case.expect_nothing(text);
    // Others fill what is declared empty.
    case.patch("configmap", "c", &json!({"metadata": {"annotations": {"a": "b"}}}));
    case.plan(text).expect_code(0).expect("also set by kubectl-patch: metadata.annotations.a");
}

#[test]
fn what_a_person_adds_is_named_and_removed_where_that_is_asked_for() {
    let case = Case::new("case-added");
    let text = deployment("", "", "env: [{name: A, value: '1'}]") + &config_map("a: b");
    case.settle(&text);
    let env = json!([{"name": "DEBUG", "value": "1"}]);
    case.patch(
        "deployment",
        "web",
        &json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
        "spec": {"containers": [{"name": "c", "env": env}]}}}}),
    );
    case.patch(
        "configmap",
        "c",
        &json!({"data": {"more": "x"}, "metadata": {"finalizers": ["case.example.com/held"]}}),
    );
    let planned = case.plan(&text);
    planned.expect_code(0).expect("also set by kubectl-patch: spec.template.spec.containers[c].env[DEBUG]");
    planned.expect("also set by kubectl-patch: data.more").expect_not("restartedAt").expect_not("finalizers");
    let pruning = case.run(&["plan", "--prune-fields", "--detailed-exitcode"], &text);
    pruning.expect_code(2).expect(r#"- data.more: "x""#).expect("- spec.template.spec.containers[c].env[DEBUG].value");
    case.run(&["apply", "--yes", "--prune-fields"], &text).expect_code(0);
    case.expect_nothing(&text);
    case.run(&["plan", "--prune-fields", "--detailed-exitcode"], &text).expect_code(0);
    assert_eq!(case.live("configmap", "c")["data"], json!({"a": "b"}));
    assert_eq!(case.live("configmap", "c")["metadata"]["finalizers"], json!(["case.example.com/held"]));
    let template = &case.live("deployment", "web")["spec"]["template"];
    assert_eq!(template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"], "now");
    assert_eq!(names(&template["spec"]["containers"][0]["env"]), ["A"]);
    case.patch("configmap", "c", &json!({"metadata": {"finalizers": null}}));
}

#[test]
fn what_the_server_keeps_is_not_called_done() {
    let case = Case::new("case-kept");
    let text = |service: &str, account: &str| {
        let service = format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{{service} ports: [{{port: 80}}]}}}}\n"
        );
        deployment("", account, "") + &service
    };
    case.settle(&text("clusterIP: None,", "serviceAccountName: default,"));
    let after = text("", "");
    let planned = case.plan(&after);
    planned.expect_code(2).expect("spec.clusterIP stays as it is: the server keeps its value");
    planned.expect("spec.template.spec.serviceAccountName stays as it is");
    case.settle(&after);
}

#[test]
fn a_stack_that_was_renamed_takes_its_objects_along() {
    let mut case = Case::new("case-renamed");
    let text = config_map("key: a, legacy: b") + &deployment("", "", "args: [one], env: [{name: A, value: '1'}]");
    case.settle(&text);
    case.stack = "case-renamed-new".to_owned();
    let label = json!({"metadata": {"labels": {"applyset.kubernetes.io/part-of": null}}});
    case.session.cluster.patch("namespace", "", "case-renamed", &label);
    case.patch("configmap", "c", &label);
    case.patch("deployment", "web", &label);
    case.settle(&text);
    let after = config_map("key: other") + &deployment("", "", "args: [two], env: [{name: B, value: '1'}]");
    case.settle(&after);
    assert_eq!(case.live("configmap", "c")["data"], json!({"key": "other"}));
    let container = &case.live("deployment", "web")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!((names(&container["env"]), &container["args"]), (vec!["B"], &json!(["two"])));
}

#[test]
fn a_stack_whose_namespace_changed_is_told_where_it_was() {
    let case = Case::new("case-moved");
    let text = config_map("key: a");
    case.settle(&text);
    let file = case.session.home().join("objects.yaml");
    let elsewhere = |arguments: &[&str]| {
        let program = case.session.workspace("cases", arguments).args(["--stack", "case-moved"]);
        case.session.run(&program.config("ns", "case-moved-to").config("files", &file.to_string_lossy()))
    };
    let planned = elsewhere(&["plan"]);
    planned
        .expect_code(0)
        .expect("the stack has an inventory in namespace case-moved")
        .expect("destroy it in case-moved first");
    elsewhere(&["plan", "--output", "json"]).expect_code(0).expect("inventory_elsewhere");
    elsewhere(&["apply", "--yes"]).expect_code(0);
    // Once it is there as well, both are stacks of their own.
    elsewhere(&["plan", "--detailed-exitcode"]).expect_code(0).expect_not("has an inventory in namespace");
    case.expect_nothing(&text);
    // Another name in the same namespace meets the objects, and is told whose they are and what to do.
    let mut renamed = case;
    renamed.stack = "case-moved-new".to_owned();
    let blocked = renamed.plan(&text);
    blocked
        .expect_code(1)
        .expect("managed by")
        .expect("keep the name cases, --stack case-moved and the namespace case-moved");
}

#[test]
fn every_character_arrives_as_it_was_declared() {
    let case = Case::new("case-characters");
    let all: Vec<char> = ('\0'..=char::MAX).filter(|c| *c < '\u{20000}' || u32::from(*c) % 0x800 >= 0x7fe).collect();
    let mut documents = Vec::new();
    for (number, part) in all.chunks(40_000).enumerate() {
        // Each between blanks, and each between letters.
        let blanks: String = part.iter().flat_map(|c| [' ', *c, ' ', 'a']).collect();
        let letters: String = part.iter().flat_map(|c| [*c, 'b']).collect();
        let name = format!("part-{number}");
        documents.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"blanks": blanks, "letters": letters}}));
    }
    let text: Vec<String> = documents.iter().map(Value::to_string).collect();
    case.settle(&text.join("\n"));
    for document in &documents {
        let live = case.live("configmap", document["metadata"]["name"].as_str().unwrap_or_default());
        assert!(live["data"] == document["data"], "{} differs", document["metadata"]["name"]);
    }
}

/// A definition of the kind `Gauge`, whose versions each have these fields of text.
fn definition(group: &str, versions: &[(&str, &[&str])]) -> String {
    let version = |(position, (name, fields)): (usize, &(&str, &[&str]))| {
        let fields: Vec<String> = fields.iter().map(|field| format!("{field}: {{type: string}}")).collect();
        format!(
            "{{name: {name}, served: true, storage: {}, schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{type: object, \
             properties: {{{}}}}}}}}}}}}}",
            position == 0,
            fields.join(", ")
        )
    };
    let versions: Vec<String> = versions.iter().enumerate().map(version).collect();
    format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: gauges.{group}}}, spec: {{group: {group}, \
         scope: Namespaced, names: {{kind: Gauge, plural: gauges}}, versions: [{}]}}}}\n",
        versions.join(", ")
    )
}

fn gauge(group_version: &str, spec: &str) -> String {
    format!("---\n{{apiVersion: {group_version}, kind: Gauge, metadata: {{name: g}}, spec: {{{spec}}}}}\n")
}

#[test]
fn a_text_may_have_a_kind_that_the_cluster_defines() {
    let case = Case::new("case-discovered");
    let text = gauge("discovered.example.com/v1", "a: '1'");
    let unknown = case.plan(&text);
    unknown.expect_code(1).expect("the cluster does not serve Gauge.discovered.example.com");
    case.session.cluster.create(&object_of(&definition("discovered.example.com", &[("v1", &["a"])])));
    holm_e2e::eventually("the kind is served", || {
        case.run(&["plan"], &text).code.filter(|code| *code == 0).map(|_| ())
    });
    case.settle(&text);
    assert_eq!(case.live("gauges.discovered.example.com", "g")["spec"], json!({"a": "1"}));
}

#[test]
fn a_definition_gains_a_field_and_a_version_together_with_its_resource() {
    let case = Case::new("case-gains");
    let group = "gains.example.com";
    let text = |versions: &[(&str, &[&str])], version: &str, spec: &str| {
        definition(group, versions) + &gauge(&format!("{group}/{version}"), spec)
    };
    case.settle(&text(&[("v1", &["a"])], "v1", "a: '1'"));
    let field = text(&[("v1", &["a", "b"])], "v1", "a: '1', b: '2'");
    let planned = case.plan(&field);
    planned.expect_code(2).expect("the definition of its kind changes in this plan").expect(r#"+ spec.b: "2""#);
    case.settle(&field);
    let version = text(&[("v1", &["a", "b"]), ("v2", &["a", "b"])], "v2", "a: '3', b: '2'");
    let planned = case.plan(&version);
    planned.expect_code(2).expect(r#"~ spec.a: "1" -> "3""#).expect_not("to create");
    case.settle(&version);
    assert_eq!(case.live("gauges.gains.example.com", "g")["spec"], json!({"a": "3", "b": "2"}));
}
