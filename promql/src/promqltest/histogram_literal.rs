//! Histogram literals: `{{schema:0 sum:5 count:4 buckets:[1 2 1]}}`.

use promethium_model::{CounterResetHint, FloatHistogram, Span};

use super::series::number;
use crate::engine::histogram::arithmetic::combined_plainly;

/// The histogram, whether its hint is spelled out, and what follows the literal.
pub(super) fn parse(text: &str) -> Result<(FloatHistogram, bool, &str), String> {
    let inside = text.strip_prefix("{{").ok_or_else(|| format!("expected a histogram, found {text:?}"))?;
    let end = inside.find("}}").ok_or("unterminated histogram")?;
    let mut fields = Fields::default();
    let mut rest = inside[..end].trim_start();
    let mut seen: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| format!("expected key:value, found {rest:?}"))?;
        if seen.contains(&key) {
            return Err(format!("duplicate key {key:?} in histogram"));
        }
        seen.push(key);
        rest = fields.set(key, after)?.trim_start();
    }
    Ok((fields.build(), seen.contains(&"counter_reset_hint"), &inside[end + 2..]))
}

#[derive(Default)]
struct Fields {
    h: FloatHistogram,
    offset: i32,
    negative_offset: i32,
}

impl Fields {
    /// Sets a field and returns what follows its value.
    fn set<'t>(&mut self, key: &str, text: &'t str) -> Result<&'t str, String> {
        match key {
            "buckets" | "n_buckets" | "custom_values" => {
                let (values, rest) = list(text)?;
                match key {
                    "buckets" => self.h.positive_buckets = values,
                    "n_buckets" => self.h.negative_buckets = values,
                    _ => self.h.custom_bounds = values.into(),
                }
                Ok(rest)
            }
            "counter_reset_hint" => {
                let end = text.find(char::is_whitespace).unwrap_or(text.len());
                self.h.counter_reset_hint = hint(&text[..end])?;
                Ok(&text[end..])
            }
            _ => {
                let (value, rest) = number(text)?;
                self.set_number(key, value)?;
                Ok(rest)
            }
        }
    }

    fn set_number(&mut self, key: &str, value: f64) -> Result<(), String> {
        match key {
            "schema" => self.h.schema = value as i32,
            "sum" => self.h.sum = value,
            "count" => self.h.count = value,
            "z_bucket" => self.h.zero_count = value,
            "z_bucket_w" => self.h.zero_threshold = value,
            "offset" => self.offset = value as i32,
            "n_offset" => self.negative_offset = value as i32,
            _ => return Err(format!("unknown key {key:?} in histogram")),
        }
        Ok(())
    }

    fn build(mut self) -> FloatHistogram {
        self.h.positive_spans = one_span(self.offset, self.h.positive_buckets.len()).into();
        self.h.negative_spans = one_span(self.negative_offset, self.h.negative_buckets.len()).into();
        self.h
    }
}

fn one_span(offset: i32, buckets: usize) -> Vec<Span> {
    if buckets == 0 { Vec::new() } else { vec![Span { offset, length: buckets as u32 }] }
}

fn list(text: &str) -> Result<(Vec<f64>, &str), String> {
    let inside = text.strip_prefix('[').ok_or_else(|| format!("expected a list, found {text:?}"))?;
    let (items, rest) = inside.split_once(']').ok_or("unterminated list")?;
    let values = items.split_whitespace().map(|item| match number(item)? {
        (value, "") => Ok(value),
        _ => Err(format!("{item:?} is no number")),
    });
    Ok((values.collect::<Result<_, String>>()?, rest))
}

fn hint(word: &str) -> Result<CounterResetHint, String> {
    Ok(match word {
        "unknown" => CounterResetHint::Unknown,
        "reset" => CounterResetHint::Reset,
        "not_reset" => CounterResetHint::NotReset,
        "gauge" => CounterResetHint::Gauge,
        other => return Err(format!("unknown counter reset hint {other:?}")),
    })
}

/// The next histogram of a sequence.
pub(super) fn combined(base: &FloatHistogram, by: &FloatHistogram, minus: bool) -> Result<FloatHistogram, String> {
    if base.schema > by.schema {
        let (from, to) = (by.schema, base.schema);
        return Err(format!("error combining histograms: cannot merge from schema {from} to {to}"));
    }
    combined_plainly(base, by, minus).ok_or_else(|| "error combining histograms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys() {
        let text = "{{schema:1 sum:-0.3 count:3.1 z_bucket:7.1 z_bucket_w:0.05 buckets:[5.1 10 7] offset:-3 n_buckets:[4.1 5] n_offset:-5 counter_reset_hint:gauge}} 1";
        let (h, named, rest) = parse(text).unwrap();
        assert_eq!((h.schema, h.sum, h.count, h.zero_count, h.zero_threshold), (1, -0.3, 3.1, 7.1, 0.05));
        assert_eq!(h.positive_spans, [Span { offset: -3, length: 3 }]);
        assert_eq!(h.negative_spans, [Span { offset: -5, length: 2 }]);
        assert_eq!((h.counter_reset_hint, named, rest), (CounterResetHint::Gauge, true, " 1"));
        for bad in ["{{sum:1 sum:2}}", "{{nope:1}}", "{{sum:1", "{{buckets:[1 x]}}", "{{counter_reset_hint:maybe}}"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
