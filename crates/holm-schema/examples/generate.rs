//! Makes the data file of this crate from a folder of the Go module `k8s.io/kubernetes`.
//!
//! ```text
//! go mod download -json k8s.io/kubernetes@v1.37.2    # prints the folder as "Dir"
//! cargo run -p holm-schema --example generate -- DIR 1.37.2
//! ```
//!
//! The file is written to `data/kubernetes-MAJOR.MINOR.txt`, the same bytes for the same input.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, version] = arguments.as_slice() else { return Err("usage: generate DIR VERSION".into()) };
    let api = Path::new(module).join("api");
    let mut text = format!("{version}\n");
    for group in array(&json!({"groups": groups(&api.join("discovery"))?}), "groups")? {
        text.push_str(&line("group", group["name"].as_str().unwrap_or_default(), "", group)?);
    }
    let schemas = schemas(&api.join("openapi-spec/v3"))?;
    let schemas: BTreeMap<&String, &Value> = schemas.as_object().into_iter().flatten().collect();
    for (name, schema) in schemas {
        let kinds = schema.get(KINDS).and_then(Value::as_array).into_iter().flatten().map(|kind| {
            let text = |field: &str| kind[field].as_str().unwrap_or_default();
            format!("{}/{}/{}", text("group"), text("version"), text("kind"))
        });
        text.push_str(&line("type", name, &kinds.collect::<Vec<_>>().join(" "), schema)?);
    }
    let short: Vec<&str> = version.splitn(3, '.').take(2).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/kubernetes-{}.txt", short.join(".")));
    fs::write(&file, &text)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {} bytes", file.display(), text.len())?;
    Ok(())
}

/// A line of the file: what it is, its name, its kinds and its JSON, through a sorted map, so that the bytes do not depend on how
/// serde_json keeps objects.
fn line(what: &str, name: &str, kinds: &str, value: &Value) -> Result<String, Box<dyn Error>> {
    Ok(format!("{what}\t{name}\t{kinds}\t{}\n", serde_json::to_string(&sorted(value))?))
}

/// The schemas of all groups by name. Each file repeats the shared ones; they differ only in the kinds that they list.
fn schemas(folder: &Path) -> Result<Value, Box<dyn Error>> {
    let mut files: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    let mut all: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for file in files {
        let document = read(&file)?;
        let found = document.pointer("/components/schemas").and_then(Value::as_object);
        for (name, schema) in found.into_iter().flatten() {
            let Value::Object(mut schema) = without_prose(schema) else { continue };
            let kinds = schema.remove(KINDS);
            let known = all.entry(name.clone()).or_insert_with(|| schema.clone());
            let known_kinds = known.remove(KINDS);
            if *known != schema {
                return Err(format!("{name} differs between files, lastly in {}", file.display()).into());
            }
            let mut kinds = [known_kinds, kinds].into_iter().flatten().flat_map(into_list).collect::<Vec<_>>();
            kinds.sort_by_key(ToString::to_string);
            kinds.dedup();
            if !kinds.is_empty() {
                known.insert(KINDS.to_owned(), Value::Array(kinds));
            }
        }
    }
    Ok(Value::Object(all.into_iter().map(|(name, schema)| (name, Value::Object(schema))).collect()))
}

const KINDS: &str = "x-kubernetes-group-version-kind";

/// The groups of discovery in the order of the server, with the core group in front.
fn groups(folder: &Path) -> Result<Value, Box<dyn Error>> {
    let mut groups = vec![json!({"name": "", "versions": [core_version(&read(&folder.join("api__v1.json"))?)?]})];
    for group in array(&read(&folder.join("aggregated_v2.json"))?, "items")? {
        let versions = array(group, "versions")?.iter().map(|version| {
            let resources: Result<Vec<Value>, _> =
                array(version, "resources")?.iter().map(aggregated_resource).collect();
            Ok(json!({"version": version["version"], "resources": resources?}))
        });
        let versions: Vec<Value> = versions.collect::<Result<_, Box<dyn Error>>>()?;
        groups.push(json!({"name": group["metadata"]["name"], "versions": versions}));
    }
    Ok(Value::Array(groups))
}

