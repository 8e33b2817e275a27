//! One test's work with one stack.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::audit::Audit;
use crate::canary::Canary;
use crate::control_plane::{ControlPlane, User};
use crate::program::{Finished, Program};

/// One test's work: an identity in the cluster, a home directory, and everything that was written meanwhile.
pub struct Session {
    /// The control plane.
    pub cluster: Arc<ControlPlane>,
    /// The identity, which has all rights.
    pub user: User,
    /// The namespace that the test's workspaces use: the name of the session.
    pub namespace: String,
    home: PathBuf,
    seen: RefCell<Vec<Finished>>,
}

impl Session {
    /// Begins a session. The name is unique in the file of tests, and becomes the name of its namespace.
    pub fn new(cluster: Arc<ControlPlane>, name: &str) -> Self {
        let user = cluster.user(name, Some("cluster-admin"));
        let home = cluster.scratch(&format!("{name}.home"));
        Self { cluster, user, namespace: name.to_owned(), home, seen: RefCell::default() }
    }

    /// The workspace `name` of this package, for this session's cluster, user and namespace.
    pub fn workspace(&self, name: &str, arguments: &[&str]) -> Program {
        self.offline(name, arguments).env("KUBECONFIG", &self.user.kubeconfig)
    }

    /// The same without a kubeconfig.
    pub fn offline(&self, name: &str, arguments: &[&str]) -> Program {
        Program::workspace(name, &self.home).args(arguments).config("namespace", &self.namespace)
    }

    /// The example `name`, for this session's cluster and user.
    pub fn example(&self, name: &str, arguments: &[&str]) -> Program {
        Program::example(name, &self.home).args(arguments).env("KUBECONFIG", &self.user.kubeconfig)
    }

    /// Runs a program and keeps what it wrote.
    pub fn run(&self, program: &Program) -> Finished {
        self.keep(program.run())
    }

    /// Keeps what a program wrote.
    pub fn keep(&self, finished: Finished) -> Finished {
        self.seen.borrow_mut().push(finished.clone());
        finished
    }

    /// The requests of this session from now on.
    pub fn audit(&self) -> Audit {
        self.cluster.audit(&self.user)
    }

    /// The home directory of the programs.
    pub fn home(&self) -> &std::path::Path {
        &self.home
    }

    /// The text of a key of a live Secret.
    pub fn secret(&self, namespace: &str, name: &str, key: &str) -> String {
        let secret = self.cluster.must_get("secret", namespace, name);
        let encoded = secret["data"][key].as_str().unwrap_or_else(|| panic!("the Secret {name} has no key {key}"));
        let bytes = STANDARD.decode(encoded).expect("a Secret's data is base64");
        String::from_utf8(bytes).expect("the value is text")
    }

    /// Fails the test when the secret is in anything that a program of this session wrote: to its streams, or to a file
    /// below its home, where it also works.
    #[track_caller]
    pub fn assert_never_shown(&self, secret: &str) {
        let canary = Canary::new(secret);
        let seen = self.seen.borrow();
        assert!(!seen.is_empty(), "nothing was run, so nothing is proven");
        for finished in seen.iter() {
            for (stream, text) in [("standard output", &finished.stdout), ("standard error", &finished.stderr)] {
                if let Some(form) = canary.find_in(text) {
                    panic!("the secret is {form} on {stream} of: {}", finished.command);
                }
            }
        }
        if let Some((path, form)) = canary.find_below(&self.home) {
            panic!("the secret is {form} in the file {}", path.display());
        }
    }

    /// The same for a text that is as short as it is rare, as it is.
    #[track_caller]
    pub fn assert_never_written(&self, text: &str) {
        for finished in self.seen.borrow().iter() {
            let line = finished.stdout.lines().chain(finished.stderr.lines()).find(|line| line.contains(text));
            assert!(line.is_none(), "the secret is on a line of: {}\n{}", finished.command, line.unwrap_or_default());
        }
    }
}
