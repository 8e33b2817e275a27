//! PersistentVolumes and StorageClasses.

use std::collections::BTreeMap;

use holm_core::{Declaration, IntoResource, Ref};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::storage::v1 as storage;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// What becomes of a volume when its claim is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReclaimPolicy {
    /// It stays, with its data, and no other claim gets it.
    Retain,
    /// It is deleted with its data.
    Delete,
}

impl ReclaimPolicy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Retain => "Retain",
            Self::Delete => "Delete",
        }
    }
}

/// A piece of storage that a claim can have.
///
/// Each has one source, a size and an access mode, and a volume of one node says which. It belongs to no storage class until
/// [`storage_class`](Self::storage_class) names one, and stays when its claim is deleted.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{PersistentVolume, PersistentVolumeClaim};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let volume = stack.add(PersistentVolume::local("disk", "50Gi", "/mnt/disk", "node-1"));
/// stack.add(PersistentVolumeClaim::new("data").read_write_once().request("50Gi").bound_to(&volume));
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a volume does nothing until it is added to a stack"]
pub struct PersistentVolume {
    common: Common<core::PersistentVolume>,
    spec: core::PersistentVolumeSpec,
}

impl PersistentVolume {
    /// A disk or directory of one node, by the node's host name, which pods of that node can mount for writing.
    pub fn local(name: &str, size: &str, path: &str, node: &str) -> Self {
        let mut volume = Self::new(name, size, "ReadWriteOnce");
        volume.spec.local = Some(core::LocalVolumeSource { path: path.to_owned(), ..Default::default() });
        let is_node = core::NodeSelectorRequirement {
            key: "kubernetes.io/hostname".to_owned(),
            operator: "In".to_owned(),
            values: Some(vec![node.to_owned()]),
        };
        let term = core::NodeSelectorTerm { match_expressions: Some(vec![is_node]), ..Default::default() };
        let required = Some(core::NodeSelector { node_selector_terms: vec![term] });
        volume.spec.node_affinity = Some(core::VolumeNodeAffinity { required });
        volume
    }

    /// A directory of an NFS server, which pods of many nodes can mount for writing.
    pub fn nfs(name: &str, size: &str, server: &str, path: &str) -> Self {
        let mut volume = Self::new(name, size, "ReadWriteMany");
        volume.spec.nfs =
            Some(core::NFSVolumeSource { server: server.to_owned(), path: path.to_owned(), ..Default::default() });
        volume
    }

    /// A volume of a CSI driver, which the driver knows by `handle`; pods of one node can mount it for writing.
    pub fn csi(name: &str, size: &str, driver: &str, handle: &str) -> Self {
        let mut volume = Self::new(name, size, "ReadWriteOnce");
        volume.spec.csi = Some(core::CSIPersistentVolumeSource {
            driver: driver.to_owned(),
            volume_handle: handle.to_owned(),
            ..Default::default()
        });
        volume
    }

    fn new(name: &str, size: &str, mode: &str) -> Self {
        let spec = core::PersistentVolumeSpec {
            capacity: Some(BTreeMap::from([("storage".to_owned(), Quantity(size.to_owned()))])),
            access_modes: Some(vec![mode.to_owned()]),
            persistent_volume_reclaim_policy: Some(ReclaimPolicy::Retain.as_str().to_owned()),
            ..Default::default()
        };
        Self { common: Common::new(name), spec }
    }

    /// The name of the storage class whose claims can have it.
    pub fn storage_class(mut self, name: &str) -> Self {
        self.spec.storage_class_name = Some(name.to_owned());
        self
    }

    /// What becomes of it when its claim is deleted. Default: [`Retain`](ReclaimPolicy::Retain).
    pub fn reclaim(mut self, policy: ReclaimPolicy) -> Self {
        self.spec.persistent_volume_reclaim_policy = Some(policy.as_str().to_owned());
        self
    }

    /// Options of its mount, such as `nfsvers=4.1`.
    pub fn mount_options<'a>(mut self, options: impl IntoIterator<Item = &'a str>) -> Self {
        self.spec.mount_options = Some(options.into_iter().map(str::to_owned).collect());
        self
    }
}

impl Builder for PersistentVolume {
    type Object = core::PersistentVolume;

    fn common(&mut self) -> &mut Common<core::PersistentVolume> {
        &mut self.common
    }
}

impl IntoResource for PersistentVolume {
    type Kind = kind::PersistentVolume;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let object = core::PersistentVolume { spec: Some(self.spec), ..Default::default() };
        self.common.finish(object, Lowering::default())
    }
}

impl crate::PersistentVolumeClaim {
    /// Claims this volume and no other, whose storage class it takes over.
    pub fn bound_to(mut self, volume: &Ref<kind::PersistentVolume>) -> Self {
        // Without any class, the server would put the default one into the claim.
        let class = volume.declared().pointer("/spec/storageClassName").and_then(serde_json::Value::as_str);
        let spec = self.spec();
        spec.storage_class_name = Some(class.unwrap_or_default().to_owned());
        spec.volume_name = Some(volume.name().to_string());
        self
    }
}

/// How volumes for claims are made.
///
/// A volume is made where the first pod that uses it is scheduled, and not before, so that a pod is never tied to a zone in which it cannot
/// run. Nothing of a class can change later except whether its volumes may grow.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{ReclaimPolicy, StorageClass};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// stack.add(
///     StorageClass::new("fast", "ebs.csi.aws.com").parameter("type", "gp3").reclaim(ReclaimPolicy::Retain).allow_expansion(),
/// );
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a storage class does nothing until it is added to a stack"]
pub struct StorageClass {
    common: Common<storage::StorageClass>,
    class: storage::StorageClass,
}

impl StorageClass {
    /// A class whose volumes `provisioner` makes.
    pub fn new(name: &str, provisioner: &str) -> Self {
        let class = storage::StorageClass {
            provisioner: provisioner.to_owned(),
            volume_binding_mode: Some("WaitForFirstConsumer".to_owned()),
            ..Default::default()
        };
        Self { common: Common::new(name), class }
    }

    /// A parameter of the provisioner.
    pub fn parameter(mut self, key: &str, value: &str) -> Self {
        self.class.parameters.get_or_insert_default().insert(key.to_owned(), value.to_owned());
        self
    }

    /// What becomes of a volume when its claim is deleted. Default: [`Delete`](ReclaimPolicy::Delete).
    pub fn reclaim(mut self, policy: ReclaimPolicy) -> Self {
        self.class.reclaim_policy = Some(policy.as_str().to_owned());
        self
    }

    /// Makes a volume as soon as it is claimed, wherever its pod will run.
    pub fn immediate(mut self) -> Self {
        self.class.volume_binding_mode = Some("Immediate".to_owned());
        self
    }

    /// Lets claims ask for more later.
    pub fn allow_expansion(mut self) -> Self {
        self.class.allow_volume_expansion = Some(true);
        self
    }

    /// Makes it the class of claims that name none.
    pub fn cluster_default(self) -> Self {
        self.annotation("storageclass.kubernetes.io/is-default-class", "true")
    }
}

impl Builder for StorageClass {
    type Object = storage::StorageClass;

    fn common(&mut self) -> &mut Common<storage::StorageClass> {
        &mut self.common
    }
}

impl IntoResource for StorageClass {
    type Kind = kind::StorageClass;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        self.common.finish(self.class, Lowering::default())
    }
}
