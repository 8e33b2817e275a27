//! The cases of Kubernetes' own `quantity_test.go`, and what its parser answered to texts that no test there has.

#![allow(clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn parse(text: &str) -> Quantity {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A text, the same amount as an exact number of billionths, and the canonical form.
const READ: [(&str, i128, &str); 92] = [
    ("0", 0, "0"),
    ("0n", 0, "0"),
    ("0Ki", 0, "0"),
    ("0T", 0, "0"),
    ("00", 0, "0"),
    ("1", 1_000_000_000, "1"),
    ("1Ki", 1_024_000_000_000, "1Ki"),
    ("8Ki", 8_192_000_000_000, "8Ki"),
    ("7Mi", 7_340_032_000_000_000, "7Mi"),
    ("6Gi", 6_442_450_944_000_000_000, "6Gi"),
    ("5Ti", 5_497_558_138_880_000_000_000, "5Ti"),
    ("4Pi", 4_503_599_627_370_496_000_000_000, "4Pi"),
    ("3Ei", 3_458_764_513_820_540_928_000_000_000, "3Ei"),
    ("100Ti", 109_951_162_777_600_000_000_000, "100Ti"),
    ("5n", 5, "5n"),
    ("4u", 4_000, "4u"),
    ("3m", 3_000_000, "3m"),
    ("8k", 8_000_000_000_000, "8k"),
    ("50k", 50_000_000_000_000, "50k"),
    ("7M", 7_000_000_000_000_000, "7M"),
    ("6G", 6_000_000_000_000_000_000, "6G"),
    ("40T", 40_000_000_000_000_000_000_000, "40T"),
    ("2P", 2_000_000_000_000_000_000_000_000, "2P"),
    ("1E", 1_000_000_000_000_000_000_000_000_000, "1E"),
    ("12E", 12_000_000_000_000_000_000_000_000_000, "12E"),
    ("1E-3", 1_000_000, "1e-3"),
    ("1e3", 1_000_000_000_000, "1e3"),
    ("1E6", 1_000_000_000_000_000, "1e6"),
    ("1e14", 100_000_000_000_000_000_000_000, "100e12"),
    ("1e13", 10_000_000_000_000_000_000_000, "10e12"),
    ("100.035k", 100_035_000_000_000, "100035"),
    ("0.001", 1_000_000, "1m"),
    ("0.0005k", 500_000_000, "500m"),
    ("0.05", 50_000_000, "50m"),
    ("0.05000", 50_000_000, "50m"),
    ("0.5e0", 500_000_000, "500e-3"),
    ("0.5e-1", 50_000_000, "50e-3"),
    ("10.035M", 10_035_000_000_000_000, "10035k"),
    ("1.2e3", 1_200_000_000_000, "1200"),
    ("1.3E+6", 1_300_000_000_000_000, "1300e3"),
    ("1.53E12", 1_530_000_000_000_000_000_000, "1530e9"),
    ("9.01", 9_010_000_000, "9010m"),
    ("7.123456M", 7_123_456_000_000_000, "7123456"),
    ("6.987654321G", 6_987_654_321_000_000_000, "6987654321"),
    ("300.2T", 300_200_000_000_000_000_000_000, "300200G"),
    ("1.01E", 1_010_000_000_000_000_000_000_000_000, "1010P"),
    // What is too exact is rounded up, what is too large is the most.
    ("3.001n", 4, "4n"),
    ("1.1E-9", 2, "2e-9"),
    ("0.0000000001", 1, "1n"),
    ("0.00000000050", 1, "1n"),
    ("0.5e-9", 1, "1e-9"),
    ("0.00000012345", 124, "124n"),
    ("1e-400", 1, "1e-9"),
    ("9Ei", 9_223_372_036_854_775_807_000_000_000, "9223372036854775807"),
    ("9223372036854775807Ki", 9_223_372_036_854_775_807_000_000_000, "9223372036854775807"),
    ("100.035Ki", 102_435_840_000_000, "102435840m"),
    ("0.5Mi", 524_288_000_000_000, "512Ki"),
    ("0.05Gi", 53_687_091_200_000_000, "53687091200m"),
    ("0.9Ki", 921_600_000_000, "921600m"),
    ("0.5Ki", 512_000_000_000, "512"),
    ("0.000000000001Ki", 2, "2n"),
    (".001Ki", 1_024_000_000, "1024m"),
    (".000001Ki", 1_024_000, "1024u"),
    (".000000001Ki", 1_024, "1024n"),
    (".001", 1_000_000, "1m"),
    (".0001k", 100_000_000, "100m"),
    ("1.", 1_000_000_000, "1"),
    ("1.G", 1_000_000_000_000_000_000, "1G"),
    ("1024Mi", 1_073_741_824_000_000_000, "1Gi"),
    ("307200Ki", 314_572_800_000_000_000, "300Mi"),
    ("1025024Mi", 1_074_815_565_824_000_000_000, "1001Gi"),
    ("1025", 1_025_000_000_000, "1025"),
    ("5000m", 5_000_000_000, "5"),
    ("1000M", 1_000_000_000_000_000_000, "1G"),
    ("0.001T", 1_000_000_000_000_000_000, "1G"),
    ("1000u", 1_000_000, "1m"),
    ("1.08", 1_080_000_000, "1080m"),
    ("1080000000n", 1_080_000_000, "1080m"),
    ("1234567m", 1_234_567_000_000, "1234567m"),
    (".001e12", 1_000_000_000_000_000_000, "1e9"),
    ("1000e-12", 1, "1e-9"),
    ("80e-3", 80_000_000, "80e-3"),
    ("1000000000000000000", 1_000_000_000_000_000_000_000_000_000, "1E"),
    ("999999999999999999.1", 999_999_999_999_999_999_100_000_000, "999999999999999999100m"),
    ("1.0000000000000000001E", 1_000_000_000_000_000_000_100_000_000, "1000000000000000000100m"),
    ("10000000000000000001", 10_000_000_000_000_000_001_000_000_000, "10000000000000000001"),
    // Texts without digits are zero.
    ("m", 0, "0"),
    ("Gi", 0, "0"),
    ("e3", 0, "0"),
    (".", 0, "0"),
    // Of the exponent, the lowest 32 bits count.
    ("1e4294967296", 1_000_000_000, "1"),
    ("1.0000000000000000000000000001Ei", 1_152_921_504_606_846_976_000_000_001, "1152921504606846976000000001n"),
];

