//! A secret in every place where one can stand.
//!
//! | key | what it is |
//! |---|---|
//! | `token`, `odd`, `pem`, `pin` | the secrets: plain, with characters that are escaped, of several lines, and short |
//! | `bare` | a secret that stands in no Secret, only in the environment and in an annotation |
//! | `phase` | `renamed` moves it to other fields, `plain` makes it public, `gone` leaves it out |
//! | `image` | the image of the pods; the one of the Job cannot change in place |
//! | `mistake` | the field in which a secret stands that the server does not take: `affinity`, `label`, `policy` |

use std::process::ExitCode;

use holm::prelude::*;
use serde_json::json;

fn main() -> ExitCode {
    holm::run("canary", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace(&config.require::<String>("namespace")?);
    let secret = |key: &str| config.sensitive(key).map(Input::from);
    let (token, odd, pin) = (secret("token")?, secret("odd")?, secret("pin")?);
    let image = config.get("image").unwrap_or("canary:1");

    let password = stack.generated("password", Password::of("abcXYZ089<>&\"'\\/+%=:@ü", 24));
    let url = |password: Input| Input::template("postgres://u:{p}@h/d?a=1&b=2", [("p", password.url_encode())]);
    let credentials = Secret::opaque("credentials")
        .entry("password", &password)
        .entry("url", url(password.clone()))
        .entry("token", &token)
        .entry("odd", &odd)
        .entry("pin", &pin)
        .entry("key.pem", secret("pem")?);
    let credentials = stack.add(credentials);
    let settings = stack.add(
        ConfigMap::new("settings")
            .entry("url", url(password.clone()).in_plain_text())
            .entry("odd", &odd)
            .entry("pin", &pin),
    );

    let http = Port::tcp("http", 80);
    let mut server = Container::new("c", image)
        .port(&http)
        .readiness(Probe::tcp(&http).period(Duration::from_secs(10)))
        .env("PASSWORD", credentials.key("password"))
        .env("PIN", &pin);
    let mut annotation = None;
    match config.get("phase") {
        None => {
            server = server.env("BARE", secret("bare")?);
            annotation = Some(("example.com/bare", secret("bare")?));
        }
        Some("renamed") => {
            server = server.env("RENAMED", secret("bare")?);
            annotation = Some(("example.com/renamed", secret("bare")?));
        }
        Some("plain") => {
            server = server.env("BARE", "public");
            annotation = Some(("example.com/bare", Input::from("public")));
        }
        Some(_) => {}
    }
    let deployment = Deployment::new("server").container(server);
    match annotation {
        Some((name, value)) => {
            drop(stack.add(deployment.with_input(&format!("metadata.annotations[\"{name}\"]"), value)))
        }
        None => drop(stack.add(deployment)),
    }

    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{
            "name": "c", "image": image, "args": ["--token", ""], "env": [{"name": "ODD"}, {"name": "PIN"}, {"name": "URL"}],
        }]}}},
    });
    let template = "spec.template.spec.containers";
    stack.add(
        Manifest::new(job)
            .with_input(&format!("{template}[c].args[1]"), token.clone())
            .with_input(&format!("{template}[0].env[0].value"), odd.clone())
            .with_input(&format!("{template}[c].env[PIN].value"), pin)
            .with_input(&format!("{template}[c].env[URL].value"), url(password.clone())),
    );

    let (object, path) = match config.get("mistake") {
        Some("affinity") => (json!({"kind": "Service", "spec": {"ports": [{"port": 80}]}}), "spec.sessionAffinity"),
        Some("label") => (json!({"kind": "ConfigMap"}), "metadata.labels.odd"),
        Some("policy") => {
            let containers = json!([{"name": "c", "image": "canary:1"}]);
            (json!({"kind": "Pod", "spec": {"containers": containers}}), "spec.containers[0].imagePullPolicy")
        }
        _ => (json!({"kind": "ConfigMap"}), "data.odd"),
    };
    let mut object = object;
    object["apiVersion"] = json!("v1");
    object["metadata"] = json!({"name": "mistake"});
    stack.add(Manifest::new(object).with_input(path, odd.in_plain_text()));

    stack.export("password", password);
    stack.export("token", token);
    stack.export("odd", settings.field("data.odd"));
    stack.export("pin", Input::template("pin {pin}", [("pin", settings.field("data.pin"))]));
    Ok(())
}
