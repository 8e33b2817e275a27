//! The pods of a workload: what Deployments, StatefulSets and Jobs have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use holm_core::{FieldPath, Input, ProblemKind, Ref};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::builder::{Lowering, Patch, seconds};
use crate::container::{Container, some_list};
use crate::kind;
use crate::security::PodSecurityContext;
use crate::volume::Volumes;

/// The options of every builder whose object runs pods.
pub trait PodOptions: Sized {
    #[doc(hidden)]
    fn pod(&mut self) -> &mut PodTemplate;

    /// A container of the pods.
    #[must_use]
    fn container(mut self, container: Container) -> Self {
        self.pod().containers.push(container);
        self
    }

    /// A container that runs to its end before the others start; several run one after the other.
    #[must_use]
    fn init_container(mut self, container: Container) -> Self {
        self.pod().init_containers.push(container);
        self
    }

    /// A container that starts before the others and stops after them, such as a proxy.
    #[must_use]
    fn sidecar(self, container: Container) -> Self {
        self.init_container(container.patch(|container| container.restart_policy = Some("Always".to_owned())))
    }

    /// A label of the pods. It does not become a part of the selector, so it may change later, unless it has a key of the
    /// selector.
    #[must_use]
    fn pod_label(mut self, key: &str, value: &str) -> Self {
        self.pod().labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// An annotation of the pods. Changing it replaces the pods.
    #[must_use]
    fn pod_annotation(mut self, key: &str, value: impl Into<Input>) -> Self {
        self.pod().annotations.push((key.to_owned(), value.into()));
        self
    }

    /// Who the pods are to the API server.
    #[must_use]
    fn service_account(mut self, account: &Ref<kind::ServiceAccount>) -> Self {
        self.pod().spec.service_account_name = Some(account.name().to_string());
        self
    }

    /// Whether the pods get a token for the API server. Default: yes, unless the service account says otherwise.
    #[must_use]
    fn automount_service_account_token(mut self, automount: bool) -> Self {
        self.pod().spec.automount_service_account_token = Some(automount);
        self
    }

    /// How long a pod has to stop before it is killed. Default: 30 seconds.
    #[must_use]
    fn termination_grace_period(mut self, duration: Duration) -> Self {
        let pod = self.pod();
        match seconds(duration) {
            Ok(seconds) => pod.spec.termination_grace_period_seconds = Some(seconds),
            Err(kind) => pod.problems.push((FieldPath::of(["terminationGracePeriodSeconds"]), *kind)),
        }
        self
    }

    /// What holds for all containers and volumes of a pod.
    #[must_use]
    fn security(mut self, context: PodSecurityContext) -> Self {
        self.pod().spec.security_context = Some(context.lower());
        self
    }

    /// A label that the nodes must have.
    #[must_use]
    fn node_selector(mut self, key: &str, value: &str) -> Self {
        self.pod().spec.node_selector.get_or_insert_default().insert(key.to_owned(), value.to_owned());
        self
    }

    /// A taint of nodes that the pods put up with.
    #[must_use]
    fn toleration(mut self, toleration: core::Toleration) -> Self {
        self.pod().spec.tolerations.get_or_insert_default().push(toleration);
        self
    }

    /// The name of the PriorityClass.
    #[must_use]
    fn priority_class(mut self, name: &str) -> Self {
        self.pod().spec.priority_class_name = Some(name.to_owned());
        self
    }

    /// Names that stand for an address in the pods' `/etc/hosts`.
    #[must_use]
    fn host_alias<'a>(mut self, address: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().map(str::to_owned).collect();
        let alias = core::HostAlias { ip: address.to_owned(), hostnames: Some(names) };
        self.pod().spec.host_aliases.get_or_insert_default().push(alias);
        self
    }

    /// A Secret of the type `kubernetes.io/dockerconfigjson` to pull images with.
    #[must_use]
    fn image_pull_secret(mut self, secret: &Ref<kind::Secret>) -> Self {
        let reference = core::LocalObjectReference { name: secret.name().to_string() };
        self.pod().spec.image_pull_secrets.get_or_insert_default().push(reference);
        self
    }

