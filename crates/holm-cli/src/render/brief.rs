//! The server's words without the values that it repeats whole, such as the template of a Job whose image cannot change.

/// What stands before a value that the server repeats.
const VALUE: &str = "Invalid value: ";
/// Longer values are left out.
const LONGEST: usize = 80;

/// Returns a message of the server on one line, with `{...}` in place of each long value in it. What it appends on further lines is a
/// diff of what the plan shows below.
pub fn brief(message: &str) -> String {
    let mut rest = message.lines().next().unwrap_or_default();
    // A value may have line breaks, which then do not end the message.
    if let Some(at) = message.find(VALUE)
        && end_of_value(&message[at + VALUE.len()..])
            .is_some_and(|end| message[at..at + VALUE.len() + end].contains('\n'))
    {
        rest = message;
    }
    let mut out = String::new();
    while let Some(at) = rest.find(VALUE) {
        let (before, value) = rest.split_at(at + VALUE.len());
        out.push_str(before);
        let end = end_of_value(value).unwrap_or(0);
        let (value, after) = value.split_at(end);
        out.push_str(if value.chars().nth(LONGEST).is_some() { "{...}" } else { value });
        rest = after;
    }
    out + rest
}

/// Where a value ends: before the colon that follows it, outside of quotes and brackets.
fn end_of_value(text: &str) -> Option<usize> {
    let (mut depth, mut is_quoted, mut is_escaped) = (0usize, false, false);
    for (position, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && text[position + 1..].starts_with(' ') => return Some(position),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_left_out_and_short_ones_stay() {
        let long = format!("{{\"metadata\":{{\"labels\":{{\"a: b\":\"{}\"}}}}}}", "x".repeat(200));
        let dump = format!(
            "core.PodTemplateSpec{{ObjectMeta:v1.ObjectMeta{{Name:\"}}: \", Labels:map[string]string{{\"a\":\"{}\"}}}}}}",
            "x".repeat(200)
        );
        let cases = [
            (
                format!("spec.template: Invalid value: {long}: field is immutable"),
                "spec.template: Invalid value: {...}: field is immutable",
            ),
            (
                format!("a: Invalid value: {dump}: no, b: Invalid value: 3: must be one of: 1, 2"),
                "a: Invalid value: {...}: no, b: Invalid value: 3: must be one of: 1, 2",
            ),
            ("spec: Forbidden: spec is immutable\n  core.Spec{\n-  a".to_owned(), "spec: Forbidden: spec is immutable"),
            (format!("x: Invalid value: \"{}\": too long", "y".repeat(100)), "x: Invalid value: {...}: too long"),
            ("Invalid value: unfinished".to_owned(), "Invalid value: unfinished"),
            (String::new(), ""),
        ];
        for (message, expected) in cases {
            assert_eq!(brief(&message), expected);
        }
    }
}
