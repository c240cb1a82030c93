//! A request to the HTTP API.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_api::fuzzing::request(data));
