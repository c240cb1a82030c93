//! The coder of float values: XOR with the value before, of which the significant bits are stored in a window.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::bits::{BitReader, BitWriter};
use crate::error::Fault;

/// The window that precedes the first changed value.
pub(crate) const NO_WINDOW: u8 = 0xff;
// A count of leading zeros is stored in five bits.
const MAX_LEADING: u32 = 31;

/// A float that changes from sample to sample, and the window that its last change set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct XorValue {
    pub(crate) bits: u64,
    leading: u8,
    trailing: u8,
}

impl XorValue {
    pub(crate) fn new(bits: u64) -> Self {
        XorValue { bits, leading: NO_WINDOW, trailing: 0 }
    }

    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.bits)
    }

    pub(crate) fn write(&mut self, value: f64, out: &mut BitWriter) {
        let bits = value.to_bits();
        let (code, n) = value_code(bits ^ self.bits, &mut self.leading, &mut self.trailing);
        self.bits = bits;
        out.push_wide(code, n);
    }

    #[inline]
    pub(crate) fn read(&mut self, bits: &mut BitReader<'_>) -> Result<(), Fault> {
        bits.refill();
        match bits.peek() >> 62 {
            0 | 1 => {
                bits.skip(1);
                return Ok(());
            }
            2 => {
                bits.skip(2);
                if self.leading == NO_WINDOW {
                    // A writer that was rebuilt from a chunk without any change writes its first change so.
                    self.leading = 0;
                }
            }
            _ => {
                bits.skip(2);
                (self.leading, self.trailing) = read_window(bits)?;
            }
        }
        let significant = 64 - u32::from(self.leading) - u32::from(self.trailing);
        self.bits ^= bits.read(significant) << self.trailing;
        Ok(())
    }
}

/// Reads leading zeros and the number of significant bits; gives leading and trailing zeros. Takes 11 refilled bits.
#[inline(always)]
pub(crate) fn read_window(bits: &mut BitReader<'_>) -> Result<(u8, u8), Fault> {
    let leading = bits.take(5) as u32;
    let stored = bits.take(6) as u32;
    let significant = if stored == 0 { 64 } else { stored };
    let used = leading + significant;
    if used > 64 {
        return Err(Fault::Window { leading, significant });
    }
    Ok((leading as u8, (64 - used) as u8))
}

/// Control bits, window and significant bits of a change, 77 bits at most; sets the window where it must change.
#[inline(always)]
pub(crate) fn value_code(xor: u64, leading: &mut u8, trailing: &mut u8) -> (u128, u32) {
    if xor == 0 {
        return (0, 1);
    }
    match reused_window(xor, *leading, *trailing) {
        Some((bits, n)) => ((0b10 << n) | u128::from(bits), 2 + n),
        None => {
            let (code, n) = new_window(xor, leading, trailing);
            ((0b11 << n) | code, 2 + n)
        }
    }
}

/// The significant bits in the window as it is, if they fit.
#[inline(always)]
pub(crate) fn reused_window(xor: u64, leading: u8, trailing: u8) -> Option<(u64, u32)> {
    let fits =
        xor.leading_zeros().min(MAX_LEADING) >= u32::from(leading) && xor.trailing_zeros() >= u32::from(trailing);
    // No window has more leading zeros than any number has.
    fits.then(|| (xor >> trailing, 64 - u32::from(leading) - u32::from(trailing)))
}

/// Eleven bits of a new window, and the significant bits in it.
#[inline(always)]
pub(crate) fn new_window(xor: u64, leading: &mut u8, trailing: &mut u8) -> (u128, u32) {
    let lead = xor.leading_zeros().min(MAX_LEADING);
    let trail = xor.trailing_zeros();
    let significant = 64 - lead - trail;
    (*leading, *trailing) = (lead as u8, trail as u8);
    // A window of 64 bits is written as 0: six bits end at 63, and no window is empty.
    let window = (u128::from(lead) << 6) | u128::from(significant & 63);
    ((window << significant) | u128::from(xor >> trail), 11 + significant)
}
