//! What a run says of objects that do not become ready, of what it cannot know, and what a person can do next: on both clusters.

mod jobs;
mod logs;
mod missing;
mod reports;
mod stacks;
mod waiting;

use holm_e2e::{ControlPlane, Finished, Program, Session};

/// A stack of manifests in a namespace of its own, which the manifests declare.
struct Case {
    session: Session,
}

impl Case {
    fn begun(name: &str) -> Self {
        Self { session: Session::new(ControlPlane::shared("verdicts"), name) }
    }

    /// The program that declares `text` and the namespace.
    fn program(&self, arguments: &[&str], text: &str) -> Program {
        let file = self.session.home().join("stack.yaml");
        let namespace = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {}}}}}\n---\n", self.namespace());
        std::fs::write(&file, namespace + text).expect("the home can be written to");
        let program = self.session.workspace("manifests", arguments);
        program.config("file", &file.display().to_string()).config("new", "no")
    }

    fn run(&self, arguments: &[&str], text: &str) -> Finished {
        self.session.run(&self.program(arguments, text))
    }

    /// Applies with so long a limit that only a verdict ends the wait.
    fn apply(&self, text: &str) -> Finished {
        self.run(&["apply", "--yes", "--timeout", "3m"], text)
    }

    fn plan(&self, text: &str) -> Finished {
        self.run(&["plan", "--detailed-exitcode"], text)
    }

    fn namespace(&self) -> &str {
        &self.session.namespace
    }
}

/// A Deployment `web` with this in its pods' spec.
fn deployment(spec: &str, pod: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{{spec} selector: {{matchLabels: {{app: web}}}}, \
         template: {{metadata: {{labels: {{app: web}}}}, spec: {{{pod}}}}}}}}}\n---\n"
    )
}

/// A ConfigMap `name` with the key `key`.
fn config_map(name: &str, value: &str) -> String {
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{key: '{value}'}}}}\n---\n")
}
