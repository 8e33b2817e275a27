//! What the API server says that it was asked.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use holm_faults::{Request, Requests};
use serde_json::Value;

/// The requests of one user since a moment.
pub struct Audit {
    /// None where the cluster's log cannot be read.
    log: Option<PathBuf>,
    user: String,
    from: u64,
}

impl Audit {
    pub(crate) fn begin(log: Option<PathBuf>, user: &str) -> Self {
        let from = log.as_ref().and_then(|log| log.metadata().ok()).map_or(0, |metadata| metadata.len());
        Self { log, user: user.to_owned(), from }
    }

    /// Forgets what was asked until now.
    pub fn restart(&mut self) {
        *self = Self::begin(self.log.clone(), &self.user);
    }

    /// Every request, a watch once; none where the cluster's log cannot be read.
    pub fn requests(&self) -> Option<Requests> {
        let mut log = std::fs::File::open(self.log.as_ref()?).expect("the audit log is there");
        log.seek(SeekFrom::Start(self.from)).expect("the log only grows");
        let mut text = String::new();
        log.read_to_string(&mut text).expect("the log is UTF-8");
        let mut seen = BTreeSet::new();
        let requests = text.lines().filter_map(|line| {
            // The last line may be half written.
            let entry: Value = serde_json::from_str(line).ok()?;
            let is_ours = entry["user"]["username"].as_str() == Some(&self.user);
            let is_new = is_ours && seen.insert(entry["auditID"].as_str().unwrap_or_default().to_owned());
            is_new.then(|| request(&entry))
        });
        Some(requests.collect())
    }

    /// The requests that change something, in the order in which they were answered.
    pub fn mutating(&self) -> Option<Requests> {
        Some(self.requests()?.mutating())
    }

    /// Fails the test when anything was changed.
    #[track_caller]
    pub fn assert_nothing_mutated(&self) {
        let mutating = self.mutating().unwrap_or_default();
        assert!(mutating.is_empty(), "these requests change something:\n{mutating}");
    }

    /// Fails the test when there were more than `most` requests.
    #[track_caller]
    pub fn assert_at_most(&self, most: usize) {
        let requests = self.requests().unwrap_or_default();
        assert!(requests.len() <= most, "{} requests, and {most} are enough:\n{requests}", requests.len());
    }
}

/// Reads an entry of the log.
fn request(entry: &Value) -> Request {
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let uri = text("/requestURI");
    let code = entry.pointer("/responseStatus/code").and_then(Value::as_u64);
    Request {
        verb: text("/verb"),
        resource: text("/objectRef/resource"),
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
        subresource: text("/objectRef/subresource"),
        dry_run: uri.split(['?', '&']).any(|parameter| parameter == "dryRun=All"),
        user_agent: text("/userAgent"),
        code: code.and_then(|code| u16::try_from(code).ok()),
        uri,
        ..Request::default()
    }
}
