//! Compression of answers, for clients that ask for it.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use promethium_model::{QueryCx, StorageError};

use crate::error::ApiError;
use crate::response::ApiResponse;

/// Bodies below this many bytes gain nothing.
const MIN_BYTES: usize = 1_024;
/// Bytes that are compressed between two looks at deadline and cancellation.
const CHECK_EVERY: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
}

impl Encoding {
    fn as_str(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
        }
    }
}

/// Compresses the body when the client wants it. The result is held in memory next to the original, which is larger.
pub(crate) fn compressed(response: ApiResponse, accept_encoding: Option<&str>, cx: &QueryCx) -> ApiResponse {
    let Some(encoding) = accept_encoding.and_then(negotiated) else { return response };
    if response.body.len() < MIN_BYTES {
        return response;
    }
    match encode(&response.body, encoding, cx) {
        Ok(Some(body)) => ApiResponse { body, ..response }
            .with_header("Content-Encoding", encoding.as_str())
            .with_header("Vary", "Accept-Encoding"),
        Ok(None) => response,
        Err(error) => ApiResponse::error(&ApiError::Query(error.into())),
    }
}

/// The first coding that is known by its bare name: an item with a weight is not understood, as in Prometheus.
fn negotiated(accept_encoding: &str) -> Option<Encoding> {
    accept_encoding.split(',').find_map(|item| match item.trim() {
        "gzip" => Some(Encoding::Gzip),
        "deflate" => Some(Encoding::Deflate),
        _ => None,
    })
}

/// `None` if writing to memory failed, which it cannot: then the plain body is as good.
fn encode(body: &[u8], encoding: Encoding, cx: &QueryCx) -> Result<Option<Vec<u8>>, StorageError> {
    let out = Vec::with_capacity(body.len() / 4);
    match encoding {
        Encoding::Gzip => write_all(GzEncoder::new(out, Compression::fast()), body, cx, GzEncoder::finish),
        Encoding::Deflate => write_all(ZlibEncoder::new(out, Compression::fast()), body, cx, ZlibEncoder::finish),
    }
}

fn write_all<E: Write>(
    mut encoder: E,
    body: &[u8],
    cx: &QueryCx,
    finish: fn(E) -> io::Result<Vec<u8>>,
) -> Result<Option<Vec<u8>>, StorageError> {
    for some in body.chunks(CHECK_EVERY) {
        cx.check()?;
        if encoder.write_all(some).is_err() {
            return Ok(None);
        }
    }
    Ok(finish(encoder).ok())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_first_known_name_wins() {
        for (header, encoding) in [
            ("gzip", Some(Encoding::Gzip)),
            ("br, deflate , gzip", Some(Encoding::Deflate)),
            ("gzip;q=1.0, deflate", Some(Encoding::Deflate)),
            ("zstd", None),
            ("", None),
        ] {
            assert_eq!(negotiated(header), encoding, "{header}");
        }
    }

    #[test]
    fn large_bodies_are_compressed_and_read_back() {
        let text = "up ".repeat(1_000);
        let plain = ApiResponse::text(200, &text);
        let cx = QueryCx::unlimited();
        assert_eq!(compressed(plain.clone(), None, &cx), plain);
        assert_eq!(compressed(ApiResponse::text(200, "up"), Some("gzip"), &cx).body, b"up");

        let gzip = compressed(plain.clone(), Some("gzip"), &cx);
        assert_eq!(gzip.header("content-encoding"), Some("gzip"));
        let mut read = String::new();
        flate2::read::GzDecoder::new(gzip.body.as_slice()).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);

        let deflate = compressed(plain.clone(), Some("deflate"), &cx);
        read.clear();
        flate2::read::ZlibDecoder::new(deflate.body.as_slice()).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);

        cx.cancel();
        assert_eq!(compressed(plain, Some("gzip"), &cx).status, 499);
    }
}
