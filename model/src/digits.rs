//! Decimal digits.

/// The digits of the numbers from 0 to 99, two of each.
///
/// PERF: who writes numbers by these needs half the divisions.
///
/// ```
/// assert_eq!(&promethium_model::digits::PAIRS[7], b"07");
/// ```
pub static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};
