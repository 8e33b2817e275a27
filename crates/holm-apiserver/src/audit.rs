//! The log of requests: who asked for what, and with which outcome.
//!
//! The form is that of `k8s.io/apiserver`, `pkg/apis/audit/v1` at level `Metadata`, so that what counts the requests to a real
//! cluster counts these too. Bodies are not in it, so no Secret is.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use holm_values::MicroTime;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::random::Random;
use crate::request_info::Attributes;
use crate::user::User;

/// How many requests are kept in memory.
const KEPT: usize = 20_000;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// How many requests were recorded before this one.
    pub number: u64,
    /// When the answer began, in milliseconds since 1970 by the cluster's clock.
    pub time: i64,
    /// Who asked.
    pub user: User,
    /// On whose behalf, if the request said so and was allowed to.
    pub impersonated: Option<User>,
    /// What the client calls itself.
    pub user_agent: String,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub uri: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for paths that are no resources the
    /// method in lower case.
    pub verb: String,
    /// The API group; empty for the core group, and for paths that are no resources.
    pub group: String,
    /// The version; empty for paths that are no resources.
    pub version: String,
    /// The resource, such as `deployments`; empty for paths such as `/version`.
    pub resource: String,
    /// The subresource, such as `scale`; empty for none.
    pub subresource: String,
    /// The namespace; empty for what is cluster-scoped.
    pub namespace: String,
    /// The name; empty for collections and for objects whose name was only in the body.
    pub name: String,
    /// Whether it was sent with `dryRun=All`.
    pub dry_run: bool,
    /// The status code of the answer.
    pub code: u16,
}

impl AuditEvent {
    /// Whether the cluster may be another one after it: a write that is no dry run and no question about rights.
    #[must_use]
    pub fn is_mutating(&self) -> bool {
        let changes = matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection");
        changes && !self.dry_run && !self.resource.ends_with("reviews")
    }

    /// As a line of Kubernetes' audit log has it. A watch is recorded when it begins.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let time = micro_time(self.time);
        let mut event = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": self.id(),
            "stage": if self.verb == "watch" { "ResponseStarted" } else { "ResponseComplete" },
            "requestURI": self.uri, "verb": self.verb, "user": user_value(&self.user), "sourceIPs": ["127.0.0.1"],
            "userAgent": self.user_agent, "responseStatus": {"metadata": {}, "code": self.code},
            "requestReceivedTimestamp": time, "stageTimestamp": time,
        });
        if let Some(user) = &self.impersonated {
            event["impersonatedUser"] = user_value(user);
        }
        if !self.resource.is_empty() {
            let mut object = json!({"apiVersion": self.version});
            for (field, value) in [
                ("resource", &self.resource),
                ("namespace", &self.namespace),
                ("name", &self.name),
                ("apiGroup", &self.group),
                ("subresource", &self.subresource),
            ] {
                if !value.is_empty() {
                    object[field] = json!(value);
                }
            }
            event["objectRef"] = object;
        }
        event
    }

    /// A uid that is the same whenever the event is written.
    fn id(&self) -> String {
        #[allow(clippy::cast_sign_loss, reason = "only the bits count")]
        Random::seeded((self.time as u64) << 20 ^ self.number).uid()
    }
}

fn user_value(user: &User) -> Value {
    let mut value = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        value["uid"] = json!(user.uid);
    }
    if !user.extra.is_empty() {
        value["extra"] = json!(user.extra);
    }
    value
}

/// A time with six digits after the point, from milliseconds.
pub(crate) fn micro_time(milliseconds: i64) -> String {
    MicroTime(milliseconds.saturating_mul(1000)).to_string()
}

/// The requests to a cluster. Clones are handles to the same log.
///
/// A request with a wrong token, which is answered with 401 before anybody knows who asks, is not in it.
#[derive(Clone, Debug, Default)]
pub struct AuditLog {
    inner: Arc<Mutex<Records>>,
}

#[derive(Debug, Default)]
struct Records {
    events: VecDeque<AuditEvent>,
    /// How many requests there were.
    count: u64,
    file: Option<mpsc::Sender<Line>>,
}

/// A line for the file, and who waits until it is there.
type Line = (String, oneshot::Sender<()>);

impl AuditLog {
    /// How many requests were answered; the number of the next one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// The requests from number `from` on, in the order of their answers; the last 20,000 are kept.
    #[must_use]
    pub fn since(&self, from: u64) -> Vec<AuditEvent> {
        self.lock().events.iter().filter(|event| event.number >= from).cloned().collect()
    }

    /// Writes what is recorded from now on to a file too, one JSON document in a line, before the answer is sent. The file is
    /// made if it is not there and readable by its owner only; lines are added at its end.
    ///
    /// A line that cannot be written is left out: the requests go on.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn write_to(&self, path: &Path) -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let (sender, lines) = mpsc::channel();
        // The thread ends with the log, or when another file takes the place of this one.
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || write_all(file, &lines))?;
        self.lock().file = Some(sender);
        Ok(())
    }

    /// Records a request, and waits until the line is in the file where there is one, in the order of the answers.
    pub(crate) async fn record(&self, event: AuditEvent) {
        if let Some(written) = self.add(event) {
            // The answer is sent even if the thread has ended.
            let _ = written.await;
        }
    }

    fn add(&self, mut event: AuditEvent) -> Option<oneshot::Receiver<()>> {
        let mut records = self.lock();
        event.number = records.count;
        records.count += 1;
        let written = records.file.as_ref().and_then(|file| {
            let (sender, written) = oneshot::channel();
            file.send((format!("{}\n", event.to_value()), sender)).ok().map(|()| written)
        });
        if records.events.len() == KEPT {
            records.events.pop_front();
        }
        records.events.push_back(event);
        written
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_all(mut file: File, lines: &mpsc::Receiver<Line>) {
    for (line, written) in lines {
        // In one write, so that lines of a file that two clusters share do not mix.
        let _ = file.write_all(line.as_bytes());
        // The receiver may have been dropped.
        let _ = written.send(());
    }
}

impl AuditEvent {
    pub(crate) fn of(attributes: Attributes, user: User, time: i64) -> Self {
        Self {
            number: 0,
            time,
            user,
            impersonated: None,
            user_agent: String::new(),
            method: String::new(),
            uri: String::new(),
            verb: attributes.verb,
            group: attributes.group,
            version: attributes.version,
            resource: attributes.resource,
            subresource: attributes.subresource,
            namespace: attributes.namespace,
            name: attributes.name,
            dry_run: false,
            code: 0,
        }
    }
}
