//! The built-in rows: every field of the kinds of Kubernetes 1.37 that names another object.
//!
//! A test compares them with the schema of all built-in kinds, both ways: each row is a field, and each field that looks like
//! a name is a row or stands in the list of those that name no object.

use crate::references::Meaning;
use crate::resource::Strength;

/// Rows for a type of the schema that several kinds hold, at the places where they hold it.
pub(crate) struct Section {
    pub(crate) places: &'static [Place],
    /// Where in the places; each stands for a row of its own.
    pub(crate) within: &'static [&'static str],
    pub(crate) rows: &'static [Row],
}

/// Group, kind and the path from the object's root.
pub(crate) type Place = (&'static str, &'static str, &'static str);

/// One field.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) path: &'static str,
    pub(crate) names: Names,
    pub(crate) meaning: Meaning,
    /// The field beside it that names keys of the target's data; empty for none.
    pub(crate) keys: &'static str,
    /// The field beside it that names the target's namespace.
    pub(crate) namespace: &'static str,
    /// The names that usually live outside a stack.
    pub(crate) outside: &'static [&'static str],
    pub(crate) is_optional: bool,
    pub(crate) works_without: bool,
}

/// The kind of what a field names.
#[derive(Clone, Copy)]
pub(crate) enum Names {
    /// Group and kind.
    Kind(&'static str, &'static str),
    /// What the fields `kind` and `apiVersion` or `apiGroup` beside it say; the group where they say none.
    Typed(&'static str),
}

impl Row {
    const fn to(path: &'static str, group: &'static str, kind: &'static str) -> Self {
        Self {
            path,
            names: Names::Kind(group, kind),
            meaning: Meaning::Requires(Strength::Exists),
            keys: "",
            namespace: "namespace",
            outside: &[],
            is_optional: false,
            works_without: false,
        }
    }

    const fn typed(path: &'static str, default_group: &'static str) -> Self {
        let mut row = Self::to(path, "", "");
        row.names = Names::Typed(default_group);
        row
    }

    const fn secret(path: &'static str) -> Self {
        Self::to(path, "", "Secret")
    }

    const fn config_map(path: &'static str) -> Self {
        Self::to(path, "", "ConfigMap").outside(&["kube-root-ca.crt"])
    }

    const fn keys(mut self, path: &'static str) -> Self {
        self.keys = path;
        self
    }

    const fn namespace(mut self, field: &'static str) -> Self {
        self.namespace = field;
        self
    }

    const fn outside(mut self, names: &'static [&'static str]) -> Self {
        self.outside = names;
        self
    }

    const fn ready(mut self) -> Self {
        self.meaning = Meaning::Requires(Strength::Ready);
        self
    }

    const fn mentions(mut self) -> Self {
        self.meaning = Meaning::Mentions;
        self
    }

    /// The server and its controllers do without the target.
    const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// The server and its controllers do without the target, which is unusual.
    const fn works_without(mut self) -> Self {
        self.works_without = true;
        self
    }
}

const ANY: &[&str] = &["*"];
const HERE: &[&str] = &[""];

/// The group of the dynamic resource allocation, and others that are long to write.
const RESOURCE: &str = "resource.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const SCHEDULING: &str = "scheduling.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// The rows that every object has. An owner reference holds the uid of a live object, so the owner is seldom declared in the
/// same stack.
pub(crate) const EVERY_KIND: &[Row] = &[Row::typed("metadata.ownerReferences[*].name", "").outside(ANY)];

/// Where pods are described.
pub(crate) const POD_SPECS: &[Place] = &[
    ("", "Pod", "spec"),
    ("", "PodTemplate", "template.spec"),
    ("", "ReplicationController", "spec.template.spec"),
    ("apps", "Deployment", "spec.template.spec"),
    ("apps", "StatefulSet", "spec.template.spec"),
    ("apps", "DaemonSet", "spec.template.spec"),
    ("apps", "ReplicaSet", "spec.template.spec"),
    ("batch", "Job", "spec.template.spec"),
    ("batch", "CronJob", "spec.jobTemplate.spec.template.spec"),
];

/// The lists of containers in a pod.
pub(crate) const CONTAINER_LISTS: &[&str] = &["containers[*]", "initContainers[*]", "ephemeralContainers[*]"];

