//! The file `tombstones`: `u32 magic · u8 1 · (uvarint series · varint min · varint max)* · u32 crc of these`.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use promethium_vfs::{Vfs, is_no_file, read_file, replace_file};

use super::{Interval, Intervals};
use crate::bytes::{Cursor, check_crc, ends_early, put_uvarint, put_varint};
use crate::error::{BlockError, Fault, Part};

/// The name of the file.
pub const TOMBSTONES_FILE: &str = "tombstones";

const MAGIC: u32 = 0x0130_ba30;
const VERSION: u8 = 1;
const HEADER_LEN: usize = 5;
/// A bound on what is read: some hundred million intervals.
const MAX_FILE_BYTES: u64 = 2 << 30;

/// What is deleted of a block: intervals of time, by series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstones {
    by_series: BTreeMap<u64, Intervals>,
}

impl Tombstones {
    /// Nothing is deleted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is deleted of a series.
    #[must_use]
    pub fn of(&self, series: u64) -> Option<&Intervals> {
        self.by_series.get(&series)
    }

    /// Deletes an interval of a series.
    pub fn add(&mut self, series: u64, interval: Interval) {
        self.by_series.entry(series).or_default().add(interval);
    }

    /// Intervals of all series.
    #[must_use]
    pub fn interval_count(&self) -> u64 {
        self.by_series.values().map(|i| i.len() as u64).sum()
    }

    /// Whether nothing is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_series.is_empty()
    }

    /// Series and what is deleted of them, by series.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Intervals)> {
        self.by_series.iter().map(|(series, intervals)| (*series, intervals))
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut file = MAGIC.to_be_bytes().to_vec();
        file.push(VERSION);
        let mut stones = Vec::new();
        for (series, intervals) in self.iter() {
            for interval in intervals.as_slice() {
                put_uvarint(&mut stones, series);
                put_varint(&mut stones, interval.min_ms);
                put_varint(&mut stones, interval.max_ms);
            }
        }
        file.extend_from_slice(&stones);
        file.extend_from_slice(&crc32c::crc32c(&stones).to_be_bytes());
        file
    }

    pub(crate) fn decode(file: &[u8]) -> Result<Self, Fault> {
        let mut bytes = Cursor::new(file);
        let (magic, version) = bytes.u32().zip(bytes.u8()).ok_or_else(|| ends_early(0))?;
        if magic != MAGIC || version != VERSION {
            return Err(Fault::new(0, format!("invalid magic number {magic:08x} or version {version}")));
        }
        let (stones, sum) = bytes.rest().split_last_chunk().ok_or_else(|| ends_early(HEADER_LEN as u64))?;
        check_crc(stones, u32::from_be_bytes(*sum), HEADER_LEN as u64)?;
        let mut all = Tombstones::new();
        let mut stones = Cursor::new(stones);
        while !stones.is_empty() {
            let stone = next_stone(&mut stones);
            let (series, interval) = stone.ok_or_else(|| Fault::new(HEADER_LEN as u64, "an interval ends early"))?;
            all.add(series, interval);
        }
        Ok(all)
    }

    /// Reads the tombstones of the block in `dir`. No file means that nothing is deleted.
    ///
    /// # Errors
    ///
    /// [`BlockError::Io`], or [`BlockError::Damaged`] when the file is not what was written.
    pub fn read(vfs: &dyn Vfs, dir: &Path) -> Result<Self, BlockError> {
        let path = dir.join(TOMBSTONES_FILE);
        match read_file(vfs, &path, MAX_FILE_BYTES) {
            Ok(file) => Self::decode(&file).map_err(|f| BlockError::Damaged(f.in_part(Part::Tombstones, &path))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Self::new()),
            Err(e) if is_no_file(&e) => {
                Err(BlockError::Damaged(Fault::new(0, e.to_string()).in_part(Part::Tombstones, &path)))
            }
            Err(e) => Err(BlockError::io(&path)(e)),
        }
    }

    /// Writes the tombstones of the block in `dir`, or replaces them in one step.
    ///
    /// # Errors
    ///
    /// [`BlockError::Io`]; the old file is then still there, or the new one already.
    pub fn write(&self, vfs: &dyn Vfs, dir: &Path) -> Result<(), BlockError> {
        let path = dir.join(TOMBSTONES_FILE);
        replace_file(vfs, &path, &self.encode()).map_err(BlockError::io(&path))
    }
}

fn next_stone(bytes: &mut Cursor<'_>) -> Option<(u64, Interval)> {
    Some((bytes.uvarint()?, Interval { min_ms: bytes.varint()?, max_ms: bytes.varint()? }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn an_empty_file_has_nine_bytes() {
        assert_eq!(Tombstones::new().encode(), [1, 0x30, 0xba, 0x30, 1, 0, 0, 0, 0]);
        assert_eq!(Tombstones::decode(&Tombstones::new().encode()), Ok(Tombstones::new()));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        let mut stones = Tombstones::new();
        stones.add(7, Interval { min_ms: -5, max_ms: 1_717_200_000_000 });
        stones.add(7, Interval { min_ms: i64::MAX - 1, max_ms: i64::MAX });
        stones.add(900, Interval { min_ms: 1, max_ms: 1 });
        let file = stones.encode();
        assert_eq!(Tombstones::decode(&file), Ok(stones));
        for cut in 0..file.len() {
            assert!(Tombstones::decode(&file[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..file.len() * 8 {
            let mut broken = file.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(Tombstones::decode(&broken).is_err(), "bit {bit}");
        }
    }
}
