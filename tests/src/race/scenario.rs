//! What happens in a race, made from its seed.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use holm_conformance::fuzz::Random;

use super::stack::Declaration;
use crate::fault::Fault;

/// How many ConfigMaps, Secrets and Deployments there are to choose from.
const SETTINGS: usize = 14;
const SECRETS: usize = 3;
const SERVERS: usize = 2;

/// A race.
#[derive(Clone, Debug)]
pub struct Race {
    /// Its seed.
    pub seed: u64,
    /// Whether the namespace is one of the stack's objects.
    pub is_namespace_own: bool,
    /// What is applied before; none where the stack is new.
    pub base: Option<Declaration>,
    /// The runs that race.
    pub runners: Vec<Runner>,
    /// What the run after all of them declares.
    pub last: Declaration,
}

/// A run of a race.
#[derive(Clone, Debug)]
pub struct Runner {
    /// What it is to do.
    pub wish: Wish,
    /// How long after the race begins it is started.
    pub after: Duration,
    /// How long each of its requests is held up.
    pub latency: Duration,
    /// How many changes it makes at a time.
    pub parallel: usize,
    /// Whether it may delete what holds data.
    pub consents: bool,
    /// How long it waits at its prompt; none where it asks nothing.
    pub answered_after: Option<Duration>,
    /// When it is killed, where it is.
    pub kill: Option<Kill>,
}

/// What a run is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Apply a declaration.
    Apply(Declaration),
    /// Destroy the stack.
    Destroy,
}

/// The moment of a kill.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// At one of its requests, counted from 1 among those that change something, before or after the server does it.
    AtWrite(u64, Fault),
    /// So long after it was started.
    After(Duration),
}

impl Race {
    /// The race of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let base = random.chance(65).then(|| any_declaration(&mut random));
        // Without objects that were there before, nobody else can have something in a namespace that is not there yet.
        let is_namespace_own = random.chance(40);
        let count = *random.pick(&[2, 2, 2, 3, 3, 4]);
        let mut runners: Vec<Runner> = (0..count).map(|number| runner(&mut random, number, base.as_ref())).collect();
        // The race begins with the first of them.
        let first = runners.iter().map(|runner| runner.after).min().unwrap_or_default();
        runners.iter_mut().for_each(|runner| runner.after -= first);
        let wishes: Vec<&Declaration> = runners.iter().filter_map(|runner| runner.wish.declaration()).collect();
        // Mostly little, so that what is left behind is not declared by chance.
        let last = if random.chance(30) && !wishes.is_empty() {
            (*random.pick(&wishes)).clone()
        } else {
            let share = *random.pick(&[10, 10, 60]);
            declaration(&mut random, share)
        };
        Self { seed, is_namespace_own, base, runners, last }
    }
}

impl Wish {
    /// What it declares; none for nothing.
    pub fn declaration(&self) -> Option<&Declaration> {
        match self {
            Self::Apply(declaration) => Some(declaration),
            Self::Destroy => None,
        }
    }
}

fn runner(random: &mut Random, number: usize, base: Option<&Declaration>) -> Runner {
    // Not all of them, so that there is something to race for.
    let wish = match base {
        Some(_) if number > 0 && random.chance(20) => Wish::Destroy,
        Some(base) if random.chance(30) => Wish::Apply(changed(random, base)),
        _ => Wish::Apply(any_declaration(random)),
    };
    let milliseconds = |random: &mut Random, end: usize| Duration::from_millis(random.below(end) as u64);
    let kill = random.chance(30).then(|| {
        if random.chance(70) {
            let fault = *random.pick(&[Fault::KillBefore, Fault::KillAfter]);
            Kill::AtWrite(random.below(12) as u64 + 1, fault)
        } else {
            Kill::After(milliseconds(random, 2500))
        }
    });
    Runner {
        wish,
        after: milliseconds(random, 2000),
        latency: Duration::from_millis(*random.pick(&[0, 20, 50, 100, 150])),
        parallel: *random.pick(&[1, 1, 2, 4, 32]),
        consents: random.chance(30),
        answered_after: random.chance(30).then(|| milliseconds(random, 2000)),
        kill,
    }
}

/// A declaration that has nothing to do with any other.
fn any_declaration(random: &mut Random) -> Declaration {
    let share = *random.pick(&[30, 60, 90]);
    declaration(random, share)
}

/// A declaration of so many percent of what there is to choose from.
fn declaration(random: &mut Random, share: usize) -> Declaration {
    let mut some = |count: usize| (0..count).filter(|_| random.chance(share)).collect();
    let (mut settings, secrets, servers): (BTreeSet<usize>, _, _) = (some(SETTINGS), some(SECRETS), some(SERVERS));
    // One that declares nothing has nothing to lose.
    settings.insert(random.below(SETTINGS));
    Declaration { settings, secrets, servers, value: random.below(1000), role: random.below(2) }
}

/// A declaration with one change to another.
fn changed(random: &mut Random, base: &Declaration) -> Declaration {
    let mut changed = base.clone();
    match random.below(3) {
        0 => changed.value = random.below(1000),
        1 => changed.settings = base.settings.iter().copied().filter(|_| random.chance(50)).collect(),
        _ => changed.settings.extend((0..SETTINGS).filter(|_| random.chance(50))),
    }
    changed
}

impl fmt::Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = if self.is_namespace_own { "its own namespace" } else { "the namespace of others" };
        match &self.base {
            Some(base) => writeln!(f, "race {} in {namespace}, which has {base}", self.seed)?,
            None => writeln!(f, "race {} in {namespace}, which has nothing", self.seed)?,
        }
        for (number, runner) in self.runners.iter().enumerate() {
            writeln!(f, "  run {}: {runner}", number + 1)?;
        }
        write!(f, "  then: apply {}", self.last)
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wish {
            Wish::Apply(declaration) => write!(f, "apply {declaration}")?,
            Wish::Destroy => f.write_str("destroy")?,
        }
        let (after, latency) = (self.after.as_millis(), self.latency.as_millis());
        write!(f, "; after {after} ms, {latency} ms a request, {} at a time", self.parallel)?;
        if self.consents {
            f.write_str(", with consent")?;
        }
        if let Some(answered_after) = self.answered_after {
            write!(f, ", {} ms at its prompt", answered_after.as_millis())?;
        }
        match self.kill {
            Some(Kill::AtWrite(number, fault)) => write!(f, ", {} at write {number}", fault.name()),
            Some(Kill::After(after)) => write!(f, ", killed after {} ms", after.as_millis()),
            None => Ok(()),
        }
    }
}
