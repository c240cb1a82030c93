//! The files together: opening, writing, reading, removing.

use std::collections::BTreeMap;
use std::io;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::entry::{HeadChunkEntry, NewHeadChunk, encode, max_encoded_len, parse};
use super::file::ChunkFile;
use super::scan::{HeadChunkDamage, HeadChunkReport, scan};
use super::{FILE_HEADER_BYTES, HeadChunkRef, MAGIC, MAX_HEAD_CHUNK_FILE_BYTES, VERSION};
use crate::WalError;
use promethium_vfs::{FileMap, OpenMode, Vfs, VfsFile, is_no_file};

// What is written with one call.
const BATCH_BYTES: usize = 1 << 20;
// A file with fewer bytes never got as far as its magic number.
const MAGIC_BYTES: usize = 4;

/// The head chunk files of a directory.
///
/// One thread writes at a time, any number read. A chunk is whole in its file when its reference is handed out, but not
/// durable before [`HeadChunks::sync`], or before the next file is begun.
///
/// ```
/// use std::path::Path;
/// use std::sync::Arc;
/// use promethium_vfs::MemVfs;
/// use promethium_wal::head_chunks::{HeadChunks, NewHeadChunk};
///
/// let (chunks, report) = HeadChunks::open(Arc::new(MemVfs::new()), Path::new("/chunks_head"), &mut |_| {})?;
/// assert_eq!(report.chunks, 0);
/// let chunk = NewHeadChunk { series: 7, min_ms: 0, max_ms: 15, encoding: 1, is_out_of_order: false, data: b"samples" };
/// let mut references = Vec::new();
/// chunks.append(&[chunk], &mut references)?;
/// assert_eq!(&chunks.read(references[0])?[..], b"samples");
/// # Ok::<(), promethium_wal::WalError>(())
/// ```
pub struct HeadChunks {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    max_file_bytes: u64,
    files: RwLock<BTreeMap<u32, Arc<ChunkFile>>>,
    writer: Mutex<Writer>,
}

struct Writer {
    next_number: u32,
    current: Option<Current>,
    /// Files that are not written any more although they were not finished, and are not synced yet.
    given_up: Vec<Current>,
    /// Files of which a sync failed.
    doubtful: Vec<u32>,
}

struct Current {
    number: u32,
    file: Arc<dyn VfsFile>,
    /// The file as readers have it.
    chunks: Arc<ChunkFile>,
    len: u64,
    synced_len: u64,
}

/// A chunk, read in place: it derefs to the encoded samples.
#[derive(Clone)]
pub struct HeadChunk {
    map: FileMap,
    data: Range<usize>,
    /// The series' reference.
    pub series: u64,
    /// Time of the first sample, milliseconds since the epoch.
    pub min_ms: i64,
    /// Time of the last sample.
    pub max_ms: i64,
    /// The chunk's encoding, without the mark.
    pub encoding: u8,
    /// Whether it holds samples that came out of order.
    pub is_out_of_order: bool,
}

impl Deref for HeadChunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.get(self.data.clone()).unwrap_or_default()
    }
}

