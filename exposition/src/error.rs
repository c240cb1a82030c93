//! What can be wrong with a page.

use std::fmt;

use promethium_model::quote::go_quoted;
use thiserror::Error;

/// Which part of a page holds a sample that breaks a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a text format, from 1; for a sample over several lines the first.
    Line(usize),
    /// A message of the protobuf format, from 1.
    Message(usize),
}

impl Place {
    fn line(self) -> Option<usize> {
        match self {
            Place::Line(line) => Some(line),
            Place::Message(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}, column 1"),
            Place::Message(index) => write!(f, "message {index}"),
        }
    }
}

/// A page, or its Content-Type, was refused. The texts are Prometheus', with the position behind them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The page breaks the grammar.
    #[error("{message} (line {line}, column {column})")]
    Syntax {
        /// Prometheus' message.
        message: String,
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
        /// Bytes before the offending one.
        offset: usize,
    },
    /// A line, or a sample whose label values hold line breaks, is longer than it may be.
    #[error("line longer than {limit} bytes (line {line}, column {})", .limit.saturating_add(1))]
    LineTooLong {
        /// From 1.
        line: usize,
        /// `max_line_bytes`.
        limit: usize,
    },
    /// The page has more samples than it may.
    #[error("more than {limit} samples in a page ({place})")]
    TooManySamples {
        /// Where the first sample too many is.
        place: Place,
        /// `max_scrape_samples`.
        limit: usize,
    },
    /// A sample has more labels than it may, the metric name among them.
    #[error("more than {limit} labels ({place})")]
    TooManyLabels {
        /// `max_labels`.
        limit: usize,
        /// Where the sample is.
        place: Place,
    },
    /// A name or a value is longer than it may be.
    #[error("{what} of {bytes} bytes exceeds the limit of {limit} ({place})")]
    NameOrValueTooLong {
        /// Metric name, label name or label value.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// `max_label_name_bytes` or `max_label_value_bytes`.
        limit: usize,
        /// Where the sample is.
        place: Place,
    },
    /// A message of the protobuf format is malformed.
    #[error("{message} (message {index}, byte {offset})")]
    Message {
        /// What is wrong.
        message: String,
        /// Which message of the page, from 1.
        index: usize,
        /// Bytes of the page before the message.
        offset: usize,
    },
    /// The buckets of a classic histogram in the protobuf format contradict each other, so that it cannot be converted.
    #[error("histogram {}: {message}", go_quoted(name))]
    InconsistentHistogram {
        /// The family.
        name: String,
        /// What contradicts what.
        message: String,
    },
    /// The page is larger than it may be.
    #[error("page of {bytes} bytes exceeds the limit of {limit}")]
    PageTooLarge {
        /// Its size.
        bytes: usize,
        /// `max_scrape_body_bytes`.
        limit: usize,
    },
    /// A sample names a label twice; a label set cannot be made of it.
    #[error("label name {} is not unique: invalid sample", go_quoted(name))]
    DuplicateLabel {
        /// The name.
        name: String,
    },
    /// A label name or value is too long for a label set.
    #[error("label string of {bytes} bytes exceeds the limit of {limit}")]
    LabelTooLong {
        /// Its size.
        bytes: usize,
        /// What a label set takes.
        limit: usize,
    },
    /// The metrics of another crate's registry failed to write themselves.
    #[error("the registry cannot be read: {message}")]
    Registry {
        /// Why.
        message: String,
    },
    /// The response names no format.
    #[error(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
    )]
    BlankContentType,
    /// The Content-Type is no media type.
    #[error("cannot parse Content-Type {} and no fallback_scrape_protocol for target", go_quoted(content_type))]
    UnparsableContentType {
        /// As received.
        content_type: String,
    },
    /// The Content-Type names a format that is not read here.
    #[error(
        "received unsupported Content-Type {} and no fallback_scrape_protocol specified for target",
        go_quoted(content_type)
    )]
    UnsupportedContentType {
        /// As received.
        content_type: String,
    },
}

impl DecodeError {
    /// The line of the page, from 1, where there is one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            DecodeError::Syntax { line, .. } | DecodeError::LineTooLong { line, .. } => Some(*line),
            _ => self.place()?.line(),
        }
    }

    /// The column in bytes, from 1, where there is one: of a line that is too long, the first byte over the limit; of a
    /// sample too many, its first.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        match self {
            DecodeError::Syntax { column, .. } => Some(*column),
            DecodeError::LineTooLong { limit, .. } => Some(limit.saturating_add(1)),
            _ => self.place()?.line().map(|_| 1),
        }
    }

    fn place(&self) -> Option<Place> {
        match self {
            DecodeError::TooManySamples { place, .. }
            | DecodeError::TooManyLabels { place, .. }
            | DecodeError::NameOrValueTooLong { place, .. } => Some(*place),
            _ => None,
        }
    }

    /// Whether nothing behind it can be read: the page as a whole is at fault.
    pub(crate) fn ends_page(&self) -> bool {
        matches!(self, DecodeError::PageTooLarge { .. } | DecodeError::TooManySamples { .. })
    }

    /// Prometheus' message, without the position.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            DecodeError::Syntax { message, .. } | DecodeError::Message { message, .. } => message.clone(),
            other => {
                let mut text = other.to_string();
                if other.line().is_some() || other.place().is_some() {
                    text.truncate(text.rfind(" (").unwrap_or(text.len()));
                }
                text
            }
        }
    }
}
