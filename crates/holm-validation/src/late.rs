//! Values that are known later: which they are, what stands for them, and which findings they are to blame for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::check::Finding;
use crate::kind::{ResourceKind, TypeSchema};
use crate::place::{Step, value_at_mut};

/// How many parts of a text are looked at.
const MAX_DOTS: usize = 10;

/// Where an object has values that are known later.
#[derive(Debug, Default)]
pub(crate) struct Late(Vec<Vec<Step>>);

/// What stands for a value that is not known. A finding that does not depend on the value is there with either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIns<'t> {
    Small,
    Large,
    /// For a text, one that the object has elsewhere, so that what refers to it is found.
    Same(&'t str),
}

impl Late {
    /// Returns where texts of an object are equal to the marker.
    pub fn of(object: &Value, marker: &str) -> Self {
        let mut found = Vec::new();
        collect(object, marker, &mut Vec::new(), &mut found);
        Self(found)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the texts that an object has and the parts of those with dots, names of fields included, without the marker.
    pub fn texts_beside(object: &Value, marker: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        texts(object, &mut found);
        found.remove(marker);
        found.into_iter().map(str::to_owned).collect()
    }

    /// Puts a stand-in of the right type at each place.
    pub fn fill(&self, kind: &ResourceKind, object: &mut Value, stand_ins: StandIns<'_>) {
        for place in &self.0 {
            let value = match &kind.schema {
                TypeSchema::BuiltIn { schema, .. } => stand_ins.of_built_in(*schema, place),
                TypeSchema::Custom(custom) => stand_ins.of_schema(schema_at(&custom.schema, place)),
            };
            if let Some(target) = value_at_mut(object, place) {
                *target = value;
            }
        }
    }

    /// Returns whether a finding may be there because of a value that is not known.
    pub fn concerns(&self, finding: &Finding) -> bool {
        self.0.iter().any(|place| concerns(place, &finding.place))
    }
}

/// Returns whether a value that is not known may be to blame for something at `found`: there, below, anywhere in the same map or item,
/// which rules look at as a whole, or above. Of metadata each map is looked at for itself.
pub(crate) fn concerns(unknown: &[Step], found: &[Step]) -> bool {
    let parent = unknown.split_last().map_or(unknown, |(_, parent)| parent);
    found.starts_with(parent) || (unknown.starts_with(found) && !is_of_metadata(unknown))
}

fn texts<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::String(text) => {
            found.insert(text);
            // A name may be made of others, as that of a definition is.
            for (dot, _) in text.match_indices('.').take(MAX_DOTS) {
                found.extend([&text[..dot], &text[dot + 1..]]);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            found.insert(name);
            texts(value, found);
        }),
        _ => {}
    }
}

fn is_of_metadata(place: &[Step]) -> bool {
    matches!(place.first(), Some(Step::Field(name)) if name == "metadata")
}

fn collect(value: &Value, marker: &str, place: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let mut visit = |step: Step, value: &Value| {
        place.push(step);
        collect(value, marker, place, found);
        place.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| visit(Step::Field(name.clone()), value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(position, item)| visit(Step::Item(position), item));
        }
        Value::String(text) if text == marker => found.push(place.clone()),
        _ => {}
    }
}

/// Returns the schema of a place in a custom resource.
pub(crate) fn schema_at<'s>(schema: &'s Value, place: &[Step]) -> Option<&'s Value> {
    place.iter().try_fold(schema, |schema, step| match step {
        Step::Field(name) => {
            let property = schema.get("properties").and_then(|properties| properties.get(name.as_str()));
            property.or_else(|| schema.get("additionalProperties"))
        }
        Step::Item(_) => schema.get("items"),
    })
}

impl StandIns<'_> {
    fn number(self) -> i64 {
        match self {
            Self::Small | Self::Same(_) => 1,
            Self::Large => 1_000_000,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Small => "a",
            Self::Large => "z9",
            Self::Same(text) => text,
        }
    }

    fn of_built_in(self, schema: holm_schema::Type<'static>, place: &[Step]) -> Value {
        use holm_schema::DataType;
        let found = place.iter().try_fold(schema, |kind, step| match step {
            Step::Field(name) => kind.values().or_else(|| kind.property(name)),
            Step::Item(_) => kind.items(),
        });
        let Some(kind) = found else { return json!(self.text()) };
        match kind.data_type() {
            _ if kind.is_quantity() => json!(self.number().to_string()),
            DataType::Integer | DataType::IntOrString => json!(self.number()),
            DataType::Number => json!(self.number()),
            DataType::Boolean => json!(self == Self::Small),
            DataType::Object => json!({}),
            DataType::Array => json!([]),
            DataType::String | DataType::Any => match kind.format() {
                Some("byte") => json!("YQ=="),
                Some("date-time") => json!("2020-01-01T00:00:00.000000Z"),
                _ => json!(self.text()),
            },
        }
    }

    fn of_schema(self, schema: Option<&Value>) -> Value {
        let Some(schema) = schema else { return json!(self.text()) };
        let values = schema.get("enum").and_then(Value::as_array);
        let value = values.and_then(|values| if self == Self::Small { values.first() } else { values.last() });
        if let Some(value) = value {
            return value.clone();
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("integer" | "number") => json!(self.number()),
            Some("boolean") => json!(self == Self::Small),
            Some("object") => json!({}),
            Some("array") => json!([]),
            _ => json!(self.text()),
        }
    }

    /// Returns a value that fits what a decoder expects.
    pub fn of_go_type(self, expected: &str) -> Value {
        match expected {
            "int32" | "float64" | "intstr.IntOrString" => json!(self.number()),
            "resource.Quantity" => json!(self.number().to_string()),
            "bool" => json!(self == Self::Small),
            "struct" => json!({}),
            "slice" => json!([]),
            "[]byte" => json!("YQ=="),
            "Time" | "MicroTime" => json!("2020-01-01T00:00:00.000000Z"),
            _ => json!(self.text()),
        }
    }
}
