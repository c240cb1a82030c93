//! Families as pages, in every format.

mod lines;
mod openmetrics;
mod page_text;
mod protobuf;
mod text;

use thiserror::Error;

use crate::content_type::Format;
use crate::family::Family;
use crate::naming::EscapingScheme;
use crate::negotiate::{Negotiated, ScrapeProtocol};

pub(crate) use lines::Lines;
pub(crate) use page_text::{PageText, part_of_word};
pub(crate) use text::{push_head as push_text_head, push_timestamp as push_text_timestamp};

/// How families are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Format and version.
    pub protocol: ScrapeProtocol,
    /// How names outside the classic character set are written.
    pub escaping: EscapingScheme,
    /// OpenMetrics gets `_created` lines for start timestamps.
    pub created_lines: bool,
}

impl EncodeOptions {
    /// With names as they are, and without `_created` lines.
    #[must_use]
    pub fn new(protocol: ScrapeProtocol) -> Self {
        EncodeOptions { protocol, escaping: EscapingScheme::AllowUtf8, created_lines: false }
    }

    /// What was negotiated with a client.
    #[must_use]
    pub fn negotiated(negotiated: Negotiated) -> Self {
        EncodeOptions { escaping: negotiated.escaping, ..Self::new(negotiated.protocol) }
    }

    /// With a line for every start timestamp, where the format is OpenMetrics.
    #[must_use]
    pub fn with_created_lines(mut self) -> Self {
        self.created_lines = true;
        self
    }
}

/// What a format cannot say.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// OpenMetrics counts in integers.
    #[error("OpenMetrics v1.0 does not support float histogram {name}")]
    FloatHistogram {
        /// The family.
        name: String,
    },
}

/// Writes families as a page.
///
/// ```
/// use promethium_exposition::negotiate::ScrapeProtocol;
/// use promethium_exposition::{EncodeOptions, Family, Metric, MetricValue, encode};
/// use promethium_model::MetricType;
///
/// let mut family = Family::new("jobs_total", MetricType::Counter);
/// family.metrics.push(Metric { value: MetricValue::Single { value: 7.0, exemplar: None }, ..Metric::default() });
/// let page = encode(&[family], &EncodeOptions::new(ScrapeProtocol::OpenMetricsText1_0_0))?;
/// assert_eq!(page, b"# TYPE jobs counter\njobs_total 7.0\n# EOF\n");
/// # Ok::<(), promethium_exposition::EncodeError>(())
/// ```
///
/// # Errors
///
/// See [`EncodeError`].
pub fn encode(families: &[Family], options: &EncodeOptions) -> Result<Vec<u8>, EncodeError> {
    match options.protocol.format() {
        Format::PrometheusText => Ok(text::encode(families, options.escaping)),
        Format::OpenMetrics => openmetrics::encode(families, options),
        Format::Protobuf => Ok(protobuf::encode(families, options.escaping)),
    }
}