#[test]
fn quantities_are_read_and_written_as_kubernetes_does() {
    for (text, billionths, canonical) in READ {
        for (sign, factor) in [("", 1), ("+", 1), ("-", -1)] {
            let quantity = parse(&format!("{sign}{text}"));
            assert_eq!(quantity.amount.at_exponent(-9), factor * billionths, "{sign}{text}");
            let minus = if factor < 0 && billionths != 0 { "-" } else { "" };
            assert_eq!(quantity.to_string(), format!("{minus}{canonical}"), "{sign}{text}");
            assert_eq!(parse(&quantity.to_string()), quantity, "{sign}{text}");
        }
    }
}

#[test]
fn a_text_that_is_not_a_quantity_is_rejected_in_the_words_of_the_server() {
    let malformed = ["", "1.1.M", "aoeu", " 1", "1 ", "5 Gi", "1,5", "1.2.3", "ä", "1_000", "1e3e", "1+1.0M"];
    let suffix = [
        "0.1mi",
        ".5i",
        "1i",
        "-3.01i",
        "-3.01e-",
        "1e",
        "1ee3",
        "5GiE",
        "1ki",
        "1K",
        "--1",
        "-+1",
        "1-5",
        "1kk",
        "1e99999999999999999999",
    ];
    let number = ["Pi", "-Ei", ".Ei", "e-10"];
    let cases = [
        (&malformed[..], QuantityError::Malformed),
        (&suffix[..], QuantityError::Suffix),
        (&number[..], QuantityError::Number),
    ];
    for (texts, expected) in cases {
        for text in texts {
            assert_eq!(text.parse::<Quantity>(), Err(expected), "{text}");
        }
    }
}

#[test]
fn what_64_bits_cannot_hold_is_as_large_as_it_says() {
    let cases = [
        ("1e21", "1e21"),
        ("1.5e20", "150e18"),
        ("1e40", "10e39"),
        ("1e2000000000", "100e1999999998"),
        ("1001E", "1001E"),
        // There is no suffix above E, and Kubernetes writes none.
        ("1000E", "1"),
        ("10000E", "10"),
    ];
    assert_eq!(parse("1Ki").plus(parse("1e40")).to_string(), "10");
    for (text, canonical) in cases {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
    }
    let rising = ["-1e300", "-1e40", "-1n", "0", "1n", "9Ei", "12E", "1e40", "2e40", "1e41", "1e2000000000"];
    for (position, text) in rising.iter().enumerate() {
        for (other_position, other) in rising.iter().enumerate() {
            assert_eq!(parse(text).cmp(&parse(other)), position.cmp(&other_position), "{text} and {other}");
        }
    }
    // More than 38 digits are rounded away from zero.
    let long = "9".repeat(60);
    assert!(parse(&long) >= parse("1e59") && parse(&long) <= parse("1e60"));
}

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
            assert_eq!(parse(group[0]), parse(other), "{} and {other}", group[0]);
        }
    }
    assert_ne!(parse("1G"), parse("1Gi"));
}

#[test]
fn sums_keep_the_way_in_which_the_first_one_is_written() {
    let sums = [
        ("10", "1e1", "20"),
        ("10", "1Ki", "1034"),
        ("1Ki", "1k", "2024"),
        ("1Ki", "1024", "2Ki"),
        ("0", "1Gi", "1Gi"),
        ("1Gi", "0", "1Gi"),
        ("100m", "0", "100m"),
        ("1e3", "1", "1001"),
        ("1e3", "1k", "2e3"),
        ("1e300", "1", "1e300"),
        ("1", "1e300", "1"),
    ];
    for (one, other, sum) in &sums[..10] {
        assert_eq!(parse(one).plus(parse(other)).to_string(), *sum, "{one} + {other}");
    }
    assert_eq!(parse("1").plus(parse("1e300")), parse("1e300"));
    let differences =
        [("10", "10", "0"), ("10Ki", "1Ki", "9Ki"), ("0", "50", "-50"), ("0", "1Gi", "-1Gi"), ("1", "1m", "999m")];
    for (one, other, difference) in differences {
        assert_eq!(parse(one).minus(parse(other)).to_string(), difference, "{one} - {other}");
    }
}

