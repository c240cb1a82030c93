//! `sort` and its kin: they order the answer of an instant query.

use std::cmp::Ordering;

use promethium_model::{Labels, QueryError};

use super::super::column::Series;
use super::super::eval::{Evaluator, Sink};
use super::super::sorting::sort_by;
use super::super::steps::Steps;
use crate::parser::{ExprId, Function};

impl<'a> Evaluator<'a> {
    /// Floats by value, NaN last either way.
    pub(super) fn sort(
        &self,
        function: Function,
        arg: ExprId,
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        self.warn_of_range(id, steps);
        let mut all = self.collect(arg, steps)?;
        all.series.iter_mut().for_each(|s| s.column.histograms.clear());
        all.series.retain(|s| s.column.any());
        if steps.count > 1 {
            return all.hand_on(sink);
        }
        let descending = function == Function::SortDesc;
        let key = |s: &Series| s.column.values.first().copied().unwrap_or(0.0);
        sort_by(&mut all.series, self.budget, |a, b| value_order(key(a), key(b), descending))?;
        all.hand_on(sink)
    }

    pub(super) fn sort_by_label(
        &self,
        function: Function,
        args: &[ExprId],
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        self.warn_of_range(id, steps);
        if steps.count > 1 {
            return self.vector(args[0], steps, sink);
        }
        let names: Vec<&str> = args[1..]
            .iter()
            .map(|a| Ok(std::str::from_utf8(self.string(*a)?).unwrap_or("")))
            .collect::<Result<_, QueryError>>()?;
        let mut all = self.collect(args[0], steps)?;
        sort_by(&mut all.series, self.budget, |a, b| {
            let order = label_order(&a.labels, &b.labels, &names);
            if function == Function::SortByLabelDesc { order.reverse() } else { order }
        })?;
        all.hand_on(sink)
    }

    fn warn_of_range(&self, id: ExprId, steps: Steps) {
        if steps.count > 1 {
            let text = "sort is ineffective for range queries since results are always ordered by labels";
            self.notes.warn(self.origin(id, id), text);
        }
    }
}

pub(crate) fn value_order(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) if descending => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a_nan, b_nan) => a_nan.cmp(&b_nan),
    }
}

pub(crate) fn label_order(a: &Labels, b: &Labels, names: &[&str]) -> Ordering {
    let by_name = |name: &&str| natural_order(a.get(name).unwrap_or(""), b.get(name).unwrap_or(""));
    names.iter().map(by_name).find(|o| o.is_ne()).unwrap_or_else(|| a.cmp(b))
}

/// Runs of digits compare as integers, other runs as text; a text that ends first is smaller.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (runs(a), runs(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => match run_order(x, y) {
                Ordering::Equal => {}
                other => return other,
            },
        }
    }
}

fn run_order(x: &str, y: &str) -> Ordering {
    // Runs past 64 bits are no integers, and compare as text.
    match (x.parse::<i64>(), y.parse::<i64>()) {
        (Ok(x), Ok(y)) => x.cmp(&y),
        _ => x.cmp(y),
    }
}

/// Alternating runs of digits and of anything else.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let digits = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        rest = tail;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_counts() {
        let mut words = vec!["a10", "a2", "a", "10", "9", "a02b", "b", "a2c"];
        words.sort_by(|a, b| natural_order(a, b));
        assert_eq!(words, ["9", "10", "a", "a2", "a02b", "a2c", "a10", "b"]);
    }
}
