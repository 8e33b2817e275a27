//! Objects of the table with one value changed: known later, or of any type.

use holm_validation::place::{Step, value_at, value_at_mut};
use holm_validation::{Kinds, check, check_with_late};
use serde_json::{Value, json};

use super::{Case, cases, findings, goldens};

const MARKER: &str = "\u{0}later";

/// The places of all values in a value, but for the words that say what kind of object it is.
fn places(value: &Value, place: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let kind = [["apiVersion"], ["kind"]].map(|name| name.map(|name| Step::Field(name.to_owned())).to_vec());
    if !place.is_empty() && !kind.contains(place) {
        found.push(place.clone());
    }
    let mut below = |step: Step, value: &Value| {
        place.push(step);
        places(value, place, found);
        place.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| below(Step::Field(name.clone()), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| below(Step::Item(at), item)),
        _ => {}
    }
}

fn all_places(object: &Value) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    places(object, &mut Vec::new(), &mut found);
    found
}

/// The object with another value at a place, and its kind as the definition of the case makes it.
fn changed(case: &Case, place: &[Step], value: &Value) -> Value {
    let mut object = case.object.clone();
    *value_at_mut(&mut object, place).unwrap() = value.clone();
    object
}

fn kinds_of(kinds: &Kinds, case: &Case) -> Kinds {
    let mut kinds = kinds.clone();
    if let Some(definition) = &case.definition {
        kinds.define(definition);
    }
    kinds
}

#[test]
fn a_value_that_is_known_later_is_to_blame_for_nothing() {
    let (kinds, goldens) = (Kinds::built_in().unwrap(), goldens());
    let (mut count, mut blamed) = (0, Vec::new());
    for case in cases(&kinds) {
        if goldens[&case.name]["code"] != 201 || !findings(&kinds, &case).is_empty() {
            continue;
        }
        let kind = kinds_of(&kinds, &case).of(&case.object).unwrap();
        for place in all_places(&case.object) {
            if value_at(&case.object, &place).is_some_and(|value| value.is_object() || value.is_array()) {
                continue;
            }
            count += 1;
            let object = changed(&case, &place, &json!(MARKER));
            for finding in check_with_late(&kind, &object, MARKER) {
                blamed.push(format!("{} {place:?}: {} {}", case.name, finding.field, finding.text));
            }
        }
    }
    assert!(count > 2000, "only {count} values");
    assert!(blamed.is_empty(), "{} of {count}:\n{}", blamed.len(), blamed.join("\n"));
}

#[test]
fn what_is_wrong_is_found_beside_values_that_are_known_later() {
    // Far from the late value, in another map.
    let kinds = Kinds::built_in().unwrap();
    let wrong = |policy: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "b", "labels": {"x": MARKER}},
            "spec": {"containers": [
                {"name": "c", "image": "i", "imagePullPolicy": policy},
                {"name": "d", "image": "i", "env": [{"name": "E", "value": MARKER}]},
            ]},
        })
    };
    let found = |policy: &str| -> Vec<String> {
        let object = wrong(policy);
        let findings = check_with_late(&kinds.of(&object).unwrap(), &object, MARKER);
        findings.into_iter().map(|finding| finding.field).collect()
    };
    assert_eq!(found("Allways"), ["spec.containers[0].imagePullPolicy"]);
    assert_eq!(found("Always"), Vec::<String>::new());
}

#[test]
fn values_of_any_type_are_validated_without_a_panic() {
    let kinds = Kinds::built_in().unwrap();
    let values =
        [json!(null), json!([]), json!({}), json!("x"), json!(""), json!(-1), json!(1.5), json!(i64::MAX), json!(true)];
    let values = [values.as_slice(), &[json!([null]), json!({"": null}), json!([[{}]]), json!("\u{0}é😀")]].concat();
    let mut count = 0;
    for (number, case) in cases(&kinds).into_iter().enumerate() {
        let kinds = kinds_of(&kinds, &case);
        for (position, place) in all_places(&case.object).into_iter().enumerate() {
            // Each value at some place of each kind of object.
            let object = changed(&case, &place, &values[(number + position) % values.len()]);
            let Some(kind) = kinds.of(&object) else { continue };
            count += usize::from(!check(&kind, &object).is_empty());
        }
    }
    assert!(count > 5000, "only {count} of them are wrong");
}
