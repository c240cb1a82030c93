//! Bodies of the fuzz targets: what must hold for any bytes. The seeds under `fuzz-corpus/` run as tests.

use promethium_model::SampleBatch;

use crate::{Encoding, Encodings, SplitRule, decode, encode, sample_count};

/// Any bytes decode to samples that survive another round, or are refused.
///
/// # Panics
///
/// When that does not hold.
pub fn chunk(encoding: Encoding, data: &[u8]) {
    let mut first = SampleBatch::new();
    if decode(encoding, data, &mut first).is_err() {
        assert_eq!(first, SampleBatch::new(), "a failed decode leaves nothing");
        return;
    }
    assert_eq!(first.len(), sample_count(encoding, data));
    let encodings =
        Encodings { xor2: encoding == Encoding::Xor2, histogram_start_timestamps: encoding.has_start_timestamps() };
    let mut second = SampleBatch::new();
    for chunk in encode(&first, encodings, SplitRule::UNLIMITED) {
        decode(chunk.encoding, &chunk.data, &mut second).expect("what was just written");
    }
    assert_eq!(numbers(&first), numbers(&second));
}

/// Start timestamp, timestamp and the bits of value, count, zero count and sum. Buckets are left out: those of a histogram
/// that is not valid need not survive.
fn numbers(batch: &SampleBatch) -> Vec<(i64, i64, [u64; 4])> {
    let mut histograms = batch.histograms.iter().peekable();
    let rows = batch.timestamps.iter().zip(&batch.floats).enumerate();
    rows.map(|(row, (t, v))| {
        let start = batch.start_timestamps.get(row).copied().unwrap_or(0);
        let h = histograms.next_if(|(at, _)| *at as usize == row).map(|(_, h)| h.to_float());
        let [count, zero_count, sum] = h.map_or([0.0; 3], |h| [h.count, h.zero_count, h.sum]);
        (start, *t, [*v, count, zero_count, sum].map(f64::to_bits))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_corpora_hold() {
        for (encoding, folder) in [
            (Encoding::Xor, "xor_chunk"),
            (Encoding::Xor2, "xor2_chunk"),
            (Encoding::Histogram, "histogram_chunk"),
            (Encoding::FloatHistogram, "float_histogram_chunk"),
            (Encoding::HistogramSt, "histogram_st_chunk"),
            (Encoding::FloatHistogramSt, "float_histogram_st_chunk"),
        ] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus").join(folder);
            let seeds: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(seeds.len() >= 4, "{} seeds in {}", seeds.len(), dir.display());
            seeds.iter().for_each(|seed| chunk(encoding, &std::fs::read(seed).unwrap()));
        }
    }
}
