//! A canary in every position, in every spelling that a server and a container's log use, and in every output.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holm_e2e::{ControlPlane, Finished, Session, ascii_json, eventually, go_json, is_embedded};
use serde_json::json;

const TOKEN: &str = "canary:Token/with?every=kind&of+char@cter";
const ODD: &str = "ODD<b>&\"q7' \\x/+ü-€ 100%25";
const BARE: &str = "bare<canary>&of-no-Secret";
/// Too short to be looked for in running text, and no word.
const PIN: &str = "Q9z";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\nNMoSfm76oqFvAp8Gy0iz5sxjZmSnXyCdPEovGhLa0VzMaQ8s+CLOyS56YyCFGeJZ\n-----END PRIVATE KEY-----\n";

struct Canaries {
    session: Session,
}

impl Canaries {
    fn begin(name: &str) -> Self {
        Self { session: Session::new(ControlPlane::shared("canary"), name) }
    }

    /// Runs the workspace once as text and once as JSON.
    fn run(&self, arguments: &[&str], config: &[(&str, &str)]) -> [Finished; 2] {
        let one = |json: bool| {
            let mut program = self.session.workspace("canary", arguments).args(["--verbose"]);
            for (key, value) in [("TOKEN", TOKEN), ("ODD", ODD), ("BARE", BARE), ("PIN", PIN), ("PEM", PEM)] {
                program = program.env(&format!("HOLM_CONFIG_{key}"), value);
            }
            for (key, value) in config {
                program = program.config(key, value);
            }
            self.session.run(&if json { program.args(["--output", "json"]) } else { program })
        };
        [one(false), one(true)]
    }

    fn password(&self) -> String {
        self.session.secret(&self.session.namespace, "credentials", "password")
    }

    /// Fails where a canary is in anything that was written.
    #[track_caller]
    fn assert_never_shown(&self, others: &[&str]) {
        for secret in [TOKEN, ODD, BARE, PEM].iter().chain(others) {
            self.session.assert_never_shown(secret);
        }
        self.session.assert_never_written(PIN);
    }

    /// Makes the server's container crash with this log, and returns what the status says once it shows `marker` of it.
    fn crash_with(&self, lines: &[String], marker: &str) -> String {
        let annotations = json!({"holm.dev/log": lines.join("\n")});
        let patch = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        self.session.cluster.patch("deployment", &self.session.namespace, "server", &patch);
        let image = [("image", "registry.test/canary:crash-loop")];
        for finished in self.run(&["apply", "--yes", "--timeout", "40s", "--target", "Deployment/server"], &image) {
            finished.expect_code(1);
        }
        let [text, _] = eventually("the log of the new pod is shown", || {
            let runs = self.run(&["status"], &[]);
            runs.iter().all(|finished| finished.says(marker)).then_some(runs)
        });
        text.stdout
    }
}

#[test]
fn every_verb_masks_a_secret_wherever_it_stands() {
    let canaries = Canaries::begin("canary-verbs");
    for verb in [&["plan"][..], &["plan", "--details"], &["render"], &["graph"]] {
        let [text, _] = canaries.run(verb, &[]);
        text.expect_code(0);
    }
    let [planned, json] = canaries.run(&["plan"], &[]);
    planned.expect("warning: ConfigMap/settings: a sensitive value is stored in plain text").expect("field data.odd");
    planned.expect_not("field data.url");
    let warnings = json.json()["warnings"].clone();
    // Other tests run the same stack in their namespaces at the same time.
    let is_told = |it: &&serde_json::Value| it["code"] != "inventory_elsewhere";
    let mut warnings = warnings.as_array().expect("a list").iter().filter(is_told).peekable();
    assert!(warnings.peek().is_some());
    assert!(warnings.all(|it| it["code"] == "secret_in_plain_text"));
    let [applied, _] = canaries.run(&["apply", "--yes"], &[]);
    applied.expect_code(0);
    let password = canaries.password();
    let url_encoded = canaries.session.secret("canary-verbs", "credentials", "url");
    assert_eq!(canaries.session.secret("canary-verbs", "credentials", "pin"), PIN);
    for verb in
        [&["plan", "--details", "--thorough"][..], &["status"], &["outputs"], &["outputs", "token"], &["render"]]
    {
        canaries.run(verb, &[]);
    }
    // Drift of every kind of value, and a field that another manager took.
    let settings = json!({"data": {"odd": "another<canary>&value", "pin": "Q9z "}});
    canaries.session.cluster.patch("configmap", "canary-verbs", "settings", &settings);
    let secret =
        json!({"stringData": {"odd": "yet&another<canary>", "pin": "Q9z", "key.pem": PEM.replace("BEGIN", "NOT")}});
    canaries.session.cluster.patch("secret", "canary-verbs", "credentials", &secret);
    let env = json!([{"name": "PIN", "value": "Q9z-other"}, {"name": "BARE", "value": "others"}]);
    canaries.session.cluster.apply_as(
        "controller",
        &json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "server", "namespace": "canary-verbs"},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "env": env}]}}},
        }),
    );
    let [conflicting, _] = canaries.run(&["plan"], &[]);
    conflicting.expect("owned by \"controller\"");
    canaries.run(&["apply", "--yes"], &[]);
    canaries.run(&["plan", "--details", "--thorough"], &[]);
    canaries.run(&["destroy", "--yes"], &[]);
    canaries.assert_never_shown(&[&password, &url_encoded, "another<canary>&value", "yet&another<canary>"]);
}

