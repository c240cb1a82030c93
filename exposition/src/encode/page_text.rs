//! The text of a page that is being written.

/// Text, as bytes: what is appended are texts and ASCII, so that it is UTF-8 throughout.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageText {
    bytes: Vec<u8>,
}

const WORD: usize = 8;

impl PageText {
    /// An empty text in a buffer that is used again.
    pub(crate) fn with_buffer(mut buffer: String) -> Self {
        buffer.clear();
        PageText { bytes: buffer.into_bytes() }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("only texts were written")
    }

    pub(crate) fn into_string(self) -> String {
        String::from_utf8(self.bytes).expect("only texts were written")
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Where digits go.
    pub(crate) fn digits(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends an ASCII character.
    #[inline(always)]
    pub(crate) fn push(&mut self, ascii: char) {
        debug_assert!(ascii.is_ascii());
        self.bytes.push(ascii as u8);
    }

    #[inline(always)]
    pub(crate) fn push_str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends a text that is probably short. Up to sixteen bytes go as two words that overlap: a copy of fixed length needs
    /// no call.
    #[inline(always)]
    pub(crate) fn push_short(&mut self, text: &str) {
        let text = text.as_bytes();
        match (text.first_chunk::<WORD>(), text.last_chunk::<WORD>()) {
            (Some(first), Some(last)) if text.len() <= 2 * WORD => {
                let end = self.bytes.len() + text.len();
                self.bytes.extend_from_slice(first);
                self.bytes.truncate(end - WORD);
                self.bytes.extend_from_slice(last);
            }
            (None, _) => self.push_part_of_word(text),
            _ => self.bytes.extend_from_slice(text),
        }
    }

    #[inline(always)]
    fn push_part_of_word(&mut self, text: &[u8]) {
        let end = self.bytes.len() + text.len();
        self.bytes.extend_from_slice(&part_of_word(text).to_le_bytes());
        self.bytes.truncate(end);
    }
}

/// Fewer than eight bytes as a word, with zeros behind them.
#[inline(always)]
pub(crate) fn part_of_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let shift = 8 * (bytes.len().wrapping_sub(4) as u32);
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)).wrapping_shl(shift);
    }
    match *bytes {
        [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        [a, b] => u64::from(a) | u64::from(b) << 8,
        [a] => u64::from(a),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_of_every_length() {
        let text = "abcdefghijklmnopqrstuvwxyz";
        for len in 0..text.len() {
            let mut page = PageText::default();
            page.push('<');
            page.push_short(&text[..len]);
            page.push('>');
            assert_eq!(page.as_str(), format!("<{}>", &text[..len]));
        }
    }
}
