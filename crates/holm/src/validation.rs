//! The library that validates the objects of a stack, as the core knows it.

use holm_core::Stack;

/// Makes a stack validate its objects, where the library is compiled in.
#[cfg(feature = "validation")]
pub(crate) fn pass_to(stack: &Stack) {
    stack.validate_with(std::sync::Arc::new(library::Library));
}

/// Leaves a stack as it is, because the library is not compiled in.
#[cfg(not(feature = "validation"))]
pub(crate) fn pass_to(_: &Stack) {}

#[cfg(feature = "validation")]
mod library {
    use std::collections::HashMap;
    use std::sync::Arc;

    use holm_core::path::Segment;
    use holm_core::validate::{Certainty, FieldType, Finding, LATE, Meant, ServerVersion, Validator};
    use holm_core::{ApiKind, FieldPath};
    use holm_validation::place::{Step, value_at};
    use holm_validation::{
        DataType, FieldProblem, FindingKind, GroupVersionKind, Kinds, ResourceKind, check_with_late,
    };
    use serde_json::Value;

    /// The rules of Kubernetes 1.37.
    #[derive(Debug)]
    pub(super) struct Library;

    impl Validator for Library {
        fn version(&self) -> ServerVersion {
            ServerVersion { major: 1, minor: 37 }
        }

        fn validate(&self, objects: &[Value]) -> Vec<Finding> {
            // The schema is part of the program, and tested.
            let Ok(mut kinds) = Kinds::built_in() else { return Vec::new() };
            let (mut findings, mut known) = (Vec::new(), HashMap::new());
            let is_definition = |object: &Value| object["kind"] == "CustomResourceDefinition";
            let (definitions, others): (Vec<_>, Vec<_>) =
                objects.iter().enumerate().partition(|(_, object)| is_definition(object));
            for (position, definition) in definitions {
                let found = kinds.of(definition).map(|kind| of(&kind, position, definition)).unwrap_or_default();
                // What a wrong definition says of other objects is not to be relied on.
                if found.is_empty() {
                    kinds.define(definition);
                }
                findings.extend(found);
            }
            for (position, object) in others {
                let name = (&object["apiVersion"], &object["kind"]);
                let name = (name.0.as_str().unwrap_or_default(), name.1.as_str().unwrap_or_default());
                if let Some(kind) = known.entry(name).or_insert_with(|| kinds.of(object)) {
                    findings.extend(of(kind, position, object));
                }
            }
            findings
        }

        fn field_types(&self, definitions: &[&Value], fields: &[(&ApiKind, &FieldPath)]) -> Vec<FieldType> {
            // The schema is part of the program, and tested.
            let Ok(mut kinds) = Kinds::built_in() else { return vec![FieldType::Open; fields.len()] };
            for definition in definitions {
                let group = definition.pointer("/spec/group").and_then(Value::as_str);
                if fields.iter().any(|(kind, _)| Some(kind.group.as_str()) == group) {
                    kinds.define(definition);
                }
            }
            let mut known = HashMap::new();
            let mut kind_of = |kind: &ApiKind| -> Option<Arc<ResourceKind>> {
                let named = GroupVersionKind::new(&kind.group, &kind.version, &kind.kind);
                known.entry(named.clone()).or_insert_with(|| kinds.get(&named)).clone()
            };
            let answer = |(kind, path): &(&ApiKind, &FieldPath)| match kind_of(kind) {
                Some(kind) => field_type(&kind, path),
                None => FieldType::Open,
            };
            fields.iter().map(answer).collect()
        }
    }

    fn field_type(kind: &ResourceKind, path: &FieldPath) -> FieldType {
        let step = |segment: &Segment| match segment {
            Segment::Field(name) => Step::Field(name.clone()),
            // Every item is of one type.
            Segment::Item(_) | Segment::Member(_) | Segment::Index(_) => Step::Item(0),
        };
        let place: Vec<Step> = path.segments().iter().map(step).collect();
        match kind.field_type(&place) {
            holm_validation::FieldType::Known(DataType::String) => FieldType::Text,
            holm_validation::FieldType::Known(DataType::Integer) => FieldType::Integer,
            holm_validation::FieldType::Known(DataType::IntOrString) => FieldType::IntegerOrText,
            holm_validation::FieldType::Known(_) => FieldType::Open,
            holm_validation::FieldType::Missing { step, known } => FieldType::Missing { step, known },
        }
    }

    fn of(kind: &ResourceKind, position: usize, object: &Value) -> Vec<Finding> {
        let found = check_with_late(kind, object, LATE).into_iter();
        let found = found.filter(|found| found.kind != FindingKind::RulesUnchecked);
        found.map(|found| finding(kind, position, object, found)).collect()
    }

    fn finding(kind: &ResourceKind, position: usize, object: &Value, found: holm_validation::Finding) -> Finding {
        let certainty = match found.kind {
            FindingKind::Invalid(FieldProblem::Required) if kind.is_custom() => Certainty::Maybe,
            _ if kind.is_custom() => Certainty::Always,
            FindingKind::UnknownField => Certainty::UnknownField,
            _ => Certainty::InVersion,
        };
        let given = match (found.kind, found.place.last()) {
            (FindingKind::UnknownField, Some(Step::Field(name))) => Some(name.as_str()),
            _ => {
                value_at(object, &found.place).and_then(|value| value.as_str().or_else(|| value.get("type")?.as_str()))
            }
        };
        let meant = given.map(|given| Meant { given: given.to_owned(), known: found.candidates });
        let path: FieldPath = found
            .place
            .into_iter()
            .map(|step| match step {
                Step::Field(name) => Segment::Field(name),
                Step::Item(index) => Segment::Index(index),
            })
            .collect();
        Finding { object: position, path, text: found.text, certainty, meant }
    }
}
