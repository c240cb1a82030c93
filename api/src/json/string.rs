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
    loop {
        let plain = plain_bytes(rest.as_bytes(), escapes);
        out.push_str(&rest[..plain]);
        let mut chars = rest[plain..].chars();
        let Some(c) = chars.next() else { break };
        push_char(out, c, escapes);
        rest = chars.as_str();
    }
    out.push('"');
}

/// Whether a byte is, or in UTF-8 may begin, what is escaped.
static SUSPECT: [[bool; 256]; 2] = {
    let mut table = [[false; 256]; 2];
    let mut byte = 0;
    while byte < 256 {
        let always = byte < 0x20 || byte == b'"' as usize || byte == b'\\' as usize;
        // U+2028 and U+2029 begin with 0xe2.
        let in_pages = byte == b'<' as usize || byte == b'>' as usize || byte == b'&' as usize || byte == 0xe2;
        table[Escapes::Html as usize][byte] = always || in_pages;
        table[Escapes::Json as usize][byte] = always;
        byte += 1;
    }
    table
};

/// How many bytes at the start stand for themselves. Ends at the start of a character.
///
/// PERF: eight bytes at a time; almost no label has anything to escape.
fn plain_bytes(bytes: &[u8], escapes: Escapes) -> usize {
    let is_plain = |eight: &[u8; 8]| !may_need_escape(u64::from_le_bytes(*eight), escapes);
    let (eights, _) = bytes.as_chunks::<8>();
    let plain = eights.iter().take_while(|eight| is_plain(eight)).count();
    // The rest is looked at together with bytes before it.
    if plain == eights.len() && bytes.last_chunk::<8>().is_some_and(is_plain) {
        return bytes.len();
    }
    let table = &SUSPECT[escapes as usize];
    let start = plain * 8;
    bytes[start..].iter().position(|byte| table[*byte as usize]).map_or(bytes.len(), |at| start + at)
}

/// Whether one of eight bytes may be suspect; sure where it says no.
fn may_need_escape(eight: u64, escapes: Escapes) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte below `n`, and with luck of some above.
    let below = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word & HIGH;
    let has = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    let mut found = below(eight, 0x20) | has(b'"') | has(b'\\');
    if escapes == Escapes::Html {
        // `<` and `>` differ in one bit.
        found |= below((eight | (ONES * 2)) ^ (ONES * u64::from(b'>')), 1) | has(b'&') | has(0xe2);
    }
    found != 0
}

fn push_char(out: &mut String, c: char, escapes: Escapes) {
    if needs_escape(c, escapes) {
        push_escape(out, c);
    } else {
        out.push(c);
    }
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

    #[test]
    fn what_is_escaped_is_found_wherever_it_stands() {
        for escaped in ["\"", "\\", "\n", "<", ">", "&", "\u{2028}", "\u{2029}"] {
            for before in 0..20 {
                for after in 0..20 {
                    let text = format!("{}{escaped}{}", "a".repeat(before), "é".repeat(after));
                    let json = string(&text);
                    assert_eq!(json.len(), before + 2 * after + 2 + string(escaped).len() - 2, "{json}");
                    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                }
            }
        }
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
