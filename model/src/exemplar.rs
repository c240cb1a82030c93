//! Exemplars: a trace beside a sample.

use crate::labels::Labels;

/// Names and values of an exemplar's labels together may have this many characters.
pub const MAX_EXEMPLAR_LABEL_CHARS: usize = 128;

/// One observation that stands for many, with labels that lead to a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Usually a trace id.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since the epoch; `None` takes the sample's.
    pub timestamp_ms: Option<i64>,
}
