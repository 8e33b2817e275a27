//! Programs of others, as they see the embedded cluster through its listener: kubectl and Helm.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use holm_embedded::{Cluster, ClusterOptions, Listener};
use tokio::runtime::Runtime;

use crate::control_plane::note;
use crate::program::Finished;
use crate::repository;

/// An embedded cluster that listens, and what was typed at it.
pub struct Foreign {
    directory: PathBuf,
    /// The folders of kubectl and Helm.
    programs: Vec<PathBuf>,
    transcript: String,
    _listener: Listener,
    cluster: Cluster,
    // Last, as the others live in it.
    _runtime: Runtime,
}

impl Foreign {
    /// Starts a cluster, with a home directory of its own in the target folder. None where kubectl and Helm are not built: they
    /// need Go, and the tests of the embedded cluster do not. `HOLM_E2E=real` builds them.
    pub fn start(name: &str) -> Option<Self> {
        let programs = programs()?;
        let directory = repository().join("target/e2e").join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("the target folder can be written to");
        let runtime = Runtime::new().expect("the machine has threads");
        let (cluster, listener) = runtime.block_on(async {
            let cluster = Cluster::start(ClusterOptions::default()).await.expect("the cluster starts");
            let listener = cluster.api().listen(0).await.expect("a port is free");
            (cluster, listener)
        });
        listener.write_kubeconfig(&directory.join("kubeconfig")).expect("the target folder can be written to");
        Some(Self { directory, programs, transcript: String::new(), _listener: listener, cluster, _runtime: runtime })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The home directory.
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// Writes a file into the home directory, which is the working directory of the programs.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.directory.join(name);
        let parent = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(parent).expect("the target folder can be written to");
        std::fs::write(path, text).expect("the target folder can be written to");
    }

    /// Runs one line, such as `kubectl get pods`, in a shell, and remembers it with all that it wrote and its exit code.
    pub fn run(&mut self, line: &str) -> String {
        let folders = self.programs.iter().cloned().chain(["/usr/bin".into(), "/bin".into()]);
        let path = std::env::join_paths(folders);
        // Standard error goes to the same place, so that the lines keep their order.
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .env_clear()
            .env("PATH", path.expect("no folder has a colon"))
            .env("HOME", &self.directory)
            .env("KUBECONFIG", self.directory.join("kubeconfig"))
            .env("KUBECTL_APPLYSET", "true")
            .env("KUBE_EDITOR", "sed -i s/example:1/example:2/")
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code().unwrap_or(-1);
        let end = if code == 0 { String::new() } else { format!("[exit {code}]\n") };
        let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.transcript.push_str(&format!("$ {line}\n{text}{separator}{end}"));
        text
    }

    /// Runs several lines.
    pub fn run_all(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.run(line);
        }
    }

    /// What was typed since the last time, with what came of it. Runs of spaces count as two, as columns are as wide as what
    /// is in them.
    pub fn transcript(&mut self) -> String {
        let taken = std::mem::take(&mut self.transcript);
        let place = self.directory.to_string_lossy().into_owned();
        let lines = taken.lines().map(|line| {
            let indent: String = line.chars().take_while(|character| *character == ' ').collect();
            let words: Vec<&str> = line.trim().split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
            format!("{indent}{}", words.join("  ")).replace(&place, "HOME")
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The folders of kubectl and Helm.
fn programs() -> Option<Vec<PathBuf>> {
    let wanted = std::env::var("HOLM_E2E").is_ok_and(|cluster| cluster == "real");
    let known = [("kubectl", "HOLM_CONTROLPLANE_BIN", "controlplane"), ("helm", "HOLM_HELM_BIN", "helm")];
    let folder = |(program, variable, tool): (&str, &str, &str)| {
        if wanted {
            return Some(built(tool));
        }
        let folder = std::env::var_os(variable).map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| repository().join("target").join(tool).join("bin"));
        folder.join(program).is_file().then_some(folder)
    };
    let found: Option<Vec<PathBuf>> = known.into_iter().map(folder).collect();
    if found.is_none() {
        note(
            "kubectl and helm are not built, so what they see of the embedded cluster is not tested; HOLM_E2E=real builds them",
        );
    }
    found
}

/// Builds the programs of one of the tools where they are absent, which takes minutes, and gives their folder.
fn built(tool: &str) -> PathBuf {
    let built =
        Finished::of_command(&mut Command::new(repository().join("tests/tools").join(tool).join("build.sh")), "");
    built.expect_code(0);
    PathBuf::from(built.stdout.lines().last().expect("it prints the folder"))
}

/// The filters for insta: what differs from run to run in what kubectl and Helm write.
pub fn foreign_filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( \+0000 UTC|Z)?", "TIME"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
        (r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"\b10\.(96|244)\.\d+\.\d+\b", "ADDRESS"),
        (r":3[0-2]\d{3}/", ":NODEPORT/"),
        (r"\b([a-z0-9-]+)-[0-9a-z]{6,10}-[bcdfghjklmnpqrstvwxz2-9]{5}\b", "$1-HASH-SUFFIX"),
        (r"\b(web|d1|shop-shop)-[0-9a-z]{6,10}\b", "$1-HASH"),
        (r"\b(\d+h)?(\d+m)?\d+(\.\d+)?m?s\b( ago)?", "AGE"),
        (r"pod-template-hash=[0-9a-z]+", "pod-template-hash=HASH"),
        (r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+", "TOKEN"),
        (r"JTI=UID", "JTI"),
    ]
}
