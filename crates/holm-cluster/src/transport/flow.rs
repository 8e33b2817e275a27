//! Slows all requests down together when the server cannot keep up or is away.
//!
//! Where the server is busy (429), fewer requests are in flight at a time: half as many after each refusal, one more after each
//! round that went well. Where it is away (no connection, 502, 503), one request at a time finds out whether it is back. In
//! both cases nothing is sent before a pause that all requests share.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::locked;

/// As many requests at a time are no limit: callers limit themselves to fewer.
const UNLIMITED: usize = 1024;

/// What a failed request says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// It asks for fewer requests.
    Busy,
    /// It does not answer at present.
    Away,
}

/// The gate that every request passes.
pub(super) struct Flow {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    active: usize,
    limit: usize,
    /// How many requests in a row went well.
    successes: usize,
    is_away: bool,
    resume: Option<Instant>,
}

/// The right to send one request.
pub(super) struct Permit<'a>(&'a Flow);

impl Default for Flow {
    fn default() -> Self {
        let state = State { active: 0, limit: UNLIMITED, successes: 0, is_away: false, resume: None };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }
}

enum Turn {
    Now,
    At(Instant),
    Later,
}

impl Flow {
    /// Waits until a request may be sent.
    pub(super) async fn enter(&self) -> Permit<'_> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let turn = locked(&self.state).turn();
            match turn {
                Turn::Now => return Permit(self),
                Turn::At(instant) => sleep_until(instant).await,
                Turn::Later => changed.await,
            }
        }
    }

    /// Lets no request begin within the pause.
    pub(super) fn slow(&self, load: Load, pause: Duration) {
        let now = Instant::now();
        let mut state = locked(&self.state);
        // The refusals of one round are one sign, not many.
        let is_new_round = state.resume.is_none_or(|resume| resume <= now);
        match load {
            Load::Busy if is_new_round => state.limit = (state.limit.min(state.active) / 2).max(1),
            Load::Busy => {}
            Load::Away => state.is_away = true,
        }
        state.successes = 0;
        state.resume = state.resume.max(Some(now + pause));
    }

    /// Says that the server has answered.
    pub(super) fn went_well(&self) {
        let mut state = locked(&self.state);
        let was_away = std::mem::take(&mut state.is_away);
        if was_away || state.limit < UNLIMITED {
            state.successes += 1;
            if state.successes >= state.limit {
                (state.successes, state.limit) = (0, state.limit + 1);
            }
            drop(state);
            self.changed.notify_waiters();
        }
    }
}

impl State {
    fn turn(&mut self) -> Turn {
        match self.resume {
            Some(resume) if resume > Instant::now() => return Turn::At(resume),
            _ => {}
        }
        if self.active >= if self.is_away { 1 } else { self.limit } {
            return Turn::Later;
        }
        self.active += 1;
        Turn::Now
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).active -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_for_all_requests() {
        let flow = Flow::default();
        flow.slow(Load::Busy, PAUSE);
        let begun = Instant::now();
        join_all((0..8).map(|_| async { drop(flow.enter().await) })).await;
        assert_eq!(begun.elapsed().as_millis() / 10, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_finds_out_whether_the_server_is_back() {
        let flow = Flow::default();
        let (active, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let request = async |is_answered: bool| {
            let _permit = flow.enter().await;
            most.fetch_max(active.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
            active.fetch_sub(1, Ordering::Relaxed);
            if is_answered {
                flow.went_well();
            }
        };
        flow.slow(Load::Away, PAUSE);
        join_all((0..4).map(|_| request(false))).await;
        assert_eq!(most.load(Ordering::Relaxed), 1);
        request(true).await;
        join_all((0..4).map(|_| request(true))).await;
        assert_eq!(most.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_gets_fewer_requests_and_slowly_more_again() {
        let flow = Flow::default();
        let mut permits = Vec::new();
        for _ in 0..32 {
            permits.push(flow.enter().await);
        }
        for _ in 0..30 {
            flow.slow(Load::Busy, PAUSE);
        }
        permits.clear();
        assert_eq!(locked(&flow.state).limit, 16, "one round is one sign");
        for _ in 0..16 + 17 {
            flow.went_well();
        }
        assert_eq!(locked(&flow.state).limit, 18);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_given_up_leaves_no_place_taken() {
        let flow = Flow::default();
        flow.slow(Load::Away, Duration::ZERO);
        let first = flow.enter().await;
        assert!(tokio::time::timeout(PAUSE, flow.enter()).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(PAUSE, flow.enter()).await.is_ok());
    }
}
