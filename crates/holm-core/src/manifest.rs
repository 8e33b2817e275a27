//! Objects that are given as JSON or YAML rather than as Rust types.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::id::{ApiKind, Scope};
use crate::path::FieldPath;
use crate::problem::ProblemKind;
use crate::resource::{Configured, Declaration, DeclaredKind, IntoResource, Options, ResourceOption};
use crate::secret::Glimpse;

/// The type that references to manifests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untyped {}

/// An object as JSON, with `apiVersion`, `kind` and `metadata`.
#[derive(Clone)]
pub struct Manifest {
    object: Value,
    plural: Option<(String, Scope)>,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manifest").field(&Glimpse(&self.object)).finish()
    }
}

impl Manifest {
    /// An object of a built-in kind, or of one that the stack defines.
    pub fn new(object: Value) -> Self {
        Self { object, plural: None }
    }

    /// Says how the server calls a kind that is neither built in nor defined by the stack: its plural, as in the URL, and
    /// whether its objects live in a namespace.
    #[must_use]
    pub fn plural(mut self, plural: &str, scope: Scope) -> Self {
        self.plural = Some((plural.to_owned(), scope));
        self
    }

    /// Whether this is a CustomResourceDefinition.
    pub(crate) fn defines_a_kind(&self) -> bool {
        self.text("kind") == "CustomResourceDefinition"
    }

    fn text(&self, field: &str) -> &str {
        self.object.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

impl IntoResource for Manifest {
    type Kind = Untyped;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        let (api_version, kind) = (self.text("apiVersion").to_owned(), self.text("kind").to_owned());
        let mut problems = Vec::new();
        for (field, value) in [("apiVersion", &api_version), ("kind", &kind)] {
            if value.is_empty() {
                let message = format!("the manifest has no {field}");
                problems.push((FieldPath::of([field]), ProblemKind::BadManifest(message)));
            }
        }
        let declared_kind = match self.plural {
            Some((plural, scope)) => {
                let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
                DeclaredKind::Known(ApiKind {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    kind,
                    plural,
                    scope,
                })
            }
            None => DeclaredKind::Named { api_version, kind },
        };
        Declaration {
            kind: declared_kind,
            object: self.object,
            inputs: BTreeMap::new(),
            options: Options::default(),
            problems,
        }
    }
}

/// Reads every object of a YAML (or JSON) text: several documents, and the items of `List` objects; empty documents are
/// left out.
///
/// Plain values mean what they mean to `kubectl`: `yes` and `on` are booleans, `0777` is octal, `1.0` is the number 1. Keys
/// are text, however they are written.
///
/// # Errors
/// The reason with line and column. It holds no value of the text, which may be secret.
pub(crate) fn read_yaml(text: &str) -> Result<Vec<Manifest>, String> {
    let documents = match serde_saphyr::from_multiple_with_options::<Value>(text, yaml_options()) {
        Ok(documents) => documents,
        // Several JSON objects one after the other are no YAML.
        Err(error) => json_documents(text).ok_or_else(|| describe(&error, text))?,
    };
    let mut manifests = Vec::new();
    for (position, document) in documents.into_iter().enumerate() {
        if !document.is_object() {
            return Err(format!("document {} is no object", position + 1));
        }
        flatten(document, &mut manifests);
    }
    Ok(manifests)
}

/// The limits are for a text that the user's own program holds: wide enough for every stack, and small enough that a slip
/// with anchors ends in an error.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 256,
            max_documents: 100_000,
            max_nodes: 50_000_000,
            max_events: 100_000_000,
            max_total_scalar_bytes: 1 << 30,
            max_aliases: 1_000_000,
            max_merge_keys: 1_000_000,
            // One anchor may serve hundreds of objects; what aliases add is limited below.
            enforce_alias_anchor_ratio: false,
        },
        // Otherwise they are kept until what follows them is known, and only a few may be.
        emit_comments: false,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

fn json_documents(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().ok()
}

