//! The public handle of an API server.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Poll};

use holm_schema::{GroupVersionKind, GroupVersionResource, PackError};
use http::{Request, Response};
use kube::client::Body;
use serde_json::Value;
use tokio::sync::watch;

use crate::audit::AuditLog;
use crate::authenticate::Signer;
use crate::authorize;
use crate::bootstrap;
use crate::clock::Clock;
use crate::error::ApiError;
use crate::import;
use crate::objects::Objects;
use crate::random::Random;
use crate::registry::Registry;
use crate::server;
use crate::settle::Pending;
use crate::state::State;
use crate::store::{LOG_CAPACITY, Store};
use crate::user::User;

/// A Kubernetes API server in process. Clones are handles to the same cluster; it ends with the last one.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    state: RwLock<State>,
    /// The revision of the last write, for those who wait for the next.
    revision: Arc<watch::Sender<u64>>,
    /// The revision up to which clients may see the writes: the last one that is on the disk; without a file the last one.
    published: Arc<watch::Sender<u64>>,
    audit: AuditLog,
    signer: Signer,
    #[cfg(feature = "persist")]
    persist: Option<crate::persist::Persist>,
    /// What the file holds that is no object that can be read.
    #[cfg(feature = "persist")]
    unreadable: Vec<String>,
}

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct ApiServerBuilder {
    clock: Clock,
    seed: Option<u64>,
    signing_key: Option<holm_values::Sensitive<[u8; 32]>>,
    log_capacity: usize,
    objects: Vec<Value>,
    #[cfg(feature = "persist")]
    path: Option<std::path::PathBuf>,
}

