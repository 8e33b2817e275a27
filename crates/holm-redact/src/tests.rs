use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

fn knows(values: &[&str]) -> Redactor {
    let mut redactor = Redactor::default();
    redactor.learn_all(values.iter().copied());
    redactor
}

/// Go's `encoding/json` with its escape of HTML, as the API server and many a log have it.
fn go_json(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '<' | '>' | '&' | '\u{7f}' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(c)),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// JSON in ASCII, as Python and Java write it.
fn ascii_json(text: &str) -> String {
    let escaped: String = text
        .encode_utf16()
        .map(|unit| match char::from_u32(u32::from(unit)) {
            Some(c) if c.is_ascii_alphanumeric() || c == ' ' => c.to_string(),
            _ => format!("\\u{unit:04X}"),
        })
        .collect();
    format!("\"{escaped}\"")
}

fn serde(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Go's `%q` of bytes, C's and Python's.
fn hexadecimal(text: &str) -> String {
    let escape =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\x{byte:02x}") };
    format!("b'{}'", text.bytes().map(escape).collect::<String>())
}

fn octal(text: &str) -> String {
    let escape =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\{byte:03o}") };
    text.bytes().map(escape).collect()
}

fn yaml_single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\n', "\n\n  "))
}

fn yaml_block(text: &str) -> String {
    format!("key: |-\n    {}\nnext: 1", text.replace('\n', "\n    "))
}

/// A double-quoted scalar that goes on in the next line after every tenth character.
fn yaml_double(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lines: Vec<String> = characters
        .chunks(10)
        .map(|line| {
            let quoted = serde(&line.iter().collect::<String>());
            let quoted = &quoted[1..quoted.len() - 1];
            // The blanks with which a line begins are its indentation.
            if quoted.starts_with(' ') { format!("\\{quoted}") } else { quoted.to_owned() }
        })
        .collect();
    format!("\"{}\"", lines.join("\\\n    "))
}

