//! What can be done to a request.

use std::time::Duration;

use super::request::Request;

/// What is done at a chosen request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The client is dead from here on, and the server never sees the request.
    KillBefore,
    /// The server does what it is asked, and the client is dead before it hears of it.
    KillAfter,
    /// The answer is 409, in the words of a lost race, and the server never sees the request. Only for requests that write.
    Conflict,
    /// The answer is 429, and the server never sees the request.
    Throttled {
        /// The `Retry-After` of the answer, in seconds.
        retry_after: u32,
    },
    /// The answer is 500, and the server never sees the request.
    Broken,
    /// The answer is 503, and the server never sees the request.
    Unavailable {
        /// The `Retry-After` of the answer, in seconds.
        retry_after: u32,
    },
    /// The connection breaks, and the server never sees the request.
    Reset,
    /// The server does what it is asked, and the connection breaks before the answer.
    Lost,
    /// The server does what it is asked, and the answer is withheld for a minute; then the connection breaks.
    Timeout,
    /// Every watch that is open ends; where none is, the next one does as soon as it begins.
    CutWatch,
    /// The request is held up for this long, and then goes its way.
    Slow(Duration),
}

impl Fault {
    /// One of each that may make a run fail, with a `Retry-After` of one second. [`Slow`](Self::Slow) is not among them.
    pub const ALL: [Self; 10] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::Conflict,
        Self::Throttled { retry_after: 1 },
        Self::Broken,
        Self::Unavailable { retry_after: 1 },
        Self::Reset,
        Self::Lost,
        Self::Timeout,
        Self::CutWatch,
    ];

    /// Its name, such as `kill-before`, `409` or `lost`.
    pub fn name(self) -> &'static str {
        match self {
            Self::KillBefore => "kill-before",
            Self::KillAfter => "kill-after",
            Self::Conflict => "409",
            Self::Throttled { .. } => "429",
            Self::Broken => "500",
            Self::Unavailable { .. } => "503",
            Self::Reset => "reset",
            Self::Lost => "lost",
            Self::Timeout => "timeout",
            Self::CutWatch => "cut-watch",
            Self::Slow(_) => "slow",
        }
    }

    /// The one of [`ALL`](Self::ALL) that has this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Whether nothing of the client gets through after it.
    pub fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }

    /// Whether it can be done at this request.
    pub fn is_possible_at(self, request: &Request) -> bool {
        match self {
            Self::Conflict => request.writes(),
            Self::CutWatch => request.is_watched,
            _ => true,
        }
    }
}
