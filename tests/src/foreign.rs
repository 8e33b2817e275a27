//! Programs of others, kubectl and Helm, at the cluster under test: what a person sees who types their lines.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::control_plane::{ControlPlane, is_embedded};
use crate::program::Finished;
use crate::repository;

/// A program of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// kubectl, which is built with the control plane.
    Kubectl,
    /// Helm.
    Helm,
}

/// A cluster of its own, and what was typed at it.
pub struct Foreign {
    directory: PathBuf,
    /// The folders of the programs.
    programs: Vec<PathBuf>,
    transcript: String,
    plane: ControlPlane,
}

impl Foreign {
    /// Starts a fresh cluster, a real one with `HOLM_E2E=real`, with a home directory in the target folder. The programs are
    /// built where they are absent.
    pub fn start(name: &str, tools: &[Tool]) -> Self {
        let programs = tools.iter().map(|tool| tool.folder()).collect();
        let plane = ControlPlane::start_fresh(name);
        let directory = plane.scratch("home");
        Self { directory, programs, transcript: String::new(), plane }
    }

    /// Writes a file into the home directory, which is the working directory of the programs.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.directory.join(name);
        let parent = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(parent).expect("the target folder can be written to");
        std::fs::write(path, text).expect("the target folder can be written to");
    }

    /// Copies a folder of the tests' data into the home directory.
    pub fn copy_data(&self, name: &str) {
        let from = repository().join("tests/data").join(name);
        let copied = Command::new("cp").arg("-R").arg(from).arg(&self.directory).status();
        assert!(copied.is_ok_and(|status| status.success()), "tests/data/{name} can be copied");
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
            .env("KUBECONFIG", self.plane.admin())
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

    /// What was typed since the last time, with what came of it. Runs of spaces and tabs count as two spaces, as columns are as
    /// wide as what is in them.
    pub fn transcript(&mut self) -> String {
        let taken = std::mem::take(&mut self.transcript);
        let place = self.directory.to_string_lossy().into_owned();
        let lines = taken.lines().map(|line| {
            let indent: String = line.chars().take_while(|character| *character == ' ').collect();
            let line = line.replace('\t', "  ");
            let words: Vec<&str> = line.trim().split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
            format!("{indent}{}", words.join("  ")).replace(&place, "HOME")
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Tool {
    /// The folder that has the program. It is built where it is absent, and on a real control plane where it is not up to date.
    fn folder(self) -> PathBuf {
        let (program, variable, tool) = match self {
            Self::Kubectl => ("kubectl", "HOLM_CONTROLPLANE_BIN", "controlplane"),
            Self::Helm => ("helm", "HOLM_HELM_BIN", "helm"),
        };
        let folder = std::env::var_os(variable).map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| repository().join("target").join(tool).join("bin"));
        if is_embedded() && folder.join(program).is_file() {
            return folder;
        }
        let script = repository().join("tests/tools").join(tool).join("build.sh");
        assert!(
            has_go(),
            "{program} is not in {}, and is built from its Go modules: install Go and run {}, or set {variable} to a folder with it",
            folder.display(),
            script.display(),
        );
        built(&script)
    }
}

fn has_go() -> bool {
    Command::new("go").arg("version").output().is_ok_and(|output| output.status.success())
}

/// Runs the script that builds a program where it is not up to date, which may take minutes, and gives its folder.
fn built(script: &Path) -> PathBuf {
    let built = Finished::of_command(&mut Command::new(script), "");
    built.expect_code(0);
    PathBuf::from(built.stdout.lines().last().expect("it prints the folder"))
}

/// Compares what was typed at a [`Foreign`] and came of it with the reviewed transcript.
#[macro_export]
macro_rules! transcript {
    ($name:literal, $foreign:expr) => {
        let text = $foreign.transcript();
        insta::with_settings!(
            {filters => $crate::foreign_filters(), omit_expression => true, prepend_module_to_snapshot => false},
            { insta::assert_snapshot!($name, text) }
        )
    };
}

/// The filters for insta: what differs from run to run in what kubectl and Helm write.
pub fn foreign_filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"v1\.37\.2\+holm-apiserver", "v1.37.2"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( \+0000 UTC|Z)?", "TIME"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
        (r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"\b10\.(96|244|0)\.\d+\.\d+\b", "ADDRESS"),
        (r":3[0-2]\d{3}/", ":NODEPORT/"),
        // What a Go program says of a watch that it has ended itself.
        (r#"E\d{4} \d\d:\d\d:\d\d[^\n]*context canceled"\n"#, ""),
        (r"containerd://[0-9a-f]{64}", "containerd://CONTAINER"),
        (r"resourceVersion: .\d+.", "resourceVersion: VERSION"),
        (r"\b([a-z0-9-]+)-[0-9a-z]{6,10}-[bcdfghjklmnpqrstvwxz2-9]{5}\b", "$1-HASH-SUFFIX"),
        (r"\b(web|d1|shop-shop)-[0-9a-z]{6,10}\b", "$1-HASH"),
        (r"\b(\d+h)?(\d+m)?\d+(\.\d+)?m?s\b( ago)?", "AGE"),
        (r"pod-template-hash=[0-9a-z]+", "pod-template-hash=HASH"),
        (r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+", "TOKEN"),
        (r"JTI=UID", "JTI"),
    ]
}
