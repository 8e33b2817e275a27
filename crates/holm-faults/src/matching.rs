//! Which requests a fault meets.

use super::request::Request;

/// A choice among the requests that are still to come: the first of all, unless it is narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    verb: Option<String>,
    resource: Option<String>,
    name: Option<String>,
    mutating: bool,
    number: u64,
    always: bool,
}

impl Default for Matching {
    fn default() -> Self {
        Self::any()
    }
}

impl Matching {
    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self { verb: None, resource: None, name: None, mutating: false, number: 1, always: false }
    }

    /// The request of this number among all that come from now on, counted from 1.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self::any().nth(number)
    }

    /// Only those that change something: no reads, no dry-runs.
    #[must_use]
    pub fn mutating() -> Self {
        Self { mutating: true, ..Self::any() }
    }

    /// Only those of a verb of the API, such as `get`, `list`, `watch`, `create`, `patch` or `delete`.
    #[must_use]
    pub fn verb(mut self, verb: &str) -> Self {
        self.verb = Some(verb.to_owned());
        self
    }

    /// Only those to a resource, by its plural, such as `deployments`.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Only those to the object of this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Of the chosen ones, only that of this number, counted from 1; where the fault cannot be done there, the next one at
    /// which it can.
    #[must_use]
    pub fn nth(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Not once, but every time, from [`nth`](Self::nth) on.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.always = true;
        self
    }

    pub(super) fn chooses(&self, request: &Request) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        is(&self.verb, &request.verb)
            && is(&self.resource, &request.resource)
            && is(&self.name, &request.name)
            && (!self.mutating || request.is_mutating())
    }

    pub(super) fn first(&self) -> u64 {
        self.number
    }

    pub(super) fn is_lasting(&self) -> bool {
        self.always
    }
}
