//! The coder of float values: XOR with the value before, of which the significant bits are stored in a window.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::bits::{BitReader, BitSink, BitWriter, WINDOW};
use crate::error::Fault;

// A count of leading zeros is stored in five bits.
const MAX_LEADING: u32 = 31;

/// A float that changes from sample to sample, and the window that its last change set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct XorValue {
    bits: u64,
    window: Window,
}

impl XorValue {
    pub(crate) fn to_write(value: f64) -> Self {
        XorValue { bits: value.to_bits(), window: Window::NONE }
    }

    pub(crate) fn to_read(bits: u64) -> Self {
        XorValue { bits, window: Window::default() }
    }

    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// Makes room.
    pub(crate) fn write(&mut self, value: f64, out: &mut BitWriter) {
        const CHANGE_BYTES: usize = 10;
        out.reserve(CHANGE_BYTES);
        let bits = value.to_bits();
        write_change((0, 0), bits ^ self.bits, &mut self.window, out);
        self.bits = bits;
    }

    #[inline]
    pub(crate) fn read(&mut self, bits: &mut BitReader<'_>) -> Result<(), Fault> {
        self.read_loaded(bits.window(), bits)
    }

    /// As [`XorValue::read`], from the reader's window.
    #[inline(always)]
    pub(crate) fn read_loaded(&mut self, window: u64, bits: &mut BitReader<'_>) -> Result<(), Fault> {
        match window >> 62 {
            0 | 1 => bits.skip(1),
            2 => self.bits ^= self.window.read_bits(window, 2, bits),
            _ => {
                self.window = Window::parse(window << 2)?;
                self.bits ^= self.window.read_bits(window, 13, bits);
            }
        }
        Ok(())
    }
}

/// Where the significant bits of a change lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// 1 to 64; 0 before there is a window.
    significant: u8,
    trailing: u8,
}

/// All 64 bits, as readers begin: a writer that was rebuilt from a chunk without any change writes its first change so.
impl Default for Window {
    fn default() -> Self {
        Window { significant: 64, trailing: 0 }
    }
}

impl Window {
    /// As writers begin: nothing fits.
    pub(crate) const NONE: Window = Window { significant: 0, trailing: 0 };

    #[inline(always)]
    pub(crate) fn significant(self) -> u32 {
        self.significant.into()
    }

    /// Zeros above the window; only once there is one.
    #[inline(always)]
    pub(crate) fn leading(self) -> u32 {
        64 - u32::from(self.significant) - u32::from(self.trailing)
    }

    /// Ones in the window; only once there is one.
    #[inline(always)]
    pub(crate) fn mask(self) -> u64 {
        u64::MAX >> (64 - u32::from(self.significant)) << self.trailing
    }

    /// Reads the top 11 bits.
    #[inline(always)]
    pub(crate) fn parse(bits: u64) -> Result<Window, Fault> {
        let (leading, stored) = ((bits >> 59) as u32, (bits >> 53) as u32 & 63);
        let significant = if stored == 0 { 64 } else { stored };
        let used = leading + significant;
        if used > 64 {
            return Err(Fault::Window { leading, significant });
        }
        Ok(Window { significant: significant as u8, trailing: (64 - used) as u8 })
    }

    /// A change, behind so many bits of the reader's window.
    #[inline(always)]
    pub(crate) fn read_bits(self, window: u64, behind: u32, bits: &mut BitReader<'_>) -> u64 {
        let significant = self.significant();
        if behind + significant <= WINDOW {
            bits.skip(behind + significant);
            return (window << behind) >> (64 - significant) << self.trailing;
        }
        bits.skip(behind);
        bits.read(significant) << self.trailing
    }

    /// The significant bits of a change, which is not 0, in the window as it is, if they fit.
    #[inline(always)]
    pub(crate) fn fit(self, xor: u64) -> Option<(u64, u32)> {
        let significant = self.significant();
        // Bits below the window come to lie above it; the window of nothing has room for none.
        let bits = xor.rotate_right(self.trailing.into());
        let fits = bits.checked_shr(significant).unwrap_or(0) == 0;
        fits.then_some((bits, significant))
    }

    /// Sets a new window; gives its eleven bits, and the significant bits in it.
    #[inline(always)]
    pub(crate) fn set(&mut self, xor: u64) -> (u64, (u64, u32)) {
        let leading = xor.leading_zeros().min(MAX_LEADING);
        let trailing = xor.trailing_zeros();
        let significant = 64 - leading - trailing;
        *self = Window { significant: significant as u8, trailing: trailing as u8 };
        // A window of 64 bits is written as 0: six bits end at 63, and no window is empty.
        (u64::from(leading << 6 | significant & 63), (xor >> trailing, significant))
    }
}

/// Writes a change behind the bits of `prefix`, at most 24; sets the window where it must change. There must be room.
#[inline(always)]
pub(crate) fn write_change((prefix, prefix_bits): (u64, u32), xor: u64, window: &mut Window, out: &mut impl BitSink) {
    if xor == 0 {
        return out.push(prefix << 1, prefix_bits + 1);
    }
    match window.fit(xor) {
        Some(significant) => out.push_both((prefix << 2 | 0b10, prefix_bits + 2), significant),
        None => {
            let (bits, significant) = window.set(xor);
            out.push_both((prefix << 13 | 0b11 << 11 | bits, prefix_bits + 13), significant);
        }
    }
}
