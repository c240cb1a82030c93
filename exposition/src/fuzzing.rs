//! Bodies of the fuzz targets, one for each format and mode. `cargo test` replays the corpus over them.

use std::fmt::Debug;

use crate::negotiate::ScrapeProtocol;
use crate::protobuf::{Fields, take_delimited};
use crate::{DecodeError, DecodeOptions, Decoder, EncodeOptions, Event, Format, Mode, Sample, collect, encode};

/// What a page said: a line for each event.
type Reading = (Vec<String>, Result<(), DecodeError>);

fn options(mode: Mode) -> DecodeOptions {
    let mut options = DecodeOptions::new().mode(mode);
    options.max_reported_faults = u64::MAX;
    options
}

fn describe(event: &Event<'_, '_>) -> String {
    match event {
        Event::Help(help) => format!("help {:?} {:?}", help.name(), help.text()),
        Event::Type(family) => format!("type {:?} {}", family.name(), family.metric_type()),
        Event::Unit(unit) => format!("unit {:?} {:?}", unit.name(), unit.unit()),
        Event::Sample(sample) => {
            let labels: Vec<_> = sample.series().canonical_labels().collect();
            drop(sample.series().to_labels());
            let value = sample.value.to_bits();
            format!("sample {:?} {labels:?} {value} {:?} {:?}", sample.name(), sample.timestamp_ms, exemplars(event))
        }
        Event::Histogram(histogram) => {
            let labels: Vec<_> = histogram.series().labels().collect();
            let value = histogram.histogram();
            format!("histogram {:?} {labels:?} {value:?} {:?}", histogram.series().name(), exemplars(event))
        }
        Event::Known(_) | Event::Skipped(_) => String::new(),
    }
}

fn exemplars(event: &Event<'_, '_>) -> Vec<String> {
    let exemplars = match event {
        Event::Sample(sample) => sample.exemplars(),
        Event::Histogram(histogram) => histogram.exemplars(),
        _ => return Vec::new(),
    };
    let exemplar = |e: crate::Exemplar<'_, '_>| {
        let labels: Vec<_> = e.labels().collect();
        drop(e.to_stored());
        format!("{labels:?} {} {:?}", e.value.to_bits(), e.timestamp_ms)
    };
    exemplars.map(exemplar).collect()
}

/// Reads a page to its end or its first fault; faults that are skipped are no lines.
fn read(format: Format, page: &[u8], options: &DecodeOptions) -> Reading {
    let (reading, reported, counted) = read_counting(format, page, options);
    assert_eq!(reported, counted);
    reading
}

