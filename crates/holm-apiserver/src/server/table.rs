//! Tables: lists as `kubectl get` prints them.
//!
//! The columns are those of `k8s.io/kubernetes`, `pkg/printers/internalversion/printers.go`; custom resources have those of
//! their definition.

mod cells;
mod columns;

use std::sync::Arc;

use holm_validation::TypeSchema;
use holm_values::Timestamp;
use serde_json::{Value, json};

use super::list::metadata_of;
use super::respond::Beside;
use crate::object;
use crate::registry::ResourceType;

/// A column.
struct Column {
    name: &'static str,
    /// The type in JSON, or `date`.
    kind: &'static str,
    /// `name` for the name of the object.
    format: &'static str,
    /// 0 if it is always shown, 1 if only when asked for more.
    priority: u8,
}

/// A table of these objects.
pub(super) fn of(
    resource: &ResourceType,
    shown: &[Arc<Value>],
    beside: Beside,
    revision: Option<u64>,
    now: Timestamp,
) -> Value {
    let stored: Vec<Arc<Value>>;
    let objects = match resource.view {
        Some(view) => {
            let own = |object: &Arc<Value>| Arc::new(view.stored(Value::clone(object), None));
            stored = shown.iter().map(own).collect();
            &stored
        }
        None => shown,
    };
    let (columns, rows): (Vec<Value>, Vec<Vec<Value>>) = match &resource.schema {
        TypeSchema::Custom(custom) if !custom.columns.is_empty() => {
            let name = Column { name: "Name", kind: "string", format: "name", priority: 0 };
            let mut columns = vec![column(&name)];
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
            let default_class = default_class(objects);
            let rows = objects.iter().map(|object| cells::row(&resource.id, object, default_class, now));
            (columns::of(&resource.id).iter().map(column).collect(), rows.collect())
        }
    };
    table(columns, rows, shown, beside, revision)
}

/// A table of the scale of an object.
pub(super) fn of_scale(scale: Value, beside: Beside, now: Timestamp) -> Value {
    const ID: &str = "scales.autoscaling";
    let columns = columns::of(ID).iter().map(column).collect();
    let rows = vec![cells::row(ID, &scale, None, now)];
    table(columns, rows, &[Arc::new(scale)], beside, None)
}

fn table(
    columns: Vec<Value>,
    rows: Vec<Vec<Value>>,
    objects: &[Arc<Value>],
    beside: Beside,
    revision: Option<u64>,
) -> Value {
    let own = |object: &Arc<Value>| match beside {
        Beside::Metadata => metadata_of(object),
        Beside::Nothing => Value::Null,
        Beside::Object => Value::clone(object),
    };
    let rows: Vec<Value> =
        rows.into_iter().zip(objects).map(|(cells, object)| json!({"cells": cells, "object": own(object)})).collect();
    let mut table = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows});
    let own = objects.first().map(|object| object::metadata_text(object, "resourceVersion").to_owned());
    let revision = revision.map(|revision| revision.to_string()).or(own);
    if let Some(revision) = revision {
        table["metadata"]["resourceVersion"] = json!(revision);
    }
    table
}

fn column(column: &Column) -> Value {
    let Column { name, kind, format, priority } = column;
    json!({"name": name, "type": kind, "format": format, "description": name, "priority": priority})
}

/// The newest of the classes that call themselves default; of two of the same age the one with the lesser name.
fn default_class(objects: &[Arc<Value>]) -> Option<&str> {
    let annotation = "storageclass.kubernetes.io/is-default-class";
    let default = objects.iter().filter(|object| object::annotation(object, annotation) == Some("true"));
    let age = |object: &Value| object::metadata_text(object, "creationTimestamp").to_owned();
    let newest = default
        .max_by(|left, right| age(left).cmp(&age(right)).then_with(|| object::name(right).cmp(object::name(left))));
    newest.map(|object| object::name(object))
}
