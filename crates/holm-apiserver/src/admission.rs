//! Admission: what is checked and changed between reading an object and storing it.
//!
//! From `k8s.io/apiserver`, `pkg/admission/plugin/namespace/lifecycle`, and `k8s.io/kubernetes`, `plugin/pkg/admission/**`: the
//! plugins that are on by default and that change or refuse what stacks write. Service account tokens are not mounted
//! unless the account exists, and quotas, limits and pod security are not enforced.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::object::{self, at, set_at, text_at};
use crate::registry::ResourceType;
use crate::state::State;

/// Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// The class that claims and ingresses get which name none.
const DEFAULT_STORAGE: &str = "storageclass.kubernetes.io/is-default-class";
const DEFAULT_INGRESS: &str = "ingressclass.kubernetes.io/is-default-class";

/// Checks and completes a new object.
pub(crate) fn on_create(
    state: &mut State,
    resource: &ResourceType,
    namespace: &str,
    object: &mut Value,
) -> Result<(), ApiError> {
    if resource.is_namespaced() {
        namespace_lifecycle(state, resource, namespace, object)?;
    }
    let definition = state.definition_of(&resource.id).and_then(|key| state.store.get(&key));
    if definition.is_some_and(|definition| object::is_deleting(definition)) {
        let problem = "create not allowed while custom resource definition is terminating";
        return Err(ApiError::forbidden(resource.group(), resource.plural(), object::name(object), problem));
    }
    match &*resource.id {
        "pods" => pod(state, resource, namespace, object)?,
        "persistentvolumeclaims" => {
            if at(object, &["spec", "storageClassName"]).is_none()
                && let Some(class) = default_class(state, "storageclasses.storage.k8s.io", DEFAULT_STORAGE)
            {
                set_at(object, &["spec", "storageClassName"], json!(class));
            }
            object::add_finalizer(object, "kubernetes.io/pvc-protection");
        }
        "volumeattributesclasses.storage.k8s.io" => object::add_finalizer(object, "kubernetes.io/vac-protection"),
        // TaintNodesByCondition
        "nodes" => taint_node(object),
        "persistentvolumes" => object::add_finalizer(object, "kubernetes.io/pv-protection"),
        "ingresses.networking.k8s.io" => {
            let old = object::annotation(object, "kubernetes.io/ingress.class").is_some();
            if !old
                && at(object, &["spec", "ingressClassName"]).is_none()
                && let Some(class) = default_class(state, "ingressclasses.networking.k8s.io", DEFAULT_INGRESS)
            {
                set_at(object, &["spec", "ingressClassName"], json!(class));
            }
        }
        _ => {}
    }
    Ok(())
}

/// What may not be done although the object is valid.
pub(crate) fn validate_update(
    state: &State,
    resource: &ResourceType,
    live: &Value,
    object: &Value,
) -> Result<(), ApiError> {
    if !resource.is("persistentvolumeclaims") {
        return Ok(());
    }
    // PersistentVolumeClaimResize: only a class that says so lets claims grow.
    let storage = &["spec", "resources", "requests", "storage"];
    let size = |object: &Value| at(object, storage).and_then(holm_values::Quantity::of);
    let (Some(before), Some(after)) = (size(live), size(object)) else { return Ok(()) };
    if after <= before {
        return Ok(());
    }
    let name = object::name(live);
    let refuse = |problem: &str| Err(ApiError::forbidden("", "persistentvolumeclaims", name, problem));
    if text_at(live, &["status", "phase"]) != "Bound" {
        return refuse("Only bound persistent volume claims can be expanded");
    }
    let class = state.find("storageclasses.storage.k8s.io", "", text_at(object, &["spec", "storageClassName"]));
    let grows = class.is_some_and(|class| class.get("allowVolumeExpansion") == Some(&json!(true)));
    if grows {
        Ok(())
    } else {
        refuse(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
        )
    }
}

/// Refuses deletions that would break the cluster.
pub(crate) fn on_delete(resource: &ResourceType, name: &str) -> Result<(), ApiError> {
    if resource.is("namespaces") && IMMORTAL.contains(&name) {
        return Err(ApiError::forbidden("", "namespaces", name, "this namespace may not be deleted"));
    }
    Ok(())
}

