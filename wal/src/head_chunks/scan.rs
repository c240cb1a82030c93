//! Finding the chunks of a file, past damage where there is some.
//!
//! After damage the scan goes on at the next offset where a plausible header stands before a checksum that holds, or, when
//! the search has become too long, where the damaged chunk's length leads to such a place. A false find takes a reference below 2⁴⁰
//! that is not zero (3 zero bytes: 2⁻²⁴), one of 32 encodings out of 256, ordered times and a checksum (2⁻³²): below 10⁻¹⁶ at
//! each offset of random bytes, that is below 10⁻⁸ for a whole file of 128 MiB.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt;
use std::path::{Path, PathBuf};

use super::entry::{HeadChunkEntry, Layout, is_end_of_data, parse};
use super::{FILE_HEADER_BYTES, HeadChunkRef, MAGIC, VERSION};

/// The most bytes that are checksummed in search of the next chunk after one damage.
const MAX_SEARCH_BYTES: usize = 64 << 20;
/// Chunks that are longer are only found by the length of the one before.
const MAX_FOUND_BYTES: usize = 1 << 20;

/// Bytes of a head chunk file that should be chunks and are not, or a file that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadChunkDamage {
    /// The file.
    pub path: PathBuf,
    /// Byte offset in it.
    pub offset: u64,
    /// What was expected and found.
    pub message: String,
}

impl fmt::Display for HeadChunkDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: offset {}: {}", self.path.display(), self.offset, self.message)
    }
}

/// What opening the head chunk files, or checking them, found. A check changes nothing: it cuts off and removes none.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HeadChunkReport {
    /// Files that were read.
    pub files: usize,
    /// Whole chunks.
    pub chunks: u64,
    /// Where chunks are missing. Prometheus deletes that file and all later ones; here the other chunks are read.
    pub damage: Vec<HeadChunkDamage>,
    /// The chunk that was being written when the store went down, cut off: its samples are in the log.
    pub torn_tail: Option<HeadChunkDamage>,
    /// Files without a single byte of content, removed: created and not written when the store went down.
    pub removed: Vec<PathBuf>,
}

/// What the scan of one file found beside chunks.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) chunks: u64,
    pub(super) damage: Vec<HeadChunkDamage>,
    /// Where the last whole chunk ends.
    pub(super) good_end: usize,
    /// Whether a chunk follows the last damage.
    pub(super) ends_well: bool,
}

/// Visits the chunks of file `number`.
pub(super) fn scan(
    bytes: &[u8],
    number: u32,
    path: &Path,
    mut follows_damage: bool,
    visit: &mut dyn FnMut(HeadChunkEntry<'_>),
) -> Scanned {
    let mut scanned = Scanned { good_end: FILE_HEADER_BYTES.min(bytes.len()), ends_well: true, ..Scanned::default() };
    let note = |scanned: &mut Scanned, offset: usize, message: String| {
        scanned.damage.push(HeadChunkDamage { path: path.to_path_buf(), offset: offset as u64, message });
        scanned.ends_well = false;
    };
    if let Some(message) = header_damage(bytes) {
        note(&mut scanned, 0, message);
        follows_damage = true;
        // It is not at the end.
        scanned.ends_well = true;
    }
    let mut at = FILE_HEADER_BYTES;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if is_end_of_data(rest) && rest.iter().all(|b| *b == 0) {
            break;
        }
        let reference = HeadChunkRef::new(number, u32::try_from(at).unwrap_or(u32::MAX));
        match parse(rest, reference) {
            Ok(parsed) => {
                visit(HeadChunkEntry { follows_damage, ..parsed.entry });
                at = at.saturating_add(parsed.len);
                scanned.chunks = scanned.chunks.saturating_add(1);
                (scanned.good_end, scanned.ends_well) = (at, true);
            }
            Err(message) => {
                note(&mut scanned, at, message);
                follows_damage = true;
                let Some(skipped) = resume_at(rest) else { break };
                at = at.saturating_add(skipped);
            }
        }
    }
    scanned
}

/// The chunks prove what they are by their checksums: a damaged header costs none of them.
fn header_damage(bytes: &[u8]) -> Option<String> {
    let header = match bytes.first_chunk::<5>() {
        Some(header) if bytes.len() >= FILE_HEADER_BYTES => header,
        _ => return Some("the file header is cut short".to_owned()),
    };
    let [a, b, c, d, version] = *header;
    let magic = u32::from_be_bytes([a, b, c, d]);
    if magic != MAGIC {
        return Some(format!("expected magic number {MAGIC:08x}, found {magic:08x}"));
    }
    (version != VERSION).then(|| format!("expected version {VERSION}, found {version}"))
}

/// How many bytes behind a damaged chunk's start the next whole chunk begins.
fn resume_at(rest: &[u8]) -> Option<usize> {
    by_search(rest).or_else(|| by_length(rest))
}

fn by_length(rest: &[u8]) -> Option<usize> {
    let len = Layout::read(rest)?.len();
    let next = rest.get(len..)?;
    parse(next, HeadChunkRef::NONE).is_ok().then_some(len)
}

fn by_search(rest: &[u8]) -> Option<usize> {
    let mut budget = MAX_SEARCH_BYTES;
    for at in 1..rest.len() {
        let candidate = rest.get(at..)?;
        // Three bytes of zero, cheaply, before the rest of the header is looked at.
        if !candidate.starts_with(&[0, 0, 0]) {
            continue;
        }
        let Some(layout) = Layout::read(candidate).filter(Layout::is_plausible) else { continue };
        if layout.len() > MAX_FOUND_BYTES.min(candidate.len()) {
            continue;
        }
        budget = budget.checked_sub(layout.len())?;
        if parse(candidate, HeadChunkRef::NONE).is_ok() {
            return Some(at);
        }
    }
    None
}
