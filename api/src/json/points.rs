//! Float samples of one series, `[[1435781451,"1"],[1435781466,"2.5"]]`: the bulk of what is ever sent.

use promethium_model::float;

use super::ascii::Ascii;

/// Bytes that are collected before they go to the string.
const BLOCK: usize = 4_096;
/// Bytes of the longest point: brackets, quotes and commas, a time of 21, a value of 24.
const LONGEST_POINT: usize = 56;
/// Seconds that share all but their last four digits.
const SHARED_SECONDS: u64 = 10_000;

/// Writes the points of a series as an array.
///
/// PERF: points are put together in a block on the stack, so that the string is grown and checked once a block; the leading
/// digits of times that lie close together are made once, and so is the text of a value that stays as it is.
pub(super) fn push_floats(out: &mut String, floats: &[(i64, f64)]) {
    let mut points = Points { block: Ascii::new(), leading: None, newest: None };
    let mut separator = b'[';
    for (timestamp_ms, value) in floats {
        if points.block.len() + LONGEST_POINT > BLOCK {
            points.flush(out);
        }
        points.block.extend(&[separator, b'[']);
        points.timestamp(*timestamp_ms);
        points.block.extend(b",\"");
        points.value(out, *value);
        points.block.extend(b"\"]");
        separator = b',';
    }
    points.flush(out);
    out.push_str(if floats.is_empty() { "[]" } else { "]" });
}

struct Points {
    block: Ascii<BLOCK>,
    /// Ten thousands of seconds, and their digits.
    leading: Option<(u64, Ascii<16>)>,
    /// The bits of the newest value, and where the block has its text.
    newest: Option<(u64, usize, usize)>,
}

impl Points {
    #[inline(always)]
    fn timestamp(&mut self, timestamp_ms: i64) {
        let (seconds, millis) = (timestamp_ms / 1_000, timestamp_ms % 1_000);
        match (u64::try_from(seconds), u64::try_from(millis)) {
            (Ok(seconds), Ok(millis)) if seconds >= SHARED_SECONDS => {
                self.leading_digits(seconds / SHARED_SECONDS);
                self.block.four_digits(seconds % SHARED_SECONDS);
                self.block.decimals(millis);
            }
            _ => self.block.timestamp(timestamp_ms),
        }
    }

    #[inline(always)]
    fn leading_digits(&mut self, of: u64) {
        match &self.leading {
            Some((newest, digits)) if *newest == of => self.block.extend(digits.as_bytes()),
            _ => {
                let mut digits = Ascii::new();
                digits.integer(of);
                self.block.extend(digits.as_bytes());
                self.leading = Some((of, digits));
            }
        }
    }

    #[inline(always)]
    fn value(&mut self, out: &mut String, value: f64) {
        let bits = value.to_bits();
        match self.newest {
            Some((newest, start, end)) if newest == bits => self.block.repeat(start, end),
            _ => self.new_value(out, value),
        }
    }

    fn new_value(&mut self, out: &mut String, value: f64) {
        let start = self.block.len();
        if self.block.plain_float(value) {
            self.newest = Some((value.to_bits(), start, self.block.len()));
        } else {
            self.flush(out);
            float::push_json(out, value);
        }
    }

    fn flush(&mut self, out: &mut String) {
        out.push_str(self.block.as_str());
        self.block.clear();
        self.newest = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plainly(floats: &[(i64, f64)]) -> String {
        let seconds = |ms: i64| {
            let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
            let decimals = if ms % 1_000 == 0 { String::new() } else { format!(".{:03}", ms % 1_000) };
            format!("{sign}{}{decimals}", ms / 1_000)
        };
        let points: Vec<_> =
            floats.iter().map(|(t, v)| format!("[{},\"{}\"]", seconds(*t), float::format_json(*v))).collect();
        format!("[{}]", points.join(","))
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (-3_i64..1_000_000).prop_map(|n| n as f64),
            Just(1.5),
            Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn points_are_written_as_one_by_one(
            start in prop_oneof![any::<i64>(), -20_000_000_i64..20_000_000, Just(1_700_000_000_000)],
            rows in prop::collection::vec((prop_oneof![Just(15_000_i64), 0_i64..20_000], value(), 1_usize..4), 0..300),
        ) {
            let mut at = start;
            let mut floats = Vec::new();
            for (step, value, times) in rows {
                for _ in 0..times {
                    floats.push((at, value));
                    at = at.wrapping_add(step);
                }
            }
            let mut out = "x".to_owned();
            push_floats(&mut out, &floats);
            prop_assert_eq!(out, format!("x{}", plainly(&floats)));
        }
    }
}
