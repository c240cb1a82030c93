//! One decoder for all formats.

use crate::content_type::Format;
use crate::error::DecodeError;
use crate::event::{Event, KnownSeries};
use crate::nhcb::{Contradictory, Converted, Converter, Pull};
use crate::options::DecodeOptions;
use crate::page::Slots;
use crate::{openmetrics, protobuf, text};

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
    converter: Option<Box<Converter<'a>>>,
}

#[derive(Debug)]
enum Kind<'a> {
    Text(Box<text::Decoder<'a>>),
    OpenMetrics(Box<openmetrics::Decoder<'a>>),
    Protobuf(Box<protobuf::Decoder<'a>>),
}

impl<'a> Decoder<'a> {
    /// A decoder for a page of a format. With [`DecodeOptions::custom_buckets`] it converts classic histograms, which the
    /// decoders of single formats do not.
    #[must_use]
    pub fn new(format: Format, page: &'a [u8], options: &DecodeOptions) -> Self {
        let kind = match format {
            Format::PrometheusText => Kind::Text(Box::new(text::Decoder::with_options(page, options))),
            Format::OpenMetrics => Kind::OpenMetrics(Box::new(openmetrics::Decoder::with_options(page, options))),
            Format::Protobuf => Kind::Protobuf(Box::new(protobuf::Decoder::with_options(page, options))),
        };
        let contradictory = Contradictory::of(format, options.mode);
        let converter = || Box::new(Converter::new(options.classic_histograms, contradictory));
        let converter = options.custom_buckets.then(converter);
        Decoder { kind, converter }
    }

    /// A decoder for a response, of the format that its `Content-Type` names: see [`Format::of_response`].
    ///
    /// # Errors
    ///
    /// When the header names no format that is read here, and there is no fallback.
    pub fn for_response(
        content_type: &str,
        fallback: Option<Format>,
        page: &'a [u8],
        options: &DecodeOptions,
    ) -> Result<Self, DecodeError> {
        Ok(Self::new(Format::of_response(content_type, fallback)?, page, options))
    }

    /// The next event, `None` at the end of the page.
    ///
    /// # Errors
    ///
    /// The first fault of the page; nothing after it is read.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        if self.converter.is_some() {
            return self.next_converted();
        }
        match &mut self.kind {
            Kind::Text(decoder) => decoder.next_event(),
            Kind::OpenMetrics(decoder) => decoder.next_event(),
            Kind::Protobuf(decoder) => decoder.next_event(),
        }
    }

    /// Like [`Decoder::next_event`] for a caller that has met most series before: where `known` recognises the bytes that
    /// name the series, the event is [`Event::Known`]. In the protobuf format labels are at hand without parsing, and
    /// every sample comes as [`Event::Sample`]; so it does where histograms are converted.
    ///
    /// # Errors
    ///
    /// As [`Decoder::next_event`].
    #[inline]
    pub fn next_event_knowing(&mut self, known: impl KnownSeries) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        if self.converter.is_some() {
            return self.next_converted();
        }
        match &mut self.kind {
            Kind::Text(decoder) => decoder.next_event_knowing(known),
            Kind::OpenMetrics(decoder) => decoder.next_event_knowing(known),
            Kind::Protobuf(decoder) => decoder.next_event(),
        }
    }

    fn next_converted(&mut self) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        let Some(converter) = &mut self.converter else { return Ok(None) };
        let converted = match &mut self.kind {
            Kind::Text(decoder) => converter.next(&mut **decoder)?,
            Kind::OpenMetrics(decoder) => converter.next(&mut **decoder)?,
            Kind::Protobuf(decoder) => converter.next(&mut **decoder)?,
        };
        Ok(match converted {
            Some(Converted::Below(found)) => self.kind.slots().event(found),
            Some(Converted::Histogram) => Some(Event::Histogram(converter.histogram())),
            Some(Converted::Skipped) => converter.skipped().0.map(Event::Skipped),
            None => None,
        })
    }

    /// How many faults were skipped so far: in [`Mode::Lenient`](crate::Mode::Lenient) only.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        let below = match &self.kind {
            Kind::Text(decoder) => decoder.skipped(),
            Kind::OpenMetrics(decoder) => decoder.skipped(),
            Kind::Protobuf(decoder) => decoder.skipped(),
        };
        let converted = self.converter.as_ref().map_or(0, |converter| converter.skipped().1);
        below.saturating_add(converted)
    }
}

impl<'a> Kind<'a> {
    fn slots(&self) -> &Slots<'a> {
        match self {
            Kind::Text(decoder) => decoder.slots(),
            Kind::OpenMetrics(decoder) => decoder.slots(),
            Kind::Protobuf(decoder) => decoder.slots(),
        }
    }
}
