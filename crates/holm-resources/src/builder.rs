//! What all builders share: metadata, patches, values that come later, and the problems found on the way.

use std::collections::BTreeMap;

use std::time::Duration;

use holm_core::{Declaration, FieldPath, Input, IntoResource, ProblemKind, ResourceOption};
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde_json::Value;

use crate::reference::Workload;

/// The options that every builder has.
pub trait Builder: Sized {
    /// The k8s-openapi type that it lowers to.
    type Object;

    #[doc(hidden)]
    fn common(&mut self) -> &mut Common<Self::Object>;

    /// The namespace, where it is another one than the stack's.
    #[must_use]
    fn namespace(mut self, namespace: &str) -> Self {
        self.common().metadata.namespace = Some(namespace.to_owned());
        self
    }

    /// A label of the object itself. The labels of a workload's pods are [another matter](crate::PodOptions::pod_label).
    #[must_use]
    fn label(mut self, key: &str, value: &str) -> Self {
        self.common().metadata.labels.get_or_insert_default().insert(key.to_owned(), value.to_owned());
        self
    }

    /// An annotation of the object itself.
    #[must_use]
    fn annotation(mut self, key: &str, value: impl Into<Input>) -> Self {
        self.common().annotations.push((key.to_owned(), value.into()));
        self
    }

    /// Changes the finished object in a way that the builder has no word for.
    ///
    /// Patches run last, in the order in which they were given. The checks of the graph see what they made.
    #[must_use]
    fn patch(mut self, patch: impl FnOnce(&mut Self::Object) + 'static) -> Self {
        self.common().patches.push(Box::new(patch));
        self
    }
}

/// The part of [`IntoResource`] that is the same for all builders: each keeps its options in its [`Common`].
macro_rules! keep_options {
    () => {
        type Configured = Self;

        fn with_option(mut self, option: holm_core::ResourceOption) -> Self {
            self.common.options.push(option);
            self
        }
    };
}

pub(crate) use keep_options;

/// A change of a finished plain struct.
pub(crate) type Patch<K> = Box<dyn FnOnce(&mut K)>;

/// The part of a builder that does not depend on its kind.
pub struct Common<K> {
    metadata: ObjectMeta,
    annotations: Vec<(String, Input)>,
    patches: Vec<Patch<K>>,
    pub(crate) options: Vec<ResourceOption>,
    problems: Vec<(FieldPath, ProblemKind)>,
}

impl<K> Common<K> {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        let metadata = ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() };
        Self { metadata, annotations: Vec::new(), patches: Vec::new(), options: Vec::new(), problems: Vec::new() }
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.metadata.name = Some(name.to_owned());
    }

    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        self.metadata.namespace = Some(namespace.to_owned());
    }

    /// Takes over the labels of an object that another library made.
    pub(crate) fn take_labels(&mut self, labels: Option<BTreeMap<String, String>>) {
        self.metadata.labels = labels;
    }

    /// The selector of a workload's pods, for the field `field` of the spec. That of a workload outside of the stack is not known.
    pub(crate) fn selector_of(&mut self, workload: &impl Workload, field: &str) -> LabelSelector {
        let selector = workload.pod_selector();
        // An empty selector would select every pod of the namespace.
        if selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty) && selector.match_expressions.is_none() {
            let message =
                format!("the pod labels of {} are not known here; set the selector with patch()", workload.id());
            self.problem(FieldPath::of(["spec", field]), ProblemKind::Incomplete(message));
        }
        selector
    }

    /// Keeps a problem of the field at `path`.
    pub(crate) fn problem(&mut self, path: FieldPath, kind: ProblemKind) {
        self.problems.push((path, kind));
    }

    /// The duration in seconds for the field at `path`; none, and a problem, where it is not a number of whole seconds.
    pub(crate) fn seconds<T: TryFrom<u64>>(&mut self, path: FieldPath, duration: Duration) -> Option<T> {
        seconds(duration).map_err(|kind| self.problem(path, *kind)).ok()
    }

    /// Puts the metadata on `object`, runs the patches, and adds what was found while it was lowered.
    pub(crate) fn finish(self, mut object: K, mut lowering: Lowering) -> Declaration
    where
        K: IntoResource + Metadata<Ty = ObjectMeta>,
    {
        let mut metadata = self.metadata;
        metadata.annotations = lowering.texts(&FieldPath::of(["metadata", "annotations"]), self.annotations);
        *object.metadata_mut() = metadata;
        for patch in self.patches {
            patch(&mut object);
        }
        let mut declaration = object.into_declaration();
        let mut tried = if lowering.inputs.is_empty() { Value::Null } else { declaration.object.clone() };
        for (path, input) in lowering.inputs {
            if !path.set(&mut tried, Value::Null) {
                let message = "a patch took the place away that this value goes to".to_owned();
                declaration.problems.push((path, ProblemKind::Unfit(message)));
                continue;
            }
            declaration.inputs.insert(path, input);
        }
        declaration.problems.extend(lowering.problems);
        declaration.problems.extend(self.problems);
        for option in self.options {
            option.apply_to(&mut declaration);
        }
        declaration
    }
}

