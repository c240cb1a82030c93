//! Bodies of the fuzz targets. `cargo test` replays the corpus over them.

use crate::Event;
use crate::text::Decoder;

/// Decodes a page twice: in full, and a second time knowing every series of the first. Both must say the same, and
/// every sample must be usable.
///
/// # Panics
///
/// When the two disagree: that is what fuzzing looks for.
pub fn text(page: &[u8]) {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut readings = Vec::new();
    let mut decoder = Decoder::new(page);
    let first_end = loop {
        match decoder.next_event() {
            Ok(Some(Event::Sample(sample))) => {
                seen.push(sample.series_bytes().to_vec());
                readings.push((sample.value.to_bits(), sample.timestamp_ms));
                drop(sample.series().to_labels());
            }
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let mut again = Decoder::new(page);
    let mut readings = readings.into_iter();
    let second_end = loop {
        match again.next_event_knowing(|series: &[u8]| seen.iter().any(|s| s == series)) {
            Ok(Some(Event::Known(known))) => {
                assert_eq!(readings.next(), Some((known.value.to_bits(), known.timestamp_ms)));
            }
            Ok(Some(Event::Sample(sample))) => {
                assert_eq!(readings.next(), Some((sample.value.to_bits(), sample.timestamp_ms)));
            }
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert_eq!(first_end, second_end);
    assert_eq!(readings.next(), None);
}
