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
    /// The forms of `secret`: as it is and line by line, in base64 whatever stands before it, and escaped as by URLs, HTML, shells,
    /// YAML, and the JSON of Go, Rust and Python.
    pub fn new(secret: &str) -> Self {
        assert!(secret.len() >= 8, "a short secret is found by accident");
        let mut forms = Vec::new();
        for (position, text) in std::iter::once(secret).chain(secret.lines().map(str::trim)).enumerate() {
            if position == 0 || (secret.lines().count() > 1 && text.len() >= 8) {
                forms.extend(spellings(text));
            }
        }
        forms.extend([
            ("in base64 twice", STANDARD.encode(STANDARD.encode(secret))),
            ("in reverse", secret.chars().rev().collect()),
            ("as a list of bytes", secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")),
        ]);
        forms.retain(|(_, form)| form.len() >= 8);
        Self { forms }
    }

    /// The first form of it in `text`.
    pub fn find_in(&self, text: &str) -> Option<&'static str> {
        // Long texts are broken into lines, of base64, of a terminal and of YAML.
        let joined: String = text.split_whitespace().collect();
        let is_in = |form: &str| text.contains(form) || (form.len() > 40 && joined.contains(form));
        self.forms.iter().find(|(_, form)| is_in(form)).map(|(name, _)| *name)
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

fn spellings(text: &str) -> Vec<(&'static str, String)> {
    let of_go = go_json(text);
    let mut forms = vec![
        ("as it is", text.to_owned()),
        ("in base64", STANDARD.encode(text)),
        ("in base64 without padding", STANDARD_NO_PAD.encode(text)),
        ("in base64 for URLs", URL_SAFE_NO_PAD.encode(text)),
        ("percent-encoded", utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()),
        ("percent-encoded in small letters", utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().to_lowercase()),
        ("in a form", utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%20", "+")),
        ("in the JSON of Go in itself", go_json(&of_go)),
        ("in the JSON of Go", of_go),
        ("in JSON", serde_json::Value::from(text).to_string().trim_matches('"').to_owned()),
        ("in JSON of ASCII", ascii_json(text)),
        ("in Debug", format!("{text:?}").trim_matches('"').to_owned()),
        ("in HTML", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;")),
        ("in single quotes of YAML", text.replace('\'', "''")),
        ("in single quotes of a shell", text.replace('\'', "'\\''")),
    ];
    // Inside a longer text, such as a URL, its base64 depends on where it begins; the middle does not.
    for (shift, name) in [(1, "in base64 after 1 byte"), (2, "in base64 after 2 bytes"), (0, "inside base64")] {
        let encoded = STANDARD_NO_PAD.encode(format!("{}{text}", "x".repeat(shift)));
        let middle = encoded.get(4..encoded.len().saturating_sub(2)).unwrap_or_default();
        forms.push((name, middle.to_owned()));
    }
    forms
}

/// As Go's `encoding/json` writes it between quotes.
pub fn go_json(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '<' | '>' | '&' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// As Python's `json` writes it between quotes.
pub fn ascii_json(text: &str) -> String {
    let escape = |unit: u16| match char::from_u32(u32::from(unit)) {
        Some('\n') => "\\n".to_owned(),
        Some(c @ ('"' | '\\')) => format!("\\{c}"),
        Some(c) if c.is_ascii() => c.to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(escape).collect()
}
