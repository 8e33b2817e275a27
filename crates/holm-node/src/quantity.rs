//! Amounts of resources, as `k8s.io/apimachinery`, `pkg/api/resource/quantity.go` writes them.

/// An amount in thousandths; none if the text is no quantity. Fractions of a thousandth count as a whole one.
pub(crate) fn thousandths(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (mut digits, suffix) = text.split_at(end);
    // An exponent takes its sign along.
    let factor: Factor = match suffix {
        "" => Factor::Ten(0),
        "n" => Factor::Ten(-9),
        "u" => Factor::Ten(-6),
        "m" => Factor::Ten(-3),
        "k" => Factor::Ten(3),
        "M" => Factor::Ten(6),
        "G" => Factor::Ten(9),
        "T" => Factor::Ten(12),
        "P" => Factor::Ten(15),
        "E" => Factor::Ten(18),
        "Ki" => Factor::Two(10),
        "Mi" => Factor::Two(20),
        "Gi" => Factor::Two(30),
        "Ti" => Factor::Two(40),
        "Pi" => Factor::Two(50),
        "Ei" => Factor::Two(60),
        other => Factor::Ten(other.strip_prefix(['e', 'E'])?.parse().ok().filter(|power| (-9..=18).contains(power))?),
    };
    let negative = digits.starts_with('-');
    digits = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 18 {
        return None;
    }
    // In units of 10^-(fraction), then to thousandths.
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let (number, power) = match factor {
        Factor::Ten(power) => (number, power - places + 3),
        Factor::Two(power) => (number.checked_mul(1 << power)?, 3 - places),
    };
    let ten = |power: i32| 10_i128.checked_pow(power.unsigned_abs());
    let scaled = if power >= 0 { number.checked_mul(ten(power)?)? } else { divide_up(number, ten(power)?) };
    Some(if negative { -scaled } else { scaled })
}

enum Factor {
    Ten(i32),
    Two(u32),
}

fn divide_up(number: i128, divisor: i128) -> i128 {
    number / divisor + i128::from(number % divisor != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_every_form() {
        let cases = [
            ("1", Some(1000)),
            ("100m", Some(100)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("1.5Gi", Some(1_610_612_736_000)),
            ("10k", Some(10_000_000)),
            ("1e3", Some(1_000_000)),
            ("1E", Some(1_000_000_000_000_000_000_000)),
            ("1u", Some(1)),
            ("-2", Some(-2000)),
            ("", None),
            ("one", None),
            ("1Kb", None),
        ];
        for (text, expected) in cases {
            assert_eq!(thousandths(text), expected, "{text:?}");
        }
    }
}
