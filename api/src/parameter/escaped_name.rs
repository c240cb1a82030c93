//! Label names in paths: `U__` and then a name whose odd characters stand as `_<hex>_`.

use std::fmt::Write;

use promethium_model::quote::go_quoted_bytes;

use crate::error::ParameterError;

// A code point needs more digits only in planes that hold no characters yet; Prometheus stops here, too.
const MAX_HEX_DIGITS: usize = 5;

/// The label name that a path segment stands for.
pub(crate) fn label_name(segment: &[u8]) -> Result<String, ParameterError> {
    let refused = || ParameterError::LabelName { quoted: go_quoted_bytes(segment) };
    let name = std::str::from_utf8(segment).map_err(|_| refused())?;
    if name.is_empty() {
        return Err(refused());
    }
    let decoded = name.strip_prefix("U__").and_then(unescape).unwrap_or_else(|| name.to_owned());
    // `U__` alone stands for the empty name, which no label has.
    if decoded.is_empty() { Err(ParameterError::LabelName { quoted: "\"\"".to_owned() }) } else { Ok(decoded) }
}

/// `None` when the text is no escaped name: it then stands for itself.
fn unescape(escaped: &str) -> Option<String> {
    let mut out = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((plain, after)) = rest.split_once('_') {
        out.push_str(plain);
        let (code, after) = after.split_once('_')?;
        match code {
            "" => out.push('_'),
            code => out.write_char(code_point(code)?).ok()?,
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn code_point(hex: &str) -> Option<char> {
    if hex.len() > MAX_HEX_DIGITS || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped() {
        for (segment, name) in [
            ("job", "job"),
            ("__name__", "__name__"),
            ("a.b", "a.b"),
            ("U__service_2e_name", "service.name"),
            ("U__service_2E_name", "service.name"),
            ("U__a__b", "a_b"),
            ("U__job", "job"),
            ("U___1f600_", "\u{1F600}"),
            // What is not well escaped stands for itself.
            ("U__a_b", "U__a_b"),
            ("U__a_zz_", "U__a_zz_"),
            ("U__a_", "U__a_"),
            ("U__a_d800_", "U__a_d800_"),
            ("U__a_10ffff_", "U__a_10ffff_"),
        ] {
            assert_eq!(label_name(segment.as_bytes()).unwrap(), name, "{segment}");
        }
    }

    #[test]
    fn names_that_cannot_be() {
        for (segment, message) in [
            (b"".as_slice(), "invalid label name: \"\""),
            (b"U__", "invalid label name: \"\""),
            (b"\xff", "invalid label name: \"\\xff\""),
        ] {
            assert_eq!(label_name(segment).unwrap_err().to_string(), message);
        }
    }
}