fn aggregated_resource(resource: &Value) -> Result<Value, Box<dyn Error>> {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), resource["resource"].clone());
    entry.insert("singular".to_owned(), resource["singularResource"].clone());
    entry.insert("namespaced".to_owned(), json!(resource["scope"] == "Namespaced"));
    copy_kind(&mut entry, &resource["responseKind"]);
    copy_present(&mut entry, resource, &["verbs", "shortNames", "categories"]);
    let mut subresources = Vec::new();
    for subresource in resource.get("subresources").and_then(Value::as_array).into_iter().flatten() {
        let mut entry = Map::new();
        entry.insert("name".to_owned(), subresource["subresource"].clone());
        copy_kind(&mut entry, &subresource["responseKind"]);
        copy_present(&mut entry, subresource, &["verbs"]);
        subresources.push(Value::Object(entry));
    }
    if !subresources.is_empty() {
        entry.insert("subresources".to_owned(), Value::Array(subresources));
    }
    Ok(Value::Object(entry))
}

/// The older form of discovery lists subresources beside resources, as `pods/status`.
fn core_version(list: &Value) -> Result<Value, Box<dyn Error>> {
    let mut resources: Vec<Map<String, Value>> = Vec::new();
    for item in array(list, "resources")? {
        let name = item["name"].as_str().ok_or("a resource has no name")?;
        let mut entry = Map::new();
        copy_kind(&mut entry, item);
        let Some((parent, subresource)) = name.split_once('/') else {
            entry.insert("name".to_owned(), json!(name));
            entry.insert("singular".to_owned(), item["singularName"].clone());
            entry.insert("namespaced".to_owned(), item["namespaced"].clone());
            copy_present(&mut entry, item, &["verbs", "shortNames", "categories"]);
            resources.push(entry);
            continue;
        };
        entry.insert("name".to_owned(), json!(subresource));
        copy_present(&mut entry, item, &["verbs"]);
        let parent = resources.iter_mut().find(|resource| resource["name"] == parent);
        let list = parent.ok_or("a subresource stands before its resource")?.entry("subresources");
        if let Value::Array(subresources) = list.or_insert_with(|| json!([])) {
            subresources.push(Value::Object(entry));
        }
    }
    Ok(json!({"version": "v1", "resources": resources}))
}

/// Writes the kind, and its group and version where they are not those of the list.
fn copy_kind(entry: &mut Map<String, Value>, kind: &Value) {
    entry.insert("kind".to_owned(), kind["kind"].clone());
    let version = kind.get("version").filter(|version| **version != "");
    if let Some(version) = version {
        entry.insert("version".to_owned(), version.clone());
        entry.insert("group".to_owned(), kind.get("group").cloned().unwrap_or_else(|| json!("")));
    }
}

fn copy_present(entry: &mut Map<String, Value>, from: &Value, fields: &[&str]) {
    for field in fields {
        if let Some(value) = from.get(*field).filter(|value| value.as_array().is_some_and(|list| !list.is_empty())) {
            entry.insert((*field).to_owned(), value.clone());
        }
    }
}

/// A property may be called `description`, but then it is a schema and no text.
fn without_prose(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, value)| !(*name == "description" && value.is_string()));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_prose(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_prose).collect()),
        other => other.clone(),
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, Value> = fields.iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(fields.into_iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn array<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>, Box<dyn Error>> {
    value.get(field).and_then(Value::as_array).ok_or_else(|| format!("there is no list {field}").into())
}

fn into_list(value: Value) -> Vec<Value> {
    if let Value::Array(items) = value { items } else { Vec::new() }
}

fn read(file: &Path) -> Result<Value, Box<dyn Error>> {
    let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(serde_json::from_slice(&text)?)
}
