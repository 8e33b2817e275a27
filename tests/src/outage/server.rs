//! A control plane in a process of its own that can be killed and started again on its data.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PROCESS;
use crate::control_plane::is_embedded;
use crate::program::Program;
use crate::real::Real;

/// How long a control plane may take until it answers.
const READY: Duration = Duration::from_secs(120);

/// A control plane in a process of its own.
pub struct Server {
    directory: PathBuf,
    kind: Kind,
    child: Option<Child>,
}

enum Kind {
    Embedded { port: u16 },
    Real,
}

type Result<T> = std::result::Result<T, String>;

impl Server {
    /// Starts one without data: the embedded cluster with a file, or with `HOLM_E2E=real` a real control plane.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(directory: &Path) -> Result<Self> {
        let kind = if is_embedded() {
            // Clients find it again only where it was.
            let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            Kind::Embedded { port: port.map_err(|error| error.to_string())?.port() }
        } else {
            Kind::Real
        };
        let mut server = Self { directory: directory.to_owned(), kind, child: None };
        server.restart()?;
        Ok(server)
    }

    /// The kubeconfig of its administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        match self.kind {
            Kind::Real => self.directory.join("kubeconfig"),
            Kind::Embedded { .. } => self.directory.join("admin.kubeconfig"),
        }
    }

    /// The number of its process; none while it is killed.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it, with everything that it started.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the data that it had, and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let mut command = match self.kind {
            Kind::Real => {
                let mut command = Command::new(Real::binary("controlplane"));
                command.args(["run", "--with-parent", &std::process::id().to_string(), "--dir"]).arg(&self.directory);
                command
            }
            Kind::Embedded { port } => {
                let program = Program::this_one(&self.directory).env(PROCESS, "1");
                program.args(["cluster", "start", "--port", &port.to_string()]).command()
            }
        };
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.directory.join("server.log"));
        let log = log.map_err(|error| error.to_string())?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.child = Some(command.spawn().map_err(|error| format!("{command:?} cannot be run: {error}"))?);
        self.wait()
    }

    fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if self.answers() {
                return Ok(());
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return Err(format!("the control plane ended with {status}; see {}", self.directory.display()));
            }
            if begun.elapsed() > READY {
                return Err(format!("the control plane does not answer within {} s", READY.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        if let Kind::Embedded { .. } = self.kind {
            let program = Program::this_one(&self.directory).env(PROCESS, "1").args(["cluster", "kubeconfig"]);
            let printed = program.run();
            let path = PathBuf::from(printed.stdout.trim());
            let Ok(text) = std::fs::read_to_string(&path) else { return false };
            if std::fs::write(self.kubeconfig(), text).is_err() {
                return false;
            }
        }
        let program = Program::this_one(&self.directory).env(PROCESS, "1").args(["stack", "list"]);
        program.env("KUBECONFIG", self.kubeconfig()).run().code == Some(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
