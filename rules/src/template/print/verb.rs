//! One value under one verb.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::template::field;
use crate::template::value::Value;

/// Flags, width and precision of a directive.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spec {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    /// `%#v`
    pub(super) sharp_v: bool,
    /// `%+v`
    pub(super) plus_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Spec {
    /// Writes a value; `depth` counts the collections around it.
    pub(in crate::template) fn push(&self, out: &mut String, verb: char, value: &Value<'_>, depth: usize) {
        match (verb, value) {
            ('T', _) => self.push_str(out, value.type_name()),
            ('p', Value::Nil) => self.bad(out, verb, value),
            ('v', Value::Nil) => {
                self.push_str(out, if self.sharp_v && depth > 0 { "interface {}(nil)" } else { "<nil>" });
            }
            (_, Value::Nil) => self.bad(out, verb, value),
            ('t' | 'v', Value::Bool(b)) => self.push_str(out, if *b { "true" } else { "false" }),
            (_, Value::Int(n)) => self.integer(out, verb, i128::from(*n), value),
            (_, Value::Byte(b)) => self.integer(out, verb, i128::from(*b), value),
            ('v' | 's', Value::Named(name, ..)) => self.push_str(out, name),
            ('q' | 'x' | 'X', Value::Named(name, ..)) => self.string(out, verb, name, value),
            (_, Value::Named(_, n, _)) => self.integer(out, verb, i128::from(*n), value),
            (_, Value::Float(v)) => self.float(out, verb, *v, value),
            (_, Value::Str(_) | Value::Text(_) | Value::Html(_)) => {
                self.string(out, verb, value.as_string_kind().unwrap_or(""), value);
            }
            ('v' | 's' | 'q' | 'x' | 'X', Value::Histogram(h)) => {
                self.string(out, verb, &field::histogram_text(h), value);
            }
            ('v' | 's' | 'q' | 'x' | 'X', Value::Time(t)) => self.string(out, verb, &t.text(), value),
            ('v' | 's' | 'q' | 'x' | 'X', Value::Duration(d)) => self.string(out, verb, &d.text(), value),
            ('p', Value::Labels(_) | Value::Map(_) | Value::Samples(_)) => self.bad(out, verb, value),
            (_, Value::Labels(labels)) => {
                let pairs: Vec<_> = labels.iter().map(|(n, v)| (Value::text(n), Value::text(v))).collect();
                self.push_map(out, verb, value.type_name(), &pairs, depth);
            }
            (_, Value::Map(map)) => {
                let pairs: Vec<_> = map.iter().map(|(name, value)| (Value::text(name), value.clone())).collect();
                self.push_map(out, verb, value.type_name(), &pairs, depth);
            }
            (_, Value::Samples(samples)) => {
                let elements: Vec<_> = samples.borrow().iter().cloned().map(Value::Sample).collect();
                self.push_list(out, verb, value.type_name(), &elements, depth);
            }
            ('v', Value::Sample(_)) => {
                out.push('&');
                self.push_struct(out, verb, value, depth);
            }
            (_, Value::Data(_)) if verb != 'p' => self.push_struct(out, verb, value, depth),
            _ => self.bad(out, verb, value),
        }
    }

    pub(in crate::template) fn push_struct(&self, out: &mut String, verb: char, value: &Value<'_>, depth: usize) {
        if self.sharp_v {
            out.push_str(value.type_name().trim_start_matches('*'));
        }
        out.push('{');
        for (i, (name, field)) in value.struct_fields().unwrap_or_default().iter().enumerate() {
            if i > 0 {
                out.push_str(if self.sharp_v { ", " } else { " " });
            }
            if self.plus_v || self.sharp_v {
                out.push_str(name);
                out.push(':');
            }
            self.push(out, verb, field, depth.saturating_add(1));
        }
        out.push('}');
    }

    fn push_map(&self, out: &mut String, verb: char, name: &str, pairs: &[(Value<'_>, Value<'_>)], depth: usize) {
        out.push_str(if self.sharp_v { name } else { "map" });
        out.push(if self.sharp_v { '{' } else { '[' });
        for (i, (key, value)) in pairs.iter().enumerate() {
            if i > 0 {
                out.push_str(if self.sharp_v { ", " } else { " " });
            }
            self.push(out, verb, key, depth.saturating_add(1));
            out.push(':');
            self.push(out, verb, value, depth.saturating_add(1));
        }
        out.push(if self.sharp_v { '}' } else { ']' });
    }

    fn push_list(&self, out: &mut String, verb: char, name: &str, elements: &[Value<'_>], depth: usize) {
        out.push_str(if self.sharp_v { name } else { "" });
        out.push(if self.sharp_v { '{' } else { '[' });
        for (i, value) in elements.iter().enumerate() {
            if i > 0 {
                out.push_str(if self.sharp_v { ", " } else { " " });
            }
            self.push(out, verb, value, depth.saturating_add(1));
        }
        out.push(if self.sharp_v { '}' } else { ']' });
    }

    /// `%!verb(type=value)`: the verb is not for values of this type.
    pub(super) fn bad(&self, out: &mut String, verb: char, value: &Value<'_>) {
        out.push_str("%!");
        out.push(verb);
        out.push('(');
        self.push_typed(out, value);
        out.push(')');
    }

    /// `type=value`.
    pub(super) fn push_typed(&self, out: &mut String, value: &Value<'_>) {
        if let Value::Nil = value {
            out.push_str("<nil>");
            return;
        }
        out.push_str(value.type_name());
        out.push('=');
        self.push(out, 'v', value, 0);
    }

    /// A text filled up to the width with blanks.
    pub(super) fn pad(&self, out: &mut String, text: &str) {
        self.pad_with(out, text, ' ');
    }

    pub(super) fn pad_with(&self, out: &mut String, text: &str, fill: char) {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if self.minus {
            out.push_str(text);
            out.extend(std::iter::repeat_n(' ', missing));
        } else {
            out.extend(std::iter::repeat_n(fill, missing));
            out.push_str(text);
        }
    }
}
