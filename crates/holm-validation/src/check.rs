//! What is wrong with a whole object, found without a server: the steps of a create in their order.
//!
//! A server stops at the first step that finds something; here the later ones are taken all the same, with the faulty values left
//! out of account, so that everything that is wrong is found at once.

use holm_values::Timestamp;
use serde_json::{Value, json};

use crate::complete::complete;
use crate::custom::UNCHECKED;
use crate::decode::Mismatch;
use crate::field_error::{FieldError, FieldProblem};
use crate::go_type;
use crate::kind::{ResourceKind, TypeSchema};
use crate::late::{self, Late, StandIns};
use crate::object;
use crate::place::{Step, locate, value_at, value_at_mut};
use crate::prepare::{self, Labels, new_object, set_default_times};
use crate::shape::Stage;
use crate::validate;

/// The most values of a wrong type that are reported of one object.
const MAX_MISMATCHES: usize = 100;

/// The type of metadata.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Something that is wrong with an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The field, as the API server writes it; empty for the whole object.
    pub field: String,
    /// Where that is in the object.
    pub place: Vec<Step>,
    /// What is wrong, in the API server's words, without the field where they name one apart.
    pub text: String,
    /// The kind of problem.
    pub kind: FindingKind,
    /// What could have been meant: the fields that there are, or the values that are supported.
    pub candidates: Vec<String>,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A field that the kind does not have.
    UnknownField,
    /// A value of another JSON type than its field.
    WrongType,
    /// A value that validation rejects.
    Invalid(FieldProblem),
    /// Rules of a custom resource were not checked because of other findings.
    RulesUnchecked,
}

/// Returns what is wrong with a new object, in the order in which the API server finds it. The object has its namespace, where it
/// lives in one.
#[must_use]
pub fn check(kind: &ResourceKind, object: &Value) -> Vec<Finding> {
    run(kind, object, &Late::default(), StandIns::Small)
}

/// Returns what is wrong with a new object of which some values are known later: every text that is equal to `marker` stands for
/// one. What is wrong because of them is left out, and so is what depends on them.
#[must_use]
pub fn check_with_late(kind: &ResourceKind, object: &Value, marker: &str) -> Vec<Finding> {
    let late = Late::of(object, marker);
    if late.is_empty() {
        return check(kind, object);
    }
    // What is wrong whatever the values are is found with both.
    let mut findings = run(kind, object, &late, StandIns::Small);
    let others = run(kind, object, &late, StandIns::Large);
    findings.retain(|finding| others.contains(finding) && !late.concerns(finding));
    // And whatever else of the object they may be equal to, such as the name that a mount has of its volume.
    for text in Late::texts_beside(object, marker) {
        if findings.is_empty() {
            break;
        }
        let others = run(kind, object, &late, StandIns::Same(&text));
        findings.retain(|finding| others.contains(finding));
    }
    findings
}

