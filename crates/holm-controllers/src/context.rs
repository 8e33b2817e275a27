//! What a controller works with: the objects, the time, the queue, and its events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use holm_apiserver::{ApiError, ApiServer, Clock, DeleteOptions, Objects, Timestamp, WriteOptions};
use holm_values::Selector;
use serde_json::{Value, json};

use crate::endpoints::Triggers;
use crate::event::{Recorder, Said, Write};
use crate::fields::uid;
use crate::index::{Index, Term};
use crate::job::Backoff;
use crate::kind::Kind;
use crate::queue::{Key, Queue};

/// Who the controllers are to the API server.
const MANAGER: &str = "kube-controller-manager";

pub(crate) struct Context {
    api: ApiServer,
    clock: Clock,
    objects: BTreeMap<Kind, Objects>,
    recorder: Recorder,
    pub index: Index,
    pub queue: Queue,
    /// How long failed pods of DaemonSets stay, by the uid of the set and the node: when the last one was deleted, in
    /// milliseconds, and how many were in a row.
    pub backoffs: HashMap<(String, String), (i64, u32)>,
    /// What services had when their endpoints were written.
    pub triggers: Triggers,
    /// Nodes that are gone while there are pods on them, and since when, in seconds since 1970.
    pub missing_nodes: HashMap<String, i64>,
    /// The failures of Jobs, by namespace and name.
    pub job_backoffs: HashMap<(String, String), Backoff>,
    /// How many writes have changed something.
    pub writes: usize,
    /// How many pods are made or deleted in one go, where a controller has no smaller limit of its own.
    pub burst: usize,
}

impl Context {
    pub fn new(api: &ApiServer) -> Self {
        let served = |kind: &Kind| api.objects(&kind.resource()).ok().map(|objects| (*kind, objects));
        Self {
            api: api.clone(),
            clock: api.clock(),
            objects: Kind::ALL.iter().filter_map(served).collect(),
            recorder: Recorder::default(),
            index: Index::default(),
            queue: Queue::default(),
            backoffs: HashMap::new(),
            missing_nodes: HashMap::new(),
            triggers: Triggers::default(),
            job_backoffs: HashMap::new(),
            writes: 0,
            burst: usize::MAX,
        }
    }

    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// Milliseconds since 1970.
    pub fn now_milliseconds(&self) -> i64 {
        self.clock.now_milliseconds()
    }

    /// Seconds since 1970.
    pub fn now_seconds(&self) -> i64 {
        self.clock.now().0
    }

    /// The time as objects have it.
    pub fn now(&self) -> String {
        self.clock.now().to_string()
    }

    /// A time in seconds since 1970, as objects have it.
    pub fn time(seconds: i64) -> String {
        Timestamp(seconds).to_string()
    }

    pub fn is_held(&self) -> bool {
        self.clock.is_held()
    }

    /// Looks at an object again at a time in seconds since 1970.
    pub fn again_at(&mut self, key: &Key, seconds: i64) {
        self.queue.add_at(key.clone(), seconds.saturating_mul(1000));
    }

    /// Looks at an object again after some milliseconds.
    pub fn again_after(&mut self, key: &Key, milliseconds: i64) {
        let time = self.now_milliseconds().saturating_add(milliseconds);
        self.queue.add_at(key.clone(), time);
    }

    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects.get(&kind)?.get(namespace, name)
    }

    /// All objects of a kind, or those in one namespace.
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.objects.get(&kind).map(|objects| objects.list(namespace).items).unwrap_or_default()
    }

    /// The objects that say something of themselves.
    pub fn find(&self, kind: Kind, term: Term) -> Vec<Arc<Value>> {
        let places = self.index.find(kind, term);
        places.iter().filter_map(|(namespace, name)| self.get(kind, namespace, name)).collect()
    }

    /// The objects of a kind that this one controls.
    pub fn children(&self, kind: Kind, owner: &Value) -> Vec<Arc<Value>> {
        self.find(kind, Term::Owner(uid(owner).to_owned()))
    }

    /// The pods of a namespace that are selected.
    pub fn selected_pods(&self, namespace: &str, selector: &Selector) -> Vec<Arc<Value>> {
        let pods = match selector.pair() {
            Some((label, value)) => {
                self.find(Kind::Pod, Term::Label(namespace.to_owned(), label.to_owned(), value.to_owned()))
            }
            None => self.list(Kind::Pod, Some(namespace)),
        };
        pods.into_iter().filter(|pod| selector.matches(pod)).collect()
    }

    pub fn create(&mut self, kind: Kind, object: Value) -> Result<Arc<Value>, ApiError> {
        self.written(kind, |objects| objects.create(object, &WriteOptions::by(MANAGER)))
    }

    pub fn update(&mut self, kind: Kind, object: Value) -> Result<Arc<Value>, ApiError> {
        self.written(kind, |objects| objects.update(object, &WriteOptions::by(MANAGER)))
    }

    pub fn update_status(&mut self, kind: Kind, object: Value) -> Result<Arc<Value>, ApiError> {
        self.written(kind, |objects| objects.update_status(object, &WriteOptions::by(MANAGER)))
    }

    /// Changes an object by a JSON merge patch.
    pub fn merge(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Value,
    ) -> Result<Arc<Value>, ApiError> {
        self.written(kind, |objects| objects.merge(namespace, name, subresource, patch, &WriteOptions::by(MANAGER)))
    }

    /// Sets the number of replicas through the scale subresource.
    pub fn scale(&mut self, kind: Kind, namespace: &str, name: &str, replicas: i64) -> Result<(), ApiError> {
        self.written(kind, |objects| {
            let scale = objects.scale(namespace, name, replicas, &WriteOptions::by(MANAGER))?;
            Ok(Arc::new(scale))
        })
        .map(|_| ())
    }

    pub fn delete(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Arc<Value>, ApiError> {
        self.written(kind, |objects| objects.delete(namespace, name, options))
    }

    fn written(
        &mut self,
        kind: Kind,
        write: impl FnOnce(&Objects) -> Result<Arc<Value>, ApiError>,
    ) -> Result<Arc<Value>, ApiError> {
        let Some(objects) = self.objects.get(&kind) else {
            let resource = kind.resource();
            return Err(ApiError::not_found(&resource.group, &resource.resource, ""));
        };
        let before = self.api.revision();
        let outcome = write(objects);
        if self.api.revision() != before {
            self.writes += 1;
        }
        outcome
    }

    /// Says something about an object.
    pub fn say(&mut self, object: &Value, kind: Kind, said: Said<'_>) {
        let now = self.now_milliseconds();
        // An event that the API refuses is lost, as it is with a real controller: nobody waits for it.
        match self.recorder.say(object, kind, said, now) {
            None => {}
            Some(Write::Create(event)) => {
                let _ = self.create(Kind::Event, event);
            }
            Some(Write::Count { namespace, name, count, time, message }) => {
                let patch = json!({"count": count, "lastTimestamp": time, "message": message});
                if self.merge(Kind::Event, &namespace, &name, "", &patch).is_err() {
                    // It is gone: its time was over, or somebody deleted it.
                    self.recorder.forget(&name);
                    if let Some(Write::Create(event)) = self.recorder.say(object, kind, said, now) {
                        let _ = self.create(Kind::Event, event);
                    }
                }
            }
        }
    }
}
