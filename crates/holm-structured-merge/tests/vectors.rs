//! The lives of objects that Kubernetes' own field manager recorded come out the same here, step by step.
//!
//! `vectors/generator` makes the recording and describes it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::thread;

use holm_structured_merge::{
    FieldSet, FieldTracker, Filter, Filters, GroupVersionKind, ManagedFieldsEntry, ObjectType, Operation, Path,
    PathElement, RelabelledVersions, ScaleMapping, Schema, Timestamp, TrackError, Versions,
};
use serde_json::{Map, Value, json};

/// The time of the first step; every step takes a second.
const START: i64 = 946_684_800;

struct Recording {
    scenarios: Vec<Value>,
    /// The types of the custom kinds, by name and then by version.
    custom: BTreeMap<String, Arc<Schema>>,
}

static RECORDING: LazyLock<Recording> = LazyLock::new(|| {
    let compressed = include_bytes!("vectors/vectors.jsonl.zlib");
    let text = miniz_oxide::inflate::decompress_to_vec_zlib(compressed).expect("the recording is compressed");
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let parse = |line: &[u8]| serde_json::from_slice::<Value>(line).expect("every line is JSON");
    let head = parse(lines.next().expect("the first line holds the schemas"));
    let custom = head["schemas"].as_object().expect("schemas have names").iter().map(|(name, schemas)| {
        let schemas = schemas.as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema));
        let schema = Schema::from_openapi(schemas, name.ends_with("-preserving")).expect("the schemas are valid");
        (name.clone(), Arc::new(schema))
    });
    Recording { custom: custom.collect(), scenarios: lines.map(parse).collect() }
});

#[test]
fn written_scenarios_go_as_in_kubernetes() {
    let (written, _) = parted();
    assert!(written.len() > 50, "{} scenarios", written.len());
    play_all(&written);
}

#[test]
fn random_scenarios_go_as_in_kubernetes() {
    let (_, random) = parted();
    assert!(random.len() > 3000, "{} scenarios", random.len());
    play_all(&random);
}

/// Random scenarios are named by their kind and a number.
fn parted() -> (Vec<&'static Value>, Vec<&'static Value>) {
    RECORDING.scenarios.iter().partition(|scenario| {
        let name = text(scenario, "name");
        name.rsplit(' ').next().is_none_or(|number| number.parse::<u32>().is_err())
    })
}

fn play_all(scenarios: &[&'static Value]) {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = scenarios.len().div_ceil(workers).max(1);
    let problems: Vec<String> = thread::scope(|scope| {
        let handles: Vec<_> = scenarios
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || chunk.iter().filter_map(|scenario| play(scenario).err()).collect::<Vec<_>>())
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("playing does not panic")).collect()
    });
    let first: Vec<&str> = problems.iter().take(5).map(String::as_str).collect();
    assert!(problems.is_empty(), "{} of {} differ:\n{}", problems.len(), scenarios.len(), first.join("\n\n"));
}

fn play(scenario: &Value) -> Result<(), String> {
    let [group, version, kind] = ["0", "1", "2"].map(|index| text(scenario, &format!("kind/{index}")));
    let mut live = json!({"apiVersion": api_version(group, version), "kind": kind});
    let mut expected_managed = Value::Null;
    for (number, step) in list(scenario, "steps").iter().enumerate() {
        let failed = |what: &str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
            Err(format!("{}, step {number}: {what}\nexpected {expected}\nfound    {found}", text(scenario, "name")))
        };
        let expected_live = step.get("live").cloned().unwrap_or_else(|| without_managed(&live));
        if let Some(managed) = step.get("managed") {
            expected_managed = managed.clone();
        }
        let outcome = run(scenario, step, &live, Timestamp(START + i64::try_from(number).expect("few steps")));
        let (error, conflicts) = match outcome {
            Ok(object) => {
                live = object;
                (String::new(), Value::Null)
            }
            Err(error) => (error.to_string(), conflicts(&error)),
        };
        let expected_error = text(step, "error");
        if expected_error != error && (expected_error != "*" || error.is_empty()) {
            return failed("error", &expected_error, &error);
        }
        let expected_conflicts = step.get("conflicts").cloned().unwrap_or_default();
        if expected_conflicts != conflicts {
            return failed("conflicts", &expected_conflicts, &conflicts);
        }
        let found = without_managed(&live);
        if expected_live != found {
            return failed("object", &expected_live, &found);
        }
        let found = managed(&live);
        if expected_managed != found {
            return failed("managed fields", &expected_managed, &found);
        }
    }
    for extracted in list(scenario, "extracted") {
        let object_type = versions(scenario, scenario, text(scenario, "types")).object_type(&live);
        let object_type = object_type.expect("the live object has a type");
        let found = object_type.extract_applied(&live, text(extracted, "0"), text(extracted, "1"));
        let found = found.expect("the live object is valid").expect("the manager has applied");
        if extracted[2] != found {
            let name = text(scenario, "name");
            return Err(format!("{name}: extracted\nexpected {}\nfound    {found}", extracted[2]));
        }
    }
    match scenario.get("scale") {
        Some(scale) => play_scale(scale, &live).map_err(|problem| format!("{}, {problem}", text(scenario, "name"))),
        None => Ok(()),
    }
}

