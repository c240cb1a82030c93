//! A JSON writer with Go's layouts: straight into one buffer, without a tree and without allocation per sample.

mod ascii;
mod histogram;
mod number;
mod pace;
mod points;
mod rfc3339;
mod string;
mod value;

pub use value::push_query_value;

pub(crate) use number::{push_float, push_integer, push_sample_value, push_timestamp};
pub(crate) use pace::Pace;
pub(crate) use rfc3339::push_time;
pub(crate) use string::{push_labels, push_string};

use std::time::Duration;

use promethium_model::Labels;

/// An object that is being written: keys in the order of the calls.
pub(crate) struct Object<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Writes `{`.
    pub(crate) fn open(out: &'o mut String) -> Self {
        out.push('{');
        Object { out, empty: true }
    }

    /// Writes a key; the caller writes its value. Keys are identifiers, which need no escapes.
    pub(crate) fn key(&mut self, key: &'static str) -> &mut String {
        self.separate();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// Writes a key that comes from outside.
    pub(crate) fn any_key(&mut self, key: &str) -> &mut String {
        self.separate();
        push_string(self.out, key);
        self.out.push(':');
        self.out
    }

    fn separate(&mut self) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
    }

    /// A text.
    pub(crate) fn string(&mut self, key: &'static str, value: &str) {
        push_string(self.key(key), value);
    }

    /// A whole number, signed.
    pub(crate) fn integer(&mut self, key: &'static str, n: i64) {
        let out = self.key(key);
        if n < 0 {
            out.push('-');
        }
        push_integer(out, n.unsigned_abs());
    }

    /// True or false.
    pub(crate) fn bool(&mut self, key: &'static str, value: bool) {
        self.key(key).push_str(if value { "true" } else { "false" });
    }

    /// A label set.
    pub(crate) fn labels(&mut self, key: &'static str, labels: &Labels) {
        push_labels(self.key(key), labels);
    }

    /// A duration, as float seconds.
    pub(crate) fn seconds(&mut self, key: &'static str, duration: Duration) {
        push_float(self.key(key), duration.as_secs_f64());
    }

    /// A time, as RFC 3339.
    pub(crate) fn time(&mut self, key: &'static str, time_ms: Option<i64>) {
        push_time(self.key(key), time_ms);
    }

    /// Writes `}`.
    pub(crate) fn close(self) {
        self.out.push('}');
    }
}

/// Writes an array, each item by `push`.
pub(crate) fn push_array<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(']');
}
