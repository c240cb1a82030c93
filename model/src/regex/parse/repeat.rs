//! Repetition: `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, each greedy or lazy.

use regex_syntax::hir::{Hir, Repetition};

use super::{Parser, Result};

/// Copies of the innermost piece that nested counted repetitions may ask for together.
const MAX_COPIES: u32 = 1000;

#[derive(Clone, Copy)]
struct Count {
    min: u32,
    max: Option<u32>,
}

impl<'p> Parser<'p> {
    pub(super) fn repeat_by_operator(&mut self, operator: char, last_repeat: Option<&'p str>) -> Result<()> {
        let start = self.rest;
        self.advance(operator);
        let count = match operator {
            '*' => Count { min: 0, max: None },
            '+' => Count { min: 1, max: None },
            _ => Count { min: 0, max: Some(1) },
        };
        self.repeat(count, 1, start, last_repeat)
    }

    /// A brace that opens no well-formed count is a literal one.
    pub(super) fn repeat_by_count(&mut self, last_repeat: Option<&'p str>) -> Result<()> {
        let start = self.rest;
        let Some((count, rest)) = read_count(start) else {
            self.advance('{');
            return self.literal('{');
        };
        self.rest = rest;
        let count = match count {
            Some(count) if count.min <= MAX_COPIES && count.max.is_none_or(|max| max <= MAX_COPIES) => count,
            _ => return Err(self.error("invalid repeat count", self.since(start))),
        };
        if count.max.is_some_and(|max| max < count.min) {
            return Err(self.error("invalid repeat count", self.since(start)));
        }
        // `{n,}` makes n copies, of which the last repeats.
        self.repeat(count, count.max.unwrap_or(count.min), start, last_repeat)
    }

    fn repeat(&mut self, count: Count, factor: u32, start: &'p str, last_repeat: Option<&'p str>) -> Result<()> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.advance('?');
        }
        if let Some(last) = last_repeat {
            return Err(self.error("invalid nested repetition operator", self.since(last)));
        }
        let Some(sub) = self.current.items.pop() else {
            return Err(self.error("missing argument to repetition operator", self.since(start)));
        };
        let copies = if count.max == Some(0) { 1 } else { sub.copies.saturating_mul(factor.max(1)) };
        if factor >= 2 && copies > MAX_COPIES {
            return Err(self.error("invalid repeat count", self.since(start)));
        }
        let Count { min, max } = count;
        let greedy = lazy == self.flags.swap_greed;
        let mut node = sub.wrap(|sub| Hir::repetition(Repetition { min, max, greedy, sub: Box::new(sub) }));
        node.copies = copies;
        self.check_height(&node)?;
        self.current.push(node);
        self.last_repeat = Some(start);
        Ok(())
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}`. `None` when the text has another form, `Some((None, _))` when a number is too big
/// to be read.
fn read_count(text: &str) -> Option<(Option<Count>, &str)> {
    let (min, rest) = read_number(text.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (min.map(Some), rest),
        Some(rest) if rest.starts_with('}') => (Some(None), rest),
        Some(rest) => {
            let (max, rest) = read_number(rest)?;
            (max.map(Some), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    let count = min.zip(max).map(|(min, max)| Count { min, max });
    Some((count, rest))
}

/// Decimal digits without a leading zero; the inner `None` is a number beyond every limit.
fn read_number(text: &str) -> Option<(Option<u32>, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().ok(), rest))
}
