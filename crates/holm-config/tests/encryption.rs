//! Encrypted values of a configuration: for several keys, of age and of ssh, and nothing for those without one.

#![cfg(feature = "age")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use age::secrecy::ExposeSecret as _;
use holm_config::{EncryptionError, Identities, Key, Sealed, Sources, ciphertext, encrypt, read, set};
use holm_values::Sensitive;

// Keys of ssh, made for this test and used nowhere else.
const SSH_PUBLIC: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN8x98Gf6NUb5YA1u9UOV1tI21WXXBZCgViK0Ig/Asva";
const SSH_PRIVATE: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACDfMffBn+jVG+WANbvVDldbSNtVl1\
     wWQoFYitCIPwLL2gAAAIgc/sCHHP7AhwAAAAtzc2gtZWQyNTUxOQAAACDfMffBn+jVG+WANbvVDldbSNtVl1wWQoFYitCIPwLL2gAAAEDfV2h6\
     eWKXXRlkRRAab4nBn1KdWCzV/juliiztq9ARz98x98Gf6NUb5YA1u9UOV1tI21WXXBZCgViK0Ig/AsvaAAAABHRlc3QB";
const SSH_PROTECTED: &str = "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABCuktg6c8TJ1i7sTLF/fr64AAAAEAAAAAEAAAAzAAAAC3NzaC\
     1lZDI1NTE5AAAAIPIzzBoh3Zro6wnT5fXM8du/I6Cluo3fhCTzEZOekz8JAAAAkOlv4/ckWhujPYZ+RbfhtKSP+o/CcziTmDjmeYmLjvkJNvS9\
     mH6ZqysSWFAdp/wRp/YfvAzam/7YAc2FcHSZObiwa+vOet7LIL+qbrrThncV8PyK+y36cJrsqZvnlbe+7bhA+GPbU0b9qqKoZB87+/eRybVP+h\
     jGyZcN342P+OogBqzMm6xAwbKTp3qkKPwnKw==";

/// A private key of ssh as its file holds it.
fn ssh_file(body: &str) -> String {
    let lines: Vec<String> =
        body.as_bytes().chunks(70).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let mark = |word: &str| format!("-----{word} OPENSSH PRIVATE KEY-----\n");
    format!("{}{}\n{}", mark("BEGIN"), lines.join("\n"), mark("END"))
}

/// A new key of age: its public and its private text.
fn age_key() -> (String, String) {
    let key = age::x25519::Identity::generate();
    (key.to_public().to_string(), key.to_string().expose_secret().to_owned())
}

fn identities(texts: &[&str]) -> Identities {
    let mut identities = Identities::default();
    for text in texts {
        identities.add("key", &Sensitive::from(*text)).unwrap();
    }
    identities
}

fn file(recipients: &[&str], secret: &str) -> String {
    let names: Vec<String> = recipients.iter().map(|text| (*text).to_owned()).collect();
    let value = encrypt(&Sensitive::from(secret), &names).unwrap();
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let text = format!("[encryption]\nrecipients = [{}]\n\n[config]\nuser = \"shop\"\n", quoted.join(", "));
    set(&text, None, &"database.password".parse::<Key>().unwrap(), &value).unwrap()
}

#[test]
fn whoever_is_named_can_read_a_value_and_nobody_else() {
    let (age_public, age_private) = age_key();
    let text = file(&[&age_public, SSH_PUBLIC], "correct horse ü");
    assert!(!text.contains("horse"), "{text}");
    for key in [age_private, ssh_file(SSH_PRIVATE)] {
        let identities = identities(&[&key]);
        let sources =
            Sources { file: Some(("holm.toml", &text)), decrypt: Some(&identities), ..Sources::of_stack("a") };
        let settings = read(None, &sources).unwrap();
        assert_eq!(settings.values.expose()["database"]["password"], "correct horse ü");
        assert_eq!(settings.encrypted, ["database.password".parse::<Key>().unwrap()]);
        assert!(!format!("{settings:?}").contains("horse"));
    }
    let only_age = file(&[&age_public], "x");
    let identities = identities(&[&ssh_file(SSH_PRIVATE)]);
    let sources =
        Sources { file: Some(("holm.toml", &only_age)), decrypt: Some(&identities), ..Sources::of_stack("a") };
    assert_eq!(
        read(None, &sources).unwrap_err().to_string(),
        "the configuration value \"database.password\" cannot be decrypted: none of the private keys fits: it is encrypted for \
         others (from holm.toml:8)"
    );
}

#[test]
fn without_a_key_the_rest_can_be_shown() {
    let text = file(&[&age_key().0], "secret");
    let sources = Sources { file: Some(("holm.toml", &text)), ..Sources::of_stack("a") };
    assert!(read(None, &sources).unwrap_err().to_string().contains("there is no private key"));
    let shown = read(None, &Sources { decrypt: Some(&Sealed), ..sources }).unwrap();
    assert_eq!(shown.values.expose()["user"], "shop");
    assert_eq!(shown.values.expose()["database"]["password"], "(encrypted)");
}

#[test]
fn a_wrong_key_a_protected_one_and_damage_are_told_apart() {
    let mut identities = Identities::default();
    let mut add = |text: &str| identities.add("~/.ssh/id", &Sensitive::from(text)).unwrap_err();
    assert_eq!(add(&ssh_file(SSH_PROTECTED)), EncryptionError::Passphrase("~/.ssh/id".to_owned()));
    assert_eq!(add("hello"), EncryptionError::BadIdentity("~/.ssh/id".to_owned()));
    assert_eq!(add(""), EncryptionError::BadIdentity("~/.ssh/id".to_owned()));
    let names = |text: &str| encrypt(&Sensitive::from("x"), &[text.to_owned()]);
    assert_eq!(names("age1oops"), Err(EncryptionError::BadRecipient("age1oops".to_owned())));
    assert_eq!(encrypt(&Sensitive::from("x"), &[]), Err(EncryptionError::NoRecipients));
    let (age_public, age_private) = age_key();
    let identities = self::identities(&[&age_private]);
    let value = encrypt(&Sensitive::from("secret"), &[age_public]).unwrap();
    let good = ciphertext(&value).unwrap();
    assert_eq!(*identities.decrypt(good).unwrap().expose(), "secret");
    for damaged in ["not base64!", "aGVsbG8=", &good[..good.len() - 8], ""] {
        assert!(matches!(identities.decrypt(damaged), Err(EncryptionError::Damaged(_))), "{damaged}");
    }
}
