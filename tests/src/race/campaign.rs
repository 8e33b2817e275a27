//! Many races, and how they came out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::judge::{Violation, ViolationKind};
use super::play::{Played, Table};
use super::scenario::Race;

/// Which races are played.
pub struct Campaign {
    /// The seed of the first race; the next ones follow.
    pub seed: u64,
    /// How many races in which runs overlapped there are to be.
    pub count: u64,
    /// How many races are played side by side.
    pub at_once: usize,
}

/// How the races came out.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many were played.
    pub races: u64,
    /// In how many of them runs overlapped.
    pub overlapped: u64,
    /// How many pairs of runs overlapped.
    pub pairs: usize,
    /// How many races ended as no run's whole, before the next run.
    pub mixed: u64,
    /// How many runs there were, by how they ended.
    pub runs: BTreeMap<&'static str, u64>,
    /// How many runs waited at their prompt and were answered.
    pub answered: u64,
    /// How often a promise was broken, in how many races.
    pub violations: BTreeMap<ViolationKind, (usize, u64)>,
    /// The seeds of the races that broke one.
    pub failed: Vec<u64>,
}

impl Campaign {
    /// Plays the races and tells of each that breaks a promise, in one line.
    ///
    /// # Errors
    /// When a thread panics.
    pub fn play(&self, table: &Table<'_>, tell: &(dyn Fn(&str) + Sync)) -> Result<Tally, String> {
        let tally = Mutex::new(Tally::default());
        let next = AtomicU64::new(self.seed);
        // Races in which nothing overlaps are few; many of them would mean that something is wrong.
        let end = self.seed + 4 * self.count;
        let work = || {
            while locked(&tally).overlapped < self.count {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return;
                }
                let played = table.play(&Race::of(seed));
                let line = locked(&tally).take(seed, played);
                line.iter().for_each(|line| tell(line));
            }
        };
        let done = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.at_once.max(1)).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join()).collect::<Result<Vec<()>, _>>()
        });
        done.map_err(|_| "a thread panicked".to_owned())?;
        let tally = locked(&tally).clone();
        Ok(tally)
    }
}

impl Tally {
    /// Counts a race, and returns the line that tells of it where it broke a promise.
    pub fn take(&mut self, seed: u64, played: Result<Played, String>) -> Option<String> {
        self.races += 1;
        let violations = match played {
            Ok(played) => self.count(played),
            Err(error) => vec![Violation { kind: ViolationKind::NotPlayed, text: error }],
        };
        let mut kinds: BTreeMap<ViolationKind, usize> = BTreeMap::new();
        for violation in &violations {
            *kinds.entry(violation.kind).or_default() += 1;
        }
        for (kind, times) in kinds {
            let (all, races) = self.violations.entry(kind).or_default();
            *all += times;
            *races += 1;
        }
        if violations.is_empty() {
            return None;
        }
        self.failed.push(seed);
        let texts: Vec<String> = violations.iter().map(|violation| violation.to_string().replace('\n', " ")).collect();
        Some(format!("FAILED --seed {seed}: {}", texts.join("; ")))
    }

    fn count(&mut self, played: Played) -> Vec<Violation> {
        self.overlapped += u64::from(played.overlapping > 0);
        self.pairs += played.overlapping;
        self.mixed += u64::from(played.is_mixed);
        for ended in &played.ended {
            let how = match ended.finished.code {
                None => "killed",
                Some(0) => "exited with 0",
                Some(1) => "exited with 1",
                Some(_) => "exited with something else",
            };
            *self.runs.entry(how).or_default() += 1;
            self.answered += u64::from(ended.is_answered);
        }
        played.violations
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { races, overlapped, pairs, mixed, answered, .. } = self;
        writeln!(
            f,
            "{races} races, {overlapped} with overlapping runs ({pairs} pairs); {mixed} ended as no run's whole"
        )?;
        let runs: Vec<String> = self.runs.iter().map(|(how, count)| format!("{count} {how}")).collect();
        let all: u64 = self.runs.values().sum();
        writeln!(f, "{all} runs: {}; {answered} were answered at their prompt", runs.join(", "))?;
        if self.violations.is_empty() {
            return f.write_str("no violations");
        }
        write!(f, "{} races with violations:", self.failed.len())?;
        for (kind, (all, races)) in &self.violations {
            write!(f, "\n  {}: {all} in {races} races", kind.name())?;
        }
        Ok(())
    }
}

fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    // Counts are whole at any moment, also after a panic elsewhere.
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
