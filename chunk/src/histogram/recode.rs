//! Reading back what an appender wrote.

use super::native::Native;
use crate::Encoding;
use crate::decode::rows;

/// Start timestamp, timestamp and value of each sample of a chunk that was written here.
pub(crate) fn each_sample<H: Native>(encoding: Encoding, chunk: &[u8], mut take: impl FnMut(i64, i64, &H)) {
    let read = rows(encoding, chunk, usize::MAX)
        .and_then(|rows| rows.read::<H, true>(|row| take(row.start_timestamp, row.timestamp, &row.histogram())));
    assert!(read.is_ok(), "an appender reads what it wrote: {read:?}");
}
