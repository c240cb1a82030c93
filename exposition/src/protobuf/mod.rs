//! Prometheus' protobuf format: `io.prometheus.client.MetricFamily` messages, each behind its length as a varint.
//!
//! | file | what it holds |
//! |---|---|
//! | `wire.rs` | fields of a message |
//! | `family.rs`, `metric.rs`, `labels.rs`, `histogram.rs`, `exemplar.rs` | what each message says; strings are borrowed from the page |
//! | `native.rs` | spans and buckets as they are stored |
//! | `decoder.rs` | messages as events |

mod decoder;
mod exemplar;
mod family;
mod histogram;
mod labels;
mod metric;
mod native;
mod wire;

pub use decoder::Decoder;
pub(crate) use native::compact;
pub(crate) use wire::{Fields, take_delimited};
