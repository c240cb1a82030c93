//! How far a log was durable when it was last synced: damage before that is decay, damage behind it may be a torn end.
//!
//! Beside each log lies a small file of entries, of which the last whole one counts. It is written when a sync has succeeded and is
//! not synced itself: what is left of it may be old, and then says less than is true. It is there from the first sync of an opening
//! to its clean end, so that of a log that was left by another program there is none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_vfs::{OpenMode, Vfs, VfsFile, is_no_file};
use promethium_wal::head_snapshot::LogPosition;

use crate::error::TsdbError;

/// Segment and offset, big-endian, and the CRC-32C of these.
const ENTRY_BYTES: usize = 20;
/// A longer file is begun again.
const MAX_BYTES: u64 = 4 << 10;

/// The mark of a log that is being written.
pub(super) struct SyncedMark {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    /// `None` where something else has its name: it then says nothing.
    file: Option<Arc<dyn VfsFile>>,
}

/// The file beside the log in `log_dir`.
fn path_of(log_dir: &Path) -> PathBuf {
    log_dir.with_extension("synced")
}

impl SyncedMark {
    /// Begins the mark of the log in `log_dir`, durably, and empty.
    pub(super) fn begin(vfs: &Arc<dyn Vfs>, log_dir: &Path) -> Result<SyncedMark, TsdbError> {
        let path = path_of(log_dir);
        let file = match vfs.open(&path, OpenMode::Append) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => vfs.open(&path, OpenMode::CreateNew).map(Some),
            Err(error) if is_no_file(&error) => Ok(None),
            opened => opened.and_then(|file| file.truncate(0).map(|()| Some(file))),
        };
        let file = file.map_err(TsdbError::io(&path, "create"))?;
        let dir = log_dir.parent().unwrap_or(log_dir);
        vfs.sync_dir(dir).map_err(TsdbError::io(dir, "sync"))?;
        Ok(SyncedMark { vfs: Arc::clone(vfs), path, file })
    }

    /// Says that everything before `position` is durable. A mark that cannot be written says less than is true.
    pub(super) fn write(&self, position: LogPosition) {
        let Some(file) = &self.file else { return };
        if make_room(&**file).and_then(|()| file.append(&entry(position))).is_err() {
            // What is left of an entry would put the next ones out of step.
            let _ = file.truncate(0);
        }
    }

    /// Ends the mark with a clean end of the log.
    pub(super) fn end(&self) {
        let _ = self.vfs.remove(&self.path);
    }
}

fn make_room(file: &dyn VfsFile) -> io::Result<()> {
    if file.len()? + ENTRY_BYTES as u64 > MAX_BYTES { file.truncate(0) } else { Ok(()) }
}

/// What the last opening says of how far its log was durable: all of it, where there is no mark. Then it was not ours, and nobody
/// has said that what lies behind damage is not good. Nothing of it, where something else has the mark's name.
pub(super) fn read(vfs: &dyn Vfs, log_dir: &Path) -> Result<Option<LogPosition>, TsdbError> {
    let path = path_of(log_dir);
    let file = match vfs.open(&path, OpenMode::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_no_file(&error) => return Ok(Some(LogPosition::default())),
        opened => opened.map_err(TsdbError::io(&path, "open"))?,
    };
    let mut bytes = [0; MAX_BYTES as usize];
    let len = file.read_at(&mut bytes, 0).map_err(TsdbError::io(&path, "read"))?;
    let entries = bytes.get(..len).unwrap_or_default().chunks_exact(ENTRY_BYTES);
    Ok(Some(entries.rev().find_map(position).unwrap_or_default()))
}

fn entry(position: LogPosition) -> [u8; ENTRY_BYTES] {
    let mut entry = [0; ENTRY_BYTES];
    entry[..8].copy_from_slice(&position.segment.to_be_bytes());
    entry[8..16].copy_from_slice(&position.offset.to_be_bytes());
    let crc = crc32c::crc32c(&entry[..16]);
    entry[16..].copy_from_slice(&crc.to_be_bytes());
    entry
}

/// The position of an entry that is whole.
fn position(entry: &[u8]) -> Option<LogPosition> {
    let (segment, rest) = entry.split_first_chunk()?;
    let (offset, crc) = rest.split_first_chunk()?;
    let position = LogPosition { segment: u64::from_be_bytes(*segment), offset: u64::from_be_bytes(*offset) };
    (crc == crc32c::crc32c(entry.get(..16)?).to_be_bytes()).then_some(position)
}

#[cfg(test)]
mod tests {
    use promethium_vfs::{MemVfs, StdVfs};

    use super::*;

    fn at(segment: u64, offset: u64) -> LogPosition {
        LogPosition { segment, offset }
    }

    fn disk() -> (MemVfs, Arc<dyn Vfs>) {
        let disk = MemVfs::new();
        disk.create_dir(Path::new("/data")).unwrap();
        (disk.clone(), Arc::new(disk))
    }

    const LOG: &str = "/data/wal";

    #[test]
    fn the_last_entry_counts_through_many_of_them() {
        let (disk, vfs) = disk();
        let read = || read(&disk, Path::new(LOG)).unwrap();
        assert_eq!(read(), None);
        let mark = SyncedMark::begin(&vfs, Path::new(LOG)).unwrap();
        assert_eq!(read(), Some(at(0, 0)));
        for i in 0..1_000 {
            mark.write(at(7, i));
            assert_eq!(read(), Some(at(7, i)));
        }
        assert!(disk.stat(Path::new("/data/wal.synced")).unwrap().len <= MAX_BYTES);
        mark.end();
        assert_eq!(read(), None);
    }

    #[test]
    fn an_entry_that_is_not_whole_is_passed_over() {
        let (disk, vfs) = disk();
        let mark = SyncedMark::begin(&vfs, Path::new(LOG)).unwrap();
        mark.write(at(1, 2));
        mark.write(at(1, 3));
        let file = disk.open(Path::new("/data/wal.synced"), OpenMode::Append).unwrap();
        file.truncate(2 * ENTRY_BYTES as u64 - 1).unwrap();
        assert_eq!(read(&disk, Path::new(LOG)).unwrap(), Some(at(1, 2)));
        file.append(&[9]).unwrap();
        assert_eq!(read(&disk, Path::new(LOG)).unwrap(), Some(at(1, 2)));
        SyncedMark::begin(&vfs, Path::new(LOG)).unwrap();
        assert_eq!(read(&disk, Path::new(LOG)).unwrap(), Some(at(0, 0)));
    }

    #[test]
    fn a_directory_of_that_name_is_left_alone_and_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (log, kept) = (dir.path().join("wal"), dir.path().join("wal.synced/kept"));
        std::fs::create_dir_all(&kept).unwrap();
        let vfs: Arc<dyn Vfs> = Arc::new(StdVfs);
        let mark = SyncedMark::begin(&vfs, &log).unwrap();
        mark.write(at(1, 2));
        assert_eq!(read(&*vfs, &log).unwrap(), Some(at(0, 0)));
        mark.end();
        assert!(kept.is_dir());
    }
}
