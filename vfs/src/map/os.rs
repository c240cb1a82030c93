//! The one call that maps memory.

use std::fs::File;
use std::io;

pub(super) type Map = memmap2::Mmap;

/// Maps all of `file`, for reading.
#[expect(unsafe_code, reason = "a memory map is only as sound as the rule that nobody cuts or rewrites the file")]
pub(super) fn map(file: &File) -> io::Result<Map> {
    // SAFETY: the bytes behind the slice must not change. `VfsFile::map` makes that its caller's duty, and the store
    // keeps it: it maps finished files (blocks, full head chunk files) and appended-to prefixes, and removes names
    // instead of cutting files. Other programs are outside of what a process can vouch for, as the documentation says.
    // PERF: opening and reading 4 KiB of a 64 MiB file takes 22 µs mapped and 56 ms read (`cargo bench -p
    // promethium-vfs`), and the pages are the page cache's own: nothing is copied or held twice.
    unsafe { Map::map(file) }
}
