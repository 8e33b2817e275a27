//! The annotation of `kubectl apply` on the client, and moving from it to server-side apply.
//!
//! When the manager `kubectl` applies to an object that carries the annotation, fields that the annotation names and that
//! still have its value are no conflict, and the annotation is kept up to date. From `k8s.io/apimachinery`,
//! `pkg/util/managedfields/internal/lastappliedmanager.go` and `lastappliedupdater.go`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::convert::Versions;
use crate::field_set::FieldSet;
use crate::json::write_json;
use crate::object::{GroupVersionKind, annotation};
use crate::typed::Duplicates;

/// The manager whose applies move from client side to server side.
pub(crate) const KUBECTL: &str = "kubectl";

/// The annotation that holds the configuration last applied on the client.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// All annotations of an object together may not be larger than this.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The fields that the client applied and that are still as it applied them; none if there is no usable annotation.
pub(crate) fn owned_fields(live: &Value, kind: &GroupVersionKind, versions: &dyn Versions) -> Option<FieldSet> {
    let text = annotation(live, LAST_APPLIED).filter(|text| !text.is_empty())?;
    let config: Value = serde_json::from_str(text).ok()?;
    let config_kind = GroupVersionKind::of(&config);
    if (&config_kind.group, &config_kind.version) != (&kind.group, &kind.version) {
        return None;
    }
    let typed = |object| versions.object_type(object)?.typed(Cow::Borrowed(object), Duplicates::Refused).ok();
    let (live, config) = (typed(live)?, typed(&config)?);
    let changed = config.compare(&live).ok()?;
    let fields = config.field_set();
    Some(fields.difference(&changed.modified).difference(&changed.added).difference(&changed.removed))
}

/// Writes the applied configuration into the annotation, if the object has it. An annotation that would be too large goes.
pub(crate) fn refresh(object: &mut Value, config: &Value) {
    if annotation(object, LAST_APPLIED).is_none_or(str::is_empty) {
        return;
    }
    let text = encoded(config);
    let Some(annotations) = annotations_mut(object) else { return };
    annotations.insert(LAST_APPLIED.to_owned(), Value::from(text));
    let size = |(name, value): (&String, &Value)| name.len() + value.as_str().map_or(0, str::len);
    if annotations.iter().map(size).sum::<usize>() > MAX_ANNOTATIONS {
        annotations.remove(LAST_APPLIED);
    }
}

/// The configuration without the annotation, on one line that ends in a line break.
fn encoded(config: &Value) -> String {
    let mut config = config.clone();
    if let Some(annotations) = annotations_mut(&mut config) {
        annotations.remove(LAST_APPLIED);
    }
    let mut text = String::new();
    write_json(&mut text, &config);
    text.push('\n');
    text
}

fn annotations_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object.get_mut("metadata")?.get_mut("annotations")?.as_object_mut()
}
