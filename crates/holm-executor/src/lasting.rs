//! When a trouble that might pass has lasted long enough to be believed.
//!
//! [`explain`](holm_readiness::cause::explain) sees one moment. That a pod finds no node, or a container a missing key,
//! is often over in a second, when the other object comes; when the same is still so after a while, it will not pass.

use std::time::Duration;

use holm_readiness::cause::Cause;

/// How long the same trouble must be seen.
const LASTING: Duration = Duration::from_secs(10);
/// How long something must be missing that nothing of the run is known to make.
const MISSING: Duration = Duration::from_secs(30);

/// Returns how long a trouble must be seen until it is believed.
pub(crate) fn lasting(cause: &Cause) -> Duration {
    if cause.missing.is_some() { MISSING } else { LASTING }
}

/// The states of a container that cannot begin, which only a change of something else ends (kubelet
/// `pkg/kubelet/container/sync_result.go` and `pkg/kubelet/images/types.go`).
const CANNOT_BEGIN: [&str; 7] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
];

/// What passes only when somebody acts, in a form that is the same for the same trouble; none for an object that is merely
/// slow, such as one whose probe does not succeed yet.
pub(crate) fn trouble(cause: &Cause) -> Option<String> {
    if let Some(missing) = &cause.missing {
        return Some(format!("{missing} is missing"));
    }
    if let Some(container) = &cause.container {
        let cannot_begin = CANNOT_BEGIN.contains(&container.reason.as_str());
        return cannot_begin.then(|| format!("{} of {}", container.reason, container.name));
    }
    let newest = cause.events.last()?;
    let is_helped = cause.events.iter().any(|event| matches!(event.reason.as_str(), "TriggeredScaleUp" | "Nominated"));
    // A volume that is being made may take its time.
    let waits_for_volume = newest.message.contains("unbound immediate PersistentVolumeClaims");
    (newest.reason == "FailedScheduling" && !is_helped && !waits_for_volume).then(|| "Unschedulable".to_owned())
}

#[cfg(test)]
mod tests {
    use holm_core::ResourceId;
    use holm_readiness::cause::{ContainerCause, EventLine};

    use super::*;

    fn container(reason: &str) -> Cause {
        let container = ContainerCause { name: "c".into(), reason: reason.into(), ..ContainerCause::default() };
        Cause { container: Some(container), ..Cause::default() }
    }

    fn events(lines: &[(&str, &str)]) -> Cause {
        let event = |(reason, message): &(&str, &str)| EventLine {
            reason: (*reason).into(),
            message: (*message).into(),
            count: 1,
            last_seen: None,
            about: ResourceId::new("", "Pod", Some("ns"), "p"),
        };
        Cause { events: lines.iter().map(event).collect(), ..Cause::default() }
    }

    #[test]
    fn only_what_needs_somebody_to_act_is_a_trouble() {
        let unschedulable = ("FailedScheduling", "0/1 nodes are available: Insufficient cpu");
        let cases = [
            (container("CreateContainerConfigError"), true),
            (container("ContainerCreating"), false),
            (container("Running"), false),
            (events(&[unschedulable]), true),
            (events(&[("TriggeredScaleUp", "pod triggered scale-up"), unschedulable]), false),
            (events(&[("FailedScheduling", "pod has unbound immediate PersistentVolumeClaims")]), false),
            (events(&[("Unhealthy", "Startup probe failed")]), false),
            (Cause::default(), false),
        ];
        for (cause, expected) in cases {
            assert_eq!(trouble(&cause).is_some(), expected, "{cause:?}");
        }
    }
}
