//! Values against their schema.
//!
//! From `k8s.io/kube-openapi`, `pkg/validation/validate` (every check is made, whatever another one found), and
//! `k8s.io/apiextensions-apiserver`, `pkg/apiserver/validation` (what did not change is not held against a writer).

use serde_json::{Map, Number, Value};

use super::format::{has_format, is_known, matches_pattern};
use super::lists::old_item;
use super::schema::ROOT;
use crate::field_error::{FieldError, FieldProblem};

/// Where a value is validated: the whole object, or its status alone.
#[derive(Clone, Copy)]
pub(super) struct Holder<'a> {
    /// The path that is told for what has no path of its own; empty for the object.
    pub path: &'a str,
}

/// What is wrong with a value that has a schema. `live` is what was there before; what is equal to it may stay.
pub(super) fn check(holder: Holder<'_>, value: &Value, live: Option<&Value>, schema: &Value) -> Vec<FieldError> {
    holder.node(Place { value, live, schema, path: "" }).errors
}

/// A value, what was there before, the schema of its place, and its path below the holder.
#[derive(Clone, Copy)]
struct Place<'a> {
    value: &'a Value,
    live: Option<&'a Value>,
    schema: &'a Value,
    path: &'a str,
}

/// What checks found, and how many held: of alternatives that all fail, the one of which most holds is told.
#[derive(Default)]
struct Outcome {
    errors: Vec<FieldError>,
    held: usize,
}

impl Outcome {
    /// The same is told once.
    fn add(&mut self, error: FieldError) {
        let is_same =
            |known: &FieldError| known.kind == error.kind && known.field == error.field && known.detail == error.detail;
        if !self.errors.iter().any(is_same) {
            self.errors.push(error);
        }
    }

    fn merge(&mut self, other: Self) {
        self.held += other.held;
        other.errors.into_iter().for_each(|error| self.add(error));
    }
}

fn is(schema: &Value, word: &str) -> bool {
    schema.get(word) == Some(&Value::Bool(true))
}

fn count(schema: &Value, word: &str) -> Option<u64> {
    schema.get(word).and_then(Value::as_u64)
}

/// The types that a schema allows; none if it says nothing of them.
fn types(schema: &Value) -> Vec<&str> {
    if is(schema, "x-kubernetes-int-or-string") {
        return vec!["integer", "string"];
    }
    schema.get("type").and_then(Value::as_str).filter(|kind| !kind.is_empty()).into_iter().collect()
}

/// The format of a schema, if Kubernetes knows it for its type (`StripUnsupportedFormatsPostProcessorForVersion`).
fn format_of<'a>(schema: &'a Value, types: &[&str]) -> &'a str {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    if is_known(format, types) { format } else { "" }
}

/// The name of a value's type. What does not fit into 64 bits is no integer.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_whole(number: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    number.is_i64() || number.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() <= EXACT)
}