impl HeadChunks {
    /// Opens the files in `dir`, which is created when missing, and visits every whole chunk, in the order in which they
    /// were written. Damage is passed over and reported; a torn end of the last file is cut off.
    ///
    /// Whether a chunk makes sense for its series is for the visitor to say: an unknown encoding, or a chunk in order
    /// that begins before the series' previous one ends.
    ///
    /// # Errors
    ///
    /// When the directory or a file cannot be read.
    pub fn open(
        vfs: Arc<dyn Vfs>,
        dir: &Path,
        visit: &mut dyn FnMut(HeadChunkEntry<'_>),
    ) -> Result<(HeadChunks, HeadChunkReport), WalError> {
        vfs.create_dir(dir).map_err(WalError::at(dir))?;
        let mut report = HeadChunkReport::default();
        let mut numbers = list_numbers(&*vfs, dir)?;
        remove_empty_last(&*vfs, dir, &mut numbers, &mut report)?;
        let mut files = BTreeMap::new();
        let last = numbers.last().copied();
        let mut previous = None;
        for number in numbers {
            note_gap(dir, previous, number, &mut report);
            previous = Some(number);
            let path = file_path(dir, number);
            let is_last = last == Some(number);
            let mode = if is_last { OpenMode::Append } else { OpenMode::Read };
            let file = match vfs.open(&path, mode) {
                Err(e) if is_no_file(&e) => {
                    report.damage.push(HeadChunkDamage { path, offset: 0, message: e.to_string() });
                    continue;
                }
                file => file.map_err(WalError::at(&path))?,
            };
            let chunks = Arc::new(ChunkFile::new(path, Arc::clone(&file)));
            read_file(&chunks, &*file, number, is_last, visit, &mut report)?;
            chunks.finish();
            files.insert(number, chunks);
        }
        let next_number = last.map_or(1, |n| n.saturating_add(1));
        let writer = Mutex::new(Writer { next_number, current: None, given_up: Vec::new(), doubtful: Vec::new() });
        let max_file_bytes = MAX_HEAD_CHUNK_FILE_BYTES;
        Ok((HeadChunks { vfs, dir: dir.to_path_buf(), max_file_bytes, files: RwLock::new(files), writer }, report))
    }

    /// Begins a new file once one has `bytes`; [`MAX_HEAD_CHUNK_FILE_BYTES`] otherwise and at most.
    #[must_use]
    pub fn with_max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = bytes.min(MAX_HEAD_CHUNK_FILE_BYTES);
        self
    }

