//! Compressed bodies.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use crate::error::FetchError;

/// Decompresses a gzip body. Stops as soon as there are `limit` bytes, so that a small body cannot grow without bound.
///
/// # Errors
///
/// [`FetchError::BodySizeLimit`] when the result would have `limit` bytes or more, [`FetchError::Decompress`] when
/// the body is damaged.
pub fn gunzip(compressed: &[u8], limit: usize) -> Result<Bytes, FetchError> {
    let mut body = Vec::with_capacity(compressed.len().saturating_mul(4).min(limit));
    let bound = u64::try_from(limit).unwrap_or(u64::MAX);
    MultiGzDecoder::new(compressed)
        .take(bound)
        .read_to_end(&mut body)
        .map_err(|error| FetchError::Decompress { message: error.to_string() })?;
    if body.len() >= limit {
        return Err(FetchError::BodySizeLimit { limit });
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body)?;
        encoder.finish()
    }

    #[test]
    fn the_limit_is_on_what_comes_out() -> std::io::Result<()> {
        let bomb = gzip(&vec![b'a'; 1 << 20])?;
        assert!(bomb.len() < 2_000);
        assert_eq!(gunzip(&bomb, 1 << 20), Err(FetchError::BodySizeLimit { limit: 1 << 20 }));
        assert_eq!(gunzip(&bomb, (1 << 20) + 1).map(|b| b.len()), Ok(1 << 20));
        assert_eq!(gunzip(&bomb, 10), Err(FetchError::BodySizeLimit { limit: 10 }));
        Ok(())
    }

    #[test]
    fn damage_is_an_error() -> std::io::Result<()> {
        let mut body = gzip(b"up 1\n")?;
        body.pop();
        assert!(matches!(gunzip(&body, 100), Err(FetchError::Decompress { .. })));
        assert!(matches!(gunzip(b"up 1\n", 100), Err(FetchError::Decompress { .. })));
        Ok(())
    }
}
