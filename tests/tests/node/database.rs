//! holm-pg on the node.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use holm_e2e::{ControlPlane, Finished, Program, Session, is_node, note};
use serde_json::Value;

/// What holds data, and needs consent to be deleted.
const CONSENT: [&str; 6] = [
    "--allow-delete",
    "Namespace/holm",
    "--allow-delete",
    "PersistentVolumeClaim/postgres-pvc",
    "--allow-delete",
    "Secret/postgres-secret",
];

/// The namespace of the stack, which is always the same: there is one database at a time on a node.
pub const NAMESPACE: &str = "holm";

/// The stack of one test.
pub struct Database {
    pub session: Session,
    _turn: MutexGuard<'static, ()>,
}

impl Database {
    /// A cluster without the stack, for a test of this name. None where no real node is under test.
    pub fn absent(name: &str) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        Self::absent_on("node", &TURN, name)
    }

    /// The same on a node beside that one, for what takes minutes.
    pub fn absent_beside(name: &str) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        Self::absent_on("node-beside", &TURN, name)
    }

    fn absent_on(node: &str, turn: &'static Mutex<()>, name: &str) -> Option<Self> {
        if !is_node() {
            note(
                "this needs containers that run: HOLM_E2E=node, where tests/tools/realnode/build.sh has built the node",
            );
            return None;
        }
        let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let database = Self { session: Session::new(ControlPlane::shared(node), name), _turn: turn };
        database.remove();
        Some(database)
    }

    /// The same, applied and ready.
    pub fn applied(name: &str) -> Option<Self> {
        let database = Self::absent(name)?;
        database.apply(&[]).expect_code(0);
        Some(database)
    }

    /// Destroys everything, data too.
    pub fn remove(&self) {
        if self.session.cluster.get("namespace", "", NAMESPACE).is_some() {
            self.run(&self.program(&["destroy", "--yes"]).args(CONSENT)).expect_code(0);
        }
    }

    /// `holm-pg VERB...`
    pub fn program(&self, arguments: &[&str]) -> Program {
        self.session.example("holm-pg", arguments)
    }

    pub fn run(&self, program: &Program) -> Finished {
        self.session.run(program)
    }

    /// `holm-pg apply --yes`, with values.
    pub fn apply(&self, values: &[(&str, &str)]) -> Finished {
        self.run(&self.applying(values))
    }

    pub fn applying(&self, values: &[(&str, &str)]) -> Program {
        let program = self.program(&["apply", "--yes"]);
        values.iter().fold(program, |program, (key, value)| program.config(key, value))
    }

    pub fn status(&self) -> Finished {
        self.run(&self.program(&["status"]))
    }

    /// The text of a key of the Secret.
    pub fn secret(&self, key: &str) -> String {
        self.session.secret(NAMESPACE, "postgres-secret", key)
    }

    pub fn kubectl(&self) -> Kubectl {
        let cluster = &self.session.cluster;
        Kubectl { path: cluster.binary("kubectl"), kubeconfig: cluster.admin().to_owned() }
    }

    /// Runs a command in the server's container.
    pub fn exec(&self, command: &[&str]) -> Finished {
        self.kubectl().exec(command)
    }

    /// Runs a statement as the superuser, and gives what it answers.
    pub fn sql(&self, statement: &str) -> Finished {
        self.exec(&[
            "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            "holm",
            "-c",
            statement,
        ])
    }

    /// The pod that is not on its way out.
    pub fn pod(&self) -> Option<Value> {
        let pods = self.session.cluster.list("pod", NAMESPACE, None);
        pods.into_iter().find(|pod| {
            pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("postgres-"))
                && pod["metadata"]["deletionTimestamp"].is_null()
        })
    }

    /// Waits until the container of the server runs, and gives its id.
    pub fn running_container(&self) -> String {
        self.until("a running container", || {
            let pod = self.pod()?;
            let status = &pod["status"]["containerStatuses"][0];
            let _ = status["state"]["running"].as_object()?;
            Some(status["containerID"].as_str()?.strip_prefix("containerd://")?.to_owned())
        })
    }

    pub fn is_ready(&self) -> bool {
        self.pod().is_some_and(|pod| pod["status"]["containerStatuses"][0]["ready"] == true)
    }

    pub fn restarts(&self) -> u64 {
        self.pod().and_then(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_u64()).unwrap_or_default()
    }

    /// Waits until the server is ready, in the eyes of Kubernetes.
    pub fn wait_until_ready(&self) {
        self.until("a ready server", || self.is_ready().then_some(()));
    }

    /// SIGKILL to the first process of the container, as the kernel or a broken node would do it.
    pub fn kill(&self, container: &str) {
        let address = "/run/containerd/containerd.sock";
        let kill =
            ["ctr", "--address", address, "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", container];
        self.session.cluster.on_node(&kill);
    }

    /// Begins to delete the pod, as `kubectl delete pod --wait=false` does.
    pub fn delete_pod(&self) -> String {
        let pod = self.until("a pod", || self.pod());
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        self.session.cluster.begin_delete("pod", NAMESPACE, &name);
        name
    }

    /// The names in the volume's root.
    pub fn volume(&self) -> Vec<String> {
        let listed = self.exec(&["ls", "-A", "/var/lib/postgresql/data"]);
        listed.expect_code(0).stdout.lines().map(str::to_owned).collect()
    }

    /// Asks until there is an answer, for two minutes at most.
    pub fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{what}: not within two minutes\n{}", self.status());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// kubectl for the cluster, for another thread too.
#[derive(Clone)]
pub struct Kubectl {
    path: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(&self.path);
        let output = command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments).output();
        let output = output.expect("kubectl is built with the control plane");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let command = format!("kubectl {}", arguments.join(" "));
        Finished { command, stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
    }

    /// Runs a command in the server's container.
    pub fn exec(&self, command: &[&str]) -> Finished {
        self.run(&[&["--namespace", NAMESPACE, "exec", "deployment/postgres", "--"], command].concat())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let cluster = &self.session.cluster;
        if !std::thread::panicking() && cluster.get("namespace", "", super::client::NAMESPACE).is_some() {
            cluster.begin_delete("namespace", "", super::client::NAMESPACE);
        }
    }
}
