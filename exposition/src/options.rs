//! How a page is read.

use promethium_model::Limits;

/// By whose rules a page is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// The specification of the format, with the rules that reach over lines: what belongs to which family, what may
    /// stand where, which values a type allows. For validators.
    Strict,
    /// What Prometheus takes, and its message for what it refuses. The first fault ends the page.
    #[default]
    Prometheus,
    /// As [`Mode::Prometheus`], but what it refuses is skipped and reported, up to
    /// [`DecodeOptions::max_reported_faults`], and the rest is read.
    Lenient,
}

/// Options of a decoder.
///
/// ```
/// use promethium_exposition::{DecodeOptions, Mode};
/// let options = DecodeOptions::new().mode(Mode::Strict);
/// assert!(options.native_histograms);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DecodeOptions {
    /// By whose rules.
    pub mode: Mode,
    /// Bounds of page, line, names, values and numbers of labels and samples.
    pub limits: Limits,
    /// Native histograms are read (protobuf). Without, they come as their classic series: Prometheus'
    /// `scrape_native_histograms`.
    pub native_histograms: bool,
    /// Where a histogram is native, its classic series come too, after it: Prometheus'
    /// `always_scrape_classic_histograms`.
    pub classic_histograms: bool,
    /// Classic histograms become native ones with custom bounds: Prometheus' `convert_classic_histograms_to_nhcb`.
    pub custom_buckets: bool,
    /// `_created` lines of OpenMetrics become start timestamps of the samples before them, and no series: Prometheus'
    /// feature `created-timestamp-zero-ingestion`.
    pub start_timestamps: bool,
    /// The type and the unit in force become labels of the series, `__type__` and `__unit__`: Prometheus' feature
    /// `type-and-unit-labels`. See [`Series::stored_labels`](crate::Series::stored_labels).
    pub type_and_unit_labels: bool,
    /// In [`Mode::Lenient`], how many faults become events. What lies behind is skipped and counted without being described,
    /// so that a page of nothing but faults costs little. 1,000 by default. Histograms that cannot be converted
    /// ([`custom_buckets`](Self::custom_buckets)) are reported whatever their number.
    pub max_reported_faults: u64,
}

impl DecodeOptions {
    /// Prometheus' reading with the standard [`Limits`]; native histograms are read and nothing is converted.
    #[must_use]
    pub fn new() -> Self {
        DecodeOptions {
            mode: Mode::Prometheus,
            limits: Limits::standard(),
            native_histograms: true,
            classic_histograms: false,
            custom_buckets: false,
            start_timestamps: false,
            type_and_unit_labels: false,
            max_reported_faults: 1_000,
        }
    }

    /// With a mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// With limits.
    #[must_use]
    pub fn limits(mut self, limits: &Limits) -> Self {
        self.limits = limits.clone();
        self
    }
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self::new()
    }
}
