//! Bodies of the fuzz targets: what must hold for any bytes. The seeds under `fuzz-corpus/` run as tests.

use promethium_model::SampleBatch;

use crate::{XorAppender, decode_xor};

/// Any bytes decode to samples that survive another round, or are refused.
///
/// # Panics
///
/// When that does not hold.
pub fn xor_chunk(data: &[u8]) {
    let mut first = SampleBatch::new();
    if decode_xor(data, &mut first).is_err() {
        assert!(first.is_empty(), "a failed decode leaves nothing");
        return;
    }
    let mut chunk = XorAppender::new();
    first.timestamps.iter().zip(&first.floats).for_each(|(t, v)| chunk.push(*t, *v));
    let mut second = SampleBatch::new();
    if !first.is_empty() {
        decode_xor(chunk.bytes(), &mut second).expect("what was just written");
    }
    let bits = |batch: &SampleBatch| batch.floats.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!((&first.timestamps, bits(&first)), (&second.timestamps, bits(&second)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_corpus_holds() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus/xor_chunk");
        let seeds: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(seeds.len() >= 4, "{} seeds in {}", seeds.len(), dir.display());
        seeds.iter().for_each(|seed| xor_chunk(&std::fs::read(seed).unwrap()));
    }
}
