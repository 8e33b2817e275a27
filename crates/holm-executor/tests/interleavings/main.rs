//! Every interleaving as a function: runs of one stack on a cluster in memory, in which answers, watch events, ticks, kills, lost
//! connections, controllers and other clients come in any order.
//!
//! `cargo test` plays a few hundred races; `PROPTEST_CASES=100000 cargo test --release -p holm-executor --test interleavings`
//! plays many.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod run;
mod stack;
mod world;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use holm_core::ResourceId;
use holm_planner::plan::{Action, Plan};
use proptest::prelude::*;

use run::{Ended, Run, Wish};
use stack::Declared;
use world::World;

/// After so many steps a run that has not ended hangs.
const MOST_STEPS: usize = 3000;

/// One race.
#[derive(Clone, Debug)]
struct Race {
    /// What was applied before.
    before: Option<Declared>,
    /// What the runs want, in the order in which they may begin.
    wishes: Vec<Wish>,
    /// What happens, one number for each thing.
    script: Vec<u16>,
    /// Whether other clients make and delete objects of the same names.
    has_others: bool,
    /// What is applied afterwards.
    after: Declared,
}

impl Arbitrary for Race {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let wish = prop_oneof![4 => any::<Declared>().prop_map(Wish::Apply), 1 => Just(Wish::Destroy)];
        let script = prop::collection::vec(any::<u16>(), 0..250);
        let others = prop::bool::weighted(0.25);
        (any::<Option<Declared>>(), prop::collection::vec(wish, 1..4), script, others, any::<Declared>())
            .prop_map(|(before, wishes, script, has_others, after)| Race { before, wishes, script, has_others, after })
            .boxed()
    }
}

/// Plays a run that nothing disturbs.
fn alone(world: &mut World, wish: Wish) -> Ended {
    let cell = OnceCell::new();
    let mut runs = vec![Run::new(wish, &cell)];
    finish(world, &mut runs, 0);
    runs.remove(0).ended.unwrap_or(Ended::Badly("it hangs".to_owned()))
}

