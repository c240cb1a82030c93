//! A float histogram chunk.
#![no_main]

use promethium_chunk::{Encoding, fuzzing};

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::chunk(Encoding::FloatHistogram, data));
