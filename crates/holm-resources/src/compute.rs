//! CPU and memory, as two types, so that one cannot stand in the place of the other.

use std::fmt;
use std::str::FromStr;

use holm_values::Quantity;

/// An amount of CPU time.
///
/// ```
/// use holm_resources::Cpu;
///
/// assert_eq!(Cpu::millis(250).to_string(), "250m");
/// assert_eq!(Cpu::cores(2), "2".parse()?);
/// assert!("128Mi".parse::<Cpu>().is_err());
/// # Ok::<(), holm_resources::QuantityError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu(String);

/// An amount of memory.
///
/// ```
/// use holm_resources::Memory;
///
/// assert_eq!(Memory::mebibytes(128).to_string(), "128Mi");
/// assert_eq!(Memory::gibibytes(1), "1Gi".parse()?);
/// assert!("500m".parse::<Memory>().is_err());
/// # Ok::<(), holm_resources::QuantityError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory(String);

/// Why a text is not an amount of CPU or memory. Holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an amount of {what}: {rule}")]
pub struct QuantityError {
    text: String,
    what: &'static str,
    rule: String,
}

impl Cpu {
    /// Whole cores.
    pub fn cores(number: u32) -> Self {
        Self(number.to_string())
    }

    /// Thousandths of a core.
    pub fn millis(number: u32) -> Self {
        if number.is_multiple_of(1000) { Self::cores(number / 1000) } else { Self(format!("{number}m")) }
    }

    /// The text in an object.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Memory {
    /// Units of 2^20 bytes.
    pub fn mebibytes(number: u32) -> Self {
        Self(format!("{number}Mi"))
    }

    /// Units of 2^30 bytes.
    pub fn gibibytes(number: u32) -> Self {
        Self(format!("{number}Gi"))
    }

    /// The text in an object.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cpu {
    type Err = QuantityError;

    /// Reads a number of cores, such as `0.5`, or of thousandths, such as `500m`. Other suffixes are those of bytes.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let number = text.strip_suffix('m').unwrap_or(text);
        if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            let rule = "give cores, such as 0.5, or thousandths of a core, such as 500m".to_owned();
            return Err(QuantityError { text: text.to_owned(), what: "CPU", rule });
        }
        checked(text, "CPU").map(Self)
    }
}

impl FromStr for Memory {
    type Err = QuantityError;

    /// Reads a number of bytes with a suffix, such as `128Mi`. Fractions of a byte are none.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.ends_with(['m', 'u', 'n']) || text.starts_with('-') {
            let rule = "give bytes, such as 128Mi or 1Gi".to_owned();
            return Err(QuantityError { text: text.to_owned(), what: "memory", rule });
        }
        checked(text, "memory").map(Self)
    }
}

fn checked(text: &str, what: &'static str) -> Result<String, QuantityError> {
    // The API server takes a suffix alone as nothing of it.
    let is_number = text.bytes().any(|byte| byte.is_ascii_digit());
    match text.parse::<Quantity>() {
        Ok(_) if is_number => Ok(text.to_owned()),
        Ok(_) => Err(QuantityError { text: text.to_owned(), what, rule: "it has no number".to_owned() }),
        Err(error) => Err(QuantityError { text: text.to_owned(), what, rule: error.to_string() }),
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_one_is_not_an_amount_of_the_other() {
        for text in ["128Mi", "1Gi", "1k", "1e3", "-1", "", "1.1.1", "m", " 1"] {
            assert!(text.parse::<Cpu>().is_err(), "{text:?} as CPU");
        }
        for text in ["500m", "1n", "-1Gi", "", "5GB", "1.1.1Mi"] {
            assert!(text.parse::<Memory>().is_err(), "{text:?} as memory");
        }
        for text in ["0", "2", "0.5", "500m"] {
            assert!(text.parse::<Cpu>().is_ok(), "{text:?} as CPU");
        }
        for text in ["0", "1000", "128Mi", "1.5Gi", "128M", "1e9"] {
            assert!(text.parse::<Memory>().is_ok(), "{text:?} as memory");
        }
        let error = "128Mi".parse::<Cpu>().expect_err("these are bytes");
        insta::assert_snapshot!(error, @r#""128Mi" is not an amount of CPU: give cores, such as 0.5, or thousandths of a core, such as 500m"#);
    }
}
