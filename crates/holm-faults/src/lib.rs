//! Faults between a client and an API server, and a log of the requests that came by.
//!
//! [`Faults`] is a [`tower::Layer`]; [`Faults::client`] puts it around a whole [`kube::Client`], so that it also stands before
//! a real cluster. It does one ordered thing at one chosen request, and passes everything else on:
//!
//! ```
//! use holm_faults::{Fault, Faults, Matching};
//!
//! let faults = Faults::default();
//! faults.order(Fault::Unavailable { retry_after: 1 }, Matching::mutating().resource("services"));
//! faults.order(Fault::Lost, Matching::number(7));
//! ```

mod fault;
mod matching;
mod request;
mod service;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use fault::Fault;
pub use matching::Matching;
pub use request::{Request, Requests};
pub use service::{AnswerBody, FaultService, NoAnswer};

/// How many requests are remembered: the latest ones.
const REMEMBERED: usize = 100_000;

/// Stands between a client and an API server. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    /// How many watches are open.
    watches: AtomicU64,
    killed: watch::Sender<bool>,
    /// How often the watches were cut.
    cut: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    orders: Vec<Order>,
    struck: Vec<(Fault, Request)>,
    log: VecDeque<Request>,
    /// How many requests were dropped from the front of the log.
    forgotten: u64,
}

#[derive(Debug)]
struct Order {
    fault: Fault,
    matching: Matching,
    /// How many requests were chosen so far.
    count: u64,
    is_done: bool,
}

impl Faults {
    /// Orders `fault` at the requests that `matching` chooses, counted from now on. Of several orders for one request, the
    /// first is carried out.
    pub fn order(&self, fault: Fault, matching: Matching) {
        self.state().orders.push(Order { fault, matching, count: 0, is_done: false });
    }

    /// Forgets all orders and what they did. After a kill, requests get through again; those that were on their way stay
    /// without an answer.
    pub fn clear(&self) {
        let mut state = self.state();
        state.orders.clear();
        state.struck.clear();
        self.inner.killed.send_replace(false);
    }

    /// What was done so far, and at which requests.
    pub fn struck(&self) -> Vec<(Fault, Request)> {
        self.state().struck.clone()
    }

    /// Waits until the client is killed: whoever runs it should drop it then.
    pub async fn killed(&self) {
        let mut killed = self.inner.killed.subscribe();
        // The sender lives as long as this does.
        let _ = killed.wait_for(|is_killed| *is_killed).await;
    }

    /// Whether the client is killed.
    pub fn is_killed(&self) -> bool {
        *self.inner.killed.borrow()
    }

    /// The requests that came by since the start, or since [`forget_requests`](Self::forget_requests): at most the last
    /// 100,000, in the order in which they came, those among them that no server ever saw.
    pub fn requests(&self) -> Requests {
        self.state().log.iter().cloned().collect()
    }

    /// How many requests came by in all.
    pub fn met(&self) -> u64 {
        let state = self.state();
        state.forgotten + state.log.len() as u64
    }

    /// The requests that came by after that many, as far as they are remembered.
    pub fn requests_since(&self, met: u64) -> Requests {
        let state = self.state();
        let skipped = usize::try_from(met.saturating_sub(state.forgotten)).unwrap_or(usize::MAX);
        state.log.iter().skip(skipped).cloned().collect()
    }

    /// Begins an empty log.
    pub fn forget_requests(&self) {
        let mut state = self.state();
        state.forgotten += state.log.len() as u64;
        state.log.clear();
    }

    /// Takes a request in, and says by which number it is known and what is to be done at it.
    fn meet(&self, request: Request) -> (u64, Option<Fault>) {
        let mut state = self.state();
        let mut met = None;
        for order in &mut state.orders {
            let is_chosen = !order.is_done && order.matching.chooses(&request);
            order.count += u64::from(is_chosen);
            let is_due = is_chosen && order.count >= order.matching.first() && order.fault.is_possible_at(&request);
            if is_due && met.is_none() {
                order.is_done = !order.matching.is_lasting();
                met = Some(order.fault);
            }
        }
        if let Some(fault) = met {
            state.struck.push((fault, request.clone()));
        }
        let number = state.forgotten + state.log.len() as u64;
        state.log.push_back(request);
        if state.log.len() > REMEMBERED {
            state.log.pop_front();
            state.forgotten += 1;
        }
        (number, met)
    }

    /// Notes the answer to a request.
    fn answered(&self, number: u64, code: u16) {
        let mut state = self.state();
        let position = number.checked_sub(state.forgotten).and_then(|position| usize::try_from(position).ok());
        if let Some(request) = position.and_then(|position| state.log.get_mut(position)) {
            request.code = Some(code);
        }
    }

    fn has_open_watches(&self) -> bool {
        self.inner.watches.load(Ordering::SeqCst) > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What it guards is whole at any moment, also after a panic elsewhere.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
