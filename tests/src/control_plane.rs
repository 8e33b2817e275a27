//! A real Kubernetes control plane for one test file, or the cluster that `HOLM_TEST_KUBECONFIG` names.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

use crate::audit::Audit;
use crate::program::Finished;
use crate::repository;

/// The namespace in the cluster where the tests' own identities live.
const IDENTITIES: &str = "holm-e2e";

/// A control plane.
pub struct ControlPlane {
    binaries: PathBuf,
    kubeconfig: PathBuf,
    /// Where the instance keeps everything; none for a cluster that existed before.
    directory: Option<PathBuf>,
    /// The folder for kubeconfigs, homes and captured files of this test file.
    scratch: PathBuf,
}

/// An identity in the cluster.
#[derive(Clone, Debug)]
pub struct User {
    /// The name by which the audit log knows it.
    pub name: String,
    /// A kubeconfig with its token.
    pub kubeconfig: PathBuf,
}

impl ControlPlane {
    /// The control plane of this process, started by whoever asks first. It ends with the process.
    pub fn shared(name: &str) -> &'static Self {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(name))
    }

    /// Starts a fresh control plane in `target/e2e/NAME`, and stops it when the value is dropped, or the process ends.
    ///
    /// With `HOLM_TEST_KUBECONFIG` it is the cluster that this file names, and what needs the audit log is not asserted.
    pub fn start(name: &str) -> Self {
        let scratch = repository().join("target/e2e").join(name).join("scratch");
        // A cluster of an earlier run may have left files; the instance itself is wiped by --fresh.
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir_all(&scratch).expect("the target folder can be written to");
        let binaries = binaries();
        if let Some(kubeconfig) = std::env::var_os("HOLM_TEST_KUBECONFIG") {
            note("the cluster of HOLM_TEST_KUBECONFIG has no audit log to read, so requests are not counted");
            let plane = Self { binaries, kubeconfig: kubeconfig.into(), directory: None, scratch };
            plane.make_place_for_identities();
            return plane;
        }
        let directory = repository().join("target/e2e").join(name).join("instance");
        std::fs::create_dir_all(&directory).expect("the target folder can be written to");
        let started = run(Command::new(binaries.join("controlplane"))
            .args(["start", "--fresh", "--with-parent", &std::process::id().to_string(), "--dir"])
            .arg(&directory));
        started.expect_code(0);
        let kubeconfig = PathBuf::from(started.stdout.lines().last().expect("it prints the kubeconfig's path"));
        let plane = Self { binaries, kubeconfig, directory: Some(directory), scratch };
        plane.make_place_for_identities();
        plane
    }

    /// The kubeconfig of the cluster's administrator.
    pub fn admin(&self) -> &Path {
        &self.kubeconfig
    }

    /// The kubeconfig of one of the control plane's own users: `admin`, `reader`, `nobody` or `expired`. None for a
    /// cluster that existed before.
    pub fn kubeconfig(&self, user: &str) -> Option<PathBuf> {
        let directory = self.directory.as_ref()?;
        let printed = run(Command::new(self.binaries.join("controlplane"))
            .args(["kubeconfig", "--user", user, "--dir"])
            .arg(directory));
        printed.expect_code(0);
        let path = PathBuf::from(printed.stdout.lines().last().unwrap_or_default());
        Some(if path.is_file() {
            path
        } else {
            let path = self.scratch.join(format!("{user}.kubeconfig"));
            std::fs::write(&path, &printed.stdout).expect("the scratch folder can be written to");
            path
        })
    }

    /// The path of a program that was built with the control plane, such as `kubectl`.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// Runs kubectl as the administrator.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Finished {
        run(Command::new(self.binaries.join("kubectl")).arg("--kubeconfig").arg(&self.kubeconfig).args(arguments))
    }

    /// Runs kubectl as the administrator with an object on standard input: `kubectl apply -f -` and the like.
    pub fn kubectl_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &str) -> Finished {
        let mut command = Command::new(self.binaries.join("kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        Finished::of_command(&mut command, input)
    }

    /// The live object; none where there is none. `namespace` is empty for cluster-scoped kinds.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let found =
            self.kubectl(["get", kind, name, "--namespace", namespace, "--ignore-not-found", "--output", "json"]);
        found.expect_code(0);
        let is_there = !found.stdout.trim().is_empty();
        is_there.then(|| serde_json::from_str(&found.stdout).expect("kubectl prints JSON"))
    }

    /// The live object, which must be there.
    pub fn must_get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        self.get(kind, namespace, name).unwrap_or_else(|| panic!("{kind} {namespace}/{name} is not in the cluster"))
    }

    /// The resourceVersion of every object of `kinds` (comma-separated) in the namespace, by `kind/name`.
    pub fn versions(&self, kinds: &str, namespace: &str) -> BTreeMap<String, String> {
        let found = self.kubectl(["get", kinds, "--namespace", namespace, "--output", "json"]);
        found.expect_code(0);
        let list: Value = serde_json::from_str(&found.stdout).expect("kubectl prints JSON");
        let text = |item: &Value, pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
        list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| {
                let name = format!("{}/{}", text(item, "/kind"), text(item, "/metadata/name"));
                (name, text(item, "/metadata/resourceVersion"))
            })
            .collect()
    }

    /// A new identity with all rights, or with those of the cluster role `role`.
    pub fn user(&self, name: &str, role: Option<&str>) -> User {
        let account = format!("system:serviceaccount:{IDENTITIES}:{name}");
        let account_name = format!("{IDENTITIES}:{name}");
        // A cluster that existed before may have it already, from an earlier run.
        self.kubectl(["create", "serviceaccount", name, "--namespace", IDENTITIES]);
        if let Some(role) = role {
            let binding = format!("{IDENTITIES}-{name}-{role}");
            let role = format!("--clusterrole={role}");
            self.kubectl([
                "create",
                "clusterrolebinding",
                &binding,
                &role,
                &format!("--serviceaccount={account_name}"),
            ]);
        }
        let token = self.kubectl(["create", "token", name, "--namespace", IDENTITIES, "--duration", "2h"]);
        token.expect_code(0);
        User { name: account, kubeconfig: self.kubeconfig_with(name, token.stdout.trim()) }
    }

    /// A kubeconfig for this cluster with another token, under the context `holm`.
    pub fn kubeconfig_with(&self, name: &str, token: &str) -> PathBuf {
        let cluster = self.cluster_entry();
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "holm",
            "clusters": [{"name": "holm", "cluster": cluster}],
            "contexts": [{"name": "holm", "context": {"cluster": "holm", "user": name}}],
            "users": [{"name": name, "user": {"token": token}}],
        });
        let path = self.scratch.join(format!("{name}.kubeconfig"));
        // JSON is YAML.
        std::fs::write(&path, kubeconfig.to_string()).expect("the scratch folder can be written to");
        path
    }

    /// The requests of `user` from now on.
    pub fn audit(&self, user: &User) -> Audit {
        Audit::begin(self.directory.as_ref().map(|directory| directory.join("audit.log")), &user.name)
    }

    /// A folder of this test file to write to.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.scratch.join(name);
        std::fs::create_dir_all(&folder).expect("the scratch folder can be written to");
        folder
    }

    fn cluster_entry(&self) -> Value {
        static ENTRY: Mutex<Option<(PathBuf, Value)>> = Mutex::new(None);
        let mut known = ENTRY.lock().expect("no test panics while it holds this");
        if let Some((_, entry)) = known.as_ref().filter(|(kubeconfig, _)| *kubeconfig == self.kubeconfig) {
            return entry.clone();
        }
        let view = self.kubectl(["config", "view", "--raw", "--minify", "--flatten", "--output", "json"]);
        view.expect_code(0);
        let view: Value = serde_json::from_str(&view.stdout).expect("kubectl prints JSON");
        let entry = view["clusters"][0]["cluster"].clone();
        *known = Some((self.kubeconfig.clone(), entry.clone()));
        entry
    }

    fn make_place_for_identities(&self) {
        self.kubectl(["create", "namespace", IDENTITIES]);
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            run(Command::new(self.binaries.join("controlplane")).args(["stop", "--dir"]).arg(directory));
        }
    }
}

/// The folder of the control plane's binaries, which are built where they are absent. That takes minutes.
fn binaries() -> PathBuf {
    static BINARIES: OnceLock<PathBuf> = OnceLock::new();
    BINARIES
        .get_or_init(|| {
            let built = run(&mut Command::new(repository().join("tests/tools/controlplane/build.sh")));
            built.expect_code(0);
            PathBuf::from(built.stdout.lines().last().expect("it prints the folder"))
        })
        .clone()
}

fn run(command: &mut Command) -> Finished {
    Finished::of_command(command, "")
}

/// Tells the person at the terminal something that no test fails for.
#[allow(clippy::print_stderr, reason = "the note is for the person who runs the tests")]
fn note(text: &str) {
    eprintln!("note: {text}");
}
