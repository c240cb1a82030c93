//! A histogram chunk with start timestamps.
#![no_main]

use promethium_chunk::{Encoding, fuzzing};

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::chunk(Encoding::HistogramSt, data));
