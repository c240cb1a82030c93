//! The wire format of protocol buffers: fields of a message, borrowed.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::encode::part_of_word;

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireError {
    Truncated,
    Varint,
    Tag,
    WireType,
    Group,
    Utf8,
}

impl WireError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            WireError::Truncated => "unexpected end of the message",
            WireError::Varint => "varint longer than 64 bits",
            WireError::Tag => "field number 0 or too large",
            WireError::WireType => "wrong wire type for the field",
            WireError::Group => "unbalanced or too deeply nested groups",
            WireError::Utf8 => "string is not valid UTF-8",
        }
    }
}

/// The value of one field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    #[inline(always)]
    pub(crate) fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::WireType),
        }
    }

    #[inline(always)]
    pub(crate) fn text(self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8)
    }

    #[inline(always)]
    pub(crate) fn varint(self) -> Result<u64, WireError> {
        match self {
            Value::Varint(v) => Ok(v),
            _ => Err(WireError::WireType),
        }
    }

    #[inline(always)]
    pub(crate) fn double(self) -> Result<f64, WireError> {
        match self {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(WireError::WireType),
        }
    }

    /// `sint32`.
    #[inline(always)]
    pub(crate) fn sint32(self) -> Result<i32, WireError> {
        let v = self.varint()? as u32;
        Ok((v >> 1).cast_signed() ^ (v & 1).cast_signed().wrapping_neg())
    }
}

/// `sint64` from its varint.
#[inline(always)]
pub(crate) fn zigzag(v: u64) -> i64 {
    (v >> 1).cast_signed() ^ (v & 1).cast_signed().wrapping_neg()
}

/// Iterates over the fields of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) rest: &'a [u8],
}

const MAX_GROUP_DEPTH: u32 = 100;
const MAX_FIELD_NUMBER: u64 = (1 << 29) - 1;

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    /// The next field, groups left out.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, WireError> {
        while !self.rest.is_empty() {
            let (number, wire_type) = self.take_tag()?;
            match wire_type {
                3 => self.skip_group(number)?,
                _ => return Ok(Some((number, self.take_value(wire_type)?))),
            }
        }
        Ok(None)
    }

    #[inline(always)]
    fn take_tag(&mut self) -> Result<(u32, u64), WireError> {
        match *self.rest {
            // Field numbers up to 15, which nearly all are.
            [key @ 0x08..0x80, ref after @ ..] => {
                self.rest = after;
                Ok((u32::from(key >> 3), u64::from(key & 7)))
            }
            _ => self.take_long_tag(),
        }
    }

    #[inline]
    fn take_long_tag(&mut self) -> Result<(u32, u64), WireError> {
        let key = take_varint(&mut self.rest)?;
        let number = key >> 3;
        if number == 0 || number > MAX_FIELD_NUMBER {
            return Err(WireError::Tag);
        }
        Ok((number as u32, key & 7))
    }

    #[inline(always)]
    fn take_value(&mut self, wire_type: u64) -> Result<Value<'a>, WireError> {
        match wire_type {
            0 => Ok(Value::Varint(take_varint(&mut self.rest)?)),
            1 => Ok(Value::Fixed64(take_fixed64(&mut self.rest)?)),
            2 => Ok(Value::Bytes(take_delimited(&mut self.rest)?)),
            5 => {
                self.rest = self.rest.get(4..).ok_or(WireError::Truncated)?;
                Ok(Value::Fixed32)
            }
            4 => Err(WireError::Group),
            _ => Err(WireError::WireType),
        }
    }

    /// Past the end of a group whose start was read; the groups in it are counted, not called.
    #[cold]
    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            if self.rest.is_empty() {
                return Err(WireError::Truncated);
            }
            match self.take_tag()? {
                (number, 3) if open.len() < MAX_GROUP_DEPTH as usize => open.push(number),
                (_, 3) => return Err(WireError::Group),
                (number, 4) if number == innermost => drop(open.pop()),
                (_, 4) => return Err(WireError::Group),
                (_, wire_type) => drop(self.take_value(wire_type)?),
            }
        }
        Ok(())
    }
}

/// Reads a varint of at most 64 bits: one or two bytes at once, up to eight as one word.
#[inline(always)]
pub(crate) fn take_varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    match rest.split_first() {
        Some((byte, after)) if *byte < 0x80 => {
            *rest = after;
            Ok(u64::from(*byte))
        }
        Some((low, [high, after @ ..])) if *high < 0x80 => {
            *rest = after;
            Ok(u64::from(low & 0x7f) | u64::from(*high) << 7)
        }
        _ => take_varint_of_a_word(rest),
    }
}

