//! The query of a request.

use std::num::{IntErrorKind, ParseIntError};

use percent_encoding::percent_decode_str;

use crate::error::ApiError;
use crate::go;

/// The parameters of a query, in their order; a parameter may occur more than once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub fn parse(text: &str) -> Self {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self { pairs: pairs.collect() }
    }

    /// The first value of a parameter that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter, which may be empty.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The whole number that a parameter is.
    ///
    /// From `k8s.io/apimachinery`, `pkg/runtime/conversion.go` (`Convert_Slice_string_To_int64`).
    pub fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.first(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|error| ApiError::bad_request(not_a_number("ParseInt", text, &error)))
    }

    /// Whether a parameter is set to something else than false; nothing if it is not there.
    ///
    /// From `k8s.io/apimachinery`, `pkg/runtime/conversion.go` (`Convert_Slice_string_To_bool`).
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.first(name).map(|text| text != "0" && !text.eq_ignore_ascii_case("false"))
    }

    /// All values of a parameter.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a parameter is there and not false.
    pub fn is_set(&self, name: &str) -> bool {
        self.flag(name).unwrap_or_default()
    }
}

/// Why a text is no number, as a Go program says it.
fn not_a_number(function: &str, text: &str, error: &ParseIntError) -> String {
    let problem = match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {}: {problem}", go::quoted(text))
}

/// A version of an object or a list, or why it is none.
///
/// From `k8s.io/apiserver`, `pkg/storage/api_object_versioner.go` (`ParseResourceVersion`).
pub(crate) fn resource_version(text: &str) -> Result<u64, String> {
    let number = if text.starts_with('+') { "x".parse() } else { text.parse() };
    number.map_err(|error| {
        let problem = not_a_number("ParseUint", text, &error);
        format!("resourceVersion: Invalid value: {}: {problem}", go::quoted(text))
    })
}
