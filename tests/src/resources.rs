//! What a cluster serves, found by the names that people type.

use kube::client::Body;
use serde_json::Value;

use crate::control_plane::ControlPlane;

/// A resource in the preferred version of its group.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    root: String,
    group: String,
    plural: String,
    names: Vec<String>,
    is_namespaced: bool,
    verbs: Vec<String>,
}

impl Resource {
    /// `deployments.apps`, and the bare plural for the core group.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The name that `kubectl get --output name` has for its objects, before the slash: `deployment.apps`.
    pub fn of_objects(&self) -> String {
        let singular = self.names.first().cloned().unwrap_or_default();
        if self.group.is_empty() { singular } else { format!("{singular}.{}", self.group) }
    }

    /// Whether all of these verbs are served.
    pub fn allows(&self, verbs: &[&str]) -> bool {
        verbs.iter().all(|verb| self.verbs.iter().any(|served| served == verb))
    }

    /// The path of its objects in a namespace, or of all where it is cluster-scoped.
    pub fn path(&self, namespace: &str) -> String {
        let Self { root, plural, .. } = self;
        if self.is_namespaced { format!("{root}/namespaces/{namespace}/{plural}") } else { format!("{root}/{plural}") }
    }

    fn is_called(&self, name: &str) -> bool {
        self.qualified() == name || self.names.iter().any(|known| known == name)
    }
}

impl ControlPlane {
    /// The resource of a name as kubectl takes it: `deployment`, `deployments`, `deploy`, `databases.example.org`.
    pub(crate) fn resource(&self, name: &str) -> Resource {
        let find = |served: &[Resource]| served.iter().find(|resource| resource.is_called(name)).cloned();
        let known = find(&self.served.lock().expect("no test panics while it holds this"));
        // What is not known may have been defined just now.
        known.or_else(|| find(&self.discover())).unwrap_or_else(|| panic!("the cluster does not serve {name}"))
    }

    /// Everything that is served, the core group first.
    pub(crate) fn discover(&self) -> Vec<Resource> {
        let mut found = Vec::new();
        for root in ["/api", "/apis"] {
            // Both in one document each, as kubectl asks for it: KEP-3352.
            let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
            let request = http::Request::get(root).header(http::header::ACCEPT, accept).body(Body::empty());
            let (_, groups) = self.send(request.expect("the path is one"));
            for group in list(&groups["items"]) {
                found.extend(resources(root, group));
            }
        }
        *self.served.lock().expect("no test panics while it holds this") = found.clone();
        found
    }
}

fn resources(root: &str, group: &Value) -> Vec<Resource> {
    let name = text(&group["metadata"]["name"]);
    // The first version is the preferred one, and a later one may serve what the first does not.
    let mut found: Vec<Resource> = Vec::new();
    for version in list(&group["versions"]) {
        let version_name = text(&version["version"]);
        let root =
            if name.is_empty() { format!("{root}/{version_name}") } else { format!("{root}/{name}/{version_name}") };
        for resource in list(&version["resources"]) {
            let plural = text(&resource["resource"]);
            if found.iter().any(|known| known.plural == plural) {
                continue;
            }
            let short = list(&resource["shortNames"]).map(text);
            let names = [text(&resource["singularResource"]), plural].into_iter().chain(short);
            found.push(Resource {
                root: root.clone(),
                group: name.to_owned(),
                plural: plural.to_owned(),
                names: names.map(str::to_owned).collect(),
                is_namespaced: resource["scope"] == "Namespaced",
                verbs: list(&resource["verbs"]).map(text).map(str::to_owned).collect(),
            });
        }
    }
    found
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
