//! Reading and writing the pieces that records are made of.

use super::RecordError;

// The longest label string that a packed label set can hold.
const MAX_STRING_BYTES: usize = (1 << 24) - 1;

/// What is left of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Cursor(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], RecordError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(RecordError::Short(what))?;
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, RecordError> {
        let (byte, rest) = self.0.split_first().ok_or(RecordError::Short(what))?;
        self.0 = rest;
        Ok(*byte)
    }

    #[inline]
    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, RecordError> {
        let (eight, rest) = self.0.split_first_chunk::<8>().ok_or(RecordError::Short(what))?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*eight))
    }

    #[inline]
    pub(crate) fn i64(&mut self, what: &'static str) -> Result<i64, RecordError> {
        Ok(self.u64(what)? as i64)
    }

    #[inline]
    pub(crate) fn f64(&mut self, what: &'static str) -> Result<f64, RecordError> {
        Ok(f64::from_bits(self.u64(what)?))
    }

    #[inline]
    pub(crate) fn uvarint(&mut self, what: &'static str) -> Result<u64, RecordError> {
        let mut value = 0_u64;
        for shift in (0..70_u32).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(RecordError::Short(what))?;
            self.0 = rest;
            // The tenth byte has one bit left.
            if shift == 63 && *byte > 1 {
                return Err(RecordError::Short(what));
            }
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(RecordError::Short(what))
    }

    #[inline]
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<i64, RecordError> {
        let raw = self.uvarint(what)?;
        Ok(((raw >> 1) as i64) ^ ((raw & 1) as i64).wrapping_neg())
    }

    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a str, RecordError> {
        let len = self.uvarint("label string length")?;
        let short = usize::try_from(len).ok().filter(|l| *l <= MAX_STRING_BYTES);
        let text = self.take(short.ok_or(RecordError::LongString(len))?, "label string")?;
        std::str::from_utf8(text).map_err(|_| RecordError::NotUtf8)
    }

    /// A number of items, each of which takes at least `item_bytes`: never more than the rest can hold.
    pub(crate) fn count(&mut self, item_bytes: usize, what: &'static str) -> Result<usize, RecordError> {
        let count = self.uvarint(what)?;
        let fits = usize::try_from(count).ok().filter(|n| n.saturating_mul(item_bytes) <= self.0.len());
        fits.ok_or(RecordError::Short(what))
    }

    /// Label pairs with their number, into `pairs`, which is emptied first.
    pub(crate) fn pairs(&mut self, pairs: &mut Vec<(&'a str, &'a str)>) -> Result<(), RecordError> {
        pairs.clear();
        for _ in 0..self.count(2, "label count")? {
            pairs.push((self.string()?, self.string()?));
        }
        Ok(())
    }
}

#[inline]
pub(crate) fn push_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
pub(crate) fn push_varint(out: &mut Vec<u8>, value: i64) {
    push_uvarint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    push_uvarint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn push_pairs<'a>(out: &mut Vec<u8>, pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>) {
    push_uvarint(out, pairs.len() as u64);
    for (name, value) in pairs {
        push_string(out, name);
        push_string(out, value);
    }
}
