//! How a plan is carried out, and how far a run is to be stopped.

use std::time::Duration;

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// How many changes are in flight at most. Default: 32.
    pub parallel: usize,
    /// How long to wait for one object to be ready or gone, where the resource does not say otherwise. Default: 10 minutes.
    pub timeout: Duration,
    /// Whether an object is waited for longer than `timeout` that allows itself longer: by its progress deadline, its startup
    /// probes, or its own deadline. Default: no.
    pub extends_timeout: bool,
    /// How long the whole run may take. When it is over nothing new is begun, nothing is waited for any more, and what was
    /// done is recorded. Default: for ever.
    pub total: Option<Duration>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self { parallel: 32, timeout: Duration::from_secs(600), extends_timeout: false, total: None }
    }
}

/// How far a run is to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum StopLevel {
    /// Not at all.
    #[default]
    Running,
    /// Begin nothing new, finish what is in flight, and record it.
    Finish,
    /// Stop now. What was intended is in the inventory, so that the next run picks it up.
    Now,
}
