//! Decimal numbers of 38 digits and any exponent.

use std::cmp::Ordering;

/// `mantissa * 10^exponent`, in one form only: the mantissa does not end with a zero digit, and zero has the exponent zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    pub(super) const ZERO: Self = Self { mantissa: 0, exponent: 0 };

    pub(super) fn new(mut mantissa: i128, mut exponent: i32) -> Self {
        if mantissa == 0 {
            return Self::ZERO;
        }
        while mantissa % 10 == 0 && exponent < i32::MAX {
            mantissa /= 10;
            exponent += 1;
        }
        Self { mantissa, exponent }
    }

    /// Reads digits, which are then multiplied by a power of ten. Those that do not fit are rounded away from zero.
    pub(super) fn of_digits(digits: impl Iterator<Item = u8>, mut exponent: i32) -> Self {
        let mut mantissa: i128 = 0;
        let (mut is_full, mut is_inexact) = (false, false);
        for digit in digits {
            let digit = i128::from(digit - b'0');
            let more = mantissa.checked_mul(10).and_then(|number| number.checked_add(digit));
            match more.filter(|_| !is_full) {
                Some(more) => mantissa = more,
                None => {
                    is_full = true;
                    is_inexact |= digit != 0;
                    exponent = exponent.saturating_add(1);
                }
            }
        }
        Self::new(mantissa.saturating_add(i128::from(is_inexact)), exponent)
    }

    pub(super) fn mantissa(self) -> i128 {
        self.mantissa
    }

    pub(super) fn exponent(self) -> i32 {
        self.exponent
    }

    pub(super) fn negated(self) -> Self {
        Self { mantissa: self.mantissa.saturating_neg(), ..self }
    }

    /// Multiplies by a power of two. What does not fit is rounded away from zero.
    pub(super) fn times_two_to(self, power: u32) -> Self {
        let mut product = self;
        for _ in 0..power {
            if product.mantissa.checked_mul(2).is_none() {
                product = product.rounded(product.exponent.saturating_add(1));
            }
            product = Self::new(product.mantissa.saturating_mul(2), product.exponent);
        }
        product
    }

    /// Rounds away from zero to a multiple of `10^exponent`.
    pub(super) fn rounded(self, exponent: i32) -> Self {
        let places = i64::from(exponent) - i64::from(self.exponent);
        if places <= 0 || self.mantissa == 0 {
            return self;
        }
        let sign = self.mantissa.signum();
        match power_of_ten(places) {
            // A mantissa that does not end with a zero is never a multiple.
            Some(divisor) => Self::new(self.mantissa / divisor + sign, exponent),
            None => Self::new(sign, exponent),
        }
    }

    /// The number in units of `10^exponent`, without what is smaller than one of them, and not beyond what can be counted.
    pub(super) fn at_exponent(self, exponent: i32) -> i128 {
        let places = i64::from(self.exponent) - i64::from(exponent);
        if places < 0 {
            return power_of_ten(-places).map_or(0, |divisor| self.mantissa / divisor);
        }
        let most = if self.mantissa < 0 { i128::MIN } else { i128::MAX };
        scaled(self.mantissa, places).unwrap_or(most)
    }

    /// The number, if it is whole and can be counted.
    pub(super) fn whole(self) -> Option<i128> {
        if self.exponent < 0 { None } else { scaled(self.mantissa, i64::from(self.exponent)) }
    }

    pub(super) fn to_f64(self) -> f64 {
        self.mantissa as f64 * 10_f64.powi(self.exponent)
    }

    /// Both in units of the smaller exponent, if they can be counted in it.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let exponent = match (self.mantissa, other.mantissa) {
            (0, _) => other.exponent,
            (_, 0) => self.exponent,
            _ => self.exponent.min(other.exponent),
        };
        let scaled = |number: Self| scaled(number.mantissa, i64::from(number.exponent) - i64::from(exponent));
        Some((scaled(self)?, scaled(other)?, exponent))
    }

    /// The sum. Of two that are too far apart to be counted together, the smaller one is lost.
    pub(super) fn plus(self, other: Self) -> Self {
        let sum = self.aligned(other).and_then(|(one, other, exponent)| Some((one.checked_add(other)?, exponent)));
        match sum {
            Some((mantissa, exponent)) => Self::new(mantissa, exponent),
            None if self.magnitude() >= other.magnitude() => self,
            None => other,
        }
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        if let Some((one, other, _)) = self.aligned(other) {
            return one.cmp(&other);
        }
        let by_sign = self.mantissa.signum().cmp(&other.mantissa.signum());
        let by_size = self.magnitude().cmp(&other.magnitude());
        by_sign.then(if self.mantissa < 0 { by_size.reverse() } else { by_size })
    }

    /// How many digits stand before the point.
    fn magnitude(self) -> i64 {
        let digits = self.mantissa.unsigned_abs().checked_ilog10().map_or(0, |log| i64::from(log) + 1);
        digits + i64::from(self.exponent)
    }

    pub(super) fn is_multiple_of(self, unit: Self) -> bool {
        if unit.mantissa == 0 {
            return false;
        }
        match self.aligned(unit) {
            Some((number, unit, _)) => number % unit == 0,
            // They are too far apart to be counted together. A power of ten so large has every factor two and five of the unit.
            None => self.exponent > unit.exponent && self.mantissa % without_two_and_five(unit.mantissa) == 0,
        }
    }
}

fn power_of_ten(places: i64) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(places).ok()?)
}

fn scaled(mantissa: i128, places: i64) -> Option<i128> {
    if mantissa == 0 {
        return Some(0);
    }
    mantissa.checked_mul(power_of_ten(places)?)
}

fn without_two_and_five(mut number: i128) -> i128 {
    for factor in [2, 5] {
        while number % factor == 0 {
            number /= factor;
        }
    }
    number
}