/// Whether a value is of a type: whole numbers are integers however they are written, and integers are numbers.
pub(super) fn has_type(value: &Value, expected: &str) -> bool {
    match (value, expected) {
        (Value::Number(number), "integer") => is_whole(number),
        (Value::Number(_), "number") => true,
        _ => type_name(value) == expected,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl Holder<'_> {
    fn field(self, path: &str) -> String {
        match (self.path, path) {
            ("", "") => "<nil>".to_owned(),
            ("", path) => path.to_owned(),
            (holder, "") => holder.to_owned(),
            (holder, path) => format!("{holder}.{path}"),
        }
    }

    fn problem(self, kind: FieldProblem, path: &str, value: impl Into<Value>, detail: String) -> FieldError {
        let mut error = FieldError::invalid(self.field(path), value, detail);
        error.kind = kind;
        error
    }

    fn invalid(self, place: Place<'_>, detail: &str) -> FieldError {
        let detail = format!("{} in body {detail}", place.path);
        self.problem(FieldProblem::Invalid, place.path, place.value.clone(), detail)
    }

    /// A value, which is forgiven what it was before.
    fn node(self, place: Place<'_>) -> Outcome {
        let mut outcome = self.checks(place, place.schema);
        let is_kind = matches!(place.path, "apiVersion" | "kind") && self.path.is_empty();
        if place.live == Some(place.value) && !is_kind {
            outcome.errors.clear();
        }
        outcome
    }

    /// A value against the schema of its place, or against a part of it.
    fn checks(self, place: Place<'_>, schema: &Value) -> Outcome {
        let mut outcome = Outcome::default();
        let types = types(schema);
        let format = format_of(schema, &types);
        if place.value.is_null() {
            outcome.merge(self.of_type(place, schema, &types, format));
            outcome.merge(self.allowed(place, schema));
            return outcome;
        }
        if !types.is_empty() || !format.is_empty() {
            outcome.merge(self.of_type(place, schema, &types, format));
            outcome.held += 1;
        }
        outcome.merge(self.combined(place, schema));
        outcome.held += 1;
        match place.value {
            Value::String(text) => {
                outcome.merge(self.text(place, schema, text));
                outcome.held += 1;
                if !format.is_empty() {
                    outcome.merge(self.formatted(place, text, format));
                    outcome.held += 1;
                }
            }
            Value::Number(number) => {
                outcome.merge(self.number(place, schema, number, (&types, format)));
                outcome.held += 1;
            }
            Value::Array(items) => {
                outcome.merge(self.list(place, schema, items));
                outcome.held += 1;
            }
            Value::Object(fields) => {
                outcome.merge(self.map(place, schema, fields));
                outcome.held += 1;
            }
            Value::Null | Value::Bool(_) => {}
        }
        outcome.merge(self.allowed(place, schema));
        outcome.held += 2;
        outcome
    }

    /// From `typeValidator`.
    fn of_type(self, place: Place<'_>, schema: &Value, types: &[&str], format: &str) -> Outcome {
        let Place { value, path, .. } = place;
        let found = type_name(value);
        let wrong = |expected: &str, found: &str| {
            let detail = format!("{path} in body must be of type {expected}: {found:?}");
            let mut outcome = Outcome::default();
            outcome.add(self.problem(FieldProblem::TypeInvalid, path, found, detail));
            outcome
        };
        let right = Outcome { held: 1, ..Outcome::default() };
        if value.is_null() {
            let fits = types.is_empty() || is(schema, "nullable");
            return if fits { right } else { wrong(&types.join(","), found) };
        }
        let fits = types.iter().any(|expected| has_type(value, expected));
        let is_plain = value.is_string() || value.is_array();
        if !format.is_empty() && !is_plain && !fits {
            let own = match found {
                "integer" => "int64",
                "number" => "float64",
                _ => "",
            };
            return wrong(format, own);
        }
        let is_numeric = types.iter().any(|kind| matches!(*kind, "number" | "integer"));
        if fits || (!is_numeric && !format.is_empty() && is_plain) { right } else { wrong(&types.join(","), found) }
    }

    /// From `basicCommonValidator`.
    fn allowed(self, place: Place<'_>, schema: &Value) -> Outcome {
        let mut outcome = Outcome::default();
        let allowed = schema.get("enum").and_then(Value::as_array).filter(|allowed| !allowed.is_empty());
        if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(place.value)) {
            let words: Vec<String> =
                allowed.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            outcome.add(FieldError::not_supported(self.field(place.path), place.value.clone(), &words));
        }
        outcome
    }

    /// From `stringValidator`, which tells one thing.
    fn text(self, place: Place<'_>, schema: &Value, text: &str) -> Outcome {
        let mut outcome = Outcome::default();
        let length = text.chars().count() as u64;
        if let Some(maximum) = count(schema, "maxLength").filter(|maximum| length > *maximum) {
            let maximum = usize::try_from(maximum).unwrap_or(usize::MAX);
            let mut error = FieldError::too_long(self.field(place.path), maximum);
            error.value = place.value.clone();
            outcome.add(error);
        } else if let Some(minimum) = count(schema, "minLength").filter(|minimum| length < *minimum) {
            outcome.add(self.invalid(place, &format!("should be at least {minimum} chars long")));
        } else if let Some(pattern) =
            schema.get("pattern").and_then(Value::as_str).filter(|pattern| !pattern.is_empty())
            && !matches_pattern(pattern, text)
        {
            outcome.add(self.invalid(place, &format!("should match '{pattern}'")));
        }
        outcome
    }

    fn formatted(self, place: Place<'_>, text: &str, format: &str) -> Outcome {
        let mut outcome = Outcome::default();
        if !has_format(text, format) {
            let detail = format!("{} in body must be of type {format}: {text:?}", place.path);
            outcome.add(self.problem(FieldProblem::TypeInvalid, place.path, text, detail));
        }
        outcome
    }

    /// From `numberValidator`. What does not fit is told at the holder, as it has no field there.
    fn number(self, place: Place<'_>, schema: &Value, number: &Number, kind: (&[&str], &str)) -> Outcome {
        let mut outcome = Outcome::default();
        let (types, format) = kind;
        let fits = match (types, format) {
            (["integer"], "int32") => {
                is_whole(number) && number.as_f64().is_some_and(|number| number.abs() <= f64::from(i32::MAX))
                    || number.as_i64() == Some(i64::from(i32::MIN))
            }
            (["integer"], _) => is_whole(number),
            _ => true,
        };
        if !fits {
            let with = if format.is_empty() { "(default format)".to_owned() } else { format!("with format {format}") };
            let detail = format!("Checked value must be of type integer {with} in {}", place.path);
            outcome.add(self.problem(FieldProblem::Invalid, "", "", detail));
        }
        let number = number.as_f64().unwrap_or_default();
        let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
        if let Some(factor) = bound("multipleOf").filter(|factor| *factor != 0.0)
            && (number / factor).fract() != 0.0
        {
            outcome.add(self.invalid(place, &format!("should be a multiple of {factor}")));
        }
        if let Some(maximum) = bound("maximum") {
            let strict = is(schema, "exclusiveMaximum");
            if number > maximum || (strict && number == maximum) {
                let than = if strict { "less than" } else { "less than or equal to" };
                outcome.add(self.invalid(place, &format!("should be {than} {maximum}")));
            }
        }
        if let Some(minimum) = bound("minimum") {
            let strict = is(schema, "exclusiveMinimum");
            if number < minimum || (strict && number == minimum) {
                let than = if strict { "greater than" } else { "greater than or equal to" };
                outcome.add(self.invalid(place, &format!("should be {than} {minimum}")));
            }
        }
        outcome
    }

    /// From `schemaSliceValidator`.
    fn list(self, place: Place<'_>, schema: &Value, items: &[Value]) -> Outcome {
        let mut outcome = Outcome { held: 1, ..Outcome::default() };
        if let Some(of_items) = schema.get("items") {
            for (position, item) in items.iter().enumerate() {
                let path = format!("{}[{position}]", place.path);
                let live = place.live.and_then(|live| old_item(place.schema, live, item));
                outcome.merge(self.node(Place { value: item, live, schema: of_items, path: &path }));
            }
        }
        let length = items.len() as u64;
        if let Some(minimum) = count(schema, "minItems").filter(|minimum| length < *minimum) {
            let detail = format!("{} in body should have at least {minimum} items", place.path);
            outcome.add(self.problem(FieldProblem::Invalid, place.path, length, detail));
        }
        if let Some(maximum) = count(schema, "maxItems").filter(|maximum| length > *maximum) {
            let detail = format!("{length}: must have at most {maximum} items");
            outcome.add(self.problem(FieldProblem::TooMany, place.path, length, detail));
        }
        outcome
    }

    /// From `objectValidator`.
    fn map(self, place: Place<'_>, schema: &Value, fields: &Map<String, Value>) -> Outcome {
        let mut outcome = Outcome::default();
        let length = fields.len() as u64;
        if let Some(minimum) = count(schema, "minProperties").filter(|minimum| length < *minimum) {
            let detail = format!("{} in body should have at least {minimum} properties", place.path);
            outcome.add(self.problem(FieldProblem::Invalid, place.path, length, detail));
        }
        if let Some(maximum) = count(schema, "maxProperties").filter(|maximum| length > *maximum) {
            let detail = format!("{length}: must have at most {maximum} items");
            outcome.add(self.problem(FieldProblem::TooMany, place.path, length, detail));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties").filter(|additional| additional.is_object());
        let is_object = self.path.is_empty() && place.path.is_empty();
        for (name, value) in fields {
            // The object's own fields are checked as those of every object.
            if is_object && ROOT.contains(&name.as_str()) {
                continue;
            }
            if let Some(below) = properties.and_then(|properties| properties.get(name)).or(additional) {
                let live = place.live.and_then(|live| live.get(name));
                outcome.merge(self.node(Place { value, live, schema: below, path: &join(place.path, name) }));
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in required.filter(|name| !fields.contains_key(*name)) {
            outcome.add(FieldError::required(self.field(&join(place.path, name)), ""));
        }
        if is(schema, "x-kubernetes-embedded-resource") {
            let is_missing = |name: &&str| fields.get(*name).and_then(Value::as_str).is_none_or(str::is_empty);
            for name in ["apiVersion", "kind"].into_iter().filter(is_missing) {
                outcome.add(FieldError::required(self.field(&join(place.path, name)), "must not be empty"));
            }
        }
        outcome
    }

    /// From `schemaPropsValidator`.
    fn combined(self, place: Place<'_>, schema: &Value) -> Outcome {
        let mut outcome = Outcome { held: 1, ..Outcome::default() };
        let parts = |word: &str| schema.get(word).and_then(Value::as_array).filter(|parts| !parts.is_empty());
        if let Some(parts) = parts("anyOf") {
            let (valid, told) = self.alternatives(place, parts, true);
            if valid == 0 {
                outcome.add(self.composite(place, "must validate at least one schema (anyOf)"));
            }
            outcome.merge(told);
        }
        if let Some(parts) = parts("oneOf") {
            let (valid, told) = self.alternatives(place, parts, false);
            match valid {
                1 => outcome.merge(told),
                0 => {
                    outcome
                        .add(self.composite(place, "must validate one and only one schema (oneOf). Found none valid"));
                    outcome.merge(told);
                }
                valid => {
                    let found =
                        format!("must validate one and only one schema (oneOf). Found {valid} valid alternatives");
                    outcome.add(self.composite(place, &found));
                }
            }
        }
        if let Some(parts) = parts("allOf") {
            let outcomes: Vec<Outcome> = parts.iter().map(|part| self.checks(place, part)).collect();
            let valid = outcomes.iter().filter(|own| own.errors.is_empty()).count();
            outcomes.into_iter().for_each(|own| outcome.merge(own));
            if valid != parts.len() {
                let none = if valid == 0 { ". None validated" } else { "" };
                outcome.add(self.composite(place, &format!("must validate all the schemas (allOf){none}")));
            }
        }
        if let Some(part) = schema.get("not")
            && self.checks(place, part).errors.is_empty()
        {
            outcome.add(self.composite(place, "must not validate the schema (not)"));
        }
        outcome
    }

    /// What alternatives have together has no field there, and is told at the holder.
    fn composite(self, place: Place<'_>, detail: &str) -> FieldError {
        self.problem(FieldProblem::Invalid, "", "", format!("{:?} {detail}", place.path))
    }

    /// How many of the alternatives hold, and what is told of them: the first that holds, or the one of which most holds.
    fn alternatives(self, place: Place<'_>, parts: &[Value], stops: bool) -> (usize, Outcome) {
        let (mut valid, mut right, mut best) = (0, None, None::<Outcome>);
        for part in parts {
            let outcome = self.checks(place, part);
            if outcome.errors.is_empty() {
                valid += 1;
                right = right.or(Some(outcome));
                if stops {
                    break;
                }
            } else if best.as_ref().is_none_or(|best| outcome.held > best.held) {
                best = Some(outcome);
            }
        }
        (valid, right.or(best).unwrap_or_default())
    }
}
