//! One decoder for all formats.

use crate::content_type::Format;
use crate::error::DecodeError;
use crate::event::{Event, KnownSeries};
use crate::options::DecodeOptions;
use crate::{openmetrics, text};

/// Pulls events from a page of any format.
///
/// ```
/// use promethium_exposition::{DecodeOptions, Decoder, Event, Format};
/// let format = Format::of_response("application/openmetrics-text; version=1.0.0", None)?;
/// let mut decoder = Decoder::new(format, b"up 1\n# EOF\n", &DecodeOptions::new());
/// let Some(Event::Sample(sample)) = decoder.next_event()? else { panic!("a sample") };
/// assert_eq!(sample.value, 1.0);
/// # Ok::<(), promethium_exposition::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder<'a> {
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Text(text::Decoder<'a>),
    OpenMetrics(openmetrics::Decoder<'a>),
}

impl<'a> Decoder<'a> {
    /// A decoder for a page of a format.
    #[must_use]
    pub fn new(format: Format, page: &'a [u8], options: &DecodeOptions) -> Self {
        let kind = match format {
            Format::PrometheusText => Kind::Text(text::Decoder::with_options(page, options)),
            Format::OpenMetrics => Kind::OpenMetrics(openmetrics::Decoder::with_options(page, options)),
        };
        Decoder { kind }
    }

    /// The next event, `None` at the end of the page.
    ///
    /// # Errors
    ///
    /// The first fault of the page; nothing after it is read.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        match &mut self.kind {
            Kind::Text(decoder) => decoder.next_event(),
            Kind::OpenMetrics(decoder) => decoder.next_event(),
        }
    }

    /// Like [`Decoder::next_event`] for a caller that has met most series before: where `known` recognises the bytes that
    /// name the series, the event is [`Event::Known`].
    ///
    /// # Errors
    ///
    /// As [`Decoder::next_event`].
    #[inline]
    pub fn next_event_knowing(&mut self, known: impl KnownSeries) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        match &mut self.kind {
            Kind::Text(decoder) => decoder.next_event_knowing(known),
            Kind::OpenMetrics(decoder) => decoder.next_event_knowing(known),
        }
    }

    /// How many faults were skipped so far: in [`Mode::Lenient`](crate::Mode::Lenient) only.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        match &self.kind {
            Kind::Text(decoder) => decoder.skipped(),
            Kind::OpenMetrics(decoder) => decoder.skipped(),
        }
    }
}
