//! Ways to a cluster: whatever kubectl takes in a kubeconfig and the environment, and connections that are cut.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use holm_e2e::relay::{Relay, Speaks};
use holm_e2e::{ControlPlane, Finished, Session};
use serde_json::{Value, json};

/// A name that no resolver knows.
const NAME: &str = "cluster.invalid";

fn begun(name: &str) -> Session {
    Session::new(ControlPlane::shared("connections"), name)
}

/// A kubeconfig of a session's own, to be changed.
struct Way<'a> {
    session: &'a Session,
    document: Value,
    variables: Vec<(&'static str, String)>,
}

impl<'a> Way<'a> {
    fn new(session: &'a Session) -> Self {
        let text = std::fs::read_to_string(&session.user.kubeconfig).expect("the kubeconfig can be read");
        let document = serde_json::from_str(&text).expect("the harness writes JSON");
        Self { session, document, variables: Vec::new() }
    }

    fn server(&self) -> SocketAddr {
        let url = self.document["clusters"][0]["cluster"]["server"].as_str().unwrap_or_default();
        url.trim_start_matches("https://").parse().expect("the cluster listens on loopback")
    }

    fn token(&self) -> String {
        self.document["users"][0]["user"]["token"].as_str().expect("the user has a token").to_owned()
    }

    fn cluster(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.document["clusters"][0]["cluster"][field] = value.into();
        self
    }

    fn user(mut self, user: Value) -> Self {
        self.document["users"][0]["user"] = user;
        self
    }

    fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// By a name that only a proxy can resolve.
    fn by_name(self) -> Self {
        let port = self.server().port();
        self.cluster("server", format!("https://{NAME}:{port}")).cluster("tls-server-name", "127.0.0.1")
    }

    fn write(&self, name: &str) -> PathBuf {
        let path = self.session.home().join(name);
        std::fs::write(&path, self.document.to_string()).expect("the home can be written to");
        path
    }

    fn plan(&self) -> Finished {
        self.run(&["plan", "--detailed-exitcode"])
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let path = self.write("way.kubeconfig");
        let program = self.session.offline("many", arguments).config("count", "2").env("KUBECONFIG", path);
        let program = self.variables.iter().fold(program, |program, (name, value)| program.env(name, value));
        self.session.run(&program)
    }
}

#[test]
fn a_proxy_of_the_environment_is_used_unless_the_server_is_exempt() {
    let session = begun("proxied");
    let way = || Way::new(&session);
    let server = way().server();
    let proxy = Relay::start(server, Speaks::Http(None));
    let url = format!("http://{}", proxy.address);
    for variable in ["HTTPS_PROXY", "https_proxy"] {
        way().by_name().variable(variable, &url).plan().expect_code(2);
    }
    assert!(proxy.asked().iter().all(|asked| *asked == format!("{NAME}:{}", server.port())), "{:?}", proxy.asked());
    assert!(!proxy.asked().is_empty());
    // Without it the name is not known.
    way().by_name().plan().expect_code(1).expect(NAME).expect("not known");
    let exempt = way().by_name().variable("HTTPS_PROXY", &url).variable("NO_PROXY", "other,.invalid");
    exempt.plan().expect_code(1).expect("not known");
    // A proxy that nobody listens on does not matter to what is exempt: by name, by port, or because it is this machine.
    let dead = "http://127.0.0.1:9";
    way().variable("HTTPS_PROXY", dead).plan().expect_code(2);
    way().variable("HTTPS_PROXY", dead).variable("NO_PROXY", "127.0.0.1").plan().expect_code(2);
    way().by_name().variable("HTTPS_PROXY", dead).plan().expect_code(1).expect("through the proxy http://127.0.0.1:9");
    // A variable for servers without TLS is not for this one.
    way().variable("HTTP_PROXY", dead).plan().expect_code(2);
}

#[test]
fn a_proxy_of_the_kubeconfig_is_used_with_its_login_which_is_never_shown() {
    let session = begun("proxy-url");
    let way = || Way::new(&session).by_name();
    let server = Way::new(&session).server();
    let login = ("robot".to_owned(), "pass word@1".to_owned());
    let basic = "cm9ib3Q6cGFzcyB3b3JkQDE=".to_owned();
    let [plain, guarded, socks, guarded_socks] =
        [Speaks::Http(None), Speaks::Http(Some(basic)), Speaks::Socks(None), Speaks::Socks(Some(login))]
            .map(|speaks| Relay::start(server, speaks));
    let urls = [
        (format!("http://{}", plain.address), &plain),
        (format!("http://robot:pass%20word%401@{}", guarded.address), &guarded),
        (format!("socks5://{}", socks.address), &socks),
        (format!("socks5://robot:pass%20word%401@{}", guarded_socks.address), &guarded_socks),
    ];
    for (url, relay) in urls {
        // The environment has no say beside it.
        way().cluster("proxy-url", url.as_str()).variable("NO_PROXY", "*").plan().expect_code(2);
        assert_eq!(relay.asked().first(), Some(&format!("{NAME}:{}", server.port())), "{url}");
    }
    for scheme in ["http", "socks5"] {
        let relay = if scheme == "http" { &guarded } else { &guarded_socks };
        let url = format!("{scheme}://robot:wrong-password-1@{}", relay.address);
        let refused = way().cluster("proxy-url", url).plan();
        refused.expect_code(1).expect(&format!("through the proxy {scheme}://{}", relay.address));
    }
    way()
        .cluster("proxy-url", "ftp://robot:wrong-password-1@proxy")
        .plan()
        .expect_code(1)
        .expect("http, https or socks5");
    session.assert_never_written("wrong-password-1");
}