/// Adds an object, or the objects that a list holds. The items of a typed list may leave out what they are.
fn flatten(mut object: Value, manifests: &mut Vec<Manifest>) {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let item_kind = kind.strip_suffix("List").map(str::to_owned);
    let item_version = object.get("apiVersion").cloned();
    match (item_kind, object.get_mut("items").map(Value::take)) {
        (Some(kind), Some(Value::Array(items))) => {
            for mut item in items {
                if let Some(fields) = item.as_object_mut().filter(|_| !kind.is_empty()) {
                    fields.entry("kind").or_insert_with(|| Value::String(kind.clone()));
                    if let Some(version) = &item_version {
                        fields.entry("apiVersion").or_insert_with(|| version.clone());
                    }
                }
                flatten(item, manifests);
            }
        }
        (Some(kind), None | Some(Value::Null)) if kind.is_empty() => {}
        (_, items) => {
            if let Some(items) = items {
                object["items"] = items;
            }
            without_fractions(&mut object);
            manifests.push(Manifest::new(object));
        }
    }
}

/// Turns `1.0` into `1`, as `kubectl` does on its way from YAML to JSON: the server takes no fraction where an integer belongs.
fn without_fractions(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
            // Larger ones are not exact anyway.
            if let Some(whole) = whole.filter(|whole| whole.abs() < 9_007_199_254_740_992.0) {
                #[allow(clippy::cast_possible_truncation, reason = "it has no fraction and fits, as just seen")]
                let whole = whole as i64;
                *value = Value::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_fractions),
        Value::Object(fields) => fields.values_mut().for_each(without_fractions),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// What is wrong with a text and where, without a word of it but a key.
fn describe(error: &serde_saphyr::Error, text: &str) -> String {
    use serde_saphyr::Error;

    let error = error.without_snippet();
    let place = match error.location() {
        Some(location) => format!("line {}, column {}: ", location.line(), location.column()),
        None => String::new(),
    };
    let message = match error {
        Error::Message { msg, .. } | Error::ExternalMessage { msg, .. } if !repeats(msg, text) => Some(msg),
        _ => None,
    };
    let reason = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key \"{key}\" stands twice"),
        Error::DuplicateMappingKey { .. } => "a key stands twice".to_owned(),
        Error::UnknownAnchor { .. } => "an alias has no anchor".to_owned(),
        Error::NonFiniteFloat { .. } => "JSON has no infinite numbers; put the value in quotes".to_owned(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => "the text is too large or too deep".to_owned(),
        Error::AliasError { error, .. } => return describe(error, text),
        _ => match message {
            Some(message) => format!("not well-formed YAML: {message}"),
            None => "not well-formed YAML".to_owned(),
        },
    };
    format!("{place}{reason}")
}

