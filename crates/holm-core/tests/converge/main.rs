//! Invariants over random stacks, random meddling and kills at any moment, on a server in memory whose server-side apply is
//! the real one's (`holm-structured-merge`, proven against Kubernetes' own vectors).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod server;
mod stacks;

use holm_core::plan::{Action, PlanOptions};
use proptest::prelude::*;

use server::Server;
use stacks::{Declared, Meddling};

fn consent() -> PlanOptions {
    // Every object of these stacks may be replaced or deleted.
    PlanOptions { allow_delete: stacks::every_name(), ..PlanOptions::default() }
}

/// Few by default, for a debug build; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Apply, then plan: nothing is left to do, and nothing has to be asked.
    #[test]
    fn apply_then_plan_is_empty(declared: Declared) {
        let graph = declared.graph();
        let mut server = Server::default();
        let plan = server.plan(&graph, &consent());
        prop_assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
        server.apply(&graph, &plan, usize::MAX);
        let again = server.plan(&graph, &consent());
        prop_assert!(!again.has_changes(), "{:#?}", again.changes);
        prop_assert_eq!(server.asked, 0, "everything is proven from managedFields");
    }

    /// Whatever people and controllers do to the objects, one apply mends what is declared and leaves the rest alone.
    #[test]
    fn meddling_is_mended_and_foreign_fields_stay(declared: Declared, meddling in prop::collection::vec(any::<Meddling>(), 1..6)) {
        let graph = declared.graph();
        let mut server = Server::default();
        let plan = server.plan(&graph, &consent());
        server.apply(&graph, &plan, usize::MAX);
        for meddle in &meddling {
            server.meddle(meddle);
        }
        let labelled = server.foreign_labels();
        let plan = server.plan(&graph, &consent());
        prop_assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
        server.apply(&graph, &plan, usize::MAX);
        let again = server.plan(&graph, &consent());
        prop_assert!(!again.has_changes(), "{:#?}", again.changes);
        prop_assert_eq!(server.foreign_labels(), labelled);
    }

    /// Killed after any number of writes, and with another program afterwards: the next apply converges, leaves no orphan,
    /// and keeps the password.
    #[test]
    fn killed_anywhere_the_next_apply_converges(first: Declared, second: Declared, third: Declared, steps in 0_usize..12) {
        let mut server = Server::default();
        let graph = first.graph();
        let plan = server.plan(&graph, &consent());
        server.apply(&graph, &plan, usize::MAX);
        let password = server.password();
        let graph = second.graph();
        let plan = server.plan(&graph, &consent());
        server.apply(&graph, &plan, steps);
        let graph = third.graph();
        let plan = server.plan(&graph, &consent());
        prop_assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
        server.apply(&graph, &plan, usize::MAX);
        let again = server.plan(&graph, &consent());
        prop_assert!(!again.has_changes(), "{:#?}", again.changes);
        prop_assert_eq!(server.ours(), graph.resources().iter().map(|resource| resource.id.clone()).collect());
        prop_assert_eq!(server.recorded(), server.ours());
        prop_assert_eq!(server.password(), password);
    }

    /// Destroying with consent leaves nothing of ours, and nothing of others is touched.
    #[test]
    fn destroy_leaves_nothing_of_ours(declared: Declared) {
        let graph = declared.graph();
        let mut server = Server::default();
        server.add_foreign("theirs");
        let plan = server.plan(&graph, &consent());
        server.apply(&graph, &plan, usize::MAX);
        let destroy = PlanOptions { destroy: true, ..consent() };
        let empty = graph.emptied();
        let plan = server.plan(&empty, &destroy);
        prop_assert!(plan.changes.iter().all(|change| change.action == Action::Delete), "{:#?}", plan.changes);
        server.apply(&empty, &plan, usize::MAX);
        prop_assert!(server.ours().is_empty());
        prop_assert_eq!(server.count(), 1, "the stranger is still there");
    }
}
