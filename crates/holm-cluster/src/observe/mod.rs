//! Reads what a plan is made from: the inventory, the live objects, the generated values, and the server's word on what
//! our apply would do.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use holm_core::secret::{self, is_secret};
use holm_core::{Graph, ResourceId, Sensitive};
use holm_planner::Packed;
use holm_planner::inventory::InventoryPlace;
use holm_planner::observe::{self, DryRun, Live, Observed};
use holm_planner::plan::{PlanOptions, Question, held, survey};

use crate::error::ClusterError;
use crate::inventory;
use crate::transport::Transport;
use crate::{Cluster, dry_run, random};

mod list;
mod look;
mod parents;
mod secrets;

use list::names;
pub(crate) use list::page;
pub(crate) use look::{get, look};
pub(crate) use secrets::of_object;

/// How often an object is read again that was written between its reading and its dry-run.
const READ_AGAIN: usize = 3;

/// How many requests of one observation are in flight.
pub(crate) const IN_FLIGHT: usize = 32;

impl Cluster {
    /// Observes everything that a plan of `graph` needs. Sends nothing that changes the cluster: reads, and server-side
    /// applies with `dryRun=All` for what cannot be proven unchanged.
    ///
    /// The inventory's own ConfigMap stands among the live objects, so that [`apply`](Self::apply) notices when another run
    /// wrote it in between.
    ///
    /// # Errors
    /// When the inventory cannot be read, or the server is out of reach. An object that cannot be read for lack of rights
    /// is no error, but observed as such.
    pub async fn observe(
        &self,
        graph: &Graph,
        place: &InventoryPlace,
        options: &PlanOptions,
    ) -> Result<Observed, ClusterError> {
        let mut observed = self.look_at(graph, place, |_| true).await?;
        let mut failure = None;
        let regenerate = &options.regenerate;
        observed.generated =
            observe::generated(graph, &observed.inventory, &observed.live, regenerate, &mut |password| {
                random::password(password).unwrap_or_else(|error| {
                    failure = Some(error);
                    Sensitive::new(String::new())
                })
            });
        if let Some(error) = failure {
            return Err(ClusterError::NoRandomness(error));
        }
        self.transport.learn(secret::declared(graph, &observed));
        let survey = survey(graph, &observed, place, options);
        (observed.proven, observed.wanted) = (survey.proven, survey.wanted);
        let (transport, known) = (&self.transport, &observed);
        let mut answers = stream::iter(survey.questions)
            .map(|question| async move {
                let (answer, live) = asked(transport, &question, place, graph, known).await?;
                Ok::<_, ClusterError>((question.id, answer, live))
            })
            .buffer_unordered(IN_FLIGHT);
        let (mut dry_runs, mut moved) = (BTreeMap::new(), BTreeMap::new());
        while let Some(answer) = answers.next().await {
            let (id, answer, live) = answer?;
            moved.extend(live.map(|live| (id.clone(), live)));
            dry_runs.insert(id, answer);
        }
        drop(answers);
        observed.dry_runs = dry_runs;
        for id in moved.keys() {
            // Which fields are left to others depends on the live object.
            observed.wanted.remove(id);
        }
        observed.live.extend(moved);
        Ok(observed)
    }

    /// Reads the inventory and those of the live objects that `wanted` names.
    pub(crate) async fn look_at(
        &self,
        graph: &Graph,
        place: &InventoryPlace,
        wanted: impl Fn(&ResourceId) -> bool,
    ) -> Result<Observed, ClusterError> {
        let mut observed = Observed::default();
        self.transport.learn(secret::declared(graph, &observed));
        let root = inventory::read(&self.transport, place).await?.map(|found| {
            observed.inventory = found.inventory;
            found.root
        });
        let mut targets = observe::targets(graph, &observed.inventory);
        targets.retain(|id, _| wanted(id));
        let is_recorded = |id: &ResourceId| observed.inventory.entries.contains_key(id);
        observed.live = look(&self.transport, &targets, &place.set_id, &is_recorded).await?;
        // A version that the definition gains in this very run is not served yet, and the object is there in another.
        let recorded = observe::in_recorded_version(&observed, &targets);
        observed.live.extend(look(&self.transport, &recorded, &place.set_id, &is_recorded).await?);
        self.transport.learn(held(graph, &observed));
        observed.parents = parents::find(&self.transport, &observed.live, place).await?;
        let live = root.as_ref().map_or(Live::Absent, Live::found);
        observed.live.insert(place.id(), live);
        Ok(observed)
    }
}

/// The answer to a question, and the live object as it is by then where somebody has written it since it was read: compared
/// with an older one, their change would look like ours. An object that is written all the time is compared as it was last seen.
async fn asked(
    transport: &Transport,
    question: &Question,
    place: &InventoryPlace,
    graph: &Graph,
    known: &Observed,
) -> Result<(DryRun, Option<Live>), ClusterError> {
    let seen = known.live.get(&question.id);
    let mut live = None;
    let mut answer = dry_run::ask(transport, question, place, graph, known).await?;
    for _ in 0..READ_AGAIN {
        let (Some(Live::Found(before)), DryRun::Accepted { object: after, .. }) = (live.as_ref().or(seen), &answer)
        else {
            break;
        };
        // A dry-run keeps the resourceVersion of what it was tried on.
        let tried = after.resource_version();
        if tried.is_none() || before.resource_version() == tried {
            break;
        }
        // One that has just been deleted, or cannot be read just now, stays as it was seen; applying finds out.
        let Ok(Some(object)) = get(transport, &question.kind, &question.id).await else { break };
        if is_secret(&question.id) {
            transport.learn(secrets::of_object(&question.id, &object));
        }
        let found = Packed::of(&object);
        if found.resource_version() != tried {
            answer = dry_run::ask(transport, question, place, graph, known).await?;
        }
        live = Some(Live::Found(found));
    }
    Ok((answer, live))
}
