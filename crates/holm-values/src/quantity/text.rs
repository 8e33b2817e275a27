//! How quantities are read and written.

use std::fmt::{self, Formatter};

use super::decimal::Decimal;
use super::{Format, Quantity, QuantityError};

/// The most that a quantity with a binary suffix can be.
const MOST: i128 = i64::MAX as i128;
/// The smallest part of one that counts, as a power of ten.
const NANO: i32 = -9;
/// How many digits the API server counts with a 64-bit number.
const DIGITS: usize = 18;
/// The characters of suffixes.
const SUFFIX: &str = "eEinumkKMGTP";
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// A quantity taken apart.
struct Parts<'t> {
    is_negative: bool,
    /// The digits before the point, without zeros in front.
    whole: &'t str,
    fraction: &'t str,
    scale: Scale,
}

/// What a suffix stands for.
#[derive(Clone, Copy)]
enum Scale {
    /// A power of ten.
    Ten(i32, Format),
    /// A power of two.
    Two(u32),
}

/// Reads a quantity.
pub(super) fn parse(text: &str) -> Result<Quantity, QuantityError> {
    let parts = split(text)?;
    let digits = parts.whole.bytes().chain(parts.fraction.bytes());
    let places = i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
    let (amount, format) = match parts.scale {
        Scale::Ten(exponent, format) => (Decimal::of_digits(digits, exponent.saturating_sub(places)), format),
        Scale::Two(power) => binary(Decimal::of_digits(digits, 0_i32.saturating_sub(places)).times_two_to(power)),
    };
    let amount = amount.rounded(NANO);
    Ok(Quantity { amount: if parts.is_negative { amount.negated() } else { amount }, format })
}

/// What a binary suffix makes of an amount. Below one, it is written as a decimal one.
fn binary(amount: Decimal) -> (Decimal, Format) {
    let most = Decimal::new(MOST, 0);
    let amount = if amount.compare(most).is_gt() { most } else { amount };
    let is_fraction = amount.mantissa() != 0 && amount.compare(Decimal::new(1, 0)).is_lt();
    (amount, if is_fraction { Format::Decimal } else { Format::Binary })
}

/// Whether the API server takes the text of a quantity as canonical, so that it keeps it as it is.
pub(super) fn is_kept(text: &str) -> bool {
    let Ok(Parts { whole, fraction, scale, .. }) = split(text) else { return false };
    let size = whole.len() + fraction.len();
    if whole.is_empty() || size > DIGITS {
        return false;
    }
    match scale {
        Scale::Ten(exponent, _) => {
            // At most 18, see above.
            let exponent = exponent.saturating_sub(i32::try_from(fraction.len()).unwrap_or_default());
            let ends_with_zeros =
                whole.bytes().chain(fraction.bytes()).rev().take_while(|digit| *digit == b'0').count() >= 3;
            exponent >= NANO && exponent % 3 == 0 && !ends_with_zeros
        }
        Scale::Two(power) => {
            // The server's own estimate of how many digits fit into 64 bits.
            let fits = usize::try_from(power * 3 / 10).is_ok_and(|taken| size + taken < 15);
            fits && fraction.is_empty() && whole.parse::<i64>().is_ok_and(|number| number & 7 != 0)
        }
    }
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Malformed);
    }
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let has_zero = rest.starts_with('0');
    let (whole, rest) = digits(rest.trim_start_matches('0'));
    let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
    let exponent = suffix.trim_start_matches(|character| SUFFIX.contains(character));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(QuantityError::Malformed);
    }
    let scale = scale(suffix).ok_or(QuantityError::Suffix)?;
    // A number without digits is zero, except where 64 bits do not suffice for what the suffix stands for.
    let is_far = matches!(scale, Scale::Two(50..) | Scale::Ten(..NANO, _));
    if is_far && !has_zero && whole.is_empty() && fraction.is_empty() {
        return Err(QuantityError::Number);
    }
    Ok(Parts { is_negative, whole, fraction, scale })
}

/// The digits in front and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}

fn scale(suffix: &str) -> Option<Scale> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some(Scale::Ten(*exponent, Format::Decimal));
    }
    if let Some((_, power)) = BINARY.iter().find(|(known, _)| *known == suffix) {
        return Some(Scale::Two(*power));
    }
    let exponent: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    // Kubernetes keeps the lowest 32 bits of the exponent.
    #[expect(clippy::cast_possible_truncation)]
    Some(Scale::Ten(exponent as i32, Format::Exponent))
}

/// Writes the canonical form.
pub(super) fn write(quantity: Quantity, out: &mut Formatter<'_>) -> fmt::Result {
    let amount = quantity.amount;
    if amount.mantissa() == 0 {
        return out.write_str("0");
    }
    match amount.whole().filter(|number| quantity.format == Format::Binary && number.unsigned_abs() >= 1024) {
        Some(number) => write_binary(number, out),
        None => write_decimal(amount, quantity.format, out),
    }
}

fn write_binary(mut number: i128, out: &mut Formatter<'_>) -> fmt::Result {
    let mut suffix = "";
    for (next, _) in BINARY {
        if number % 1024 != 0 {
            break;
        }
        number /= 1024;
        suffix = next;
    }
    write!(out, "{number}{suffix}")
}

/// Writes an exponent that is a multiple of three. Kubernetes has no suffix above `E`, and then writes none.
fn write_decimal(amount: Decimal, format: Format, out: &mut Formatter<'_>) -> fmt::Result {
    let rest = amount.exponent().rem_euclid(3);
    let exponent = amount.exponent() - rest;
    let zeros = ["", "0", "00"].into_iter().nth(usize::try_from(rest).unwrap_or_default()).unwrap_or_default();
    write!(out, "{}{zeros}", amount.mantissa())?;
    if format == Format::Exponent {
        return if exponent == 0 { Ok(()) } else { write!(out, "e{exponent}") };
    }
    let suffix = DECIMAL.iter().find(|(_, known)| *known == exponent);
    out.write_str(suffix.map_or("", |(suffix, _)| suffix))
}
