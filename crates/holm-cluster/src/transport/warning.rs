//! The `Warning` header (RFC 7234, section 5.5), as the API server uses it: `299 - "text"`.

/// The texts of one header, which may hold several warnings.
pub(super) fn texts(header: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut characters = header.chars();
    // Only the text stands in quotes in what the API server writes, and a date, which nobody writes, would follow it.
    while characters.by_ref().any(|character| character == '"') {
        let mut text = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => text.extend(characters.next()),
                _ => text.push(character),
            }
        }
        if !text.is_empty() {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_a_header_are_read() {
        let cases = [
            (r#"299 - "policy/v1beta1 is deprecated""#, vec!["policy/v1beta1 is deprecated"]),
            (r#"299 - "unknown field \"spec.x\"", 299 - "second""#, vec![r#"unknown field "spec.x""#, "second"]),
            ("299 - nothing", vec![]),
            (r#"299 - "cut"#, vec!["cut"]),
        ];
        for (header, expected) in cases {
            assert_eq!(texts(header), expected, "{header}");
        }
    }
}
