//! Which files make up a log.

use std::io;
use std::path::{Path, PathBuf};

use crate::WalError;
use promethium_vfs::{FileKind, Vfs, is_no_file};

/// One segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Its number.
    pub index: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// The files of a log in reading order.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct WalLayout {
    /// Up to which segment the newest checkpoint stands for the log; `None` without a checkpoint.
    pub checkpoint_number: Option<u64>,
    /// The newest checkpoint's segments.
    pub checkpoint: Vec<SegmentFile>,
    /// The segments that the checkpoint does not cover.
    pub segments: Vec<SegmentFile>,
    /// What has the name of one of these segments and is no file: directories, links that lead to nothing, pipes.
    pub no_files: Vec<PathBuf>,
    /// The number of the segment that a new writer starts.
    pub next_index: u64,
}

pub(crate) fn segment_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:08}"))
}

pub(crate) fn checkpoint_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("checkpoint.{number:08}"))
}

/// Lists a log's files. A directory that is not there is an empty log.
///
/// # Errors
///
/// When a directory cannot be listed.
pub fn read_layout(vfs: &dyn Vfs, dir: &Path) -> Result<WalLayout, WalError> {
    let names = match vfs.list(dir) {
        Ok(names) => names,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(WalLayout::default()),
        Err(e) => return Err(WalError::at(dir)(e)),
    };
    let newest = names.iter().filter_map(|name| Some((checkpoint_number(name)?, name))).max();
    let (covered, mut checkpoint) = match newest {
        Some((number, name)) => (Some(number), segments_in(vfs, &dir.join(name))?),
        None => (None, Vec::new()),
    };
    let mut segments = segment_files(dir, &names);
    segments.retain(|s| covered.is_none_or(|c| s.index > c));
    let last = segments.last().map(|s| s.index).max(covered);
    let mut no_files = take_no_files(vfs, &mut checkpoint);
    no_files.extend(take_no_files(vfs, &mut segments));
    Ok(WalLayout { checkpoint_number: covered, checkpoint, segments, no_files, next_index: last.map_or(0, |l| l + 1) })
}

fn segments_in(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<SegmentFile>, WalError> {
    match vfs.list(dir) {
        Ok(names) => Ok(segment_files(dir, &names)),
        // Not a directory: what it holds is read as a segment, and is damage if it is none.
        Err(e) if is_no_file(&e) => Ok(vec![SegmentFile { index: 0, path: dir.to_path_buf() }]),
        Err(e) => Err(WalError::at(dir)(e)),
    }
}

/// Takes those away that cannot be read because they are no files.
fn take_no_files(vfs: &dyn Vfs, segments: &mut Vec<SegmentFile>) -> Vec<PathBuf> {
    let is_no_file = |segment: &mut SegmentFile| match vfs.stat(&segment.path) {
        Ok(stat) => stat.kind != FileKind::File,
        Err(error) => is_no_file(&error),
    };
    segments.extract_if(.., is_no_file).map(|segment| segment.path).collect()
}

pub(crate) fn segment_files(dir: &Path, names: &[String]) -> Vec<SegmentFile> {
    let mut files: Vec<SegmentFile> =
        names.iter().filter_map(|name| Some(SegmentFile { index: all_digits(name)?, path: dir.join(name) })).collect();
    files.sort_by_key(|f| f.index);
    files
}

/// `checkpoint.00000005`, but not `checkpoint.00000005.tmp`.
pub(crate) fn checkpoint_number(name: &str) -> Option<u64> {
    all_digits(name.strip_prefix("checkpoint.")?)
}

/// `00000005`.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    all_digits(name)
}

fn all_digits(name: &str) -> Option<u64> {
    let digits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    if digits { name.parse().ok().filter(|n| *n < u64::MAX) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_vfs::SimVfs;

    #[test]
    fn a_checkpoint_covers_the_segments_up_to_its_number() {
        let vfs = SimVfs::new(0);
        for name in [
            "00000003",
            "00000004",
            "00000005",
            "checkpoint.00000003/00000000",
            "checkpoint.00000001/00000000",
            "checkpoint.00000009.tmp/00000000",
            "series_state.json",
        ] {
            vfs.put(&Path::new("/wal").join(name), Vec::new());
        }
        let layout = read_layout(&vfs, Path::new("/wal")).unwrap();
        assert_eq!(layout.segments.iter().map(|s| s.index).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(layout.checkpoint[0].path, Path::new("/wal/checkpoint.00000003/00000000"));
        assert_eq!(layout.next_index, 6);
        assert_eq!(read_layout(&vfs, Path::new("/none")).unwrap().next_index, 0);
    }
}
