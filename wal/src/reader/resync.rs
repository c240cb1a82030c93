//! Where to read on inside a damaged page.
//!
//! Two ways, in this order:
//!
//! 1. *By the length.* Most of a page is bodies, so the length in the damaged fragment's header is mostly right: where it
//!    leads to a fragment whose checksum holds, or to the end of what the page holds, that is the place.
//! 2. *By search.* Otherwise the header itself is hit. Every further offset is tried as a header, and the first stands that
//!    could be one, whose checksum holds, and that is followed by another such fragment or by the page's end.
//!
//! Only fragments that begin a record are looked for: a continuation is always the first fragment of its page, so inside a
//! page there is none. A false find would invent a record. By chance it takes, at each of at most 32 K offsets: one of six
//! first bytes out of 256 (two kinds, three compressions), a length that fits (at most one in two; for a `first` fragment
//! exactly one of 65,536), a checksum (one in 2³²), and a consistent successor (another checksum, or a page end at exactly
//! that place). That is below 32,768 × 6/256 × 1/2 × 2⁻³² ≈ 10⁻⁷ before the successor is asked for, and below 10⁻¹¹ with it:
//! per damaged *header*, not per page. Empty fragments are not accepted, since `01` and six zeros, which is one, is also how
//! ordinary numbers look. Somebody who can write label values could place a whole chain of fragments in one; the successor
//! rule leaves him only a chain that ends exactly where his own record ends, and he would still need the two length bytes of
//! that record's header to decay.

use crate::{FIRST, FULL, HEADER_BYTES, SNAPPY, ZSTD};

use super::header::{Header, is_zero};

/// The most bytes that are checksummed in search of one place to read on.
const MAX_SEARCH_BYTES: usize = 16 << 20;

/// How many bytes behind the start of `page`, what is left of a page from the damaged fragment on, reading can resume;
/// `None` when nothing more of the page can be trusted. The last page of a file may end early.
pub(super) fn resume_at(page: &[u8], page_is_whole: bool) -> Option<usize> {
    by_length(page, page_is_whole).or_else(|| by_search(page, page_is_whole))
}

fn by_length(page: &[u8], page_is_whole: bool) -> Option<usize> {
    let header = Header::read(page)?;
    let next = header.len.saturating_add(HEADER_BYTES);
    let rest = page.get(next..)?;
    // Where the file ends early, it may have lost its end: only a fragment proves the length.
    let ends = page_is_whole && is_end(rest);
    (ends || starts_record(rest).is_some()).then_some(next)
}

fn by_search(page: &[u8], page_is_whole: bool) -> Option<usize> {
    let mut budget = MAX_SEARCH_BYTES;
    for at in 1..page.len() {
        let candidate = page.get(at..)?;
        if !may_start_record(candidate, page_is_whole) {
            continue;
        }
        budget = budget.checked_sub(candidate_bytes(candidate))?;
        if starts_record(candidate).is_some_and(|rest| is_end(rest) || starts_record(rest).is_some()) {
            return Some(at);
        }
    }
    None
}

/// The cheap part of the question: whether the header is one that a writer would write here.
fn may_start_record(candidate: &[u8], page_is_whole: bool) -> bool {
    let Some(first) = candidate.first() else { return false };
    let (kind, flags) = (first & !(SNAPPY | ZSTD), first & (SNAPPY | ZSTD));
    if !matches!(kind, FULL | FIRST) || flags == SNAPPY | ZSTD {
        return false;
    }
    let Some(header) = Header::read(candidate) else { return false };
    let end = header.len.saturating_add(HEADER_BYTES);
    // A record is split only where its page ends.
    let split_at_end = kind != FIRST || (page_is_whole && end == candidate.len());
    header.len > 0 && end <= candidate.len() && split_at_end
}

fn candidate_bytes(candidate: &[u8]) -> usize {
    Header::read(candidate).map_or(0, |header| header.len)
}

/// What follows the fragment at the start of `bytes`, if that one begins a record and its checksum holds.
fn starts_record(bytes: &[u8]) -> Option<&[u8]> {
    let header = Header::read(bytes)?;
    let body = header.body(bytes)?;
    let begins = matches!(header.kind, FULL | FIRST) && !body.is_empty();
    if !begins || crc32c::crc32c(body) != header.crc {
        return None;
    }
    bytes.get(HEADER_BYTES.saturating_add(body.len())..)
}

/// Whether a page holds nothing more.
fn is_end(rest: &[u8]) -> bool {
    is_zero(rest)
}