#[test]
fn the_servers_words_about_a_secret_are_masked() {
    let canaries = Canaries::begin("canary-words");
    let [applied, _] = canaries.run(&["apply", "--yes"], &[]);
    applied.expect_code(0);
    let password = canaries.password();
    // The server quotes the whole template of a Job that cannot be changed, which people need not see, and the document has.
    for arguments in [&["plan"][..], &["plan", "--details"]] {
        let [text, json] = canaries.run(arguments, &[("image", "canary:2")]);
        text.expect_code(0).expect("Job/job").expect("immutable");
        if !is_embedded() {
            json.expect("(sensitive)");
        }
    }
    // It quotes a value that it does not take.
    for mistake in ["affinity", "label", "policy"] {
        for verb in [&["plan"][..], &["apply", "--yes"]] {
            let [text, json] = canaries.run(verb, &[("mistake", mistake)]);
            text.expect_code(1).expect("(sensitive)");
            json.expect_code(1);
        }
    }
    // Admission quotes what it was asked about. The embedded cluster evaluates no policies.
    if !is_embedded() {
        let rule =
            json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]});
        canaries.session.cluster.create_if_absent(json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "quotes-canaries"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{
                    "expression": "object.metadata.name != 'mistake'",
                    "messageExpression": "'it was ' + oldObject.data.odd + ' and is ' + object.data.odd + ' so no'",
                }],
            },
        }));
        let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": "canary-words"}});
        canaries.session.cluster.create_if_absent(json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "quotes-canaries"},
            "spec": {"policyName": "quotes-canaries", "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": selector}},
        }));
        eventually("the policy denies", || {
            let patch = json!({"metadata": {"annotations": {"touched": "yes"}}});
            canaries.session.cluster.is_refused("configmap", "canary-words", "mistake", &patch).then_some(())
        });
        let mut plan = canaries.run(&["plan", "--thorough"], &[]);
        plan[0].expect("it was (sensitive) and is (sensitive) so no");
        plan = canaries.run(&["apply", "--yes", "--thorough"], &[]);
        plan[0].expect_code(1);
    }
    canaries.assert_never_shown(&[&password]);
}

#[test]
fn a_log_that_spells_a_secret_is_masked() {
    let canaries = Canaries::begin("canary-logs");
    let [applied, _] = canaries.run(&["apply", "--yes"], &[]);
    applied.expect_code(0);
    let password = canaries.password();
    let basic = STANDARD.encode(format!("user:{ODD}"));
    let spelled = [
        format!("{{\"level\":\"error\",\"msg\":\"no {}\"}}", go_json(ODD)),
        format!("{{\"body\":\"{}\"}}", go_json(&format!("{{\"password\":\"{}\"}}", go_json(&password)))),
        format!("{{\"msg\": \"no {}\"}}", ascii_json(ODD)),
        format!("Authorization: Basic {basic}"),
        format!("url https://h/?t={}&x=1", percent(TOKEN)),
        format!("password: '{}'", ODD.replace('\'', "''")),
        format!("curl -u 'u:{}'", ODD.replace('\'', "'\\''")),
        format!("panic: {password:?} PIN={PIN}"),
        format!("{{\"name\":\"PIN\",\"value\":\"{PIN}\"}}"),
        format!("bare {} ended-1", go_json(BARE)),
    ];
    let shown = canaries.crash_with(&spelled, "ended-1");
    for kept in ["Authorization: Basic", "https://h/?t=(sensitive)", "PIN=(sensitive)", "ended-1"] {
        assert!(shown.contains(kept), "{shown}");
    }
    let mut key: Vec<String> = PEM.lines().map(|line| format!("2026-01-01 key | {line}")).collect();
    key.extend(lines_of(&STANDARD.encode(PEM), 76));
    key.push("ended-2".to_owned());
    canaries.crash_with(&key, "ended-2");
    // Of a longer log, the server sends 64 KiB, which end in the middle of a secret.
    let mut long = vec![format!("begin-3 {}", "x".repeat(65_500 - "begin-3 ".len()))];
    let before = 65_536 - 10 - (long[0].len() + 1);
    long.push(format!("{}{TOKEN} and more", "y".repeat(before)));
    let shown = canaries.crash_with(&long, "begin-3");
    assert!(!shown.contains("canary:Tok") && !shown.contains("yyy"), "{shown}");
    canaries.assert_never_shown(&[&password]);
}

#[test]
fn a_secret_that_is_rotated_is_masked_before_and_after() {
    let canaries = Canaries::begin("canary-rotated");
    let [applied, _] = canaries.run(&["apply", "--yes"], &[]);
    applied.expect_code(0);
    let rotated = "rotated<canary>&of-no-Secret";
    for verb in [&["plan", "--details"][..], &["apply", "--yes"], &["plan", "--thorough"]] {
        let [text, _] = canaries.run(verb, &[("bare", rotated)]);
        text.expect_code(0);
    }
    canaries.assert_never_shown(&[rotated]);
}

#[test]
fn a_secret_that_leaves_moves_or_becomes_public_stays_masked() {
    let canaries = Canaries::begin("canary-leaving");
    for (before, after) in [(None, "renamed"), (Some("renamed"), "plain"), (None, "plain"), (None, "gone")] {
        let before: Vec<(&str, &str)> = before.map(|phase| ("phase", phase)).into_iter().collect();
        let [applied, _] = canaries.run(&["apply", "--yes"], &before);
        applied.expect_code(0);
        for verb in [&["plan", "--details"][..], &["apply", "--yes"]] {
            let [text, _] = canaries.run(verb, &[("phase", after)]);
            text.expect_code(0);
        }
    }
    canaries.assert_never_shown(&[]);
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn lines_of(text: &str, columns: usize) -> Vec<String> {
    text.as_bytes().chunks(columns).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}
