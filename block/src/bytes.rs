//! Big-endian numbers, varints, strings and checked sections, out of bytes that may be anything.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::error::Fault;

/// Reads forward; `None` where the bytes end or do not mean anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(head)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Option<u32> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*head))
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Option<u64> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_be_bytes(*head))
    }

    /// At most ten bytes; more than 64 bits are refused.
    #[inline]
    pub(crate) fn uvarint(&mut self) -> Option<u64> {
        match self.rest {
            [first, rest @ ..] if *first < 0x80 => {
                self.rest = rest;
                Some(u64::from(*first))
            }
            _ => self.long_uvarint(),
        }
    }

    fn long_uvarint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Zig-zag.
    #[inline]
    pub(crate) fn varint(&mut self) -> Option<i64> {
        let raw = self.uvarint()?;
        Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// Bytes behind their length.
    #[inline]
    pub(crate) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.uvarint()?).ok()?;
        self.take(len)
    }
}

pub(crate) fn put_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_varint(out: &mut Vec<u8>, value: i64) {
    put_uvarint(out, (value << 1 ^ value >> 63) as u64);
}

pub(crate) fn put_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uvarint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The file from `offset` on.
pub(crate) fn from_offset(file: &[u8], offset: u64) -> Result<&[u8], Fault> {
    let rest = usize::try_from(offset).ok().and_then(|at| file.get(at..));
    rest.ok_or_else(|| Fault::new(offset, format!("offset behind the end of the file at {}", file.len())))
}

/// The contents of the section `u32 length · contents · u32 crc(contents)` at `offset`, checked.
pub(crate) fn section(file: &[u8], offset: u64) -> Result<&[u8], Fault> {
    let (contents, expected) = unchecked_section(file, offset)?;
    check_crc(contents, expected, offset)?;
    Ok(contents)
}

/// As [`section`], with the sum that is still to be checked.
pub(crate) fn unchecked_section(file: &[u8], offset: u64) -> Result<(&[u8], u32), Fault> {
    let mut bytes = Cursor::new(from_offset(file, offset)?);

    let len = bytes.u32().ok_or_else(|| ends_early(offset))? as usize;
    let contents = bytes.take(len).ok_or_else(|| ends_early(offset))?;
    let expected = bytes.u32().ok_or_else(|| ends_early(offset))?;
    Ok((contents, expected))
}

pub(crate) fn check_crc(contents: &[u8], expected: u32, offset: u64) -> Result<(), Fault> {
    let found = crc32c::crc32c(contents);
    if found == expected {
        return Ok(());
    }
    Err(Fault::new(offset, format!("checksum mismatch: expected {expected:08x}, found {found:08x}")))
}

pub(crate) fn ends_early(offset: u64) -> Fault {
    Fault::new(offset, "ends early")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn varints_are_what_was_put_and_never_too_wide() {
        for value in [0, 1, 63, 64, 127, 128, 300, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX] {
            let mut out = Vec::new();
            put_uvarint(&mut out, value);
            put_varint(&mut out, value as i64);
            put_varint(&mut out, (value as i64).wrapping_neg());
            let mut read = Cursor::new(&out);
            assert_eq!(read.uvarint(), Some(value));
            assert_eq!((read.varint(), read.varint()), (Some(value as i64), Some((value as i64).wrapping_neg())));
            assert!(read.is_empty());
        }
        assert_eq!(Cursor::new(&[0xff; 12]).uvarint(), None);
        assert_eq!(Cursor::new(&[0x80; 3]).uvarint(), None);
        assert_eq!(Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).uvarint(), None);
    }

    #[test]
    fn a_section_is_believed_when_its_sum_holds() {
        let mut file = vec![9, 0, 0, 0, 2, b'a', b'b'];
        file.extend_from_slice(&crc32c::crc32c(b"ab").to_be_bytes());
        assert_eq!(section(&file, 1).unwrap(), b"ab");
        file[5] ^= 1;
        assert!(section(&file, 1).unwrap_err().message.starts_with("checksum mismatch: expected"));
        assert_eq!(section(&file, 8).unwrap_err(), ends_early(8));
        assert!(section(&file, u64::MAX).is_err() && section(&file, 0).is_err());
    }
}
