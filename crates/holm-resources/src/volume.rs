//! Volumes: what a container mounts brings its volume along, so that there is no mount without one.

use holm_core::{Kind, Ref};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::claim::ClaimTemplate;
use crate::kind;

/// Something that a container can mount: a reference to a claim, a Secret or a ConfigMap, or a [`Volume`].
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be mounted",
    label = "neither a reference nor a volume",
    note = "a PersistentVolumeClaim, Secret or ConfigMap has to be added to the stack first; mount what `stack.add` returns"
)]
pub trait Mount {
    /// Where the files come from.
    type Source: VolumeSource;

    /// The volume, to set how it is mounted: `credentials.volume().mode(0o400)`.
    fn volume(&self) -> Volume<Self::Source>;
}

/// A volume and how a container mounts it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a volume does nothing until a container mounts it"]
pub struct Volume<S> {
    name: String,
    source: S,
    read_only: Option<bool>,
    sub_path: Option<String>,
}

/// A claim that exists on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim(String);

/// The entries of a Secret or a ConfigMap as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    is_secret: bool,
    name: String,
    items: Vec<(String, String)>,
    mode: Option<i32>,
    optional: Option<bool>,
}

/// An empty directory that lives as long as its pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmptyDir {
    in_memory: bool,
    limit: Option<String>,
}

impl<S> Volume<S> {
    fn new(name: &str, source: S) -> Self {
        // A volume's name is a DNS label, while the names of Secrets and ConfigMaps may hold dots.
        Self { name: name.replace('.', "-"), source, read_only: None, sub_path: None }
    }

    /// The name of the volume in the pod. Default: the name of what is mounted, with dashes for dots.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// The container cannot write to it.
    pub fn read_only(mut self) -> Self {
        self.read_only = Some(true);
        self
    }

    /// Only this file or directory of the volume is mounted.
    ///
    /// # Caveats
    /// A file of a Secret or ConfigMap that is mounted so never sees a later change of the object.
    pub fn sub_path(mut self, path: &str) -> Self {
        self.sub_path = Some(path.to_owned());
        self
    }
}

impl Volume<EmptyDir> {
    /// An empty directory that lives as long as its pod.
    pub fn empty_dir(name: &str) -> Self {
        Self::new(name, EmptyDir::default())
    }

    /// Keeps it in memory, which counts against the memory limits of the containers.
    pub fn in_memory(mut self) -> Self {
        self.source.in_memory = true;
        self
    }

    /// The pod is evicted when it grows beyond this size, such as `64Mi`.
    pub fn limit(mut self, size: &str) -> Self {
        self.source.limit = Some(size.to_owned());
        self
    }
}

impl Volume<Files> {
    /// Mounts only these keys, each at a path of its own: `[("tls.crt", "server.crt")]`.
    pub fn items<'a>(mut self, items: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.source.items.extend(items.into_iter().map(|(key, path)| (key.to_owned(), path.to_owned())));
        self
    }

    /// The permissions of the files, such as `0o400`. Default: `0o644`.
    pub fn mode(mut self, mode: u16) -> Self {
        self.source.mode = Some(i32::from(mode));
        self
    }

    /// The pod starts without the files when the object is missing.
    pub fn optional(mut self) -> Self {
        self.source.optional = Some(true);
        self
    }
}

impl Volume<core::Volume> {
    /// Any volume of Kubernetes, such as a projected or a CSI volume, under its own name.
    pub fn plain(volume: core::Volume) -> Self {
        Self { name: volume.name.clone(), source: volume, read_only: None, sub_path: None }
    }
}

/// Where the files of a volume come from.
pub trait VolumeSource {
    #[doc(hidden)]
    fn lower(&self) -> Lowered;
}

/// What a mount needs the pod, or the StatefulSet around it, to have. The name is set by whoever assembles the pod.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Lowered {
    Volume(Box<core::Volume>),
    ClaimTemplate(Box<core::PersistentVolumeClaim>),
}

impl VolumeSource for Claim {
    fn lower(&self) -> Lowered {
        let claim = core::PersistentVolumeClaimVolumeSource { claim_name: self.0.clone(), ..Default::default() };
        volume(core::Volume { persistent_volume_claim: Some(claim), ..core::Volume::default() })
    }
}

impl VolumeSource for Files {
    fn lower(&self) -> Lowered {
        let items: Vec<core::KeyToPath> = self
            .items
            .iter()
            .map(|(key, path)| core::KeyToPath { key: key.clone(), path: path.clone(), ..core::KeyToPath::default() })
            .collect();
        let items = (!items.is_empty()).then_some(items);
        if self.is_secret {
            let secret = core::SecretVolumeSource {
                secret_name: Some(self.name.clone()),
                items,
                default_mode: self.mode,
                optional: self.optional,
                ..core::SecretVolumeSource::default()
            };
            return volume(core::Volume { secret: Some(secret), ..core::Volume::default() });
        }
        let config_map = core::ConfigMapVolumeSource {
            name: self.name.clone(),
            items,
            default_mode: self.mode,
            optional: self.optional,
            ..core::ConfigMapVolumeSource::default()
        };
        volume(core::Volume { config_map: Some(config_map), ..core::Volume::default() })
    }
}

