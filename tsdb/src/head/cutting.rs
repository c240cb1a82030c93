//! Where chunks end: Prometheus' rules.

/// Samples that a float chunk should have.
pub(crate) const TARGET_SAMPLES: usize = 120;
/// Samples after which a float chunk's end is predicted.
pub(crate) const PREDICT_AT_SAMPLES: usize = TARGET_SAMPLES / 4;
/// Samples that a float chunk has at most.
pub(crate) const MAX_SAMPLES: usize = 2 * TARGET_SAMPLES;
/// A float chunk that is longer takes no more: 1024 less what the next sample may need.
pub(crate) const MAX_FLOAT_BYTES: usize = 1024 - 19;
/// Bytes that a histogram chunk should have.
pub(crate) const TARGET_HISTOGRAM_BYTES: usize = 1024;
/// Samples that a histogram chunk has at least, unless its range ends.
pub(crate) const MIN_HISTOGRAM_SAMPLES: usize = 10;

/// Where the open chunk began, and where it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CutPlan {
    start_ms: i64,
    /// The end, as a distance from the start: every series has this field.
    length_ms: u32,
    is_predicted: bool,
}

/// No chunk range is longer: about 49 days.
pub(crate) const MAX_RANGE_MS: i64 = u32::MAX as i64;

impl CutPlan {
    /// The plan of a chunk that begins at `start_ms`: it ends with the aligned range.
    pub(crate) fn begin(&mut self, start_ms: i64, range_ms: i64) {
        let length_ms = range_end(start_ms, range_ms).saturating_sub(start_ms).min(MAX_RANGE_MS) as u32;
        *self = CutPlan { start_ms, length_ms, is_predicted: false };
    }

    /// As [`CutPlan::begin`], for a chunk that a sample began which did not fit into the one before. Whether that one
    /// had its prediction counts for this one too.
    pub(crate) fn begin_unplanned(&mut self, start_ms: i64, range_ms: i64) {
        let is_predicted = self.is_predicted;
        self.begin(start_ms, range_ms);
        self.is_predicted = is_predicted;
    }

    fn at_ms(&self) -> i64 {
        self.start_ms.saturating_add(self.length_ms.into())
    }

    pub(crate) fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// Whether a float chunk of this size ends before a sample at `t_ms`.
    pub(crate) fn is_float_chunk_over(&mut self, samples: usize, bytes: usize, newest_ms: i64, t_ms: i64) -> bool {
        if bytes > MAX_FLOAT_BYTES {
            return true;
        }
        if samples == PREDICT_AT_SAMPLES {
            self.predict(newest_ms, (TARGET_SAMPLES / PREDICT_AT_SAMPLES) as f64);
        }
        t_ms >= self.at_ms() || samples >= MAX_SAMPLES
    }

    /// Whether a float chunk of this size surely does not end before a sample at `t_ms`, and needs no prediction: in that case
    /// [`CutPlan::is_float_chunk_over`] says no, and changes nothing.
    #[inline(always)]
    pub(crate) fn has_room_for_float(&self, samples: usize, bytes: usize, t_ms: i64) -> bool {
        // Close to the end of time the sum wraps around, and no more samples are sure.
        let is_before_end = t_ms < self.start_ms.wrapping_add(self.length_ms.into());
        (samples != PREDICT_AT_SAMPLES) & (samples < MAX_SAMPLES) & (bytes <= MAX_FLOAT_BYTES) & is_before_end
    }

    /// Whether a float chunk of these samples would have been filled so. The plan, which must be that of its beginning, is then as it
    /// is behind the last of them.
    pub(crate) fn resumes_floats(&mut self, times: &[i64], bytes: usize) -> bool {
        if let [.., newest_ms] = times.get(..PREDICT_AT_SAMPLES).unwrap_or_default()
            && times.len() > PREDICT_AT_SAMPLES
        {
            self.predict(*newest_ms, (TARGET_SAMPLES / PREDICT_AT_SAMPLES) as f64);
        }
        let is_before_end = times.last().is_some_and(|last_ms| *last_ms < self.at_ms());
        is_before_end && times.len() <= MAX_SAMPLES && bytes <= MAX_FLOAT_BYTES
    }

    /// Whether a histogram chunk of this size ends before a sample at `t_ms`.
    pub(crate) fn is_histogram_chunk_over(
        &mut self,
        samples: usize,
        bytes: usize,
        newest_ms: i64,
        t_ms: i64,
        range_ms: i64,
    ) -> bool {
        if !self.is_predicted && bytes >= TARGET_HISTOGRAM_BYTES / 4 {
            self.predict(newest_ms, TARGET_HISTOGRAM_BYTES as f64 / bytes as f64);
            self.is_predicted = true;
        }
        let is_due = t_ms >= self.at_ms() || bytes >= 2 * TARGET_HISTOGRAM_BYTES;
        is_due && (samples >= MIN_HISTOGRAM_SAMPLES || t_ms >= range_end(self.start_ms, range_ms))
    }

    /// Moves the end so that the rest of the range makes chunks of equal length, where the chunk will be `ratio` times
    /// as long as it is.
    fn predict(&mut self, newest_ms: i64, ratio: f64) {
        let rest = f64::from(self.length_ms);
        let whole = (newest_ms as f64 - self.start_ms as f64 + 1.0) * ratio;
        let chunks = rest / whole;
        if chunks > 1.0 {
            let end_ms = (self.start_ms as f64 + rest / chunks.floor()) as i64;
            self.length_ms = (end_ms - self.start_ms) as u32;
        }
    }
}

/// The end of the aligned range that `t_ms` lies in. Division truncates towards zero, as in Prometheus, so that the two
/// ranges around zero are one.
pub(crate) fn range_end(t_ms: i64, range_ms: i64) -> i64 {
    (t_ms / range_ms * range_ms).saturating_add(range_ms)
}
