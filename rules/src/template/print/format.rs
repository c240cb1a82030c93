//! The format of `printf`: flags, width, precision, argument indexes.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::verb::Spec;
use crate::template::too_long;
use crate::template::value::Value;

/// Widths and precisions above this are no numbers to Go.
const MAX_NUMBER: usize = 1_000_000;

/// Fills a format in, with Go's notes on missing, extra and mismatched arguments.
///
/// # Errors
///
/// When the result would be longer than `limit` bytes.
pub(in crate::template) fn sprintf(format: &str, arguments: &[Value<'_>], limit: usize) -> Result<String, String> {
    let mut printer = Printer { rest: format, arguments, next: 0, reordered: false, out: String::new() };
    while let Some((text, after)) = printer.rest.split_once('%') {
        printer.out.push_str(text);
        printer.rest = after;
        printer.directive(limit)?;
        if printer.out.len() > limit {
            return Err(too_long(limit));
        }
    }
    printer.out.push_str(printer.rest);
    printer.note_extra();
    if printer.out.len() > limit { Err(too_long(limit)) } else { Ok(printer.out) }
}

struct Printer<'f, 'v, 'a> {
    rest: &'f str,
    arguments: &'v [Value<'a>],
    next: usize,
    reordered: bool,
    out: String,
}

impl<'v, 'a> Printer<'_, 'v, 'a> {
    fn directive(&mut self, limit: usize) -> Result<(), String> {
        let mut spec = Spec::default();
        self.flags(&mut spec);
        let mut good = true;
        let mut after_index = self.argument_index(&mut good);
        after_index = self.width(&mut spec, after_index, &mut good);
        if self.rest.starts_with('.') {
            self.skip(1);
            good &= !after_index;
            after_index = self.argument_index(&mut good);
            after_index = self.precision(&mut spec, after_index, &mut good);
        }
        if !after_index {
            self.argument_index(&mut good);
        }
        if spec.width.unwrap_or(0).max(spec.precision.unwrap_or(0)) > limit {
            return Err(too_long(limit));
        }
        let Some(verb) = self.rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return Ok(());
        };
        self.skip(verb.len_utf8());
        self.apply(spec, verb, good);
        Ok(())
    }

    fn apply(&mut self, mut spec: Spec, verb: char, good: bool) {
        if verb == '%' {
            self.out.push('%');
            return;
        }
        let note = |out: &mut String, what: &str| out.push_str(&format!("%!{verb}({what})"));
        if !good {
            return note(&mut self.out, "BADINDEX");
        }
        let Some(value) = self.arguments.get(self.next) else { return note(&mut self.out, "MISSING") };
        self.next = self.next.saturating_add(1);
        if verb == 'v' {
            spec.sharp_v = std::mem::take(&mut spec.sharp);
            spec.plus_v = std::mem::take(&mut spec.plus);
        }
        spec.push(&mut self.out, verb, value, 0);
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn flags(&mut self, spec: &mut Spec) {
        while let Some(c) = self.rest.chars().next() {
            match c {
                '#' => spec.sharp = true,
                '0' => spec.zero = true,
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                ' ' => spec.space = true,
                _ => return,
            }
            self.skip(1);
        }
    }

    /// `[n]`: the next argument is number `n`.
    fn argument_index(&mut self, good: &mut bool) -> bool {
        let Some(inside) = self.rest.strip_prefix('[') else { return false };
        self.reordered = true;
        let Some((number, after)) = inside.split_once(']') else {
            *good = false;
            self.skip(1);
            return false;
        };
        self.rest = after;
        match number.parse::<usize>().ok().and_then(|n| n.checked_sub(1)) {
            Some(i) if i < self.arguments.len() => {
                self.next = i;
                true
            }
            _ => {
                *good = false;
                true
            }
        }
    }

    /// Whether an argument index still stands unused before the verb.
    fn width(&mut self, spec: &mut Spec, after_index: bool, good: &mut bool) -> bool {
        if self.rest.starts_with('*') {
            self.skip(1);
            match self.integer_argument() {
                Some(n) => {
                    spec.minus |= n < 0;
                    spec.width = usize::try_from(n.unsigned_abs()).ok();
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            return false;
        }
        spec.width = self.digits();
        *good &= !(after_index && spec.width.is_some());
        after_index
    }

    fn precision(&mut self, spec: &mut Spec, after_index: bool, good: &mut bool) -> bool {
        if self.rest.starts_with('*') {
            self.skip(1);
            spec.precision = self.integer_argument().and_then(|n| usize::try_from(n).ok());
            if spec.precision.is_none() {
                self.out.push_str("%!(BADPREC)");
            }
            return false;
        }
        let digits = self.digits();
        *good &= !(after_index && digits.is_some());
        spec.precision = Some(digits.unwrap_or(0));
        after_index
    }

    fn integer_argument(&mut self) -> Option<i64> {
        let value = self.arguments.get(self.next)?;
        self.next = self.next.saturating_add(1);
        value.as_integer().filter(|n| n.unsigned_abs() <= MAX_NUMBER as u64)
    }

    fn digits(&mut self) -> Option<usize> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let number = self.rest.get(..end).filter(|digits| !digits.is_empty())?;
        self.skip(end);
        number.parse().ok().filter(|n| *n <= MAX_NUMBER).or(Some(usize::MAX))
    }

    fn note_extra(&mut self) {
        let extra = self.arguments.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return;
        }
        self.out.push_str("%!(EXTRA ");
        for (i, value) in extra.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            Spec::default().push_typed(&mut self.out, value);
        }
        self.out.push(')');
    }
}
