//! Carries out what was decided.

use serde_json::{Value, json};

use crate::action::Action;
use crate::client::{Client, Target, count_of, is_answer};
use crate::event::Event;
use crate::object::timestamp;
use crate::resource::Resource;
use crate::world::Key;

/// What came of an action.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The object as it is now.
    Now(Resource, Value),
    /// The object is gone, or another one has its name.
    Gone(Resource, Key),
    /// An Event has been written so often.
    Counted { uid: String, name: String, count: i64 },
    /// Deleted, or marked to be: whether it is still there, the watch says.
    Deleted,
    /// Nothing that is not seen by watching.
    Done,
}

/// An action that is to be carried out, and how often its Event has been written.
#[derive(Debug)]
pub(crate) struct Order {
    pub action: Action,
    pub written: Option<i64>,
}

/// Carries out actions, one after the other, up to the first that fails.
pub(crate) async fn all(client: &Client, orders: &[Order], now: i64) -> (Vec<Outcome>, Result<(), Failure>) {
    let mut outcomes = Vec::with_capacity(orders.len());
    for order in orders {
        match one(client, order, now).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(failure) => return (outcomes, Err(failure)),
        }
    }
    (outcomes, Ok(()))
}

/// What was to be done, and why it could not be.
#[derive(Debug)]
pub(crate) struct Failure {
    pub what: String,
    pub cause: kube::Error,
}

async fn one(client: &Client, order: &Order, now: i64) -> Result<Outcome, Failure> {
    match &order.action {
        Action::Event(event) => self::event(client, event, order.written, now).await,
        Action::Create { resource, object, manager } => {
            let key = Key::of(object);
            match client.create(*resource, object, manager).await {
                Ok(created) => Ok(Outcome::Now(*resource, created)),
                Err(error) if is_answer(&error, &[409]) => look(client, *resource, &key).await,
                Err(cause) => Err(failure("create", *resource, &key, cause)),
            }
        }
        Action::Patch { resource, namespace, name, uid, subresource, body, manager } => {
            let mut body = body.clone();
            body["metadata"]["uid"] = json!(uid);
            let target = Target { resource: *resource, namespace, name, subresource };
            let key = Key::new(namespace, name);
            match client.patch(&target, &body, manager).await {
                Ok(patched) => Ok(Outcome::Now(*resource, patched)),
                Err(error) => recover(client, "change", *resource, &key, error).await,
            }
        }
        Action::Delete { resource, namespace, name, uid } => {
            let target = Target { resource: *resource, namespace, name, subresource: "" };
            let key = Key::new(namespace, name);
            match client.delete(&target, uid).await {
                // The answer is the object as it was, so it does not show whether a finalizer keeps it.
                Ok(_) => Ok(Outcome::Deleted),
                Err(error) => recover(client, "delete", *resource, &key, error).await,
            }
        }
        Action::Bind { namespace, name, uid, node } => match client.bind(namespace, name, uid, node).await {
            Ok(()) => Ok(Outcome::Done),
            Err(error) => recover(client, "bind", Resource::Pods, &Key::new(namespace, name), error).await,
        },
    }
}

/// After an answer that says that the object is not what it was, looks at it again.
async fn recover(
    client: &Client,
    what: &str,
    resource: Resource,
    key: &Key,
    error: kube::Error,
) -> Result<Outcome, Failure> {
    if is_answer(&error, &[404]) {
        return Ok(Outcome::Gone(resource, key.clone()));
    }
    if is_answer(&error, &[409]) {
        return look(client, resource, key).await;
    }
    Err(failure(what, resource, key, error))
}

async fn look(client: &Client, resource: Resource, key: &Key) -> Result<Outcome, Failure> {
    match client.get(resource, &key.namespace, &key.name).await {
        Ok(found) => Ok(Outcome::Now(resource, found)),
        Err(error) if is_answer(&error, &[404]) => Ok(Outcome::Gone(resource, key.clone())),
        Err(cause) => Err(failure("read", resource, key, cause)),
    }
}

/// Writes an Event, or counts it up. An Event that the API server refuses is dropped, as a kubelet drops it.
async fn event(client: &Client, event: &Event, written: Option<i64>, now: i64) -> Result<Outcome, Failure> {
    let name = event.name();
    let key = Key::new(event.namespace(), &name);
    let counted = |count: i64| Outcome::Counted { uid: event.uid.clone(), name: name.clone(), count };
    let dropped = |error: kube::Error| match error {
        kube::Error::Api(_) => Ok(Outcome::Done),
        cause => Err(failure("write", Resource::Events, &key, cause)),
    };
    let mut known = written;
    if known.is_none() {
        match client.create(Resource::Events, &event.to_object(now), event.manager()).await {
            Ok(_) => return Ok(counted(1)),
            // It was written in an earlier life of this node.
            Err(error) if is_answer(&error, &[409]) => {
                let found = client.get(Resource::Events, event.namespace(), &name).await;
                match found {
                    Ok(found) => known = Some(count_of(&found)),
                    Err(error) => return dropped(error),
                }
            }
            Err(error) => return dropped(error),
        }
    }
    let count = known.unwrap_or_default().saturating_add(1);
    let body = if event.is_counted() {
        json!({"count": count, "lastTimestamp": timestamp(now)})
    } else {
        let observed = crate::object::micro_timestamp(now);
        json!({"series": {"count": count, "lastObservedTime": observed}})
    };
    let target = Target { resource: Resource::Events, namespace: event.namespace(), name: &name, subresource: "" };
    match client.patch(&target, &body, event.manager()).await {
        Ok(_) => Ok(counted(count)),
        // Events do not last.
        Err(error) if is_answer(&error, &[404]) => {
            match client.create(Resource::Events, &event.to_object(now), event.manager()).await {
                Ok(_) => Ok(counted(1)),
                Err(error) => dropped(error),
            }
        }
        Err(error) => dropped(error),
    }
}

fn failure(what: &str, resource: Resource, key: &Key, cause: kube::Error) -> Failure {
    let at = if key.namespace.is_empty() { key.name.clone() } else { format!("{}/{}", key.namespace, key.name) };
    Failure { what: format!("cannot {what} {} {at}", resource.plural()), cause }
}
