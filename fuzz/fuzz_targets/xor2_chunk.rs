//! An XOR2 chunk.
#![no_main]

use promethium_chunk::{Encoding, fuzzing};

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::chunk(Encoding::Xor2, data));