fn run(kind: &ResourceKind, object: &Value, late: &Late, stand_ins: StandIns<'_>) -> Vec<Finding> {
    let mut object = object.clone();
    late.fill(kind, &mut object, stand_ins);
    let (mut findings, silenced) = decode(kind, &mut object, stand_ins);
    let given = object.clone();
    let labels = Labels::of(&object);
    complete(kind, &mut object, Stage::Given);
    let now = Timestamp(0);
    set_default_times(kind, now, &mut object);
    for field in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] {
        object::remove_metadata(&mut object, field);
    }
    if !kind.is_namespaced() {
        object::remove_metadata(&mut object, "namespace");
    }
    object::set_metadata(&mut object, "uid", json!("00000000-0000-0000-0000-000000000000"));
    object::set_metadata(&mut object, "creationTimestamp", json!(now.to_string()));
    let prefix = object::metadata_text(&object, "generateName").to_owned();
    if object::name(&object).is_empty() && !prefix.is_empty() {
        object::set_metadata(&mut object, "name", json!(format!("{prefix}aaaaa")));
    }
    if kind.is("services") {
        prepare::complete_addresses(&mut object);
    }
    new_object(kind, labels, now, &mut object);
    for error in validate::on_create(kind, &object) {
        let finding = invalid(&given, error);
        // A rule that is not checked for an error which is left out is no finding.
        let is_left_out = silenced.iter().any(|place| late::concerns(place, &finding.place));
        let is_unchecked = finding.kind == FindingKind::RulesUnchecked && !(silenced.is_empty() && late.is_empty());
        if !is_left_out && !is_unchecked && !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Drops what the kind does not have, and puts fitting values where the types are wrong; returns where.
fn decode(kind: &ResourceKind, object: &mut Value, stand_ins: StandIns<'_>) -> (Vec<Finding>, Vec<Vec<Step>>) {
    let (mut findings, mut silenced) = (Vec::new(), Vec::<Vec<Step>>::new());
    for _ in 0..MAX_MISMATCHES {
        let (mut decoded, mut unknown) = (object.clone(), Vec::new());
        let Err(mismatch) = kind.decode(&mut decoded, false, &mut unknown) else {
            let unknown = unknown.into_iter().map(|field| unknown_field(kind, object, field));
            findings.extend(unknown);
            *object = decoded;
            break;
        };
        let place = locate(object, &mismatch.path);
        let value = value_at(object, &place).cloned().unwrap_or_default();
        let is_healed = !silenced.contains(&place)
            && value_at_mut(object, &place).is_some_and(|value| {
                *value = stand_ins.of_go_type(mismatch.expected);
                true
            });
        if !silenced.contains(&place) {
            findings.push(wrong_type(kind, &value, &mismatch, place.clone()));
            silenced.push(place);
        }
        if !is_healed {
            break;
        }
    }
    (findings, silenced)
}

fn wrong_type(kind: &ResourceKind, object: &Value, mismatch: &Mismatch, place: Vec<Step>) -> Finding {
    let described = match &kind.schema {
        TypeSchema::BuiltIn { schema, name } => go_type::describe(*schema, name, &place),
        // The metadata of a custom resource are read for themselves.
        TypeSchema::Custom(_) => {
            let metadata = holm_schema::built_in().ok().and_then(|pack| pack.type_named(OBJECT_META));
            metadata.zip(place.get(1..)).and_then(|(metadata, place)| go_type::describe(metadata, OBJECT_META, place))
        }
    };
    let text = match (&mismatch.own, described, mismatch.expected) {
        (None, Some(field), "int32") if object.is_i64() => {
            format!("json: cannot unmarshal number {object} into Go struct field {field}")
        }
        (None, _, "[]byte") => object.as_str().map_or_else(|| mismatch.text(&kind.kind.kind), illegal_base64),
        (None, Some(field), _) => format!("json: cannot unmarshal {} into Go struct field {field}", mismatch.found),
        _ => mismatch.text(&kind.kind.kind),
    };
    Finding { field: mismatch.path.clone(), place, text, kind: FindingKind::WrongType, candidates: Vec::new() }
}

/// Returns what Go says of a text that is not base64, with the position of the first character that is wrong.
fn illegal_base64(text: &str) -> String {
    let is_wrong = |byte: u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'/');
    let body = text.trim_end_matches('=');
    let position = body.bytes().position(is_wrong).unwrap_or(if text.len() > body.len() {
        body.len()
    } else {
        text.len() / 4 * 4
    });
    format!("illegal base64 data at input byte {position}")
}

fn unknown_field(kind: &ResourceKind, object: &Value, field: String) -> Finding {
    let place = locate(object, &field);
    let siblings = place.split_last().map(|(_, parents)| fields_of(kind, parents)).unwrap_or_default();
    Finding {
        text: format!("unknown field {field:?}"),
        place,
        field,
        kind: FindingKind::UnknownField,
        candidates: siblings,
    }
}

/// Returns the fields that the kind has at a place.
fn fields_of(kind: &ResourceKind, place: &[Step]) -> Vec<String> {
    match &kind.schema {
        TypeSchema::BuiltIn { schema, .. } => {
            let found = place.iter().try_fold(*schema, |kind, step| match step {
                Step::Field(name) => kind.values().or_else(|| kind.property(name)),
                Step::Item(_) => kind.items(),
            });
            found.into_iter().flat_map(|kind| kind.properties()).map(|(name, _)| name.to_owned()).collect()
        }
        TypeSchema::Custom(custom) => {
            let found = late::schema_at(&custom.schema, place);
            let properties = found.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
            properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
        }
    }
}

fn invalid(object: &Value, error: FieldError) -> Finding {
    Finding {
        place: locate(object, &error.field),
        text: error.body(),
        kind: if error.detail == UNCHECKED { FindingKind::RulesUnchecked } else { FindingKind::Invalid(error.kind) },
        candidates: if error.kind == FieldProblem::NotSupported { supported(&error.detail) } else { Vec::new() },
        field: error.field,
    }
}

/// Reads the supported values out of the text that lists them.
fn supported(detail: &str) -> Vec<String> {
    let list = detail.strip_prefix("supported values: ").unwrap_or_default();
    list.split(", ").map(|value| value.trim_matches('"').to_owned()).filter(|value| !value.is_empty()).collect()
}
