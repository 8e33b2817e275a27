//! Makes fields ours before the apply that removes them.

use holm_planner::inventory::InventoryPlace;
use holm_planner::ownership::uid;
use holm_planner::plan::Change;
use holm_planner::takeover;
use http::Method;

use crate::error::{RequestError, Trouble};
use crate::observe::get;
use crate::transport::{Call, JSON_PATCH, Patience, Query, Transport};

/// How often it is tried where others write the object meanwhile.
const TRIES: u32 = 5;

/// Takes the fields of a change over from the managers that own them, as the plan shows. Sends nothing where there is nothing to
/// take, or where the object is not the one that the plan saw: then the apply that follows tells.
///
/// # Errors
/// When the object cannot be read or patched.
pub(crate) async fn take(
    transport: &Transport,
    change: &Change,
    place: &InventoryPlace,
) -> Result<(), Box<RequestError>> {
    let mut tries = 0;
    while !change.taken.is_empty() {
        tries += 1;
        let (kind, id) = (&change.kind, &change.id);
        let Some(live) = get(transport, kind, id).await? else { return Ok(()) };
        if uid(&live) != change.uid.as_deref() {
            return Ok(());
        }
        let manager = &place.field_manager;
        let Some(patch) = takeover::patch(&live, &change.taken, manager, &kind.api_version()) else { return Ok(()) };
        let path = Query::object(kind, id).with("fieldManager", manager).into_string();
        let call = Call::send(Method::PATCH, path, JSON_PATCH, patch.to_string().into_bytes());
        match transport.call(&call.about(id).patience(Patience::APPLY)).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if matches!(error.trouble, Trouble::Conflict(_)) && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
