//! Rollouts when a Secret or ConfigMap that pods read changes.
//!
//! Kubernetes replaces pods only when their template changes. So the template of a workload that opted in has an annotation with a digest of
//! what its pods read, which is taken from the edges: the keys that they name, or all keys where they take the whole object.

use std::collections::{BTreeMap, BTreeSet};

use crate::draft::Draft;
use crate::id::ResourceId;
use crate::input::{Input, Transform};
use crate::path::{FieldPath, Segment};
use crate::references::{POD_SPECS, Table};
use crate::resource::{Note, Resource};
use crate::secret;

/// The annotation of the pod template. Its value is the first half of a SHA-256.
pub const ANNOTATION: &str = "holm.dev/config-digest";

impl Draft {
    /// Puts the digest of what they read into the templates of those workloads that opted in.
    pub(crate) fn add_rollouts(&mut self) {
        let is_meant = |resource: &Resource| self.rolls_on_change || resource.options.roll_on_change;
        if !self.resources.iter().any(is_meant) {
            return;
        }
        let table = Table::new(&self.rules, &self.resources, self.externals.values().map(|(kind, _)| kind));
        let known: BTreeMap<&ResourceId, &Resource> =
            self.resources.iter().map(|resource| (&resource.id, resource)).collect();
        let mut found = Vec::new();
        for (position, resource) in self.resources.iter().enumerate().filter(|(_, resource)| is_meant(resource)) {
            let Some(template) = template(&resource.id) else { continue };
            let read = read_by(resource, &template, &table, &known);
            if !read.is_empty() {
                found.push((position, digest(&template, &read, &known)));
            }
        }
        for (position, (path, input, note)) in found {
            let resource = &mut self.resources[position];
            resource.inputs.insert(path.clone(), input);
            resource.options.notes.push(Note { path, text: note });
        }
    }
}

/// The path of the pod template whose change replaces pods by itself. A Job runs once, and a CronJob reads anew each time.
fn template(id: &ResourceId) -> Option<FieldPath> {
    let rolls = ["Deployment", "StatefulSet", "DaemonSet"].iter().any(|kind| id.is("apps", kind));
    let (.., place) = POD_SPECS.iter().find(|(group, kind, _)| rolls && id.is(group, kind))?;
    Some(FieldPath::of(place.trim_end_matches(".spec").split('.')))
}

/// The Secrets and ConfigMaps of the stack that pods read, with the keys that they name; none of these where they take all.
fn read_by(
    resource: &Resource,
    template: &FieldPath,
    table: &Table,
    known: &BTreeMap<&ResourceId, &Resource>,
) -> BTreeMap<ResourceId, Option<BTreeSet<String>>> {
    let mut read: BTreeMap<ResourceId, Option<BTreeSet<String>>> = BTreeMap::new();
    for reference in table.of(resource) {
        let is_read = reference.target.is("", "Secret") || reference.target.is("", "ConfigMap");
        // The kubelet uses it to pull images, and the pods do not see it.
        let is_for_images = reference.path.to_string().contains("imagePullSecrets");
        if !is_read || is_for_images || !reference.path.starts_with(template) || !known.contains_key(&reference.target)
        {
            continue;
        }
        let keys: BTreeSet<String> = reference.keys.into_iter().map(|(_, key)| key).collect();
        match read.entry(reference.target).or_insert_with(|| Some(BTreeSet::new())) {
            Some(named) if !keys.is_empty() => named.extend(keys),
            all => *all = None,
        }
    }
    read
}

/// The annotation's path, its value, and what a plan says when it changes.
fn digest(
    template: &FieldPath,
    read: &BTreeMap<ResourceId, Option<BTreeSet<String>>>,
    known: &BTreeMap<&ResourceId, &Resource>,
) -> (FieldPath, Input, String) {
    let mut parts = Vec::new();
    for (id, keys) in read {
        let Some(resource) = known.get(id) else { continue };
        for (path, value) in contents(resource) {
            let key = match path.segments().last() {
                Some(Segment::Field(key)) => key.clone(),
                _ => path.to_string(),
            };
            if keys.as_ref().is_none_or(|keys| keys.contains(&key)) {
                // No name or key holds a line break, so that two different contents never give the same text.
                parts.push(Input::Text(format!("\n{id}\n{path}\n")));
                parts.push(value.base64());
            }
        }
    }
    let holds_secret = read.keys().any(secret::is_secret);
    let digest = Input::Transformed(Box::new(Input::Joined(parts)), Transform::Digest);
    // A digest of a Secret's values is meant to be in the template, and does not give them away.
    let input = if holds_secret { digest.in_plain_text() } else { digest };
    let names: Vec<String> = read.keys().map(ResourceId::short).collect();
    let note = format!("the pods are replaced, because what they read changed: {}", names.join(", "));
    let path = FieldPath::of(["metadata", "annotations", ANNOTATION]);
    (template.concat(&path), input, note)
}

/// What a Secret or ConfigMap holds, by field.
fn contents(resource: &Resource) -> BTreeMap<FieldPath, Input> {
    let mut contents = BTreeMap::new();
    for map in ["data", "binaryData", "stringData"] {
        for (key, value) in resource.object.get(map).and_then(serde_json::Value::as_object).into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            contents.insert(FieldPath::of([map, key]), Input::Text(text));
        }
    }
    let is_content = |path: &&FieldPath| {
        ["data", "binaryData", "stringData"].iter().any(|map| path.starts_with(&FieldPath::of([*map])))
    };
    let later = resource.inputs.keys().filter(is_content);
    contents.extend(later.map(|path| (path.clone(), resource.inputs[path].clone())));
    contents
}