    /// Appends chunks and pushes the reference of each that was written to `references`: all of them, or after an error
    /// those before it. The others are not in the files and may be appended again.
    ///
    /// # Errors
    ///
    /// When a file cannot be created, written, or synced at its end. A full disk leaves the file as it was before.
    pub fn append(&self, chunks: &[NewHeadChunk<'_>], references: &mut Vec<HeadChunkRef>) -> Result<(), WalError> {
        let mut guard = self.writer.lock();
        let writer = &mut *guard;
        let mut rest = chunks;
        let mut buffer = Vec::new();
        while let Some(first) = rest.first() {
            self.make_room(writer, max_encoded_len(first))?;
            let Some(current) = writer.current.as_mut() else { return Ok(()) };
            buffer.clear();
            let mut batch = Vec::new();
            while let Some((chunk, after)) = rest.split_first() {
                let at = current.len + buffer.len() as u64;
                let is_full = at + max_encoded_len(chunk) > self.max_file_bytes && at > FILE_HEADER_BYTES as u64;
                if is_full || buffer.len() >= BATCH_BYTES {
                    break;
                }
                batch.push(HeadChunkRef::new(current.number, u32::try_from(at).unwrap_or(u32::MAX)));
                encode(&mut buffer, chunk);
                rest = after;
            }
            if let Err(error) = current.write(&buffer) {
                if current.file.truncate(current.len).is_err() {
                    // Nobody knows where this file ends: nothing more is written to it.
                    writer.given_up.extend(writer.current.take());
                }
                return Err(error);
            }
            references.append(&mut batch);
        }
        Ok(())
    }

    /// Begins a file where there is none, and where the next chunk would pass the end of the present one.
    fn make_room(&self, writer: &mut Writer, next_bytes: u64) -> Result<(), WalError> {
        let is_full = |c: &Current| c.len > FILE_HEADER_BYTES as u64 && c.len + next_bytes > self.max_file_bytes;
        if writer.current.as_ref().is_some_and(is_full) {
            self.finish(writer)?;
        }
        if writer.current.is_none() {
            self.begin(writer)?;
        }
        Ok(())
    }

    fn begin(&self, writer: &mut Writer) -> Result<(), WalError> {
        let number = writer.next_number;
        let path = file_path(&self.dir, number);
        let file = self.vfs.open(&path, OpenMode::CreateNew).map_err(WalError::at(&path))?;
        let chunks = Arc::new(ChunkFile::new(path, Arc::clone(&file)));
        let mut current = Current { number, file, chunks, len: 0, synced_len: 0 };
        let mut header = MAGIC.to_be_bytes().to_vec();
        header.extend_from_slice(&[VERSION, 0, 0, 0]);
        let begun = current.write(&header).and_then(|()| self.vfs.sync_dir(&self.dir).map_err(WalError::at(&self.dir)));
        if let Err(error) = begun {
            // The number is free again; where the file stays, it is an empty last one, which the next opening removes.
            if self.vfs.remove(&current.chunks.path).is_err() {
                writer.next_number = number.saturating_add(1);
            }
            return Err(error);
        }
        writer.next_number = number.saturating_add(1);
        self.files.write().insert(number, Arc::clone(&current.chunks));
        writer.current = Some(current);
        Ok(())
    }

    fn finish(&self, writer: &mut Writer) -> Result<(), WalError> {
        writer.given_up.extend(writer.current.take());
        writer.sync()
    }

    /// Ends the present file, synced, so that the next chunk begins another one. Without a chunk in it nothing is done.
    ///
    /// # Errors
    ///
    /// When the file cannot be synced.
    pub fn cut(&self) -> Result<(), WalError> {
        let mut writer = self.writer.lock();
        let has_chunks = writer.current.as_ref().is_some_and(|c| c.len > FILE_HEADER_BYTES as u64);
        if has_chunks { self.finish(&mut writer) } else { Ok(()) }
    }

    /// Makes every chunk that has a reference durable.
    ///
    /// # Errors
    ///
    /// When a file cannot be synced. It is never written or synced again, and [`HeadChunks::doubtful_files`] names it:
    /// whether its chunks are durable nobody knows, so that the log, which has their samples, must be kept, or the
    /// chunks be appended again.
    pub fn sync(&self) -> Result<(), WalError> {
        self.writer.lock().sync()
    }

    /// Numbers of the files of which a sync failed since they were opened.
    #[must_use]
    pub fn doubtful_files(&self) -> Vec<u32> {
        self.writer.lock().doubtful.clone()
    }

    /// Reads a chunk in place, its checksum checked.
    ///
    /// # Errors
    ///
    /// When there is no such file, or no whole chunk at this place of it.
    pub fn read(&self, reference: HeadChunkRef) -> Result<HeadChunk, WalError> {
        let (number, offset) = (reference.file(), reference.offset());
        let file = self.files.read().get(&number).cloned();
        let file = file.ok_or(WalError::NoHeadChunkFile { file: number, offset })?;
        let map = file.map_with(offset as usize)?;
        let bytes = map.get(offset as usize..).unwrap_or_default();
        let parsed = parse(bytes, reference).map_err(|message| WalError::Damaged {
            path: file.path.clone(),
            offset: offset.into(),
            message,
        })?;
        let entry = parsed.entry;
        let start = offset as usize + parsed.len - super::entry::CRC_BYTES - entry.data.len();
        let data = start..start + entry.data.len();
        let (series, min_ms, max_ms) = (entry.series, entry.min_ms, entry.max_ms);
        let (encoding, is_out_of_order) = (entry.encoding, entry.is_out_of_order);
        Ok(HeadChunk { map: map.clone(), data, series, min_ms, max_ms, encoding, is_out_of_order })
    }

    /// Removes the files whose number is below `first`, but never the one that is written, and says how many. Chunks
    /// that were read from them stay readable.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed; those before it are.
    pub fn remove_before(&self, first: u32) -> Result<usize, WalError> {
        let written = self.writer.lock().current.as_ref().map_or(u32::MAX, |c| c.number);
        let mut files = self.files.write();
        let old: Vec<u32> = files.keys().copied().filter(|n| *n < first.min(written)).collect();
        for number in &old {
            let path = file_path(&self.dir, *number);
            match self.vfs.remove(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(WalError::at(&path)(e)),
                _ => drop(files.remove(number)),
            }
        }
        if !old.is_empty() {
            self.vfs.sync_dir(&self.dir).map_err(WalError::at(&self.dir))?;
        }
        Ok(old.len())
    }

    /// Numbers of the files, ascending.
    #[must_use]
    pub fn file_numbers(&self) -> Vec<u32> {
        self.files.read().keys().copied().collect()
    }

    /// Up to where everything is written now.
    pub(super) fn written_end(&self) -> HeadChunkRef {
        let writer = self.writer.lock();
        match &writer.current {
            Some(current) => HeadChunkRef::new(current.number, u32::try_from(current.len).unwrap_or(u32::MAX)),
            None => HeadChunkRef::new(writer.next_number.saturating_sub(1), u32::MAX),
        }
    }

    /// How many bytes of file `number` are written, where all are up to `end`; `None` without such a file.
    pub(super) fn written_bytes(&self, number: u32, end: HeadChunkRef) -> Result<Option<usize>, WalError> {
        let Some(file) = self.files.read().get(&number).cloned() else { return Ok(None) };
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        let is_last = number == end.file();
        Ok(Some(if is_last && end.offset() < u32::MAX { end.offset() as usize } else { len }))
    }

    pub(super) fn has_file(&self, number: u32) -> bool {
        self.files.read().contains_key(&number)
    }

    pub(super) fn path_of(&self, number: u32) -> PathBuf {
        file_path(&self.dir, number)
    }

    pub(super) fn vfs(&self) -> &dyn Vfs {
        &*self.vfs
    }

    /// Bytes of all files.
    ///
    /// # Errors
    ///
    /// When a file's length cannot be asked.
    pub fn bytes(&self) -> Result<u64, WalError> {
        let files = self.files.read();
        files.values().map(|file| file.len()).sum()
    }
}

impl Writer {
    fn sync(&mut self) -> Result<(), WalError> {
        while let Some(mut file) = self.given_up.pop() {
            file.chunks.finish();
            file.sync().inspect_err(|_| self.doubtful.push(file.number))?;
        }
        let synced = self.current.as_mut().map_or(Ok(()), Current::sync);
        if synced.is_err() {
            let doubtful = self.current.take().inspect(|file| file.chunks.finish());
            self.doubtful.extend(doubtful.map(|file| file.number));
        }
        synced
    }
}

impl Current {
    fn write(&mut self, data: &[u8]) -> Result<(), WalError> {
        self.file.append(data).map_err(WalError::at(&self.chunks.path))?;
        self.len += data.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), WalError> {
        if self.synced_len < self.len {
            self.file.sync().map_err(WalError::at(&self.chunks.path))?;
            self.synced_len = self.len;
        }
        Ok(())
    }
}

pub(super) fn file_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}"))
}

