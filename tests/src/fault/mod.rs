//! The fault harness: something that stands between a client and the API server and does one chosen thing at one chosen
//! request, and the trials that show what a run makes of it.
//!
//! The same [`Injector`] stands in two places. In process it is a service around a real client ([`client`]), where a kill
//! drops the whole run; that is for volume. As a proxy on loopback ([`Proxy`]) it stands before a real program, which a kill
//! ends with SIGKILL.
//!
//! A [trial](Bench::attempt) brings a stack into the state before a phase, runs the phase with the fault, runs it again
//! without, and then looks for everything that must not be: something still to change, orphans, objects of others that are
//! marked as ours, a generated value that changed, an inventory that is not true. A [`Campaign`] is many trials.

mod bench;
mod campaign;
mod client;
mod inject;
mod killed;
mod look;
mod proxy;
mod stacks;

pub use bench::{Bench, Trial};
pub use campaign::{Campaign, Job, Tally};
pub use client::{client, connect};
pub use inject::{Injector, Seen};
pub use killed::Killings;
pub use proxy::Proxy;
pub use stacks::{Phase, StackKind, Variant};

/// What is done at the chosen request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The run is killed, and the server never sees the request.
    KillBefore,
    /// The server does what it is asked, and the run is killed before it hears of it.
    KillAfter,
    /// The answer is 409, in the words of a lost race. Only for requests that write.
    Conflict,
    /// The answer is 429 with `Retry-After`.
    Throttled,
    /// The answer is 500.
    Broken,
    /// The answer is 503 with `Retry-After`.
    Unavailable,
    /// The connection breaks, and the server never sees the request.
    Reset,
    /// The server does what it is asked, and the connection breaks before the answer.
    Lost,
    /// The server does what it is asked, and the answer is withheld for longer than the client waits.
    Timeout,
    /// Every watch that is open ends; where none is, the next one does as soon as it begins.
    CutWatch,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::Conflict,
        Self::Throttled,
        Self::Broken,
        Self::Unavailable,
        Self::Reset,
        Self::Lost,
        Self::Timeout,
        Self::CutWatch,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::KillBefore => "kill-before",
            Self::KillAfter => "kill-after",
            Self::Conflict => "409",
            Self::Throttled => "429",
            Self::Broken => "500",
            Self::Unavailable => "503",
            Self::Reset => "reset",
            Self::Lost => "lost",
            Self::Timeout => "timeout",
            Self::CutWatch => "cut-watch",
        }
    }

    /// The fault of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Whether it ends the run.
    pub fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }

    /// Whether a run should come through it without failing.
    pub fn passes(self) -> bool {
        !self.kills() && self != Self::Conflict
    }
}