/// Nothing is created in a namespace that does not exist or is going.
fn namespace_lifecycle(
    state: &State,
    resource: &ResourceType,
    namespace: &str,
    object: &Value,
) -> Result<(), ApiError> {
    let Some(found) = state.find("namespaces", "", namespace) else {
        return Err(ApiError::not_found("", "namespaces", namespace));
    };
    if !object::is_deleting(found) && text_at(found, &["status", "phase"]) != "Terminating" {
        return Ok(());
    }
    let problem = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let refused = ApiError::forbidden(resource.group(), resource.plural(), object::name(object), &problem);
    let cause = format!("namespace {namespace} is being terminated");
    Err(refused.cause("NamespaceTerminating", &cause, "metadata.namespace"))
}

/// A new node takes no pods until it has said that it is ready.
fn taint_node(object: &mut Value) {
    let key = "node.kubernetes.io/not-ready";
    let taints = at(object, &["spec", "taints"]).and_then(Value::as_array);
    let tainted = taints.into_iter().flatten().any(|taint| text_at(taint, &["key"]) == key);
    if !tainted && let Some(spec) = object::child_map(object, "spec") {
        let taints = spec.entry("taints").or_insert_with(|| json!([]));
        if let Some(taints) = taints.as_array_mut() {
            taints.push(json!({"key": key, "effect": "NoSchedule"}));
        }
    }
}

/// The newest of the default classes, if there is one.
fn default_class(state: &State, resource: &str, annotation: &str) -> Option<String> {
    let classes = state.store.list(resource, None).map(|(_, class)| class);
    let default = classes.filter(|class| object::annotation(class, annotation) == Some("true"));
    let newest = default.max_by(|left, right| {
        let age = |class: &Value| object::metadata_text(class, "creationTimestamp").to_owned();
        // Of two of the same age the one with the lesser name counts.
        age(left).cmp(&age(right)).then_with(|| object::name(right).cmp(object::name(left)))
    })?;
    Some(object::name(newest).to_owned())
}

fn pod(state: &mut State, resource: &ResourceType, namespace: &str, object: &mut Value) -> Result<(), ApiError> {
    // The name is generated later than this on a real server, so that its refusals have the prefix.
    let prefix = object::metadata_text(object, "generateName");
    let name = if prefix.is_empty() { object::name(object) } else { prefix }.to_owned();
    // ServiceAccount
    let account = match text_at(object, &["spec", "serviceAccountName"]) {
        "" => "default".to_owned(),
        named => named.to_owned(),
    };
    let Some(found) = state.find("serviceaccounts", namespace, &account).cloned() else {
        let problem =
            format!("error looking up service account {namespace}/{account}: serviceaccount {account:?} not found");
        return Err(ApiError::forbidden(resource.group(), resource.plural(), &name, &problem));
    };
    set_at(object, &["spec", "serviceAccountName"], json!(account));
    set_at(object, &["spec", "serviceAccount"], json!(account));
    let own = at(object, &["spec", "automountServiceAccountToken"]).and_then(Value::as_bool);
    let mounts = own.or(at(&found, &["automountServiceAccountToken"]).and_then(Value::as_bool)).unwrap_or(true);
    if mounts {
        mount_token(state, object);
    }
    let pulls =
        at(object, &["spec", "imagePullSecrets"]).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if !pulls && let Some(secrets) = at(&found, &["imagePullSecrets"]).cloned() {
        set_at(object, &["spec", "imagePullSecrets"], secrets);
    }
    // RuntimeClass
    runtime_class(state, object, &name)?;
    // Priority
    priority(state, object, &name)?;
    // DefaultTolerationSeconds
    tolerate(object);
    Ok(())
}

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Adds the volume with the token, the certificate and the namespace, and mounts it in every container.
fn mount_token(state: &mut State, object: &mut Value) {
    let volume = format!("kube-api-access-{}", state.random.suffix(5));
    let mut used = false;
    for list in ["initContainers", "containers"] {
        let containers = object::at_mut(object, &["spec", list]).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let mounted = at(container, &["volumeMounts"])
                .and_then(Value::as_array)
                .is_some_and(|mounts| mounts.iter().any(|mount| text_at(mount, &["mountPath"]) == TOKEN_PATH));
            if mounted {
                continue;
            }
            used = true;
            push(container, "volumeMounts", json!({"name": volume, "readOnly": true, "mountPath": TOKEN_PATH}));
        }
    }
    if !used {
        return;
    }
    let field = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
    let source = json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]}});
    if let Some(spec) = object::at_mut(object, &["spec"]) {
        push(spec, "volumes", source);
    }
}

