//! The syntax of names, label keys and label values.
//!
//! From `k8s.io/apimachinery`, `pkg/util/validation/validation.go`. Each function gives the problems, none if the text is right.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
    with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
    start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
    start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn too_long(text: &str, maximum: usize) -> Option<String> {
    (text.len() > maximum).then(|| format!("must be no more than {maximum} bytes"))
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'-');
    text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
}

/// A label of RFC 1123: the name of a namespace.
pub(crate) fn label(text: &str) -> Vec<String> {
    too_long(text, 63).into_iter().chain((!is_label(text)).then(|| LABEL.to_owned())).collect()
}

/// Labels with dots between them: most names.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    let right = text.split('.').all(is_label);
    too_long(text, 253).into_iter().chain((!right).then(|| SUBDOMAIN.to_owned())).collect()
}

/// Labels with dots between them that may begin with underscores and have them, from `IsDNS1123SubdomainWithUnderscore`.
pub(crate) fn subdomain_with_underscores(text: &str) -> Vec<String> {
    let is_right = |label: &str| {
        let rest = label.strip_prefix('_').unwrap_or(label);
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'_');
        is_label(&rest.replace('_', "-")) && edge(rest.bytes().next()) && edge(rest.bytes().last())
    };
    let right = text.split('.').all(is_right);
    too_long(text, 253).into_iter().chain((!right).then(|| SUBDOMAIN.replace("'-' or", "'-', '_' or"))).collect()
}

/// What can be a segment of a path: the names of roles.
pub(crate) fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ['/', '%'].into_iter().filter(|part| text.contains(*part)).map(|part| format!("may not contain '{part}'")).collect()
}

fn is_name_part(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
}

/// The key of a label or an annotation, with an optional prefix.
pub(crate) fn qualified_name(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let name = match text.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                problems.push("prefix part must be non-empty".to_owned());
            } else {
                problems.extend(subdomain(prefix).into_iter().map(|problem| format!("prefix part {problem}")));
            }
            *name
        }
        _ => {
            return vec![format!(
                "a qualified {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    } else if let Some(problem) = too_long(name, 63) {
        problems.push(format!("name part {problem}"));
    }
    if !is_name_part(name) {
        problems.push(QUALIFIED.to_owned());
    }
    problems
}

/// The value of a label.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let right = text.is_empty() || is_name_part(text);
    too_long(text, 63).into_iter().chain((!right).then(|| LABEL_VALUE.to_owned())).collect()
}

/// The key of a ConfigMap or Secret.
pub(crate) fn config_key(text: &str) -> Vec<String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut problems: Vec<String> = too_long(text, 253).into_iter().collect();
    if text.is_empty() || !text.bytes().all(inner) {
        problems.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  \
             or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    } else if matches!(text, "." | "..") || text.starts_with("..") {
        problems.push(format!("a valid config key must not be '{text}'"));
    }
    problems
}

/// The name of a port, from `IsValidPortName`.
pub(crate) fn port(text: &str) -> Vec<String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let mut problems: Vec<&str> = Vec::new();
    if text.len() > 15 {
        problems.push("must be no more than 15 characters");
    }
    if text.is_empty() || !text.bytes().all(inner) {
        problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        problems.push("must contain at least one letter (a-z)");
    }
    if text.contains("--") {
        problems.push("must not contain consecutive hyphens");
    }
    if text.starts_with('-') || text.ends_with('-') {
        problems.push("must not begin or end with a hyphen");
    }
    problems.into_iter().map(str::to_owned).collect()
}

/// The name of a variable of an environment, from `IsRelaxedEnvVarName`.
pub(crate) fn variable(text: &str) -> Vec<String> {
    let right = !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'=');
    let problem = "a valid environment variable name must consist only of printable ASCII characters other than '='";
    (!right).then(|| problem.to_owned()).into_iter().collect()
}

/// The name of a header, from `IsHTTPHeaderName`.
pub(crate) fn header(text: &str) -> Vec<String> {
    let right = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let problem = "a valid HTTP header must consist of alphanumeric characters or '-' or '_' (e.g. 'X-Header-Name', regex used \
        for validation is '[-_A-Za-z0-9]+')";
    (!right).then(|| problem.to_owned()).into_iter().collect()
}

/// The name of a kernel setting, from `IsValidSysctlName`.
pub(crate) fn kernel_setting(text: &str) -> Vec<String> {
    let is_part = |part: &str| is_label(&part.replace('_', "-")) && !part.starts_with('_') && !part.ends_with('_');
    let right = text.len() <= 253 && text.split(['.', '/']).all(is_part);
    let problem = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    (!right).then(|| problem.to_owned()).into_iter().collect()
}

/// A domain and a path below it, from `IsDomainPrefixedPath`, which wants one.
pub(crate) fn domain_path(text: &str) -> Vec<String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    match text.split_once('/') {
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
            let mut problems = subdomain(domain);
            if !path.bytes().all(inner) {
                problems.push(format!("invalid path {path:?}"));
            }
            problems
        }
        _ => vec!["must be a domain-prefixed path (such as \"acme.io/foo\")".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_kubernetes_does() {
        for right in ["a", "a-b", "a.b", "0a"] {
            assert!(subdomain(right).is_empty(), "{right}");
        }
        for wrong in ["", "A", "a_b", "-a", "a-", "a..b", ".a"] {
            assert!(!subdomain(wrong).is_empty(), "{wrong}");
        }
        assert!(label("a.b").len() == 1 && label(&"a".repeat(64)).len() == 1);
        for right in ["a", "A.b_c-d", "example.com/Name"] {
            assert!(qualified_name(right).is_empty(), "{right}");
        }
        for wrong in ["", "/a", "a/", "a/b/c", "-a", "Example/a"] {
            assert!(!qualified_name(wrong).is_empty(), "{wrong}");
        }
        assert!(label_value("").is_empty() && !label_value("a b").is_empty());
        for right in ["_sip._tcp.example.com", "a_b.c"] {
            assert!(subdomain_with_underscores(right).is_empty(), "{right}");
        }
        for wrong in ["", "a_", "__a", "a..b", "A"] {
            assert!(!subdomain_with_underscores(wrong).is_empty(), "{wrong}");
        }
    }
}
