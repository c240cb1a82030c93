//! Sets of series ids as sorted lists, and their algebra.
//!
//! The lists of a block are big-endian in the file and are worked on there: [`Id`] is a `u32` or its four bytes. A result
//! is a vector of what is in it; nothing is allocated for ids that are not.

mod intersect;
mod union;

pub use intersect::{intersect, intersect_in_place, intersects, retain_common};
pub use union::{subtract, union_of};

/// An id, as a number or as its big-endian bytes.
pub trait Id: Copy {
    /// The number.
    fn id(self) -> u32;
}

impl Id for u32 {
    #[inline(always)]
    fn id(self) -> u32 {
        self
    }
}

impl Id for [u8; 4] {
    #[inline(always)]
    fn id(self) -> u32 {
        u32::from_be_bytes(self)
    }
}

/// The position of the first id in `list`, at or behind `from`, that is not below `id`: steps that double, then halve.
/// Near targets cost one comparison, far ones the logarithm of the distance.
#[inline]
pub fn gallop<T: Id>(list: &[T], from: usize, id: u32) -> usize {
    let mut step = 1;
    let mut low = from;
    let mut high = from;
    while high < list.len() && list[high].id() < id {
        low = high + 1;
        high += step;
        step *= 2;
    }
    let high = high.min(list.len());
    low + list[low..high].partition_point(|other| other.id() < id)
}

#[cfg(test)]
mod tests;
