//! Prometheus' exposition formats: zero-copy decode and encode.
//!
//! # Should I use this?
//!
//! Take this crate to read what exporters expose, or to write a `/metrics` page of your own. It does no I/O: bytes in,
//! events out. Whoever wants pages fetched and stored takes `promethium-scrape`.
//!
//! It speaks the Prometheus text format, versions 0.0.4 and 1.0.0 (which adds quoted UTF-8 names), OpenMetrics 1.0 in its
//! text form, and delimited protobuf messages with native histograms; it reads each in one of three ways ([`Mode`]): as the
//! specification says, as Prometheus 3 does to the error message, or leaving out what is broken.
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
//! * A *page* is one response body. A decoder pulls [`Event`]s from it, one a line or one a series, that borrow from it.
//!   [`Decoder`] reads any [`Format`]; [`text`], [`openmetrics`] and [`protobuf`] have one each.
//! * A scraper meets the same series every time. [`Decoder::next_event_knowing`] asks it ([`KnownSeries`]) whether it knows
//!   a series by the bytes that name it, and then reads the value alone.
//! * With [`DecodeOptions::custom_buckets`], [`Decoder`] makes native histograms with custom bounds of classic ones.
//! * [`collect`] makes [`Family`] values of a page, [`encode()`] writes them in any format, [`lint()`] looks over their names.
//!   [`text::Encoder`] writes text without values in between.
//! * [`content_type`] says which format a response has; [`negotiate`] what to ask for, and what to answer; [`naming`]
//!   escapes names for readers that know only the classic character set.
//!
//! # Errors
//!
//! Reading fails with [`DecodeError`], at a [`Place`] of a page; writing with [`EncodeError`], for a family that has no form in the
//! format asked for. Nobody meets both: a page has no place before it is written.

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
pub use error::{DecodeError, Place};
pub use event::{Event, Help, HistogramSample, KnownSample, KnownSeries, NativeHistogram, Sample, Type, Unit};
pub use exemplars::{Exemplar, Exemplars};
pub use family::{BucketValue, ExemplarValue, Family, HistogramValue, Metric, MetricValue, SummaryValue};
pub use lint::{Finding, lint};
pub use options::{DecodeOptions, Mode};
pub use series::{Labels, Series};
