//! A stack's configuration, as a user gives it: a file for all stacks, the environment, the command line, and the verb `config`.

use std::fs;

use holm_e2e::{ControlPlane, Finished, Program, Session};
use serde_json::json;

const PASSWORD: &str = "correct-horse-battery";

const FILE: &str = r#"# What the shop varies by.
[config]
database.host = "postgres.dev"

[stack.dev]

[stack.prod]
namespace = "NAMESPACE"

[stack.prod.config]
replicas = 3 # enough
database.host = "postgres.prod"
"#;

struct Configured {
    session: Session,
}

impl Configured {
    fn begin(name: &str) -> Self {
        let session = Session::new(ControlPlane::shared("configuration"), name);
        let text = FILE.replace("NAMESPACE", &session.namespace);
        fs::write(session.home().join("holm.toml"), text).expect("the home is ours");
        Self { session }
    }

    fn run(&self, line: &str) -> Finished {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let program = Program::workspace("configured", self.session.home())
            .args(arguments)
            .env("KUBECONFIG", &self.session.user.kubeconfig)
            .env("HOLM_CONFIG_DATABASE_PASSWORD", PASSWORD);
        self.session.run(&program)
    }

    fn file(&self) -> String {
        fs::read_to_string(self.session.home().join("holm.toml")).expect("it is there")
    }
}

#[test]
fn a_stack_has_the_values_and_the_namespace_of_its_file() {
    let test = Configured::begin("file");
    test.session.cluster.create(&json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": test.session.namespace},
    }));
    test.run("apply --yes --stack prod --config size=large").expect_code(0);
    let map = test.session.cluster.must_get("configmap", &test.session.namespace, "settings");
    assert_eq!(map["data"], json!({"database": "postgres.prod:5432", "replicas": "3", "size": "large"}));
    assert_eq!(test.session.secret(&test.session.namespace, "database", "password"), PASSWORD);
    test.run("plan --stack prod --config size=large --detailed-exitcode").expect_code(0);
    test.session.assert_never_shown(PASSWORD);
}

