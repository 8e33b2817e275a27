//! Finds live objects with few requests.
//!
//! Few objects of a kind and namespace are read one by one; many by one list of what carries our label. What such a list
//! misses is read by itself where it must be there or there is little of it, and otherwise looked up in a list of names, so
//! that an object of somebody else is never mistaken for an absent one.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{FuturesUnordered, StreamExt};
use holm_core::{ApiKind, ResourceId};
use holm_planner::inventory::PART_OF_LABEL;
use holm_planner::observe::Live;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{IN_FLIGHT, names, page};
use crate::error::{ClusterError, RequestError, Trouble};
use crate::transport::{Call, PageSize, Patience, Query, Transport, failed};

/// Fewer objects than this are read one by one.
const WORTH_A_LIST: usize = 4;
/// How often a list that expires between its pages is begun anew.
const LIST_TRIES: u32 = 3;
/// Asks for names, labels and versions only.
const ONLY_METADATA: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

type Failure = Box<RequestError>;

/// Takes the body of one page into a result, and says where to go on.
type Take<'a, T> = dyn FnMut(&[u8], &mut T) -> Result<Option<String>, Trouble> + Send + 'a;

/// Looks for every target. `is_recorded` says which ones the inventory holds.
pub(crate) async fn look(
    transport: &Transport,
    targets: &BTreeMap<ResourceId, ApiKind>,
    set_id: &str,
    is_recorded: &(dyn Fn(&ResourceId) -> bool + Sync),
) -> Result<BTreeMap<ResourceId, Live>, ClusterError> {
    let mut groups: BTreeMap<(&ApiKind, Option<&str>), Vec<&ResourceId>> = BTreeMap::new();
    for (id, kind) in targets {
        groups.entry((kind, id.namespace.as_deref())).or_default().push(id);
    }
    let looker = Looker { transport, gate: Semaphore::new(IN_FLIGHT), set_id, is_recorded };
    let mut looks: FuturesUnordered<_> =
        groups.into_iter().map(|((kind, namespace), ids)| looker.group(kind, namespace, ids)).collect();
    let mut live = BTreeMap::new();
    while let Some(found) = looks.next().await {
        live.extend(found?);
    }
    drop(looks);
    Ok(live)
}

/// Reads one object; none when it, or its whole kind, does not exist.
pub(crate) async fn get(transport: &Transport, kind: &ApiKind, id: &ResourceId) -> Result<Option<Value>, Failure> {
    match transport.json(&Call::get(Query::object(kind, id).into_string()).about(id)).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

struct Looker<'a> {
    transport: &'a Transport,
    gate: Semaphore,
    set_id: &'a str,
    is_recorded: &'a (dyn Fn(&ResourceId) -> bool + Sync),
}

