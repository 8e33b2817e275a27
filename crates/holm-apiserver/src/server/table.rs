//! Tables: lists as `kubectl get` prints them.
//!
//! The columns are those of `k8s.io/kubernetes`, `pkg/printers/internalversion/printers.go`, for the kinds that stacks use; other
//! kinds have their name and age. Custom resources have the columns of their definition.

mod cells;

use std::sync::Arc;

use holm_structured_merge::Timestamp;
use serde_json::{Value, json};

use super::list::metadata_of;
use crate::object;
use crate::registry::{ResourceType, TypeSchema};

/// A column: name, type, and 0 if it is always shown, 1 if only when asked for more.
type Column = (&'static str, &'static str, u8);

/// A table of these objects.
pub(super) fn of(resource: &ResourceType, objects: &[Arc<Value>], revision: Option<u64>, now: Timestamp) -> Value {
    let (columns, rows): (Vec<Value>, Vec<Vec<Value>>) = match &resource.schema {
        TypeSchema::Custom(custom) if !custom.columns.is_empty() => {
            let mut columns = vec![column("Name", "string", "name", 0)];
            columns.extend(custom.columns.iter().map(|own| {
                json!({"name": own.name, "type": own.kind, "format": own.format, "description": own.description, "priority": own.priority})
            }));
            let rows = objects.iter().map(|object| {
                let own = custom.columns.iter().map(|column| cells::by_path(object, &column.path, &column.kind, now));
                std::iter::once(json!(object::name(object))).chain(own).collect()
            });
            (columns, rows.collect())
        }
        _ => {
            let columns = cells::columns(&resource.id);
            let shown = columns.iter().map(|(name, kind, priority)| {
                let format = if *name == "Name" { "name" } else { "" };
                column(name, kind, format, *priority)
            });
            let rows = objects.iter().map(|object| cells::row(&resource.id, object, now));
            (shown.collect(), rows.collect())
        }
    };
    let rows: Vec<Value> = rows
        .into_iter()
        .zip(objects)
        .map(|(cells, object)| json!({"cells": cells, "object": metadata_of(object)}))
        .collect();
    let mut table = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows});
    if let Some(revision) = revision {
        table["metadata"]["resourceVersion"] = json!(revision.to_string());
    }
    table
}

fn column(name: &str, kind: &str, format: &str, priority: u8) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": name, "priority": priority})
}
