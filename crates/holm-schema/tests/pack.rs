//! What the pack says about the built-in kinds, as claims.

use std::borrow::Cow;
use std::collections::BTreeSet;

use holm_schema::{DataType, GroupVersionKind, GroupVersionResource, ListType, Pack, PackError, Type, built_in};
use holm_structured_merge::{Duplicates, ObjectType, Relationship};
use serde_json::json;

fn pack() -> &'static Pack {
    built_in().expect("the pack is whole")
}

fn type_at<'p>(group: &str, version: &str, kind: &str, path: &[&str]) -> Type<'p> {
    let start = pack().type_of_kind(&GroupVersionKind::new(group, version, kind)).expect("the kind is built in");
    path.iter().fold(start, |at, name| match *name {
        "[]" => at.items().expect("it is a list"),
        name => at.property(name).expect("the field is declared"),
    })
}

fn pod_spec(path: &[&str]) -> Type<'static> {
    let whole: Vec<&str> = ["spec"].iter().chain(path).copied().collect();
    type_at("", "v1", "Pod", &whole)
}

#[test]
fn it_is_of_the_version_that_it_claims() {
    assert_eq!(pack().version(), "1.37.2");
    assert_eq!(pack().openapi().count(), 862);
    assert_eq!(pack().groups().first().map(|group| group.name.as_str()), Some(""));
    assert_eq!(pack().resources().count(), 100);
}

#[test]
fn every_resource_is_found_by_kind_and_by_name_and_has_a_type() {
    for resource in pack().resources() {
        let kind = &resource.kind;
        // The kinds of a version live in it, whatever kinds their subresources have.
        let name = GroupVersionResource::new(&kind.group, &kind.version, &resource.name);
        assert_eq!(pack().resource(&name), Some(resource));
        assert_eq!(pack().resource_of_kind(kind), Some(resource));
        assert!(pack().object_type(kind).is_some(), "{kind}");
    }
}

#[test]
fn every_kind_of_a_subresource_has_a_type_unless_it_is_a_stream() {
    let streams = ["attach", "exec", "portforward", "proxy"];
    for resource in pack().resources() {
        for subresource in &resource.subresources {
            let known = pack().type_of_kind(&subresource.kind).is_some();
            assert_ne!(known, streams.contains(&subresource.name.as_str()), "{}/{}", resource.name, subresource.name);
        }
    }
}

#[test]
fn a_resource_knows_its_scope_names_and_subresources() {
    let name = GroupVersionResource::new("apps", "v1", "deployments");
    let deployments = pack().resource(&name).expect("it is built in");
    assert!(deployments.namespaced && deployments.allows("deletecollection") && !deployments.allows("connect"));
    assert_eq!(
        (deployments.singular.as_str(), deployments.short_names.as_slice()),
        ("deployment", &["deploy".to_owned()][..])
    );
    assert_eq!(deployments.categories, ["all"]);
    let scale = deployments.subresource("scale").expect("it can be scaled");
    assert_eq!(scale.kind, GroupVersionKind::new("autoscaling", "v1", "Scale"));
    let status = deployments.subresource("status").expect("it has a status");
    assert_eq!(status.kind, deployments.kind);

    let namespaces = pack().resource(&GroupVersionResource::new("", "v1", "namespaces")).expect("it is built in");
    assert!(!namespaces.namespaced && namespaces.subresource("finalize").is_some());
    let pods = pack().resource(&GroupVersionResource::new("", "v1", "pods")).expect("it is built in");
    let eviction = pods.subresource("eviction").expect("pods can be evicted");
    assert_eq!(eviction.kind, GroupVersionKind::new("policy", "v1", "Eviction"));
}

#[test]
fn people_find_resources_by_any_name_and_the_preferred_version_first() {
    for name in ["hpa", "horizontalpodautoscalers", "horizontalpodautoscaler", "HorizontalPodAutoscaler"] {
        let versions: Vec<&str> = pack().resources_called(name).map(|found| found.kind.version.as_str()).collect();
        assert_eq!(versions, ["v2", "v1"], "{name}");
    }
    assert_eq!(pack().resources_called("nonsense").count(), 0);
}

#[test]
fn a_field_knows_its_type_format_and_whether_it_is_required() {
    let spec = type_at("apps", "v1", "Deployment", &["spec"]);
    assert_eq!(spec.name(), Some("io.k8s.api.apps.v1.DeploymentSpec"));
    assert_eq!(spec.required().collect::<Vec<_>>(), ["selector", "template"]);
    let replicas = type_at("apps", "v1", "Deployment", &["spec", "replicas"]);
    assert_eq!((replicas.data_type(), replicas.format()), (DataType::Integer, Some("int32")));
    assert_eq!(type_at("", "v1", "Service", &["spec", "ports", "[]", "targetPort"]).data_type(), DataType::IntOrString);
    let data = type_at("", "v1", "Secret", &["data"]).values().expect("it is a free map");
    assert_eq!((data.data_type(), data.format()), (DataType::String, Some("byte")));
    let limits = pod_spec(&["containers", "[]", "resources", "limits"]).values().expect("it is a free map");
    assert!(limits.is_quantity());
    assert!(pod_spec(&["containers", "[]"]).properties().any(|(name, _)| name == "livenessProbe"));
}

