//! Why an image cannot be pulled, read out of the words of kubelet, container runtime and registry.

/// What keeps an image from being pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PullFailure {
    /// The registry has no such repository, or does not show it to us: registries do not tell the two apart.
    Denied,
    /// The registry wants credentials, or other ones.
    Unauthorized,
    /// The registry has no such image or tag.
    NotFound,
    /// There is no image for the node's architecture.
    Platform,
    /// The registry refuses for now because of too many pulls.
    RateLimited,
    /// The name of the registry does not resolve.
    UnknownHost,
    /// The registry cannot be reached, or fails.
    Unreachable,
    /// The node's disk is full.
    NoSpace,
    /// The name is no image name.
    InvalidName,
    /// The image must be on the node already and is not.
    NeverPulled,
    /// The node trusts only signed images, and this one's signature is not valid.
    Signature,
    /// None of these.
    Other,
}

/// In this order: a message often holds several of these words, and the first that fits says most.
const WORDS: &[(PullFailure, &[&str])] = &[
    (PullFailure::RateLimited, &["toomanyrequests", "too many requests", "pull rate limit"]),
    (PullFailure::Platform, &["no match for platform", "no matching manifest for"]),
    (PullFailure::Denied, &["repository does not exist or may require", "pull access denied"]),
    (PullFailure::NoSpace, &["no space left on device", "disk quota exceeded"]),
    (PullFailure::UnknownHost, &["no such host", "server misbehaving"]),
    (
        PullFailure::Unreachable,
        &[
            "i/o timeout",
            "connection refused",
            "connection reset",
            "network is unreachable",
            "no route to host",
            "deadline exceeded",
            "client.timeout",
            "tls handshake",
            "x509:",
            "unexpected eof",
            "500 internal server error",
            "502 bad gateway",
            "503 service unavailable",
            "504 gateway",
            "registryunavailable",
        ],
    ),
    (
        PullFailure::Unauthorized,
        &[
            "unauthorized",
            "authentication required",
            "authorization failed",
            "no basic auth credentials",
            "403 forbidden",
            "denied",
        ],
    ),
    (PullFailure::NotFound, &["not found", "manifest unknown", "name unknown", "notfound"]),
];

impl PullFailure {
    /// Reads it from the state's reason and the words about it.
    pub(super) fn read(reason: &str, words: &str) -> Self {
        match reason {
            "InvalidImageName" => return Self::InvalidName,
            "ErrImageNeverPull" => return Self::NeverPulled,
            "SignatureValidationFailed" => return Self::Signature,
            _ => {}
        }
        let words = words.to_ascii_lowercase();
        WORDS
            .iter()
            .find(|(_, candidates)| candidates.iter().any(|candidate| words.contains(candidate)))
            .map_or(Self::Other, |(failure, _)| *failure)
    }

    /// How often it must have been seen until it is taken to last.
    pub(super) fn patience(self) -> i64 {
        match self {
            Self::InvalidName | Self::NeverPulled => 1,
            Self::RateLimited | Self::Unreachable | Self::UnknownHost | Self::NoSpace => 3,
            Self::Denied | Self::Unauthorized | Self::NotFound | Self::Platform | Self::Signature | Self::Other => 2,
        }
    }

    /// What is wrong, to stand behind a colon.
    pub(super) fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Denied => "the registry has no such repository, or it needs credentials",
            Self::Unauthorized => "the registry refuses the credentials, or there are none",
            Self::NotFound => "not found",
            Self::Platform => "there is none for the node's architecture",
            Self::RateLimited => "the registry allows no more pulls for now",
            Self::UnknownHost => "the registry's name does not resolve",
            Self::Unreachable => "the registry cannot be reached",
            Self::NoSpace => "no space is left on the node",
            Self::InvalidName => "that is no image name",
            Self::NeverPulled => "it is not on the node, and its pull policy is Never",
            Self::Signature => "its signature is not valid",
            Self::Other => return None,
        })
    }

    /// What would help.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Denied => "check the image's name, and imagePullSecrets if the repository is private",
            Self::Unauthorized => "check imagePullSecrets and the credentials in them",
            Self::NotFound => "check the image's name and tag",
            Self::Platform => "build the image for the node's architecture, or choose nodes that fit",
            Self::RateLimited => "pull with credentials, or from a mirror",
            Self::UnknownHost => "check the registry in the image's name, and the node's DNS",
            Self::Unreachable => "check the way from the nodes to the registry",
            Self::NoSpace => "free space on the node's disk",
            Self::InvalidName => "correct the image's name",
            Self::NeverPulled => "load the image onto the node, or set imagePullPolicy: IfNotPresent",
            Self::Signature => "check who signed the image, and which signatures the nodes trust",
            Self::Other => "check the image's name and tag, and imagePullSecrets if the repository is private",
        }
    }
}

/// The end of a chain of wrapped errors, which names what really went wrong: what follows the last `desc = `.
pub(super) fn innermost(words: &str) -> &str {
    words.rsplit_once("desc = ").map_or(words, |(_, inner)| inner).trim()
}
