//! Every built-in kind, from the YAML file `file`, in one of three ways: `source` is `yaml` (the text as it is), `manifests`
//! (each object as JSON) or `types` (each object as its k8s-openapi type).

use std::process::ExitCode;

use holm::prelude::*;
use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
    certificates::v1 as certificates, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    events::v1 as events, flowcontrol::v1 as flowcontrol, networking::v1 as networking, node::v1 as node,
    policy::v1 as policy, rbac::v1 as rbac, resource::v1 as resource, scheduling::v1 as scheduling,
    storage::v1 as storage, storagemigration::v1 as storagemigration,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as registration;
use serde_json::Value;

fn main() -> ExitCode {
    holm::run("kinds", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace(&config.require::<String>("namespace")?);
    let text = std::fs::read_to_string(config.require::<String>("file")?)?;
    match config.get("source").unwrap_or_default() {
        "yaml" => drop(stack.add_yaml(&text)),
        source => {
            let objects: Vec<Value> = holm_e2e::yaml(&text);
            for object in objects {
                if source == "types" {
                    add_typed(stack, object)?;
                } else {
                    stack.add(Manifest::new(object));
                }
            }
        }
    }
    Ok(())
}

/// Adds the object as a value of the type that its `apiVersion` and `kind` name.
fn add_typed(stack: &Stack, object: Value) -> holm::Result {
    macro_rules! typed {
        ($($api_version:literal: $module:ident { $($kind:ident)* })*) => {
            match (object["apiVersion"].as_str(), object["kind"].as_str()) {
                $($((Some($api_version), Some(stringify!($kind))) => {
                    drop(stack.add(serde_json::from_value::<$module::$kind>(object)?));
                })*)*
                (api_version, kind) => return Err(holm::Error::new(format!("no type for {api_version:?} {kind:?}"))),
            }
        };
    }
    typed! {
        "v1": core {
            ConfigMap Endpoints LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate
            ReplicationController ResourceQuota Secret Service ServiceAccount
        }
        "admissionregistration.k8s.io/v1": admission {
            MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
            ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration
        }
        "apiextensions.k8s.io/v1": extensions { CustomResourceDefinition }
        "apiregistration.k8s.io/v1": registration { APIService }
        "apps/v1": apps { ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet }
        "autoscaling/v2": autoscaling { HorizontalPodAutoscaler }
        "batch/v1": batch { CronJob Job }
        "certificates.k8s.io/v1": certificates { CertificateSigningRequest ClusterTrustBundle }
        "coordination.k8s.io/v1": coordination { Lease }
        "discovery.k8s.io/v1": discovery { EndpointSlice }
        "events.k8s.io/v1": events { Event }
        "flowcontrol.apiserver.k8s.io/v1": flowcontrol { FlowSchema PriorityLevelConfiguration }
        "networking.k8s.io/v1": networking { IPAddress Ingress IngressClass NetworkPolicy ServiceCIDR }
        "node.k8s.io/v1": node { RuntimeClass }
        "policy/v1": policy { PodDisruptionBudget }
        "rbac.authorization.k8s.io/v1": rbac { ClusterRole ClusterRoleBinding Role RoleBinding }
        "resource.k8s.io/v1": resource {
            DeviceClass DeviceTaintRule ResourceClaim ResourceClaimTemplate ResourceSlice
        }
        "scheduling.k8s.io/v1": scheduling { PriorityClass }
        "storage.k8s.io/v1": storage {
            CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass
        }
        "storagemigration.k8s.io/v1": storagemigration { StorageVersionMigration }
    }
    Ok(())
}
