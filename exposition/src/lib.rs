//! Prometheus' exposition formats: zero-copy decode and encode.
//!
//! # Should I use this?
//!
//! Take this crate to read what exporters expose, or to write a `/metrics` page of your own. It does no I/O: bytes in,
//! events out. Whoever wants pages fetched and stored takes `promethium-scrape`.
//!
//! Today it speaks the Prometheus text format, versions 0.0.4 and 1.0.0 (which adds quoted UTF-8 names), and reads it
//! as Prometheus 3 does: what Prometheus takes is taken, what it refuses is refused with the same message.
//!
//! ```
//! use promethium_exposition::{Event, text::Decoder};
//!
//! let page = b"# TYPE requests counter\nrequests{code=\"200\"} 7\n";
//! let mut decoder = Decoder::new(page);
//! while let Some(event) = decoder.next_event()? {
//!     if let Event::Sample(sample) = event {
//!         assert_eq!(sample.name(), "requests");
//!         assert_eq!(sample.value, 7.0);
//!         assert_eq!(sample.series().to_labels()?.to_string(), r#"requests{code="200"}"#);
//!     }
//! }
//! # Ok::<(), promethium_exposition::DecodeError>(())
//! ```
//!
//! # Concepts
//!
//! * A *page* is one response body. [`text::Decoder`] pulls [`Event`]s from it, one a line, that borrow from it.
//! * A scraper meets the same series every time. [`text::Decoder::next_event_knowing`] asks it whether it knows a
//!   series by the bytes that name it, and then reads the value alone.
//! * [`text::Encoder`] writes families.
//! * [`content_type`] says which format a response has, and what to ask for.

#[cfg(any(feature = "prometheus", feature = "prometheus-client"))]
pub mod adapt;
mod collect;
pub mod content_type;
mod decoder;
mod encode;
mod error;
mod escape;
mod event;
mod exemplars;
mod family;
#[doc(hidden)]
pub mod fuzzing;
mod lint;
pub mod naming;
pub mod negotiate;
mod nhcb;
pub mod openmetrics;
mod options;
mod page;
pub mod protobuf;
mod scan;
mod series;
mod strict;
mod strict_number;
pub mod text;

pub use collect::collect;
pub use content_type::Format;
pub use decoder::Decoder;
pub use encode::{EncodeError, EncodeOptions, encode};
pub use error::DecodeError;
pub use event::{Event, Help, HistogramSample, KnownSample, KnownSeries, NativeHistogram, Sample, Type, Unit};
pub use exemplars::{Exemplar, Exemplars};
pub use family::{BucketValue, ExemplarValue, Family, HistogramValue, Metric, MetricValue, SummaryValue};
pub use lint::{Finding, lint};
pub use options::{DecodeOptions, Mode};
pub use series::{Labels, Series};
