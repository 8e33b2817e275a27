//! Random sequences of requests.

use serde_json::{Value, json};

use super::kinds::{Kind, kinds};
use super::random::Random;
use super::{Sequence, Step, grow};

/// How sequences are made.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many requests a sequence has.
    pub steps: usize,
    /// How many bodies of a hundred have something wrong.
    pub wrong: usize,
    /// The kinds that are used; all where it is empty.
    pub kinds: Vec<String>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { steps: 40, wrong: 20, kinds: Vec::new() }
    }
}

/// The sequence of a seed: it is the same for the same seed and shape.
#[must_use]
pub fn sequence(seed: u64, shape: &Shape) -> Sequence {
    let mut random = Random::new(seed);
    let chosen = |kind: &&Kind| shape.kinds.is_empty() || shape.kinds.contains(&kind.kind);
    let all: Vec<&Kind> = kinds().iter().filter(chosen).collect();
    let mut used: Vec<&Kind> = Vec::new();
    for _ in 0..=random.below(3) {
        let kind = *random.pick(&all);
        // Controllers make endpoints of services, and Deployments take ReplicaSets over, both of which would be seen in lists.
        let meet = |group: &[&str], other: &Kind| [other, kind].iter().all(|kind| group.contains(&kind.kind.as_str()));
        let apart = |other: &&&Kind| {
            meet(&["Service", "Endpoints", "EndpointSlice"], other) || meet(&["Deployment", "ReplicaSet"], other)
        };
        if !used.iter().any(|other| other.kind == kind.kind || apart(&other)) {
            used.push(kind);
        }
    }
    let mut maker = Maker { random, shape, steps: Vec::new() };
    for _ in 0..shape.steps {
        let kind = *maker.random.pick(&used);
        maker.step(kind);
    }
    for kind in used {
        maker.look_back(kind);
    }
    Sequence { seed, steps: maker.steps }
}

struct Maker<'a> {
    random: Random,
    shape: &'a Shape,
    steps: Vec<Step>,
}

const NAMES: [&str; 3] = ["a", "a", "b"];
const MANAGERS: [&str; 4] = ["m1", "m1", "m2", "m3"];
const AGENTS: [&str; 3] = ["tester", "tester", "other"];