pub(crate) const SECTIONS: &[Section] = &[
    Section { places: POD_SPECS, within: CONTAINER_LISTS, rows: CONTAINER },
    Section { places: POD_SPECS, within: HERE, rows: POD },
    Section { places: POD_SPECS, within: &["volumes[*].ephemeral.volumeClaimTemplate.spec"], rows: CLAIM },
    Section {
        places: &[("", "PersistentVolumeClaim", "spec"), ("apps", "StatefulSet", "spec.volumeClaimTemplates[*].spec")],
        within: HERE,
        rows: CLAIM,
    },
    Section {
        places: &[("", "PersistentVolume", "spec"), (STORAGE, "VolumeAttachment", "spec.source.inlineVolumeSpec")],
        within: HERE,
        rows: VOLUME,
    },
    Section {
        places: &[
            (RESOURCE, "ResourceClaim", "spec.devices.requests[*]"),
            (RESOURCE, "ResourceClaimTemplate", "spec.spec.devices.requests[*]"),
        ],
        // The second stands in v1beta1, where a request is its own only alternative.
        within: &["exactly", "", "firstAvailable[*]"],
        rows: &[Row::to("deviceClassName", RESOURCE, "DeviceClass").outside(ANY)],
    },
    Section {
        places: &[
            (SCHEDULING, "Workload", "spec.podGroupTemplates[*]"),
            (SCHEDULING, "Workload", "spec.compositePodGroupTemplates[*].podGroupTemplates[*]"),
            (SCHEDULING, "PodGroup", "spec"),
        ],
        within: HERE,
        rows: POD_GROUP,
    },
    Section {
        places: &[("batch", "Job", "spec.scheduling"), ("batch", "CronJob", "spec.jobTemplate.spec.scheduling")],
        within: HERE,
        rows: RESOURCE_CLAIMS,
    },
    Section {
        places: &[(RBAC, "RoleBinding", ""), (RBAC, "ClusterRoleBinding", "")],
        within: HERE,
        rows: &[
            // The roles that every API server makes at its start (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`).
            Row::typed("roleRef.name", RBAC).outside(&[
                "cluster-admin",
                "admin",
                "edit",
                "view",
                "extension-apiserver-authentication-reader",
                "system:*",
            ]),
            // Users and groups are no objects. The ServiceAccount `default` comes with its namespace.
            Row::typed("subjects[*].name", "").outside(&["default"]),
        ],
    },
    Section {
        places: &[(ADMISSION, "ValidatingWebhookConfiguration", ""), (ADMISSION, "MutatingWebhookConfiguration", "")],
        within: HERE,
        // A webhook that nobody answers would refuse the very objects that come after it.
        rows: &[Row::to("webhooks[*].clientConfig.service.name", "", "Service").ready()],
    },
    Section {
        places: &[("", "Endpoints", "subsets[*].addresses[*]"), ("", "Endpoints", "subsets[*].notReadyAddresses[*]")],
        within: HERE,
        rows: ENDPOINT,
    },
    Section { places: &[("discovery.k8s.io", "EndpointSlice", "endpoints[*]")], within: HERE, rows: ENDPOINT },
];

