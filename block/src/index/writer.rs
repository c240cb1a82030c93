//! Writing an index of version 2.
//!
//! Symbols first, then series as they come, then the postings. Memory does not grow with the number of series: lists are
//! made by reading the written series again, as many lists at a time as fit a budget. What grows is a counter for each
//! label pair.

use std::path::Path;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use promethium_vfs::Vfs;

use super::series::{ALIGNMENT, SeriesEntry, Step, Walk};
use super::symbols::SymbolTable;
use super::toc::{MAGIC, Toc};
use super::{ChunkMeta, INDEX_FILE};
use crate::bytes::{put_prefixed, put_uvarint, put_varint};
use crate::error::{BlockError, Fault, Part};
use crate::write::Out;

const VERSION: u8 = 2;
/// The name and the value under which all series are listed, as an ordinal.
const ALL: (u32, u32) = (u32::MAX, u32::MAX);
/// Ids that are held at a time while lists are made: 64 MiB.
const POSTINGS_BUDGET: usize = 16 << 20;
/// Ids have 32 bits, each for 16 bytes.
const MAX_INDEX_BYTES: u64 = u32::MAX as u64 * ALIGNMENT;
/// Lengths of sections have 32 bits.
const MAX_SECTION_BYTES: u64 = u32::MAX as u64;

/// A label by the ordinals of its symbols.
type Pair = (u32, u32);

pub(crate) struct IndexWriter {
    out: Out,
    toc: Toc,
    symbols: u32,
    series: u64,
    last: Vec<Pair>,
    pairs: PairCounts,
    body: Vec<u8>,
    budget: usize,
}