/// Whether a message has a word of four or more letters from the text, which might be a part of a value.
fn repeats(message: &str, text: &str) -> bool {
    message.split(|c: char| !c.is_alphanumeric()).any(|word| word.len() >= 4 && text.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objects(text: &str) -> Vec<Value> {
        read_yaml(text).expect("the test's own text reads").into_iter().map(|manifest| manifest.object).collect()
    }

    fn value(scalar: &str) -> Value {
        objects(&format!("a: {scalar}\n")).remove(0)["a"].take()
    }

    /// Each is what `YAMLToJSON` of `sigs.k8s.io/yaml` 1.6, the reader of `kubectl`, makes of it.
    #[test]
    fn scalars_mean_what_they_mean_to_kubectl() {
        let cases = [
            ("yes", json!(true)),
            ("Yes", json!(true)),
            ("y", json!(true)),
            ("n", json!(false)),
            ("NO", json!(false)),
            ("on", json!(true)),
            ("off", json!(false)),
            ("TRUE", json!(true)),
            ("~", json!(null)),
            ("Null", json!(null)),
            ("0777", json!(511)),
            ("0o17", json!(15)),
            ("010", json!(8)),
            ("08", json!(8)),
            ("09.5", json!(9.5)),
            ("1_000", json!(1000)),
            ("0x1F", json!(31)),
            ("0b101", json!(5)),
            ("-0b11", json!(-3)),
            ("+5", json!(5)),
            ("1e3", json!(1000)),
            ("1.", json!(1)),
            (".5", json!(0.5)),
            ("12e03", json!(12000)),
            ("2024-01-01", json!("2024-01-01")),
            ("2001-12-14t21:59:43.10-05:00", json!("2001-12-14t21:59:43.10-05:00")),
            ("12:30:45", json!("12:30:45")),
            ("190:20:30", json!("190:20:30")),
            ("1.0", json!(1)),
            ("1.10", json!(1.1)),
            ("\"yes\"", json!("yes")),
            ("'0777'", json!("0777")),
            ("!!str 0777", json!("0777")),
            ("!!binary aGVsbG8=", json!("hello")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("+", json!("+")),
            (".", json!(".")),
            ("=", json!("=")),
            ("-0", json!(0)),
        ];
        let wrong: Vec<_> = cases
            .iter()
            .filter(|(text, expected)| value(text) != *expected)
            .map(|(text, expected)| (text, expected.clone(), value(text)))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    fn error(text: &str) -> String {
        read_yaml(text).expect_err("the test's own text is wrong")
    }

    #[test]
    fn debug_shows_no_value_of_a_secret() {
        let secret = Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "hunter2"}}));
        let shown = format!("{secret:?} {:?}", secret.clone().into_declaration());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(format!("{:?}", Manifest::new(json!({"kind": "ConfigMap"}))).contains("ConfigMap"));
    }

    #[test]
    fn documents_and_lists_become_objects_in_their_order() {
        let names = |text: &str| -> Vec<String> {
            objects(text)
                .iter()
                .map(|object| format!("{}/{}", object["kind"].as_str().unwrap_or("?"), object["metadata"]["name"]))
                .collect()
        };
        let text = "\u{feff}# first\n---\n---\nkind: A\nmetadata: {name: 1}\n---\n# nothing\n---\n~\n...\n---\r\nkind: B\r\nmetadata:\r\n  name: b\r\n";
        assert_eq!(names(text), ["A/1", "B/\"b\""]);
        let list = r#"{"kind": "List", "apiVersion": "v1", "items": [
            {"kind": "A", "metadata": {"name": "x"}},
            {"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "y"}}]}
        ]}"#;
        assert_eq!(names(list), [r#"A/"x""#, r#"Secret/"y""#]);
        assert_eq!(objects(list)[1]["apiVersion"], "v1");
        // A kind of its own whose name happens to end so.
        assert_eq!(names("kind: AllowList\nmetadata: {name: z}\nspec: {items: []}"), [r#"AllowList/"z""#]);
        assert_eq!(names("kind: List\napiVersion: v1\n"), Vec::<String>::new());
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn json_is_read_with_tabs_and_one_after_the_other() {
        assert_eq!(objects("{\n\t\"kind\": \"A\",\n\t\"x\": \"a\\u00e9\\/\"\n}"), [json!({"kind": "A", "x": "aé/"})]);
        assert_eq!(objects("{\"kind\": \"A\"}\n{\"kind\": \"B\"}"), [json!({"kind": "A"}), json!({"kind": "B"})]);
    }

    /// A client of Kubernetes among the dependencies switches comments on in the reader, which then limits them.
    #[test]
    fn comments_may_stand_wherever_and_as_many_as_they_are() {
        let comments = "  # a comment\n".repeat(5000);
        let text = format!("{comments}data:\n{comments}  a:\n{comments}    - b\n{comments}    - c: d\n{comments}");
        assert_eq!(objects(&text), [json!({"data": {"a": ["b", {"c": "d"}]}})]);
    }

    /// Each is taken by `YAMLToJSON` of `sigs.k8s.io/yaml` 1.6.
    #[test]
    fn every_layout_that_kubectl_reads_is_read() {
        let cases = [
            ("a: {\n  b: 1,\n}\n", json!({"a": {"b": 1}})),
            ("a: [\n1,\n2\n]\n", json!({"a": [1, 2]})),
            ("a:\n- b\n- c\n", json!({"a": ["b", "c"]})),
            ("a:   \t# comment\n  b: 1\n", json!({"a": {"b": 1}})),
            ("a:\t1\n", json!({"a": 1})),
            ("%YAML 1.1\n---\na: 1\n", json!({"a": 1})),
            ("--- # first\na: 1\n...\n", json!({"a": 1})),
            ("? a\n: 1\n", json!({"a": 1})),
            ("\"a\": |2-\n   x\n    y\n\n", json!({"a": " x\n  y"})),
            ("a: >+\n  x\n\n  y\n\n", json!({"a": "x\ny\n\n"})),
            ("a: 'x\n\n  y'\n", json!({"a": "x\ny"})),
            ("a: x\n  y\n", json!({"a": "x y"})),
            ("a: \"x\\\n  y\"\n", json!({"a": "xy"})),
            ("a:\r\n  b: 1\r\n", json!({"a": {"b": 1}})),
            ("1: a\ntrue: b\n1.5: c\n", json!({"1": "a", "true": "b", "1.5": "c"})),
            ("a: &x {b: 1}\nc: [*x, *x]\n", json!({"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]})),
            ("a: &x {b: 1}\nc:\n  <<: [*x, {d: 2}]\n", json!({"a": {"b": 1}, "c": {"b": 1, "d": 2}})),
            ("a: http://x/#y\n", json!({"a": "http://x/#y"})),
            ("a: -x\nb:\n", json!({"a": "-x", "b": null})),
        ];
        for (text, expected) in cases {
            assert_eq!(objects(text), [expected], "{text:?}");
        }
        let aliases = vec!["*labels"; 500].join(", ");
        let many = objects(&format!("l: &labels {{a: b}}\nm: [{aliases}]\n"));
        assert_eq!(many[0]["m"].as_array().map(Vec::len), Some(500));
        let merged: String = (0..500).map(|number| format!("k{number}:\n  <<: *labels\n")).collect();
        assert_eq!(objects(&format!("l: &labels {{a: b}}\n{merged}"))[0]["k499"], json!({"a": "b"}));
    }

    #[test]
    fn anchors_and_merges_are_filled_in() {
        let text = "base: &base\n  a: 1\n  b: 2\nother:\n  <<: *base\n  b: 3\nagain: *base\n";
        assert_eq!(
            objects(text),
            [json!({"base": {"a": 1, "b": 2}, "other": {"a": 1, "b": 3}, "again": {"a": 1, "b": 2}})]
        );
        assert_eq!(objects("a: |\n  x\n  y\nb: >-\n  x\n  y\non: 1\n"), [json!({"a": "x\ny\n", "b": "x y", "on": 1})]);
    }

    #[test]
    fn mistakes_are_placed_and_no_value_is_repeated() {
        insta::assert_snapshot!(error("a: 1\nb:\n  c: 1\n  c: 2\n"), @r#"line 4, column 3: the key "c" stands twice"#);
        insta::assert_snapshot!(error("kind: A\n---\n- 1\n"), @"document 2 is no object");
        insta::assert_snapshot!(error("a: *missing\n"), @"line 1, column 4: an alias has no anchor");
        insta::assert_snapshot!(error("a: .inf\n"), @"line 1, column 4: JSON has no infinite numbers; put the value in quotes");
        insta::assert_snapshot!(error("a: [1, 2\nb: 3\n"), @"line 2, column 2: not well-formed YAML: illegal placement of ':' indicator");
        insta::assert_snapshot!(error("a: b: c\n"), @"line 1, column 5: not well-formed YAML: mapping values are not allowed in this context");
        insta::assert_snapshot!(error("a: \"unfinished\n"), @"line 1, column 4: not well-formed YAML: unclosed quote");
        insta::assert_snapshot!(error("a:\n\tb: 1\n"), @"line 2, column 2: not well-formed YAML: tabs disallowed within this context (block indentation)");
        for text in [
            "password: hunter2: x\n",
            "password: \"hunter2\n",
            "password: [hunter2\n",
            "hunter2",
            "a: !!int hunter2\n",
            "a: !!binary hunter2!\n",
        ] {
            assert!(!error(text).contains("hunter2"), "{}", error(text));
        }
    }

    #[test]
    fn a_text_that_grows_without_end_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(error(&text).ends_with("the text is too large or too deep"), "{}", error(&text));
    }

    #[test]
    fn thousands_of_documents_are_read() {
        let text: String = (0..5_000).map(|number| format!("---\nkind: A\nmetadata: {{name: a{number}}}\n")).collect();
        assert_eq!(objects(&text).len(), 5_000);
    }
}