/// Why a cluster cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ApiServerError {
    /// The schema that this crate was built with is damaged.
    #[error("the schema of Kubernetes cannot be read")]
    Schema(#[from] PackError),
    /// The first objects could not be made.
    #[error("the cluster cannot be started: {0}")]
    Bootstrap(#[from] ApiError),
    /// An object cannot be taken over from another cluster.
    #[error("{object} cannot be taken over: {problem}")]
    Import {
        /// Its kind and name, or its place in the list.
        object: String,
        /// Why not.
        problem: &'static str,
    },
    /// The file of the cluster cannot be used.
    #[cfg(feature = "persist")]
    #[error(transparent)]
    Persist(#[from] crate::persist::PersistError),
}

impl ApiServerBuilder {
    /// Takes the time from this clock instead of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes uids and generated names the same in every run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How many changes are kept for watches and for the next pages of lists: 20,000 unless it is said otherwise.
    #[must_use]
    pub fn history(mut self, changes: usize) -> Self {
        self.log_capacity = changes;
        self
    }

    /// Keeps the cluster in this file, which only its owner can read: it holds Secrets. A request is answered when all that the
    /// answer tells is on the disk; a write that cannot be stored is refused, and so is all that comes after it.
    #[cfg(feature = "persist")]
    #[must_use]
    pub fn persist(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Makes the cluster with the objects of another one, as [`ApiServer::snapshot`] gives them: they keep their uids, owners and
    /// managed fields, and get new versions. They are not validated. A file must be new then.
    #[must_use]
    pub fn objects(mut self, objects: Vec<Value>) -> Self {
        self.objects = objects;
        self
    }

    /// Signs the tokens of service accounts with this key, so that those of an earlier life are good. Default: a new one.
    #[must_use]
    pub fn signing_key(mut self, key: [u8; 32]) -> Self {
        self.signing_key = Some(holm_values::Sensitive::new(key));
        self
    }

    /// Makes the cluster, with its first namespaces and the service `kubernetes`.
    ///
    /// # Errors
    /// If the schema that the crate was built with is damaged.
    pub fn build(self) -> Result<ApiServer, ApiServerError> {
        let mut state = State {
            store: Store::new(self.log_capacity),
            registry: Registry::built_in()?,
            clock: self.clock,
            random: self.seed.map_or_else(Random::from_system, Random::seeded),
            untidy: std::collections::HashMap::new(),
            settled: 0,
            pending: Pending::default(),
        };
        #[cfg(feature = "persist")]
        let opened = self.path.as_deref().map(|path| crate::persist::File::open(path, &mut state.store)).transpose()?;
        #[cfg(feature = "persist")]
        let (file, is_new) = opened.map_or((None, true), |(file, is_known)| (Some(file), !is_known));
        #[cfg(not(feature = "persist"))]
        let is_new = true;
        #[cfg(feature = "persist")]
        if file.is_some() {
            state.store.keep_unsaved();
        }
        if !self.objects.is_empty() {
            import::run(&mut state, self.objects, is_new)?;
        } else if is_new {
            bootstrap::run(&mut state)?;
        }
        #[cfg(feature = "persist")]
        if !is_new {
            state.resume();
        }
        while !state.settle() {}
        authorize::bootstrap::run(&mut state);
        authorize::aggregate::run(&mut state);
        // Nothing else follows from the roles.
        state.settled = state.store.revision();
        let revision = Arc::new(watch::channel(state.store.revision()).0);
        #[cfg(not(feature = "persist"))]
        let published = Arc::clone(&revision);
        #[cfg(feature = "persist")]
        let unreadable = file.as_ref().map(|file| file.unreadable().to_vec()).unwrap_or_default();
        #[cfg(feature = "persist")]
        let (persist, published) = match file {
            Some(file) => {
                file.commit(&state.store.take_unsaved(), state.store.revision())?;
                let published = Arc::new(watch::channel(state.store.revision()).0);
                let sender = Arc::clone(&published);
                let publish = move |stored| sender.send_modify(|published| *published = stored);
                (Some(crate::persist::Persist::begin(file, state.store.revision(), publish)?), published)
            }
            None => (None, Arc::clone(&revision)),
        };
        Ok(ApiServer {
            inner: Arc::new(Inner {
                state: RwLock::new(state),
                revision,
                published,
                audit: AuditLog::default(),
                signer: match self.signing_key {
                    Some(key) => Signer::with(*key.expose()),
                    None => Signer::new()?,
                },
                #[cfg(feature = "persist")]
                persist,
                #[cfg(feature = "persist")]
                unreadable,
            }),
        })
    }
}

impl ApiServer {
    /// A cluster in memory, with the machine's clock.
    ///
    /// # Errors
    /// If the schema that the crate was built with is damaged.
    pub fn new() -> Result<Self, ApiServerError> {
        Self::builder().build()
    }

    /// Makes a cluster with choices.
    #[must_use]
    pub fn builder() -> ApiServerBuilder {
        ApiServerBuilder {
            clock: Clock::system(),
            seed: None,
            signing_key: None,
            log_capacity: LOG_CAPACITY,
            objects: Vec::new(),
            #[cfg(feature = "persist")]
            path: None,
        }
    }

    /// A client that talks to the cluster without a socket. It needs a tokio runtime.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.service(), "default")
    }

    /// A client of another user than the administrator. It needs a tokio runtime.
    #[must_use]
    pub fn client_as(&self, user: User) -> kube::Client {
        kube::Client::new(self.service_as(user), "default")
    }

    /// The API as a service for HTTP requests, bodies as `kube` has them. All come from the administrator.
    #[must_use]
    pub fn service(&self) -> ApiService {
        self.service_as(User::administrator())
    }

    /// The same service for the requests of another user.
    #[must_use]
    pub fn service_as(&self, user: User) -> ApiService {
        ApiService { cluster: self.clone(), user: Arc::new(user), waits: true }
    }

    /// The log of the requests, in process and over the listener.
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.inner.audit
    }

    /// A client whose requests do not wait for the disk, for what belongs to the cluster itself: a controller does again what
    /// the cluster has lost in a crash.
    #[must_use]
    pub fn eager_client(&self) -> kube::Client {
        kube::Client::new(ApiService { waits: false, ..self.service() }, "default")
    }

    /// Direct access to the objects of a resource, without HTTP and without waiting, also not for the disk: see
    /// [`stored`](Self::stored).
    ///
    /// # Errors
    /// If the resource is not served: 404.
    pub fn objects(&self, resource: &GroupVersionResource) -> Result<Objects, ApiError> {
        let found = self.read().registry.get(resource).filter(|found| found.view.is_none()).cloned();
        found.map(|found| Objects::new(self.clone(), found)).ok_or_else(ApiError::no_resource)
    }

    /// Direct access to the objects of a kind, as [`objects`](Self::objects) gives it.
    ///
    /// # Errors
    /// If the kind is not served: 404.
    pub fn objects_of(&self, kind: &GroupVersionKind) -> Result<Objects, ApiError> {
        let found = self.read().registry.by_kind(kind).filter(|found| found.view.is_none()).cloned();
        found.map(|found| Objects::new(self.clone(), found)).ok_or_else(ApiError::no_resource)
    }

    /// Direct access to the objects of the kind of this name, such as `Deployment`: of the first group that has it, in the order
    /// of their names, the core group first. None if it is not served.
    #[must_use]
    pub fn find(&self, kind: &str) -> Option<Objects> {
        let found = self.read().registry.all().find(|found| found.kind.kind == kind).cloned();
        found.map(|found| Objects::new(self.clone(), found))
    }

    /// Direct access to the objects of every resource that is served, custom ones in each of their versions.
    #[must_use]
    pub fn all(&self) -> Vec<Objects> {
        let state = self.read();
        state.registry.all().map(|found| Objects::new(self.clone(), found.clone())).collect()
    }

    /// The revision of the last write.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.read().store.revision()
    }

    /// All objects as they are stored, of one revision: definitions of custom resources first, then by resource, namespace and
    /// name. Secrets are among them.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Arc<Value>> {
        import::in_order(&self.read().store)
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().store.len()
    }

    /// Whether there is no object, which is not so in a cluster that has begun.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many revisions the file is behind; none without a file.
    #[must_use]
    pub fn unstored(&self) -> u64 {
        #[cfg(feature = "persist")]
        if let Some(persist) = &self.inner.persist {
            return self.revision().saturating_sub(persist.revision());
        }
        0
    }

    /// Waits until all that was written so far is on the disk. Without a file there is nothing to wait for.
    ///
    /// # Errors
    /// If it cannot be stored, and never will be: the disk is full, for instance.
    pub async fn stored(&self) -> Result<(), ApiError> {
        #[cfg(feature = "persist")]
        if let Some(persist) = &self.inner.persist {
            return persist.stored(self.revision()).await;
        }
        Ok(())
    }

    /// What the file of the cluster holds and this program cannot read as an object, such as
    /// `things.example.com/default/one`: resource, namespace and name. It is kept in the file as it was found, and is not in the
    /// cluster.
    #[cfg(feature = "persist")]
    #[must_use]
    pub fn unreadable(&self) -> &[String] {
        &self.inner.unreadable
    }

    /// Lets go of the file, when all that was written is in it. What still uses this cluster can read; it can write no more. Without
    /// a file this does nothing.
    #[cfg(feature = "persist")]
    pub fn close(&self) {
        if let Some(persist) = &self.inner.persist {
            persist.close();
        }
    }

    /// Waits until something is written after `revision`, and gives the revision of the last write.
    pub async fn written_after(&self, revision: u64) -> u64 {
        let mut receiver = self.inner.revision.subscribe();
        // The sender lives in this cluster, so it cannot be gone.
        receiver.wait_for(|last| *last > revision).await.map_or(revision, |last| *last)
    }

    /// The clock of the cluster.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.read().clock.clone()
    }

    /// Whose token this is, if it is one of a service account of this cluster (`kubectl create token`), has not expired, and
    /// the account and what the token is bound to are still there. Tokens end with the process.
    #[must_use]
    pub fn user_of(&self, token: &str) -> Option<User> {
        let verified = self.inner.signer.verify(&self.read(), token)?;
        let ours = verified.audiences.iter().any(|audience| audience == crate::authenticate::ISSUER);
        ours.then_some(verified.user)
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        // A thread that panicked under the lock has not left a half-done write: the store changes object by object.
        self.inner.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, State> {
        self.inner.state.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Does a write and what follows from it, and wakes those who watch. With a file, those who watch from outside are woken when it
    /// is on the disk. Of what follows for thousands of objects only a part is done; the rest is left to [`follow_up`](Self::follow_up)
    /// and to the next writes.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut State) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let mut state = self.lock();
        #[cfg(feature = "persist")]
        if let Some(failure) = self.inner.persist.as_ref().and_then(crate::persist::Persist::failure) {
            return Err(failure);
        }
        let before = state.store.revision();
        let outcome = write(&mut state);
        self.settle(state, before);
        outcome
    }

    /// Does the next part of what follows from the writes so far. Tells whether there is more.
    pub fn follow_up(&self) -> bool {
        if self.read().pending.is_empty() {
            return false;
        }
        let state = self.lock();
        let before = state.store.revision();
        !self.settle(state, before)
    }

    fn settle(&self, mut state: RwLockWriteGuard<'_, State>, before: u64) -> bool {
        let is_settled = state.settle();
        let after = state.store.revision();
        #[cfg(feature = "persist")]
        if let Some(persist) = &self.inner.persist
            && after != before
        {
            // Under the lock, so that they arrive in their order.
            persist.store(state.store.take_unsaved(), after);
        }
        drop(state);
        if after != before {
            self.inner.revision.send_modify(|revision| *revision = (*revision).max(after));
        }
        is_settled
    }

    /// The revision of the last write, as it goes on.
    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.inner.revision.subscribe()
    }

    /// The revision up to which clients may see the writes, as it goes on.
    pub(crate) fn published(&self) -> watch::Receiver<u64> {
        self.inner.published.subscribe()
    }
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ApiServer").field("revision", &self.revision()).finish_non_exhaustive()
    }
}

/// The API as a [`tower::Service`].
#[derive(Clone, Debug)]
pub struct ApiService {
    cluster: ApiServer,
    user: Arc<User>,
    /// Whether an answer waits until what it tells is on the disk.
    waits: bool,
}

impl tower::Service<Request<Body>> for ApiService {
    type Response = Response<server::AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Self { cluster, user, waits } = self.clone();
        if !waits {
            request.extensions_mut().insert(server::Eager);
        }
        Box::pin(async move { Ok(server::serve(cluster, user, request).await) })
    }
}
