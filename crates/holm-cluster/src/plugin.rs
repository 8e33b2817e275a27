//! The exec credential plugin of a kubeconfig (client.authentication.k8s.io).

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::Output;

use holm_core::redact::Redactor;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};

/// The most characters of a plugin's message that are shown: its end, which has the reason.
const LONGEST_MESSAGE: usize = 600;

/// Parts of names of flags and variables whose values are secret.
const SECRET_NAMES: [&str; 9] =
    ["secret", "token", "passw", "passphrase", "pwd", "credential", "apikey", "privatekey", "accesskey"];

/// A credential plugin. Its environment and arguments may hold secrets, and its standard output is one; its standard error says
/// what is wrong and what to do.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    /// The name of the program, without its path.
    name: String,
    /// Masks the secrets among its environment and arguments.
    redactor: Redactor,
}

impl Plugin {
    /// Returns the plugin of a user, if there is one. Where standard input is not a terminal, the plugin runs non-interactively,
    /// as with `kubectl`, and its standard error is captured. At a terminal it writes there itself.
    pub(crate) fn of(user: &mut AuthInfo) -> Option<Self> {
        let exec = user.exec.as_mut()?;
        if exec.interactive_mode != Some(ExecInteractiveMode::Always) && !std::io::stdin().is_terminal() {
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
        }
        let command = exec.command.as_deref().unwrap_or_default();
        let name = Path::new(command).file_name().map(|name| name.to_string_lossy().into_owned());
        Some(Self { name: name.unwrap_or_else(|| command.to_owned()), redactor: redactor(exec) })
    }

    /// Returns the name of a plugin for messages.
    pub(crate) fn title(plugin: Option<&Self>) -> String {
        match plugin {
            Some(plugin) => format!("the credential plugin \"{}\" of the kubeconfig", plugin.name),
            None => "the credential plugin of the kubeconfig".to_owned(),
        }
    }

    /// Describes a failed run, with the plugin's own message.
    pub(crate) fn failure(plugin: Option<&Self>, output: &Output) -> String {
        let mut text = format!("{} failed ({})", Self::title(plugin), output.status);
        let message = message(&output.stderr, plugin.map(|plugin| &plugin.redactor));
        if !message.is_empty() {
            text.push_str(": ");
            text.push_str(&message);
        }
        text
    }
}

/// Returns standard error on one line, without secrets and control characters; it is scrubbed before it is truncated.
fn message(stderr: &[u8], redactor: Option<&Redactor>) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = redactor.map_or_else(|| text.to_string(), |redactor| redactor.scrub(&text));
    let lines: Vec<String> =
        text.lines().map(|line| without_controls(line).trim().to_owned()).filter(|line| !line.is_empty()).collect();
    let text = lines.join("; ");
    match text.char_indices().rev().nth(LONGEST_MESSAGE - 1) {
        Some((begin, _)) if begin > 0 => format!("…{}", &text[begin..]),
        _ => text,
    }
}

/// Removes control characters and the escape sequences of colours.
fn without_controls(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push_str(part.split_once(|c| ('@'..='~').contains(&c)).map_or("", |(_, rest)| rest));
    }
    clean.chars().filter(|c| !c.is_control()).collect()
}

fn redactor(exec: &ExecConfig) -> Redactor {
    let mut redactor = Redactor::default();
    for variable in exec.env.iter().flatten() {
        let part = |field: &str| variable.get(field).map(String::as_str).unwrap_or_default();
        if is_secret_name(part("name")) || looks_random(part("value")) {
            redactor.learn(part("value"));
        }
    }
    let arguments: Vec<&str> = exec.args.iter().flatten().map(String::as_str).collect();
    for (position, argument) in arguments.iter().enumerate() {
        let before = position.checked_sub(1).map(|before| arguments[before]).unwrap_or_default();
        match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') && (is_secret_name(flag) || looks_random(value)) => {
                redactor.learn(value);
            }
            _ if (before.starts_with('-') && is_secret_name(before)) || looks_random(argument) => {
                redactor.learn(argument)
            }
            _ => {}
        }
    }
    redactor
}

fn is_secret_name(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Returns whether a text looks like a key rather than a name: long, and of mixed case with digits, or all hexadecimal.
fn looks_random(text: &str) -> bool {
    let has = |is: fn(&char) -> bool| text.chars().any(|c| is(&c));
    let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-.".contains(c));
    (text.len() >= 16 && is_mixed && is_plain) || (text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(exec: serde_json::Value) -> Plugin {
        let mut user = AuthInfo { exec: serde_json::from_value(exec).ok(), ..AuthInfo::default() };
        Plugin::of(&mut user).unwrap_or_else(|| unreachable!("the test's own plugin reads"))
    }

    fn failed(stderr: &str) -> Output {
        let status = std::process::ExitStatus::default();
        Output { status, stdout: b"the-credential".to_vec(), stderr: stderr.as_bytes().to_vec() }
    }

    #[test]
    fn a_failure_has_the_plugins_message_and_none_of_its_secrets() {
        let plugin = plugin(serde_json::json!({
            "command": "/opt/bin/aws",
            "args": ["eks", "get-token", "--region", "eu-central-1", "--password", "hunter2-hunter2", "--api-key=k3y-k3y-k3y",
                "aB3dE5fG7hJ9kL1mN3"],
            "env": [{"name": "AWS_PROFILE", "value": "production-7"}, {"name": "AWS_SECRET_ACCESS_KEY", "value": "s3cr3t/value&x"}],
        }));
        let stderr = "\u{1b}[31mError\u{1b}[0m: hunter2-hunter2, k3y-k3y-k3y, s3cr3t%2Fvalue%26x and aB3dE5fG7hJ9kL1mN3 are \
                      wrong\n\n  run: aws sso login --profile production-7 --region eu-central-1\n";
        assert_eq!(
            Plugin::failure(Some(&plugin), &failed(stderr)),
            "the credential plugin \"aws\" of the kubeconfig failed (exit status: 0): Error: (sensitive), (sensitive), \
             (sensitive) and (sensitive) are wrong; run: aws sso login --profile production-7 --region eu-central-1"
        );
        let bare = "the credential plugin of the kubeconfig failed (exit status: 0)";
        assert_eq!(Plugin::failure(None, &failed("")), bare);
        assert!(!format!("{plugin:?}").contains("hunter2"));
    }

    #[test]
    fn a_long_message_loses_its_beginning_and_no_half_of_a_secret_is_left() {
        let plugin = plugin(serde_json::json!({"command": "x", "args": ["--token", "correct-horse-battery"]}));
        for filler in LONGEST_MESSAGE - 40..LONGEST_MESSAGE + 40 {
            let text =
                Plugin::failure(Some(&plugin), &failed(&format!("correct-horse-battery {}", "x".repeat(filler))));
            assert!(!text.contains("horse") && !text.contains("battery"), "{text}");
            assert!(text.chars().count() < LONGEST_MESSAGE + 100);
        }
    }
}
