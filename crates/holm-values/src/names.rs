//! The syntax of names, label keys, label values and other short texts.
//!
//! From `k8s.io/apimachinery`, `pkg/util/validation/validation.go` and `pkg/api/validate/content`. Each function returns what is
//! wrong, in the words of the API server, and nothing if the text is right.

use std::fmt::Write;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_WITH_UNDERSCORES: &str = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_KEY_RULE: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_KEY_EXAMPLES: [&str; 3] = ["MyName", "my.name", "123-abc"];

/// The most characters that a label of a domain name can have.
const LABEL_LENGTH: usize = 63;
/// The most characters that a domain name can have.
const SUBDOMAIN_LENGTH: usize = 253;

/// Checks a label of RFC 1123: the name of a namespace, a Service or a container.
#[must_use]
pub fn label(text: &str) -> Vec<String> {
    let mut problems = at_most(text, LABEL_LENGTH, "characters");
    if !is_label(text) {
        problems.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            let rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
                end with an alphanumeric character";
            must_match(rule, LABEL, &["my-name", "123-abc"])
        });
    }
    problems
}

/// Checks a label of RFC 1035: the name of a version or of a custom kind.
#[must_use]
pub fn rfc1035_label(text: &str) -> Vec<String> {
    let mut problems = at_most(text, LABEL_LENGTH, "characters");
    if !is_label(text) || !text.starts_with(|character: char| character.is_ascii_lowercase()) {
        let rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
            character, and end with an alphanumeric character";
        problems.push(must_match(rule, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    problems
}

/// Checks labels of RFC 1123 with dots between them: most names.
#[must_use]
pub fn subdomain(text: &str) -> Vec<String> {
    subdomain_of(text, "characters")
}

fn subdomain_of(text: &str, unit: &str) -> Vec<String> {
    let mut problems = at_most(text, SUBDOMAIN_LENGTH, unit);
    if !is_subdomain(text) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
            start and end with an alphanumeric character";
        problems.push(must_match(rule, &format!("{LABEL}(\\.{LABEL})*"), &["example.com"]));
    }
    problems
}

/// Checks a domain name whose labels may begin with an underscore and have underscores in them: that of a service to look up.
#[must_use]
pub fn subdomain_with_underscores(text: &str) -> Vec<String> {
    let is_label = |label: &str| {
        let rest = label.strip_prefix('_').unwrap_or(label);
        has_ends(rest, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && rest.bytes().all(|byte| is_label_byte(byte) || byte == b'_')
    };
    let mut problems = at_most(text, SUBDOMAIN_LENGTH, "characters");
    if !text.split('.').all(is_label) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and \
            must start and end with an alphanumeric character";
        let pattern = format!("{LABEL_WITH_UNDERSCORES}(\\.{LABEL_WITH_UNDERSCORES})*");
        problems.push(must_match(rule, &pattern, &["example.com"]));
    }
    problems
}

/// Checks a domain name with a star as its first label: the host of an Ingress.
#[must_use]
pub fn wildcard_subdomain(text: &str) -> Vec<String> {
    let mut problems = at_most(text, SUBDOMAIN_LENGTH, "characters");
    if !text.strip_prefix("*.").is_some_and(is_subdomain) {
        let rule = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist \
            of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        problems.push(must_match(rule, &format!("\\*\\.{LABEL}(\\.{LABEL})*"), &["*.example.com"]));
    }
    problems
}

/// Checks a segment of a path: the name of a role.
#[must_use]
pub fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ['/', '%'].into_iter().filter(|part| text.contains(*part)).map(|part| format!("may not contain '{part}'")).collect()
}

/// Checks the key of a label or an annotation, with a domain name in front or without.
#[must_use]
pub fn label_key(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let name = match text.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        ["", name] => {
            problems.push("prefix part must be non-empty".to_owned());
            *name
        }
        [prefix, name] => {
            problems.extend(subdomain_of(prefix, "bytes").into_iter().map(|problem| format!("prefix part {problem}")));
            *name
        }
        _ => {
            let rule = must_match(&format!("a valid label key {LABEL_KEY_RULE}"), LABEL_KEY, &LABEL_KEY_EXAMPLES);
            return vec![format!("{rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")];
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    }
    problems.extend(at_most(name, LABEL_LENGTH, "bytes").into_iter().map(|problem| format!("name part {problem}")));
    if !is_label_text(name) {
        problems.push(must_match(&format!("name part {LABEL_KEY_RULE}"), LABEL_KEY, &LABEL_KEY_EXAMPLES));
    }
    problems
}

/// Checks the value of a label.
#[must_use]
pub fn label_value(text: &str) -> Vec<String> {
    let mut problems = at_most(text, LABEL_LENGTH, "bytes");
    if !text.is_empty() && !is_label_text(text) {
        let rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
            start and end with an alphanumeric character";
        problems.push(must_match(rule, &format!("({LABEL_KEY})?"), &["MyValue", "my_value", "12345"]));
    }
    problems
}

/// Checks the key of a ConfigMap or Secret.
#[must_use]
pub fn config_key(text: &str) -> Vec<String> {
    let mut problems = at_most(text, SUBDOMAIN_LENGTH, "characters");
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        problems.push(must_match(rule, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    match text {
        "." | ".." => problems.push(format!("must not be '{text}'")),
        _ if text.starts_with("..") => problems.push("must not start with '..'".to_owned()),
        _ => {}
    }
    problems
}

/// Checks the name of a port.
#[must_use]
pub fn port_name(text: &str) -> Vec<String> {
    let mut problems = at_most(text, 15, "characters");
    let mut check = |is_right: bool, problem: &str| {
        if !is_right {
            problems.push(problem.to_owned());
        }
    };
    let is_allowed = !text.is_empty() && text.bytes().all(is_label_byte);
    check(is_allowed, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    check(text.bytes().any(|byte| byte.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    check(!text.contains("--"), "must not contain consecutive hyphens");
    check(!text.starts_with('-') && !text.ends_with('-'), "must not begin or end with a hyphen");
    problems
}

/// Checks the number of a port.
#[must_use]
pub fn port_number(number: i64) -> Vec<String> {
    if (1..=65535).contains(&number) { Vec::new() } else { vec!["must be between 1 and 65535, inclusive".to_owned()] }
}

/// Checks the name of an environment variable.
#[must_use]
pub fn environment_variable(text: &str) -> Vec<String> {
    let problem = if text.is_empty() {
        "environment variable name must be non-empty"
    } else if !text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=') {
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
    } else {
        return Vec::new();
    };
    vec![problem.to_owned()]
}

/// Checks the name of a header of HTTP.
#[must_use]
pub fn header(text: &str) -> Vec<String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Vec::new();
    }
    let rule = "a valid HTTP header must consist of alphanumeric characters or '-'";
    vec![must_match(rule, "[-A-Za-z0-9]+", &["X-Header-Name"])]
}

/// Checks the name of a kernel setting. From `k8s.io/kubernetes`, `pkg/apis/core/validation` (`IsValidSysctlName`).
#[must_use]
pub fn kernel_setting(text: &str) -> Vec<String> {
    let is_part = |part: &str| {
        has_ends(part, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && part.bytes().all(|byte| is_label_byte(byte) || byte == b'_')
    };
    if text.len() <= SUBDOMAIN_LENGTH && text.split(['.', '/']).all(is_part) {
        return Vec::new();
    }
    let pattern = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    vec![format!("must have at most {SUBDOMAIN_LENGTH} characters and match regex {pattern}")]
}

/// Checks a domain name and a path below it.
#[must_use]
pub fn domain_path(text: &str) -> Vec<String> {
    let (domain, path) = match text.split_once('/') {
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => (domain, path),
        _ => return vec!["must be a domain-prefixed path (such as \"acme.io/foo\")".to_owned()],
    };
    let mut problems = subdomain(domain);
    if !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte)) {
        problems.push(must_match("Invalid path", "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+", &[]));
    }
    problems
}

/// In what unit Kubernetes counts depends on which of its packages does. The number is that of bytes in any case.
fn at_most(text: &str, length: usize, unit: &str) -> Vec<String> {
    (text.len() > length).then(|| format!("must be no more than {length} {unit}")).into_iter().collect()
}

fn must_match(rule: &str, pattern: &str, examples: &[&str]) -> String {
    let mut text = format!("{rule} (");
    for (position, example) in examples.iter().enumerate() {
        let start = if position == 0 { "e.g." } else { " or" };
        // Writing to a String does not fail.
        let _ = write!(text, "{start} '{example}', ");
    }
    text + &format!("regex used for validation is '{pattern}')")
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_label(text: &str) -> bool {
    has_ends(text, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) && text.bytes().all(is_label_byte)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label_text(text: &str) -> bool {
    has_ends(text, |byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether there is a first and a last byte, and both are such.
fn has_ends(text: &str, is_such: impl Fn(u8) -> bool) -> bool {
    text.bytes().next().is_some_and(&is_such) && text.bytes().last().is_some_and(is_such)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of `validation_test.go`, `dns_test.go`, `kube_test.go` and `path_test.go`.
    #[test]
    fn names_are_judged_as_the_server_does() {
        let long = |length| "a".repeat(length);
        let prefixed = |length| format!("{}/{}", long(length), "b".repeat(63));
        let labels = ["a", "ab", "a1", "a-1", "a--1--2--b", "0", "01", "012", "1a", "1-a", "1--a--b--2", &long(63)];
        let no_labels = [
            "",
            "A",
            "ABC",
            "aBc",
            "A1",
            "A-1",
            "1-A",
            "-",
            "a-",
            "-a",
            "1-",
            "-1",
            "_",
            "a_",
            "_a",
            "a_b",
            "1_2",
            ".",
            "a.",
            ".a",
            "a.b",
            "1.2",
            " ",
            "a ",
            " a",
            "a b",
            "1 2",
            "ä",
            &long(64),
        ];
        let subdomains =
            ["a", "a--1--2--b", "a.a", "ab.a", "a-1.a", "1--a--b--2.1", "a.b.c.d.e", "11.22.33.44.55", &long(253)];
        let no_subdomains = [
            "",
            "A",
            "-",
            "a-",
            "-a",
            "_",
            "a_b",
            ".",
            "a.",
            ".a",
            "a..b",
            "1..2",
            " ",
            "a b",
            "A.a",
            "aB.a",
            "ab.A",
            "a.B.c",
            "a@b",
            "a,b",
            "a;b",
            "a:b",
            "a%b",
            "a?b",
            "a$b",
            "a.-b",
            &long(254),
        ];
        let keys = [
            "simple",
            "now-with-dashes",
            "1-starts-with-num",
            "1234",
            "simple/simple",
            "now-with.dashes-and.dots/simple",
            "1-num.2-num/3-num",
            "1.2.3.4/5678",
            "Uppercase_Is_OK_123",
            "example.com/Uppercase_Is_OK_123",
            "requests.storage-foo",
            &long(63),
            &prefixed(253),
        ];
        let no_keys = [
            "",
            "nospecialchars%^=@",
            "cantendwithadash-",
            "-cantstartwithadash-",
            "only/one/slash",
            "Example.com/abc",
            "example_com/abc",
            "example.com/",
            "/simple",
            &long(64),
            &prefixed(254),
        ];
        let values = ["", "simple", "now-with-dashes", "1-starts-with-num", "end-with-num-1", "1234", &long(63)];
        let no_values = [
            "nospecialchars%^=@",
            "Tama-nui-te-rā.is.Māori.sun",
            "\\backslashes\\are\\bad",
            "-starts-with-dash",
            "ends-with-dash-",
            ".starts.with.dot",
            "ends.with.dot.",
            &long(64),
        ];
        let ports = ["telnet", "re-mail-ck", "pop3", "a", "a-1", "1-a", "a-1-b-2-c", "1-a-2-b-3"];
        let no_ports = [
            "longerthan15characters",
            "",
            &long(16),
            "12345",
            "1-2-3-4",
            "-begin",
            "end-",
            "two--hyphens",
            "whois++",
            "UPPER",
        ];
        let config_keys =
            ["a", "good-good", "still.good", ".so.is.this", "THIS_IS_GOOD", "so_is_this_17", "a..b", &long(253)];
        let no_config_keys = ["", ".", "..", "..bad", "b*d", "bad!&bad", "a/b", "ä", &long(254)];
        let variables =
            ["-", ":", "_", "+a", ">a", "a.", "a..", "%a", "a:a", "aAz", "~a", "|a", "1a", "a b", "my.env-name"];
        let no_variables = ["", "a=b", "=", "ä", "a\tb", "a\n"];
        let headers = ["Accept-Encoding", "X-Forwarded-For", "a", "-a", "a-", "a--1--2--b", "--123-ABC"];
        let no_headers = ["Host:", "X-@Home", "", "_", "a_", "1_2", ".", "a.b", " ", "a b", "#a#", ";", "=", "{"];
        let segments =
            ["", "foo", "foo.bar", "sha256:ABCDEF012345@ABCDEF012345", "Iñtërnâtiônàlizætiøn", ".test", "..test"];
        let no_segments = [".", "..", "foo/bar", "foo%bar"];
        let paths = ["a/b", "a/b/c/d", "a.b.c.d/foo", "k8s.io/FOO/BAR", "10.0.0.1/foo", "a-b.io/and-in-paths-too"];
        let no_paths = [
            ".",
            "/b",
            "com",
            "a.b/foo?a=b",
            "a.b/foo#a",
            "Dev.k8s.io/a",
            ".foo.com/a",
            "*.a.com/x",
            "a.com/foo{}[]@^`",
        ];
        let wildcards = ["*.example.com", "*.bar.com", "*.foo.bar.com"];
        let no_wildcards = ["*.*.bar.com", "*.foo.*.com", "*bar.com", "f*.bar.com", "*", "*."];
        let services = ["example.com", "_sip._tcp.example.com", "a_b.c", "_a"];
        let no_services = ["", "Example.com", "-example.com", "example.com-", "example@.com", "a..b", "_", "a_", "__a"];
        let settings = ["kernel.shm_rmid_forced", "net/ipv4/tcp_syncookies", "a", "a.b-c_d"];
        let no_settings = ["", "a..b", "_a", "a_", "A", "a.b.", &long(254)];
        let old_labels = ["a", "ab", "abc", "a1", "a-1", "a--1--2--b", &long(63)];
        let no_old_labels = ["0", "01", "1a", "1-a", "", "A", "a-", "-a", "a_b", "a.b", " ", &long(64)];
        type Case<'a> = (fn(&str) -> Vec<String>, &'a [&'a str], &'a [&'a str]);
        let cases: [Case<'_>; 14] = [
            (rfc1035_label, &old_labels, &no_old_labels),
            (label, &labels, &no_labels),
            (subdomain, &subdomains, &no_subdomains),
            (label_key, &keys, &no_keys),
            (label_value, &values, &no_values),
            (port_name, &ports, &no_ports),
            (config_key, &config_keys, &no_config_keys),
            (environment_variable, &variables, &no_variables),
            (header, &headers, &no_headers),
            (path_segment, &segments, &no_segments),
            (domain_path, &paths, &no_paths),
            (wildcard_subdomain, &wildcards, &no_wildcards),
            (subdomain_with_underscores, &services, &no_services),
            (kernel_setting, &settings, &no_settings),
        ];
        for (check, right, wrong) in cases {
            for text in right {
                assert_eq!(check(text), Vec::<String>::new(), "{text}");
            }
            for text in wrong {
                assert!(!check(text).is_empty(), "{text}");
            }
        }
        for (number, is_right) in [(1, true), (65535, true), (0, false), (-1, false), (65536, false)] {
            assert_eq!(port_number(number).is_empty(), is_right, "{number}");
        }
    }

    /// What Kubernetes' own functions answered.
    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_server() {
        let label_rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
        let key_rule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        let subdomain_rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        let (a64, a254) = ("a".repeat(64), "a".repeat(254));
        assert_eq!(label("A"), [label_rule]);
        assert_eq!(label("a.b"), ["must not contain dots"]);
        assert_eq!(label(&a64), ["must be no more than 63 characters"]);
        assert_eq!(subdomain("A"), [subdomain_rule]);
        assert_eq!(subdomain(&a254), ["must be no more than 253 characters"]);
        assert_eq!(label_key(""), ["name part must be non-empty".to_owned(), format!("name part {key_rule}")]);
        assert_eq!(label_key("/a"), ["prefix part must be non-empty"]);
        assert_eq!(label_key("A/b"), [format!("prefix part {subdomain_rule}")]);
        assert_eq!(label_key(&format!("{a254}/x")), ["prefix part must be no more than 253 bytes"]);
        assert_eq!(label_key(&a64), ["name part must be no more than 63 bytes"]);
        let with_prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
        assert_eq!(label_key("a/b/c"), [format!("a valid label key {key_rule} {with_prefix}")]);
        assert_eq!(label_value(&a64), ["must be no more than 63 bytes"]);
        let value_rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
        assert_eq!(label_value("-a"), [value_rule]);
        assert_eq!(config_key(".."), ["must not be '..'"]);
        assert_eq!(config_key("..a"), ["must not start with '..'"]);
        let header_rule = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
        assert_eq!(header("a_b"), [header_rule]);
        assert_eq!(environment_variable(""), ["environment variable name must be non-empty"]);
        let path_rule = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        assert_eq!(domain_path("acme.io/x{"), [path_rule]);
        let no_letters = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        assert_eq!(port_name(""), [no_letters, "must contain at least one letter (a-z)"]);
    }
}
