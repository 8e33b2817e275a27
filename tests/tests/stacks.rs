//! Stacks that hand values to each other.

use holm_e2e::{ControlPlane, Finished, Session};

struct Stacks {
    session: Session,
}

impl Stacks {
    fn begin(name: &str) -> Self {
        Self { session: Session::new(ControlPlane::shared("stacks"), name) }
    }

    fn server(&self, line: &str) -> Finished {
        self.run(&format!("{line} --stack server"))
    }

    /// The reader lives in a namespace of its own.
    fn reader(&self, line: &str) -> Finished {
        let namespace = &self.session.namespace;
        self.run(&format!(
            "{line} --stack reader --config role=reader --config from={namespace} --config into={namespace}-reader"
        ))
    }

    fn run(&self, line: &str) -> Finished {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        self.session.run(&self.session.workspace("stacks", &arguments))
    }

    fn password(&self) -> String {
        self.session.secret(&self.session.namespace, "holm.stacks.server.outputs", "password")
    }
}

#[test]
fn a_stack_reads_what_another_one_publishes_secrets_included() {
    let test = Stacks::begin("published");
    test.server("apply --yes").expect_code(0);
    test.server("plan --detailed-exitcode").expect_code(0);
    test.reader("apply --yes").expect_code(0);
    test.reader("plan --detailed-exitcode").expect_code(0);
    let reader = format!("{}-reader", test.session.namespace);
    let map = test.session.cluster.must_get("configmap", &reader, "client");
    assert_eq!(map["data"]["host"], format!("server.{}.svc.cluster.local", test.session.namespace));
    let service = test.session.cluster.must_get("service", &test.session.namespace, "server");
    assert_eq!(map["data"]["address"], service["spec"]["clusterIP"]);
    let password = test.password();
    assert_eq!(test.session.secret(&reader, "client", "password"), password);
    // A new value reaches the reader with its next apply.
    test.server("apply --yes --regenerate password").expect_code(0);
    test.reader("plan").expect_line(&["~", "Secret/client"]);
    test.reader("apply --yes").expect_code(0);
    assert_ne!(test.password(), password);
    assert_eq!(test.session.secret(&reader, "client", "password"), test.password());
    for secret in [password, test.password()] {
        test.session.assert_never_shown(&secret);
    }
}

#[test]
fn an_output_that_is_renamed_breaks_the_plan_of_its_reader_and_names_both() {
    let test = Stacks::begin("renamed");
    test.reader("plan").expect_code(1).expect("holm.stacks.server.outputs");
    test.server("apply --yes").expect_code(0);
    test.reader("apply --yes").expect_code(0);
    test.server("apply --yes --config host=hostname").expect_code(0);
    let broken = test.reader("plan");
    broken.expect_code(1).expect("ConfigMap/client").expect("holm.stacks.server.outputs").expect("data.host");
}
