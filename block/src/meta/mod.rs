//! `meta.json`: what a block is, and where it came from.

use std::path::Path;

use promethium_vfs::{Vfs, read_file, replace_file};
use serde::{Deserialize, Serialize};
use serde_json::ser::PrettyFormatter;

use crate::error::{BlockError, Damage, Part};
use crate::ulid::Ulid;

/// The name of the file.
pub const META_FILE: &str = "meta.json";

/// Bytes of a `meta.json` that are read at most: a block of 10,000 sources takes 0.4 MB.
pub const MAX_META_BYTES: u64 = 16 << 20;

const VERSION: u64 = 1;
/// A bug of Prometheus 2.1: such a block is read like one of version 1.
const VERSION_OF_2_1: u64 = 2;

/// A block's own description. It covers `[min_time_ms, max_time_ms)`: the last sample is before `max_time_ms`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct BlockMeta {
    /// The block's name.
    pub ulid: Ulid,
    /// First millisecond.
    #[serde(rename = "minTime")]
    pub min_time_ms: i64,
    /// The millisecond after the last.
    #[serde(rename = "maxTime")]
    pub max_time_ms: i64,
    /// What is in it.
    #[serde(default)]
    pub stats: BlockStats,
    /// Where it came from.
    #[serde(default)]
    pub compaction: Compaction,
    /// Version of the layout: 1.
    pub version: u64,
    /// What others wrote into the file (Thanos does); kept when the file is written again.
    #[serde(flatten)]
    pub others: serde_json::Map<String, serde_json::Value>,
}

/// Counts of a block's contents. Which samples are floats is newer than Prometheus 2.42, whose blocks say 0 there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockStats {
    /// All samples.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_samples: u64,
    /// Samples that are floats.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_float_samples: u64,
    /// Samples that are native histograms.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_histogram_samples: u64,
    /// Series.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_series: u64,
    /// Chunks.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_chunks: u64,
    /// Intervals of time that are deleted.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_tombstones: u64,
}

/// A block's descent.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Compaction {
    /// 1 straight from the head, one more than the highest parent's after a merge.
    pub level: u32,
    /// The blocks of level 1 that went into it, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub sources: Vec<Ulid>,
    /// Nothing was left of it: it may be deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub deletable: bool,
    /// The blocks that were merged into it. One that is still on disk is to be deleted.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub parents: Vec<Parent>,
    /// Merging it failed: its range is not planned again.
    #[serde(skip_serializing_if = "is_false")]
    pub failed: bool,
    /// How its data came about, sorted; see [`hint`].
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub hints: Vec<String>,
}

/// A block that was merged into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Parent {
    /// Its name.
    pub ulid: Ulid,
    /// First millisecond.
    #[serde(rename = "minTime")]
    pub min_time_ms: i64,
    /// The millisecond after the last.
    #[serde(rename = "maxTime")]
    pub max_time_ms: i64,
}

/// Values of [`Compaction::hints`].
pub mod hint {
    /// All of the block was out of order in the head.
    pub const OUT_OF_ORDER: &str = "from-out-of-order";
    /// Series that were stale.
    pub const STALE_SERIES: &str = "from-stale-series";
    /// Series that were picked.
    pub const SELECTED_SERIES: &str = "from-selected-series";
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(b: &bool) -> bool {
    !*b
}

/// Go writes an empty list as `null` where it is not left out.
fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl BlockMeta {
    /// A block straight from the head: level 1, its own source.
    #[must_use]
    pub fn of_level_one(ulid: Ulid, min_time_ms: i64, max_time_ms: i64) -> Self {
        BlockMeta {
            ulid,
            min_time_ms,
            max_time_ms,
            compaction: Compaction { level: 1, sources: vec![ulid], ..Compaction::default() },
            version: VERSION,
            ..BlockMeta::default()
        }
    }

    /// This block as a parent of another.
    #[must_use]
    pub fn as_parent(&self) -> Parent {
        Parent { ulid: self.ulid, min_time_ms: self.min_time_ms, max_time_ms: self.max_time_ms }
    }

    /// Whether the block has this hint.
    #[must_use]
    pub fn has_hint(&self, hint: &str) -> bool {
        self.compaction.hints.iter().any(|h| h == hint)
    }

    /// Reads the text of a `meta.json`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let meta: BlockMeta = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        if meta.version != VERSION && meta.version != VERSION_OF_2_1 {
            return Err(format!("unexpected meta file version {}", meta.version));
        }
        Ok(meta)
    }

    /// The text of a `meta.json`, laid out as Prometheus does it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let meta = BlockMeta { version: VERSION, ..self.clone() };
        let mut out = serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
        meta.serialize(&mut out).expect("a description has no keys but strings");
        text
    }

    /// The same in one line, as `/api/v1/status/tsdb/blocks` shows it.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        serde_json::to_string(self).expect("a description has no keys but strings")
    }

    /// Reads the `meta.json` of the block in `dir`.
    ///
    /// # Errors
    ///
    /// [`BlockError::Io`] when there is none, [`BlockError::Damaged`] when it is not one.
    pub fn read(vfs: &dyn Vfs, dir: &Path) -> Result<Self, BlockError> {
        let path = dir.join(META_FILE);
        let text = read_file(vfs, &path, MAX_META_BYTES).map_err(BlockError::io(&path))?;
        let damaged =
            |message| BlockError::Damaged(Damage { path: path.clone(), offset: 0, part: Part::Meta, message });
        Self::from_json(&text).map_err(damaged)
    }

    /// Writes the `meta.json` of the block in `dir`, or replaces it in one step.
    ///
    /// # Errors
    ///
    /// [`BlockError::Io`]; the old file is then still there, or the new one already.
    pub fn write(&self, vfs: &dyn Vfs, dir: &Path) -> Result<(), BlockError> {
        let path = dir.join(META_FILE);
        replace_file(vfs, &path, &self.to_json()).map_err(BlockError::io(&path))
    }
}

#[cfg(test)]
mod tests;
