//! A secret value and the forms in which it could get out.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A secret value that must be nowhere.
pub struct Canary {
    forms: Vec<(&'static str, String)>,
}

impl Canary {
    /// The forms of `secret`: as it is, in base64 whatever stands before it, percent-encoded, escaped as in Rust and JSON.
    pub fn new(secret: &str) -> Self {
        assert!(secret.len() >= 8, "a short secret is found by accident");
        let mut forms = vec![
            ("as it is", secret.to_owned()),
            ("in base64", STANDARD.encode(secret)),
            ("in base64 without padding", STANDARD_NO_PAD.encode(secret)),
            ("in base64 for URLs", URL_SAFE_NO_PAD.encode(secret)),
            ("in base64 twice", STANDARD.encode(STANDARD.encode(secret))),
            ("percent-encoded", utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()),
            ("in reverse", secret.chars().rev().collect()),
        ];
        // Inside a longer text, such as a URL, its base64 depends on where it begins; the middle does not.
        for (shift, name) in [(1, "in base64 after 1 byte"), (2, "in base64 after 2 bytes"), (0, "inside base64")] {
            let text = format!("{}{secret}", "x".repeat(shift));
            let encoded = STANDARD_NO_PAD.encode(text);
            let middle = encoded.get(4..encoded.len().saturating_sub(2)).unwrap_or_default();
            forms.push((name, middle.to_owned()));
        }
        let as_bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        forms.push(("as a list of bytes", as_bytes.join(", ")));
        forms.retain(|(_, form)| form.len() >= 8);
        Self { forms }
    }

    /// The first form of it in `text`.
    pub fn find_in(&self, text: &str) -> Option<&'static str> {
        self.forms.iter().find(|(_, form)| text.contains(form.as_str())).map(|(name, _)| *name)
    }

    /// The first file under `folder` that holds it, and in which form.
    pub fn find_below(&self, folder: &Path) -> Option<(PathBuf, &'static str)> {
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            let path = entry.path();
            let found = if path.is_dir() {
                self.find_below(&path)
            } else {
                let bytes = std::fs::read(&path).unwrap_or_default();
                self.find_in(&String::from_utf8_lossy(&bytes)).map(|form| (path, form))
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }
}
