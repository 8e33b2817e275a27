//! Strategic merge patch: a merge patch that knows which lists are merged and by which key.
//!
//! From `k8s.io/apimachinery`, `pkg/util/strategicpatch/patch.go`: lists with the patch strategy `merge` are merged by their merge
//! key, or by value if they hold scalars; the directives are `$patch` (`replace`, `delete`, `merge`), `$retainKeys`,
//! `$deleteFromPrimitiveList/FIELD` and `$setElementOrder/FIELD`; null removes a field.

use holm_schema::Type;
use serde_json::{Map, Value};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";

/// A patch that cannot be applied.
#[derive(Debug)]
pub(super) enum PatchError {
    /// A directive is not as it should be.
    Malformed(String),
    /// The patch and the object do not fit together.
    NotApplicable(String),
}

/// Applies a patch in place.
pub(super) fn apply(object: &mut Value, patch: &Value, kind: Type<'_>) -> Result<(), PatchError> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let (Some(fields), Some(patch)) = (object.as_object_mut(), patch.as_object()) else {
        return Err(PatchError::NotApplicable("cannot merge what is no map".to_owned()));
    };
    merge_map(fields, patch, Some(kind))
}

/// The type of a field; maps of free keys have one for all.
fn field_type<'p>(kind: Option<Type<'p>>, name: &str) -> Option<Type<'p>> {
    let kind = kind?;
    kind.property(name).or_else(|| kind.values())
}

fn merge_map(
    object: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    kind: Option<Type<'_>>,
) -> Result<(), PatchError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => {
                *object = without_directives(patch);
                return Ok(());
            }
            Some("delete") => {
                object.clear();
                return Ok(());
            }
            Some("merge") => {}
            _ => return Err(PatchError::NotApplicable(format!("unknown patch type found: {directive}"))),
        }
    }
    retain_keys(object, patch)?;
    delete_from_lists(object, patch);
    for (name, value) in patch {
        if name.starts_with('$') {
            continue;
        }
        if value.is_null() {
            object.remove(name);
            continue;
        }
        let field = field_type(kind, name);
        let order = patch.get(&format!("{ELEMENT_ORDER}{name}")).and_then(Value::as_array);
        merge_field(object, name, value, field, order.map(Vec::as_slice))?;
    }
    // An order may come without a change of the list.
    for (name, order) in patch {
        let Some(name) = name.strip_prefix(ELEMENT_ORDER) else { continue };
        if patch.contains_key(name) {
            continue;
        }
        if let (Some(list), Some(order)) = (object.get_mut(name).and_then(Value::as_array_mut), order.as_array()) {
            let server = list.clone();
            sort(list, order, &server, field_type(kind, name).and_then(|field| field.patch_merge_key()));
        }
    }
    Ok(())
}

fn merge_field(
    object: &mut Map<String, Value>,
    name: &str,
    value: &Value,
    field: Option<Type<'_>>,
    order: Option<&[Value]>,
) -> Result<(), PatchError> {
    match value {
        Value::Object(patch) => {
            let current = object.entry(name.to_owned()).or_insert(Value::Null);
            if !current.is_object() {
                *current = Value::Object(Map::new());
            }
            if let Some(current) = current.as_object_mut() {
                merge_map(current, patch, field)?;
            }
            if patch.get(DIRECTIVE).and_then(Value::as_str) == Some("delete") {
                object.remove(name);
            }
            Ok(())
        }
        Value::Array(patch) => {
            let merges = field.is_some_and(|field| field.patch_strategy().merge);
            if !merges {
                object.insert(name.to_owned(), Value::Array(patch.clone()));
                return Ok(());
            }
            let Some(Value::Array(mut merged)) = object.remove(name) else {
                // Where there is no list yet, the patch is the list, without its directives (`mergeSliceHandler` is not asked).
                let kept = patch.iter().filter(|item| item.get(DIRECTIVE).is_none()).cloned().collect();
                object.insert(name.to_owned(), Value::Array(kept));
                return Ok(());
            };
            merge_list(&mut merged, patch, field, order)?;
            object.insert(name.to_owned(), Value::Array(merged));
            Ok(())
        }
        scalar => {
            object.insert(name.to_owned(), scalar.clone());
            Ok(())
        }
    }
}