fn shell_single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn shell_double_switch(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

/// `printf %q`.
fn shell_escaped(text: &str) -> String {
    if text.contains(char::is_control) {
        let escaped = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r");
        return format!("$'{escaped}'");
    }
    text.chars().map(|c| if c.is_alphanumeric() { c.to_string() } else { format!("\\{c}") }).collect()
}

fn path(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn path_in_small_letters(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'(' | b')' => {
                encoded.push(char::from(byte))
            }
            byte => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    encoded
}

fn form(text: &str) -> String {
    path(text).replace("%20", "+")
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&#34;").replace('\'', "&#x27;")
}

fn sql(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn wrapped(text: &str, columns: usize, end: &str) -> String {
    let encoded = STANDARD.encode(text);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join(end)
}

type Spelling = (&'static str, fn(&str) -> String);

const TEXTUAL: [Spelling; 20] = [
    ("as it is", str::to_owned),
    ("JSON of Go", go_json),
    ("JSON in ASCII", ascii_json),
    ("JSON of Rust", serde),
    ("Debug of Rust", |text| format!("{text:?}")),
    ("escape_unicode", |text| text.escape_unicode().to_string()),
    ("bytes in hexadecimal", hexadecimal),
    ("bytes in octal", octal),
    ("YAML in single quotes", yaml_single),
    ("YAML in double quotes", yaml_double),
    ("a block of YAML", yaml_block),
    ("shell in single quotes", shell_single),
    ("shell with other quotes", shell_double_switch),
    ("shell with backslashes", shell_escaped),
    ("path of a URL", path),
    ("path of a URL in small letters", path_in_small_letters),
    ("form of a URL", form),
    ("HTML", html),
    ("SQL", sql),
    ("carriage returns", |text| text.replace('\n', "\r\n")),
];

const BASE64: [Spelling; 6] = [
    ("base64", |text| STANDARD.encode(text)),
    ("base64 without padding", |text| STANDARD_NO_PAD.encode(text)),
    ("base64 for URLs", |text| URL_SAFE.encode(text)),
    ("base64 for URLs without padding", |text| URL_SAFE_NO_PAD.encode(text)),
    ("base64 in 76 columns", |text| wrapped(text, 76, "\n")),
    ("base64 in 64 columns, indented", |text| wrapped(text, 64, "\r\n    ")),
];

/// The parts of a secret that a reader would recognize: every run of eight of its bytes without a blank.
fn parts(secret: &str) -> Vec<String> {
    let words = secret.split_whitespace().flat_map(|word| {
        let characters: Vec<char> = word.chars().collect();
        characters.windows(8).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>()
    });
    words.filter(|part| part.is_ascii() && part.chars().all(char::is_alphanumeric)).collect()
}

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nVJTUt9Us8cKjMzEfYyjiWA4R4/M2\nab+/9Q==\n-----END PRIVATE KEY-----\n";

const SECRETS: [&str; 7] = [
    "p@ss w\"rd/1",
    "ODD<b>&\"q7'x\\y",
    "postgres://shop:hunter2%2Fx@db:5432/shop?sslmode=disable&application_name=shop",
    "übergrößen-Schlüssel 😀 9",
    "a+b=c d%20e&lt;f",
    "line one of it\n  line two's \"end\"\n\nline four\n",
    KEY,
];

#[test]
fn every_spelling_is_masked_alone_and_inside_another() {
    let mut left = Vec::new();
    for secret in SECRETS {
        let redactor = knows(&[secret]);
        let secret = secret.trim_end();
        for (outer, spell_outer) in TEXTUAL.into_iter().chain(BASE64) {
            for (inner, spell) in TEXTUAL.into_iter().chain(BASE64) {
                let text = format!("before <{}> after", spell_outer(&format!("x={}", spell(secret))));
                let scrubbed = redactor.scrub(&text);
                let is_masked =
                    scrubbed.contains(MASK) && scrubbed.starts_with("before <") && scrubbed.ends_with("> after");
                // Nothing of the spelling is left but its quotes, escapes and context.
                let context = format!("before <{}> after", spell_outer(&format!("x={}", spell(""))));
                let rest = scrubbed.replace(MASK, "").len();
                if !is_masked
                    || rest > context.len() + 60
                    || parts(secret).iter().any(|part| scrubbed.contains(part.as_str()))
                {
                    left.push(format!("{outer} of {inner}: {text:?} -> {scrubbed:?}"));
                }
            }
        }
    }
    assert!(left.is_empty(), "{} are left:\n{}", left.len(), left.join("\n"));
}

#[test]
fn the_mask_takes_the_place_of_the_value_alone() {
    let redactor = knows(&["p@ss w\"rd/1", "hunter2&more"]);
    for (text, shown) in [
        ("password p@ss w\"rd/1 is wrong", "password (sensitive) is wrong"),
        (r#"{"Name":"A","Value":"hunter2\u0026more"}"#, r#"{"Name":"A","Value":"(sensitive)"}"#),
        ("https://x/?p=p%40ss+w%22rd%2F1&q=1", "https://x/?p=(sensitive)&q=1"),
        (r#"data: "cEBzcyB3InJkLzE=" is wrong"#, r#"data: "(sensitive)" is wrong"#),
        ("?data=aHVudGVyMiZtb3Jl&more=cEBzcyB3InJkLzE%3D&x=1", "?data=(sensitive)&more=(sensitive)&x=1"),
        ("nothing here", "nothing here"),
        ("", ""),
    ] {
        assert_eq!(redactor.scrub(text), shown);
    }
    assert!(!format!("{redactor:?}").contains("p@ss"));
}

#[test]
fn base64_of_a_longer_text_is_masked_where_the_secret_is_and_nowhere_else() {
    let redactor = knows(&["correct-horse-7"]);
    for before in ["", "x", "xy", "xyz", "postgres://holm:"] {
        for after in ["", "@", "@h", "@host/db"] {
            let text = format!("token={}", STANDARD.encode(format!("{before}correct-horse-7{after}")));
            let scrubbed = redactor.scrub(&text);
            let (head, tail) = scrubbed.split_once(MASK).unwrap_or_else(|| unreachable!("{text} -> {scrubbed}"));
            // At most the characters of base64 that lie on the edge are masked with it.
            assert!(head.len() + 4 > "token=".len() + before.len() / 3 * 4, "{text} -> {scrubbed}");
            assert!(tail.len() + 8 > after.len() / 3 * 4, "{text} -> {scrubbed}");
            let decoded = STANDARD_NO_PAD.decode(&head["token=".len()..head.len() - (head.len() - "token=".len()) % 4]);
            assert!(before.as_bytes().starts_with(&decoded.expect("the rest is base64")));
        }
    }
}

#[test]
fn a_secret_inside_another_does_not_break_it_up() {
    let redactor = knows(&["hunter2", "postgres://holm:hunter2@db"]);
    assert_eq!(redactor.scrub("url postgres://holm:hunter2@db and hunter2"), "url (sensitive) and (sensitive)");
}

#[test]
fn secrets_that_overlap_leave_nothing_of_either_and_neighbours_are_two() {
    let redactor = knows(&["abcdef", "defghi", "überall"]);
    assert_eq!(redactor.scrub("<abcdefghi>"), "<(sensitive)>");
    assert_eq!(redactor.scrub("abcdefabcdef"), "(sensitive)(sensitive)");
    assert_eq!(redactor.scrub("ist überall ü"), "ist (sensitive) ü");
    assert_eq!(redactor.scrub("abc"), "abc");
}

#[test]
fn each_line_of_a_key_is_masked_by_itself() {
    let redactor = knows(&[KEY]);
    for line in KEY.lines() {
        assert_eq!(redactor.scrub(&format!("2026-01-01 | {line} |")), "2026-01-01 | (sensitive) |");
    }
}

#[test]
fn ordinary_words_are_left_alone() {
    let mut redactor = knows(&["true", "postgres", "5432", "a", "no", "localhost", "----", "test"]);
    redactor.learn("database:\n  host: localhost\n  port: 5432\n  password: s3cr3t-value\n");
    let text = "a pod of postgres on localhost:5432 is no longest test of database: true ----";
    assert_eq!(redactor.scrub(text), text);
    assert_eq!(redactor.scrub("got password: s3cr3t-value"), "got (sensitive)");
    // A short word is one only where it stands by itself.
    let redactor = knows(&["holm"]);
    assert_eq!(
        redactor.scrub("holmes and holm, holm-pg and \"holm\""),
        "holmes and (sensitive), (sensitive)-pg and \"(sensitive)\""
    );
}

#[test]
fn short_and_ordinary_values_are_masked_behind_their_field() {
    let mut redactor = Redactor::default();
    let path = |text: &str| text.parse::<FieldPath>().expect("the test's own path is well formed");
    redactor.learn_at(&path("spec.template.spec.containers[c].env[PIN].value"), "12");
    redactor.learn_at(&path(r#"metadata.annotations["example.com/note"]"#), "postgres");
    redactor.learn_at(&path("spec.containers[c].args[1]"), "no");
    redactor.learn_at(&path("data.pin"), "7&");
    for (text, shown) in [
        (
            r#"{"Env":[{"Name":"PIN","Value":"12","ValueFrom":null}]}"#,
            r#"{"Env":[{"Name":"PIN","Value":"(sensitive)","ValueFrom":null}]}"#,
        ),
        (r#"{\"name\":\"PIN\",\"value\":\"12\"}"#, r#"{\"name\":\"PIN\",\"value\":\"(sensitive)\"}"#),
        ("{Name:PIN Value:12 ValueFrom:<nil>}", "{Name:PIN Value:(sensitive) ValueFrom:<nil>}"),
        ("start with PIN=12 and 12 tries", "start with PIN=(sensitive) and 12 tries"),
        (
            r#"spec.env[0].value: Invalid value: "12": must be 12 characters"#,
            r#"spec.env[0].value: Invalid value: "(sensitive)": must be 12 characters"#,
        ),
        (
            r#"metadata.annotations[example.com/note]: Invalid value: "postgres""#,
            r#"metadata.annotations[example.com/note]: Invalid value: "(sensitive)""#,
        ),
        (r#""Args":["yes","no"],"Note":"no""#, r#""Args":["yes","(sensitive)"],"Note":"no""#),
        (r#"data: {"pin":"7\u0026"}"#, r#"data: {"pin":"(sensitive)"}"#),
        ("postgres value 120: no", "postgres value 120: no"),
    ] {
        assert_eq!(redactor.scrub(text), shown);
    }
}

#[test]
fn half_a_value_is_masked_where_the_text_was_cut() {
    let redactor = knows(&["CANARYtok/16byte", "short-one"]);
    for (text, shown) in [
        ("pppppCANARYtok/", "ppppp(sensitive)"),
        ("says CANARYtok/16...", "says (sensitive)..."),
        ("says \\\"CANARYtok/16by…", "says \\\"(sensitive)…"),
        ("tok/16byte failed", "(sensitive) failed"),
        ("...tok/16byte failed", "...(sensitive) failed"),
        ("CANARY", "CANARY"),
        ("short", "short"),
    ] {
        assert_eq!(redactor.scrub(text), shown);
    }
}

#[test]
fn values_that_are_no_text_are_masked_in_base64() {
    let mut redactor = Redactor::default();
    let bytes: Vec<u8> = (0..40).map(|byte| byte * 6 + 1).collect();
    redactor.learn(&bytes);
    assert_eq!(redactor.scrub(&format!("key {}.", URL_SAFE_NO_PAD.encode(&bytes))), "key (sensitive).");
}

#[test]
fn characters_as_bytes_of_latin_1_are_masked() {
    let redactor = knows(&["clé-très-secrète"]);
    assert_eq!(redactor.scrub(r"'cl\xe9-tr\xe8s-secr\xe8te'"), "'(sensitive)'");
    assert_eq!(redactor.scrub("cl%E9-tr%E8s-secr%E8te"), "(sensitive)");
}

fn spelling() -> impl Strategy<Value = Spelling> {
    prop::sample::select(TEXTUAL.into_iter().chain(BASE64).collect::<Vec<_>>())
}

proptest! {
    /// However three spellings are nested around a random value with a telling middle, that middle is not to be read.
    #[test]
    fn no_spelling_shows_a_random_value(
        begin in "[ -~äß€😀\n]{0,8}", end in "[ -~äß€😀\n]{0,8}", layers in prop::collection::vec(spelling(), 0..4),
    ) {
        let secret = format!("{begin}MiddleOf7Value{end}");
        let redactor = knows(&[&secret]);
        let base64 = layers.iter().filter(|layer| BASE64.iter().any(|one| one.0 == layer.0)).count();
        prop_assume!(base64 <= DEEPEST);
        let text = layers.iter().fold(secret.clone(), |text, (_, spell)| spell(&text));
        let scrubbed = redactor.scrub(&text);
        prop_assert!(scrubbed.contains(MASK), "{text:?} -> {scrubbed:?}");
        prop_assert!(!scrubbed.contains("MiddleOf7Value"), "{text:?} -> {scrubbed:?}");
    }

    /// Scrubbing takes any text, whatever was learned, and what holds no part of a secret stays as it is.
    #[test]
    fn any_text_is_taken(text in ".{0,200}", secrets in prop::collection::vec(".{0,20}", 0..4)) {
        let mut redactor = Redactor::default();
        redactor.learn_all(secrets.iter().map(String::as_str));
        let _ = redactor.scrub(&text);
        prop_assert_eq!(knows(&["Nowhere-In-Any-Text-7"]).scrub(&text), text);
    }
}
