//! The columns of the built-in kinds, as a server of 1.37 names them (`k8s.io/kubernetes`,
//! `pkg/printers/internalversion/printers.go`).

use super::Column;

/// The columns of a kind in one line, each with its marks: `#` an integer, `?` a flag, `@` a time, `*` the name of the object,
/// `+` only shown when more is asked for.
fn line(resource: &str) -> &'static str {
    match resource {
        "certificatesigningrequests.certificates.k8s.io" => {
            "Name*|Age|SignerName|Requestor|RequestedDuration|Condition"
        }
        "clusterrolebindings.rbac.authorization.k8s.io" | "rolebindings.rbac.authorization.k8s.io" => {
            "Name*|Role|Age|Users+|Groups+|ServiceAccounts+"
        }
        "clustertrustbundles.certificates.k8s.io" => "Name*|SignerName",
        "configmaps" => "Name*|Data|Age",
        "controllerrevisions.apps" => "Name*|Controller|Revision|Age",
        "cronjobs.batch" => "Name*|Schedule|Timezone|Suspend?|Active#|Last Schedule|Age|Containers+|Images+|Selector+",
        "csidrivers.storage.k8s.io" => {
            "Name*|AttachRequired?|PodInfoOnMount?|StorageCapacity?|TokenRequests|RequiresRepublish?|Modes|Age"
        }
        "csinodes.storage.k8s.io" => "Name*|Drivers#|Age",
        "customresourcedefinitions.apiextensions.k8s.io" => {
            "Name*|Scope|Versions|Created At@|Group+|Kind+|ShortNames+|Established?+"
        }
        "daemonsets.apps" => {
            "Name*|Desired#|Current#|Ready#|Up-to-date#|Available#|Node Selector|Age|Containers+|Images+|Selector+"
        }
        "deployments.apps" => "Name*|Ready|Up-to-date|Available|Age|Containers+|Images+|Selector+",
        "devicetaintrules.resource.k8s.io" => "Name*|Key|Value|Effect|TimeAdded|Age",
        "endpoints" => "Name*|Endpoints|Age",
        "endpointslices.discovery.k8s.io" => "Name*|AddressType|Ports|Endpoints|Age",
        "events" => "Last Seen|Type|Reason|Object|Subobject+|Source+|Message|First Seen+|Count+|Name*+",
        "flowschemas.flowcontrol.apiserver.k8s.io" => {
            "Name*|PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL"
        }
        "horizontalpodautoscalers.autoscaling" => "Name*|Reference|Targets|MinPods|MaxPods|Replicas|Age",
        "ingressclasses.networking.k8s.io" => "Name*|Controller|Parameters|Age",
        "ingresses.networking.k8s.io" => "Name*|Class|Hosts|Address|Ports|Age",
        "ipaddresses.networking.k8s.io" => "Name*|ParentRef",
        "jobs.batch" => "Name*|Status|Completions|Duration|Age|Containers+|Images+|Selector+",
        "leases.coordination.k8s.io" => "Name*|Holder|Age",
        "clusterroles.rbac.authorization.k8s.io"
        | "csistoragecapacities.storage.k8s.io"
        | "limitranges"
        | "roles.rbac.authorization.k8s.io" => "Name*|Created At@",
        "mutatingadmissionpolicies.admissionregistration.k8s.io" => "Name*|Mutations#|ParamKind|Age",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io"
        | "validatingadmissionpolicybindings.admissionregistration.k8s.io" => "Name*|PolicyName|ParamRef|Age",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => "Name*|Webhooks#|Age",
        "namespaces" => "Name*|Status|Age",
        "networkpolicies.networking.k8s.io" => "Name*|Pod-Selector|Age",
        "nodes" => {
            "Name*|Status|Roles|Age|Version|Internal-IP+|External-IP+|OS-Image+|Kernel-Version+|Container-Runtime+"
        }
        "persistentvolumeclaims" => {
            "Name*|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode+"
        }
        "persistentvolumes" => {
            "Name*|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|VolumeMode+"
        }
        "podcertificaterequests.certificates.k8s.io" => {
            "Name*|PodName|ServiceAccountName|NodeName|SignerName|State|UnverifiedUserAnnotations"
        }
        "poddisruptionbudgets.policy" => "Name*|Min Available|Max Unavailable|Allowed Disruptions#|Age",
        "pods" => "Name*|Ready|Status|Restarts|Age|IP+|Node+|Nominated Node+|Readiness Gates+",
        "podtemplates" => "Name*|Containers|Images|Pod Labels",
        "priorityclasses.scheduling.k8s.io" => "Name*|Value#|Global-Default?|Age|PreemptionPolicy",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io" => {
            "Name*|Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age"
        }
        "replicasets.apps" | "replicationcontrollers" => {
            "Name*|Desired#|Current#|Ready#|Age|Containers+|Images+|Selector+"
        }
        "resourceclaims.resource.k8s.io" => "Name*|State|Age",
        "resourcequotas" => "Name*|Request|Limit|Age",
        "resourceslices.resource.k8s.io" => "Name*|Node|Driver|Pool|Age",
        "runtimeclasses.node.k8s.io" => "Name*|Handler|Age",
        "scales.autoscaling" => "Name*|Desired#|Available#|Age",
        "secrets" => "Name*|Type|Data|Age",
        "servicecidrs.networking.k8s.io" => "Name*|CIDRs|Age",
        "services" => "Name*|Type|Cluster-IP|External-IP|Port(s)|Age|Selector+",
        "statefulsets.apps" => "Name*|Ready|Age|Containers+|Images+",
        "storageclasses.storage.k8s.io" => "Name*|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age",
        "storageversionmigrations.storagemigration.k8s.io" => "Name|Resource|Status",
        "validatingadmissionpolicies.admissionregistration.k8s.io" => "Name*|Validations#|ParamKind|Age",
        "volumeattachments.storage.k8s.io" => "Name*|Attacher*|PV|Node|Attached?|Age",
        "volumeattributesclasses.storage.k8s.io" => "Name*|DriverName|Age",
        _ => "Name*|Age",
    }
}

/// The columns of a built-in kind.
pub(super) fn of(resource: &str) -> Vec<Column> {
    let column = |text: &'static str| {
        let name = text.trim_end_matches(['#', '?', '@', '*', '+']);
        let marks = text.get(name.len()..).unwrap_or_default();
        let kind = match marks.chars().find(|mark| "#?@".contains(*mark)) {
            Some('#') => "integer",
            Some('?') => "boolean",
            Some(_) => "date",
            None => "string",
        };
        let format = if marks.contains('*') { "name" } else { "" };
        Column { name, kind, format, priority: u8::from(marks.contains('+')) }
    };
    line(resource).split('|').map(column).collect()
}