impl IndexWriter {
    /// Begins an index and writes its symbols, which come sorted, each once, and twice the same.
    pub(crate) fn create<'s>(
        vfs: &dyn Vfs,
        block: &Path,
        symbols: impl Fn() -> Result<Box<dyn Iterator<Item = &'s [u8]> + 's>, BlockError>,
    ) -> Result<Self, BlockError> {
        let mut out = Out::create(vfs, &block.join(INDEX_FILE))?;
        out.write(&MAGIC.to_be_bytes())?;
        out.write(&[VERSION])?;
        let mut toc = Toc { symbols: out.position(), ..Toc::default() };
        let count = write_symbols(&mut out, symbols)?;
        toc.series = out.position();
        Ok(IndexWriter {
            out,
            toc,
            symbols: count,
            series: 0,
            last: Vec::new(),
            pairs: PairCounts::default(),
            body: Vec::new(),
            budget: POSTINGS_BUDGET,
        })
    }

    /// Adds a series. Labels are sorted by name; series come sorted by labels, chunks by time and by reference.
    pub(crate) fn add_series(&mut self, labels: &[Pair], chunks: &[ChunkMeta]) -> Result<(), BlockError> {
        self.check_order(labels, chunks)?;
        self.body.clear();
        put_uvarint(&mut self.body, labels.len() as u64);
        for (name, value) in labels {
            put_uvarint(&mut self.body, u64::from(*name));
            put_uvarint(&mut self.body, u64::from(*value));
        }
        put_chunks(&mut self.body, chunks);
        let crc = crc32c::crc32c(&self.body);
        self.out.align(ALIGNMENT)?;
        let mut len = Vec::with_capacity(5);
        put_uvarint(&mut len, self.body.len() as u64);
        self.out.write(&len)?;
        self.out.write(&self.body)?;
        self.out.write(&crc.to_be_bytes())?;
        self.check_size(self.out.position(), MAX_INDEX_BYTES, "bytes of an index")?;
        self.pairs.count(labels);
        self.last.clear();
        self.last.extend_from_slice(labels);
        self.series += 1;
        Ok(())
    }

    fn check_order(&self, labels: &[Pair], chunks: &[ChunkMeta]) -> Result<(), BlockError> {
        let wrong = |message: &str| {
            Err(BlockError::Unwritable { path: self.out.path().to_path_buf(), message: message.to_owned() })
        };
        if labels.is_empty() {
            return wrong("a series without labels");
        }
        if !labels.is_sorted_by(|a, b| a.0 < b.0) {
            return wrong("labels that are not sorted by name");
        }
        if labels.iter().any(|(n, v)| *n >= self.symbols || *v >= self.symbols) {
            return wrong("a label that is not among the symbols");
        }
        if self.series > 0 && self.last.as_slice() >= labels {
            return wrong("series that are not sorted by labels");
        }
        if chunks.iter().any(|c| c.min_ms > c.max_ms) || !chunks.is_sorted_by(|a, b| a.max_ms < b.min_ms) {
            return wrong("chunks that are not sorted by time");
        }
        Ok(())
    }

    fn check_size(&self, found: u64, limit: u64, what: &'static str) -> Result<(), BlockError> {
        if found <= limit {
            return Ok(());
        }
        Err(BlockError::TooLarge { path: self.out.path().to_path_buf(), what, limit, found })
    }

    /// Writes postings and table of contents, and makes the file durable. Gives the number of bytes.
    pub(crate) fn finish(mut self) -> Result<u64, BlockError> {
        // No label indices are written; their places are those of the neighbours, as in Prometheus 3.
        self.toc.label_indices = self.out.position();
        self.toc.postings = self.out.position();
        let file = self.out.map()?;
        self.out.align(4)?;
        let mut lists = vec![(ALL, self.series as usize)];
        lists.extend(self.pairs.sorted());
        let first_list = self.out.position();
        let mut rest = lists.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(how_many_fit(rest, self.budget));
            self.write_lists(&file, now)?;
            rest = later;
        }
        self.toc.postings_table = self.out.position();
        self.toc.label_indices_table = self.toc.postings_table;
        self.write_table(&file, &lists, first_list)?;
        self.out.write(&self.toc.encode())?;
        self.out.finish()
    }

    /// Gathers the ids of some lists in one pass over the written series, and writes them.
    fn write_lists(&mut self, file: &[u8], lists: &[(Pair, usize)]) -> Result<(), BlockError> {
        let mut gather = Gather::new(lists);
        let mut walk = Walk::new(file, self.toc.series, self.toc.label_indices, ALIGNMENT);
        let mut entry = SeriesEntry::default();
        while let Some(step) = walk.next(&mut entry) {
            match step {
                Step::Entry(offset) => gather.add((offset / ALIGNMENT) as u32, &entry.labels),
                Step::Gap(fault) => return Err(self.misread(fault)),
            }
        }
        let mut contents = Vec::new();
        for ids in gather.lists() {
            contents.clear();
            contents.extend_from_slice(&(ids.len() as u32).to_be_bytes());
            contents.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
            self.check_size(contents.len() as u64, MAX_SECTION_BYTES, "bytes of a list of postings")?;
            write_section(&mut self.out, &contents)?;
        }
        Ok(())
    }

    /// What was just written reads as something else.
    fn misread(&self, fault: Fault) -> BlockError {
        BlockError::Damaged(fault.in_part(Part::Series, self.out.path()))
    }

    fn write_table(&mut self, file: &[u8], lists: &[(Pair, usize)], first_list: u64) -> Result<(), BlockError> {
        let symbols = SymbolTable::read(file, self.toc.symbols).map_err(|f| self.misread(f))?;
        let text = |ordinal: u32| symbols.bytes_of(file, ordinal).unwrap_or_default();
        let entries = |each: &mut dyn FnMut(&[u8]) -> Result<(), BlockError>| -> Result<(), BlockError> {
            let mut list = first_list;
            let mut entry = Vec::new();
            for ((name, value), count) in lists {
                entry.clear();
                put_uvarint(&mut entry, 2);
                put_prefixed(&mut entry, text(*name));
                put_prefixed(&mut entry, text(*value));
                put_uvarint(&mut entry, list);
                each(&entry)?;
                list += 12 + 4 * *count as u64;
            }
            Ok(())
        };
        let mut len = 4;
        entries(&mut |entry| {
            len += entry.len() as u64;
            Ok(())
        })?;
        self.check_size(len, MAX_SECTION_BYTES, "bytes of the table of postings lists")?;
        self.out.write(&(len as u32).to_be_bytes())?;
        let count = (lists.len() as u32).to_be_bytes();
        self.out.write(&count)?;
        let mut crc = crc32c::crc32c(&count);
        let out = &mut self.out;
        entries(&mut |entry| {
            crc = crc32c::crc32c_append(crc, entry);
            out.write(entry)
        })?;
        self.out.write(&crc.to_be_bytes())
    }
}

