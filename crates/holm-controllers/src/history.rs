//! ControllerRevisions: the templates that a StatefulSet or a DaemonSet has had.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/history/controller_history.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::adoption::Claim;
use crate::context::Context;
use crate::error::{Failure, is_already_exists};
use crate::fields::{at, controller_reference, count, created, map, name, namespace, set};
use crate::hash;
use crate::kind::Kind;

/// The label with the hash of a revision; pods of DaemonSets have it under its own name, those of StatefulSets with the revision's name.
pub(crate) const REVISION_LABEL: &str = "controller-revision-hash";

/// The revisions of a workload, oldest first. Those that fit and that nobody controls are adopted.
pub(crate) fn list(context: &mut Context, claim: &Claim<'_>) -> Result<Vec<Arc<Value>>, Failure> {
    let mut revisions = claim.objects(context, Kind::ControllerRevision, |_| true)?;
    revisions.sort_by(|left, right| {
        (number(left), created(left), name(left)).cmp(&(number(right), created(right), name(right)))
    });
    Ok(revisions)
}

/// The number of a revision.
pub(crate) fn number(revision: &Value) -> i64 {
    count(revision, "/revision")
}

/// What a revision keeps of a workload: its template, as a patch that would bring it back.
pub(crate) fn data(owner: &Value) -> Value {
    let mut template = at(owner, "/spec/template").cloned().unwrap_or_else(|| json!({}));
    template["$patch"] = json!("replace");
    json!({"spec": {"template": template}})
}

/// The template that a revision keeps.
pub(crate) fn template(revision: &Value) -> Value {
    let mut template = at(revision, "/data/spec/template").cloned().unwrap_or_else(|| json!({}));
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    template
}

/// A revision that is not made yet, without its name.
pub(crate) fn draft(owner: &Value, kind: Kind, number: i64) -> Value {
    let mut metadata = json!({
        "namespace": namespace(owner), "ownerReferences": [controller_reference(owner, kind)],
        "labels": at(owner, "/spec/template/metadata/labels").cloned().unwrap_or_else(|| json!({})),
    });
    if let Some(annotations) = map(owner, "/metadata/annotations") {
        metadata["annotations"] = json!(annotations);
    }
    json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "data": data(owner),
        "revision": number,
    })
}

/// The outcome of making a revision.
pub(crate) enum Made {
    /// It is there now, or was there already.
    Revision(Arc<Value>),
    /// Another one has the same hash.
    Collision,
}

/// Makes a revision, named by the hash of what it keeps.
pub(crate) fn create(
    context: &mut Context,
    owner: &Value,
    mut draft: Value,
    label: &str,
    collisions: Option<i64>,
) -> Result<Made, Failure> {
    let hash = hash::of(&draft["data"], collisions);
    let prefix: String = name(owner).chars().take(223).collect();
    let revision_name = format!("{prefix}-{hash}");
    set(&mut draft, "/metadata/name", revision_name.clone());
    set(&mut draft, &format!("/metadata/labels/{}", label.replace('/', "~1")), hash);
    let data = draft["data"].clone();
    match context.create(Kind::ControllerRevision, draft) {
        Ok(made) => Ok(Made::Revision(made)),
        Err(error) if is_already_exists(&error) => {
            let found = context.get(Kind::ControllerRevision, namespace(owner), &revision_name);
            Ok(found.filter(|found| found["data"] == data).map_or(Made::Collision, Made::Revision))
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives a revision another number.
pub(crate) fn renumber(context: &mut Context, revision: &Arc<Value>, number: i64) -> Result<Arc<Value>, Failure> {
    let mut changed = Value::clone(revision);
    changed["revision"] = json!(number);
    Ok(context.update(Kind::ControllerRevision, changed)?)
}