impl Looker<'_> {
    async fn group(
        &self,
        kind: &ApiKind,
        namespace: Option<&str>,
        ids: Vec<&ResourceId>,
    ) -> Result<Vec<(ResourceId, Live)>, ClusterError> {
        if ids.len() < WORTH_A_LIST {
            return self.each(kind, &ids).await;
        }
        let mut found = match self.labelled(kind, namespace, &ids).await {
            Ok(found) => found,
            Err(error) if error.is_forbidden() => return self.each(kind, &ids).await,
            Err(error) => return all(&ids, error),
        };
        let missed: Vec<&ResourceId> = ids.into_iter().filter(|id| !found.contains_key(id.name.as_str())).collect();
        let (mut suspects, rest): (Vec<_>, Vec<_>) = missed.into_iter().partition(|id| (self.is_recorded)(id));
        let mut absent = Vec::new();
        if suspects.len() + rest.len() < WORTH_A_LIST {
            suspects.extend(rest);
        } else if !rest.is_empty() {
            let wanted: BTreeSet<&str> = rest.iter().map(|id| id.name.as_str()).collect();
            match self.names(kind, namespace, &wanted).await {
                Ok(there) => {
                    let (present, gone): (Vec<_>, Vec<_>) = rest.into_iter().partition(|id| there.contains(&id.name));
                    suspects.extend(present);
                    absent = gone;
                }
                Err(error) if error.is_forbidden() => suspects.extend(rest),
                Err(error) => absent_unless_fatal(error, &rest, &mut found)?,
            }
        }
        let mut live = self.each(kind, &suspects).await?;
        live.extend(absent.into_iter().map(|id| (id.clone(), Live::Absent)));
        live.extend(found.into_values());
        Ok(live)
    }

    /// Each of a few objects, at the same time.
    async fn each(&self, kind: &ApiKind, ids: &[&ResourceId]) -> Result<Vec<(ResourceId, Live)>, ClusterError> {
        let mut reads: FuturesUnordered<_> = ids.iter().map(|id| self.one(kind, id)).collect();
        let mut live = Vec::with_capacity(ids.len());
        while let Some(found) = reads.next().await {
            live.push(found?);
        }
        Ok(live)
    }

    async fn one(&self, kind: &ApiKind, id: &ResourceId) -> Result<(ResourceId, Live), ClusterError> {
        let _permit = self.gate.acquire().await;
        let call = Call::get(Query::object(kind, id).into_string()).about(id);
        let live = match self.transport.json::<Value>(&call).await {
            Ok(object) => Live::found(&object),
            Err(error) => without(error)?,
        };
        Ok((id.clone(), live))
    }

    /// The wanted objects that carry our label, by name.
    async fn labelled(
        &self,
        kind: &ApiKind,
        namespace: Option<&str>,
        ids: &[&ResourceId],
    ) -> Result<BTreeMap<String, (ResourceId, Live)>, Failure> {
        let by_name: BTreeMap<&str, &ResourceId> = ids.iter().map(|id| (id.name.as_str(), *id)).collect();
        let selector = format!("{PART_OF_LABEL}={}", self.set_id);
        let base = Query::collection(kind, namespace).with("labelSelector", &selector);
        let mut found = BTreeMap::new();
        let wanted = |name: &str| by_name.contains_key(name);
        self.pages(&base, crate::transport::JSON, &mut found, &mut |body, found| {
            let page = page(body, kind, &wanted)?;
            for (name, item) in page.items {
                if let Some(id) = by_name.get(name.as_str()) {
                    found.insert(name, ((*id).clone(), Live::Found(item)));
                }
            }
            Ok(page.token)
        })
        .await?;
        Ok(found)
    }

    /// Those of the wanted names that exist, whoever's they are.
    async fn names(
        &self,
        kind: &ApiKind,
        namespace: Option<&str>,
        wanted: &BTreeSet<&str>,
    ) -> Result<BTreeSet<String>, Failure> {
        let mut there = BTreeSet::new();
        let base = Query::collection(kind, namespace);
        self.pages(&base, ONLY_METADATA, &mut there, &mut |body, there| {
            let (names, token) = names(body)?;
            there.extend(names.into_iter().filter(|name| wanted.contains(name.as_str())));
            Ok(token)
        })
        .await?;
        Ok(there)
    }

    /// Reads all pages of a list, from the beginning again when the list expires on the way.
    async fn pages<T: Default>(
        &self,
        base: &Query,
        accept: &'static str,
        result: &mut T,
        take: &mut Take<'_, T>,
    ) -> Result<(), Failure> {
        let mut token: Option<String> = None;
        let mut tries = 1;
        let mut size = PageSize::default();
        loop {
            let mut query = base.clone().with("limit", &size.to_string());
            if let Some(token) = &token {
                query = query.with("continue", token);
            }
            let call = Call { accept, ..Call::get(query.into_string()).patience(Patience::PAGE) };
            let answer = {
                let _permit = self.gate.acquire().await;
                self.transport.call(&call).await
            };
            match answer {
                Ok(answer) => {
                    let rest = take(&answer.body, result);
                    token = rest.map_err(|trouble| failed(&call.method, &call.path, answer.tries, trouble))?;
                    if token.is_none() {
                        return Ok(());
                    }
                }
                Err(error) if matches!(error.trouble, Trouble::Expired(_)) && tries < LIST_TRIES => {
                    tries += 1;
                    token = None;
                    *result = T::default();
                }
                Err(error) if size.shrinks_after(&error.trouble) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What a failed read says of the object; an error when the server itself is out of reach.
fn without(error: Failure) -> Result<Live, ClusterError> {
    match &error.trouble {
        Trouble::NotFound(_) => Ok(Live::Absent),
        Trouble::KindNotServed => Ok(Live::KindAbsent),
        _ if error.is_about_the_connection() => Err(ClusterError::Request(error)),
        trouble => Ok(Live::Unreadable(trouble.to_string())),
    }
}

fn all(ids: &[&ResourceId], error: Failure) -> Result<Vec<(ResourceId, Live)>, ClusterError> {
    let live = without(error)?;
    Ok(ids.iter().map(|id| ((*id).clone(), live.clone())).collect())
}

fn absent_unless_fatal(
    error: Failure,
    ids: &[&ResourceId],
    found: &mut BTreeMap<String, (ResourceId, Live)>,
) -> Result<(), ClusterError> {
    let live = without(error)?;
    found.extend(ids.iter().map(|id| (id.name.clone(), ((*id).clone(), live.clone()))));
    Ok(())
}
