//! Checking the files as they lie there, which changes nothing.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::path::Path;

use super::FILE_HEADER_BYTES;
use super::entry::{CRC_BYTES, HeadChunkEntry, Layout};
use super::scan::{HeadChunkDamage, HeadChunkReport, Scanned, scan};
use super::store::{HeadChunks, file_path, list_numbers, note_gap};
use crate::WalError;
use promethium_vfs::{OpenMode, Vfs, is_no_file, read_file};

// References have 32 bits for an offset.
const MAX_FILE_BYTES: u64 = u32::MAX as u64;

/// Says what is wrong with a chunk whose checksum is right.
pub type CheckHeadChunk<'c> = &'c mut dyn FnMut(&HeadChunkEntry<'_>) -> Result<(), String>;

impl HeadChunks {
    /// Checks every chunk that was written when this is called, as it lies in its file; `check` is asked about those whose
    /// checksums are right. Nothing is changed. Appends go on meanwhile, and files that are removed are passed over.
    ///
    /// # Errors
    ///
    /// When a file cannot be read. Damage is no error.
    pub fn verify(&self, check: CheckHeadChunk<'_>) -> Result<HeadChunkReport, WalError> {
        let end = self.written_end();
        let mut report = HeadChunkReport::default();
        for number in self.file_numbers().into_iter().take_while(|number| *number <= end.file()) {
            let Some(expected) = self.written_bytes(number, end)? else { continue };
            let path = self.path_of(number);
            let map = match self.vfs().open(&path, OpenMode::Read).and_then(|file| file.map()) {
                Err(e) if is_no_file(&e) && !self.has_file(number) => continue,
                Err(e) if is_no_file(&e) => {
                    report.damage.push(HeadChunkDamage { path, offset: 0, message: e.to_string() });
                    continue;
                }
                map => map.map_err(WalError::at(&path))?,
            };
            let bytes = map.get(..expected).unwrap_or(&map);
            let mut scanned = check_file(bytes, number, &path, check);
            if bytes.len() < expected {
                let (offset, message) = (bytes.len() as u64, format!("the file ends here, expected {expected} bytes"));
                scanned.damage.push(HeadChunkDamage { path, offset, message });
            }
            note(scanned, &mut report);
        }
        Ok(report)
    }
}

/// Checks every chunk of the files in `dir`, whoever writes them, and changes nothing; `check` is asked about those whose
/// checksums are right. A directory that is not there has no files.
///
/// A last file that ends within a chunk may be just being written: that is the report's `torn_tail`, and no damage. Files
/// that are removed meanwhile are passed over.
///
/// # Errors
///
/// When the directory or a file cannot be read. Damage is no error.
pub fn verify_head_chunks(vfs: &dyn Vfs, dir: &Path, check: CheckHeadChunk<'_>) -> Result<HeadChunkReport, WalError> {
    let numbers = match list_numbers(vfs, dir) {
        Err(e) if e.is_not_found() => Vec::new(),
        numbers => numbers?,
    };
    let mut report = HeadChunkReport::default();
    let mut previous = None;
    for number in &numbers {
        // The oldest go first: where the one before is gone too, nothing is missing.
        let before = previous.replace(*number).filter(|before| vfs.stat(&file_path(dir, *before)).is_ok());
        note_gap(dir, before, *number, &mut report);
        let path = file_path(dir, *number);
        // Read and not mapped: another program may cut its file.
        let bytes = match read_file(vfs, &path, MAX_FILE_BYTES) {
            Err(e) if is_no_file(&e) => {
                if list_numbers(vfs, dir)?.contains(number) {
                    report.damage.push(HeadChunkDamage { path, offset: 0, message: e.to_string() });
                }
                continue;
            }
            bytes => bytes.map_err(WalError::at(&path))?,
        };
        let mut scanned = check_file(&bytes, *number, &path, check);
        if numbers.last() == Some(number) {
            report.torn_tail = take_torn_tail(&bytes, &mut scanned);
        }
        note(scanned, &mut report);
    }
    Ok(report)
}

fn check_file(bytes: &[u8], number: u32, path: &Path, check: CheckHeadChunk<'_>) -> Scanned {
    let mut wrong = Vec::new();
    let mut scanned = scan(bytes, number, path, false, &mut |entry| {
        if let Err(message) = check(&entry) {
            let offset = entry.reference.offset().into();
            wrong.push(HeadChunkDamage { path: path.to_path_buf(), offset, message });
        }
    });
    scanned.damage.append(&mut wrong);
    scanned.damage.sort_by_key(|damage| damage.offset);
    scanned
}

fn note(mut scanned: Scanned, report: &mut HeadChunkReport) {
    report.files = report.files.saturating_add(1);
    report.chunks = report.chunks.saturating_add(scanned.chunks);
    report.damage.append(&mut scanned.damage);
}

/// What may be a chunk, or a file, that is just being written.
fn take_torn_tail(bytes: &[u8], scanned: &mut Scanned) -> Option<HeadChunkDamage> {
    let is_begun = bytes.len() >= FILE_HEADER_BYTES && bytes.iter().any(|b| *b != 0);
    let offset = usize::try_from(scanned.damage.last()?.offset).ok()?;
    let is_unfinished = !scanned.ends_well && is_unfinished(bytes.get(offset..).unwrap_or_default());
    (!is_begun || is_unfinished).then(|| scanned.damage.pop()).flatten()
}

/// Whether the file, or what is written of it and not preallocated zeros, ends within the chunk at the start of `rest`.
fn is_unfinished(rest: &[u8]) -> bool {
    let body_and_rest = Layout::read(rest).and_then(|layout| rest.split_at_checked(layout.body_len()));
    let Some((body, behind)) = body_and_rest.filter(|(_, behind)| behind.len() >= CRC_BYTES) else { return true };
    let written = behind.iter().rposition(|b| *b != 0).map_or(0, |last| last.saturating_add(1));
    let sum = crc32c::crc32c(body).to_be_bytes();
    written < CRC_BYTES && sum.get(..written) == behind.get(..written)
}