/// What is found while a builder is lowered: the values that come later and the problems, by path.
#[derive(Default)]
pub(crate) struct Lowering {
    inputs: BTreeMap<FieldPath, Input>,
    problems: Vec<(FieldPath, ProblemKind)>,
}

impl Lowering {
    /// The text for the field at `path`, if it is known now, no secret, and all that there is to it; otherwise the value is kept
    /// for later, as text.
    pub(crate) fn text(&mut self, path: FieldPath, value: Input) -> Option<String> {
        let text = value.text().filter(|_| !value.needs_others());
        if text.is_none() {
            self.later(path, value.as_text());
        }
        text
    }

    /// The texts for the map at `path`; those that are not known now are kept for later. None where there are none.
    pub(crate) fn texts(
        &mut self,
        path: &FieldPath,
        values: impl IntoIterator<Item = (String, Input)>,
    ) -> Option<BTreeMap<String, String>> {
        let mut known = BTreeMap::new();
        for (key, value) in values {
            if let Some(text) = self.text(path.field(&key), value) {
                known.insert(key, text);
            }
        }
        (!known.is_empty()).then_some(known)
    }

    /// The items of the list at `path`. One that comes later leaves an empty text behind, because a place in a list
    /// cannot be absent.
    pub(crate) fn items(&mut self, path: &FieldPath, values: Vec<Input>) -> Option<Vec<String>> {
        let items: Vec<String> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| self.text(path.index(index), value).unwrap_or_default())
            .collect();
        (!items.is_empty()).then_some(items)
    }

    /// Keeps a value for the field at `path`.
    pub(crate) fn later(&mut self, path: FieldPath, value: Input) {
        self.inputs.insert(path, value);
    }

    /// Keeps a problem of the field at `path`.
    pub(crate) fn problem(&mut self, path: FieldPath, kind: ProblemKind) {
        self.problems.push((path, kind));
    }

    /// Takes over what was found in a part whose root is at `path`.
    pub(crate) fn absorb(&mut self, path: &FieldPath, part: Lowering) {
        self.inputs.extend(part.inputs.into_iter().map(|(rest, input)| (path.concat(&rest), input)));
        self.problems.extend(part.problems.into_iter().map(|(rest, kind)| (path.concat(&rest), kind)));
    }
}

/// The duration as Kubernetes has it, in whole seconds.
pub(crate) fn seconds<T: TryFrom<u64>>(duration: Duration) -> Result<T, Box<ProblemKind>> {
    let whole = (duration.subsec_nanos() == 0).then_some(duration.as_secs());
    whole.and_then(|seconds| T::try_from(seconds).ok()).ok_or_else(|| {
        Box::new(ProblemKind::Invalid {
            what: "duration",
            value: format!("{duration:?}"),
            rule: "Kubernetes counts it in whole seconds, at most 68 years of them".to_owned(),
        })
    })
}

/// The item named `name` of the list `list`.
pub(crate) fn named_item(list: &str, name: &str) -> FieldPath {
    let key = BTreeMap::from([("name".to_owned(), name.to_owned())]);
    FieldPath::of([list]).join(holm_core::path::Segment::Item(key))
}
