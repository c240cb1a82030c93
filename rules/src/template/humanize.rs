//! Numbers for people, with four significant digits.

use super::print::float_text;

/// Go's `%.4g`.
pub(super) fn short(v: f64) -> String {
    float_text(v, 'g', Some(4))
}

/// SI prefixes: 1048576 is `1.049M`.
pub(super) fn humanize(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return short(v);
    }
    let (mut v, mut prefix) = (v, "");
    if v.abs() >= 1.0 {
        for next in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if v.abs() < 1000.0 {
                break;
            }
            (v, prefix) = (v / 1000.0, next);
        }
    } else {
        for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if v.abs() >= 1.0 {
                break;
            }
            (v, prefix) = (v * 1000.0, next);
        }
    }
    short(v) + prefix
}

/// Binary prefixes: 1048576 is `1Mi`.
pub(super) fn humanize_1024(v: f64) -> String {
    let (mut v, mut prefix) = (v, "");
    if v.is_finite() && v.abs() > 1.0 {
        for next in ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] {
            if v.abs() < 1024.0 {
                break;
            }
            (v, prefix) = (v / 1024.0, next);
        }
    }
    short(v) + prefix
}

/// 0.1234 is `12.34%`.
pub(super) fn humanize_percentage(v: f64) -> String {
    short(v * 100.0) + "%"
}

/// Seconds as days, hours, minutes and seconds, or in fractions of a second: 135.36 is `2m 15s`.
pub(super) fn humanize_duration(v: f64) -> String {
    if !v.is_finite() {
        return short(v);
    }
    if v == 0.0 {
        return "0s".to_owned();
    }
    if v.abs() < 1.0 {
        return sub_second(v);
    }
    let sign = if v < 0.0 { "-" } else { "" };
    // Saturates beyond what an integer of seconds holds: some 292 billion years.
    let whole = v.abs() as u64;
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", short(v.abs()))
    }
}

fn sub_second(v: f64) -> String {
    let (mut v, mut prefix) = (v, "");
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if v.abs() >= 1.0 {
            break;
        }
        (v, prefix) = (v * 1000.0, next);
    }
    format!("{}{prefix}s", short(v))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        for (v, si, binary) in [
            (0.0, "0", "0"),
            (1.0, "1", "1"),
            (1234567.0, "1.235M", "1.177Mi"),
            (1048576.0, "1.049M", "1Mi"),
            (-1024.0, "-1.024k", "-1ki"),
            (0.12, "120m", "0.12"),
            (1e-7, "100n", "1e-07"),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (1e27, "1000Y", "827.2Yi"),
        ] {
            assert_eq!((humanize(v).as_str(), humanize_1024(v).as_str()), (si, binary), "{v}");
        }
    }

    #[test]
    fn durations_for_people() {
        for (v, text) in [
            (0.0, "0s"),
            (0.001, "1ms"),
            (0.1234567, "123.5ms"),
            (1.0, "1s"),
            (59.87, "59.87s"),
            (60.0, "1m 0s"),
            (135.3563, "2m 15s"),
            (-61.5, "-1m 1s"),
            (3600.0, "1h 0m 0s"),
            (1234567.0, "14d 6h 56m 7s"),
            (-0.001, "-1ms"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(humanize_duration(v), text, "{v}");
        }
    }

    #[test]
    fn percentages() {
        for (v, text) in [(0.1234567, "12.35%"), (1.0, "100%"), (-0.5, "-50%"), (123.456, "1.235e+04%")] {
            assert_eq!(humanize_percentage(v), text);
        }
    }
}
