//! Lines of the text formats.

use promethium_model::digits::PAIRS;
use promethium_model::float::{push_g, push_open_metrics};

use super::page_text::PageText;
use crate::escape::push_quoted_body;
use crate::naming::{EscapingScheme, exposed_name};
use crate::scan::{is_bare_label_name, is_bare_metric_name};

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Go's shortest form.
    #[default]
    Plain,
    /// The same with a point or an exponent in it.
    OpenMetrics,
}

// Whole numbers below are written without an exponent.
const SMALL: f64 = 1e6;

/// A page of lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    pub(crate) out: PageText,
    pub(crate) quoted_names: bool,
    escaping: Option<EscapingScheme>,
    numbers: Numbers,
}

impl Lines {
    /// An empty page that writes names by a scheme.
    pub(crate) fn new(escaping: EscapingScheme, numbers: Numbers) -> Self {
        let escaping = Some(escaping).filter(|scheme| *scheme != EscapingScheme::AllowUtf8);
        Lines { out: PageText::default(), quoted_names: false, escaping, numbers }
    }

    /// An empty page that reuses a buffer.
    pub(crate) fn with_buffer(buffer: String) -> Self {
        Lines { out: PageText::with_buffer(buffer), ..Lines::default() }
    }

    /// `# KEYWORD name `: the start of a metadata line.
    pub(crate) fn push_metadata(&mut self, keyword: &str, name: &str) {
        self.out.push_str("# ");
        self.out.push_str(keyword);
        self.out.push(' ');
        self.push_family_name(name);
        self.out.push(' ');
    }

    fn push_family_name(&mut self, name: &str) {
        if is_bare_metric_name(name) {
            return self.out.push_str(name);
        }
        match self.escaping {
            Some(scheme) => self.out.push_str(&exposed_name(name, scheme)),
            None => self.push_quoted_name(&[name]),
        }
    }

    fn push_quoted_name(&mut self, parts: &[&str]) {
        self.quoted_names = true;
        self.push_quoted(parts);
    }

    fn push_quoted(&mut self, parts: &[&str]) {
        self.out.push('"');
        for part in parts {
            push_quoted_body(&mut self.out, part);
        }
        self.out.push('"');
    }

    /// `name="value"`.
    #[inline]
    fn push_label(&mut self, name: &str, value: &str) {
        self.push_label_name(name);
        self.out.push_str("=\"");
        push_quoted_body(&mut self.out, value);
        self.out.push('"');
    }

    #[inline]
    fn push_label_name(&mut self, name: &str) {
        if is_bare_label_name(name) {
            return self.out.push_short(name);
        }
        match self.escaping {
            Some(scheme) => self.out.push_str(&exposed_name(name, scheme)),
            None => self.push_quoted_name(&[name]),
        }
    }

    /// `name{…}`, or `{"name",…}` where the name must be quoted. `bound` is a label more.
    pub(crate) fn push_series<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        (name, suffix): (&str, &str),
        labels: &[(N, V)],
        bound: Option<(&str, f64)>,
    ) {
        let mut separator = '{';
        if is_bare_metric_name(name) {
            self.out.push_str(name);
            self.out.push_short(suffix);
        } else if let Some(scheme) = self.escaping {
            self.out.push_str(&exposed_name(&[name, suffix].concat(), scheme));
        } else {
            self.out.push('{');
            self.push_quoted_name(&[name, suffix]);
            separator = ',';
        }
        for (name, value) in labels {
            self.out.push(separator);
            self.push_label(name.as_ref(), value.as_ref());
            separator = ',';
        }
        if let Some((name, bound)) = bound {
            self.out.push(separator);
            self.push_label_name(name);
            self.out.push_str("=\"");
            self.push_number(bound);
            self.out.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.out.push('}');
        }
    }

    /// `{name="value",…}`, braces even when there are none.
    pub(crate) fn push_braces(&mut self, labels: &[(String, String)]) {
        self.out.push('{');
        for (i, (name, value)) in labels.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.push_label(name, value);
        }
        self.out.push('}');
    }

    /// A number. Zero is written without its sign, as Prometheus' client libraries do.
    pub(crate) fn push_number(&mut self, value: f64) {
        let value = if value == 0.0 { 0.0 } else { value };
        if value.fract() == 0.0 && value.abs() < SMALL {
            self.push_integer(value as i64);
            if self.numbers == Numbers::OpenMetrics {
                self.out.push_str(".0");
            }
            return;
        }
        match self.numbers {
            Numbers::Plain => push_g(self.out.digits(), value),
            Numbers::OpenMetrics => push_open_metrics(self.out.digits(), value),
        }
    }

    /// A count: a whole number is written as one.
    pub(crate) fn push_count(&mut self, count: f64) {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.numbers == Numbers::Plain || count.fract() != 0.0 || !(0.0..=EXACT).contains(&count) {
            return self.push_number(count);
        }
        self.push_integer(count as i64);
    }

    pub(crate) fn push_integer(&mut self, n: i64) {
        const LONGEST: usize = 20;
        let mut text = [0u8; LONGEST];
        let mut start = LONGEST;
        let mut rest = n.unsigned_abs();
        while rest >= 100 {
            start -= 2;
            text[start..start + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        start -= 2;
        text[start..start + 2].copy_from_slice(&PAIRS[rest as usize]);
        start += usize::from(rest < 10);
        if n < 0 {
            self.out.push('-');
        }
        self.out.digits().extend_from_slice(&text[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_length() {
        let ends = (0..19).flat_map(|n| [10i64.pow(n), 10i64.pow(n) - 1, 12_345_678_901_234_567 % 10i64.pow(n)]);
        for n in ends.flat_map(|n| [n, -n]).chain([i64::MIN, i64::MAX]) {
            let mut lines = Lines::default();
            lines.push_integer(n);
            assert_eq!(lines.out.as_str(), n.to_string());
        }
    }
}