#[test]
fn a_token_may_stand_in_a_file_with_a_line_end_beside_the_kubeconfig() {
    let session = begun("token-file");
    let way = Way::new(&session);
    let token = way.token();
    std::fs::write(session.home().join("token"), format!("{token}\n")).expect("the home can be written to");
    for path in ["token", "./token"] {
        Way::new(&session).user(json!({"tokenFile": path})).plan().expect_code(2);
    }
    let both = json!({"tokenFile": "token", "token": "an-old-token-of-the-same-user"});
    Way::new(&session).user(both).plan().expect_code(2);
    Way::new(&session).user(json!({"tokenFile": "nowhere"})).plan().expect_code(1).expect("nowhere");
    std::fs::write(session.home().join("empty"), "\n").expect("the home can be written to");
    Way::new(&session).user(json!({"tokenFile": "empty"})).plan().expect_code(1).expect("is empty");
}

/// A credential plugin that counts its runs and prints what `status` makes of the number of a run.
fn plugin(session: &Session, script: &str) -> Value {
    let path = session.home().join("plugin");
    let text = format!("#!/bin/sh\necho run >> '{}'\n{script}\n", session.home().join("runs").display());
    std::fs::write(&path, text).expect("the home can be written to");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("the file is ours");
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "interactiveMode": "Never"}})
}

fn runs(session: &Session) -> usize {
    let text = std::fs::read_to_string(session.home().join("runs")).unwrap_or_default();
    let _ = std::fs::remove_file(session.home().join("runs"));
    text.lines().count()
}

#[test]
fn a_credential_plugin_runs_once_and_again_when_its_token_expires() {
    let session = begun("exec");
    let token = Way::new(&session).token();
    let print = |status: &str| {
        format!(
            "printf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{status}}}'"
        )
    };
    let lasting = print(&format!("{{\"token\":\"{token}\"}}"));
    Way::new(&session).user(plugin(&session, &lasting)).plan().expect_code(2);
    assert_eq!(runs(&session), 1);
    let hour = format!(
        "expiry=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)\n{}",
        print(&format!("{{\"token\":\"{token}\",\"expirationTimestamp\":\"'\"$expiry\"'\"}}"))
    );
    Way::new(&session).user(plugin(&session, &hour)).plan().expect_code(2);
    assert_eq!(runs(&session), 1);
    // One that is expired when it comes is got for each request, and the run still ends well.
    let past = print(&format!("{{\"token\":\"{token}\",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\"}}"));
    Way::new(&session).user(plugin(&session, &past)).plan().expect_code(2);
    assert!(runs(&session) > 1);
    // One that the server no longer accepts is got anew, whatever its expiry.
    let first = format!(
        "if [ $(wc -l < '{}') = 1 ]; then {}; else {lasting}; fi",
        session.home().join("runs").display(),
        print("{\"token\":\"a-token-that-was-revoked\"}"),
    );
    Way::new(&session).user(plugin(&session, &first)).plan().expect_code(2);
    assert_eq!(runs(&session), 2);
    // And where there is no other, that is said after one more try.
    let revoked = print("{\"token\":\"a-token-that-was-revoked\"}");
    Way::new(&session).user(plugin(&session, &revoked)).plan().expect_code(1).expect("does not accept the credentials");
    assert_eq!(runs(&session), 2);
    session.assert_never_written("a-token-that-was-revoked");
}