#[test]
fn lists_are_keyed_for_apply_and_for_patches_each_in_its_own_way() {
    let ports = type_at("", "v1", "Service", &["spec", "ports"]);
    assert_eq!(ports.list_type(), Some(ListType::Map));
    assert_eq!(ports.list_keys().collect::<Vec<_>>(), ["port", "protocol"]);
    assert_eq!((ports.patch_strategy().merge, ports.patch_merge_key()), (true, Some("port")));
    let volumes = pod_spec(&["volumes"]);
    assert!(volumes.patch_strategy().merge && volumes.patch_strategy().retain_keys);
    assert_eq!(pod_spec(&["tolerations"]).list_type(), Some(ListType::Atomic));
    assert_eq!(type_at("", "v1", "ConfigMap", &["metadata", "finalizers"]).list_type(), Some(ListType::Set));
    assert!(type_at("apps", "v1", "Deployment", &["spec", "selector"]).is_atomic_map());
    let strategy = type_at("apps", "v1", "Deployment", &["spec", "strategy"]).patch_strategy();
    assert!(strategy.retain_keys && !strategy.merge);
}

#[test]
fn defaults_that_are_only_zero_values_are_told_apart() {
    let port = pod_spec(&["containers", "[]", "ports", "[]"]);
    let default = |name: &str| port.property(name).expect("it is declared");
    assert_eq!(default("protocol").server_default(), Some(&json!("TCP")));
    assert_eq!(default("containerPort").default_value(), Some(&json!(0)));
    assert_eq!(default("containerPort").server_default(), None);
    let defaults: BTreeSet<String> = pack()
        .openapi()
        .filter_map(|(name, _)| Some((name, pack().type_named(name)?)))
        .flat_map(|(name, found)| found.properties().map(move |(field, kind)| (format!("{name}.{field}"), kind)))
        .filter(|(_, kind)| kind.server_default().is_some())
        .map(|(field, _)| field)
        .collect();
    assert_eq!(defaults.len(), 27, "{defaults:#?}");
}

#[test]
fn it_converts_into_the_types_of_server_side_apply() {
    let kind = pack().object_type(&GroupVersionKind::new("", "v1", "Service")).expect("it is built in");
    let field =
        |of, name: &str| kind.schema.atom(of).map.as_ref().and_then(|map| map.field(name)).map(|field| field.kind);
    let ports = field(kind.kind, "spec").and_then(|spec| field(spec, "ports")).expect("it is declared");
    let list = kind.schema.atom(ports).list.as_ref().expect("it is a list");
    assert_eq!(list.relationship, Relationship::Associative);
    let keys: Vec<_> = list.keys.iter().map(|key| (key.name.as_ref(), key.default.clone())).collect();
    assert_eq!(keys, [("port", Some(json!(0))), ("protocol", Some(json!("TCP")))]);
}

#[test]
fn a_custom_resource_has_the_metadata_of_the_built_in_kinds() {
    let kind = GroupVersionKind::new("example.com", "v1", "Widget");
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "template": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}
        }}
    }});
    let widget = pack().custom_type(&kind, Some(&schema), false).expect("the schema is valid");
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"});
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "w", "labels": {"a": "1"}, "ownerReferences": [owner]},
        "spec": {"size": 1, "template": {"kind": "Pod", "metadata": {"finalizers": ["f"]}, "anything": {"x": 1}}}
    });
    let fields = widget.typed(Cow::Borrowed(&object), Duplicates::Refused).expect("it fits").field_set().to_string();
    for field in [".metadata.labels.a", ".metadata.ownerReferences[uid=\"1\"]", ".spec.size"] {
        assert!(fields.lines().any(|line| line == field), "{field} in\n{fields}");
    }
    for field in [".spec.template.metadata.finalizers[=\"f\"]", ".spec.template.anything.x"] {
        assert!(fields.lines().any(|line| line == field), "{field} in\n{fields}");
    }
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"bogus": 1}});
    let typed = |object_type: &ObjectType| object_type.typed(Cow::Borrowed(&unknown), Duplicates::Refused).map(|_| ());
    let refused = typed(&widget).expect_err("the field is not declared").to_string();
    assert_eq!(refused, ".spec.bogus: field not declared in schema");
    assert_eq!(typed(&pack().custom_type(&kind, Some(&schema), true).expect("the schema is valid")), Ok(()));
    assert_eq!(typed(&pack().custom_type(&kind, None, false).expect("there is no schema")), Ok(()));
}

#[test]
fn a_damaged_pack_is_an_error() {
    assert!(matches!(Pack::read("nonsense"), Err(PackError::Field { field: "kubernetes" })));
    assert!(matches!(Pack::read(""), Err(PackError::Field { field: "kubernetes" })));
    assert!(matches!(Pack::read("1.37.2\ntype\tA"), Err(PackError::Line { line: 2 })));
    assert!(matches!(Pack::read("1.37.2\nother\tA\t\t{}"), Err(PackError::Line { line: 2 })));
    assert!(matches!(Pack::read("1.37.2\ntype\tA\t\t{"), Err(PackError::Json { .. })));
    assert!(matches!(Pack::read("1.37.2\ngroup\tA\t\t{}"), Err(PackError::Field { field: "name" })));
}

#[test]
fn the_built_in_pack_is_whole_and_its_types_are_sorted() {
    let text = include_str!("../data/kubernetes-1.37.txt");
    let whole = Pack::read(text).expect("every line can be read");
    let names: Vec<&str> = whole.openapi().map(|(name, _)| name).collect();
    assert!(names.is_sorted(), "a name is found by binary search");
    assert!(names.iter().all(|name| pack().type_named(name).is_some()));
    for (name, schema) in whole.openapi() {
        let kinds = schema.get("x-kubernetes-group-version-kind").and_then(serde_json::Value::as_array);
        for kind in kinds.into_iter().flatten() {
            let text = |field: &str| kind[field].as_str().expect("a text");
            let kind = GroupVersionKind::new(text("group"), text("version"), text("kind"));
            assert!(pack().type_name(&kind).is_some(), "{name} {kind}");
        }
    }
}
