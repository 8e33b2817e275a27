//! Quantities such as `500m`, `5Gi` and `1e3`.
//!
//! From `k8s.io/apimachinery`, `pkg/api/resource`, `quantity.go` and `suffix.go`. A fraction of a billionth counts as a whole one, and
//! a quantity with a binary suffix is at most 2^63 - 1. Any other is as large as its exponent says.

mod decimal;
mod text;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde_json::Value;
use thiserror::Error;

use decimal::Decimal;

/// Why a text is not a quantity, in the words of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// The text is empty, or a character stands where none of its kind is allowed.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Malformed,
    /// The number has no digits, with a suffix for which that does not mean zero.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// What follows the number is neither a known suffix nor an exponent.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// How a quantity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `5M`
    Decimal,
    /// `5e6`
    Exponent,
    /// `5Mi`
    Binary,
}

/// An amount of something, exact to a billionth. Two are equal if their amounts are, however they are written.
///
/// An amount of more than 38 significant digits is rounded away from zero.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    amount: Decimal,
    format: Format,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { amount: Decimal::ZERO, format: Format::Decimal };

    /// Returns a whole number of units.
    #[must_use]
    pub fn whole(number: i64) -> Self {
        Self { amount: Decimal::new(i128::from(number), 0), format: Format::Decimal }
    }

    /// Reads a quantity in JSON, which is text or a number; white space around it does not count.
    ///
    /// # Errors
    /// If the value is another one, or the text is not a quantity.
    pub fn read(value: &Value) -> Result<Self, QuantityError> {
        json_text(value).ok_or(QuantityError::Malformed)?.trim().parse()
    }

    /// Reads a quantity in JSON, or returns `None`.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        Self::read(value).ok()
    }

    /// Returns the text of a quantity in JSON as the API server stores it, or `None` if the value is not a quantity.
    ///
    /// That is the canonical form, except that the server also takes some texts as canonical that are not: with a sign (`+5`), with
    /// zeros in front (`005`), and with three places after the point (`1.005`).
    #[must_use]
    pub fn stored(value: &Value) -> Option<String> {
        let text = json_text(value)?;
        let text = text.trim();
        let quantity: Self = text.parse().ok()?;
        Some(if text::is_kept(text) { text.to_owned() } else { quantity.to_string() })
    }

    /// Returns the text of a quantity in a list of resources as the API server stores it: as [`Quantity::stored`], but in whole
    /// thousandths, to which it is rounded away from zero.
    #[must_use]
    pub fn stored_in_list(value: &Value) -> Option<String> {
        let quantity = Self::of(value)?;
        let rounded = Self { amount: quantity.amount.rounded(-3), ..quantity };
        if rounded == quantity { Self::stored(value) } else { Some(rounded.to_string()) }
    }

    /// Returns the sum. It is written as this quantity is, or as the other one if this is zero.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { amount: self.amount.plus(other.amount), format }
    }

    /// Returns the difference. It is written as this quantity is, or as the other one if this is zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(Self { amount: other.amount.negated(), ..other })
    }

    /// Rounds to a whole number, away from zero.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self { amount: self.amount.rounded(0), ..self }
    }

    /// Returns the amount in thousandths, rounded away from zero. What is out of range becomes the nearest that is not.
    #[must_use]
    pub fn thousandths(self) -> i128 {
        self.amount.rounded(-3).at_exponent(-3)
    }

    /// Returns an approximation of the amount.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.amount.to_f64()
    }

    /// Whether there is no fraction.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.amount.exponent() >= 0
    }

    /// Whether this is a whole multiple of `unit`. Nothing is a multiple of zero.
    #[must_use]
    pub fn is_multiple_of(self, unit: Self) -> bool {
        self.amount.is_multiple_of(unit.amount)
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.amount.mantissa() < 0
    }

    /// Whether the amount is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.amount.mantissa() == 0
    }
}

fn json_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        text::parse(text)
    }
}

impl Display for Quantity {
    /// Writes the canonical form: no fraction, and the largest suffix that needs none.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        text::write(*self, out)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.amount == other.amount
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.amount.compare(other.amount)
    }
}
