//! How the data is kept: Prometheus' flags, and the `storage` section of the file, which goes first.

use promethium::model::duration;
use promethium::tsdb::{DbOptions, FloatEncoding, Retention};
use serde::Deserialize;

use crate::config::{Bytes, DurationMs, parse_bytes};

const FIFTEEN_DAYS_MS: i64 = 15 * 24 * 60 * 60 * 1000;

/// What flags say of the storage.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct StorageFlags {
    /// How long samples are kept; 15d where no bound is set
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION", value_parser = duration::parse_ms)]
    retention_time: Option<i64>,
    /// How many bytes the data directory may take, log and head included, as in 512MB
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE", value_parser = size)]
    retention_size: Option<usize>,
}

/// The `storage` section.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StorageConfig {
    tsdb: TsdbConfig,
    exemplars: ExemplarsConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TsdbConfig {
    out_of_order_time_window: Option<DurationMs>,
    stale_series_compaction_threshold: Option<f64>,
    chunk_encoding: ChunkEncodingConfig,
    retention: RetentionConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ChunkEncodingConfig {
    floats: Option<Floats>,
}

/// How chunks of floats are written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Floats {
    Xor,
    Xor2,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RetentionConfig {
    time: Option<DurationMs>,
    size: Option<Bytes>,
    percentage: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ExemplarsConfig {
    max_exemplars: Option<usize>,
}

fn size(text: &str) -> Result<usize, String> {
    parse_bytes(text).ok_or_else(|| format!("{text:?} is not a size such as 512MB"))
}

/// How long, or how much, is kept, in words.
pub(crate) fn retention_text(flags: &StorageFlags, config: &StorageConfig) -> String {
    crate::description::retention_text(&retention(flags, &config.tsdb.retention))
}

/// The store's options; what neither says keeps its default.
pub(crate) fn options(flags: &StorageFlags, config: &StorageConfig) -> DbOptions {
    let mut options = DbOptions::default().retention(retention(flags, &config.tsdb.retention));
    if let Some(window) = config.tsdb.out_of_order_time_window {
        options = options.out_of_order_window_ms(window.0);
    }
    if let Some(share) = config.tsdb.stale_series_compaction_threshold {
        options = options.stale_series_compaction_threshold(share);
    }
    if let Some(Floats::Xor2) = config.tsdb.chunk_encoding.floats {
        options = options.float_encoding(FloatEncoding::Xor2);
    }
    if let Some(exemplars) = config.exemplars.max_exemplars {
        options = options.max_exemplars(exemplars);
    }
    options
}

/// Zero is "no bound", as in Prometheus. Without any bound at all it is fifteen days.
fn retention(flags: &StorageFlags, config: &RetentionConfig) -> Retention {
    let time_ms = config.time.map(|t| t.0).or(flags.retention_time).filter(|ms| *ms > 0);
    let bytes = config.size.map(|b| b.0).or(flags.retention_size).filter(|b| *b > 0).map(|b| b as u64);
    let percentage = config.percentage.filter(|p| *p > 0.0);
    let is_bounded = time_ms.is_some() || bytes.is_some() || percentage.is_some();
    Retention { time_ms: time_ms.or((!is_bounded).then_some(FIFTEEN_DAYS_MS)), bytes, percentage }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(time: Option<i64>, size: Option<usize>) -> StorageFlags {
        StorageFlags { retention_time: time, retention_size: size }
    }

    #[test]
    fn without_a_bound_samples_are_kept_for_fifteen_days() {
        let kept = retention(&flags(Some(0), None), &RetentionConfig::default());
        assert_eq!((kept.time_ms, kept.bytes), (Some(FIFTEEN_DAYS_MS), None));
        let kept = retention(&flags(None, Some(1 << 20)), &RetentionConfig::default());
        assert_eq!((kept.time_ms, kept.bytes), (None, Some(1 << 20)));
    }

    #[test]
    fn the_file_goes_before_the_flags() {
        let config = RetentionConfig { time: Some(DurationMs(60_000)), ..RetentionConfig::default() };
        assert_eq!(retention(&flags(Some(5), None), &config).time_ms, Some(60_000));
    }
}
