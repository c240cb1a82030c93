//! Strings and label sets.

use promethium_model::Labels;

/// Which characters are escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// What JSON asks for, and `<`, `>`, `&`, U+2028 and U+2029: safe inside a web page.
    Html,
    /// What JSON asks for.
    Json,
}

/// Writes an ordinary string: queries, errors, help texts.
pub(crate) fn push_string(out: &mut String, text: &str) {
    push_quoted(out, text, Escapes::Html);
}

/// Writes a label set as an object, in name order. Prometheus writes these without the escapes for web pages.
pub(crate) fn push_labels(out: &mut String, labels: &Labels) {
    out.push('{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_quoted(out, name, Escapes::Json);
        out.push(':');
        push_quoted(out, value, Escapes::Json);
    }
    out.push('}');
}

fn push_quoted(out: &mut String, text: &str, escapes: Escapes) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c| needs_escape(c, escapes)) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = from.chars();
        if let Some(c) = chars.next() {
            push_escape(out, c);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn needs_escape(c: char, escapes: Escapes) -> bool {
    match c {
        '"' | '\\' | '\0'..='\x1f' => true,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escapes == Escapes::Html,
        _ => false,
    }
}

fn push_escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => {
            out.push_str("\\u");
            for shift in [12, 8, 4, 0] {
                out.extend(char::from_digit((u32::from(c) >> shift) & 0xf, 16));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(text: &str) -> String {
        let mut out = String::new();
        push_string(&mut out, text);
        out
    }

    #[test]
    fn ordinary_strings_are_safe_in_a_web_page() {
        for (text, json) in [
            ("", r#""""#),
            ("up", r#""up""#),
            ("a<b>&c", r#""a\u003cb\u003e\u0026c""#),
            ("\"\\\n\r\t", r#""\"\\\n\r\t""#),
            ("\0\x01\x0c\x1f\x7f", "\"\\u0000\\u0001\\u000c\\u001f\x7f\""),
            ("é\u{2028}\u{1F600}", "\"é\\u2028\u{1F600}\""),
        ] {
            assert_eq!(string(text), json);
        }
    }

    #[test]
    fn label_sets_are_not() {
        let labels = Labels::from_pairs([("b", "<\u{2028}&>"), ("a", "\"\n\x01")]);
        let mut out = String::new();
        push_labels(&mut out, &labels);
        assert_eq!(out, "{\"a\":\"\\\"\\n\\u0001\",\"b\":\"<\u{2028}&>\"}");
    }

    proptest! {
        #[test]
        fn every_string_reads_back(text in any::<String>()) {
            let read: String = serde_json::from_str(&string(&text)).unwrap();
            prop_assert_eq!(&read, &text);
            let mut out = String::new();
            push_labels(&mut out, &Labels::from_pairs([("l", &text)]));
            let read: serde_json::Value = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read.get("l").and_then(|v| v.as_str()).unwrap_or(""), text);
        }
    }
}
