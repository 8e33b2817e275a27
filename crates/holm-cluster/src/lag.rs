//! A server that still judges by an older definition of a kind.
//!
//! The API server takes a change of a CustomResourceDefinition up a moment after it has stored it, so that a field or a version
//! which the definition has just gained is refused at first.

use std::time::Duration;

use crate::error::{RequestError, Trouble};
use crate::transport::{Answer, Call, Transport};

/// How often a write is tried again that the older definition refuses, and how long is waited in between.
const TRIES: u32 = 20;
const WAIT: Duration = Duration::from_millis(500);

/// Sends a write, and again while the server judges by an older definition, where the definition is `new`.
pub(crate) async fn call(transport: &Transport, call: &Call<'_>, is_new: bool) -> Result<Answer, Box<RequestError>> {
    let mut tries = 1;
    loop {
        match transport.call(call).await {
            Err(error) if is_new && tries < TRIES && is_about_the_schema(&error.trouble) => {
                tries += 1;
                tokio::time::sleep(WAIT).await;
            }
            answer => return answer,
        }
    }
}

/// Whether the refusal is about a field that the definition does not have (structured-merge-diff `typed`, and the strict decoding of
/// apiserver `pkg/endpoints/handlers`).
fn is_about_the_schema(trouble: &Trouble) -> bool {
    let message = trouble.refusal().message;
    message.contains("field not declared in schema") || message.contains("unknown field")
}
