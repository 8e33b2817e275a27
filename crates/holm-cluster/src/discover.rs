//! Asks the cluster what it calls the kinds that only it knows.

use std::collections::BTreeSet;

use holm_core::{ApiKind, Graph, Problems, Scope};
use serde::Deserialize;

use crate::Cluster;
use crate::error::{ClusterError, RequestError};
use crate::transport::{Call, Query};

/// The resources of one group and version (`APIResourceList`).
#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
}

impl Cluster {
    /// Returns the graph with every kind as the cluster serves it. A kind that it does not serve stays as it was guessed, and the
    /// plan says so. Sends nothing where the graph has no such kind.
    ///
    /// # Errors
    /// When the cluster cannot be asked; the result contains the problems that the stack has once its kinds are known.
    pub async fn discover(&self, graph: Graph) -> Result<Result<Graph, Problems>, ClusterError> {
        let guessed = graph.guessed_kinds();
        let versions: BTreeSet<String> = guessed.iter().map(ApiKind::api_version).collect();
        let mut kinds = Vec::new();
        for version in versions {
            let Some(list) = self.resources(&version).await.map_err(ClusterError::Request)? else { continue };
            let (group, version) = version.split_once('/').unwrap_or(("", &version));
            // Subresources have a slash in their names.
            for resource in list.resources.into_iter().filter(|resource| !resource.name.contains('/')) {
                kinds.push(ApiKind {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    kind: resource.kind,
                    plural: resource.name,
                    scope: if resource.namespaced { Scope::Namespaced } else { Scope::Cluster },
                });
            }
        }
        Ok(graph.with_kinds(&kinds))
    }

    async fn resources(&self, version: &str) -> Result<Option<ResourceList>, Box<RequestError>> {
        let call = Call::get(Query::path(&format!("/apis/{version}")).into_string());
        match self.transport.json(&call).await {
            Ok(list) => Ok(Some(list)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
