//! From a snapshot to the head: in place of the log up to there.

use std::sync::Arc;

use promethium_model::{Labels, Symbol};
use promethium_wal::head_snapshot::{HeadSnapshot, HeadSnapshotEntry};

use super::ReplayReport;
use super::restore::Restorer;
use super::resuming::{BATCH_SERIES, Entries, Resuming};
use super::team::Work;
use crate::db::head_file::{
    ALIAS_SECTION, FRONTIER_SECTION, HEAD_SECTION, InFiles, KEPT_SECTION, RECORD_SECTION, pairs,
};
use crate::db::life::KeptReferences;
use crate::head::HeadIndex;
use crate::head::series::MemSeries;

/// The names and values of a snapshot, and what symbols of the index they are.
struct Texts<'s> {
    texts: Vec<&'s str>,
    symbols: Vec<Option<Symbol>>,
    /// The labels of one series, as symbols, as text, and packed.
    pairs: Vec<(Symbol, Symbol)>,
    labels: Vec<(&'s str, &'s str)>,
    packed: Vec<u8>,
}

impl<'s> Texts<'s> {
    fn of(snapshot: &'s HeadSnapshot) -> Result<Self, String> {
        let texts = snapshot.symbols().map_err(|e| e.to_string())?;
        let symbols = vec![None; texts.len()];
        Ok(Texts { symbols, texts, pairs: Vec::new(), labels: Vec::new(), packed: Vec::new() })
    }

    /// Looks the texts of labels up. Whether they are there.
    fn find(&mut self, labels: &[(u32, u32)]) -> bool {
        let text = |text: u32| self.texts.get(text as usize).copied();
        self.labels.clear();
        self.labels.extend(labels.iter().filter_map(|(name, value)| text(*name).zip(text(*value))));
        self.packed.clear();
        Labels::pack_sorted_pairs(&mut self.packed, self.labels.iter().copied());
        self.labels.len() == labels.len()
    }

    /// The symbols of labels whose texts are there.
    fn intern(&mut self, index: &mut HeadIndex, labels: &[(u32, u32)]) -> &[(Symbol, Symbol)] {
        let (texts, symbols) = (&self.texts, &mut self.symbols);
        let mut symbol = |text: u32| {
            let text = text as usize;
            *symbols[text].get_or_insert_with(|| index.symbol(texts[text]))
        };
        self.pairs.clear();
        self.pairs.extend(labels.iter().map(|(name, value)| (symbol(*name), symbol(*value))));
        &self.pairs
    }
}

impl Restorer<'_> {
    /// Restores everything that a snapshot has, and says which references the log must go on explaining. `Err` says why it
    /// cannot be; what was restored until then must be thrown away.
    pub(super) fn restore_snapshot(
        &mut self,
        snapshot: &HeadSnapshot,
        report: &mut ReplayReport,
    ) -> Result<KeptReferences, String> {
        // The head may have been further than the blocks say: of a range in which everything is deleted there is none.
        for (frontier_ms, _) in snapshot.sections(FRONTIER_SECTION).flat_map(pairs) {
            self.head.raise_frontier(frontier_ms as i64);
        }
        for (alias, of) in snapshot.sections(ALIAS_SECTION).flat_map(pairs) {
            self.chunks.join(alias, of);
        }
        self.make_snapshot_series(snapshot, report)?;
        for (alias, of) in snapshot.sections(ALIAS_SECTION).flat_map(pairs) {
            self.add_alias(alias, of);
        }
        for record in snapshot.sections(RECORD_SECTION) {
            self.restore(record, report).map_err(|e| e.to_string())?;
        }
        for (next_reference, _) in snapshot.sections(HEAD_SECTION).flat_map(pairs) {
            self.head.skip_references(next_reference);
        }
        let kept = snapshot.sections(KEPT_SECTION).flat_map(pairs);
        Ok(kept.map(|(reference, until_ms)| (reference, until_ms as i64)).collect())
    }

    /// Makes the series, one after the other; their chunks are restored by whoever is there.
    fn make_snapshot_series(&mut self, snapshot: &HeadSnapshot, report: &mut ReplayReport) -> Result<(), String> {
        let mut texts = Texts::of(snapshot)?;
        let (mut entries, mut resuming) = (Entries::of(snapshot), None);
        let mut series = snapshot.series();
        while let Some(entry) = series.next_entry().map_err(|e| e.to_string())? {
            self.restore_entry(snapshot, &entry, &mut texts, &mut entries, report)?;
            if entries.len() == BATCH_SERIES {
                self.end_resuming(resuming.take(), report)?;
                resuming = Some(self.team.put(Resuming::new(std::mem::replace(&mut entries, Entries::of(snapshot)))));
            }
        }
        self.end_resuming(resuming, report)?;
        self.end_resuming(Some(self.team.put(Resuming::new(entries))), report)
    }

    fn end_resuming(&self, work: Option<Arc<Work<Resuming>>>, report: &mut ReplayReport) -> Result<(), String> {
        let Some(work) = work else { return Ok(()) };
        let new = self.team.end(&work).take_outcome()?;
        report.samples += new.count;
        self.head.note_stored(&new);
        Ok(())
    }

    fn restore_entry(
        &mut self,
        snapshot: &HeadSnapshot,
        entry: &HeadSnapshotEntry<'_, '_>,
        texts: &mut Texts<'_>,
        entries: &mut Entries,
        report: &mut ReplayReport,
    ) -> Result<(), String> {
        let reference = entry.reference;
        let wrong = |what: &str| format!("series {reference} {what}");
        if !texts.find(entry.labels) {
            return Err(wrong("has labels that are not there"));
        }
        let in_files = InFiles::read(entry.state).ok_or_else(|| wrong("has no state"))?;
        let mut found = self.chunks.take(reference).chunks;
        let frontier_ms = self.head.frontier_ms();
        found.retain(|chunk| chunk.max_ms >= frontier_ms);
        // More of them may have gone to files since.
        let before = found.get(..usize::try_from(in_files.chunks).unwrap_or(usize::MAX)).map(InFiles::of);
        if before != Some(in_files) {
            return Err(wrong("has other chunks in files"));
        }
        self.head.skip_references(reference);
        let labels = std::mem::take(&mut texts.labels);
        let same = |index: &HeadIndex, series: &MemSeries| index.has_labels(series, labels.iter().copied());
        let (hash, bytes) = (self.head.hash_packed(&texts.packed), texts.packed.len());
        let made = self.head.get_or_create_with(hash, reference, bytes, same, |index, new| {
            let pairs = texts.intern(index, entry.labels);
            index.insert_interned_in_bulk(new, pairs)
        });
        texts.labels = labels;
        let Some((series, is_new)) = made else {
            report.series_over_limit += 1;
            return Ok(());
        };
        if !is_new {
            return Err(wrong("is there twice"));
        }
        report.chunks += found.len() as u64;
        let newest_in_files = found.last().map(|chunk| chunk.max_ms);
        let in_memory = entry.chunks.iter().filter(|chunk| Some(chunk.max_ms) > newest_in_files);
        entries.add(Arc::clone(&series), found, in_memory, snapshot);
        if let Some(newest_ms) = newest_in_files {
            self.team.in_files.write().insert(reference, newest_ms);
        }
        self.add_series(reference, series);
        Ok(())
    }
}