/// The rows of single kinds, by group and kind.
pub(crate) const KINDS: &[(&str, &str, &[Row])] = &[
    (
        "",
        "ServiceAccount",
        &[
            Row::secret("imagePullSecrets[*].name"),
            // A token Secret names its ServiceAccount and comes after it, so this may not be an edge as well.
            Row::secret("secrets[*].name").mentions(),
        ],
    ),
    (
        "",
        "Secret",
        &[
            // The server deletes a token Secret whose ServiceAccount does not exist.
            Row::to(r#"metadata.annotations["kubernetes.io/service-account.name"]"#, "", "ServiceAccount")
                .outside(&["default"]),
        ],
    ),
    // A volume may be bound to a claim that names it in turn, and waits for it without harm.
    ("", "PersistentVolume", &[Row::to("spec.claimRef.name", "", "PersistentVolumeClaim").mentions()]),
    ("", "Node", &[Row::config_map("spec.configSource.configMap.name").mentions()]),
    ("", "Event", &[Row::typed("involvedObject.name", "").mentions(), Row::typed("related.name", "").mentions()]),
    (
        "events.k8s.io",
        "Event",
        &[Row::typed("regarding.name", "").mentions(), Row::typed("related.name", "").mentions()],
    ),
    ("apps", "StatefulSet", &[Row::to("spec.serviceName", "", "Service").works_without()]),
    (
        "autoscaling",
        "HorizontalPodAutoscaler",
        &[
            Row::typed("spec.scaleTargetRef.name", ""),
            Row::typed("spec.metrics[*].object.describedObject.name", "").optional(),
        ],
    ),
    (
        "networking.k8s.io",
        "Ingress",
        &[
            Row::to("spec.defaultBackend.service.name", "", "Service"),
            Row::typed("spec.defaultBackend.resource.name", ""),
            Row::to("spec.rules[*].http.paths[*].backend.service.name", "", "Service"),
            Row::typed("spec.rules[*].http.paths[*].backend.resource.name", ""),
            // A certificate controller often makes it from the Ingress itself, and until then the default certificate is shown.
            Row::secret("spec.tls[*].secretName").optional(),
            Row::to("spec.ingressClassName", "networking.k8s.io", "IngressClass").outside(ANY),
        ],
    ),
    ("networking.k8s.io", "IngressClass", &[Row::typed("spec.parameters.name", "").outside(ANY)]),
    ("apiregistration.k8s.io", "APIService", &[Row::to("spec.service.name", "", "Service").ready()]),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &[
            // The controllers that answer often start only once their kinds are served, so waiting for more is a deadlock.
            Row::to("spec.conversion.webhook.clientConfig.service.name", "", "Service"),
        ],
    ),
    (
        ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        &[Row::to("spec.policyName", ADMISSION, "ValidatingAdmissionPolicy")],
    ),
    (ADMISSION, "MutatingAdmissionPolicyBinding", &[Row::to("spec.policyName", ADMISSION, "MutatingAdmissionPolicy")]),
    (
        "discovery.k8s.io",
        "EndpointSlice",
        &[Row::to(r#"metadata.labels["kubernetes.io/service-name"]"#, "", "Service").optional()],
    ),
    (
        STORAGE,
        "VolumeAttachment",
        &[
            Row::to("spec.source.persistentVolumeName", "", "PersistentVolume").outside(ANY),
            Row::to("spec.nodeName", "", "Node").outside(ANY),
        ],
    ),
    (STORAGE, "CSIStorageCapacity", &[Row::to("storageClassName", STORAGE, "StorageClass").outside(ANY)]),
    (
        "flowcontrol.apiserver.k8s.io",
        "FlowSchema",
        &[
            // The levels that every API server makes at its start; a schema of a missing level matches nothing.
            Row::to(
                "spec.priorityLevelConfiguration.name",
                "flowcontrol.apiserver.k8s.io",
                "PriorityLevelConfiguration",
            )
            .outside(&[
                "exempt",
                "catch-all",
                "global-default",
                "leader-election",
                "node-high",
                "system",
                "workload-high",
                "workload-low",
            ]),
            Row::to("spec.rules[*].subjects[*].serviceAccount.name", "", "ServiceAccount").mentions(),
        ],
    ),
    (
        RESOURCE,
        "ResourceSlice",
        &[
            Row::to("spec.nodeName", "", "Node").mentions(),
            Row::to("spec.devices[*].nodeName", "", "Node").mentions(),
            Row::to("spec.devices[*].basic.nodeName", "", "Node").mentions(),
        ],
    ),
    (
        SCHEDULING,
        "Workload",
        &[
            Row::typed("spec.controllerRef.name", "").mentions(),
            Row::to("spec.compositePodGroupTemplates[*].priorityClassName", SCHEDULING, "PriorityClass").outside(ANY),
        ],
    ),
    (
        SCHEDULING,
        "PodGroup",
        &[
            Row::to("spec.workloadRef.workloadName", SCHEDULING, "Workload"),
            Row::to("spec.parentCompositePodGroupName", SCHEDULING, "CompositePodGroup"),
        ],
    ),
    (
        SCHEDULING,
        "CompositePodGroup",
        &[
            Row::to("spec.workloadRef.workloadName", SCHEDULING, "Workload"),
            Row::to("spec.parentCompositePodGroupName", SCHEDULING, "CompositePodGroup"),
            Row::to("spec.priorityClassName", SCHEDULING, "PriorityClass").outside(ANY),
        ],
    ),
    (
        "certificates.k8s.io",
        "PodCertificateRequest",
        &[
            Row::to("spec.podName", "", "Pod").mentions(),
            Row::to("spec.nodeName", "", "Node").mentions(),
            Row::to("spec.serviceAccountName", "", "ServiceAccount").mentions(),
        ],
    ),
    ("coordination.k8s.io", "LeaseCandidate", &[Row::to("spec.leaseName", "coordination.k8s.io", "Lease").mentions()]),
    ("lifecycle.k8s.io", "Eviction", &[Row::to("spec.target.pod.name", "", "Pod").mentions()]),
    ("lifecycle.k8s.io", "EvictionRequest", &[Row::to("spec.target.pod.name", "", "Pod").mentions()]),
];

const CONTAINER: &[Row] = &[
    Row::secret("env[*].valueFrom.secretKeyRef.name").keys("key"),
    Row::config_map("env[*].valueFrom.configMapKeyRef.name").keys("key"),
    Row::secret("envFrom[*].secretRef.name"),
    Row::config_map("envFrom[*].configMapRef.name"),
];

const POD: &[Row] = &[
    Row::secret("volumes[*].secret.secretName").keys("items[*].key"),
    Row::config_map("volumes[*].configMap.name").keys("items[*].key"),
    Row::secret("volumes[*].projected.sources[*].secret.name").keys("items[*].key"),
    Row::config_map("volumes[*].projected.sources[*].configMap.name").keys("items[*].key"),
    Row::to("volumes[*].projected.sources[*].clusterTrustBundle.name", "certificates.k8s.io", "ClusterTrustBundle")
        .outside(ANY),
    // A claim of a `WaitForFirstConsumer` class binds only once its pod exists.
    Row::to("volumes[*].persistentVolumeClaim.claimName", "", "PersistentVolumeClaim"),
    Row::secret("volumes[*].csi.nodePublishSecretRef.name"),
    Row::secret("volumes[*].azureFile.secretName"),
    Row::secret("volumes[*].cephfs.secretRef.name"),
    Row::secret("volumes[*].cinder.secretRef.name"),
    Row::secret("volumes[*].flexVolume.secretRef.name"),
    Row::secret("volumes[*].iscsi.secretRef.name"),
    Row::secret("volumes[*].rbd.secretRef.name"),
    Row::secret("volumes[*].scaleIO.secretRef.name"),
    Row::secret("volumes[*].storageos.secretRef.name"),
    Row::to("volumes[*].glusterfs.endpoints", "", "Endpoints"),
    Row::secret("imagePullSecrets[*].name"),
    Row::to("serviceAccountName", "", "ServiceAccount").outside(&["default"]),
    Row::to("serviceAccount", "", "ServiceAccount").outside(&["default"]),
    Row::to("priorityClassName", SCHEDULING, "PriorityClass").outside(ANY),
    Row::to("runtimeClassName", "node.k8s.io", "RuntimeClass").outside(ANY),
    Row::to("nodeName", "", "Node").outside(ANY),
    Row::to("resourceClaims[*].resourceClaimName", RESOURCE, "ResourceClaim"),
    Row::to("resourceClaims[*].resourceClaimTemplateName", RESOURCE, "ResourceClaimTemplate"),
    Row::to("schedulingGroup.podGroupName", SCHEDULING, "PodGroup"),
];

const CLAIM: &[Row] = &[
    Row::to("storageClassName", STORAGE, "StorageClass").outside(ANY),
    Row::to("volumeAttributesClassName", STORAGE, "VolumeAttributesClass").outside(ANY),
    Row::to("volumeName", "", "PersistentVolume").outside(ANY),
    Row::typed("dataSource.name", "").outside(ANY),
    Row::typed("dataSourceRef.name", "").outside(ANY),
];

const VOLUME: &[Row] = &[
    Row::to("storageClassName", STORAGE, "StorageClass").outside(ANY),
    Row::to("volumeAttributesClassName", STORAGE, "VolumeAttributesClass").outside(ANY),
    Row::secret("csi.controllerExpandSecretRef.name"),
    Row::secret("csi.controllerPublishSecretRef.name"),
    Row::secret("csi.nodeExpandSecretRef.name"),
    Row::secret("csi.nodePublishSecretRef.name"),
    Row::secret("csi.nodeStageSecretRef.name"),
    Row::secret("azureFile.secretName").namespace("secretNamespace"),
    Row::secret("cephfs.secretRef.name"),
    Row::secret("cinder.secretRef.name"),
    Row::secret("flexVolume.secretRef.name"),
    Row::secret("iscsi.secretRef.name"),
    Row::secret("rbd.secretRef.name"),
    Row::secret("scaleIO.secretRef.name"),
    Row::to("storageos.secretRef.name", "", "Secret"),
    Row::to("glusterfs.endpoints", "", "Endpoints").namespace("endpointsNamespace"),
];

const RESOURCE_CLAIMS: &[Row] = &[
    Row::to("resourceClaims[*].resourceClaimName", RESOURCE, "ResourceClaim"),
    Row::to("resourceClaims[*].resourceClaimTemplateName", RESOURCE, "ResourceClaimTemplate"),
];

const POD_GROUP: &[Row] = &[
    Row::to("priorityClassName", SCHEDULING, "PriorityClass").outside(ANY),
    Row::to("resourceClaims[*].resourceClaimName", RESOURCE, "ResourceClaim"),
    Row::to("resourceClaims[*].resourceClaimTemplateName", RESOURCE, "ResourceClaimTemplate"),
];

const ENDPOINT: &[Row] = &[Row::typed("targetRef.name", "").mentions(), Row::to("nodeName", "", "Node").mentions()];
