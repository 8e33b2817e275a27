//! The exec credential plugin of a kubeconfig (client.authentication.k8s.io).

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use holm_core::Sensitive;
use holm_redact::Redactor;
use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;

use super::credentials::ClientIdentity;

/// The most characters of a plugin's message that are shown: its end, which has the reason.
const LONGEST_MESSAGE: usize = 600;
/// A credential is got anew this long before it expires, so that it lasts for the request; a quarter of its lifetime, where that
/// is less.
const MARGIN: Duration = Duration::from_secs(10);

/// Parts of names of flags and variables whose values are secret.
const SECRET_NAMES: [&str; 9] =
    ["secret", "token", "passw", "passphrase", "pwd", "credential", "apikey", "privatekey", "accesskey"];

/// A credential plugin. Its environment and arguments may hold secrets, and its standard output is one; its standard error says
/// what is wrong and what to do.
#[derive(Clone)]
pub(crate) struct Plugin {
    exec: ExecConfig,
    is_interactive: bool,
    /// Masks the secrets among its environment and arguments.
    redactor: Redactor,
}

/// What a plugin printed.
pub(super) struct Printed {
    pub(super) token: Option<Sensitive<String>>,
    pub(super) identity: Option<ClientIdentity>,
    /// How long it may be used; none where it does not expire.
    pub(super) lifetime: Option<Duration>,
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<ExecCredentialStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ExecCredentialStatus {
    expiration_timestamp: Option<Timestamp>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Plugin {
    /// Prepares a plugin. Where standard input is not a terminal, it runs non-interactively, as with `kubectl`, and its standard
    /// error is captured. At a terminal it writes there itself.
    pub(super) fn of(exec: ExecConfig) -> Self {
        let is_interactive = match exec.interactive_mode {
            Some(ExecInteractiveMode::Never) => false,
            Some(ExecInteractiveMode::Always) => true,
            _ => std::io::stdin().is_terminal(),
        };
        Self { redactor: redactor(&exec), exec, is_interactive }
    }

    /// Runs the plugin, and waits for it.
    ///
    /// # Errors
    /// When it cannot be run, fails, or prints something else than a credential.
    pub(super) fn run(&self) -> Result<Printed, String> {
        let Some(program) = &self.exec.command else {
            return Err("the kubeconfig's user has an exec section without a command".to_owned());
        };
        let mut spec = json!({"interactive": self.is_interactive});
        if self.exec.provide_cluster_info {
            let missing = || format!("{} asks for the cluster's data, which is missing", self.title());
            let cluster = self.exec.cluster.as_ref().and_then(|cluster| serde_json::to_value(cluster).ok());
            spec["cluster"] = cluster.ok_or_else(missing)?;
        }
        let info = json!({"apiVersion": self.exec.api_version, "kind": "ExecCredential", "spec": spec});
        let mut command = Command::new(program);
        command.args(self.exec.args.iter().flatten()).stdout(Stdio::piped());
        for variable in self.exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        if self.is_interactive {
            command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            command.stdin(Stdio::null()).stderr(Stdio::piped());
        }
        let begun = Timestamp::now();
        let output = command.output().map_err(|error| self.not_run(&error))?;
        if !output.status.success() {
            return Err(self.failure(&output));
        }
        self.read(&output.stdout, begun)
    }

    fn read(&self, stdout: &[u8], begun: Timestamp) -> Result<Printed, String> {
        // The error of the parser may quote the credential.
        let printed: ExecCredential =
            serde_json::from_slice(stdout).map_err(|_| format!("{} did not print an ExecCredential", self.title()))?;
        let Some(status) = printed.status else {
            return Err(format!("{} printed an ExecCredential without a status", self.title()));
        };
        let identity = match (status.client_certificate_data, status.client_key_data) {
            (Some(certificate), Some(key)) => Some(ClientIdentity { certificate, key: key.into() }),
            _ => None,
        };
        let token = status.token.filter(|token| !token.is_empty()).map(Sensitive::from);
        if token.is_none() && identity.is_none() {
            return Err(format!("{} printed neither a token nor a client certificate with its key", self.title()));
        }
        let lifetime = status.expiration_timestamp.map(|expiry| {
            let lifetime = Duration::try_from(expiry.duration_since(begun)).unwrap_or_default();
            lifetime.saturating_sub(MARGIN.min(lifetime / 4))
        });
        Ok(Printed { token, identity, lifetime })
    }

    fn title(&self) -> String {
        let command = self.exec.command.as_deref().unwrap_or_default();
        let name = Path::new(command).file_name().map_or_else(|| command.into(), |name| name.to_string_lossy());
        format!("the credential plugin \"{name}\" of the kubeconfig")
    }

    /// Describes a program that cannot be started, with the kubeconfig's own hint where it is not installed.
    fn not_run(&self, error: &std::io::Error) -> String {
        let hint = self.exec.install_hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty());
        let hint = hint.filter(|_| error.kind() == std::io::ErrorKind::NotFound);
        let hint = hint.map(|hint| format!("; {}", message(hint.as_bytes(), &self.redactor))).unwrap_or_default();
        format!("{} could not be run: {error}{hint}", self.title())
    }

    /// Describes a failed run, with the plugin's own message.
    fn failure(&self, output: &Output) -> String {
        let mut text = format!("{} failed ({})", self.title(), output.status);
        let message = message(&output.stderr, &self.redactor);
        if !message.is_empty() {
            text.push_str(": ");
            text.push_str(&message);
        }
        text
    }
}

/// Returns standard error on one line, without secrets and control characters; it is scrubbed before it is truncated.
fn message(stderr: &[u8], redactor: &Redactor) -> String {
    let text = redactor.scrub(&String::from_utf8_lossy(stderr));
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
        Plugin::of(serde_json::from_value(exec).expect("the test's own plugin reads"))
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
            plugin.failure(&failed(stderr)),
            "the credential plugin \"aws\" of the kubeconfig failed (exit status: 0): Error: (sensitive), (sensitive), \
             (sensitive) and (sensitive) are wrong; run: aws sso login --profile production-7 --region eu-central-1"
        );
        let bare = "the credential plugin \"aws\" of the kubeconfig failed (exit status: 0)";
        assert_eq!(plugin.failure(&failed("")), bare);
    }

    #[test]
    fn a_long_message_loses_its_beginning_and_no_half_of_a_secret_is_left() {
        let plugin = plugin(serde_json::json!({"command": "x", "args": ["--token", "correct-horse-battery"]}));
        for filler in LONGEST_MESSAGE - 40..LONGEST_MESSAGE + 40 {
            let text = plugin.failure(&failed(&format!("correct-horse-battery {}", "x".repeat(filler))));
            assert!(!text.contains("horse") && !text.contains("battery"), "{text}");
            assert!(text.chars().count() < LONGEST_MESSAGE + 100);
        }
    }

    #[test]
    fn what_is_printed_is_read_with_its_lifetime_and_never_quoted() {
        let plugin = plugin(json!({"command": "/opt/bin/aws"}));
        let begun: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let lifetime = |status: serde_json::Value| {
            plugin.read(json!({"status": status}).to_string().as_bytes(), begun).map(|printed| printed.lifetime)
        };
        let token = |expiry: &str| json!({"token": "t0ken", "expirationTimestamp": expiry});
        assert_eq!(lifetime(json!({"token": "t0ken"})), Ok(None));
        assert_eq!(lifetime(token("2026-01-01T00:10:00Z")), Ok(Some(Duration::from_secs(590))));
        assert_eq!(lifetime(token("2026-01-01T00:00:02Z")), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(lifetime(token("2025-01-01T00:00:00Z")), Ok(Some(Duration::ZERO)));
        assert_eq!(lifetime(json!({"clientCertificateData": "c", "clientKeyData": "k"})), Ok(None));
        let bad = [json!({}), json!({"token": ""}), json!({"clientCertificateData": "t0ken"}), token("soon")];
        for error in bad.into_iter().map(|status| lifetime(status).expect_err("it is not a credential")) {
            assert!(error.starts_with("the credential plugin \"aws\"") && !error.contains("t0ken"), "{error}");
        }
    }

    #[test]
    fn a_plugin_that_is_not_installed_says_how_to_install_it() {
        let plugin = plugin(json!({"command": "no-such-plugin-1", "installHint": "brew install\nno-such-plugin-1"}));
        let error = plugin.run().err().expect("there is no such program");
        assert!(error.ends_with("; brew install; no-such-plugin-1"), "{error}");
    }
}
