//! Quantities such as `500m`, `128Mi` and `1e3`, compared by value.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource/quantity.go`: a decimal number with a binary (`Ki`), decimal
//! (`k`, `m`) or exponent (`e3`) suffix. The server rounds up to billionths, and so does this.

use std::str::FromStr;

/// An amount, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It is written in another way.
    #[error(
        "a quantity is a number with an optional suffix: m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent"
    )]
    Malformed,
    /// It is well written, and too large or too exact to be compared. The server takes it as the nearest that it knows.
    #[error("the quantity is out of range")]
    TooLarge,
}

impl Quantity {
    /// The amount in billionths.
    pub fn billionths(self) -> i128 {
        self.0
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (is_negative, digits, places, scale) = read(text).ok_or(QuantityError::Malformed)?;
        amount(is_negative, &digits, places, scale).map(Self).ok_or(QuantityError::TooLarge)
    }
}

/// Whether two texts are the same quantity in two spellings.
pub fn are_equal(one: &str, other: &str) -> bool {
    matches!((one.parse::<Quantity>(), other.parse::<Quantity>()), (Ok(one), Ok(other)) if one == other)
}

/// Takes a quantity apart: whether it is negative, its digits, how many of them stand after the point, and the suffix.
fn read(text: &str) -> Option<(bool, String, usize, (i32, u32))> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    Some((is_negative, format!("{whole}{fraction}"), fraction.len(), scale(suffix)?))
}

/// The amount in billionths of `digits / 10^places`, which the suffix multiplies by a power of ten or of two.
fn amount(is_negative: bool, digits: &str, places: usize, (tens, twos): (i32, u32)) -> Option<i128> {
    let digits: i128 = digits.parse().ok()?;
    let exponent = tens.checked_add(9)?.checked_sub(i32::try_from(places).ok()?)?;
    let amount = digits.checked_mul(1_i128.checked_shl(twos)?)?;
    let amount = if exponent >= 0 {
        amount.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?
    } else {
        let divisor = 10_i128.checked_pow(exponent.unsigned_abs()).unwrap_or(i128::MAX);
        // Rounded up, away from zero.
        amount.checked_add(divisor - 1)? / divisor
    };
    Some(if is_negative { -amount } else { amount })
}

/// The power of ten and the power of two that a suffix stands for.
fn scale(suffix: &str) -> Option<(i32, u32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            (exponent.parse().ok()?, 0)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_amount_are_equal() {
        let groups: [&[&str]; 6] = [
            &["1", "1000m", "1.0", "+1", "1e0", "1E0", ".001k", "1000000000n"],
            &["128Mi", "134217728", "131072Ki", "0.125Gi", "134217728000m"],
            &["1k", "1e3", "1000"],
            &["5Gi", "5120Mi"],
            &["0", "0m", "-0", "0Ki", "0.0"],
            &["-1.5", "-1500m"],
        ];
        for group in groups {
            for other in group {
                assert!(are_equal(group[0], other), "{} and {other}", group[0]);
            }
        }
        assert!(!are_equal("1G", "1Gi"));
        assert!("2Gi".parse::<Quantity>().ok() > "2G".parse::<Quantity>().ok());
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "-", ".", "1.2.3", "Gi", "5GiB", "5 Gi", "1e", "1ee3", "five", "1,5", "0x10", "1ki", "1K"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn less_than_a_billionth_is_rounded_up() {
        assert_eq!("0.1n".parse::<Quantity>().map(Quantity::billionths), Ok(1));
    }

    #[test]
    fn what_is_too_large_to_compare_is_well_written_all_the_same() {
        for text in ["1e100", "99999999999999999999999999999999999999999", "9999999999999999999999Ei"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError::TooLarge), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_number_of_units_is_that_many_units(whole in 0_u32..1_000_000, thousandths in 0_u32..1000) {
            let parse = |text: String| text.parse::<Quantity>().map(Quantity::billionths);
            let units: [(&str, i128); 6] = [("", 1), ("k", 1000), ("M", 1_000_000), ("Ki", 1 << 10), ("Mi", 1 << 20), ("e3", 1000)];
            let value = i128::from(whole) * 1_000_000_000 + i128::from(thousandths) * 1_000_000;
            for (unit, size) in units {
                proptest::prop_assert_eq!(parse(format!("{whole}.{thousandths:03}{unit}")), Ok(value * size));
                proptest::prop_assert_eq!(parse(format!("-{whole}.{thousandths:03}{unit}")), Ok(-value * size));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+.0-9eEinumkMGTPK ]{0,24}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
