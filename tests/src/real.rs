//! A real control plane of this machine, started by `tests/tools/controlplane`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::program::Finished;
use crate::repository;

/// A running control plane. It is stopped when this is dropped.
pub(crate) struct Real {
    kubeconfig: PathBuf,
    /// Where the instance keeps everything.
    directory: PathBuf,
}

impl Real {
    /// Starts a fresh one in a directory.
    pub fn start(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).expect("the target folder can be written to");
        let started = run(Command::new(Self::binary("controlplane"))
            .args(["start", "--fresh", "--with-parent", &std::process::id().to_string(), "--dir"])
            .arg(directory));
        started.expect_code(0);
        let kubeconfig = PathBuf::from(started.stdout.lines().last().expect("it prints the kubeconfig's path"));
        Self { kubeconfig, directory: directory.to_owned() }
    }

    /// The path of a program that was built with it, such as `kubectl`. They are built where they are absent, which takes
    /// minutes.
    pub fn binary(name: &str) -> PathBuf {
        static BINARIES: OnceLock<PathBuf> = OnceLock::new();
        let folder = BINARIES.get_or_init(|| {
            let built = run(&mut Command::new(repository().join("tests/tools/controlplane/build.sh")));
            built.expect_code(0);
            PathBuf::from(built.stdout.lines().last().expect("it prints the folder"))
        });
        folder.join(name)
    }

    /// The kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The directory of the instance.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The kubeconfig of another of its own users: `reader`, `nobody` or `expired`.
    pub fn kubeconfig_of(directory: &Path, user: &str, scratch: &Path) -> PathBuf {
        let printed = run(Command::new(Self::binary("controlplane"))
            .args(["kubeconfig", "--user", user, "--dir"])
            .arg(directory));
        printed.expect_code(0);
        let path = PathBuf::from(printed.stdout.lines().last().unwrap_or_default());
        if path.is_file() {
            return path;
        }
        let path = scratch.join(format!("{user}.kubeconfig"));
        std::fs::write(&path, &printed.stdout).expect("the scratch folder can be written to");
        path
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        run(Command::new(Self::binary("controlplane")).args(["stop", "--dir"]).arg(&self.directory));
    }
}

fn run(command: &mut Command) -> Finished {
    Finished::of_command(command, "")
}
