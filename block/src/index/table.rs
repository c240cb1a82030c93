//! The table of postings lists: `u32 length · u32 count · (uvarint 2 · name · value · uvarint offset)* · u32 crc`, sorted
//! by name and value.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::bytes::{Cursor, ends_early, section};
use crate::error::Fault;

/// Every so many values of a name, the place of one is kept; the others are walked to.
const STRIDE: usize = 32;

/// Where the entries are. Names and values stay in the file.
#[derive(Clone, Debug)]
pub(crate) struct PostingsTable {
    /// Sorted by name.
    names: Vec<NameEntries>,
}

/// The entries of one name.
#[derive(Clone, Debug)]
struct NameEntries {
    count: usize,
    /// Offsets in the file of each `stride`-th entry.
    places: Vec<u64>,
    stride: usize,
}

/// An entry of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Offset of the list in the file.
    pub(crate) list: u64,
}

fn read_entry<'a>(bytes: &mut Cursor<'a>) -> Option<Entry<'a>> {
    (bytes.uvarint()? == 2).then_some(())?;
    Some(Entry { name: bytes.prefixed()?, value: bytes.prefixed()?, list: bytes.uvarint()? })
}

impl PostingsTable {
    /// Checks the section at `offset` and walks it once.
    pub(crate) fn read(file: &[u8], offset: u64) -> Result<Self, Fault> {
        let contents = section(file, offset)?;
        let mut bytes = Cursor::new(contents);
        let count = bytes.u32().ok_or_else(|| ends_early(offset))?;
        let start = offset + 8;
        let len = bytes.rest().len();
        let mut table = PostingsTable { names: Vec::new() };
        let mut last: Option<Entry<'_>> = None;
        for _ in 0..count {
            let place = start + (len - bytes.rest().len()) as u64;
            let entry = read_entry(&mut bytes).ok_or_else(|| ends_early(offset))?;
            if last.is_some_and(|l| (l.name, l.value) >= (entry.name, entry.value)) {
                return Self::of_unsorted(contents, count, start).ok_or_else(|| ends_early(offset));
            }
            table.push(last.is_none_or(|l| l.name != entry.name), place);
            last = Some(entry);
        }
        if !bytes.is_empty() {
            return Err(Fault::new(offset, "bytes behind the last entry"));
        }
        Ok(table)
    }

    fn push(&mut self, is_new_name: bool, place: u64) {
        match self.names.last_mut() {
            Some(entries) if !is_new_name => {
                if entries.count.is_multiple_of(STRIDE) {
                    entries.places.push(place);
                }
                entries.count += 1;
            }
            _ => self.names.push(NameEntries { count: 1, places: vec![place], stride: STRIDE }),
        }
    }

    /// Tables of version 1 are not sorted: the place of each entry is kept.
    fn of_unsorted(contents: &[u8], count: u32, start: u64) -> Option<Self> {
        let mut bytes = Cursor::new(contents.get(4..)?);
        let len = bytes.rest().len();
        let mut entries = Vec::new();
        for _ in 0..count {
            let place = start + (len - bytes.rest().len()) as u64;
            entries.push((read_entry(&mut bytes)?, place));
        }
        entries.sort_by_key(|(entry, _)| (entry.name, entry.value));
        let of_one_name = entries.chunk_by(|(a, _), (b, _)| a.name == b.name);
        let names = of_one_name.map(|entries| NameEntries {
            count: entries.len(),
            places: entries.iter().map(|(_, place)| *place).collect(),
            stride: 1,
        });
        Some(PostingsTable { names: names.collect() })
    }

    /// The names, sorted.
    pub(crate) fn names<'a>(&'a self, file: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.names.iter().filter_map(|entries| Some(entries.get(file, 0)?.name))
    }

    /// Entries of all names.
    pub(crate) fn len(&self) -> usize {
        self.names.iter().map(|entries| entries.count).sum()
    }

    fn of_name(&self, file: &[u8], name: &[u8]) -> Option<&NameEntries> {
        let name_of = |entries: &NameEntries| entries.get(file, 0).map_or(&[][..], |e| e.name);
        let at = self.names.binary_search_by(|entries| name_of(entries).cmp(name)).ok()?;
        self.names.get(at)
    }

    /// How many values a name has.
    pub(crate) fn value_count(&self, file: &[u8], name: &[u8]) -> usize {
        self.of_name(file, name).map_or(0, |entries| entries.count)
    }

    /// The entry of a name and a value.
    pub(crate) fn find<'a>(&'a self, file: &'a [u8], name: &[u8], value: &[u8]) -> Option<Entry<'a>> {
        let first = self.values_from(file, name, value).next()?;
        (first.value == value).then_some(first)
    }

    /// The entries of a name, sorted by value, from the first value that is not below `from`.
    pub(crate) fn values_from<'a>(
        &'a self,
        file: &'a [u8],
        name: &[u8],
        from: &[u8],
    ) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let entries = self.of_name(file, name);
        let start = entries.map_or(0, |entries| entries.first_not_below(file, from));
        let walk = entries.map(|entries| EntryWalk::new(file, entries, start));
        walk.into_iter().flatten()
    }
}

impl NameEntries {
    /// The entry at a kept place.
    fn get<'a>(&self, file: &'a [u8], place: usize) -> Option<Entry<'a>> {
        read_entry(&mut cursor_at(file, *self.places.get(place)?)?)
    }

    /// Number of the first entry whose value is not below `value`.
    fn first_not_below(&self, file: &[u8], value: &[u8]) -> usize {
        let is_below = |place: &u64| {
            let entry = cursor_at(file, *place).and_then(|mut bytes| read_entry(&mut bytes));
            entry.is_some_and(|e| e.value < value)
        };
        let place = self.places.partition_point(is_below).saturating_sub(1);
        let start = place * self.stride;
        let walk = EntryWalk::new(file, self, start).take(self.stride);
        start + walk.take_while(|e| e.value < value).count()
    }
}

fn cursor_at(file: &[u8], offset: u64) -> Option<Cursor<'_>> {
    Some(Cursor::new(file.get(usize::try_from(offset).ok()?..)?))
}

/// Walks the entries of one name.
struct EntryWalk<'a> {
    file: &'a [u8],
    entries: &'a NameEntries,
    next: usize,
    bytes: Cursor<'a>,
}

impl<'a> EntryWalk<'a> {
    fn new(file: &'a [u8], entries: &'a NameEntries, start: usize) -> Self {
        let mut walk =
            EntryWalk { file, entries, next: start / entries.stride * entries.stride, bytes: Cursor::new(&[]) };
        for _ in 0..start % entries.stride {
            walk.next();
        }
        walk
    }
}

impl<'a> Iterator for EntryWalk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.next >= self.entries.count {
            return None;
        }
        if self.next.is_multiple_of(self.entries.stride) {
            self.bytes = cursor_at(self.file, *self.entries.places.get(self.next / self.entries.stride)?)?;
        }
        self.next += 1;
        read_entry(&mut self.bytes)
    }
}
