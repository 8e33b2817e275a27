//! A secret is in the cluster and nowhere else: not in what any verb prints, not in files, not in errors, however talkative
//! the program is told to be.

use holm_e2e::{Canary, ControlPlane, Session};
use serde_json::json;

const TOKEN: &str = "canary:Token/with?every=kind&of+char@cter";

#[test]
fn no_verb_ever_shows_a_secret() {
    let session = Session::new(ControlPlane::shared("secrets"), "canary");
    let cluster = &session.cluster;
    let variant = |arguments: &[&str]| {
        session.workspace("variant-pg", arguments).args(["--verbose"]).env("HOLM_CONFIG_TOKEN", TOKEN)
    };
    let run = |arguments: &[&str]| session.run(&variant(arguments));
    let json = ["--output", "json"];
    let with_json = |arguments: &[&'static str]| session.run(&variant(arguments).args(json));

    run(&["plan"]).expect_code(0);
    run(&["plan", "--details"]).expect_code(0);
    run(&["apply", "--yes"]).expect_code(0);
    let password = session.secret("canary", "postgres-secret", "password");
    assert_eq!(session.secret("canary", "postgres-secret", "token"), TOKEN);
    for verb in ["plan", "status", "graph", "render", "outputs"] {
        run(&[verb]).expect_code(0);
        with_json(&[verb]);
    }
    run(&["plan", "--details", "--thorough"]).expect_code(0);
    run(&["outputs", "url"]);

    // Somebody changes the values: the plan says that they differ, and not how.
    let patch = json!({"stringData": {"token": "another-canary-value", "database-url": "yet-another-canary"}});
    cluster.patch("secret", "canary", "postgres-secret", &patch);
    run(&["plan"]).expect_code(0).expect("sensitive value changed");
    with_json(&["plan"]).expect_code(0);
    with_json(&["apply", "--yes"]).expect_code(0);

    // The server's words about a value: it is an annotation that is too long, and a name that is none.
    session.run(&variant(&["apply", "--yes"]).config("image", "bad image name")).expect_not(TOKEN);
    // A container that fails says the password in its log and its message.
    let annotation = json!({"metadata": {"annotations": {"holm.dev/log": format!("login {password} failed")}}});
    cluster.patch("deployment", "canary", "postgres", &json!({"spec": {"template": annotation}}));
    let crashing =
        variant(&["apply", "--yes", "--timeout", "40s"]).config("image", "registry.test/postgres:crash-loop");
    session.run(&crashing).expect_code(1).expect("login");
    session.run(&variant(&["status"])).expect_code(0).expect("login");
    session.run(&variant(&["status"]).args(json)).expect_code(0);
    run(&["destroy", "--yes"]).expect_code(0);

    for secret in [password.as_str(), TOKEN, "another-canary-value", "yet-another-canary"] {
        session.assert_never_shown(secret);
    }
}

#[test]
fn the_search_for_secrets_finds_them() {
    let canary = Canary::new(TOKEN);
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    assert_eq!(canary.find_in("nothing of it"), None);
    assert_eq!(canary.find_in(&format!("token={TOKEN};")), Some("as it is"));
    for text in ["", "x", "xy", "xyz", "postgres://holm:"] {
        let text = format!("{text}{TOKEN}@host");
        assert!(canary.find_in(&base64(&text)).is_some(), "{text}");
    }
    assert_eq!(canary.find_in("canary%3AToken%2Fwith%3Fevery%3Dkind%26of%2Bchar%40cter"), Some("percent-encoded"));
}
