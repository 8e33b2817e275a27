//! Claims of persistent volumes.

use holm_core::{Declaration, IntoResource};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// A claim of a volume that outlives its pods.
#[must_use = "a claim does nothing until it is added to a stack"]
pub struct PersistentVolumeClaim {
    common: Common<core::PersistentVolumeClaim>,
    spec: core::PersistentVolumeClaimSpec,
}

impl PersistentVolumeClaim {
    /// A claim of the cluster's default storage class.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name), spec: core::PersistentVolumeClaimSpec::default() }
    }

    /// It can be mounted for writing by the pods of one node at a time.
    pub fn read_write_once(mut self) -> Self {
        add_access_mode(&mut self.spec, "ReadWriteOnce");
        self
    }

    /// It can be mounted for writing by one pod at a time.
    pub fn read_write_once_pod(mut self) -> Self {
        add_access_mode(&mut self.spec, "ReadWriteOncePod");
        self
    }

    /// It can be mounted for reading by pods of many nodes.
    pub fn read_only_many(mut self) -> Self {
        add_access_mode(&mut self.spec, "ReadOnlyMany");
        self
    }

    /// It can be mounted for writing by pods of many nodes.
    pub fn read_write_many(mut self) -> Self {
        add_access_mode(&mut self.spec, "ReadWriteMany");
        self
    }

    /// The size, such as `5Gi`. It may grow later where the storage class allows it, and never shrink.
    pub fn request(mut self, size: &str) -> Self {
        request_storage(&mut self.spec, size);
        self
    }

    pub(crate) fn spec(&mut self) -> &mut core::PersistentVolumeClaimSpec {
        &mut self.spec
    }

    /// The storage class. It cannot change later.
    pub fn storage_class(mut self, name: &str) -> Self {
        self.spec.storage_class_name = Some(name.to_owned());
        self
    }
}

impl Builder for PersistentVolumeClaim {
    type Object = core::PersistentVolumeClaim;

    fn common(&mut self) -> &mut Common<core::PersistentVolumeClaim> {
        &mut self.common
    }
}

impl IntoResource for PersistentVolumeClaim {
    type Kind = kind::PersistentVolumeClaim;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let claim = core::PersistentVolumeClaim { spec: Some(self.spec), ..core::PersistentVolumeClaim::default() };
        self.common.finish(claim, Lowering::default())
    }
}

/// A claim that a StatefulSet makes for each of its pods. A container mounts it by the template itself.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a claim template does nothing until a container of a StatefulSet mounts it"]
pub struct ClaimTemplate {
    claim: core::PersistentVolumeClaim,
}

impl ClaimTemplate {
    /// A template whose claims are named `NAME-POD`, of the cluster's default storage class.
    pub fn new(name: &str) -> Self {
        let mut claim = core::PersistentVolumeClaim::default();
        claim.metadata.name = Some(name.to_owned());
        Self { claim }
    }

    /// Each can be mounted for writing by the pods of one node at a time.
    pub fn read_write_once(mut self) -> Self {
        add_access_mode(self.claim.spec.get_or_insert_default(), "ReadWriteOnce");
        self
    }

    /// Each can be mounted for writing by one pod at a time.
    pub fn read_write_once_pod(mut self) -> Self {
        add_access_mode(self.claim.spec.get_or_insert_default(), "ReadWriteOncePod");
        self
    }

    /// The size, such as `5Gi`.
    pub fn request(mut self, size: &str) -> Self {
        request_storage(self.claim.spec.get_or_insert_default(), size);
        self
    }

    /// The storage class.
    pub fn storage_class(mut self, name: &str) -> Self {
        self.claim.spec.get_or_insert_default().storage_class_name = Some(name.to_owned());
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.claim.metadata.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn claim(&self) -> &core::PersistentVolumeClaim {
        &self.claim
    }
}

fn add_access_mode(spec: &mut core::PersistentVolumeClaimSpec, mode: &str) {
    spec.access_modes.get_or_insert_default().push(mode.to_owned());
}

fn request_storage(spec: &mut core::PersistentVolumeClaimSpec, size: &str) {
    let requests = spec.resources.get_or_insert_default().requests.get_or_insert_default();
    requests.insert("storage".to_owned(), Quantity(size.to_owned()));
}