impl VolumeSource for EmptyDir {
    fn lower(&self) -> Lowered {
        let empty_dir = core::EmptyDirVolumeSource {
            medium: self.in_memory.then(|| "Memory".to_owned()),
            size_limit: self.limit.clone().map(Quantity),
            ..core::EmptyDirVolumeSource::default()
        };
        volume(core::Volume { empty_dir: Some(empty_dir), ..core::Volume::default() })
    }
}

impl VolumeSource for core::Volume {
    fn lower(&self) -> Lowered {
        volume(core::Volume { name: String::new(), ..self.clone() })
    }
}

impl VolumeSource for ClaimTemplate {
    fn lower(&self) -> Lowered {
        Lowered::ClaimTemplate(Box::new(self.claim().clone()))
    }
}

fn volume(volume: core::Volume) -> Lowered {
    Lowered::Volume(Box::new(volume))
}

impl<S: VolumeSource + Clone> Mount for Volume<S> {
    type Source = S;

    fn volume(&self) -> Volume<S> {
        self.clone()
    }
}

impl Mount for ClaimTemplate {
    type Source = ClaimTemplate;

    fn volume(&self) -> Volume<ClaimTemplate> {
        Volume::new(self.name(), self.clone())
    }
}

impl<T: Mount> Mount for &T {
    type Source = T::Source;

    fn volume(&self) -> Volume<T::Source> {
        (**self).volume()
    }
}

impl<K: Mountable> Mount for Ref<K> {
    type Source = K::Source;

    fn volume(&self) -> Volume<K::Source> {
        Volume::new(self.name(), K::source(self.name()))
    }
}

/// The kinds whose references can be mounted.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be mounted",
    label = "neither a claim, a Secret nor a ConfigMap",
    note = "a container mounts references to a PersistentVolumeClaim, a Secret or a ConfigMap, a ClaimTemplate and a Volume"
)]
pub trait Mountable: Kind {
    #[doc(hidden)]
    type Source: VolumeSource;

    #[doc(hidden)]
    fn source(name: &str) -> Self::Source;
}

impl Mountable for kind::PersistentVolumeClaim {
    type Source = Claim;

    fn source(name: &str) -> Claim {
        Claim(name.to_owned())
    }
}

impl Mountable for kind::Secret {
    type Source = Files;

    fn source(name: &str) -> Files {
        Files { is_secret: true, name: name.to_owned(), items: Vec::new(), mode: None, optional: None }
    }
}

impl Mountable for kind::ConfigMap {
    type Source = Files;

    fn source(name: &str) -> Files {
        Files { is_secret: false, name: name.to_owned(), items: Vec::new(), mode: None, optional: None }
    }
}

/// A mount of a container whose volume has no name in the pod yet.
pub(crate) struct PendingMount {
    name: String,
    needs: Lowered,
    mount: core::VolumeMount,
}

impl PendingMount {
    pub(crate) fn new<S: VolumeSource>(path: &str, volume: Volume<S>) -> Self {
        let mount = core::VolumeMount {
            mount_path: path.to_owned(),
            read_only: volume.read_only,
            sub_path: volume.sub_path,
            ..core::VolumeMount::default()
        };
        Self { name: volume.name, needs: volume.source.lower(), mount }
    }
}

/// The volumes of a pod under assembly.
#[derive(Default)]
pub(crate) struct Volumes {
    pub(crate) volumes: Vec<core::Volume>,
    pub(crate) claim_templates: Vec<core::PersistentVolumeClaim>,
}

impl Volumes {
    /// The finished mount. Its volume joins the pod; equal ones are shared, and of different ones with the same name the
    /// later gets a number.
    pub(crate) fn mount(&mut self, pending: PendingMount) -> core::VolumeMount {
        let name = match pending.needs {
            Lowered::ClaimTemplate(claim) => {
                if !self.claim_templates.contains(&claim) {
                    self.claim_templates.push(*claim);
                }
                pending.name
            }
            Lowered::Volume(mut volume) => {
                let mut number = 1;
                loop {
                    volume.name = if number == 1 { pending.name.clone() } else { format!("{}-{number}", pending.name) };
                    match self.volumes.iter().find(|other| other.name == volume.name) {
                        Some(other) if *other == *volume => break,
                        Some(_) => number += 1,
                        None => {
                            self.volumes.push((*volume).clone());
                            break;
                        }
                    }
                }
                volume.name
            }
        };
        core::VolumeMount { name, ..pending.mount }
    }
}
