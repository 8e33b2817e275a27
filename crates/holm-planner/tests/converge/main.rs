//! Invariants over random stacks, random meddling and kills at any moment, on a server in memory whose server-side apply is
//! the real one's (`holm-structured-merge`, proven against Kubernetes' own vectors).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod server;
mod stacks;

use holm_planner::plan::{Action, Adoption, PlanOptions};
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
        server.apply(&plan, usize::MAX);
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
        server.apply(&plan, usize::MAX);
        for meddle in &meddling {
            server.meddle(meddle);
        }
        let labelled = server.foreign_labels();
        let plan = server.plan(&graph, &consent());
        prop_assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
        server.apply(&plan, usize::MAX);
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
        server.apply(&plan, usize::MAX);
        let password = server.password();
        let graph = second.graph();
        let plan = server.plan(&graph, &consent());
        server.apply(&plan, steps);
        let graph = third.graph();
        let plan = server.plan(&graph, &consent());
        prop_assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
        server.apply(&plan, usize::MAX);
        let again = server.plan(&graph, &consent());
        prop_assert!(!again.has_changes(), "{:#?}", again.changes);
        prop_assert_eq!(server.ours(), graph.resources().iter().map(|resource| resource.id.clone()).collect());
        prop_assert_eq!(server.recorded(), server.ours());
        prop_assert_eq!(server.password(), password);
    }

    /// Whatever another client made under our names, a run without consent by name neither deletes nor replaces it, adopts
    /// nothing without being told to, and gives back what it adopted; every kill on the way is recovered from.
    #[test]
    fn what_others_made_is_never_deleted_or_replaced(
        first: Declared, second: Declared, which in prop::collection::vec(any::<(bool, bool)>(), 1..8), may_adopt: bool,
        steps in 0_usize..12,
    ) {
        let mut server = Server::default();
        let strangers = server.add_strangers(&first.strangers(&which));
        let adopt = if may_adopt { Adoption::All } else { Adoption::Nothing };
        // Consent to delete what the stack itself keeps, and no more.
        let own = ["Secret/s", "Namespace/n"].map(str::to_owned).into();
        let options = PlanOptions { adopt, allow_delete: own, ..PlanOptions::default() };
        let untouched = |server: &Server| {
            strangers.iter().all(|(id, stranger)| {
                server.object(id).is_some_and(|live| {
                    let adds = may_adopt || live == stranger;
                    live["metadata"]["uid"] == stranger["metadata"]["uid"] && adds
                })
            })
        };
        for (graph, limit) in [(first.graph(), steps), (second.graph(), usize::MAX), (first.graph(), usize::MAX)] {
            let plan = server.plan(&graph, &options);
            let is_foreign = |id: &holm_core::ResourceId| strangers.contains_key(id);
            let harmed = plan.changes.iter().find(|change| {
                matches!(change.action, Action::Delete | Action::Replace) && is_foreign(&change.id)
            });
            prop_assert!(harmed.is_none(), "{harmed:#?}");
            let is_declared = graph.resources().iter().any(|resource| is_foreign(&resource.id));
            if !may_adopt && is_declared {
                prop_assert!(!plan.blockers.is_empty(), "{:#?}", plan.changes);
            }
            if plan.blockers.is_empty() {
                server.apply(&plan, limit);
            }
            prop_assert!(untouched(&server));
        }
        let destroy = PlanOptions { destroy: true, ..options };
        let empty = first.graph().emptied();
        let plan = server.plan(&empty, &destroy);
        prop_assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
        server.apply(&plan, usize::MAX);
        prop_assert!(untouched(&server));
        // The namespace stays while something in it does.
        prop_assert!(server.recorded().iter().all(|id| id.kind == "Namespace"), "{:?}", server.recorded());
    }

    /// Destroying with consent leaves nothing of ours, and nothing of others is touched.
    #[test]
    fn destroy_leaves_nothing_of_ours(declared: Declared) {
        let graph = declared.graph();
        let mut server = Server::default();
        server.add_foreign("theirs");
        let plan = server.plan(&graph, &consent());
        server.apply(&plan, usize::MAX);
        let destroy = PlanOptions { destroy: true, ..consent() };
        let empty = graph.emptied();
        let plan = server.plan(&empty, &destroy);
        prop_assert!(plan.changes.iter().all(|change| change.action == Action::Delete), "{:#?}", plan.changes);
        server.apply(&plan, usize::MAX);
        prop_assert!(server.ours().is_empty());
        prop_assert_eq!(server.count(), 1, "the stranger is still there");
    }
}
