//! What came of a plan or an apply, with what tests ask about it.

use std::fmt;

use holm_core::ResourceId;
use holm_executor::event::{Event, Outcome, Report};
use holm_faults::Requests;
use holm_planner::plan::{Change, FieldChange, Plan};
use holm_readiness::cause::Cause;

/// A plan. `Display` writes it as the command line does, secret values masked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Planned {
    /// The plan itself.
    pub plan: Plan,
    /// The requests that it took.
    pub requests: Requests,
}

/// An apply or a destroy. `Display` writes the plan, what failed with its cause, and how the run ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Applied {
    /// The plan that was carried out.
    pub planned: Planned,
    /// How each change came out.
    pub report: Report,
    /// What happened, in the order in which it did.
    pub events: Vec<Event>,
    /// The requests of the whole run, those of its plan among them.
    pub requests: Requests,
}

impl Planned {
    /// Every change as `action Kind/name`, such as `create Deployment/shop`, in the order of the plan. Objects of another
    /// namespace than the stack's are `Kind/namespace/name`.
    pub fn actions(&self) -> Vec<String> {
        self.plan.changes.iter().map(|change| self.words(change)).collect()
    }

    /// Those of [`actions`](Self::actions) that would change the cluster or the inventory.
    pub fn changed(&self) -> Vec<String> {
        self.plan.changes.iter().filter(|change| change.action.is_change()).map(|change| self.words(change)).collect()
    }

    /// The change of one resource, as `Kind/name`.
    pub fn change(&self, resource: &str) -> Option<&Change> {
        self.plan.changes.iter().find(|change| self.name(&change.id) == resource)
    }

    /// The change of one field, the path as the plan writes it: `spec.template.spec.containers[shop].image`.
    pub fn field(&self, resource: &str, path: &str) -> Option<&FieldChange> {
        self.change(resource)?.fields.iter().find(|field| field.path.to_string() == path)
    }

    /// Fails the test unless there is nothing to change and nothing in the way.
    #[track_caller]
    pub fn assert_empty(&self) {
        let is_empty = !self.plan.has_changes() && self.plan.blockers.is_empty();
        assert!(is_empty, "the plan should be empty:\n{self}");
    }

    /// Fails the test unless exactly this would be changed, in any order: `["update Deployment/shop"]`.
    #[track_caller]
    pub fn assert_changes<'a>(&self, expected: impl IntoIterator<Item = &'a str>) {
        let (mut changed, mut expected) = (self.changed(), expected.into_iter().collect::<Vec<_>>());
        changed.sort_unstable();
        expected.sort_unstable();
        assert!(changed == expected, "the plan should change {expected:?}:\n{self}");
    }

    fn words(&self, change: &Change) -> String {
        format!("{} {}", change.action.word(), self.name(&change.id))
    }

    fn name(&self, id: &ResourceId) -> String {
        id.relative_to(self.plan.namespace.as_deref())
    }
}

impl Applied {
    /// How a resource came out, as `Kind/name`; none where nothing was to be done with it.
    pub fn outcome(&self, resource: &str) -> Option<&Outcome> {
        let outcomes = self.report.outcomes.iter();
        outcomes.filter(|(id, ..)| self.planned.name(id) == resource).map(|(_, _, outcome, _)| outcome).next_back()
    }

    /// Why a resource is not ready, as `Kind/name`, where that is what failed.
    pub fn cause(&self, resource: &str) -> Option<&Cause> {
        match self.outcome(resource)? {
            Outcome::Failed(failure) => failure.cause.as_deref(),
            _ => None,
        }
    }

    /// Fails the test when the run sent anything that changes the cluster.
    #[track_caller]
    pub fn assert_wrote_nothing(&self) {
        let mutating = self.requests.mutating();
        assert!(mutating.is_empty(), "the run should have written nothing:\n{mutating}\n{self}");
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(holm_cli::text::plan(&self.plan).trim_end())
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let home = self.planned.plan.namespace.as_deref();
        write!(f, "{}\n{}", self.planned, holm_cli::text::report(&self.report, home).trim_end())
    }
}
