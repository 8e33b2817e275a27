//! The containers of a pod as its status tells of them, joined with what its spec says.

use serde_json::Value;

use super::object::{flag, int, items, text};

/// A container with its state.
pub(super) struct Container<'v> {
    pub(super) name: &'v str,
    /// Whether it runs before the others. Not for a sidecar, which is listed among the init containers.
    pub(super) is_init: bool,
    /// As the spec names it; a status may hold a digest instead.
    pub(super) image: &'v str,
    pub(super) restarts: i64,
    pub(super) is_ready: bool,
    pub(super) phase: Phase<'v>,
    /// How the container before the last restart ended.
    pub(super) last: Option<End<'v>>,
    pub(super) memory_limit: Option<&'v str>,
    /// Whether it should run for ever, so that an end with exit code 0 is no success.
    pub(super) must_keep_running: bool,
    /// Whether nobody counts its failures: it is started again and again, unlike a Job's, which gives up by itself.
    pub(super) is_restarted_forever: bool,
}

impl<'v> Container<'v> {
    /// How it ended last: now, or before its last restart.
    pub(super) fn last_end(&self) -> Option<End<'v>> {
        match self.phase {
            Phase::Ended(end) => Some(end),
            Phase::Waiting { .. } | Phase::Running => self.last,
        }
    }

    /// The machine's reason for its state; `NotReady` where it runs.
    pub(super) fn reason(&self) -> &'v str {
        match self.phase {
            Phase::Waiting { reason, .. } => reason,
            Phase::Ended(end) if end.reason.is_empty() => "Error",
            Phase::Ended(end) => end.reason,
            Phase::Running => "NotReady",
        }
    }

    /// The server's words about its state, or about how it ended last.
    pub(super) fn message(&self) -> &'v str {
        let ended = || self.last_end().map_or("", |end| end.message);
        match self.phase {
            Phase::Waiting { message, .. } if !message.is_empty() => message,
            _ => ended(),
        }
    }
}

/// What a container does.
#[derive(Clone, Copy)]
pub(super) enum Phase<'v> {
    /// It is not running yet, or not again.
    Waiting {
        /// Such as `ContainerCreating` or `CrashLoopBackOff`.
        reason: &'v str,
        message: &'v str,
    },
    Running,
    Ended(End<'v>),
}

/// How a container ended.
#[derive(Clone, Copy)]
pub(super) struct End<'v> {
    pub(super) code: i64,
    /// Such as `Error`, `OOMKilled`, `StartError`.
    pub(super) reason: &'v str,
    pub(super) message: &'v str,
}

/// The containers of a pod that have a status, init containers first, each in the order of the status.
pub(super) fn containers(pod: &Value) -> Vec<Container<'_>> {
    let always = text(pod, "/spec/restartPolicy").unwrap_or("Always") == "Always";
    let init = items(pod, "/status/initContainerStatuses").iter().map(|status| (status, true));
    let main = items(pod, "/status/containerStatuses").iter().map(|status| (status, false));
    init.chain(main).filter_map(|(status, is_init)| container(pod, status, is_init, always)).collect()
}

fn container<'v>(pod: &'v Value, status: &'v Value, is_init: bool, always: bool) -> Option<Container<'v>> {
    let name = text(status, "/name")?;
    let list = if is_init { "/spec/initContainers" } else { "/spec/containers" };
    let spec = items(pod, list).iter().find(|spec| text(spec, "/name") == Some(name));
    let in_spec = |pointer| spec.and_then(|spec| text(spec, pointer));
    // An init container with its own restart policy Always is a sidecar and runs as long as the pod (KEP-753).
    let is_sidecar = in_spec("/restartPolicy") == Some("Always");
    let phase = if let Some(end) = end(status, "/state/terminated") {
        Phase::Ended(end)
    } else if status.pointer("/state/running").is_some() {
        Phase::Running
    } else {
        Phase::Waiting {
            reason: text(status, "/state/waiting/reason").unwrap_or_default(),
            message: text(status, "/state/waiting/message").unwrap_or_default(),
        }
    };
    Some(Container {
        name,
        is_init: is_init && !is_sidecar,
        image: in_spec("/image").or_else(|| text(status, "/image")).unwrap_or_default(),
        restarts: int(status, "/restartCount").unwrap_or(0),
        is_ready: flag(status, "/ready"),
        phase,
        last: end(status, "/lastState/terminated"),
        memory_limit: in_spec("/resources/limits/memory"),
        must_keep_running: is_sidecar || (always && !is_init),
        is_restarted_forever: is_sidecar || always,
    })
}

fn end<'v>(status: &'v Value, pointer: &str) -> Option<End<'v>> {
    let ended = status.pointer(pointer).filter(|ended| ended.is_object())?;
    Some(End {
        code: int(ended, "/exitCode").unwrap_or(0),
        reason: text(ended, "/reason").unwrap_or_default(),
        message: text(ended, "/message").unwrap_or_default(),
    })
}

/// What an exit code means by convention: what shells return for a command that cannot be run, and 128 plus the number
/// of the signal that ended a process.
pub(super) fn exit_meaning(code: i64) -> Option<String> {
    let meaning = match code {
        126 => "the command cannot be executed",
        127 => "the command was not found",
        129 => "ended by SIGHUP",
        130 => "ended by SIGINT",
        132 => "illegal instruction, SIGILL",
        134 => "aborted, SIGABRT",
        135 => "bus error, SIGBUS",
        136 => "arithmetic error, SIGFPE",
        137 => "killed, SIGKILL",
        139 => "invalid memory access, SIGSEGV",
        141 => "broken pipe, SIGPIPE",
        143 => "told to stop, SIGTERM",
        131..=159 => return Some(format!("ended by signal {}", code - 128)),
        _ => return None,
    };
    Some(meaning.to_owned())
}
