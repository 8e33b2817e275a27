//! Finding objects by what they say: owner, labels, selector, claim, node.
//!
//! Work on one object must not cost more because there are others, so nothing is found by looking at all of them.

use std::collections::{BTreeSet, HashMap};

use holm_values::Selector;
use serde_json::Value;

use crate::fields::{annotation, at, controller_uid, items, name, namespace, pairs, selector_at, text};
use crate::kind::Kind;

/// Something that an object says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Term {
    /// It is controlled by the object with this uid.
    Owner(String),
    /// It is in this namespace, nobody controls it, and somebody could.
    Orphan(String),
    /// It is in this namespace and has this label.
    Label(String, String, String),
    /// It is in this namespace and selects by this label, and maybe by more; or by no single one.
    Selector(String, Option<(String, String)>),
    /// It is a pod that mounts this claim of this namespace, or a volume for it.
    Claim(String, String),
    /// It is a claim for this volume.
    Volume(String),
    /// It runs on this node.
    Node(String),
    /// It is a volume without a claim, or a claim that is not bound, of this storage class.
    Class(String),
}

/// Namespace and name.
pub(crate) type Place = (String, String);

/// The places of objects by what they say.
#[derive(Debug, Default)]
pub(crate) struct Index {
    places: HashMap<(Kind, Term), BTreeSet<Place>>,
}

impl Index {
    /// Takes note of a change.
    pub fn follow(&mut self, kind: Kind, previous: Option<&Value>, object: Option<&Value>) {
        let (gone, new) = (previous.map(|object| terms(kind, object)), object.map(|object| terms(kind, object)));
        if gone == new {
            return;
        }
        if let Some((object, terms)) = previous.zip(gone) {
            let place = (namespace(object).to_owned(), name(object).to_owned());
            for term in terms {
                let key = (kind, term);
                if let Some(places) = self.places.get_mut(&key) {
                    places.remove(&place);
                    if places.is_empty() {
                        self.places.remove(&key);
                    }
                }
            }
        }
        if let Some((object, terms)) = object.zip(new) {
            let place = (namespace(object).to_owned(), name(object).to_owned());
            for term in terms {
                self.places.entry((kind, term)).or_default().insert(place.clone());
            }
        }
    }

    /// The places of the objects that say this, by namespace and name.
    pub fn find(&self, kind: Kind, term: Term) -> Vec<Place> {
        self.places.get(&(kind, term)).into_iter().flatten().cloned().collect()
    }

    /// The objects of a kind that may select this object by its labels.
    pub fn selecting(&self, kind: Kind, object: &Value) -> Vec<Place> {
        let namespace = namespace(object);
        let mut found = self.find(kind, Term::Selector(namespace.to_owned(), None));
        for (label, value) in pairs(object, "/metadata/labels") {
            let pair = (label.to_owned(), value.to_owned());
            found.extend(self.find(kind, Term::Selector(namespace.to_owned(), Some(pair))));
        }
        found.sort();
        found
    }
}

/// What can be adopted.
const ADOPTED: [Kind; 3] = [Kind::ReplicaSet, Kind::Pod, Kind::ControllerRevision];

fn terms(kind: Kind, object: &Value) -> Vec<Term> {
    let namespace = || namespace(object).to_owned();
    let mut terms = Vec::new();
    match kind {
        Kind::Event => return terms,
        Kind::Pod => {
            for (label, value) in pairs(object, "/metadata/labels") {
                terms.push(Term::Label(namespace(), label.to_owned(), value.to_owned()));
            }
            terms.extend(claims_of(object).map(|claim| Term::Claim(namespace(), claim)));
            if !text(object, "/spec/nodeName").is_empty() {
                terms.push(Term::Node(text(object, "/spec/nodeName").to_owned()));
            }
        }
        Kind::EndpointSlice => {
            for (label, value) in pairs(object, "/metadata/labels") {
                terms.push(Term::Label(namespace(), label.to_owned(), value.to_owned()));
            }
        }
        Kind::PersistentVolume => terms.push(match text(object, "/spec/claimRef/name") {
            "" => Term::Class(text(object, "/spec/storageClassName").to_owned()),
            claim => Term::Claim(text(object, "/spec/claimRef/namespace").to_owned(), claim.to_owned()),
        }),
        Kind::PersistentVolumeClaim => {
            for (label, value) in pairs(object, "/metadata/labels") {
                terms.push(Term::Label(namespace(), label.to_owned(), value.to_owned()));
            }
            if annotation(object, "pv.kubernetes.io/bind-completed").is_none() {
                terms.push(Term::Class(text(object, "/spec/storageClassName").to_owned()));
            }
            let volume = text(object, "/spec/volumeName");
            if !volume.is_empty() {
                terms.push(Term::Volume(volume.to_owned()));
            }
        }
        _ => {}
    }
    if let Some(selector) = selector_of(kind, object) {
        let pair = selector.pair().map(|(label, value)| (label.to_owned(), value.to_owned()));
        terms.push(Term::Selector(namespace(), pair));
    }
    match controller_uid(object) {
        Some(uid) => terms.push(Term::Owner(uid.to_owned())),
        None if ADOPTED.contains(&kind) => terms.push(Term::Orphan(namespace())),
        None => {}
    }
    terms
}

/// The claims that a pod mounts: those that it names, and those of its ephemeral volumes.
pub(crate) fn claims_of(pod: &Value) -> impl Iterator<Item = String> {
    items(pod, "/spec/volumes").filter_map(|volume| match text(volume, "/persistentVolumeClaim/claimName") {
        "" => volume.get("ephemeral").map(|_| format!("{}-{}", name(pod), text(volume, "/name"))),
        claim => Some(claim.to_owned()),
    })
}

/// What the objects of a kind select, if they select anything.
pub(crate) fn selector_of(kind: Kind, object: &Value) -> Option<Selector> {
    match kind {
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::PodDisruptionBudget => Some(selector_at(object, "/spec/selector")),
        Kind::ReplicationController | Kind::Service => Some(Selector::of_labels(at(object, "/spec/selector"))),
        _ => None,
    }
}
