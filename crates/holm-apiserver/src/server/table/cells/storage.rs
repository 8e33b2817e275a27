//! Claims, volumes and classes; configuration.

use serde_json::{Value, json};

use super::{Shown, or};
use crate::object::{self, at, text_at};

pub(super) fn cells(resource: &str, shown: Shown<'_>) -> Option<Vec<Value>> {
    let phase = || {
        if shown.is_deleting() { json!("Terminating") } else { shown.shown(&["status", "phase"]) }
    };
    let class = &["spec", "storageClassName"];
    let attributes = &["spec", "volumeAttributesClassName"];
    Some(match resource {
        "persistentvolumeclaims" => {
            let bound = !shown.text(&["spec", "volumeName"]).is_empty();
            let if_bound = |value: Value| if bound { value } else { json!("") };
            vec![
                shown.name(),
                phase(),
                shown.shown(&["spec", "volumeName"]),
                if_bound(shown.shown(&["status", "capacity", "storage"])),
                if_bound(json!(access_modes(at(shown.object, &["status", "accessModes"])))),
                shown.shown(class),
                shown.or(attributes, "<unset>"),
                shown.age(),
                shown.or(&["spec", "volumeMode"], "<unset>"),
            ]
        }
        "persistentvolumes" => {
            let claim = at(shown.object, &["spec", "claimRef"]);
            let claim = claim.map(|claim| format!("{}/{}", text_at(claim, &["namespace"]), text_at(claim, &["name"])));
            vec![
                shown.name(),
                shown.or(&["spec", "capacity", "storage"], "0"),
                json!(access_modes(at(shown.object, &["spec", "accessModes"]))),
                shown.shown(&["spec", "persistentVolumeReclaimPolicy"]),
                phase(),
                json!(claim.unwrap_or_default()),
                shown.shown(class),
                shown.or(attributes, "<unset>"),
                shown.shown(&["status", "reason"]),
                shown.age(),
                shown.or(&["spec", "volumeMode"], "<unset>"),
            ]
        }
        "storageclasses.storage.k8s.io" => {
            let name = object::name(shown.object);
            let is_default = shown.default_class == Some(name);
            vec![
                json!(if is_default { format!("{name} (default)") } else { name.to_owned() }),
                shown.shown(&["provisioner"]),
                shown.or(&["reclaimPolicy"], "Delete"),
                shown.or(&["volumeBindingMode"], "Immediate"),
                json!(shown.flag(&["allowVolumeExpansion"])),
                shown.age(),
            ]
        }
        "volumeattributesclasses.storage.k8s.io" => vec![shown.name(), shown.shown(&["driverName"]), shown.age()],
        "volumeattachments.storage.k8s.io" => vec![
            shown.name(),
            shown.shown(&["spec", "attacher"]),
            shown.shown(&["spec", "source", "persistentVolumeName"]),
            shown.shown(&["spec", "nodeName"]),
            json!(shown.flag(&["status", "attached"])),
            shown.age(),
        ],
        "csinodes.storage.k8s.io" => vec![shown.name(), json!(shown.count(&["spec", "drivers"])), shown.age()],
        "csidrivers.storage.k8s.io" => {
            let modes = object::texts(at(shown.object, &["spec", "volumeLifecycleModes"])).join(",");
            let tokens = at(shown.object, &["spec", "tokenRequests"]).and_then(Value::as_array).map(|requests| {
                requests.iter().map(|request| text_at(request, &["audience"])).collect::<Vec<_>>().join(",")
            });
            let attach = at(shown.object, &["spec", "attachRequired"]) != Some(&Value::Bool(false));
            vec![
                shown.name(),
                json!(attach),
                json!(shown.flag(&["spec", "podInfoOnMount"])),
                json!(shown.flag(&["spec", "storageCapacity"])),
                json!(tokens.unwrap_or_else(|| "<unset>".to_owned())),
                json!(shown.flag(&["spec", "requiresRepublish"])),
                json!(or(&modes, "<none>")),
                shown.age(),
            ]
        }
        "secrets" => vec![shown.name(), shown.shown(&["type"]), json!(shown.count(&["data"])), shown.age()],
        "configmaps" => {
            let count = shown.count(&["data"]) + shown.count(&["binaryData"]);
            vec![shown.name(), json!(count), shown.age()]
        }
        "resourcequotas" => {
            let hard = at(shown.object, &["status", "hard"]).and_then(Value::as_object);
            let used = |name: &str| or(text_at(shown.object, &["status", "used", name]), "0");
            let (limits, requests): (Vec<String>, Vec<String>) = hard
                .into_iter()
                .flatten()
                .map(|(name, hard)| format!("{name}: {}/{}", used(name), hard.as_str().unwrap_or_default()))
                .partition(|text| text.starts_with("limits."));
            vec![shown.name(), json!(requests.join(", ")), json!(limits.join(", ")), shown.age()]
        }
        _ => return None,
    })
}

fn access_modes(modes: Option<&Value>) -> String {
    let short = |mode: &str| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        _ => "RWOP",
    };
    object::texts(modes).iter().map(|mode| short(mode)).collect::<Vec<_>>().join(",")
}