/// As [`read`], with how many faults were events and how many were counted.
fn read_counting(format: Format, page: &[u8], options: &DecodeOptions) -> (Reading, u64, u64) {
    let mut decoder = Decoder::new(format, page, options);
    let (mut events, mut reported) = (Vec::new(), 0);
    let end = loop {
        match decoder.next_event() {
            Ok(Some(Event::Skipped(error))) => {
                assert!(!error.message().is_empty());
                reported += 1;
            }
            Ok(Some(event)) => events.push(describe(&event)),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(matches!(decoder.next_event(), Ok(None)), "nothing follows the end");
    ((events, end), reported, decoder.skipped())
}

/// Reads a page in full and again knowing every series of the first reading: both must say the same.
fn known(format: Format, page: &[u8]) {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut readings = Vec::new();
    let mut decoder = Decoder::new(format, page, &options(Mode::Prometheus));
    let first_end = loop {
        match decoder.next_event() {
            Ok(Some(Event::Sample(sample))) => {
                seen.push(sample.series_bytes().to_vec());
                readings.push((sample.value.to_bits(), sample.timestamp_ms, sample.exemplars().len()));
            }
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let mut again = Decoder::new(format, page, &options(Mode::Prometheus));
    let mut readings = readings.into_iter();
    let second_end = loop {
        let found = match again.next_event_knowing(|series: &[u8]| seen.iter().any(|s| s == series)) {
            Ok(Some(Event::Known(known))) => (known.value.to_bits(), known.timestamp_ms, known.exemplars().len()),
            Ok(Some(Event::Sample(sample))) => (sample.value.to_bits(), sample.timestamp_ms, sample.exemplars().len()),
            Ok(Some(_)) => continue,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        assert_eq!(readings.next(), Some(found));
    };
    assert_eq!(first_end, second_end);
    assert_eq!(readings.next(), None);
}

/// Reads every sample once more from a page that starts with it: what a line shares with the line before may change nothing.
fn alone(format: Format, page: &[u8], options: &DecodeOptions) {
    let mut decoder = Decoder::new(format, page, options);
    while let Ok(Some(event)) = decoder.next_event() {
        let Event::Sample(sample) = event else { continue };
        let at = sample.series_bytes().as_ptr().addr().wrapping_sub(page.as_ptr().addr());
        let mut again = Decoder::new(format, page.get(at..).unwrap_or_default(), options);
        let Ok(Some(Event::Sample(same))) = again.next_event() else { panic!("no sample at {at}") };
        assert_eq!(what_is_read(sample), what_is_read(same));
    }
}

/// All of a sample that its line says.
fn what_is_read<'a>(sample: &Sample<'a>) -> (impl PartialEq + Debug + use<'a>, Vec<String>) {
    let labels: Vec<_> = sample.series().labels().collect();
    let series = (sample.series_bytes().to_vec(), sample.name(), labels);
    ((series, sample.value.to_bits(), sample.timestamp_ms), exemplars(&Event::Sample(sample)))
}

/// Reads every metric once more from a page without the others: what a metric shares with the one before may change nothing.
fn metrics_alone(page: &[u8]) {
    let (events, end) = read(Format::Protobuf, page, &options(Mode::Prometheus));
    if end.is_err() {
        return;
    }
    let mut alone = Vec::new();
    for page in pages_of_single_metrics(page).unwrap_or_default() {
        alone.extend(read(Format::Protobuf, &page, &options(Mode::Prometheus)).0);
    }
    let of_metrics = |events: Vec<String>| -> Vec<String> {
        events.into_iter().filter(|event| event.starts_with("sample") || event.starts_with("histogram")).collect()
    };
    assert_eq!(of_metrics(events), of_metrics(alone));
}

/// A page for each metric, with all else that its family says.
fn pages_of_single_metrics(page: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = page;
    let mut pages = Vec::new();
    while !rest.is_empty() {
        let mut fields = Fields::new(take_delimited(&mut rest).ok()?);
        let (mut head, mut metrics) = (Vec::new(), Vec::new());
        while !fields.rest.is_empty() {
            let before = fields.rest;
            let number = fields.next().ok()?.map(|(number, _)| number);
            let field = before.get(..before.len().saturating_sub(fields.rest.len()))?;
            if number == Some(4) { metrics.push(field) } else { head.extend_from_slice(field) }
        }
        pages.extend(metrics.into_iter().map(|metric| delimited(&[&head, metric].concat())));
    }
    Some(pages)
}

fn delimited(message: &[u8]) -> Vec<u8> {
    let mut page = Vec::new();
    let mut len = message.len();
    while len >= 0x80 {
        page.push(len as u8 | 0x80);
        len >>= 7;
    }
    page.push(len as u8);
    page.extend_from_slice(message);
    page
}

/// Whether anything is read or refused without a panic, and alike by those who know the series and those who do not; and
/// whether conversion goes through.
fn prometheus(format: Format, page: &[u8]) {
    known(format, page);
    match format {
        Format::Protobuf => metrics_alone(page),
        _ => alone(format, page, &options(Mode::Prometheus)),
    }
    let mut converting = options(Mode::Prometheus);
    (converting.custom_buckets, converting.start_timestamps) = (true, true);
    drop(read(format, page, &converting));
    (converting.classic_histograms, converting.native_histograms) = (true, false);
    drop(read(format, page, &converting));
}

/// Whether what the strict reading takes can be written in the same format, and is taken again.
fn strict(format: Format, protocol: ScrapeProtocol, page: &[u8]) {
    let Ok(families) = collect(format, page, &options(Mode::Strict)) else { return };
    let Ok(written) = encode(&families, &EncodeOptions::new(protocol).with_created_lines()) else { return };
    // Escapes make names and lines longer than they were.
    let mut roomy = options(Mode::Prometheus);
    (roomy.limits.max_label_name_bytes, roomy.limits.max_line_bytes) = (usize::MAX, usize::MAX);
    let again = collect(format, &written, &roomy);
    assert!(again.is_ok(), "{again:?}: {}", String::from_utf8_lossy(&written));
}

/// Whether the lenient reading ends well, and where there is nothing to skip says what Prometheus' says; and whether how
/// many faults it reports changes nothing else.
fn lenient(format: Format, page: &[u8]) {
    if format != Format::Protobuf {
        alone(format, page, &options(Mode::Lenient));
    }
    let ((events, end), _, faults) = read_counting(format, page, &options(Mode::Lenient));
    assert_eq!(end, Ok(()));
    let mut terse = options(Mode::Lenient);
    for most in [0, 1] {
        terse.max_reported_faults = most;
        let ((same, _), reported, counted) = read_counting(format, page, &terse);
        assert_eq!((same, reported, counted), (events.clone(), most.min(faults), faults));
    }
    let (plain, plain_end) = read(format, page, &options(Mode::Prometheus));
    match plain_end {
        Ok(()) => assert_eq!(events, plain),
        Err(_) => assert!(events.starts_with(&plain)),
    }
    let mut converting = options(Mode::Lenient);
    (converting.custom_buckets, converting.start_timestamps, converting.type_and_unit_labels) = (true, true, true);
    assert_eq!(read(format, page, &converting).1, Ok(()));
}

/// Text, as Prometheus reads it.
///
/// # Panics
///
/// When an expectation does not hold: that is what fuzzing looks for. So do the others.
pub fn text(page: &[u8]) {
    prometheus(Format::PrometheusText, page);
}

/// Text, strictly.
pub fn text_strict(page: &[u8]) {
    strict(Format::PrometheusText, ScrapeProtocol::PrometheusText1_0_0, page);
}

/// Text, leniently.
pub fn text_lenient(page: &[u8]) {
    lenient(Format::PrometheusText, page);
}

/// OpenMetrics, as Prometheus reads it.
pub fn openmetrics(page: &[u8]) {
    prometheus(Format::OpenMetrics, page);
}

/// OpenMetrics, strictly.
pub fn openmetrics_strict(page: &[u8]) {
    strict(Format::OpenMetrics, ScrapeProtocol::OpenMetricsText1_0_0, page);
}

/// OpenMetrics, leniently.
pub fn openmetrics_lenient(page: &[u8]) {
    lenient(Format::OpenMetrics, page);
}

/// Messages, as Prometheus reads them.
pub fn protobuf(page: &[u8]) {
    prometheus(Format::Protobuf, page);
}

/// Messages, strictly.
pub fn protobuf_strict(page: &[u8]) {
    strict(Format::Protobuf, ScrapeProtocol::PrometheusProto, page);
}

/// Messages, leniently.
pub fn protobuf_lenient(page: &[u8]) {
    lenient(Format::Protobuf, page);
}
