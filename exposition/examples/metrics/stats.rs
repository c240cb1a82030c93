//! `stats`: what is in the page?

use std::collections::BTreeMap;
use std::process::ExitCode;

use promethium_exposition::{DecodeError, Decoder, Event};

use crate::arguments::Arguments;
use crate::check::report;

const LARGEST_METRICS: usize = 20;

#[derive(Default)]
struct Stats {
    families: usize,
    types: BTreeMap<&'static str, usize>,
    samples: usize,
    histograms: usize,
    exemplars: usize,
    timestamps: usize,
    start_timestamps: usize,
    labels: usize,
    skipped: usize,
    by_name: BTreeMap<String, usize>,
}

pub(crate) fn run(page: &[u8], arguments: &Arguments) -> ExitCode {
    let mut stats = Stats::default();
    match stats.read(page, arguments) {
        Ok(()) => {
            stats.print(page.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            report(&error);
            ExitCode::from(1)
        }
    }
}

impl Stats {
    fn read(&mut self, page: &[u8], arguments: &Arguments) -> Result<(), DecodeError> {
        let mut decoder = Decoder::new(arguments.format, page, &arguments.options());
        while let Some(event) = decoder.next_event()? {
            self.count(&event);
        }
        Ok(())
    }

    fn count(&mut self, event: &Event<'_, '_>) {
        match event {
            Event::Type(family) => {
                self.families += 1;
                *self.types.entry(family.metric_type().as_str()).or_default() += 1;
            }
            Event::Sample(sample) => {
                self.samples += 1;
                self.exemplars += sample.exemplars().len();
                self.series(sample.series(), sample.timestamp_ms, sample.start_timestamp_ms);
            }
            Event::Histogram(histogram) => {
                self.histograms += 1;
                self.exemplars += histogram.exemplars().len();
                self.series(histogram.series(), histogram.timestamp_ms, histogram.start_timestamp_ms);
            }
            Event::Skipped(_) => self.skipped += 1,
            _ => {}
        }
    }

    fn series(&mut self, series: &promethium_exposition::Series<'_>, time: Option<i64>, start: Option<i64>) {
        self.labels += series.labels().len();
        self.timestamps += usize::from(time.is_some());
        self.start_timestamps += usize::from(start.is_some());
        *self.by_name.entry(series.name().into_owned()).or_default() += 1;
    }

    fn print(&self, bytes: usize) {
        for (what, count) in [
            ("bytes", bytes),
            ("families with a type", self.families),
            ("samples", self.samples),
            ("native histograms", self.histograms),
            ("metric names", self.by_name.len()),
            ("labels", self.labels),
            ("exemplars", self.exemplars),
            ("timestamps", self.timestamps),
            ("start timestamps", self.start_timestamps),
            ("skipped", self.skipped),
        ] {
            println!("{what:<22}{count:>12}");
        }
        for (metric_type, count) in &self.types {
            println!("  {metric_type:<20}{count:>12}");
        }
        self.print_largest();
    }

    fn print_largest(&self) {
        let mut names: Vec<(&str, usize)> = self.by_name.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let all: usize = names.iter().map(|(_, n)| n).sum();
        println!("\n{:<60}{:>12}{:>10}", "metric", "cardinality", "share");
        for (name, n) in names.into_iter().take(LARGEST_METRICS) {
            println!("{name:<60}{n:>12}{:>9.2}%", 100.0 * n as f64 / all as f64);
        }
    }
}