fn push(object: &mut Value, field: &str, item: Value) {
    let Some(fields) = object::as_map(object) else { return };
    let list = fields.entry(field.to_owned()).or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.push(item);
    }
}

/// A runtime class must exist; it says what it costs, and nobody else may.
fn runtime_class(state: &State, object: &mut Value, name: &str) -> Result<(), ApiError> {
    let refuse = |problem: String| Err(ApiError::forbidden("", "pods", name, &format!("pod rejected: {problem}")));
    let class = text_at(object, &["spec", "runtimeClassName"]);
    let own = at(object, &["spec", "overhead"]);
    if class.is_empty() {
        return match own {
            Some(_) => refuse("Pod Overhead set without corresponding RuntimeClass defined Overhead".to_owned()),
            None => Ok(()),
        };
    }
    let Some(found) = state.find("runtimeclasses.node.k8s.io", "", class) else {
        return refuse(format!("RuntimeClass {class:?} not found"));
    };
    let overhead = at(found, &["overhead", "podFixed"]).cloned();
    if own.is_some() && own != overhead.as_ref() {
        let problem = "Pod's Overhead doesn't match RuntimeClass's defined Overhead";
        return refuse(problem.to_owned());
    }
    if let Some(overhead) = overhead {
        set_at(object, &["spec", "overhead"], overhead);
    }
    Ok(())
}

fn priority(state: &State, object: &mut Value, name: &str) -> Result<(), ApiError> {
    let named = text_at(object, &["spec", "priorityClassName"]).to_owned();
    let builtin = match named.as_str() {
        "system-cluster-critical" => Some(2_000_000_000),
        "system-node-critical" => Some(2_000_001_000),
        _ => None,
    };
    let found = if named.is_empty() {
        let mut classes = state.store.list("priorityclasses.scheduling.k8s.io", None).map(|(_, class)| class);
        classes.find(|class| class.get("globalDefault") == Some(&json!(true))).cloned()
    } else {
        state.find("priorityclasses.scheduling.k8s.io", "", &named).cloned()
    };
    let (value, policy) = match &found {
        Some(class) => {
            set_at(object, &["spec", "priorityClassName"], json!(object::name(class)));
            let policy = text_at(class, &["preemptionPolicy"]);
            (at(class, &["value"]).and_then(Value::as_i64).unwrap_or_default(), policy.to_owned())
        }
        None if named.is_empty() => (0, String::new()),
        None => match builtin {
            Some(value) => (value, String::new()),
            None => {
                let problem = format!("no PriorityClass with name {named} was found");
                return Err(ApiError::forbidden("", "pods", name, &problem));
            }
        },
    };
    let policy = if policy.is_empty() { "PreemptLowerPriority".to_owned() } else { policy };
    let own = text_at(object, &["spec", "preemptionPolicy"]);
    if !own.is_empty() && own != policy {
        let problem = format!(
            "the string value of PreemptionPolicy ({own}) must not be provided in pod spec; priority admission controller \
             computed {policy} from the given PriorityClass name"
        );
        return Err(ApiError::forbidden("", "pods", name, &problem));
    }
    set_at(object, &["spec", "priority"], json!(value));
    set_at(object, &["spec", "preemptionPolicy"], json!(policy));
    Ok(())
}

fn tolerate(object: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = at(object, &["spec", "tolerations"]).and_then(Value::as_array).is_some_and(|all| {
            all.iter().any(|toleration| {
                let own = text_at(toleration, &["key"]);
                let effect = text_at(toleration, &["effect"]);
                (own == key || own.is_empty()) && matches!(effect, "NoExecute" | "")
            })
        });
        if !tolerated && let Some(spec) = object::at_mut(object, &["spec"]) {
            push(
                spec,
                "tolerations",
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
}