#[test]
fn rounding_goes_away_from_zero() {
    let cases = [
        ("9.01", "10", 9010),
        ("-9.01", "-10", -9010),
        ("1n", "1", 1),
        ("-1n", "-1", -1),
        ("5", "5", 5000),
        ("0", "0", 0),
    ];
    for (text, rounded, thousandths) in cases {
        assert_eq!(parse(text).rounded(), parse(rounded), "{text}");
        assert_eq!(parse(text).thousandths(), thousandths, "{text}");
        assert_eq!(parse(text).is_whole(), parse(text) == parse(rounded), "{text}");
    }
    assert_eq!(parse("1e100").thousandths(), i128::MAX);
    assert_eq!(parse("-1e100").thousandths(), i128::MIN);
}

#[test]
fn a_multiple_is_so_many_whole_units() {
    let cases = [
        ("4Mi", "2Mi", true),
        ("3Mi", "2Mi", false),
        ("0", "2Mi", true),
        ("1", "0", false),
        ("1", "1m", true),
        ("-4", "2", true),
        ("6e100", "3", true),
        ("5e100", "3", false),
        ("1e100", "8", true),
    ];
    for (text, unit, expected) in cases {
        assert_eq!(parse(text).is_multiple_of(parse(unit)), expected, "{text} of {unit}");
    }
}

#[test]
fn some_texts_that_are_not_canonical_are_stored_all_the_same() {
    let cases = [
        (json!("+5"), Some("+5")),
        (json!("005"), Some("005")),
        (json!("1.005"), Some("1.005")),
        (json!("1e+3"), Some("1e+3")),
        (json!("+5Ki"), Some("+5Ki")),
        (json!("5.Ki"), Some("5.Ki")),
        (json!("-1.Ki"), Some("-1.Ki")),
        (json!("1e4294967296"), Some("1e4294967296")),
        (json!(" 1 "), Some("1")),
        (json!("1000m"), Some("1")),
        (json!("0.5"), Some("500m")),
        (json!("0.005"), Some("5m")),
        (json!("1.0"), Some("1")),
        (json!("1.000"), Some("1")),
        (json!("+8Ki"), Some("8Ki")),
        (json!("0123456789012345678901"), Some("123456789012345678901")),
        (json!(1), Some("1")),
        (json!(1.5), Some("1500m")),
        (json!("1Kb"), None),
        (json!(true), None),
        (Value::Null, None),
    ];
    for (value, expected) in cases {
        assert_eq!(Quantity::stored(&value).as_deref(), expected, "{value}");
    }
}

#[test]
fn a_list_of_resources_has_whole_thousandths() {
    let cases = [
        ("0.1n", "1m"),
        ("1e-400", "1e-3"),
        ("1.0005", "1001m"),
        ("1.000001", "1001m"),
        ("-1n", "-1m"),
        ("1.005", "1.005"),
        ("1.0000", "1"),
        ("5m", "5m"),
        ("0.5Gi", "512Mi"),
        ("100.0351Ki", "102435943m"),
    ];
    for (text, expected) in cases {
        assert_eq!(Quantity::stored_in_list(&json!(text)).as_deref(), Some(expected), "{text}");
    }
    assert_eq!(Quantity::stored_in_list(&json!("x")), None);
}

proptest! {
    #[test]
    fn a_number_of_units_is_that_many_units(whole in 0_u32..1_000_000, thousandths in 0_u32..1000) {
        let units: [(&str, i128); 6] =
            [("", 1), ("k", 1000), ("M", 1_000_000), ("Ki", 1 << 10), ("Mi", 1 << 20), ("e3", 1000)];
        let value = i128::from(whole) * 1_000_000_000 + i128::from(thousandths) * 1_000_000;
        for (unit, size) in units {
            let billionths = |sign: &str| parse(&format!("{sign}{whole}.{thousandths:03}{unit}")).amount.at_exponent(-9);
            prop_assert_eq!(billionths(""), value * size);
            prop_assert_eq!(billionths("-"), -value * size);
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_every_canonical_form_is_stable(one in "[-+.0-9eEinumkMGTPK]{0,24}", other in "[-+.0-9eEim]{0,12}") {
        let Ok(quantity) = one.parse::<Quantity>() else { return Ok(()) };
        let canonical = quantity.to_string();
        prop_assert_eq!(parse(&canonical).to_string(), canonical);
        let _ = (quantity.rounded(), quantity.thousandths(), quantity.to_f64(), Quantity::stored(&json!(one)));
        if let Ok(other) = other.parse::<Quantity>() {
            prop_assert_eq!(quantity.cmp(&other), other.cmp(&quantity).reverse());
            let _ = (quantity.plus(other), quantity.minus(other), quantity.is_multiple_of(other));
        }
    }
}
