//! Laws that hold for all sets, values and applies.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use holm_structured_merge::{
    Duplicates, FieldSet, FieldTracker, GroupVersionKind, KeyField, ObjectType, Path, PathElement, Schema,
    SingleVersion, Timestamp, value,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a".to_owned()), Just("b".to_owned()), Just("c".to_owned()), "[a-zA-Z0-9/.<>&\"\\\\ é\n]{1,6}"]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        name().prop_map(Value::from),
    ]
}

fn element() -> impl Strategy<Value = PathElement> {
    prop_oneof![
        4 => name().prop_map(PathElement::field),
        1 => btree_map(name(), scalar(), 1..3).prop_map(|fields| {
            PathElement::key(fields.into_iter().map(|(name, value)| KeyField { name: Arc::from(name), value }))
        }),
        1 => scalar().prop_map(PathElement::value),
        1 => (0_i64..9).prop_map(PathElement::Index),
    ]
}

fn set() -> impl Strategy<Value = FieldSet> {
    vec(vec(element(), 1..4).prop_map(Path), 0..8).prop_map(FieldSet::from_iter)
}

/// The spec of a widget: lists with keys, sets, atomic and free parts, each with at least so many items.
fn spec_of(least: usize) -> impl Strategy<Value = Value> {
    let item = (0..3_usize, proptest::option::of(0..3_i64)).prop_map(|(name, weight)| {
        let mut item = Map::from_iter([("name".to_owned(), Value::from(["x", "y", "z"][name]))]);
        item.extend(weight.map(|weight| ("weight".to_owned(), Value::from(weight))));
        Value::Object(item)
    });
    let keyed = vec(item, least..4).prop_map(|mut items| {
        let mut seen = Vec::new();
        items.retain(|item| {
            !seen.contains(&item["name"]) && {
                seen.push(item["name"].clone());
                true
            }
        });
        Value::Array(items)
    });
    let names = proptest::sample::subsequence(vec!["p", "q", "r"], least..=3).prop_shuffle().prop_map(Value::from);
    let atomic = vec(0..3_i64, least..3).prop_map(Value::from);
    let free = btree_map("[a-c]", scalar(), least..3).prop_map(|fields| Value::Object(fields.into_iter().collect()));
    let field = |name: &'static str, value: BoxedStrategy<Value>| {
        proptest::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    let fields = (
        field("parts", keyed.boxed()),
        field("names", names.boxed()),
        field("atomic", atomic.boxed()),
        field("free", free.boxed()),
        (0..3_i64).prop_map(|size| Some(("size".to_owned(), Value::from(size)))),
    );
    fields.prop_map(|(a, b, c, d, e)| Value::Object([a, b, c, d, e].into_iter().flatten().collect()))
}

fn spec() -> impl Strategy<Value = Value> {
    spec_of(0)
}

static WIDGET: LazyLock<ObjectType> = LazyLock::new(|| {
    let schema = json!({"type": "object", "properties": {
        "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "atomic": {"type": "array", "items": {"type": "integer"}},
            "names": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "parts": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}, "weight": {"type": "integer"}}}
            }
        }}
    }});
    let schema = Schema::from_openapi([("Widget", &schema)], false).expect("the schema is valid");
    ObjectType::named(&Arc::new(schema), "Widget").expect("the schema defines it")
});

static TRACKER: LazyLock<FieldTracker> = LazyLock::new(|| {
    let versions =
        SingleVersion { api_version: "example.com/v1".into(), kind: "Widget".into(), object_type: WIDGET.clone() };
    FieldTracker::new(GroupVersionKind::new("example.com", "v1", "Widget"), Arc::new(versions))
});

fn widget(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec})
}

