//! Go's `fmt`: how values print, by themselves and under the verbs of `printf`.
//!
//! One thing prints otherwise: where Go shows the address of a sample, which says nothing and changes from run to run, the
//! sample itself is shown; and `%p` is refused like a verb of another type.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod format;
mod number;
mod text;
mod verb;

use super::value::Value;

pub(super) use format::sprintf;
pub(super) use number::float_text;
use verb::Spec;

/// A value as an action prints it: pointers as what they point to.
pub(super) fn push_plain(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Float(v) => promethium_model::float::push_g(out, *v),
        Value::Sample(_) => Spec::default().push_struct(out, 'v', value, 1),
        other => Spec::default().push(out, 'v', other, 0),
    }
}

pub(super) fn plain(value: &Value<'_>) -> String {
    let mut out = String::new();
    push_plain(&mut out, value);
    out
}

/// `fmt.Sprint`: blanks between operands of which neither is a string.
pub(super) fn sprint(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    let mut after_string = true;
    for (i, value) in values.iter().enumerate() {
        let is_string = value.as_string_kind().is_some();
        if i > 0 && !is_string && !after_string {
            out.push(' ');
        }
        after_string = is_string;
        Spec::default().push(&mut out, 'v', value, 0);
    }
    out
}

/// `fmt.Sprintln`: blanks between all operands, and a line feed.
pub(super) fn sprintln(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        Spec::default().push(&mut out, 'v', value, 0);
    }
    out.push('\n');
    out
}