#[test]
fn everything_that_is_wrong_is_told_before_a_cluster_is_looked_for() {
    let test = Configured::begin("wrong");
    let path = test.session.home().join("holm.toml");
    let text = test.file().replace("replicas = 3", "replicsa = 3\nsize = \"lage\"\ndatabase.port = 70000");
    fs::write(&path, text).expect("the home is ours");
    let finished = test.run("plan --stack prod --kubeconfig /nowhere");
    finished.expect_code(1);
    insta::assert_snapshot!(finished.transcript(), @r#"
    $ configured plan --stack prod --kubeconfig /nowhere
    --- standard error
    error: the configuration value "database.port" must be at most 65535
      at holm.toml:13

    error: the program has no configuration value "replicsa"
      at holm.toml:11
      hint: did you mean "replicas"?

    error: the configuration value "size" must be one of "small", "large"
      at holm.toml:12
      hint: did you mean "large"?

    error: the configuration has 3 problems
    --- exit code 1
    "#);
    let finished = test.run("plan --stack prdo --kubeconfig /nowhere");
    finished.expect_code(1).expect("did you mean \"prod\"?");
    let errors = test.run("plan --stack prod -o json");
    assert_eq!(errors.json()["kind"], "configuration");
    assert_eq!(errors.json()["problems"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_verb_shows_reads_and_changes_it() {
    let test = Configured::begin("verb");
    insta::assert_snapshot!(test.run("config show --stack prod").transcript(), @"
    $ configured config show --stack prod
    --- standard output
    database.host      postgres.prod  holm.toml:12
      The name of its Service.
    database.password  (sensitive)    the environment variable HOLM_CONFIG_DATABASE_PASSWORD
      What the shop logs in with.
    database.port      5432           default
      The port that it listens on.
    labels             {}             default
      Labels of the shop's own.
    replicas           3              holm.toml:11
      How many pods serve.
    size               (not set)      default
      How large the machines are.
    --- exit code 0
    ");
    test.run("config get database.host --stack dev").expect_code(0).expect_data("postgres.dev");
    test.run("config get database.password").expect_code(1).expect("is secret");
    test.run("config set replicas 5 --stack prod").expect_code(0).expect("is set for the stack prod");
    assert!(test.file().contains("replicas = 5 # enough"), "{}", test.file());
    test.run("config set labels.team shop").expect_code(0);
    test.run("config get labels.team --stack prod").expect_data("shop");
    test.run("config rm replicas --stack prod").expect_code(0);
    test.run("config get replicas --stack prod").expect_data("1");
    let before = test.file();
    test.run("config set replicas many --stack prod").expect_code(1).expect("must be an integer, and is a text");
    test.run("config set replicsa 2").expect_code(1).expect("did you mean \"replicas\"?");
    assert_eq!(test.file(), before);
    let schema = test.run("config schema").json();
    let settings = &schema["$defs"]["Configuration"]["properties"];
    assert_eq!(settings["replicas"]["description"], "How many pods serve.");
    assert_eq!(schema["$defs"]["Database"]["properties"]["password"]["writeOnly"], true);
    test.session.assert_never_shown(PASSWORD);
}

// A key of age, made for this test and used nowhere else.
const PUBLIC_KEY: &str = "age148jtvhkld70tdqw3lr4t453ncuu0zes7vucz5n6zru0gsjfxfp9q7w6szl";
const PRIVATE_KEY: &str = "AGE-SECRET-KEY-16M4Q6459A3V69MF4D2LD8PY8LATA3NKPPH30XUT5WFYYK862PSVQ6DD8QW";

#[test]
fn an_encrypted_value_reaches_the_cluster_and_nothing_else() {
    let test = Configured::begin("encrypted");
    let path = test.session.home().join("holm.toml");
    let program = |line: &str| {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        Program::workspace("configured", test.session.home())
            .args(arguments)
            .env("KUBECONFIG", &test.session.user.kubeconfig)
    };
    let set = program("config set database.password").args([PASSWORD, "--stack", "prod", "--secret"]);
    set.run().expect_code(1).expect("nobody is named who could decrypt it").expect("[encryption] recipients");
    fs::write(&path, format!("[encryption]\nrecipients = [\"{PUBLIC_KEY}\"]\n\n{}", test.file())).expect("it is ours");
    // Nobody needs to say that it is secret: its type does.
    program("config set database.password")
        .args([PASSWORD, "--stack", "prod"])
        .run()
        .expect_code(0)
        .expect_not("plain text");
    assert!(!test.file().contains(PASSWORD), "{}", test.file());

    let run = |program: Program| test.session.run(&program);
    run(program("config show --stack prod")).expect_code(0).expect_line(&[
        "database.password",
        "(sensitive)",
        "holm.toml",
    ]);
    let without = run(program("render --stack prod"));
    without.expect_code(1).expect("there is no private key to decrypt it with").expect("--identity");
    let other = format!("{}{}", &PRIVATE_KEY[..20], PRIVATE_KEY[20..].chars().rev().collect::<String>());
    run(program("render --stack prod").env("HOLM_IDENTITY", other))
        .expect_code(1)
        .expect("no private key of age or ssh");

    test.session.cluster.create(&json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": test.session.namespace},
    }));
    run(program("apply --yes --stack prod").env("HOLM_IDENTITY", PRIVATE_KEY)).expect_code(0);
    assert_eq!(test.session.secret(&test.session.namespace, "database", "password"), PASSWORD);

    let before = test.file();
    run(program("config rekey")).expect_code(1);
    assert_eq!(test.file(), before);
    fs::create_dir_all(test.session.home().join(".config/holm")).expect("it is ours");
    fs::write(test.session.home().join(".config/holm/identity.txt"), PRIVATE_KEY).expect("it is ours");
    run(program("config rekey")).expect_code(0).expect("1 value is encrypted for 1 key");
    assert_ne!(test.file(), before);
    run(program("plan --stack prod --detailed-exitcode")).expect_code(0);
    test.session.assert_never_shown(PASSWORD);
    fs::remove_dir_all(test.session.home().join(".config/holm")).expect("it is ours");
    test.session.assert_never_shown(PRIVATE_KEY);
}