pub(super) fn list_numbers(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<u32>, WalError> {
    let names = vfs.list(dir).map_err(WalError::at(dir))?;
    let is_number = |name: &&String| name.len() >= 6 && name.bytes().all(|b| b.is_ascii_digit());
    let mut numbers: Vec<u32> = names.iter().filter(is_number).filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// A last file that never got as far as its magic number holds nothing.
fn remove_empty_last(
    vfs: &dyn Vfs,
    dir: &Path,
    numbers: &mut Vec<u32>,
    report: &mut HeadChunkReport,
) -> Result<(), WalError> {
    let Some(number) = numbers.last() else { return Ok(()) };
    let path = file_path(dir, *number);
    let file = match vfs.open(&path, OpenMode::Read) {
        Err(e) if is_no_file(&e) => return Ok(()),
        file => file.map_err(WalError::at(&path))?,
    };
    let map = file.map().map_err(WalError::at(&path))?;
    if map.len() >= MAGIC_BYTES && map.iter().any(|b| *b != 0) {
        return Ok(());
    }
    vfs.remove(&path).map_err(WalError::at(&path))?;
    vfs.sync_dir(dir).map_err(WalError::at(dir))?;
    numbers.pop();
    report.removed.push(path);
    Ok(())
}

pub(super) fn note_gap(dir: &Path, previous: Option<u32>, number: u32, report: &mut HeadChunkReport) {
    let Some(expected) = previous.and_then(|p| p.checked_add(1)).filter(|expected| *expected < number) else { return };
    let message = format!("files {expected:06} to {:06} are missing", number - 1);
    report.damage.push(HeadChunkDamage { path: file_path(dir, expected), offset: 0, message });
}

fn read_file(
    chunks: &ChunkFile,
    file: &dyn VfsFile,
    number: u32,
    is_last: bool,
    visit: &mut dyn FnMut(HeadChunkEntry<'_>),
    report: &mut HeadChunkReport,
) -> Result<(), WalError> {
    let map = chunks.map_whole()?;
    let mut scanned = scan(&map, number, &chunks.path, !report.damage.is_empty(), visit);
    drop(map);
    report.files += 1;
    report.chunks += scanned.chunks;
    let is_torn = is_last && !scanned.ends_well && scanned.good_end >= FILE_HEADER_BYTES;
    if is_torn {
        report.torn_tail = scanned.damage.pop();
        let end = scanned.good_end as u64;
        file.truncate(end).and_then(|()| file.sync()).map_err(WalError::at(&chunks.path))?;
    }
    report.damage.append(&mut scanned.damage);
    Ok(())
}
