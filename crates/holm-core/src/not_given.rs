//! What a manifest writes down and does not give: `null`, and maps without entries.
//!
//! The server decodes `null` in a field of a built-in kind as if the field were absent, but server-side apply keeps it as a value:
//! the field is then owned, and of an immutable one it differs for ever from what the server filled in. Charts render both.
//! Custom kinds may mean `null` (`nullable`), so theirs is kept.

use serde_json::{Map, Value};

use crate::catalog;

/// Maps of text to text, in which `null` is an entry without text to the server.
const TEXT_MAPS: [&str; 9] = [
    "annotations",
    "labels",
    "matchLabels",
    "nodeSelector",
    "data",
    "binaryData",
    "stringData",
    "parameters",
    "volumeAttributes",
];

/// Fields that hold JSON of any shape: group, kind and name of the field.
const FREE_JSON: [(&str, &str, &str); 5] = [
    ("apiextensions.k8s.io", "CustomResourceDefinition", "openAPIV3Schema"),
    ("apps", "ControllerRevision", "data"),
    ("resource.k8s.io", "ResourceClaim", "parameters"),
    ("resource.k8s.io", "ResourceClaimTemplate", "parameters"),
    ("resource.k8s.io", "DeviceClass", "parameters"),
];

/// Removes from an object whatever it does not give.
pub(crate) fn remove(group: &str, kind: &str, object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    if catalog::scope(group, kind).is_none() {
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            remove_empty(metadata, &["annotations", "labels"]);
        }
        return;
    }
    let is_free = |name: &str| FREE_JSON.contains(&(group, kind, name));
    remove_nulls(fields, &is_free);
    if group.is_empty() && matches!(kind, "ConfigMap" | "Secret") {
        remove_empty(fields, &["data", "binaryData", "stringData"]);
    }
    // The controller fills in the rules of an aggregated role. An empty list is how the documentation writes one.
    if kind == "ClusterRole" && fields.contains_key("aggregationRule") {
        let is_empty = |rules: &Value| rules.as_array().is_some_and(Vec::is_empty);
        if fields.get("rules").is_some_and(is_empty) {
            fields.remove("rules");
        }
    }
}

fn remove_nulls(fields: &mut Map<String, Value>, is_free: &dyn Fn(&str) -> bool) {
    fields.retain(|_, value| !value.is_null());
    // The default of a field by which items are told apart: to the server, empty is `TCP`, and to server-side apply, it is not.
    if fields.contains_key("containerPort") || fields.contains_key("port") {
        remove_empty_text(fields, "protocol");
    }
    for (name, value) in fields {
        if is_free(name) {
            continue;
        }
        if name == "metadata"
            && let Some(metadata) = value.as_object_mut()
        {
            remove_empty(metadata, &["annotations", "labels"]);
        }
        match value {
            Value::Object(_) if TEXT_MAPS.contains(&name.as_str()) => {}
            Value::Object(fields) => remove_nulls(fields, is_free),
            Value::Array(items) => {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    remove_nulls(item, is_free);
                }
            }
            _ => {}
        }
    }
}

fn remove_empty_text(fields: &mut Map<String, Value>, name: &str) {
    if fields.get(name).and_then(Value::as_str) == Some("") {
        fields.remove(name);
    }
}

fn remove_empty(fields: &mut Map<String, Value>, names: &[&str]) {
    fields.retain(|name, value| {
        let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        !(is_empty && names.contains(&name.as_str()))
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(group: &str, kind: &str, mut object: Value) -> Value {
        remove(group, kind, &mut object);
        object
    }

    #[test]
    fn null_is_not_given_in_built_in_kinds() {
        let claim =
            json!({"spec": {"storageClassName": null, "resources": {"limits": null, "requests": {"storage": "1Gi"}}}});
        let given = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}});
        assert_eq!(left("", "PersistentVolumeClaim", claim), given);
        let service = json!({"spec": {"ports": [{"port": 80, "protocol": null}, {"port": 81, "protocol": ""}]}});
        assert_eq!(left("", "Service", service), json!({"spec": {"ports": [{"port": 80}, {"port": 81}]}}));
        let deployment = json!({"spec": {"template": {"metadata": {"creationTimestamp": null, "annotations": {}}, "spec": {
            "volumes": null, "containers": [{"args": null, "env": [{"name": "A", "value": null}], "resources": {}}]}}}});
        let given = json!({"spec": {"template": {"metadata": {}, "spec": {
            "containers": [{"env": [{"name": "A"}], "resources": {}}]}}}});
        assert_eq!(left("apps", "Deployment", deployment), given);
    }

    #[test]
    fn null_is_kept_where_it_means_something() {
        let entry = json!({"metadata": {"labels": {"a": null}}, "data": {"b": null}});
        assert_eq!(left("", "ConfigMap", entry.clone()), entry);
        let custom = json!({"metadata": {"name": "w"}, "spec": {"a": null}});
        assert_eq!(left("g.io", "Widget", custom.clone()), custom);
        let definition =
            json!({"spec": {"conversion": null, "versions": [{"schema": {"openAPIV3Schema": {"default": null}}}]}});
        let given = json!({"spec": {"versions": [{"schema": {"openAPIV3Schema": {"default": null}}}]}});
        assert_eq!(left("apiextensions.k8s.io", "CustomResourceDefinition", definition), given);
        let class = json!({"spec": {"config": [{"opaque": {"driver": "d", "parameters": {"a": null}}}]}});
        assert_eq!(left("resource.k8s.io", "DeviceClass", class.clone()), class);
    }

    #[test]
    fn empty_maps_that_others_fill_are_not_given() {
        for (group, kind) in [("", "ConfigMap"), ("g.io", "Widget")] {
            let object = json!({"metadata": {"name": "c", "annotations": {}, "labels": null}});
            assert_eq!(left(group, kind, object), json!({"metadata": {"name": "c"}}));
        }
        assert_eq!(left("", "ConfigMap", json!({"data": {}, "immutable": false})), json!({"immutable": false}));
        // An empty map may be the whole value.
        let pod = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "securityContext": {}}});
        assert_eq!(left("", "Pod", pod.clone()), pod);
    }

    #[test]
    fn the_rules_of_an_aggregated_role_are_its_controllers() {
        let rule = json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]});
        let role = |rules: Value| json!({"aggregationRule": rule, "rules": rules});
        let group = "rbac.authorization.k8s.io";
        assert_eq!(left(group, "ClusterRole", role(json!([]))), json!({"aggregationRule": rule}));
        assert_eq!(left(group, "ClusterRole", role(json!(null))), json!({"aggregationRule": rule}));
        assert_eq!(left(group, "ClusterRole", role(json!([{"verbs": ["get"]}]))), role(json!([{"verbs": ["get"]}])));
        assert_eq!(left(group, "ClusterRole", json!({"rules": []})), json!({"rules": []}));
    }
}