/// Lets everything that is under way come to its end, in order.
fn finish(world: &mut World, runs: &mut [Run<'_>], mut step: usize) {
    for _ in 0..MOST_STEPS {
        if runs.iter().all(|run| !run.is_under_way() && run.choices() == 0) {
            return;
        }
        for run in &mut *runs {
            for choice in (0..run.choices()).rev() {
                step += 1;
                run.step(choice, false, world, step);
            }
        }
        let ids: Vec<ResourceId> = world.objects.keys().cloned().collect();
        ids.iter().for_each(|id| world.reconcile(id));
        world.now += 100;
        for run in &mut *runs {
            run.pass_time(world, step);
        }
    }
}

/// Plays a race, and returns what must not be; where there is something, with all that happened.
fn play(race: &Race) -> Vec<String> {
    let violations = play_in(race, &mut World::at(1000));
    if violations.is_empty() {
        return violations;
    }
    let mut world = World::at(1000);
    world.trace = Some(Vec::new());
    play_in(race, &mut world);
    violations.into_iter().chain(world.trace.unwrap_or_default()).collect()
}

fn play_in(race: &Race, world: &mut World) -> Vec<String> {
    if let Some(before) = race.before {
        assert_eq!(alone(world, Wish::Apply(before)), Ended::Well, "the first apply");
    }
    let cells: Vec<OnceCell<Plan>> = race.wishes.iter().map(|_| OnceCell::new()).collect();
    let mut runs: Vec<Run<'_>> = race.wishes.iter().zip(&cells).map(|(wish, cell)| Run::new(*wish, cell)).collect();
    for (step, number) in race.script.iter().enumerate() {
        happen(usize::from(*number), step, race, world, &mut runs);
    }
    finish(world, &mut runs, race.script.len());
    let mut violations = std::mem::take(&mut world.violations);
    for (number, run) in runs.iter().enumerate() {
        match &run.ended {
            None => violations.push(format!("run {number} hangs")),
            Some(Ended::Well) => {
                violations.extend(run.untrue.iter().map(|what| format!("run {number} ended well, but {what}")))
            }
            Some(Ended::Badly(_) | Ended::Killed) => {}
        }
        for (other_number, other) in runs.iter().enumerate().skip(number + 1) {
            let both = run.ended == Some(Ended::Well) && other.ended == Some(Ended::Well);
            let is_before = |read: usize, write: Option<usize>| write.is_some_and(|write| read < write);
            let contradict = is_before(run.read, other.last_write) && is_before(other.read, run.last_write);
            if both && contradict && run.wish != other.wish {
                violations.push(format!("runs {number} and {other_number} overlapped, and both ended well"));
            }
        }
    }
    world.note(|| "--- the next apply".to_owned());
    violations.extend(converge(world, race.after));
    violations
}

/// One thing happens.
fn happen(number: usize, step: usize, race: &Race, world: &mut World, runs: &mut [Run<'_>]) {
    let detail = number / 16;
    match number % 16 {
        0..=9 => {
            let able: Vec<usize> = (0..runs.len()).filter(|run| runs[*run].choices() > 0).collect();
            let Some(&run) = able.get(detail % able.len().max(1)) else { return };
            let choices = runs[run].choices();
            let loses = detail % 61 == 7;
            runs[run].step(detail / 7 % choices, loses, world, step);
        }
        10..=12 => {
            world.now += u64::try_from(detail % 8).unwrap() * 50 + 50;
            runs.iter_mut().for_each(|run| run.pass_time(world, step));
        }
        13 => {
            let ids: Vec<ResourceId> = world.objects.keys().cloned().collect();
            if let Some(id) = ids.get(detail % ids.len().max(1)) {
                world.reconcile(id);
            }
        }
        14 => {
            let count = runs.len();
            let run = &mut runs[detail % count];
            match detail / 8 % 6 {
                0 if run.is_under_way() => {
                    world.note(|| format!("{:?} is killed", run.wish));
                    run.kill();
                }
                1 => run.stop(world),
                _ => {}
            }
        }
        _ if race.has_others && detail.is_multiple_of(4) => {
            let names = ["a", "b", "c"];
            let id = ResourceId::new("", "ConfigMap", Some("n"), names[detail / 4 % 3]);
            let kind = holm_core::catalog::preferred(&id.group_kind()).unwrap();
            world.meddle(&id, &kind);
        }
        _ => {}
    }
}

/// The next apply leaves no orphan, forgets nothing, and leaves nothing to do.
fn converge(world: &mut World, declared: Declared) -> Vec<String> {
    let wish = Wish::Apply(declared);
    // What others made under a declared name is theirs, and blocks the stack until somebody consents.
    let foreign: Vec<ResourceId> = world.meddled.iter().filter(|id| world.objects.contains_key(*id)).cloned().collect();
    let ended = alone(world, wish);
    let mut violations = std::mem::take(&mut world.violations);
    if ended != Ended::Well {
        if foreign.is_empty() {
            violations.push(format!("the next apply did not end well: {ended:?}"));
        }
        return violations;
    }
    let expected: BTreeSet<ResourceId> =
        declared.graph().resources().iter().map(|resource| resource.id.clone()).collect();
    let marked = world.marked();
    if marked != expected {
        violations.push(format!("after the next apply {marked:?} are marked, and {expected:?} declared"));
    }
    let inventory = world.inventory();
    let recorded: BTreeSet<ResourceId> = inventory.entries.keys().cloned().collect();
    if recorded != expected || inventory.is_open() {
        violations.push(format!("after the next apply {recorded:?} are recorded, and {expected:?} declared"));
    }
    let plan = world.plan(wish, inventory, 0);
    if plan.changes.iter().any(|change| change.action != Action::Unchanged) || !plan.blockers.is_empty() {
        violations.push(format!("after the next apply the plan is not empty: {:?}", plan.changes));
    }
    violations
}

/// Few by default, for a debug build; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    /// Whatever comes in whatever order: nothing of others is deleted, no password is overwritten, runs of different declarations
    /// do not both succeed, success is true, every run ends, and the next apply leaves no orphan and nothing to do.
    #[test]
    fn runs_that_overlap_keep_every_promise(race: Race) {
        let violations = play(&race);
        prop_assert!(violations.is_empty(), "{violations:#?}");
    }
}
