//! Answers that are compressed.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::error::Trouble;

/// The longest answer, unpacked. A page of a list has at most 500 objects of 1.5 MiB.
const LONGEST: u64 = 1 << 30;

/// Returns a body as it was before it was compressed.
pub(super) fn unpacked(headers: &HeaderMap, body: Vec<u8>) -> Result<Vec<u8>, Trouble> {
    let encoding = headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some(b"" | b"identity") => Ok(body),
        Some(b"gzip" | b"x-gzip") => {
            let mut text = Vec::with_capacity(body.len().saturating_mul(4));
            let mut decoder = MultiGzDecoder::new(body.as_slice()).take(LONGEST + 1);
            match decoder.read_to_end(&mut text) {
                Ok(_) if text.len() as u64 <= LONGEST => Ok(text),
                Ok(_) => Err(Trouble::Malformed(format!("it is longer than {} MiB", LONGEST >> 20))),
                Err(error) => Err(Trouble::Malformed(format!("it is not gzip: {error}"))),
            }
        }
        Some(other) => {
            let name = String::from_utf8_lossy(other).into_owned();
            Err(Trouble::Malformed(format!("it is compressed with {name}, which was not asked for")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn headers(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).and_then(|()| encoder.finish()).expect("memory does not fail")
    }

    #[test]
    fn bodies_are_unpacked_and_what_is_not_is_said() {
        let text = b"{\"kind\":\"ConfigMapList\"}".repeat(1000);
        let several = [packed(&text[..9]), packed(&text[9..])].concat();
        for (encoding, body) in [("gzip", packed(&text)), ("GZIP", several), ("identity", text.clone())] {
            assert_eq!(unpacked(&headers(encoding), body), Ok(text.clone()), "{encoding}");
        }
        assert_eq!(unpacked(&HeaderMap::new(), text.clone()), Ok(text.clone()));
        let mut cut = packed(&text);
        cut.truncate(cut.len() / 2);
        for (encoding, body) in [("gzip", cut), ("gzip", text.clone()), ("br", text)] {
            assert!(matches!(unpacked(&headers(encoding), body), Err(Trouble::Malformed(_))), "{encoding}");
        }
    }
}
