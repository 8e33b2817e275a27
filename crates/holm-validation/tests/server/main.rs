//! Objects are validated offline as a real API server validates them: the same fields, in the same words.
//!
//! The objects are those that the conformance table of the API server creates, those of `wrong.yaml`, and one of every kind.
//! `goldens.json` holds what a real control plane of 1.37 answered to a strict dry run of each. With `HOLM_TEST_KUBECONFIG` and
//! `HOLM_RECORD` the answers of that cluster are written down anew (`missing`: only those that are not there yet).
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic)]

#[allow(dead_code, reason = "the conformance table has more than what is read here")]
#[path = "../../../holm-apiserver/tests/conformance/read.rs"]
mod read;
mod record;
mod vary;

use std::collections::BTreeMap;
use std::path::PathBuf;

use holm_validation::{Finding, FindingKind, Kinds, check};
use serde_json::{Value, json};

/// The namespace of all objects that live in one.
const NAMESPACE: &str = "validated";

/// Objects of which the offline answer differs, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("service addresses that are taken, step 4", ADDRESSES),
    ("wrong Services, step 20", ADDRESSES),
    ("wrong Secrets, step 13", "the text of Go's JSON parser"),
    ("wrong Secrets, step 14", "the text of Go's JSON parser"),
    ("wrong Leases and Events, step 3", "the text of Go's parser of times"),
    ("wrong Leases and Events, step 5", "the text of Go's parser of times"),
    ("wrong owner references, step 2", "the type `types.UID` is a string in the schema"),
];
const ADDRESSES: &str = "only the cluster knows the range of its addresses";

/// What the API server answered: a code, the message of a 400, and the causes of a 422, each a field and a text.
type Goldens = BTreeMap<String, Value>;

/// An object with a name that says where it is from.
struct Case {
    name: String,
    object: Value,
    /// The definition of its kind, for a custom resource.
    definition: Option<Value>,
}

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(folder(path)).unwrap()
}

fn goldens() -> Goldens {
    serde_json::from_str(&text("tests/server/goldens.json")).unwrap()
}

/// All objects; those that name what only a running cluster knows are left out.
fn cases(kinds: &Kinds) -> Vec<Case> {
    let mut cases = Vec::new();
    let shared = text("../holm-apiserver/tests/conformance/objects.yaml");
    let tables = "../holm-apiserver/tests/conformance/cases";
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(tables)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files {
        for case in read::read(&std::fs::read_to_string(file).unwrap(), &shared) {
            for (position, step) in case.steps.iter().enumerate() {
                let body = step.get("body").map(|body| body.to_string().replace("${ns}", NAMESPACE));
                let is_create = step["do"].as_str().unwrap().starts_with("POST ") && step.get("fill").is_none();
                let Some(body) = body.filter(|body| is_create && !body.contains("${")) else { continue };
                let object: Value = serde_json::from_str(&body).unwrap();
                let path = step["do"].as_str().unwrap().split('?').next().unwrap().to_owned();
                let Some(kind) = object.is_object().then(|| kinds.of(&object)).flatten() else { continue };
                if path.ends_with(&format!("/{}", kind.plural())) && path.contains(&kind.kind.api_version()) {
                    cases.push(Case { name: format!("{}, step {position}", case.name), object, definition: None });
                }
            }
        }
    }
    for object in objects(&text("../../tests/data/kinds.yaml")) {
        let name = format!("one {} of {}", object["kind"].as_str().unwrap(), object["apiVersion"].as_str().unwrap());
        cases.push(Case { name, object, definition: None });
    }
    let own = read::read(&text("tests/server/wrong.yaml"), "{}");
    for case in own {
        for (position, step) in case.steps.iter().enumerate().filter(|(_, step)| step.get("body").is_some()) {
            let name = format!("{}, {position}", case.name);
            cases.push(Case { name, object: step["body"].clone(), definition: step.get("definition").cloned() });
        }
    }
    for case in &mut cases {
        if let Some(definition) = &case.definition {
            let mut kinds = kinds.clone();
            kinds.define(definition);
            place(&kinds, &mut case.object);
        } else {
            place(kinds, &mut case.object);
        }
    }
    cases
}

/// Puts an object that lives in a namespace into the one of this test, and leaves those of no namespace out of it.
fn place(kinds: &Kinds, object: &mut Value) {
    if let (Some(kind), true) = (kinds.of(object), object["metadata"].is_object()) {
        match kind.is_namespaced() {
            true => object["metadata"]["namespace"] = json!(NAMESPACE),
            false => drop(object["metadata"].as_object_mut().unwrap().remove("namespace")),
        }
    }
}

