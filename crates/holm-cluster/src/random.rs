//! Fresh generated values, from the operating system's randomness.

use holm_core::{Password, Sensitive};

/// A password whose characters are chosen independently, each with the same probability.
///
/// # Errors
/// When the operating system gives no randomness.
pub(crate) fn password(password: &Password) -> Result<Sensitive<String>, getrandom::Error> {
    let alphabet: Vec<char> = password.alphabet.chars().collect();
    let count = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return Ok(Sensitive::new(String::new()));
    }
    // Numbers at the end of the range that do not fill a whole round of the alphabet would favour its first characters, so
    // they are thrown away.
    let fair = u32::MAX - u32::MAX % count;
    let mut text = String::with_capacity(password.length);
    let mut length = 0;
    while length < password.length {
        let number = getrandom::u32()?;
        if number < fair {
            text.push(alphabet[(number % count) as usize]);
            length += 1;
        }
    }
    Ok(Sensitive::new(text))
}

/// A number from 0 to 1 for spreading retries. Without randomness it is one half, which spreads nothing but harms nothing.
pub(crate) fn fraction() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn passwords_have_their_length_and_alphabet_and_differ() {
        let kind = Password::of("abc", 20);
        let made: BTreeSet<String> = (0..50).map(|_| password(&kind).expect("randomness").expose().clone()).collect();
        assert!(made.iter().all(|text| text.len() == 20 && text.chars().all(|c| "abc".contains(c))));
        assert!(made.len() > 45, "50 draws out of 3^20 gave only {} different ones", made.len());
    }
}
