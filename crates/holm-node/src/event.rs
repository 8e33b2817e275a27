//! Events, as the components of a cluster write them.
//!
//! A kubelet and the controllers write Events of the core group and count them (`k8s.io/client-go`, `tools/record`); the scheduler
//! writes those of `events.k8s.io` (`tools/events`), which have a time and an action instead of times and a count.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::object;

/// Who writes an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The kubelet of a node.
    Kubelet { node: String },
    /// kube-scheduler, with what it was doing.
    Scheduler { action: &'static str },
    /// A controller.
    Controller { component: String },
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    api_version: &'static str,
    kind: &'static str,
    namespace: String,
    name: String,
    pub uid: String,
    version: String,
    field_path: String,
    warns: bool,
    reason: &'static str,
    message: String,
    source: Source,
}

impl Event {
    /// An Event about an object of the core group.
    pub(crate) fn about(
        kind: &'static str,
        object: &Value,
        source: Source,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            api_version: "v1",
            kind,
            namespace: object::namespace(object).to_owned(),
            name: object::name(object).to_owned(),
            uid: object::uid(object).to_owned(),
            version: object::text(object, &["metadata", "resourceVersion"]).to_owned(),
            field_path: String::new(),
            warns: false,
            reason,
            message: message.into(),
            source,
        }
    }

    /// The part of the object that it is about.
    pub(crate) fn field_path(mut self, field_path: String) -> Self {
        self.field_path = field_path;
        self
    }

    /// Makes it a warning.
    pub(crate) fn warning(mut self) -> Self {
        self.warns = true;
        self
    }

    /// The namespace that it is written to: that of the object, or `default`.
    pub(crate) fn namespace(&self) -> &str {
        if self.namespace.is_empty() { "default" } else { &self.namespace }
    }

    /// Its name, the same for everything that is to be counted as one.
    pub(crate) fn name(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.uid, &self.field_path, self.reason, &self.message] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let suffix: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name: String = self.name.chars().take(200).collect();
        format!("{name}.{suffix}")
    }

    /// Whether it is a warning.
    pub(crate) fn warns(&self) -> bool {
        self.warns
    }

    /// Whether it has a count.
    pub(crate) fn is_counted(&self) -> bool {
        !matches!(self.source, Source::Scheduler { .. })
    }

    pub(crate) fn manager(&self) -> &str {
        match &self.source {
            Source::Kubelet { .. } => "kubelet",
            Source::Scheduler { .. } => "kube-scheduler",
            Source::Controller { component } => component,
        }
    }

    /// The object when it is written for the first time.
    pub(crate) fn to_object(&self, now: i64) -> Value {
        let mut involved = json!({
            "apiVersion": self.api_version, "kind": self.kind, "name": self.name, "uid": self.uid, "resourceVersion": self.version,
        });
        if !self.namespace.is_empty() {
            involved["namespace"] = json!(self.namespace);
        }
        if !self.field_path.is_empty() {
            involved["fieldPath"] = json!(self.field_path);
        }
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": self.name(), "namespace": self.namespace()},
            "involvedObject": involved,
            "type": if self.warns { "Warning" } else { "Normal" },
            "reason": self.reason,
            "message": self.message,
        });
        let (component, instance) = match &self.source {
            Source::Kubelet { node } => ("kubelet", node.as_str()),
            Source::Controller { component } => (component.as_str(), ""),
            Source::Scheduler { action } => {
                event["eventTime"] = json!(object::micro_timestamp(now));
                event["action"] = json!(action);
                event["source"] = json!({});
                event["reportingComponent"] = json!("default-scheduler");
                event["reportingInstance"] = json!("default-scheduler-holm");
                return event;
            }
        };
        event["source"] = json!({"component": component});
        if !instance.is_empty() {
            event["source"]["host"] = json!(instance);
        }
        event["reportingComponent"] = json!(component);
        event["reportingInstance"] = json!(instance);
        event["firstTimestamp"] = json!(object::timestamp(now));
        event["lastTimestamp"] = json!(object::timestamp(now));
        event["count"] = json!(1);
        event
    }
}
