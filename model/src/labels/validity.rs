//! Which names are legal.

/// Whether `name` is a metric name of the classic character set, `[a-zA-Z_:][a-zA-Z0-9_:]*`.
#[must_use]
pub fn is_legacy_metric_name(name: &str) -> bool {
    is_identifier(name, |b| b == b':')
}

/// Whether `name` is a label name of the classic character set, `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub fn is_legacy_label_name(name: &str) -> bool {
    is_identifier(name, |_| false)
}

/// Whether `name` is a label name under the UTF-8 scheme: any non-empty text.
#[must_use]
pub fn is_valid_label_name(name: &str) -> bool {
    !name.is_empty()
}

fn is_identifier(name: &str, extra: impl Fn(u8) -> bool) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_' || extra(b);
    match name.as_bytes() {
        [] => false,
        [first, rest @ ..] => letter(*first) && rest.iter().all(|&b| letter(b) || b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_belong_to_metric_names_only() {
        assert!(is_legacy_metric_name("job:up:sum"));
        assert!(!is_legacy_label_name("job:up"));
        assert!(!is_legacy_label_name("0a"));
        assert!(!is_legacy_label_name(""));
        assert!(is_valid_label_name("a.b"));
    }
}
