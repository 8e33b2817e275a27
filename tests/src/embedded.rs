//! The embedded cluster in the process of the tests, behind a listener for the programs under test.

use std::path::{Path, PathBuf};

use holm_embedded::{Cluster, ClusterOptions};
use tokio::runtime::Runtime;

/// A running cluster with its listener.
pub(crate) struct Embedded {
    cluster: Cluster,
    _listener: holm_embedded::Listener,
    kubeconfig: PathBuf,
    audit_log: PathBuf,
}

impl Embedded {
    /// Starts one on the machine's clock. Controllers and node work on `runtime`.
    pub fn start(runtime: &Runtime, scratch: &Path) -> Self {
        let (kubeconfig, audit_log) = (scratch.join("admin.kubeconfig"), scratch.join("audit.log"));
        let (cluster, listener) = runtime.block_on(async {
            let cluster = Cluster::start(ClusterOptions::default()).await.expect("an embedded cluster starts");
            cluster.api().audit().write_to(&audit_log).expect("the scratch folder can be written to");
            let listener = cluster.api().listen(0).await.expect("loopback has a free port");
            (cluster, listener)
        });
        // JSON is YAML.
        std::fs::write(&kubeconfig, listener.kubeconfig().to_string()).expect("the scratch folder can be written to");
        Self { cluster, _listener: listener, kubeconfig, audit_log }
    }

    /// A client without a socket, with all rights.
    pub fn client(&self) -> kube::Client {
        self.cluster.api().client()
    }

    /// The kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The log of its API server.
    pub fn audit_log(&self) -> &Path {
        &self.audit_log
    }
}
