//! The fault campaign: trials that show what a run makes of one chosen thing at one chosen request.
//!
//! The same [`Faults`] stand in two places. In process they are around a client, where a kill drops the whole run; that is for
//! volume. As a proxy on loopback ([`Proxy`]) they stand before a real program, which a kill ends with SIGKILL.
//!
//! A [trial](Bench::attempt) brings a stack into the state before a phase, runs the phase with the fault, runs it again
//! without, and then looks for everything that must not be: something still to change, orphans, objects of others that are
//! marked as ours, a generated value that changed, an inventory that is not true. A [`Campaign`] is many trials.

mod bench;
mod campaign;
mod client;
mod killed;
mod look;
mod proxy;
mod stacks;

pub use bench::{Bench, Trial};
pub use campaign::{Campaign, Job, Tally};
pub use client::connect;
pub use holm_faults::{Fault, Faults, Matching, Request};
pub use killed::Killings;
pub(crate) use look::Picture;
pub use proxy::Proxy;
pub use stacks::{Phase, StackKind, Variant};

/// Faults of which one is ordered at the request of this number, counted from 1, or the first later one at which it can be done.
pub fn ordered(number: u64, fault: Fault) -> Faults {
    let faults = Faults::default();
    faults.order(fault, Matching::number(number));
    faults
}

/// Whether a run should come through it without failing.
pub fn passes(fault: Fault) -> bool {
    !fault.kills() && fault != Fault::Conflict
}

/// The request at which a fault was; none where the run had ended before.
pub fn struck(faults: &Faults) -> Option<String> {
    let (_, request) = faults.struck().into_iter().next()?;
    Some(format!("{} {}", request.verb, request.uri.split('?').next().unwrap_or_default()))
}