/// A list whose order says nothing.
fn sorted_items(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), sorted_items(value))).collect(),
        Value::Array(items) if items.iter().any(|item| !item.is_number()) => {
            let mut items: Vec<Value> = items.iter().map(sorted_items).collect();
            items.sort_by(value::compare);
            Value::Array(items)
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fields_v1_is_read_as_it_was_written(set in set()) {
        let text = set.to_fields_v1();
        let read = FieldSet::from_fields_v1(&text).expect("what was written can be read");
        prop_assert_eq!(&read, &set);
        prop_assert_eq!(read.to_fields_v1(), text);
        prop_assert_eq!(FieldSet::from_fields_v1_value(&set.to_fields_v1_value()), Ok(set));
    }

    #[test]
    fn union_and_intersection_do_not_care_about_order(left in set(), right in set()) {
        prop_assert_eq!(left.union(&right), right.union(&left));
        prop_assert_eq!(left.intersection(&right), right.intersection(&left));
        prop_assert_eq!(&left.union(&left), &left);
        prop_assert_eq!(&left.intersection(&left), &left);
    }

    #[test]
    fn union_and_intersection_can_be_grouped(a in set(), b in set(), c in set()) {
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
    }

    #[test]
    fn a_set_is_its_difference_and_its_intersection(left in set(), right in set()) {
        let (difference, common) = (left.difference(&right), left.intersection(&right));
        prop_assert_eq!(difference.union(&common), left.clone());
        prop_assert_eq!(difference.len() + common.len(), left.len());
        prop_assert!(difference.intersection(&right).is_empty());
        prop_assert!(common.is_subset(&left) && common.is_subset(&right));
    }

    #[test]
    fn the_recursive_difference_leaves_nothing_below_what_it_removes(left in set(), right in set()) {
        let left_over = left.recursive_difference(&right);
        for path in left.paths() {
            let removed = (1..=path.0.len()).any(|end| right.contains(&path.0[..end]));
            prop_assert_eq!(left_over.contains(&path.0), !removed, "{}", path);
        }
    }

    #[test]
    fn a_subset_has_no_path_of_its_own(left in set(), right in set()) {
        let by_paths = left.paths().iter().all(|path| right.contains(&path.0));
        prop_assert_eq!(left.is_subset(&right), by_paths);
        prop_assert!(left.is_subset(&left.union(&right)));
    }

    #[test]
    fn leaves_have_nothing_below_them(set in set()) {
        let leaves = set.leaves();
        prop_assert!(leaves.is_subset(&set));
        for path in set.paths() {
            let is_leaf = !set.paths().iter().any(|other| other.0.len() > path.0.len() && other.0.starts_with(&path.0));
            prop_assert_eq!(leaves.contains(&path.0), is_leaf, "{}", path);
        }
    }

    #[test]
    fn the_order_of_values_is_total(a in scalar(), b in scalar(), c in scalar()) {
        prop_assert_eq!(value::compare(&a, &b), value::compare(&b, &a).reverse());
        prop_assert_eq!(value::compare(&a, &b).is_eq(), value::equal(&a, &b));
        if value::compare(&a, &b).is_le() && value::compare(&b, &c).is_le() {
            prop_assert!(value::compare(&a, &c).is_le());
        }
    }

    #[test]
    fn a_merge_says_all_that_the_second_value_says(left in spec(), right in spec_of(1)) {
        let (left, right) = (widget(left), widget(right));
        let typed = |value| WIDGET.typed(Cow::Borrowed(value), Duplicates::Refused).expect("it fits");
        let merged = typed(&left).merge(&typed(&right)).expect("it merges");
        prop_assert!(typed(&right).field_set().is_subset(&merged.field_set()));
        let again = merged.merge(&typed(&right)).expect("it merges");
        prop_assert!(value::equal(&sorted_items(merged.value()), &sorted_items(again.value())));
        prop_assert!(typed(&left).compare(&typed(&left)).expect("it compares").is_same());
    }

    // A map or list that is given up down to nothing becomes null, and an apply of an empty one then says something new.
    #[test]
    fn a_second_apply_changes_nothing(first in spec(), second in spec_of(1)) {
        let nothing = json!({"apiVersion": "example.com/v1", "kind": "Widget"});
        let live = TRACKER.apply(&nothing, &widget(first), "alice", false, Timestamp(1)).expect("nobody else is there");
        let once = TRACKER.apply(&live, &widget(second.clone()), "alice", false, Timestamp(2)).expect("nobody else is there");
        let twice = TRACKER.apply(&once, &widget(second), "alice", false, Timestamp(3)).expect("nobody else is there");
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_single_manager_gets_exactly_what_it_applies(first in spec(), second in spec()) {
        let nothing = json!({"apiVersion": "example.com/v1", "kind": "Widget"});
        let live = TRACKER.apply(&nothing, &widget(first), "alice", false, Timestamp(1)).expect("nobody else is there");
        let live = TRACKER.apply(&live, &widget(second.clone()), "alice", false, Timestamp(2)).expect("nobody else is there");
        let extracted = WIDGET.extract_applied(&live, "alice", "").expect("the object is valid").unwrap_or_default();
        let wanted = WIDGET.typed(Cow::Owned(widget(second)), Duplicates::Refused).expect("it fits");
        let got = WIDGET.typed(Cow::Owned(extracted), Duplicates::Refused).expect("it fits");
        let of_spec = |fields: FieldSet| fields.below(&PathElement::field("spec")).cloned().unwrap_or_default();
        prop_assert_eq!(of_spec(got.field_set()), of_spec(wanted.field_set()));
    }

    #[test]
    fn a_forced_apply_never_conflicts_and_wins(first in spec(), second in spec()) {
        let nothing = json!({"apiVersion": "example.com/v1", "kind": "Widget"});
        let live = TRACKER.apply(&nothing, &widget(first), "alice", false, Timestamp(1)).expect("nobody else is there");
        let second = widget(second);
        let live = TRACKER.apply(&live, &second, "bob", true, Timestamp(2)).expect("force has no conflicts");
        let unforced = TRACKER.apply(&live, &second, "bob", false, Timestamp(3)).expect("bob owns all that he applies");
        prop_assert_eq!(unforced, live);
    }
}
