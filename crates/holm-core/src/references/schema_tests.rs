//! Compares the rows with the schema of all built-in kinds, so that neither can change without the other.

use std::collections::BTreeSet;

use holm_schema::{DataType, GroupVersionKind, Type, built_in};

use crate::catalog;
use crate::references::pattern::Pattern;
use crate::references::table::{Target, all_built_in};

/// Fields that look like names of objects and are none, by the end of their paths: names of parts of the object itself, and of
/// templates and the like within what it names.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "additionalPrinterColumns[*].name", "claims[*].name", "compositePodGroupTemplates[*].name", "containers[*].name",
    "devices[*].name", "drivers[*].name", "env[*].name", "ephemeralContainers[*].name",
    "ephemeralContainers[*].targetContainerName", "evictionResponders[*].name", "fileKeyRef.volumeName",
    "firstAvailable[*].name", "httpHeaders[*].name", "initContainers[*].name", "matchConditions[*].name",
    "names.shortNames[*]", "onExitCodes.containerName", "podGroupTemplates[*].name", "port.name", "ports[*].name",
    "requests[*].name", "resourceClaims[*].name", "resourceFieldRef.containerName", "schedulingGates[*].name",
    "sharedCounters[*].name", "variables[*].name", "versions[*].name", "volumeDevices[*].name",
    "volumeMounts[*].name", "volumes[*].name", "webhooks[*].name", "workloadRef.templateName",
];

/// Names of things that are no objects: of drivers, resources, users, metrics and volumes elsewhere. The kind of a policy's
/// parameters stands in the policy, and an IPAddress names its owner by resource; both are left to the server.
#[rustfmt::skip]
const NO_OBJECTS: &[&str] = &[
    "azureDisk.diskName", "azureFile.shareName", "claimRef.name", "clusterTrustBundle.signerName",
    "containerResource.name", "derivedAttributes[*].name", "driverName", "excludeResourceRules[*].resourceNames[*]",
    "flocker.datasetName", "forNodes[*].name", "forZones[*].name", "gcePersistentDisk.pdName", "group.name",
    "iscsi.initiatorName", "matchExpressions[*].scopeName", "metric.name",
    "modifyVolumeStatus.targetVolumeAttributesClassName", "options[*].name", "os.name", "paramRef.name",
    "parentRef.name", "podCertificate.signerName", "pool.name", "resizePolicy[*].resourceName", "resource.name",
    "resourceRules[*].resourceNames[*]", "rules[*].resourceNames[*]", "scaleIO.volumeName",
    "spec.extendedResourceName", "spec.externalName", "spec.poolName", "spec.schedulerName", "spec.signerName",
    "status.currentVolumeAttributesClassName", "storageos.volumeName", "sysctls[*].name", "user.name",
    "vsphereVolume.storagePolicyName", "windowsOptions.gmsaCredentialSpecName", "windowsOptions.runAsUserName",
];

/// The types of a kind in all its versions.
fn types(group: &str, kind: &str) -> Vec<Type<'static>> {
    let pack = built_in().expect("the schema of this repository reads");
    let versions = catalog::all().filter(|found| found.group == group && found.kind == kind);
    versions.filter_map(|found| pack.type_of_kind(&GroupVersionKind::new(group, &found.version, kind))).collect()
}

/// The type at the end of a pattern.
fn follow<'p>(root: Type<'p>, pattern: &Pattern) -> Option<Type<'p>> {
    pattern.fields().try_fold(root, |at, step| match step {
        Some(name) => at.property(name).or_else(|| at.values()),
        None => at.items().or_else(|| at.values()),
    })
}

#[test]
fn every_row_is_a_field_that_holds_text() {
    let mut count = 0;
    for (group, kind, line) in all_built_in() {
        count += 1;
        let ends: Vec<Type<'_>> =
            types(group, kind).into_iter().filter_map(|root| follow(root, &line.pattern)).collect();
        assert!(!ends.is_empty(), "{kind}.{group} has no {:?}", line.pattern);
        assert!(
            ends.iter().all(|end| end.data_type() == DataType::String),
            "{kind}.{group}: {:?} is no text",
            line.pattern
        );
        if let Target::Kind(target) = &line.target {
            assert!(catalog::preferred(target).is_some(), "{kind}.{group} names {target}, which is not built in");
        }
    }
    assert!(count > 400, "the table has {count} rows");
}

#[test]
fn every_key_of_a_row_is_a_field_beside_it() {
    for (group, kind, line) in all_built_in() {
        let Some(keys) = &line.keys else { continue };
        let parent = line.pattern.parent().expect("a row is deeper than the root");
        let beside = |root| follow(root, &parent).and_then(|parent| follow(parent, keys));
        assert!(types(group, kind).into_iter().any(|root| beside(root).is_some()), "{kind}.{group}: {keys:?}");
    }
}

#[test]
fn every_field_that_looks_like_a_name_is_a_row_or_is_known_to_be_none() {
    let mut known: BTreeSet<(String, String, String)> = BTreeSet::new();
    for (group, kind, line) in all_built_in() {
        known.insert((group.to_owned(), kind.to_owned(), show(line.pattern.fields())));
    }
    let mut missing = BTreeSet::new();
    for kind in catalog::all() {
        for root in types(&kind.group, &kind.kind) {
            let mut found = Vec::new();
            look(root, &mut Vec::new(), &mut Vec::new(), &mut found);
            for path in found {
                let is_known = known.contains(&(kind.group.clone(), kind.kind.clone(), path.clone()));
                if !is_known
                    && !PARTS.iter().chain(NO_OBJECTS).any(|end| path == *end || path.ends_with(&format!(".{end}")))
                {
                    missing.insert(format!("{}: {path}", kind.group_kind()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn show<'s>(steps: impl Iterator<Item = Option<&'s str>>) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Some(name) if text.is_empty() => text.push_str(name),
            Some(name) => text.push_str(&format!(".{name}")),
            None => text.push_str("[*]"),
        }
    }
    text
}

/// Collects the fields below a type that look like names of objects.
fn look<'p>(at: Type<'p>, way: &mut Vec<Option<&'p str>>, seen: &mut Vec<&'p str>, found: &mut Vec<String>) {
    for (name, field) in at.properties() {
        // What the server writes, and what every object has.
        if name == "metadata" || (way.is_empty() && name == "status") {
            continue;
        }
        way.push(Some(name));
        let mut end = field;
        let depth = way.len();
        while let Some(inner) = end.items().or_else(|| end.values()) {
            way.push(None);
            end = inner;
        }
        let looks_so = ["name", "serviceAccount", "endpoints"].contains(&name)
            || name.ends_with("Name")
            || name.ends_with("Names");
        if end.data_type() == DataType::String && looks_so {
            found.push(show(way.iter().copied()));
        }
        // A type inside itself, as a JSON schema is, shows nothing new.
        let type_name = end.name().unwrap_or_default();
        if type_name.is_empty() || !seen.contains(&type_name) {
            seen.push(type_name);
            look(end, way, seen, found);
            seen.pop();
        }
        way.truncate(depth);
        way.pop();
    }
}
