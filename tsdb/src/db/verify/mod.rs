//! Reading everything, to know that it can be read.
//!
//! Nothing is changed, and what is written or removed meanwhile is no damage: files are read up to where they were written when
//! the check came to them, and those that are gone by then are passed over.

mod blocks;
mod chunk;
mod head_chunks;
mod logs;
mod snapshots;

use std::path::Path;

use promethium_vfs::{Vfs, is_no_file};
use promethium_wal::WalError;

use super::Db;
use super::replay::Damage;
use crate::error::TsdbError;

/// What a check of the whole store found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Blocks checked.
    pub blocks: usize,
    /// Series of all blocks.
    pub series: u64,
    /// Chunks of all blocks, each decoded.
    pub chunks: u64,
    /// Samples in them.
    pub samples: u64,
    /// Records of the logs.
    pub records: u64,
    /// Chunks of the head that are in files, each decoded; late ones, and those that no series needs any more, included.
    pub head_chunks: u64,
    /// Snapshots of the head checked, ours and Prometheus', with all their series and chunks.
    pub snapshots: usize,
    /// Bytes that are not what was written.
    pub damage: Vec<Damage>,
    /// Where a log, or the last of the head's files, ends within a record or a chunk: whoever writes it was at that when
    /// it was read, or when it went down. It is only found by a store that was opened to be read: one that writes knows
    /// where its files end.
    pub torn_tails: Vec<Damage>,
}

impl Db {
    /// Checks all checksums of blocks, logs, head chunk files and snapshots of the head, and decodes every chunk. Nothing is
    /// changed; appends, queries and [`Db::maintain`] go on.
    ///
    /// # Errors
    ///
    /// When files cannot be read. Damage is no error: see [`VerifyReport::damage`].
    pub fn verify(&self) -> Result<VerifyReport, TsdbError> {
        let mut report = VerifyReport::default();
        self.verify_blocks(&mut report)?;
        if let Some(home) = &self.home {
            self.verify_logs(home, &mut report)?;
            self.verify_head_chunks(home, &mut report)?;
            self.verify_head_snapshot(home, &mut report)?;
            self.verify_chunk_snapshots(home, &mut report)?;
        }
        Ok(report)
    }
}

/// Whether `path` was removed, where there is no file of this name: a link that leads to nothing still has its name.
fn is_removed(vfs: &dyn Vfs, path: &Path) -> bool {
    let names = path.parent().and_then(|dir| vfs.list(dir).ok()).unwrap_or_default();
    !path.file_name().is_some_and(|name| names.iter().any(|n| **n == *name))
}

/// The damage that an error says; any other error is one.
fn damage_of(error: WalError) -> Result<Damage, WalError> {
    let (path, offset, message) = match error {
        WalError::Damaged { path, offset, message } => (path, offset, message),
        WalError::Record { path, offset, source } => (path, offset, source.to_string()),
        WalError::UnknownVersion { path, what, version } => {
            (path, 0, format!("version {version} of {what} is not known"))
        }
        WalError::Io { path, source } if is_no_file(&source) => (path, 0, source.to_string()),
        other => return Err(other),
    };
    Ok(Damage { path, offset, message })
}