impl Maker<'_> {
    fn step(&mut self, kind: &Kind) {
        match self.random.below(100) {
            0..14 => self.create(kind),
            14..45 => self.apply(kind),
            45..58 => self.replace(kind),
            58..66 => self.patch(kind, "merge"),
            66..72 => self.patch(kind, "json-patch"),
            72..79 => self.patch(kind, "strategic"),
            79..83 => self.status(kind),
            83..86 => self.scale(kind),
            86..92 => self.delete(kind),
            92..95 => self.get(kind),
            95..99 => self.list(kind),
            _ => self.delete_all(kind),
        }
    }

    fn push(&mut self, method: &str, path: String, content: &str, body: Option<Value>) {
        let label = format!("s{}", self.steps.len());
        let agent = (*self.random.pick(&AGENTS)).to_owned();
        let (method, content) = (method.to_owned(), content.to_owned());
        self.steps.push(Step { label, method, path, content, agent, body });
    }

    fn name(&mut self, kind: &Kind) -> String {
        let name = *self.random.pick(&NAMES);
        kind.name(name)
    }

    fn wrong(&self) -> usize {
        self.shape.wrong
    }

    /// The query of a write.
    fn query(&mut self, mut query: Vec<String>) -> String {
        if self.random.chance(12) {
            query.push(if self.random.chance(5) { "dryRun=x" } else { "dryRun=All" }.to_owned());
        }
        match self.random.below(8) {
            0 => query.push("fieldValidation=Strict".to_owned()),
            1 => query.push("fieldValidation=Ignore".to_owned()),
            2 => query.push("fieldValidation=Warn".to_owned()),
            _ => {}
        }
        if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
    }

    fn maybe_manager(&mut self) -> Vec<String> {
        if self.random.chance(30) { vec![format!("fieldManager={}", self.random.pick(&MANAGERS))] } else { Vec::new() }
    }

    fn create(&mut self, kind: &Kind) {
        let name = (*self.random.pick(&NAMES)).to_owned();
        let mut object = grow::object(&mut self.random, kind, &name, self.shape.wrong);
        if !kind.is_cluster_scoped && self.random.chance(8) && object["metadata"].is_object() {
            object["metadata"]["generateName"] = json!("generated-");
            object["metadata"]["name"] = Value::Null;
        }
        let query = self.maybe_manager();
        let query = self.query(query);
        self.push("POST", format!("{}{query}", kind.path()), "", Some(object));
    }

    fn apply(&mut self, kind: &Kind) {
        let name = (*self.random.pick(&NAMES)).to_owned();
        let object = grow::object(&mut self.random, kind, &name, self.shape.wrong);
        let mut query = vec![format!("fieldManager={}", self.random.pick(&MANAGERS))];
        if self.random.chance(30) {
            query.push("force=true".to_owned());
        }
        let query = self.query(query);
        self.push("PATCH", format!("{}/{}{query}", kind.path(), kind.name(&name)), "apply", Some(object));
    }

    fn replace(&mut self, kind: &Kind) {
        let name = (*self.random.pick(&NAMES)).to_owned();
        let body = if self.random.chance(50) {
            let mut object = grow::object(&mut self.random, kind, &name, self.shape.wrong);
            if self.random.chance(40) && object["metadata"].is_object() {
                object["$fresh"] = json!(true);
            }
            object
        } else {
            // What was read, changed.
            self.push("GET", format!("{}/{}", kind.path(), kind.name(&name)), "", None);
            let read = self.steps.last().map(|step| step.label.clone()).unwrap_or_default();
            let mut body = if self.random.chance(15) {
                json!({})
            } else {
                grow::patch(&mut self.random, kind, self.shape.wrong, false)
            };
            body["$answer"] = json!(read);
            if kind.is_controlled() {
                body["$fresh"] = json!(true);
            }
            body
        };
        let query = self.maybe_manager();
        let query = self.query(query);
        self.push("PUT", format!("{}/{}{query}", kind.path(), kind.name(&name)), "", Some(body));
    }

    fn patch(&mut self, kind: &Kind, content: &str) {
        let name = self.name(kind);
        let wrong = self.wrong();
        let body = match content {
            "json-patch" => grow::json_patch(&mut self.random, kind, wrong),
            _ => grow::patch(&mut self.random, kind, wrong, content == "strategic"),
        };
        let query = self.maybe_manager();
        let query = self.query(query);
        self.push("PATCH", format!("{}/{name}{query}", kind.path()), content, Some(body));
    }

    fn status(&mut self, kind: &Kind) {
        let Some(status) = &kind.status else { return self.apply(kind) };
        let name = self.name(kind);
        let mut status = status.clone();
        if self.random.chance(self.shape.wrong) {
            grow::spoil(&mut self.random, &mut status);
        }
        let path = format!("{}/{name}/status", kind.path());
        match self.random.below(4) {
            0 => {
                self.push("GET", format!("{}/{name}", kind.path()), "", None);
                let read = self.steps.last().map(|step| step.label.clone()).unwrap_or_default();
                let mut body = grow::patch(&mut self.random, kind, 0, false);
                body["$answer"] = json!(read);
                body["status"] = status;
                let query = self.query(Vec::new());
                self.push("PUT", format!("{path}{query}"), "", Some(body));
            }
            1 => {
                let query = self.query(Vec::new());
                self.push("PATCH", format!("{path}{query}"), "merge", Some(json!({"status": status})));
            }
            _ => {
                let mut object = json!({
                    "apiVersion": kind.api, "kind": kind.kind, "metadata": {"name": name}, "status": status
                });
                if self.random.chance(30) {
                    let (path, value) = grow::right(&mut self.random, kind);
                    grow::set(&mut object, &path, value);
                }
                let manager = format!("fieldManager={}", self.random.pick(&MANAGERS));
                let query = self.query(vec![manager]);
                self.push("PATCH", format!("{path}{query}"), "apply", Some(object));
            }
        }
    }

    fn scale(&mut self, kind: &Kind) {
        if !kind.has_scale {
            return self.replace(kind);
        }
        let name = self.name(kind);
        let path = format!("{}/{name}/scale", kind.path());
        // Only custom resources have nobody who would make something of more.
        let replicas = if kind.is_custom { self.random.below(4) } else { 0 };
        let replicas = if self.random.chance(self.shape.wrong) { json!(-1) } else { json!(replicas) };
        match self.random.below(3) {
            0 => self.push("GET", path, "", None),
            1 => {
                let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name},
                    "spec": {"replicas": replicas}});
                let query = self.query(Vec::new());
                self.push("PUT", format!("{path}{query}"), "", Some(scale));
            }
            _ => {
                let query = self.query(Vec::new());
                let body = json!({"spec": {"replicas": replicas}});
                self.push("PATCH", format!("{path}{query}"), "merge", Some(body));
            }
        }
    }

    fn delete(&mut self, kind: &Kind) {
        if kind.kind == "Endpoints" {
            // A controller deletes them once more, a little later, and would find those that were made meanwhile.
            return self.get(kind);
        }
        let name = self.name(kind);
        let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        match self.random.below(10) {
            0 | 1 => options["propagationPolicy"] = json!("Background"),
            2 => options["propagationPolicy"] = json!("Foreground"),
            3 => options["propagationPolicy"] = json!("Orphan"),
            4 if self.random.chance(30) => options["propagationPolicy"] = json!("Bogus"),
            5 => options["preconditions"] = json!({"uid": "11111111-2222-3333-4444-555555555555"}),
            6 => options["preconditions"] = json!({"resourceVersion": "1"}),
            7 => options["gracePeriodSeconds"] = json!(0),
            _ => {}
        }
        let query = if self.random.chance(12) { "?dryRun=All" } else { "" };
        let body = options.as_object().is_some_and(|options| options.len() > 2).then_some(options);
        self.push("DELETE", format!("{}/{name}{query}", kind.path()), "", body);
    }

    fn delete_all(&mut self, kind: &Kind) {
        if kind.is_cluster_scoped || ["PersistentVolumeClaim", "Endpoints"].contains(&kind.kind.as_str()) {
            return self.delete(kind);
        }
        self.push("DELETE", format!("{}?labelSelector=app%3Da", kind.path()), "", None);
    }

    fn get(&mut self, kind: &Kind) {
        let name = self.name(kind);
        self.push("GET", format!("{}/{name}", kind.path()), "", None);
    }

    fn list(&mut self, kind: &Kind) {
        if kind.is_cluster_scoped {
            return self.get(kind);
        }
        const SELECTORS: [&str; 10] = [
            "",
            "labelSelector=app%3Da",
            "labelSelector=app",
            "labelSelector=%21app",
            "labelSelector=app+in+%28a%2Cb%29%2Ctier%21%3Ddb",
            "labelSelector=app%3D%3D%3Da",
            "fieldSelector=metadata.name%3Da",
            "fieldSelector=metadata.name%21%3Da",
            "fieldSelector=spec.bogus%3Da",
            "limit=1",
        ];
        let mut selector = *self.random.pick(&SELECTORS);
        let is_given = ["ConfigMap", "ServiceAccount"].contains(&kind.kind.as_str());
        let is_generated = |step: &Step| {
            step.body.as_ref().is_some_and(|body| body.pointer("/metadata/generateName") == Some(&json!("generated-")))
        };
        if selector == "limit=1" && (is_given || self.steps.iter().any(is_generated)) {
            // Every namespace gets one of them at some time, which may be among the others or not, and generated names are in any order.
            selector = "";
        }
        self.push("GET", format!("{}?{selector}", kind.path()), "", None);
    }

    /// What happened to the objects of a kind, and how they are in the end.
    fn look_back(&mut self, kind: &Kind) {
        if kind.is_cluster_scoped {
            return;
        }
        self.push("GET", kind.path(), "", None);
        if self.random.chance(25) {
            self.push("WATCH", kind.path(), "", None);
        }
    }
}
