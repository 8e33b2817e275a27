//! Holding a run at one of its requests while something else happens.

use std::path::PathBuf;
use std::sync::Arc;

use kube::client::Body;
use tokio::sync::watch;

use crate::eventually;
use crate::fault::{Proxy, Request, connect};
use crate::session::Session;

/// A proxy before the cluster that holds one request until it is opened, and lets all others through.
pub struct Gate {
    /// The kubeconfig of those who are to come this way.
    pub kubeconfig: PathBuf,
    is_reached: watch::Receiver<bool>,
    open: watch::Sender<bool>,
    _proxy: Proxy,
}

impl Gate {
    /// Sets one up for the user of a session. It holds the first request that `holds` chooses.
    pub fn before(session: &Session, name: &str, holds: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        let (reached, is_reached) = watch::channel(false);
        let (open, opened) = watch::channel(false);
        let gate = Arc::new((holds, reached));
        let folder = session.cluster.scratch(&format!("{}.{name}", session.namespace));
        let (proxy, kubeconfig) = session.cluster.runtime.block_on(async {
            let inner = connect(&session.user.kubeconfig).await.expect("the kubeconfig can be used");
            let service = tower::service_fn(move |request: http::Request<Body>| {
                let (gate, inner, mut opened) = (gate.clone(), inner.clone(), opened.clone());
                async move {
                    let (holds, reached) = &*gate;
                    if holds(&Request::of(&request)) {
                        reached.send_replace(true);
                        // It fails when the gate is gone, and then nothing is held any more.
                        let _ = opened.wait_for(|is_open| *is_open).await;
                    }
                    inner.send(request).await
                }
            });
            let proxy = Proxy::start(kube::Client::new(service, "default")).await.expect("loopback has a free port");
            let kubeconfig = proxy.kubeconfig(&folder).expect("the scratch folder can be written to");
            (proxy, kubeconfig)
        });
        Self { kubeconfig, is_reached, open, _proxy: proxy }
    }

    /// Waits until a request is held.
    pub fn wait(&self) {
        eventually("the request that is to be held", || (*self.is_reached.borrow()).then_some(()));
    }

    /// Lets what is held go its way, and everything after it.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}
