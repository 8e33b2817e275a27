//! Failures to order: how a pod is to fail, and which container does.
//!
//! By the annotation or label `holm.dev/simulate` on the pod, with `holm.dev/simulate-container`; or by a word in an image.

use serde_json::Value;

use crate::object::{list, text};

/// How a pod is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ImagePullError,
    RegistryUnreachable,
    Evict,
    ConfigError,
    CrashLoop,
    Oom,
    InitCrashLoop,
    JobFail,
    JobHang,
    NeverReady,
    Slow,
    SlowStop,
    Unschedulable,
}

/// The words, longer ones before those that they begin with.
const WORDS: [(&str, Mode); 14] = [
    ("init-crash-loop", Mode::InitCrashLoop),
    ("image-pull-error", Mode::ImagePullError),
    ("does-not-exist", Mode::ImagePullError),
    ("registry-unreachable", Mode::RegistryUnreachable),
    ("evict", Mode::Evict),
    ("crash-loop", Mode::CrashLoop),
    ("config-error", Mode::ConfigError),
    ("never-ready", Mode::NeverReady),
    ("slow-stop", Mode::SlowStop),
    ("slow", Mode::Slow),
    ("oom", Mode::Oom),
    ("job-fail", Mode::JobFail),
    ("job-hang", Mode::JobHang),
    ("unschedulable", Mode::Unschedulable),
];

/// What a pod is ordered to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub mode: Mode,
    /// The name of the container that fails.
    pub container: String,
}

impl Order {
    /// The order for a pod, if there is one.
    pub(crate) fn of(pod: &Value) -> Option<Self> {
        let first = |containers: &str| list(pod, &["spec", containers]).next().map(|found| text(found, &["name"]));
        let noted = note(pod, "holm.dev/simulate");
        let order = if noted.is_empty() {
            let of_image = |container: &Value| word_in(text(container, &["image"]));
            let named = |container: &Value, mode| Self { mode, container: text(container, &["name"]).to_owned() };
            let mains = list(pod, &["spec", "containers"]).find_map(|found| Some(named(found, of_image(found)?)));
            mains.or_else(|| {
                // Of an init container, only crashes are ordered by its image.
                list(pod, &["spec", "initContainers"]).find_map(|found| {
                    let crashes = matches!(of_image(found)?, Mode::CrashLoop | Mode::InitCrashLoop);
                    crashes.then(|| named(found, Mode::InitCrashLoop))
                })
            })?
        } else {
            let mode = WORDS.iter().find(|(word, _)| *word == noted).map(|(_, mode)| *mode)?;
            let container = match (note(pod, "holm.dev/simulate-container"), mode) {
                ("", Mode::InitCrashLoop) => first("initContainers").unwrap_or_default(),
                ("", _) => first("containers").unwrap_or_default(),
                (named, _) => named,
            };
            Self { mode, container: container.to_owned() }
        };
        let has_inits = first("initContainers").is_some();
        Some(order).filter(|order| order.mode != Mode::InitCrashLoop || has_inits)
    }
}

impl Mode {
    pub(crate) fn fails_to_pull(self) -> bool {
        matches!(self, Self::ImagePullError | Self::RegistryUnreachable)
    }

    pub(crate) fn crashes(self) -> bool {
        matches!(self, Self::CrashLoop | Self::InitCrashLoop | Self::Oom | Self::JobFail)
    }
}

/// An annotation, or else a label.
fn note<'a>(pod: &'a Value, key: &str) -> &'a str {
    match text(pod, &["metadata", "annotations", key]) {
        "" => text(pod, &["metadata", "labels", key]),
        annotation => annotation,
    }
}

/// The first word of an image that orders something: `registry.test/db:crash-loop`.
fn word_in(image: &str) -> Option<Mode> {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| b"/:_.@-".contains(byte));
    let bytes = image.as_bytes();
    (0..bytes.len()).filter(|start| is_edge(start.checked_sub(1).and_then(|before| bytes.get(before)))).find_map(
        |start| {
            let rest = image.get(start..)?;
            let ends = |word: &str| rest.starts_with(word) && is_edge(bytes.get(start + word.len()));
            WORDS.iter().find(|(word, _)| ends(word)).map(|(_, mode)| *mode)
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_of_images_stand_between_separators() {
        let cases = [
            ("registry.test/db:crash-loop", Some(Mode::CrashLoop)),
            ("registry.test/init-crash-loop", Some(Mode::InitCrashLoop)),
            ("does-not-exist/db@sha256:0", Some(Mode::ImagePullError)),
            ("db:slow-stop", Some(Mode::SlowStop)),
            ("db:slow-1", Some(Mode::Slow)),
            ("db:slowly", None),
            ("oomph:1", None),
            ("my_oom.killer", Some(Mode::Oom)),
            ("registry.test/d\u{e9}j\u{e0}:1", None),
            ("", None),
        ];
        for (image, expected) in cases {
            assert_eq!(word_in(image), expected, "{image}");
        }
    }

    #[test]
    fn an_order_names_a_mode_and_a_container() {
        let pod = |notes: Value, init: &str, main: &str| {
            let inits = if init.is_empty() { json!([]) } else { json!([{"name": "i", "image": init}]) };
            let mains = json!([{"name": "a", "image": main}, {"name": "b", "image": "b"}]);
            json!({"metadata": {"annotations": notes}, "spec": {"initContainers": inits, "containers": mains}})
        };
        let cases = [
            (pod(json!({}), "", "a"), None),
            (pod(json!({"holm.dev/simulate": "oom"}), "", "a"), Some((Mode::Oom, "a"))),
            (
                pod(json!({"holm.dev/simulate": "oom", "holm.dev/simulate-container": "b"}), "", "a"),
                Some((Mode::Oom, "b")),
            ),
            (pod(json!({"holm.dev/simulate": "init-crash-loop"}), "i", "a"), Some((Mode::InitCrashLoop, "i"))),
            (pod(json!({"holm.dev/simulate": "init-crash-loop"}), "", "a"), None),
            (pod(json!({"holm.dev/simulate": "no such mode"}), "", "a:oom"), None),
            (pod(json!({}), "i:crash-loop", "a"), Some((Mode::InitCrashLoop, "i"))),
            (pod(json!({}), "i:oom", "a"), None),
            (pod(json!({}), "i:crash-loop", "a:slow"), Some((Mode::Slow, "a"))),
        ];
        for (pod, expected) in cases {
            let order = Order::of(&pod);
            let found = order.as_ref().map(|order| (order.mode, order.container.as_str()));
            assert_eq!(found, expected, "{pod}");
        }
    }
}