fn merge_list(
    list: &mut Vec<Value>,
    patch: &[Value],
    field: Option<Type<'_>>,
    order: Option<&[Value]>,
) -> Result<(), PatchError> {
    let server = list.clone();
    if let Some(order) = order {
        check_order(patch, order, field.and_then(|field| field.patch_merge_key()))?;
    }
    let Some(key) = field.and_then(|field| field.patch_merge_key()) else {
        // What was there twice is there once afterwards (`deduplicateScalars`).
        let both: Vec<Value> = list.drain(..).chain(patch.iter().cloned()).collect();
        for item in both {
            if !list.contains(&item) {
                list.push(item);
            }
        }
        sort(list, order.unwrap_or(patch), &server, None);
        return Ok(());
    };
    if let Some(item) = list.iter().find(|item| item.get(key).is_none()) {
        let text = format!("map: {item} does not contain declared merge key: {key}");
        return Err(PatchError::NotApplicable(text));
    }
    let item_kind = field.and_then(|field| field.items());
    if patch.iter().any(|item| item.get(DIRECTIVE).and_then(Value::as_str) == Some("replace")) {
        let kept = patch.iter().filter(|item| item.get(DIRECTIVE).is_none());
        *list = kept.cloned().collect();
        return Ok(());
    }
    for item in patch {
        let Some(fields) = item.as_object() else {
            return Err(PatchError::NotApplicable("expected a map in the patch of a list of maps".to_owned()));
        };
        let Some(wanted) = fields.get(key) else {
            let text = format!("map: {item} does not contain declared merge key: {key}");
            return Err(PatchError::NotApplicable(text));
        };
        let found = list.iter().position(|current| current.get(key) == Some(wanted));
        match (fields.get(DIRECTIVE).and_then(Value::as_str), found) {
            (Some("delete"), Some(_)) => list.retain(|current| current.get(key) != Some(wanted)),
            (Some("delete"), None) => {}
            (None | Some("merge"), found) => {
                let position = found.unwrap_or(list.len());
                if found.is_none() {
                    list.push(Value::Object(Map::new()));
                }
                if let Some(current) = list.get_mut(position).and_then(Value::as_object_mut) {
                    merge_map(current, fields, item_kind)?;
                }
            }
            (Some(other), _) => return Err(PatchError::NotApplicable(format!("unknown patch type found: {other:?}"))),
        }
    }
    sort(list, order.unwrap_or(patch), &server, Some(key));
    Ok(())
}

/// What a patch has is in the order that it asks for, from `validatePatchWithSetOrderList`.
fn check_order(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    let identity = |item: &Value| match key {
        Some(key) => item.get(key).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let mut places = order.iter().map(identity);
    let kept = patch.iter().filter(|item| item.get(DIRECTIVE).is_none());
    let fits = kept.map(identity).all(|wanted| places.any(|place| place == wanted));
    if fits {
        return Ok(());
    }
    let (patch, order) = (Value::from(patch), Value::from(order));
    let text = format!("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n");
    Err(PatchError::NotApplicable(text))
}

/// Keys that are not to be retained are removed. The patch may only set keys that are.
fn retain_keys(object: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), PatchError> {
    let Some(retained) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let Some(retained) = retained.as_array() else {
        return Err(PatchError::Malformed("invalid patch format of retainKeys list".to_owned()));
    };
    let is_retained = |name: &str| retained.iter().any(|retained| retained.as_str() == Some(name));
    let stray = patch.iter().any(|(name, value)| !name.starts_with('$') && !value.is_null() && !is_retained(name));
    if stray {
        return Err(PatchError::Malformed("retainKeys list must contain all fields present in the patch".to_owned()));
    }
    object.retain(|name, _| is_retained(name));
    Ok(())
}

fn delete_from_lists(object: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, values) in patch {
        let Some(name) = name.strip_prefix(DELETE_FROM_LIST) else { continue };
        let (Some(list), Some(values)) = (object.get_mut(name).and_then(Value::as_array_mut), values.as_array()) else {
            continue;
        };
        list.retain(|item| !values.contains(item));
    }
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch.iter().filter(|(name, _)| *name != DIRECTIVE).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Puts a merged list in order: the items of the patch as the order says, the items of the server alone where they stood.
///
/// From `normalizeElementOrder` and `mergeSortedSlice`.
fn sort(list: &mut Vec<Value>, order: &[Value], server: &[Value], key: Option<&str>) {
    let identity = |item: &Value| match key {
        Some(key) => item.get(key).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let wanted: Vec<Value> = order.iter().map(identity).collect();
    let stood: Vec<Value> = server.iter().map(identity).collect();
    let rank = |item: &Value| wanted.iter().position(|wanted| *wanted == identity(item));
    let place = |item: &Value| stood.iter().position(|stood| *stood == identity(item));
    let (mut patched, alone): (Vec<Value>, Vec<Value>) = list.drain(..).partition(|item| rank(item).is_some());
    patched.sort_by_key(|item| rank(item));
    let (mut patched, mut alone) = (patched.into_iter().peekable(), alone.into_iter().peekable());
    loop {
        let next = match (patched.peek(), alone.peek()) {
            (Some(left), Some(right)) => {
                let behind = matches!((place(left), place(right)), (Some(left), Some(right)) if left >= right);
                if behind { alone.next() } else { patched.next() }
            }
            (Some(_), None) => patched.next(),
            (None, _) => alone.next(),
        };
        match next {
            Some(item) => list.push(item),
            None => return,
        }
    }
}