fn objects(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

fn findings(kinds: &Kinds, case: &Case) -> Vec<Finding> {
    let mut kinds = kinds.clone();
    if let Some(definition) = &case.definition {
        kinds.define(definition);
    }
    check(&kinds.of(&case.object).unwrap(), &case.object)
}

/// What texts hold that is not compared: values of structs, which the server shows in the form of its own memory.
fn compared(text: &str) -> String {
    for head in ["Invalid value: ", "Unsupported value: ", "Duplicate value: "] {
        let Some(rest) = text.strip_prefix(head) else { continue };
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if rest.starts_with(['{', '[']) && matches!(values.next(), Some(Ok(_))) {
            return format!("{head}STRUCT{}", &rest[values.byte_offset()..]);
        }
    }
    text.to_owned()
}

fn with_compared_texts(golden: &Value) -> Value {
    let mut golden = golden.clone();
    for cause in golden.get_mut("causes").and_then(Value::as_array_mut).into_iter().flatten() {
        cause[1] = json!(compared(cause[1].as_str().unwrap()));
    }
    golden
}

/// What the findings would be in an answer: a server stops at what it cannot decode.
fn answer(kind: &str, version: &str, findings: &[Finding]) -> Value {
    let cannot = format!("{kind} in version {version:?} cannot be handled as a {kind}");
    if let Some(first) = findings.iter().find(|finding| finding.kind == FindingKind::WrongType) {
        return json!({"code": 400, "message": format!("{cannot}: {}", first.text)});
    }
    let unknown = findings.iter().filter(|finding| finding.kind == FindingKind::UnknownField);
    let unknown: Vec<&str> = unknown.map(|finding| finding.text.as_str()).collect();
    if !unknown.is_empty() {
        return json!({"code": 400, "message": format!("{cannot}: strict decoding error: {}", unknown.join(", "))});
    }
    if findings.is_empty() {
        return json!({"code": 201});
    }
    let mut causes: Vec<Value> =
        findings.iter().map(|finding| json!([finding.field, compared(&finding.text)])).collect();
    causes.sort_by_key(ToString::to_string);
    json!({"code": 422, "causes": causes})
}

#[test]
fn objects_are_validated_as_the_api_server_does() {
    let kinds = Kinds::built_in().unwrap();
    let goldens = goldens();
    let (mut equal, mut different, mut known) = (0, Vec::new(), Vec::new());
    let mut rejected = 0;
    for case in cases(&kinds) {
        let golden = goldens.get(&case.name).unwrap_or_else(|| panic!("{} is not recorded", case.name));
        if !matches!(golden["code"].as_i64(), Some(201 | 400 | 422)) {
            continue;
        }
        let text = |field: &str| case.object[field].as_str().unwrap();
        let version = text("apiVersion").rsplit('/').next().unwrap();
        let found = answer(text("kind"), version, &findings(&kinds, &case));
        if DIFFERENT.iter().any(|(name, _)| *name == case.name) && found != *golden {
            known.push(case.name);
        } else if found == with_compared_texts(golden) {
            equal += 1;
            rejected += usize::from(golden["code"] != 201);
        } else {
            different.push(format!("{}\n  offline {found}\n  server  {golden}", case.name));
        }
    }
    eprintln!("{equal} equal ({rejected} of them rejected), {} different", different.len());
    assert!(different.is_empty(), "{} objects are validated otherwise:\n{}", different.len(), different.join("\n"));
    assert_eq!(known.len(), DIFFERENT.len(), "of the known differences only these are left: {known:?}");
    assert!(rejected >= 150, "only {rejected} objects of the table are wrong");
}

/// With `HOLM_MANIFESTS`, a folder of files that others publish and that API servers accept.
#[test]
fn published_manifests_are_valid() {
    let Ok(folder) = std::env::var("HOLM_MANIFESTS") else { return };
    let mut found = Vec::new();
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_default();
        let mut kinds = Kinds::built_in().unwrap();
        let is_definition = |object: &&Value| object["kind"] == "CustomResourceDefinition";
        objects.iter().filter(is_definition).for_each(|definition| kinds.define(definition));
        for object in objects.iter().filter(|object| object.is_object()) {
            let Some(kind) = kinds.of(object) else { continue };
            count += 1;
            for finding in check(&kind, object) {
                let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                let file = file.file_name().unwrap().to_string_lossy();
                found.push(format!("{file} {} {name}: {}: {}", kind.kind.kind, finding.field, finding.text));
            }
        }
    }
    eprintln!("{count} objects");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
