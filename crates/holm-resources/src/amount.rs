//! Numbers of pods, absolute or in percent.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A number of pods, or a share of the replicas. Numbers and [`Percent`] turn into it by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many pods.
    Count(u32),
    /// So many percent of the replicas.
    Percent(u32),
}

/// So many percent of the replicas: `Percent(25)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(
    /// From 0 to 100; where a number may be exceeded, such as during a rolling update, more.
    pub u32,
);

impl From<u32> for Amount {
    fn from(count: u32) -> Self {
        Self::Count(count)
    }
}

impl From<Percent> for Amount {
    fn from(percent: Percent) -> Self {
        Self::Percent(percent.0)
    }
}

impl Amount {
    pub(crate) fn lower(self) -> IntOrString {
        match self {
            Self::Count(count) => IntOrString::Int(i32::try_from(count).unwrap_or(i32::MAX)),
            Self::Percent(percent) => IntOrString::String(format!("{percent}%")),
        }
    }
}