/// The managed fields go to the scale subresource, somebody writes there, and they come back.
fn play_scale(scale: &Value, live: &Value) -> Result<(), String> {
    let api_version = text(live, "apiVersion");
    let mapping = ScaleMapping::new().with(api_version, Some(Path::fields(&["spec", "replicas"])));
    let parent = ManagedFieldsEntry::of(live).expect("managed fields can be read");
    let mut entries = mapping.to_scale(&parent);
    let read = listed(entries.clone());
    let owner = ManagedFieldsEntry::scaled_by("hpa");
    match text(scale, "write") {
        "taken" => entries = vec![owner],
        "added" => entries.push(ManagedFieldsEntry { operation: Operation::Apply, ..owner }),
        _ => {}
    }
    let written = listed(mapping.to_parent(&parent, &entries, api_version));
    for (what, expected, found) in [("scale", &scale["read"], read), ("parent", &scale["parent"], written)] {
        if *expected != found {
            return Err(format!("managed fields of the {what}\nexpected {expected}\nfound    {found}"));
        }
    }
    Ok(())
}

fn run(scenario: &Value, step: &Value, live: &Value, now: Timestamp) -> Result<Value, TrackError> {
    let [group, version, kind] = ["0", "1", "2"].map(|index| text(scenario, &format!("kind/{index}")));
    let version = if text(step, "version").is_empty() { version } else { text(step, "version") };
    let gvk = GroupVersionKind::new(group, version, kind);
    let mut object = step["object"].clone();
    let carried = live.pointer("/metadata/managedFields").cloned();
    if text(step, "op") == "store" {
        set_managed(&mut object, carried);
        return Ok(object);
    }
    let subresource = text(step, "subresource");
    let types = if text(step, "types").is_empty() { text(scenario, "types") } else { text(step, "types") };
    let tracker = FieldTracker::new(gvk, versions(scenario, step, types))
        .subresource(subresource)
        .filters(filters(scenario, subresource));
    let manager = text(step, "manager");
    if text(step, "op") == "apply" {
        return tracker.apply(live, &object, manager, step["force"] == true, now);
    }
    match text(step, "carry") {
        "keep" => set_managed(&mut object, carried),
        "reset" => set_managed(&mut object, Some(json!([]))),
        "blank" => set_managed(&mut object, Some(json!([{}]))),
        _ => {}
    }
    tracker.update(live, object, manager, now)
}

fn versions(scenario: &Value, step: &Value, types: &str) -> Arc<dyn Versions> {
    let (group, kind) = (text(scenario, "kind/0"), text(scenario, "kind/2"));
    let others = list(scenario, "versions").iter().filter_map(Value::as_str);
    let requested = if text(step, "version").is_empty() { text(scenario, "kind/1") } else { text(step, "version") };
    let all = [text(scenario, "kind/1")].into_iter().chain(others);
    let served = all.filter(|version| step["only"] != true || *version == requested).map(|version| {
        let object_type = match types {
            "builtin" => {
                let pack = holm_schema::built_in().expect("the pack is whole");
                pack.object_type(&GroupVersionKind::new(group, version, kind)).expect("the kind is built in")
            }
            "deduced" => ObjectType::deduced(),
            custom => {
                let name = format!("{group}.{version}.{kind}");
                ObjectType::named(&RECORDING.custom[custom], &name).expect("the custom kind has a schema")
            }
        };
        (api_version(group, version), object_type)
    });
    Arc::new(RelabelledVersions { kind: kind.to_owned(), versions: served.collect() })
}

fn filters(scenario: &Value, subresource: &str) -> Filters {
    let paths = |field: &str| scenario.get(field)?.get(subresource)?.as_array();
    let names = |path: &Value| -> Vec<String> {
        path.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let filter = if let Some(paths) = paths("reset") {
        let paths = paths.iter().map(|path| Path(names(path).iter().map(PathElement::field).collect()));
        Filter::Exclude(paths.collect::<FieldSet>())
    } else if let Some(patterns) = paths("include") {
        let element = |name: &String| (!name.is_empty()).then(|| PathElement::field(name));
        Filter::Include(patterns.iter().map(|pattern| names(pattern).iter().map(element).collect()).collect())
    } else {
        return Filters::none();
    };
    let versions = [scenario.pointer("/kind/1")].into_iter().flatten().chain(list(scenario, "versions"));
    versions.filter_map(Value::as_str).fold(Filters::none(), |filters, version| {
        filters.with(api_version(text(scenario, "kind/0"), version), filter.clone())
    })
}

fn conflicts(error: &TrackError) -> Value {
    let TrackError::Conflicts(conflicts) = error else { return Value::Null };
    let mut causes = conflicts.causes();
    causes.sort_by(|left, right| left.message.cmp(&right.message));
    causes.into_iter().map(|cause| json!([cause.message, cause.field])).collect()
}

fn managed(live: &Value) -> Value {
    listed(ManagedFieldsEntry::of(live).expect("managed fields can be read"))
}

fn listed(entries: Vec<ManagedFieldsEntry>) -> Value {
    if entries.is_empty() {
        return Value::Null;
    }
    let entry = |entry: ManagedFieldsEntry| {
        let step = entry.time.map_or(-1, |time| time.0 - START);
        let fields = entry.fields.to_fields_v1();
        json!([entry.manager, entry.operation.as_str(), entry.api_version, entry.subresource, step, fields])
    };
    entries.into_iter().map(entry).collect()
}

fn without_managed(object: &Value) -> Value {
    let mut object = object.clone();
    set_managed(&mut object, None);
    object
}

fn set_managed(object: &mut Value, managed: Option<Value>) {
    let Some(object) = object.as_object_mut() else { return };
    match managed {
        Some(managed) => {
            let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
            metadata["managedFields"] = managed;
        }
        None => drop(object.get_mut("metadata").and_then(Value::as_object_mut).map(|map| map.remove("managedFields"))),
    }
}

fn api_version(group: &str, version: &str) -> String {
    GroupVersionKind::new(group, version, "").api_version()
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(&format!("/{path}")).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
