//! `MetricFamily`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MetricType;
use promethium_model::quote::{go_quoted, go_quoted_bytes};

use super::wire::{Fields, WireError};

/// What a family says of itself, and its metrics, which are read one by one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FamilyMessage<'a> {
    name: &'a [u8],
    help: &'a [u8],
    unit: &'a [u8],
    family_type: i32,
    metrics: usize,
    fields: &'a [u8],
}

/// A family whose strings and type are good.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Family<'a> {
    pub(super) name: &'a str,
    pub(super) help: &'a str,
    pub(super) unit: &'a str,
    pub(super) metric_type: MetricType,
}

// A part of what a core's second cache holds.
const AHEAD_BYTES: usize = 32 << 10;
const CACHE_LINE_BYTES: usize = 64;

/// Loads bytes into the cache; how many they are.
///
/// The metrics of a large family are passed over from length to length, each a load that the next one waits for: from memory that took
/// a sixth of the time of reading a page. Loads that do not wait for each other take little of it.
fn touch(bytes: &[u8]) -> usize {
    std::hint::black_box(bytes.iter().step_by(CACHE_LINE_BYTES).fold(0, |all, byte| all ^ byte));
    bytes.len()
}

impl<'a> FamilyMessage<'a> {
    /// Reads all but the metrics. Fields may stand in any order.
    pub(super) fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut family = FamilyMessage { fields: message, ..Self::default() };
        let mut fields = Fields::new(message);
        let mut ahead = message.chunks(AHEAD_BYTES);
        let mut touched = 0usize;
        while let Some((number, value)) = fields.next()? {
            if message.len().saturating_sub(fields.rest.len()) >= touched {
                touched = touched.saturating_add(ahead.next().map_or(AHEAD_BYTES, touch));
            }
            match number {
                1 => family.name = value.bytes()?,
                2 => family.help = value.bytes()?,
                3 => family.family_type = (value.varint()? as u32).cast_signed(),
                4 => {
                    value.bytes()?;
                    family.metrics = family.metrics.saturating_add(1);
                }
                5 => family.unit = value.bytes()?,
                _ => {}
            }
        }
        Ok(family)
    }

    pub(super) fn has_metrics(&self) -> bool {
        self.metrics > 0
    }

    /// The fields of the message, metrics among them.
    pub(super) fn fields(&self) -> Fields<'a> {
        Fields::new(self.fields)
    }

    /// Checks name, help, type and unit, as Prometheus does.
    pub(super) fn check(&self) -> Result<Family<'a>, String> {
        let Some(name) = utf8(self.name).filter(|name| !name.is_empty()) else {
            return Err(format!("invalid metric name: {}", String::from_utf8_lossy(self.name)));
        };
        let Some(help) = utf8(self.help) else {
            let (name, help) = (go_quoted(name), String::from_utf8_lossy(self.help));
            return Err(format!("invalid help for metric {name}: {help}"));
        };
        let Some(metric_type) = metric_type(self.family_type) else {
            return Err(format!("unknown metric type for metric {}: {}", go_quoted(name), self.family_type));
        };
        let unit = check_unit(name, self.unit, metric_type)?;
        Ok(Family { name, help, unit, metric_type })
    }
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn metric_type(number: i32) -> Option<MetricType> {
    Some(match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Summary,
        3 => MetricType::Unknown,
        4 => MetricType::Histogram,
        5 => MetricType::GaugeHistogram,
        _ => return None,
    })
}

/// A unit ends the name, behind an underscore; in a counter's name `_total` may follow.
fn check_unit<'a>(name: &str, unit: &'a [u8], metric_type: MetricType) -> Result<&'a str, String> {
    let (base, what) = match name.strip_suffix("_total") {
        Some(base) if metric_type == MetricType::Counter => (base, "counter"),
        _ => (name, "metric"),
    };
    let fits = unit.is_empty() || base.as_bytes().strip_suffix(unit).is_some_and(|rest| rest.ends_with(b"_"));
    match utf8(unit).filter(|_| fits) {
        Some(unit) => Ok(unit),
        None => Err(format!("unit {} not a suffix of {what} {}", go_quoted_bytes(unit), go_quoted(name))),
    }
}
