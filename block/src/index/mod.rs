//! The index of a block: which series there are, where their chunks are, and which series have a label.
//!
//! What is checked when: the header and the table of contents at open; the symbols and the table of postings lists at
//! their first use; a series' entry and a postings list each time they are read (a long list once). Damage to any one of
//! these but a series' entry costs no series: each is made anew from the others, in memory, and the damage is noted.

mod recover;
mod series;
mod symbols;
mod table;
mod toc;
mod writer;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use promethium_vfs::{FileMap, OpenMode, Vfs};

use crate::bytes::{Cursor, ends_early, section, unchecked_section};
use crate::damage::DamageLog;
use crate::error::{BlockError, Damage, Fault, Part};
use recover::{LabelsOfPostings, RebuiltPostings};
pub use series::ChunkMeta;
pub(crate) use series::SeriesEntry;
use series::{ALIGNMENT, Step, Walk};
use symbols::SymbolTable;
use table::PostingsTable;
use toc::{MAGIC, Toc};
pub(crate) use writer::IndexWriter;

/// The name of the file.
pub const INDEX_FILE: &str = "index";

/// Lists of more ids than this are remembered once their sum was found right.
const LONG_LIST: usize = 1_024;

/// An open index. The file is read in place.
pub(crate) struct Index {
    path: PathBuf,
    file: FileMap,
    version: u8,
    toc: Toc,
    toc_is_guessed: bool,
    strings: OnceLock<Result<Strings, Fault>>,
    table: OnceLock<Option<PostingsTable>>,
    rebuilt: OnceLock<RebuiltPostings>,
    checked_lists: RwLock<HashSet<u64>>,
    damage: Arc<DamageLog>,
}

/// Where the texts of labels come from.
enum Strings {
    Table(SymbolTable),
    /// The symbols are damaged.
    Postings(LabelsOfPostings),
}

