//! What names, labels and keys must be, in our own words: those of the API server name a regular expression each.

use holm_values::names;

/// Checks a DNS label (RFC 1123), as Kubernetes asks of namespace names; the error is the rule that it breaks.
pub fn dns_label(text: &str) -> Result<(), String> {
    let rule = "it must consist of lower-case letters, digits and '-', and start and end with a letter or digit";
    judge(text, 63, &names::label(text), rule)
}

/// Checks a DNS subdomain (RFC 1123): DNS labels with dots between them, 253 characters together.
pub(super) fn dns_subdomain(text: &str) -> Result<(), String> {
    let rule = "it must consist of lower-case letters, digits, '-' and '.', and each part between dots must start and end with a \
        letter or digit";
    judge(text, 253, &names::subdomain(text), rule)
}

/// Checks a name that only has to fit into a URL, as those of roles.
pub(super) fn path_segment(text: &str) -> Result<(), String> {
    if names::path_segment(text).is_empty() {
        return Ok(());
    }
    Err("it must not be '.' or '..', nor hold '/' or '%'".to_owned())
}

/// Checks the key of a label; without regard to case, that of an annotation.
pub(super) fn qualified_name(text: &str) -> Result<(), String> {
    let name = match text.split_once('/') {
        Some((prefix, name)) => {
            dns_subdomain(prefix).map_err(|rule| format!("the part before '/' is no DNS subdomain: {rule}"))?;
            name
        }
        None => text,
    };
    let rule = "it must consist of letters, digits, '-', '_' and '.', start and end with a letter or digit, and may have a DNS \
        subdomain and '/' in front";
    judge(name, 63, &names::label_key(text), rule)
}

/// Checks the value of a label.
pub(super) fn label_value(text: &str) -> Result<(), String> {
    let rule =
        "it must be empty, or consist of letters, digits, '-', '_' and '.', and start and end with a letter or digit";
    judge(text, 63, &names::label_value(text), rule)
}

/// Checks a key of a ConfigMap or Secret.
pub(super) fn data_key(text: &str) -> Result<(), String> {
    let problems = names::config_key(text);
    let rule = if text == "." || text.starts_with("..") {
        "it must not be '.' or start with '..'"
    } else {
        "it must consist of letters, digits, '-', '_' and '.'"
    };
    judge(text, 253, &problems, rule)
}

/// Checks the name of a container's port (RFC 6335).
pub(super) fn port_name(text: &str) -> Result<(), String> {
    let rule = "it must consist of lower-case letters, digits and single '-' between them, with at least one letter";
    judge(text, 15, &names::port_name(text), rule)
}

/// Checks the name of an environment variable.
pub(super) fn variable_name(text: &str) -> Result<(), String> {
    if names::environment_variable(text).is_empty() {
        return Ok(());
    }
    Err("it must consist of printable ASCII characters other than '='".to_owned())
}

/// Checks a port number.
pub(super) fn port_number(number: i64) -> Result<(), String> {
    if names::port_number(number).is_empty() { Ok(()) } else { Err("it must be between 1 and 65535".to_owned()) }
}

/// Says why a text has problems: that it is empty, that it is too long, or else which rule it breaks. The server counts bytes,
/// which for all texts that are otherwise right is the same as characters.
fn judge(text: &str, limit: usize, problems: &[String], rule: &str) -> Result<(), String> {
    match text.len() {
        _ if problems.is_empty() => Ok(()),
        0 => Err("it is empty".to_owned()),
        length if length > limit => Err(format!("it has {length} characters, and at most {limit} are allowed")),
        _ => Err(rule.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of the server's own tests, `dns_test.go` and `validation_test.go`.
    #[test]
    fn names_are_judged_as_the_server_does() {
        let long = |length| "a".repeat(length);
        let labels = ["a", "a-1", "a--1--2--b", "0", "012", "1--a--b--2", &long(63)];
        let no_labels = ["", "A", "aBc", "-", "a-", "-a", "_", "a_b", ".", "a.b", "1.2", " ", "a b", "ä", &long(64)];
        let subdomains = ["a", "a.a", "1--a--b--2.1", "a.b.c.d.e", "11.22.33.44.55", &long(253)];
        let no_subdomains = ["", "-a", "a.", ".a", "a..b", "A.a", "a@b", "a:b", "a_b", "a.-b", &long(254)];
        let qualified = ["simple", "Now-With-Dashes", "1-st_and.dots", "example.com/Name", "a/b", "1.2.3.4/5678"];
        let no_qualified = ["", "nospecialchars%^=@", "-start", "end-", "a/b/c", "/a", "a/", "Upper.com/a", &long(64)];
        let ports = ["telnet", "re-mail-ck", "pop3", "a", "a-1", "1-a", "a-1-b-2-c"];
        let no_ports = ["", "waaaaaaaay-too-long", "1", "1-2", "-a", "a-", "a--b", "UPPER", "under_score"];
        let keys = ["a", "good", "GOOD.KEY", "_", "-", ".a", "a..b", &long(253)];
        let no_keys = ["", ".", "..", "..a", "b&d", "a/b", "ä", &long(254)];
        let variables = ["my-env", "MY_ENV", "1a", "a b", "."];
        let no_variables = ["", "a=b", "ä", "a\tb"];
        type Case<'a> = (fn(&str) -> Result<(), String>, &'a [&'a str], &'a [&'a str]);
        let cases: [Case<'_>; 6] = [
            (dns_label, &labels, &no_labels),
            (dns_subdomain, &subdomains, &no_subdomains),
            (qualified_name, &qualified, &no_qualified),
            (port_name, &ports, &no_ports),
            (data_key, &keys, &no_keys),
            (variable_name, &variables, &no_variables),
        ];
        for (check, good, bad) in cases {
            for text in good {
                assert_eq!(check(text), Ok(()), "{text}");
            }
            for text in bad {
                assert!(check(text).is_err(), "{text}");
            }
        }
        assert!(label_value("").is_ok() && label_value("a b").is_err() && path_segment("system:a b").is_ok());
    }
}
