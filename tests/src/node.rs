//! A real node of this machine, started by `tests/tools/realnode`: containers run there.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::Finished;
use crate::repository;

/// A running node with its control plane. It is stopped when this is dropped.
pub(crate) struct Node {
    kubeconfig: PathBuf,
    /// Where the node keeps everything.
    directory: PathBuf,
}

impl Node {
    /// Starts a fresh one in a directory.
    pub fn start(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).expect("the target folder can be written to");
        let started = run(Command::new(binary())
            .args(["start", "--fresh", "--with-parent", &std::process::id().to_string(), "--dir"])
            .arg(directory));
        started.expect_code(0);
        let kubeconfig = PathBuf::from(started.stdout.lines().last().expect("it prints the kubeconfig's path"));
        Self { kubeconfig, directory: directory.to_owned() }
    }

    /// The kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The directory of its control plane.
    pub fn control_plane(&self) -> PathBuf {
        self.directory.join("cp")
    }

    /// Runs a command in the node, as its root.
    pub fn exec(&self, command: &[&str]) -> Finished {
        run(Command::new(binary()).args(["exec", "--dir"]).arg(&self.directory).args(command))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        run(Command::new(binary()).args(["stop", "--dir"]).arg(&self.directory));
    }
}

/// The program. It is not built here: a kubelet takes minutes, and wants root and packages.
fn binary() -> PathBuf {
    let folder = std::env::var_os("HOLM_REALNODE_BUILD").map(PathBuf::from);
    let path = folder.unwrap_or_else(|| repository().join("target/realnode")).join("realnode");
    assert!(path.is_file(), "{} is absent: tests/tools/realnode/build.sh builds it", path.display());
    path
}

fn run(command: &mut Command) -> Finished {
    Finished::of_command(command, "")
}