#[inline]
fn take_varint_of_a_word(rest: &mut &[u8]) -> Result<u64, WireError> {
    let word = match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => part_of_word(rest),
    };
    let ends = last_bytes(word);
    if ends == 0 {
        return take_any_varint(rest);
    }
    let bits = ends.trailing_zeros().wrapping_add(1);
    // A word that is not full ends in zeros, which end a varint too.
    *rest = rest.get((bits / 8) as usize..).ok_or(WireError::Truncated)?;
    Ok(join_groups(low_bits(word, bits)))
}

/// The highest bit of each byte that ends a varint.
#[inline(always)]
fn last_bytes(word: u64) -> u64 {
    !word & 0x8080_8080_8080_8080
}

/// The lowest `bits` of a word, of which there are 1 to 64.
#[inline(always)]
fn low_bits(word: u64, bits: u32) -> u64 {
    word & (u64::MAX >> 64u32.wrapping_sub(bits))
}

/// The number whose groups of seven bits are the bytes of a word, the lowest first: by pairs, by fours, and all.
#[inline(always)]
fn join_groups(word: u64) -> u64 {
    let pairs = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    (fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4
}

#[cold]
fn take_any_varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let mut value = 0u64;
    for (i, byte) in rest.iter().take(10).enumerate() {
        if i == 9 && *byte > 1 {
            return Err(WireError::Varint);
        }
        value |= u64::from(byte & 0x7f).wrapping_shl((i as u32).wrapping_mul(7));
        if *byte < 0x80 {
            *rest = rest.get(i.saturating_add(1)..).unwrap_or_default();
            return Ok(value);
        }
    }
    Err(if rest.len() < 10 { WireError::Truncated } else { WireError::Varint })
}

#[inline(always)]
pub(crate) fn take_fixed64(rest: &mut &[u8]) -> Result<u64, WireError> {
    let (bytes, after) = rest.split_first_chunk::<8>().ok_or(WireError::Truncated)?;
    *rest = after;
    Ok(u64::from_le_bytes(*bytes))
}

/// A length and so many bytes.
#[inline(always)]
pub(crate) fn take_delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], WireError> {
    let len = usize::try_from(take_varint(rest)?).map_err(|_| WireError::Truncated)?;
    let (bytes, after) = rest.split_at_checked(len).ok_or(WireError::Truncated)?;
    *rest = after;
    Ok(bytes)
}

/// The `sint64` of a repeated field: one, or many packed.
#[inline(always)]
pub(crate) fn push_signed(value: Value<'_>, numbers: &mut Vec<i64>) -> Result<(), WireError> {
    match value {
        Value::Varint(v) => numbers.push(zigzag(v)),
        Value::Bytes(packed) => push_packed_signed(packed, numbers)?,
        _ => return Err(WireError::WireType),
    }
    Ok(())
}

fn push_packed_signed(packed: &[u8], numbers: &mut Vec<i64>) -> Result<(), WireError> {
    let mut rest = packed;
    push_words_of_signed(&mut rest, numbers)?;
    while !rest.is_empty() {
        numbers.push(zigzag(take_varint(&mut rest)?));
    }
    Ok(())
}

/// The first four varints of a word and how many bytes they take, if none in it has more than two: no branch depends on how many
/// have two.
#[inline(always)]
fn four_short_varints(word: u64) -> Option<([u64; 4], usize)> {
    let continued = word & 0x8080_8080_8080_8080;
    if continued & continued << 8 != 0 {
        return None;
    }
    let mut ends = !word & 0x8080_8080_8080_8080;
    let mut start = 0u32;
    let mut four = [0; 4];
    for number in &mut four {
        let end = ends.trailing_zeros().wrapping_add(1);
        ends &= ends.wrapping_sub(1);
        // The second byte counts where the first is not the last.
        let bytes = word >> start;
        let second = (bytes >> 1 & 0x3f80) & 0u64.wrapping_sub(bytes >> 7 & 1);
        *number = bytes & 0x7f | second;
        start = end;
    }
    Some((four, (start / 8) as usize))
}

