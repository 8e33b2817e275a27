//! Quantities such as `500m`, `5Gi` and `1e3`, in the canonical form of the API.
//!
//! The grammar and the canonical form are those of `k8s.io/apimachinery`, `pkg/api/resource/quantity.go`: no precision is lost,
//! no fraction remains where a smaller suffix can say the same, and the exponent is as large as possible. What is finer than
//! one nano-unit is rounded up.

use std::cmp::Ordering;

use serde_json::Value;

const NANO: i128 = 1_000_000_000;

/// What is too large to be counted is this much: 2^63 - 1.
const MOST: i128 = (i64::MAX as i128) * NANO;

/// A quantity, in nano-units. How it is written does not count when two are compared.
#[derive(Clone, Copy, Debug, Eq)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Decimal,
    Exponent,
    Binary,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.nanos.cmp(&other.nanos))
    }
}

/// The canonical text of a quantity in JSON; nothing if it is none.
pub(crate) fn canonical_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Quantity::parse(text).map(Quantity::canonical),
        Value::Number(number) => Quantity::parse(&number.to_string()).map(Quantity::canonical),
        _ => None,
    }
}

impl Quantity {
    /// Reads a quantity in JSON; nothing if the value is none.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Reads a quantity; nothing if the text is none. One of more than 10^29 is 2^63 - 1: Kubernetes, which counts in 64 bits, shows
    /// the lowest of them then, so that 1000E is 1.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (factor, decimals, format) = scale(suffix)?;
        let exponent = decimals + 9 - i32::try_from(fraction.len()).ok()?;
        let nanos = nanos(whole.bytes().chain(fraction.bytes()), factor, exponent).unwrap_or(MOST);
        Some(Self { nanos: if negative { -nanos } else { nanos }, format })
    }

    /// Nothing.
    pub(crate) const ZERO: Self = Self { nanos: 0, format: Format::Decimal };
    /// One of something.
    pub(crate) const ONE: Self = Self { nanos: NANO, format: Format::Decimal };

    /// A number of things.
    pub(crate) fn whole(number: i64) -> Self {
        Self { nanos: i128::from(number) * NANO, format: Format::Decimal }
    }

    /// The sum, written as this one is unless this is nothing.
    pub(crate) fn plus(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nanos: self.nanos.saturating_add(other.nanos), format }
    }

    /// How much this is more than another one; nothing if it is less.
    pub(crate) fn above(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos).max(0), ..self }
    }

    /// Without a fraction, which counts as one more.
    pub(crate) fn rounded_up(self) -> Self {
        let rest = self.nanos.rem_euclid(NANO);
        Self { nanos: if rest == 0 { self.nanos } else { self.nanos - rest + NANO }, ..self }
    }

    /// Whether there is no fraction.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }

    /// Whether this is some times `unit`.
    #[must_use]
    pub fn is_multiple_of(self, unit: Self) -> bool {
        unit.nanos != 0 && self.nanos % unit.nanos == 0
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Whether this is more than `whole` divided by `part`. Nothing is more than what is divided by zero.
    pub(crate) fn is_more_than_share(self, whole: Self, part: Self) -> bool {
        let float = |quantity: Self| quantity.nanos as f64;
        float(self) / NANO as f64 > float(whole) / float(part)
    }

    /// The canonical text.
    #[must_use]
    pub fn canonical(self) -> String {
        if self.nanos == 0 {
            return "0".to_owned();
        }
        let binary = self.format == Format::Binary && self.nanos % NANO == 0 && (self.nanos / NANO).abs() >= 1024;
        if binary {
            let mut number = self.nanos / NANO;
            let mut suffix = "";
            for next in ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] {
                if number % 1024 != 0 {
                    break;
                }
                number /= 1024;
                suffix = next;
            }
            return format!("{number}{suffix}");
        }
        let mut number = self.nanos;
        let mut exponent = -9;
        while number % 1000 == 0 && exponent < 18 {
            number /= 1000;
            exponent += 3;
        }
        let suffix = match (self.format, exponent) {
            (_, 0) => String::new(),
            (Format::Exponent, _) => format!("e{exponent}"),
            (_, -9) => "n".to_owned(),
            (_, -6) => "u".to_owned(),
            (_, -3) => "m".to_owned(),
            (_, 3) => "k".to_owned(),
            (_, 6) => "M".to_owned(),
            (_, 9) => "G".to_owned(),
            (_, 12) => "T".to_owned(),
            (_, 15) => "P".to_owned(),
            (_, _) => "E".to_owned(),
        };
        format!("{number}{suffix}")
    }
}

/// Digits times a factor times a power of ten, rounded up; nothing if it is too large.
fn nanos(digits: impl Iterator<Item = u8>, factor: i128, exponent: i32) -> Option<i128> {
    let mut number: i128 = 0;
    for digit in digits {
        number = number.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let number = number.checked_mul(factor)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    match (exponent >= 0, power) {
        (true, Some(power)) => number.checked_mul(power),
        (true, None) => (number == 0).then_some(0),
        (false, Some(power)) => Some(number / power + i128::from(number % power != 0)),
        (false, None) => Some(i128::from(number != 0)),
    }
}

/// The factor, the power of ten and the format of a suffix.
fn scale(suffix: &str) -> Option<(i128, i32, Format)> {
    let decimal = |exponent| Some((1, exponent, Format::Decimal));
    let binary = |power: u32| Some((1024_i128.pow(power), 0, Format::Binary));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent: i16 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            Some((1, i32::from(exponent), Format::Exponent))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_one_form() {
        let cases = [
            ("1000m", "1"),
            ("500m", "500m"),
            ("0.5", "500m"),
            ("5Gi", "5Gi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1000", "1k"),
            ("100", "100"),
            ("1e3", "1e3"),
            ("12e2", "1200"),
            ("0", "0"),
            ("0Mi", "0"),
            ("-1500m", "-1500m"),
            ("2048Ki", "2Mi"),
            ("1000Ki", "1000Ki"),
            ("0.1n", "1n"),
            ("512", "512"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("1e40", "9223372036854775807"),
            ("1e-400", "1e-9"),
        ];
        for (text, canonical) in cases {
            assert_eq!(Quantity::parse(text).map(Quantity::canonical).as_deref(), Some(canonical), "{text}");
        }
        for text in ["", "m", "1.2.3", "1kk", "one", "1 Gi"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