/// The ids of a postings list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ids<'a> {
    /// In the file.
    Big(&'a [[u8; 4]]),
    /// Made anew.
    Native(&'a [u32]),
}

impl Ids<'_> {
    pub(crate) const NONE: Ids<'static> = Ids::Native(&[]);

    pub(crate) fn len(&self) -> usize {
        match self {
            Ids::Big(ids) => ids.len(),
            Ids::Native(ids) => ids.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Calls a generic function with the list that an [`Ids`] is.
macro_rules! with_ids {
    ($ids:expr, $list:ident => $body:expr) => {
        match $ids {
            $crate::index::Ids::Big($list) => $body,
            $crate::index::Ids::Native($list) => $body,
        }
    };
}
pub(crate) use with_ids;

/// A value of a label, and where its list is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueList<'a> {
    pub(crate) value: &'a str,
    list: ListPlace<'a>,
}

#[derive(Clone, Copy, Debug)]
enum ListPlace<'a> {
    At(u64),
    Rebuilt(&'a [u32]),
}

impl Index {
    /// Opens the index of the block in `dir`.
    pub(crate) fn open(vfs: &dyn Vfs, dir: &Path, damage: Arc<DamageLog>) -> Result<Self, BlockError> {
        let path = dir.join(INDEX_FILE);
        let file = vfs.open(&path, OpenMode::Read).and_then(|f| f.map()).map_err(BlockError::io(&path))?;
        Self::of_bytes(path, file, damage)
    }

    pub(crate) fn of_bytes(path: PathBuf, file: FileMap, damage: Arc<DamageLog>) -> Result<Self, BlockError> {
        let note = |fault: Fault, part| damage.note(fault.in_part(part, &path));
        let unreadable = |fault: Fault, part| BlockError::Damaged(fault.in_part(part, &path));
        let mut header = Cursor::new(&file);
        let (magic, version) =
            header.u32().zip(header.u8()).ok_or_else(|| unreadable(ends_early(0), Part::IndexHeader))?;
        if magic != MAGIC {
            note(Fault::new(0, format!("invalid magic number {magic:08x}")), Part::IndexHeader);
        }
        if !(1..=3).contains(&version) {
            return Err(BlockError::Version { path, what: "index", version: u64::from(version) });
        }
        let (toc, toc_is_guessed) = match Toc::read(&file) {
            Ok(toc) => (toc, false),
            Err(fault) => {
                note(fault, Part::Toc);
                (Toc::guess(&file).map_err(|f| unreadable(f, Part::Symbols))?, true)
            }
        };
        Ok(Index {
            path,
            file,
            version,
            toc,
            toc_is_guessed,
            strings: OnceLock::new(),
            table: OnceLock::new(),
            rebuilt: OnceLock::new(),
            checked_lists: RwLock::default(),
            damage,
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.file.len() as u64
    }

    fn note(&self, fault: Fault, part: Part) {
        self.damage.note(fault.in_part(part, &self.path));
    }

    fn unreadable(&self, fault: Fault, part: Part) -> BlockError {
        BlockError::Damaged(fault.in_part(part, &self.path))
    }

    /// Series ids in postings are offsets divided by this.
    fn id_scale(&self) -> u64 {
        if self.version == 1 { 1 } else { ALIGNMENT }
    }

    // -- texts ------------------------------------------------------------------------------------------------------

    fn strings(&self) -> Result<&Strings, BlockError> {
        let strings = self.strings.get_or_init(|| match SymbolTable::read(&self.file, self.toc.symbols) {
            Ok(table) => Ok(Strings::Table(table)),
            Err(fault) => {
                self.note(fault.clone(), Part::Symbols);
                self.labels_of_postings().map(Strings::Postings).map_err(|_| fault)
            }
        });
        strings.as_ref().map_err(|fault| self.unreadable(fault.clone(), Part::Symbols))
    }

    /// The labels of all series, out of the postings. They are believed only if every list holds.
    fn labels_of_postings(&self) -> Result<LabelsOfPostings, Fault> {
        if self.toc_is_guessed {
            return Err(Fault::new(self.toc.symbols, "neither symbols nor table of contents"));
        }
        let table = PostingsTable::read(&self.file, self.toc.postings_table)?;
        LabelsOfPostings::read(&self.file, &table, |at| self.list_at(at))
    }

    /// The symbols, sorted.
    pub(crate) fn symbols(&self) -> Result<Box<dyn Iterator<Item = &[u8]> + '_>, BlockError> {
        Ok(match self.strings()? {
            Strings::Table(table) => Box::new(table.iter(&self.file)),
            Strings::Postings(labels) => Box::new(labels.symbols.iter().map(String::as_bytes)),
        })
    }

    /// The text of a symbol by its ordinal.
    #[inline]
    pub(crate) fn symbol(&self, ordinal: u32) -> Result<Option<&str>, BlockError> {
        Ok(match self.strings()? {
            Strings::Table(table) => table.get(&self.file, ordinal),
            Strings::Postings(labels) => labels.symbols.get(ordinal as usize).map(String::as_str),
        })
    }

    /// The ordinal of a text.
    pub(crate) fn find_symbol(&self, text: &str) -> Result<Option<u32>, BlockError> {
        Ok(match self.strings()? {
            Strings::Table(table) => table.find(&self.file, text),
            Strings::Postings(labels) => {
                labels.symbols.binary_search_by(|s| s.as_str().cmp(text)).ok().map(|at| at as u32)
            }
        })
    }

    // -- series -----------------------------------------------------------------------------------------------------

    /// Reads the series of an id; its labels become ordinals of symbols. `false` when the entry is damaged, which is
    /// noted.
    pub(crate) fn series(&self, id: u32, entry: &mut SeriesEntry) -> Result<bool, BlockError> {
        Ok(self.series_or_damage(id, entry)?.is_none())
    }

    /// As [`Index::series`], with the damage that was noted.
    pub(crate) fn series_or_damage(&self, id: u32, entry: &mut SeriesEntry) -> Result<Option<Damage>, BlockError> {
        let offset = u64::from(id) * self.id_scale();
        match entry.read(&self.file, offset) {
            Ok(()) => self.resolve(offset, entry),
            Err(fault) => Ok(Some(self.noted(fault))),
        }
    }

    /// Notes damage to a series.
    fn noted(&self, fault: Fault) -> Damage {
        let damage = fault.in_part(Part::Series, &self.path);
        self.damage.note(damage.clone());
        damage
    }

    /// Turns the labels of an entry into ordinals of symbols.
    fn resolve(&self, offset: u64, entry: &mut SeriesEntry) -> Result<Option<Damage>, BlockError> {
        let resolved = match self.strings()? {
            Strings::Table(table) if self.version == 1 => {
                let ordinal = |at: u32| table.ordinal_at(&self.file, u64::from(at));
                let mut labels = entry.labels.iter_mut();
                labels.try_for_each(|(n, v)| Some((*n, *v) = (ordinal(*n)?, ordinal(*v)?)))
            }
            Strings::Table(table) => {
                let count = table.len();
                entry.labels.iter().all(|(n, v)| *n < count && *v < count).then_some(())
            }
            Strings::Postings(labels) => {
                labels.of((offset / self.id_scale()) as u32, entry.labels.len()).map(|known| {
                    entry.labels.clear();
                    entry.labels.extend_from_slice(known);
                })
            }
        };
        Ok(if resolved.is_some() { None } else { Some(self.noted(Fault::new(offset, "labels without symbols"))) })
    }

    /// Walks all series in the order of the file, which is that of their labels. Damaged entries are noted.
    pub(crate) fn walk(&self) -> SeriesWalk<'_> {
        SeriesWalk { index: self, walk: Walk::new(&self.file, self.toc.series, self.toc.series_end(), self.id_scale()) }
    }

    /// Notes that the labels of a series are no label set.
    pub(crate) fn note_bad_labels(&self, id: u32) -> Damage {
        self.noted(Fault::new(u64::from(id) * self.id_scale(), "the labels are not sorted, or not UTF-8"))
    }

    // -- postings ---------------------------------------------------------------------------------------------------

    /// The table of lists; `None` when it is damaged, and the lists are made anew.
    fn table(&self) -> Option<&PostingsTable> {
        let read = || match PostingsTable::read(&self.file, self.toc.postings_table) {
            _ if self.toc_is_guessed => None,
            Ok(table) => Some(table),
            Err(fault) => {
                self.note(fault, Part::PostingsTable);
                None
            }
        };
        self.table.get_or_init(read).as_ref()
    }

    fn rebuilt(&self) -> Result<&RebuiltPostings, BlockError> {
        if let Some(rebuilt) = self.rebuilt.get() {
            return Ok(rebuilt);
        }
        let rebuilt = RebuiltPostings::of(self)?;
        Ok(self.rebuilt.get_or_init(|| rebuilt))
    }

    fn list_at(&self, offset: u64) -> Result<&[[u8; 4]], Fault> {
        let is_known = self.checked_lists.read().contains(&offset);
        let contents = if is_known { unchecked_section(&self.file, offset)?.0 } else { section(&self.file, offset)? };
        let (count, ids) = contents.split_first_chunk().ok_or_else(|| ends_early(offset))?;
        let (ids, rest) = ids.as_chunks();
        if u32::from_be_bytes(*count) as usize != ids.len() || !rest.is_empty() {
            return Err(Fault::new(offset, "a list of postings of another length"));
        }
        if !is_known && ids.len() > LONG_LIST {
            self.checked_lists.write().insert(offset);
        }
        Ok(ids)
    }

    /// The ids of the series that have this label. `name` and value `""` have all.
    pub(crate) fn ids(&self, name: &str, value: &str) -> Result<Ids<'_>, BlockError> {
        let Some(table) = self.table() else { return Ok(self.rebuilt()?.ids(name, value)) };
        match table.find(&self.file, name.as_bytes(), value.as_bytes()) {
            Some(entry) => self.ids_at(entry.list, name, value),
            None => Ok(Ids::NONE),
        }
    }

    /// The ids of all series.
    pub(crate) fn all_ids(&self) -> Result<Ids<'_>, BlockError> {
        self.ids("", "")
    }

    /// The ids of a value that [`Index::values_from`] yielded for this name.
    pub(crate) fn ids_of<'a>(&'a self, name: &str, value: &ValueList<'a>) -> Result<Ids<'a>, BlockError> {
        match value.list {
            ListPlace::At(offset) => self.ids_at(offset, name, value.value),
            ListPlace::Rebuilt(ids) => Ok(Ids::Native(ids)),
        }
    }

    fn ids_at(&self, offset: u64, name: &str, value: &str) -> Result<Ids<'_>, BlockError> {
        match self.list_at(offset) {
            Ok(ids) => Ok(Ids::Big(ids)),
            Err(fault) => {
                self.note(fault, Part::Postings);
                Ok(self.rebuilt()?.ids(name, value))
            }
        }
    }

    /// The values of a label, sorted, from the first that is not below `from`.
    pub(crate) fn values_from<'a>(
        &'a self,
        name: &str,
        from: &str,
    ) -> Result<Box<dyn Iterator<Item = ValueList<'a>> + 'a>, BlockError> {
        let Some(table) = self.table() else { return Ok(self.rebuilt()?.values_from(name, from)) };
        let entries = table.values_from(&self.file, name.as_bytes(), from.as_bytes());
        // A text that is not UTF-8 cannot be asked for, and no series of it can be shown.
        let values = entries
            .filter_map(|e| Some(ValueList { value: std::str::from_utf8(e.value).ok()?, list: ListPlace::At(e.list) }));
        Ok(Box::new(values))
    }

    /// How many values a label has.
    pub(crate) fn value_count(&self, name: &str) -> Result<usize, BlockError> {
        match self.table() {
            Some(table) => Ok(table.value_count(&self.file, name.as_bytes())),
            None => Ok(self.rebuilt()?.value_count(name)),
        }
    }

    /// Values of all labels together.
    pub(crate) fn pair_count(&self) -> Result<usize, BlockError> {
        match self.table() {
            Some(table) => Ok(table.len()),
            None => Ok(self.rebuilt()?.pair_count()),
        }
    }

    /// The names of labels, sorted.
    pub(crate) fn names(&self) -> Result<Vec<&str>, BlockError> {
        let Some(table) = self.table() else { return Ok(self.rebuilt()?.names()) };
        let names = table.names(&self.file).filter(|name| !name.is_empty());
        Ok(names.filter_map(|name| std::str::from_utf8(name).ok()).collect())
    }

    /// Checks symbols, table and all lists now.
    pub(crate) fn check_lists(&self) -> Result<(), BlockError> {
        self.strings()?;
        let Some(_) = self.table() else { return Ok(()) };
        self.all_ids()?;
        for name in self.names()? {
            for value in self.values_from(name, "")? {
                self.ids_of(name, &value)?;
            }
        }
        Ok(())
    }
}

/// Walks all series of an index.
pub(crate) struct SeriesWalk<'a> {
    index: &'a Index,
    walk: Walk<'a>,
}

impl SeriesWalk<'_> {
    /// Reads the next series into `entry` and gives its id; `None` at the end.
    pub(crate) fn next(&mut self, entry: &mut SeriesEntry) -> Result<Option<u32>, BlockError> {
        while let Some(step) = self.walk.next(entry) {
            match step {
                Step::Entry(offset) if self.index.resolve(offset, entry)?.is_none() => {
                    return Ok(u32::try_from(offset / self.index.id_scale()).ok());
                }
                Step::Entry(_) => {}
                // Behind the last series nothing says where the series end, when the table of contents is guessed.
                Step::Gap(_) if self.index.toc_is_guessed => {}
                Step::Gap(fault) => self.index.note(fault, Part::Series),
            }
        }
        Ok(None)
    }
}
