//! The user's wish to stop, as it grows.

use std::time::Duration;

use holm_executor::StopLevel;
use tokio::sync::watch;

/// The side that a run listens on.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<StopLevel>);

/// The side that says stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<StopLevel>);

/// A pair of both sides. A [`Stopper`] that is dropped leaves the run going.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(StopLevel::Running);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// One step further: [`StopLevel::Finish`] first, then [`StopLevel::Now`]. Returns the level reached.
    pub fn escalate(&self) -> StopLevel {
        let mut reached = StopLevel::Running;
        self.0.send_modify(|level| {
            *level = if *level == StopLevel::Running { StopLevel::Finish } else { StopLevel::Now };
            reached = *level;
        });
        reached
    }
}

impl Stop {
    /// One that never comes.
    pub fn never() -> Self {
        stop().1
    }

    /// How far to stop.
    pub fn level(&self) -> StopLevel {
        *self.0.borrow()
    }

    /// Waits until the level changes; for ever, once nobody can change it.
    pub(crate) async fn changed(&mut self) -> StopLevel {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.0.borrow_and_update()
    }
}

impl Stop {
    /// Waits as long, or until the level changes.
    pub(crate) async fn or_sleep(mut self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = self.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_twice_stops_at_once() {
        let (stopper, stop) = stop();
        assert_eq!(stop.level(), StopLevel::Running);
        assert_eq!(stopper.escalate(), StopLevel::Finish);
        assert_eq!(stopper.escalate(), StopLevel::Now);
        assert_eq!(stopper.escalate(), StopLevel::Now);
        assert_eq!(stop.level(), StopLevel::Now);
    }
}
