//! What the decoders of the text formats share: positions, scans, numbers, labels, and where an error is.

mod before;
mod cursor;
mod diagnosis;
mod find;
mod grammar;
mod known;
mod labels;
mod number;
mod scope;

pub(crate) use before::{Before, common_start, keep_labels};
pub(crate) use cursor::{
    Cursor, QuoteEnd, QuoteRules, in_label_name, in_metric_name, starts_label_name, starts_metric_name,
};
pub(crate) use diagnosis::{Diagnosis, Lines, MUTE};
pub(crate) use find::{is_bare_label_name, is_bare_metric_name, metric_name_len, plain_text_len};
pub(crate) use grammar::{Context, Grammar};
pub(crate) use known::{guess_series, names_series};
pub(crate) use labels::{MetricName, take_labels};
pub(crate) use number::{parse_timestamp, parse_value, take_digits, take_simple_decimal};
pub(crate) use scope::{Scope, utf8_start};