fn write_symbols<'s>(
    out: &mut Out,
    symbols: impl Fn() -> Result<Box<dyn Iterator<Item = &'s [u8]> + 's>, BlockError>,
) -> Result<u32, BlockError> {
    let (mut count, mut len) = (0_u64, 4_u64);
    let mut bytes = Vec::new();
    let mut last: Option<&[u8]> = None;
    for symbol in symbols()? {
        if last.is_some_and(|l| l >= symbol) {
            let message = "symbols that are not sorted".to_owned();
            return Err(BlockError::Unwritable { path: out.path().to_path_buf(), message });
        }
        last = Some(symbol);
        bytes.clear();
        put_uvarint(&mut bytes, symbol.len() as u64);
        count += 1;
        len += (bytes.len() + symbol.len()) as u64;
    }
    if len > MAX_SECTION_BYTES {
        let (what, limit) = ("bytes of symbols", MAX_SECTION_BYTES);
        return Err(BlockError::TooLarge { path: out.path().to_path_buf(), what, limit, found: len });
    }
    let head = (count as u32).to_be_bytes();
    out.write(&(len as u32).to_be_bytes())?;
    out.write(&head)?;
    let mut crc = crc32c::crc32c(&head);
    for symbol in symbols()? {
        bytes.clear();
        put_prefixed(&mut bytes, symbol);
        crc = crc32c::crc32c_append(crc, &bytes);
        out.write(&bytes)?;
    }
    out.write(&crc.to_be_bytes())?;
    Ok(count as u32)
}

fn write_section(out: &mut Out, contents: &[u8]) -> Result<(), BlockError> {
    out.write(&(contents.len() as u32).to_be_bytes())?;
    out.write(contents)?;
    out.write(&crc32c::crc32c(contents).to_be_bytes())
}

fn put_chunks(body: &mut Vec<u8>, chunks: &[ChunkMeta]) {
    put_uvarint(body, chunks.len() as u64);
    let mut last: Option<ChunkMeta> = None;
    for chunk in chunks {
        match last {
            None => put_varint(body, chunk.min_ms),
            Some(last) => put_uvarint(body, chunk.min_ms.wrapping_sub(last.max_ms) as u64),
        }
        put_uvarint(body, chunk.max_ms.wrapping_sub(chunk.min_ms) as u64);
        match last {
            None => put_uvarint(body, chunk.reference),
            Some(last) => put_varint(body, chunk.reference.wrapping_sub(last.reference) as i64),
        }
        last = Some(*chunk);
    }
}

/// How many of the lists fit the budget; one at least.
fn how_many_fit(lists: &[(Pair, usize)], budget: usize) -> usize {
    let mut ids = 0;
    let within = lists.iter().take_while(|(_, count)| {
        ids += count;
        ids <= budget
    });
    within.count().max(1)
}

/// How many series have a label, for each label.
#[derive(Default)]
struct PairCounts {
    counts: HashMap<Pair, usize, FixedState>,
}

impl PairCounts {
    fn count(&mut self, labels: &[Pair]) {
        for label in labels {
            *self.counts.entry(*label).or_default() += 1;
        }
    }

    fn sorted(&self) -> Vec<(Pair, usize)> {
        let mut all: Vec<(Pair, usize)> = self.counts.iter().map(|(pair, count)| (*pair, *count)).collect();
        all.sort_unstable();
        all
    }
}

/// Some lists, being filled: one allocation, each list at its place.
struct Gather {
    ids: Vec<u32>,
    /// Where the lists begin, and where the last ends.
    starts: Vec<usize>,
    /// Where each list goes on.
    next: Vec<usize>,
    slots: HashMap<Pair, usize, FixedState>,
    all: Option<usize>,
    /// The labels of the series before, and their slots: neighbours have most of them in common.
    last: Vec<(Pair, Option<usize>)>,
}

impl Gather {
    fn new(lists: &[(Pair, usize)]) -> Self {
        let mut starts = vec![0];
        for (_, count) in lists {
            starts.push(starts.last().copied().unwrap_or(0) + count);
        }
        let slots = lists.iter().enumerate().map(|(slot, (pair, _))| (*pair, slot)).collect();
        let all = lists.iter().position(|(pair, _)| *pair == ALL);
        let ids = vec![0; starts.last().copied().unwrap_or(0)];
        Gather { ids, next: starts.clone(), starts, slots, all, last: Vec::new() }
    }

    fn add(&mut self, id: u32, labels: &[Pair]) {
        if let Some(slot) = self.all {
            self.push(slot, id);
        }
        for (place, label) in labels.iter().enumerate() {
            let slot = match self.last.get(place) {
                Some((same, slot)) if same == label => *slot,
                _ => self.find(place, *label),
            };
            if let Some(slot) = slot {
                self.push(slot, id);
            }
        }
    }

    fn find(&mut self, place: usize, label: Pair) -> Option<usize> {
        let slot = self.slots.get(&label).copied();
        match self.last.get_mut(place) {
            Some(last) => *last = (label, slot),
            None => self.last.push((label, slot)),
        }
        slot
    }

    fn push(&mut self, slot: usize, id: u32) {
        let at = self.next[slot];
        self.ids[at] = id;
        self.next[slot] += 1;
    }

    fn lists(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|w| &self.ids[w[0]..w[1]])
    }
}