    /// Changes the finished pod spec in a way that the builder has no word for, such as affinity. Patches run in the order
    /// in which they were given, before those of the whole object. The checks of the graph see what they made.
    #[must_use]
    fn patch_pod(mut self, patch: impl FnOnce(&mut core::PodSpec) + 'static) -> Self {
        self.pod().patches.push(Box::new(patch));
        self
    }
}

/// The pods of a builder.
pub struct PodTemplate {
    labels: BTreeMap<String, String>,
    selector: Vec<String>,
    annotations: Vec<(String, Input)>,
    containers: Vec<Container>,
    init_containers: Vec<Container>,
    spec: core::PodSpec,
    patches: Vec<Patch<core::PodSpec>>,
    problems: Vec<(FieldPath, ProblemKind)>,
}

impl PodTemplate {
    /// Pods with the label `app`, which is also what selects them.
    pub(crate) fn new(app: &str) -> Self {
        Self {
            labels: BTreeMap::from([("app".to_owned(), app.to_owned())]),
            selector: vec!["app".to_owned()],
            annotations: Vec::new(),
            containers: Vec::new(),
            init_containers: Vec::new(),
            spec: core::PodSpec::default(),
            patches: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Selects the pods by these labels in place of `app`.
    pub(crate) fn select_by<'a>(&mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for key in self.selector.drain(..) {
            self.labels.remove(&key);
        }
        for (key, value) in labels {
            self.labels.insert(key.to_owned(), value.to_owned());
            self.selector.push(key.to_owned());
        }
    }

    pub(crate) fn spec(&mut self) -> &mut core::PodSpec {
        &mut self.spec
    }

    /// The selector of the pods, read from their labels.
    pub(crate) fn selector(&self) -> LabelSelector {
        let labels = self.selector.iter().filter_map(|key| Some((key.clone(), self.labels.get(key)?.clone())));
        LabelSelector { match_labels: Some(labels.collect()), ..LabelSelector::default() }
    }

    /// The template, which stands at `at` in its object, and the claims that each pod is to have of its own.
    pub(crate) fn lower(
        self,
        at: &FieldPath,
        lowering: &mut Lowering,
    ) -> (core::PodTemplateSpec, Vec<core::PersistentVolumeClaim>) {
        let mut found = Lowering::default();
        let mut volumes = Volumes::default();
        let mut spec = self.spec;
        let mut lower = |list: &str, containers: Vec<Container>| {
            containers.into_iter().map(|container| container.lower(list, &mut volumes, &mut found)).collect::<Vec<_>>()
        };
        let init_containers = lower("initContainers", self.init_containers);
        spec.containers = lower("containers", self.containers);
        spec.init_containers = some_list(init_containers.into_iter());
        spec.volumes = some_list(volumes.volumes.into_iter());
        for patch in self.patches {
            patch(&mut spec);
        }
        for (path, kind) in self.problems {
            found.problem(path, kind);
        }
        lowering.absorb(&at.field("spec"), found);
        let mut annotations = Lowering::default();
        let metadata = ObjectMeta {
            labels: Some(self.labels),
            annotations: annotations.texts(&FieldPath::of(["metadata", "annotations"]), self.annotations),
            ..ObjectMeta::default()
        };
        lowering.absorb(at, annotations);
        (core::PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) }, volumes.claim_templates)
    }

    /// The template of a workload other than a StatefulSet, whose pods cannot have claims of their own.
    pub(crate) fn lower_without_claims(self, at: &FieldPath, lowering: &mut Lowering) -> core::PodTemplateSpec {
        let (template, claims) = self.lower(at, lowering);
        for claim in claims {
            let name = claim.metadata.name.unwrap_or_default();
            let message = format!(
                "mounts the claim template \"{name}\", but only a StatefulSet makes a claim for each pod; add a \
                 PersistentVolumeClaim to the stack and mount that"
            );
            lowering.problem(at.concat(&FieldPath::of(["spec", "volumes"])), ProblemKind::Unfit(message));
        }
        template
    }
}
