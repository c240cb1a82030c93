//! Leaving a log behind that every reader can read to its end.
//!
//! Prometheus stops at the first damage and deletes the segments behind it. So damage does not stay in the log: the
//! damaged file is copied aside, and what is left in its place holds the good records alone.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_vfs::{OpenMode, Vfs, VfsFile};
use promethium_wal::{Compression, Item, PreparedRecord, SegmentReader};

use super::replay::ReplayReport;

const BUFFER_BYTES: usize = 1 << 20;

/// Copies a file into the directory `aside`, durably, and says where to.
pub(super) fn copy_aside(vfs: &dyn Vfs, aside: &Path, path: &Path) -> io::Result<PathBuf> {
    vfs.create_dir(aside)?;
    let target = free_name(vfs, aside, path)?;
    let from = vfs.open(path, OpenMode::Read)?;
    let to = vfs.open(&target, OpenMode::CreateNew)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = 0;
    loop {
        let n = from.read_at(&mut buffer, at)?;
        if n == 0 {
            break;
        }
        to.append(&buffer[..n])?;
        at += n as u64;
    }
    to.sync()?;
    vfs.sync_dir(aside)?;
    aside.parent().map_or(Ok(()), |parent| vfs.sync_dir(parent))?;
    Ok(target)
}

/// Moves what `dir` has under `name` into its directory `aside`, durably. Where it went, or why it did not, is in the report.
pub(super) fn move_aside(vfs: &dyn Vfs, dir: &Path, aside: &str, name: &str, report: &mut ReplayReport) {
    let (path, aside) = (dir.join(name), dir.join(aside));
    let moved = vfs.create_dir(&aside).and_then(|()| {
        let target = free_name(vfs, &aside, &path)?;
        vfs.rename(&path, &target)?;
        vfs.sync_dir(&aside)?;
        vfs.sync_dir(dir)?;
        Ok(target)
    });
    match moved {
        Ok(target) => report.set_aside.push(target),
        Err(error) => report.repair_error = Some(format!("{}: {error}", path.display())),
    }
}

/// `00000007`, or where that is taken `00000007.1`, …: copies of different openings stand beside one another.
fn free_name(vfs: &dyn Vfs, aside: &Path, path: &Path) -> io::Result<PathBuf> {
    let taken = vfs.list(aside)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut candidate = name.to_string();
    let mut n = 0;
    while taken.contains(&candidate) {
        n += 1;
        candidate = format!("{name}.{n}");
    }
    Ok(aside.join(candidate))
}

/// Replaces a segment by one that holds its readable records alone, in one step.
pub(super) fn rewrite(vfs: &dyn Vfs, path: &Path, compression: Compression) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(OsString::from(".tmp"));
    let draft = PathBuf::from(draft);
    match vfs.remove(&draft) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let to = vfs.open(&draft, OpenMode::CreateNew)?;
    copy_records(vfs.open(path, OpenMode::Read)?, &*to, compression)?;
    to.sync()?;
    vfs.rename(&draft, path)?;
    path.parent().map_or(Ok(()), |dir| vfs.sync_dir(dir))
}

fn copy_records(from: Arc<dyn VfsFile>, to: &dyn VfsFile, compression: Compression) -> io::Result<()> {
    let mut reader = SegmentReader::new(from);
    let mut buffer = Vec::new();
    let mut at = 0;
    while let Some(item) = reader.next_item()? {
        if let Item::Record { bytes, .. } = item {
            at = PreparedRecord::new(bytes.to_vec(), compression).frame(&mut buffer, at);
        }
        if buffer.len() >= BUFFER_BYTES {
            to.append(&buffer)?;
            buffer.clear();
        }
    }
    to.append(&buffer)
}
