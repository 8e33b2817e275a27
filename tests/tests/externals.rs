//! References to what lies outside of the stack: that it exists, has what is used of it, and that its values arrive as what the field
//! takes.

use holm_e2e::{ControlPlane, Finished, Session};
use serde_json::json;

struct Client {
    session: Session,
}

impl Client {
    /// A namespace with a database that others made.
    fn new(name: &str) -> Self {
        let session = Session::new(ControlPlane::shared("externals"), name);
        let metadata = |object: &str| json!({"name": object, "namespace": name});
        let objects = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("postgres-secret"),
                "stringData": {"password": "outside-secret-value", "user": "holm"}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata("postgres"), "spec": {"ports": [{"port": 5432}]}}),
        ];
        objects.iter().for_each(|object| session.cluster.create(object));
        Self { session }
    }

    fn run(&self, arguments: &[&str], config: &[(&str, &str)]) -> Finished {
        let program = self.session.workspace("externals", arguments);
        let program = config.iter().fold(program, |program, (key, value)| program.config(key, value));
        self.session.run(&program)
    }

    fn live(&self, kind: &str) -> serde_json::Value {
        self.session.cluster.must_get(kind, &self.session.namespace, "client")
    }
}

#[test]
fn values_of_what_is_outside_arrive_as_the_field_takes_them() {
    let client = Client::new("externals-values");
    client.run(&["apply", "--yes"], &[]).expect_code(0);
    let host = "postgres.externals-values.svc.cluster.local";
    assert_eq!(
        client.live("configmap")["data"],
        json!({"url": format!("postgres://{host}:5432/"), "port": "5432", "name": "postgres"})
    );
    let container = &client.live("deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["env"][1], json!({"name": "HOST", "value": host}));
    assert_eq!(container["env"][2], json!({"name": "PORT", "value": "5432"}));
    let policy = client.live("networkpolicy");
    assert_eq!(policy["spec"]["egress"][0]["ports"][0]["port"], 5432);
    assert_eq!(policy["metadata"]["annotations"]["port"], "5432");
    for arguments in [&["plan", "--detailed-exitcode"][..], &["plan", "--detailed-exitcode", "--thorough"]] {
        client.run(arguments, &[]).expect_code(0).expect("No changes");
    }
    // Another port outside is a change here.
    let port = json!({"spec": {"ports": [{"port": 5432, "$patch": "delete"}, {"port": 5433}]}});
    client.session.cluster.patch("service", "externals-values", "postgres", &port);
    client.run(&["plan"], &[]).expect(r#"data.port: "5432" -> "5433""#);
    client.session.assert_never_shown("outside-secret-value");
}

#[test]
fn what_is_misspelt_blocks_the_plan_with_its_name() {
    let client = Client::new("externals-misspelt");
    let blocked = client.run(&["plan"], &[("key", "pasword")]);
    blocked.expect_code(1).expect(r#"needs key "pasword" of Secret/externals-misspelt/postgres-secret"#);
    blocked.expect(r#"did you mean "password"?"#).expect("blocked by 1 error");
    let blocked = client.run(&["apply", "--yes"], &[("service", "postgress"), ("secret", "postgres")]);
    blocked.expect_code(1).expect("Service/externals-misspelt/postgress does not exist; needed by");
    blocked.expect("names Secret/externals-misspelt/postgres at").expect("blocked by 2 errors");
    assert_eq!(client.session.cluster.get("deployment", "externals-misspelt", "client"), None);
    client.session.assert_never_shown("outside-secret-value");
}

#[test]
fn a_service_that_is_found_by_its_name_alone_must_exist_too() {
    let client = Client::new("externals-gone");
    client.run(&["apply", "--yes"], &[]).expect_code(0);
    client.session.cluster.delete("service", "externals-gone", "postgres");
    let blocked = client.run(&["plan"], &[]);
    blocked.expect_code(1).expect("Service/externals-gone/postgres does not exist; needed by");
    blocked.expect("ConfigMap/externals-gone/client").expect("Deployment/externals-gone/client");
}

#[test]
fn one_missing_namespace_is_one_error() {
    let session = Session::new(ControlPlane::shared("externals"), "externals-nowhere");
    let blocked = session.run(&session.workspace("externals", &["plan"]));
    blocked
        .expect_code(1)
        .expect("Namespace/externals-nowhere does not exist; needed by ConfigMap/externals-nowhere/client");
    // The Secret and the Service that lie outside cannot be in it either.
    blocked.expect("blocked by 1 error").expect_not("404").expect_not("postgres-secret");
}

#[test]
fn the_namespace_of_the_inventory_must_exist_too() {
    let session = Session::new(ControlPlane::shared("externals"), "externals-home");
    let file = session.home().join("objects.yaml");
    let role =
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: externals-home}, rules: []}";
    std::fs::write(&file, role).expect("the home can be written");
    let program = session.workspace("manifests", &["plan"]).config("new", "no").config("file", &file.to_string_lossy());
    let blocked = session.run(&program);
    blocked
        .expect_code(1)
        .expect("Namespace/externals-home: does not exist, and the inventory of the stack would be kept in it");
    blocked.expect(r#"declare it with stack.namespace("externals-home"), or create it first"#);
}

#[test]
fn configuration_that_nobody_asks_for_is_warned_of() {
    let client = Client::new("externals-config");
    let planned = client.run(&["plan"], &[("servce", "postgres"), ("key", "user"), ("key", "password")]);
    planned.expect_code(0).expect("--config servce: the program does not use this value");
    planned.expect(r#"did you mean "service"?"#).expect("--config key: given 2 times");
}