#[test]
fn certificates_are_checked_against_the_name_that_is_asked_for() {
    let session = begun("certificates");
    let way = || Way::new(&session);
    way().cluster("tls-server-name", "localhost").plan().expect_code(2);
    let wrong = way().cluster("tls-server-name", "other.example").plan();
    wrong.expect_code(1).expect("no secure connection").expect("hint:");
    // Another authority than the server's: the one of a proxy, say.
    let other = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==";
    way().cluster("certificate-authority-data", other).plan().expect_code(1);
    let insecure = way().cluster("insecure-skip-tls-verify", true);
    let insecure =
        insecure.cluster("certificate-authority-data", Value::Null).cluster("tls-server-name", "other.example");
    insecure.plan().expect_code(2);
    // A server without TLS, and one that speaks it where plain HTTP is asked for.
    let server = way().server();
    let plain = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = plain.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    way().cluster("server", format!("https://127.0.0.1:{port}")).plan().expect_code(1).expect("no secure connection");
    way().cluster("server", format!("http://{server}")).plan().expect_code(1).expect("error:");
    // Without a scheme it is TLS where there is an authority, as with kubectl.
    way().cluster("server", server.to_string()).plan().expect_code(2);
}

#[test]
fn the_files_of_a_kubeconfig_may_be_several_and_the_first_one_that_says_something_counts() {
    let session = begun("several-files");
    let whole = Way::new(&session);
    let part = |name: &str, keep: &[&str], change: &dyn Fn(&mut Value)| {
        let mut document = json!({"apiVersion": "v1", "kind": "Config", "current-context": ""});
        for field in keep {
            document[*field] = whole.document[*field].clone();
        }
        change(&mut document);
        let path = session.home().join(name);
        std::fs::write(&path, document.to_string()).expect("the home can be written to");
        path
    };
    let users = part("users", &["users"], &|_| {});
    let clusters = part("clusters", &["clusters"], &|_| {});
    let contexts = part("contexts", &["contexts", "current-context"], &|_| {});
    let other = part("other", &["clusters", "contexts", "users"], &|document| {
        document["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
        document["current-context"] = json!("nothing");
    });
    let missing = session.home().join("missing");
    let list = std::env::join_paths([&missing, &users, &clusters, &contexts, &other]).expect("paths without colons");
    let plan = session.offline("many", &["plan", "--detailed-exitcode"]).config("count", "2").env("KUBECONFIG", list);
    session.run(&plan).expect_code(2);
}

#[test]
fn the_namespace_of_a_context_is_that_of_resources_that_name_none() {
    let session = begun("context-namespace");
    session.cluster.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "of-the-context"}}));
    let file = session.home().join("map.yaml");
    std::fs::write(&file, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}")
        .expect("the home can be written to");
    let mut way = Way::new(&session);
    way.document["contexts"][0]["context"]["namespace"] = json!("of-the-context");
    let path = way.write("way.kubeconfig");
    let run = |arguments: &[&str]| {
        let program = session.offline("manifests", arguments).config("bare", "yes");
        session.run(&program.config("file", &file.display().to_string()).env("KUBECONFIG", &path))
    };
    run(&["apply", "--yes"]).expect_code(0).expect("namespace of-the-context");
    session.cluster.must_get("configmap", "of-the-context", "m");
    session.cluster.must_get("configmap", "of-the-context", "holm.manifests.default");
    // The command line says otherwise.
    run(&["plan", "--namespace", "default"]).expect_code(0).expect("namespace default");
    run(&["destroy", "--yes"]).expect_code(0);
    assert_eq!(session.cluster.get("configmap", "of-the-context", "m"), None);
}

#[test]
fn connections_that_are_cut_again_and_again_do_not_fail_an_apply() {
    let session = begun("cut");
    let relay = Relay::start(Way::new(&session).server(), Speaks::Wire);
    let way = Way::new(&session).cluster("server", format!("https://{}", relay.address));
    let path = way.write("cut.kubeconfig");
    for round in 0..3_u64 {
        let count = (40 + round).to_string();
        let apply = session.offline("many", &["apply", "--yes"]).config("count", &count).env("KUBECONFIG", &path);
        let mut running = apply.start();
        // Between the connection and the last write.
        std::thread::sleep(Duration::from_millis(250 + round * 130));
        for _ in 0..4 {
            relay.cut();
            std::thread::sleep(Duration::from_millis(40));
        }
        relay.cut_for(Duration::from_secs(3));
        let _ = running.is_running();
        session.keep(running.wait()).expect_code(0).expect_not("secure connection").expect_not("certificate");
        let made = session.cluster.versions("configmap", "cut");
        let settings = made.keys().filter(|name| name.starts_with("ConfigMap/settings-")).count();
        assert_eq!(settings.to_string(), count);
    }
}

#[test]
fn a_server_that_is_dead_from_the_beginning_is_said_at_once() {
    let session = begun("dead");
    // It takes connections, and never says anything.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("it is bound").port();
    let begun = std::time::Instant::now();
    let plan = Way::new(&session).cluster("server", format!("https://127.0.0.1:{port}")).plan();
    plan.expect_code(1).expect("no answer within 5 s");
    // A budget of retries would be many times as long.
    assert!(begun.elapsed() < Duration::from_secs(30));
}
