//! One WAL record.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_wal::fuzzing::wal_record(data));
