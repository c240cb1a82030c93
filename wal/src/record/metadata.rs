//! Metadata records: `repeat: uvarint reference · u8 type · uvarint n · n × (string name, string value)`.

use promethium_model::{Metadata, MetricType};

use super::cursor::{push_string, push_uvarint};
use super::{RecordError, RecordType, all_or_nothing, body};

const UNIT: &str = "UNIT";
const HELP: &str = "HELP";

const METRIC_TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

/// What an exporter says about the metric of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefMetadata {
    /// The reference that a series record gave.
    pub series: u64,
    /// Type, unit and help.
    pub metadata: Metadata,
}

/// A record of type 6.
#[must_use]
pub fn encode_metadata(entries: &[RefMetadata]) -> Vec<u8> {
    let mut record = vec![RecordType::Metadata as u8];
    for RefMetadata { series, metadata } in entries {
        push_uvarint(&mut record, *series);
        let code = METRIC_TYPES.iter().position(|t| *t == metadata.metric_type).unwrap_or(0);
        record.push(code as u8);
        push_uvarint(&mut record, 2);
        for (name, value) in [(UNIT, &metadata.unit), (HELP, &metadata.help)] {
            push_string(&mut record, name);
            push_string(&mut record, value);
        }
    }
    record
}

/// Appends the entries of a record of type 6 to `out`. Fields other than unit and help are passed over, and an unknown
/// type of metric reads as [`MetricType::Unknown`], as Prometheus has it.
///
/// # Errors
///
/// When the record is of another type or cut short, or a string is too long or not UTF-8.
pub fn decode_metadata(record: &[u8], out: &mut Vec<RefMetadata>) -> Result<(), RecordError> {
    all_or_nothing(out, |out| {
        let mut rest = body(record, "metadata", &[RecordType::Metadata])?;
        while !rest.is_empty() {
            let series = rest.uvarint("reference")?;
            let code = usize::from(rest.u8("metric type")?);
            let metric_type = METRIC_TYPES.get(code).copied().unwrap_or_default();
            let mut metadata = Metadata { metric_type, ..Metadata::default() };
            for _ in 0..rest.count(2, "field count")? {
                match (rest.string()?, rest.string()?) {
                    (UNIT, unit) => metadata.unit = unit.to_owned(),
                    (HELP, help) => metadata.help = help.to_owned(),
                    _ => {}
                }
            }
            out.push(RefMetadata { series, metadata });
        }
        Ok(())
    })
}
