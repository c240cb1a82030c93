//! One WAL record.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_tsdb::fuzzing::wal_record(data));
