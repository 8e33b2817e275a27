//! The cluster under test: a real Kubernetes control plane, the embedded one, or one that existed before.
//!
//! `HOLM_E2E=real` or `HOLM_E2E=embedded` (the default) chooses, and `HOLM_TEST_KUBECONFIG` names one that exists. Every
//! scenario runs on each of them, with the same expectations. With `HOLM_E2E=node` it is a real control plane with a real node,
//! for the scenarios whose containers run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::audit::Audit;
use crate::embedded::Embedded;
use crate::node::Node;
use crate::program::Finished;
use crate::real::Real;
use crate::repository;
use crate::resources::Resource;

/// The namespace in the cluster where the tests' own identities live.
const IDENTITIES: &str = "holm-e2e";

/// A control plane.
pub struct ControlPlane {
    under_test: UnderTest,
    kubeconfig: PathBuf,
    /// The folder for kubeconfigs, homes and captured files of this test file.
    scratch: PathBuf,
    /// The administrator, for what a person does beside the programs under test.
    pub(crate) client: kube::Client,
    /// What the cluster serves, as it was seen last.
    pub(crate) served: Mutex<Vec<Resource>>,
    pub(crate) runtime: Runtime,
}

enum UnderTest {
    Real(Real),
    Node(Node),
    Embedded(Box<Embedded>),
    /// One that existed before.
    Existing,
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
    /// The control plane that the tests of a file share, started by whoever asks first. It ends when another is wanted and no
    /// test holds it any more, or with the process.
    ///
    /// There is one real one at a time, and of those with a node three, as each wants a good part of the machine and tests on a node
    /// wait more than they compute: who asks for another waits until the tests of the file before are done. They come one file
    /// after the other, because tests begin in the order of their names.
    pub fn shared(name: &str) -> Arc<Self> {
        static SHARED: Mutex<BTreeMap<String, Arc<ControlPlane>>> = Mutex::new(BTreeMap::new());
        loop {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(plane) = shared.get(name) {
                return Arc::clone(plane);
            }
            shared.retain(|_, plane| Arc::strong_count(plane) > 1);
            let most = if is_node() { 3 } else { 1 };
            if shared.len() < most || is_embedded() {
                let plane = Arc::new(Self::start(name));
                shared.insert(name.to_owned(), Arc::clone(&plane));
                return plane;
            }
            drop(shared);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts a fresh control plane in `target/e2e/NAME`, and stops it when the value is dropped, or the process ends.
    ///
    /// With `HOLM_TEST_KUBECONFIG` it is the cluster that this file names, and what needs the audit log is not asserted.
    pub fn start(name: &str) -> Self {
        Self::start_one(name, is_embedded(), std::env::var_os("HOLM_TEST_KUBECONFIG"))
    }

    /// The same, but never an embedded one.
    pub fn start_real(name: &str) -> Self {
        Self::start_one(name, false, std::env::var_os("HOLM_TEST_KUBECONFIG"))
    }

    /// The same, but never one that existed before.
    pub fn start_fresh(name: &str) -> Self {
        Self::start_one(name, is_embedded(), None)
    }

    fn start_one(name: &str, is_embedded: bool, existing: Option<OsString>) -> Self {
        let folder = repository().join("target/e2e").join(name);
        let scratch = folder.join("scratch");
        // A cluster of an earlier run may have left files; the instance itself is wiped when it starts.
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir_all(&scratch).expect("the target folder can be written to");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("the operating system gives a runtime");
        let (under_test, kubeconfig) = match existing {
            Some(kubeconfig) => {
                note("the cluster of HOLM_TEST_KUBECONFIG has no audit log to read, so requests are not counted");
                (UnderTest::Existing, kubeconfig.into())
            }
            None if is_embedded => {
                let embedded = Embedded::start(&runtime, &scratch);
                let kubeconfig = embedded.kubeconfig().to_owned();
                (UnderTest::Embedded(Box::new(embedded)), kubeconfig)
            }
            None if is_node() => {
                let node = Node::start(&folder.join("node"));
                let kubeconfig = node.kubeconfig().to_owned();
                (UnderTest::Node(node), kubeconfig)
            }
            None => {
                let real = Real::start(&folder.join("instance"));
                let kubeconfig = real.kubeconfig().to_owned();
                (UnderTest::Real(real), kubeconfig)
            }
        };
        let client = match &under_test {
            UnderTest::Embedded(embedded) => runtime.block_on(async { embedded.client() }),
            _ => runtime.block_on(crate::fault::connect(&kubeconfig)).expect("the kubeconfig can be used"),
        };
        let plane = Self { under_test, kubeconfig, scratch, client, served: Mutex::default(), runtime };
        plane.create_if_absent(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": IDENTITIES}}));
        plane
    }

    /// The kubeconfig of the cluster's administrator.
    pub fn admin(&self) -> &Path {
        &self.kubeconfig
    }

    /// A kubeconfig whose token is accepted no more: on a real control plane of the tests' own because it ran out an hour ago,
    /// elsewhere because its account is gone.
    pub fn stale(&self) -> PathBuf {
        if let Some(directory) = self.instance() {
            return Real::kubeconfig_of(&directory, "expired", &self.scratch);
        }
        let user = self.user("stale", None);
        self.delete("serviceaccount", IDENTITIES, "stale");
        user.kubeconfig
    }

    /// The path of a program that was built with the real control plane, such as `kubectl`.
    pub fn binary(&self, name: &str) -> PathBuf {
        Real::binary(name)
    }

    /// A new identity with all rights, or with those of the cluster role `role`.
    pub fn user(&self, name: &str, role: Option<&str>) -> User {
        // A cluster that existed before may have them already, from an earlier run.
        self.create_if_absent(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": IDENTITIES},
        }));
        if let Some(role) = role {
            self.create_if_absent(json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": format!("{IDENTITIES}-{name}-{role}")},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": IDENTITIES}],
            }));
        }
        let token = self.token(IDENTITIES, name);
        let name_in_log = format!("system:serviceaccount:{IDENTITIES}:{name}");
        User { name: name_in_log, kubeconfig: self.kubeconfig_with(name, &token) }
    }

    /// A kubeconfig for this cluster with another token, under the context `holm`.
    pub fn kubeconfig_with(&self, name: &str, token: &str) -> PathBuf {
        let text = std::fs::read_to_string(&self.kubeconfig).expect("the kubeconfig can be read");
        let admin: Value = serde_saphyr::from_str(&text).expect("the kubeconfig is YAML");
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "holm",
            "clusters": [{"name": "holm", "cluster": self.cluster_entry(&admin)}],
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
        let log = match &self.under_test {
            UnderTest::Embedded(embedded) => Some(embedded.audit_log().to_owned()),
            _ => self.instance().map(|directory| directory.join("audit.log")),
        };
        Audit::begin(log, &user.name)
    }

    /// Runs a command in the real node, as its root.
    pub fn on_node(&self, command: &[&str]) -> Finished {
        let UnderTest::Node(node) = &self.under_test else { panic!("there is no real node: HOLM_E2E is not \"node\"") };
        node.exec(command)
    }

    /// The directory of a control plane that the tests started.
    fn instance(&self) -> Option<PathBuf> {
        match &self.under_test {
            UnderTest::Real(real) => Some(real.directory().to_owned()),
            UnderTest::Node(node) => Some(node.control_plane()),
            UnderTest::Embedded(_) | UnderTest::Existing => None,
        }
    }

    /// A folder of this test file to write to.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.scratch.join(name);
        std::fs::create_dir_all(&folder).expect("the scratch folder can be written to");
        folder
    }

    /// The cluster of the kubeconfig's current context, with its certificate in it.
    fn cluster_entry(&self, kubeconfig: &Value) -> Value {
        let named = |list: &str, name: &Value| {
            let found = kubeconfig[list].as_array().into_iter().flatten().find(|item| item["name"] == *name);
            found.cloned().unwrap_or_else(|| panic!("the kubeconfig has no {name} among its {list}"))
        };
        let context = named("contexts", &kubeconfig["current-context"]);
        let mut cluster = named("clusters", &context["context"]["cluster"])["cluster"].clone();
        if let Some(file) = cluster["certificate-authority"].as_str().map(str::to_owned) {
            use base64::Engine as _;
            let folder = self.kubeconfig.parent().expect("a file is in a folder");
            let pem = std::fs::read(folder.join(file)).expect("the certificate can be read");
            let encoded = base64::engine::general_purpose::STANDARD.encode(pem);
            let entry = cluster.as_object_mut().expect("a cluster is a map");
            entry.remove("certificate-authority");
            entry.insert("certificate-authority-data".to_owned(), encoded.into());
        }
        cluster
    }
}

/// Whether the embedded cluster is under test.
pub fn is_embedded() -> bool {
    match std::env::var("HOLM_E2E").as_deref() {
        Ok("real" | "node") => false,
        Ok("embedded") | Err(_) => std::env::var_os("HOLM_TEST_KUBECONFIG").is_none(),
        Ok(other) => panic!("HOLM_E2E is \"real\", \"node\" or \"embedded\", not \"{other}\""),
    }
}

/// Whether a real node is under test, so that containers run.
pub fn is_node() -> bool {
    std::env::var("HOLM_E2E").as_deref() == Ok("node")
}

/// Tells the person at the terminal something that no test fails for.
#[allow(clippy::print_stderr, reason = "the note is for the person who runs the tests")]
pub fn note(text: &str) {
    eprintln!("note: {text}");
}
