//! Exemplars: a trace beside a sample.

use thiserror::Error;

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

/// Why a store did not keep an exemplar. The texts are Prometheus'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExemplarError {
    /// Names and values have more than [`MAX_EXEMPLAR_LABEL_CHARS`] characters.
    #[error("label length for exemplar exceeds maximum of {MAX_EXEMPLAR_LABEL_CHARS} UTF-8 characters")]
    LabelLength,
    /// It lies behind the series' newest exemplar.
    #[error("out of order exemplar")]
    OutOfOrder,
    /// The series has it already.
    #[error("duplicate exemplar")]
    Duplicate,
    /// The store keeps none.
    #[error("exemplar storage is disabled or max exemplars is less than or equal to 0")]
    Disabled,
}

impl Exemplar {
    /// Whether the labels are short enough to be stored.
    ///
    /// # Errors
    ///
    /// [`ExemplarError::LabelLength`] when they are not.
    pub fn check_length(&self) -> Result<(), ExemplarError> {
        let chars: usize = self.labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
        if chars > MAX_EXEMPLAR_LABEL_CHARS { Err(ExemplarError::LabelLength) } else { Ok(()) }
    }
}