/// Reads a packed field a word at a time, up to its last few bytes.
#[inline]
fn push_words_of_signed(packed: &mut &[u8], numbers: &mut Vec<i64>) -> Result<(), WireError> {
    while let Some(word) = packed.first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        if let Some((four, bytes)) = four_short_varints(word) {
            numbers.extend_from_slice(&four.map(zigzag));
            *packed = packed.get(bytes..).unwrap_or_default();
            continue;
        }
        let mut ends = last_bytes(word);
        if ends == 0 {
            numbers.push(zigzag(take_any_varint(packed)?));
            continue;
        }
        // All eight places are appended, and those taken back that the word has no number for.
        let mut read = [0i64; 8];
        let (mut start, mut len) = (0u32, 0usize);
        for number in &mut read {
            if ends == 0 {
                break;
            }
            let end = ends.trailing_zeros().wrapping_add(1);
            *number = zigzag(groups_between(word, start, end));
            start = end;
            ends &= ends.wrapping_sub(1);
            len = len.wrapping_add(1);
        }
        let before = numbers.len();
        numbers.extend_from_slice(&read);
        numbers.truncate(before.wrapping_add(len));
        *packed = packed.get((start / 8) as usize..).unwrap_or_default();
    }
    Ok(())
}

/// The varint of which the bits of a word from `start` to `end` are the bytes.
#[inline(always)]
fn groups_between(word: u64, start: u32, end: u32) -> u64 {
    let groups = low_bits(word, end) >> start;
    if end.wrapping_sub(start) <= 16 { (groups & 0x7f) | (groups & 0x7f00) >> 1 } else { join_groups(groups) }
}

/// The floats of a repeated field: one, or many packed.
#[inline]
pub(crate) fn each_double(value: Value<'_>, mut take: impl FnMut(f64)) -> Result<(), WireError> {
    match value {
        Value::Fixed64(bits) => take(f64::from_bits(bits)),
        Value::Bytes(mut packed) => {
            while !packed.is_empty() {
                take(f64::from_bits(take_fixed64(&mut packed)?));
            }
        }
        _ => return Err(WireError::WireType),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_have_at_most_64_bits() {
        let read = |mut bytes: &[u8]| take_varint(&mut bytes);
        assert_eq!(read(&[0x7f]), Ok(127));
        assert_eq!(read(&[0x80, 1]), Ok(128));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), Ok(u64::MAX));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), Err(WireError::Varint));
        assert_eq!(read(&[0x80; 11]), Err(WireError::Varint));
        assert_eq!(read(&[0x80]), Err(WireError::Truncated));
        assert_eq!(read(&[]), Err(WireError::Truncated));
    }

    /// The varint of a number, behind it zeros that are more of the same byte.
    fn written(number: u64, padding: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = number;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        if let Some(last) = bytes.last_mut().filter(|_| padding > 0) {
            *last |= 0x80;
            bytes.extend(std::iter::repeat_n(0x80, padding.saturating_sub(1)));
            bytes.push(0);
        }
        bytes
    }

    #[test]
    fn numbers_of_every_length_are_read_alone_and_packed() {
        let numbers: Vec<u64> = (0..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, u64::MAX >> bit]).collect();
        let mut packed = Vec::new();
        for number in &numbers {
            for behind in [&[][..], &[0; 9], &[0xff; 9]] {
                let mut bytes = written(*number, 0);
                bytes.extend_from_slice(behind);
                let mut rest = &bytes[..];
                assert_eq!(take_varint(&mut rest), Ok(*number));
                assert_eq!(rest, behind);
            }
            let padding = if *number < 1 << 35 { 3 } else { 0 };
            packed.extend(written(*number, padding));
        }
        let signed: Vec<i64> = numbers.iter().map(|n| zigzag(*n)).collect();
        let mut read = Vec::new();
        assert_eq!(push_signed(Value::Bytes(&packed), &mut read), Ok(()));
        assert_eq!(read, signed);
        packed.pop();
        packed.push(0xff);
        assert!(push_signed(Value::Bytes(&packed), &mut read).is_err());
    }

    #[test]
    fn zigzag_alternates() {
        assert_eq!([0, 1, 2, 3, u64::MAX].map(zigzag), [0, -1, 1, -2, i64::MIN]);
        assert_eq!([0, 1, 2, 3].map(|v| Value::Varint(v).sint32()), [Ok(0), Ok(-1), Ok(1), Ok(-2)]);
    }

    #[test]
    fn groups_are_passed_over() {
        let mut fields = Fields::new(&[0x0b, 0x13, 0x08, 1, 0x14, 0x0c, 0x08, 7]);
        assert!(matches!(fields.next(), Ok(Some((1, Value::Varint(7))))));
        for broken in [&[0x0bu8, 0x14][..], &[0x0b], &[0x0c], &[0x0b; 200]] {
            assert!(Fields::new(broken).next().is_err(), "{broken:?}");
        }
    }
}
