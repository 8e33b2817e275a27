//! Label and field selectors.
//!
//! Which fields can be selected is from `ToSelectableFields` of the strategies and `AddFieldLabelConversionFunc` in `k8s.io/kubernetes`, `pkg/apis/**/conversion.go`.

use holm_values::{FieldRequirement, Selector, field_selector};
use serde_json::Value;

use crate::error::ApiError;
use crate::object;

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// One namespace, or all.
    pub namespace: Option<String>,
    labels: Selector,
    fields: Vec<FieldRequirement>,
}

impl Selection {
    /// All objects, or all of one namespace.
    pub fn everything(namespace: Option<&str>) -> Self {
        Self { namespace: namespace.map(str::to_owned), ..Self::default() }
    }

    /// Adds a label selector.
    pub fn labels(mut self, text: &str) -> Result<Self, ApiError> {
        self.labels = Selector::parse(text).map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(self)
    }

    /// Adds a field selector for a resource.
    pub fn fields(mut self, text: &str, resource: &str, custom: &[String]) -> Result<Self, ApiError> {
        let fields = field_selector::parse(text).map_err(|error| ApiError::bad_request(error.to_string()))?;
        let is_known = |path: &str| is_selectable(resource, path) || custom.iter().any(|own| own == path);
        if let Some(unknown) = fields.iter().find(|field| !is_known(&field.path)) {
            return Err(ApiError::bad_request(not_selectable(resource, &unknown.path, !custom.is_empty())));
        }
        self.fields.extend(fields);
        Ok(self)
    }

    /// Whether there is a selector at all.
    pub fn is_selective(&self) -> bool {
        !self.labels.is_everything() || !self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| namespace == object::namespace(object))
            && self.labels.matches(object)
            && self.fields.iter().all(|requirement| has_value(requirement, object))
    }
}

/// Whether a field is as a requirement wants it.
fn has_value(requirement: &FieldRequirement, object: &Value) -> bool {
    let path: Vec<&str> = match requirement.path.as_str() {
        // Of an Event, which says it in one of two ways: `pkg/registry/core/event/strategy.go`.
        "source" if object::text_at(object, &["source", "component"]).is_empty() => vec!["reportingComponent"],
        "source" => vec!["source", "component"],
        path => path.split('.').collect(),
    };
    let found = match object::at(object, &path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        // A flag that is left out is false, a number is zero.
        None if matches!(requirement.path.as_str(), "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        None if matches!(requirement.path.as_str(), "status.successful" | "status.replicas") => "0".to_owned(),
        _ => String::new(),
    };
    (found == requirement.value) == requirement.is_equal
}

/// Whether a label selector of an object selects another object. One that cannot be read selects nothing.
pub(crate) fn matches_selector(selector: &Value, object: &Value) -> bool {
    Selector::of(Some(selector)).is_ok_and(|selector| selector.matches(object))
}

/// That a field cannot be selected, as the conversion of the kind says it, or that of all kinds which have none of their own.
fn not_selectable(resource: &str, path: &str, has_own: bool) -> String {
    if resource == "jobs.batch" {
        format!("field label {path:?} not supported for Job")
    } else if has_own || !own_fields(resource).is_empty() {
        format!("field label not supported: {path}")
    } else {
        format!("{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    }
}

fn is_selectable(resource: &str, path: &str) -> bool {
    matches!(path, "metadata.name" | "metadata.namespace") || own_fields(resource).contains(&path)
}

/// The fields of a kind that can be selected besides those of all kinds.
fn own_fields(resource: &str) -> &'static [&'static str] {
    match resource {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        "nodes" => &["spec.unschedulable"],
        "services" => &["spec.clusterIP", "spec.type"],
        "jobs.batch" => &["status.successful"],
        "replicationcontrollers" => &["status.replicas"],
        "certificatesigningrequests.certificates.k8s.io" => &["spec.signerName"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors_select_as_kubernetes_does() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "size": "3"}}});
        let cases = [
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("app in (web, db)", true),
            ("app notin (web)", false),
            ("missing notin (x)", true),
            ("app", true),
            ("!app", false),
            ("!missing", true),
            ("size>2", true),
            ("size<2", false),
            ("", true),
            ("missing!=x", true),
            ("app=", false),
        ];
        for (text, expected) in cases {
            let selection = Selection::everything(None).labels(text).unwrap();
            assert_eq!(selection.matches(&object), expected, "{text}");
        }
        for text in ["a b c", "app===web", "app=a b", "app=-x"] {
            assert!(Selection::everything(None).labels(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_some_fields_can_be_selected() {
        let secret = json!({"metadata": {"name": "s"}, "type": "Opaque"});
        let select = |text: &str| Selection::everything(None).fields(text, "secrets", &[]);
        assert!(select("type=Opaque,metadata.name=s").unwrap().matches(&secret));
        assert!(!select("type!=Opaque").unwrap().matches(&secret));
        assert!(select("data.x=1").is_err());
    }
}
