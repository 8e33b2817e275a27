//! Whose an object is: adopting what nobody controls, and releasing what is no longer selected.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/controller_ref_manager.go`.

use std::sync::Arc;

use holm_values::Selector;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Failure, is_not_found};
use crate::fields::{controller_reference, is_deleting, items, name, namespace, texts, uid};
use crate::index::Term;
use crate::kind::Kind;

/// An owner and what it claims.
pub(crate) struct Claim<'a> {
    pub owner: &'a Value,
    pub owner_kind: Kind,
    pub selector: &'a Selector,
    /// A finalizer that adopted objects get, and released ones lose.
    pub finalizer: Option<&'a str>,
}

impl Claim<'_> {
    /// The objects of a kind that belong to the owner: those that it controls and selects, and those that it adopts. Of those that
    /// nobody controls, `may` says which ones count.
    pub fn objects(
        &self,
        context: &mut Context,
        kind: Kind,
        may: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Arc<Value>>, Failure> {
        let mut claimed = Vec::new();
        for object in context.children(kind, self.owner).into_iter().filter(|object| may(object)) {
            if self.selector.matches(&object) {
                claimed.push(object);
            } else if !is_deleting(self.owner) {
                self.release(context, kind, &object)?;
            }
        }
        if is_deleting(self.owner) {
            return Ok(claimed);
        }
        let orphans = context.find(kind, Term::Orphan(namespace(self.owner).to_owned()));
        for object in orphans {
            if may(&object) && !is_deleting(&object) && self.selector.matches(&object) {
                claimed.push(self.adopt(context, kind, &object)?);
            }
        }
        Ok(claimed)
    }

    fn adopt(&self, context: &mut Context, kind: Kind, object: &Value) -> Result<Arc<Value>, Failure> {
        let mut owners: Vec<Value> = items(object, "/metadata/ownerReferences").cloned().collect();
        owners.retain(|owner| owner.get("uid").and_then(Value::as_str) != Some(uid(self.owner)));
        owners.push(controller_reference(self.owner, self.owner_kind));
        let mut metadata = json!({"uid": uid(object), "ownerReferences": owners});
        if let Some(finalizer) = self.finalizer {
            let mut finalizers = texts(object, "/metadata/finalizers");
            if !finalizers.iter().any(|found| found == finalizer) {
                finalizers.push(finalizer.to_owned());
            }
            metadata["finalizers"] = json!(finalizers);
        }
        let patch = json!({"metadata": metadata});
        Ok(context.merge(kind, namespace(object), name(object), "", &patch)?)
    }

    fn release(&self, context: &mut Context, kind: Kind, object: &Value) -> Result<(), Failure> {
        let owners: Vec<&Value> = items(object, "/metadata/ownerReferences")
            .filter(|owner| owner.get("uid").and_then(Value::as_str) != Some(uid(self.owner)))
            .collect();
        let owners = if owners.is_empty() { Value::Null } else { json!(owners) };
        let mut metadata = json!({"uid": uid(object), "ownerReferences": owners});
        if let Some(finalizer) = self.finalizer {
            let mut finalizers = texts(object, "/metadata/finalizers");
            finalizers.retain(|found| found != finalizer);
            metadata["finalizers"] = if finalizers.is_empty() { Value::Null } else { json!(finalizers) };
        }
        let patch = json!({"metadata": metadata});
        match context.merge(kind, namespace(object), name(object), "", &patch) {
            Err(error) if !is_not_found(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
