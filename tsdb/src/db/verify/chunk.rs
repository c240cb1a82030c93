//! One chunk: whether it decodes, to samples of its time.

use promethium_chunk::{Encoding, decode};
use promethium_model::{SampleBatch, TimeRange};

/// Decodes a chunk into `samples`, and says what is wrong with it.
pub(super) fn check_chunk(
    encoding: u8,
    data: &[u8],
    range: TimeRange,
    samples: &mut SampleBatch,
) -> Result<(), String> {
    samples.clear();
    let encoding = Encoding::try_from(encoding).map_err(|e| e.to_string())?;
    decode(encoding, data, samples).map_err(|e| e.to_string())?;
    check_times(&samples.timestamps, range)
}

fn check_times(times: &[i64], range: TimeRange) -> Result<(), String> {
    let Some((first, last)) = times.first().zip(times.last()) else { return Ok(()) };
    if !times.is_sorted_by(|a, b| a < b) {
        return Err("the times of a chunk do not ascend".to_owned());
    }
    if *first < range.min_ms || *last > range.max_ms {
        return Err(format!("a chunk of {first} to {last}, expected {} to {}", range.min_ms, range.max_ms));
    }
    Ok(())
}
