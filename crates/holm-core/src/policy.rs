//! Policies: rules of one's own over the graph and the plan of a stack.
//!
//! A violation of a mandatory policy blocks the plan, one of an advisory policy is a warning. Policies see objects without secret values.

mod recommended;

use std::fmt;
use std::sync::Arc;

use crate::graph::Graph;
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::resource::Resource;
use crate::site::Site;
use crate::warning::{Warning, WarningKind};

pub use recommended::recommended;

/// What a violation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// It is a warning.
    Advisory,
    /// It blocks the plan.
    Mandatory,
}

/// A rule that the stack must follow, with its reason.
///
/// ```
/// use holm_core::policy::{self, Policy};
/// use holm_core::{ResourceOptions as _, Stack};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// stack.policies(policy::recommended());
/// stack.policies([Policy::mandatory("owner", "who is on call finds the owner by it")
///     .remediation("set the label owner to the name of the team")
///     .on_resources(|resource, report| {
///         if resource.object.pointer("/metadata/labels/owner").is_none() {
///             report.found("metadata.labels", "has no label owner");
///         }
///     })]);
/// let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
/// stack.add(holm_core::Manifest::new(map));
/// let graph = stack.build()?;
/// let violations = policy::violations(&graph, None);
/// assert_eq!(violations.len(), 1);
/// assert_eq!(violations[0].message, "has no label owner");
/// # Ok::<(), holm_core::Problems>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    name: String,
    enforcement: Enforcement,
    reason: String,
    remediation: Option<String>,
    checks: Vec<Check>,
}

/// A function of the program that looks at something and reports what it finds.
type Look<T, R> = Arc<dyn Fn(&T, &mut R) + Send + Sync>;

/// One look at the stack.
#[derive(Clone)]
enum Check {
    Resources(Look<Resource, ResourceReport>),
    Graph(Look<Graph, Report>),
    Plan(Look<[PlannedChange], Report>),
}

/// What a plan would do to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedChange {
    /// The object.
    pub id: ResourceId,
    /// The word for what would be done: `create`, `update`, `replace`, `delete`, `unchanged`, `adopt`, `release`, `keep` or `unknown`.
    pub action: String,
    /// The fields that would change.
    pub fields: Vec<FieldPath>,
}

/// Takes what a policy finds in one resource.
#[derive(Debug, Default)]
pub struct ResourceReport(Vec<(FieldPath, String)>);

impl ResourceReport {
    /// Reports what is wrong with the field at `path`, or with the whole object where it is empty. Must not hold a secret.
    pub fn found(&mut self, path: &str, message: impl Into<String>) {
        self.0.push((path.parse().unwrap_or_default(), message.into()));
    }
}

/// Takes what a policy finds in a graph or a plan.
#[derive(Debug, Default)]
pub struct Report(Vec<(ResourceId, FieldPath, String)>);

impl Report {
    /// Reports what is wrong with the field at `path` of the resource `id`, or with the whole object where it is empty. Must not hold a
    /// secret.
    pub fn found(&mut self, id: &ResourceId, path: &str, message: impl Into<String>) {
        self.0.push((id.clone(), path.parse().unwrap_or_default(), message.into()));
    }
}

impl Policy {
    /// A policy whose violations block the plan. The name is a word for people and machines, such as `no-latest-tag`.
    pub fn mandatory(name: &str, reason: &str) -> Self {
        let (name, reason) = (name.to_owned(), reason.to_owned());
        Self { name, enforcement: Enforcement::Mandatory, reason, remediation: None, checks: Vec::new() }
    }

    /// A policy whose violations are warnings.
    pub fn advisory(name: &str, reason: &str) -> Self {
        Self::mandatory(name, reason).enforced(Enforcement::Advisory)
    }

    /// The same policy with another enforcement.
    #[must_use]
    pub fn enforced(self, enforcement: Enforcement) -> Self {
        Self { enforcement, ..self }
    }

    /// What to do about a violation.
    #[must_use]
    pub fn remediation(self, text: &str) -> Self {
        Self { remediation: Some(text.to_owned()), ..self }
    }

    /// Looks at each resource.
    #[must_use]
    pub fn on_resources(self, check: impl Fn(&Resource, &mut ResourceReport) + Send + Sync + 'static) -> Self {
        self.with(Check::Resources(Arc::new(check)))
    }

    /// Looks at the graph: several resources and the edges between them.
    #[must_use]
    pub fn on_graph(self, check: impl Fn(&Graph, &mut Report) + Send + Sync + 'static) -> Self {
        self.with(Check::Graph(Arc::new(check)))
    }

    /// Looks at the plan: what would be done to every object. It is not asked where a stack is destroyed.
    #[must_use]
    pub fn on_plan(self, check: impl Fn(&[PlannedChange], &mut Report) + Send + Sync + 'static) -> Self {
        self.with(Check::Plan(Arc::new(check)))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn with(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .field("enforcement", &self.enforcement)
            .finish_non_exhaustive()
    }
}

/// One thing that breaks a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The policy's name.
    pub policy: String,
    /// Whether it blocks the plan.
    pub enforcement: Enforcement,
    /// Why there is the policy.
    pub reason: String,
    /// The resource.
    pub resource: ResourceId,
    /// The field; the root where it is about the whole object.
    pub path: FieldPath,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remediation: Option<String>,
    /// The line that declared the resource; none for what left the program.
    pub site: Option<Site>,
}

impl Violation {
    /// Returns the violation of an advisory policy as what it is: a warning.
    pub fn into_warning(self) -> Warning {
        let Self { policy, message, reason, resource, path, remediation: hint, site, .. } = self;
        Warning { kind: WarningKind::PolicyViolated { policy, message, reason }, resource, path, site, hint }
    }
}

/// Returns the violations of the graph, and of the plan where there is one, in the order of the policies. A resource that is
/// [exempt](crate::ResourceOptions::exempt_from) from a policy has none of it.
pub fn violations(graph: &Graph, plan: Option<&[PlannedChange]>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for policy in graph.policies() {
        let mut report = Report::default();
        for check in &policy.checks {
            match (check, plan) {
                (Check::Resources(check), _) => {
                    for resource in graph.resources() {
                        let mut found = ResourceReport::default();
                        check(resource, &mut found);
                        let found = found.0.into_iter();
                        report.0.extend(found.map(|(path, message)| (resource.id.clone(), path, message)));
                    }
                }
                (Check::Graph(check), _) => check(graph, &mut report),
                (Check::Plan(check), Some(plan)) => check(plan, &mut report),
                (Check::Plan(_), None) => {}
            }
        }
        for (id, path, message) in report.0 {
            let resource = graph.get(&id);
            let is_exempt = |resource: &Resource| {
                resource.options.exemptions.iter().any(|exemption| exemption.policy == policy.name)
            };
            if !resource.is_some_and(is_exempt) {
                violations.push(Violation {
                    policy: policy.name.clone(),
                    enforcement: policy.enforcement,
                    reason: policy.reason.clone(),
                    resource: id,
                    path,
                    message,
                    remediation: policy.remediation.clone(),
                    site: resource.map(|resource| resource.site),
                });
            }
        }
    }
    violations
}
