//! What callers of several calls would otherwise each spell anew.

use std::io;
use std::path::{Path, PathBuf};

use super::{FileKind, OpenMode, Vfs};

/// Whether an error of [`Vfs::open`] or [`Vfs::stat`] says that no file has this name, which another attempt would not change:
/// there is nothing, or a link that leads to nothing, a directory, or a device.
#[must_use]
pub fn is_no_file(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | IsADirectory | NotADirectory | InvalidInput)
}

/// Reads a whole file of at most `limit_bytes`.
///
/// # Errors
///
/// As [`Vfs::open`] and [`VfsFile::read_at`](crate::VfsFile::read_at); `FileTooLarge` when it is longer, before
/// anything is allocated.
pub fn read_file(vfs: &dyn Vfs, path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let file = vfs.open(path, OpenMode::Read)?;
    let len = file.len()?;
    if len > limit_bytes {
        let text = format!("{}: {len} bytes; at most {limit_bytes} are read", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    let mut data = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let n = file.read_at(&mut data, 0)?;
    data.truncate(n);
    Ok(data)
}

/// Gives a file new contents in one step that survives power loss: they are written to `PATH.tmp` and synced, the name
/// is moved over `path`, and the directory is synced. After a failure the old contents are still there, or the new;
/// `PATH.tmp` may be left, and the next call takes it away.
///
/// # Errors
///
/// As the operating system says.
pub fn replace_file(vfs: &dyn Vfs, path: &Path, data: &[u8]) -> io::Result<()> {
    let tmp = with_suffix(path, ".tmp");
    remove_if_there(vfs, &tmp)?;
    let file = vfs.open(&tmp, OpenMode::CreateNew)?;
    file.append(data)?;
    file.sync()?;
    drop(file);
    vfs.rename(&tmp, path)?;
    vfs.sync_dir(path.parent().unwrap_or(Path::new("")))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a file, or a directory with everything in it, if there is one; says whether there was.
///
/// # Errors
///
/// As the operating system says.
pub fn remove_if_there(vfs: &dyn Vfs, path: &Path) -> io::Result<bool> {
    let removed = vfs.stat(path).and_then(|stat| match stat.kind {
        FileKind::File => vfs.remove(path),
        FileKind::Dir => vfs.remove_dir_all(path),
    });
    match removed {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Bytes of the files in `dir` and below it, or of the file `dir`; 0 when there is nothing of that name. Names that
/// vanish while they are being counted are not counted.
///
/// # Errors
///
/// As the operating system says, but for `NotFound`.
pub fn tree_bytes(vfs: &dyn Vfs, dir: &Path) -> io::Result<u64> {
    let mut pending = vec![dir.to_path_buf()];
    let mut total = 0;
    while let Some(path) = pending.pop() {
        match vfs.stat(&path) {
            Ok(stat) if stat.kind == FileKind::File => total += stat.len,
            Ok(_) => pending.extend(names_in(vfs, &path)?.iter().map(|name| path.join(name))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(total)
}

fn names_in(vfs: &dyn Vfs, dir: &Path) -> io::Result<Vec<String>> {
    match vfs.list(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}
