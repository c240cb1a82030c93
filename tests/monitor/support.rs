//! A monitor with a page that tests rewrite, a clock that they move, and a disk that they break.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promethium::model::{Clock, ManualClock, QueryValue, QueryableExt, SampleValue, TimeRange};
use promethium::rules::{Alert, Notifier};
use promethium::scrape::{Source, TargetConfig};
use promethium::tsdb::vfs::SimVfs;
use promethium::tsdb::{Db, DbOptions, Sync, TsdbError};
use promethium::{Monitor, MonitorBuilder};

pub(crate) const START_MS: i64 = 1_760_000_000_000;
pub(crate) const STEP_MS: i64 = 15_000;

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START_MS))
}

/// What the exporter shows.
#[derive(Clone)]
pub(crate) struct Page(Arc<Mutex<String>>);

impl Page {
    pub(crate) fn new(text: &str) -> Page {
        Page(Arc::new(Mutex::new(text.to_owned())))
    }

    pub(crate) fn set(&self, text: &str) {
        *self.0.lock().unwrap() = text.to_owned();
    }

    /// A target that is scraped at once and then every step.
    pub(crate) fn target(&self, job: &str) -> TargetConfig {
        let page = self.clone();
        let source = Source::closure(move || page.0.lock().unwrap().clone());
        TargetConfig::new(job, source).every_ms(STEP_MS).at_once()
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Alert>>);

impl Recorder {
    pub(crate) fn take(&self) -> Vec<Alert> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Notifier for Recorder {
    fn notify(&self, alerts: Vec<Alert>) {
        self.0.lock().unwrap().extend(alerts);
    }
}

/// A monitor in memory and what moves it.
pub(crate) struct Rig {
    pub(crate) monitor: Monitor,
    pub(crate) clock: Arc<ManualClock>,
}

impl Rig {
    pub(crate) fn new(compose: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> Rig {
        let clock = clock();
        let monitor = compose(Monitor::builder().clock(clock.clone())).build().unwrap();
        Rig { monitor, clock }
    }

    /// A monitor over the database on `disk`.
    pub(crate) fn on_disk(disk: &SimVfs, compose: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> Rig {
        Rig::on_disk_at(disk, START_MS, compose)
    }

    pub(crate) fn on_disk_at(
        disk: &SimVfs,
        now_ms: i64,
        compose: impl FnOnce(MonitorBuilder) -> MonitorBuilder,
    ) -> Rig {
        let clock = Arc::new(ManualClock::new(now_ms));
        let db = open_db(disk, clock.clone()).unwrap();
        let monitor = compose(Monitor::builder().clock(clock.clone()).store(Arc::new(db))).build().unwrap();
        Rig { monitor, clock }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Ticks, then moves the clock by a step, so many times. Gives the time of the last tick.
    pub(crate) fn run(&self, ticks: usize) -> i64 {
        self.run_every(STEP_MS.unsigned_abs(), ticks)
    }

    fn run_every(&self, apart_ms: u64, ticks: usize) -> i64 {
        let mut last_ms = self.now_ms();
        for _ in 0..ticks {
            last_ms = self.now_ms();
            self.monitor.tick(last_ms).unwrap();
            self.clock.advance(Duration::from_millis(apart_ms));
        }
        last_ms
    }

    /// Ticks at each of so many seconds, as a host would: a rule is due at the latest one second before its tick.
    pub(crate) fn run_seconds(&self, seconds: usize) -> i64 {
        self.run_every(1_000, seconds)
    }

    /// The value of the one series that the expression gives now; `None` when it gives none.
    pub(crate) fn value(&self, expr: &str) -> Option<f64> {
        self.value_at(expr, self.now_ms())
    }

    pub(crate) fn value_at(&self, expr: &str, at_ms: i64) -> Option<f64> {
        match self.monitor.query(expr, at_ms).unwrap().value {
            QueryValue::Vector(samples) => {
                assert!(samples.len() < 2, "{expr}: {samples:?}");
                samples.first().map(|sample| float(&sample.value))
            }
            QueryValue::Scalar { value, .. } => Some(value),
            other => panic!("{expr}: {other:?}"),
        }
    }

    /// The series that the store holds, each with its times and the bits of its values: stale markers compare too.
    pub(crate) fn contents(&self) -> Vec<Contents> {
        let series = self.monitor.store().read_all(TimeRange::ALL, &[]).unwrap();
        let bits = |v: &f64| v.to_bits();
        series
            .into_iter()
            .map(|(labels, s)| (labels.to_string(), s.timestamps.into_iter().zip(s.floats.iter().map(bits)).collect()))
            .collect()
    }

    /// The value of one of the monitor's own metrics.
    pub(crate) fn own_metric(&self, name: &str) -> Option<String> {
        let page = self.monitor.metrics_page();
        page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
    }
}

/// A series and its samples.
pub(crate) type Contents = (String, Vec<(i64, u64)>);

/// What of `contents` is older than `end_ms`; series without such samples are left out.
pub(crate) fn before(contents: &[Contents], end_ms: i64) -> Vec<Contents> {
    let older = |(labels, samples): &Contents| {
        let kept: Vec<_> = samples.iter().copied().filter(|(t, _)| *t < end_ms).collect();
        (labels.clone(), kept)
    };
    contents.iter().map(older).filter(|(_, samples)| !samples.is_empty()).collect()
}

pub(crate) fn float(value: &SampleValue) -> f64 {
    match value {
        SampleValue::Float(v) => *v,
        SampleValue::Histogram(h) => panic!("a histogram: {h:?}"),
    }
}

/// The database in `/data`; every commit is on the medium.
pub(crate) fn open_db(disk: &SimVfs, clock: Arc<dyn Clock>) -> Result<Db, TsdbError> {
    Db::open_with(Arc::new(disk.clone()), Path::new("/data"), DbOptions::default().sync(Sync::Always), clock)
}
