//! The series that both systems are asked about: two hours at 15 s, of every kind, from a fixed seed.

use promethium::model::{AppendOptions, Appendable, Labels, Point, STALE_NAN, SeriesKey, is_stale};

/// Sample times start here: 2024-06-01 00:00:00 UTC, a multiple of every step that the expressions use.
pub(crate) const START_MS: i64 = 1_717_200_000_000;
/// Scrapes of every series.
pub(crate) const SCRAPES: i64 = 480;
/// Distance of scrapes.
pub(crate) const INTERVAL_MS: i64 = 15_000;

/// One series, its samples in time order.
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) samples: Vec<(i64, f64)>,
}

impl Series {
    /// The samples that a query can show: all but stale markers.
    pub(crate) fn visible(&self) -> impl Iterator<Item = (i64, f64)> {
        self.samples.iter().copied().filter(|(_, v)| !is_stale(*v))
    }
}

/// SplitMix64: enough for test data, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Collects series. Every sample lies between 100 and 199 ms past a full second, so that windows that end on full seconds
/// or at the test's evaluation times never touch a sample with either edge.
struct Writer {
    random: Random,
    series: Vec<Series>,
}

impl Writer {
    /// Adds a series; `value` gives the value of each scrape, or none for a gap.
    fn add<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        labels: impl IntoIterator<Item = (N, V)>,
        mut value: impl FnMut(i64, &mut Random) -> Option<f64>,
    ) {
        let offset_ms = self.random.below(15) as i64 * 1_000;
        let mut samples = Vec::new();
        for scrape in 0..SCRAPES {
            let t = START_MS + scrape * INTERVAL_MS + offset_ms + 100 + self.random.below(100) as i64;
            samples.extend(value(scrape, &mut self.random).map(|v| (t, v)));
        }
        self.series.push(Series { labels: Labels::from_pairs(labels), samples });
    }
}

/// All series.
pub(crate) fn series() -> Vec<Series> {
    let mut writer = Writer { random: Random::new(20_240_601), series: Vec::new() };
    requests(&mut writer);
    latencies(&mut writer);
    cpu(&mut writer);
    memory(&mut writer);
    temperatures(&mut writer);
    presence(&mut writer);
    extremes(&mut writer);
    writer.series
}

/// A counter: grows by up to `most` a scrape, starts again from a small value at each of `resets`.
fn counter(first: f64, most: u64, resets: &[i64]) -> impl FnMut(i64, &mut Random) -> Option<f64> + use<> {
    let resets = resets.to_vec();
    let mut total = first;
    move |scrape, random| {
        total = if resets.contains(&scrape) { random.below(5) as f64 } else { total + random.below(most + 1) as f64 };
        Some(total)
    }
}

fn requests(writer: &mut Writer) {
    for job in ["api", "web"] {
        for instance in ["a:80", "b:80"] {
            let resets: &[i64] = if instance == "b:80" { &[205, 206, 333] } else { &[] };
            for method in ["get", "post"] {
                for (code, most) in [("200", 40), ("404", 3), ("500", 1)] {
                    let labels = [
                        ("__name__", "http_requests_total"),
                        ("job", job),
                        ("instance", instance),
                        ("method", method),
                        ("code", code),
                    ];
                    writer.add(labels, counter(5_000.0, most, resets));
                }
            }
        }
    }
}

/// Classic histograms: cumulative buckets, their sum and their count, reset together.
fn latencies(writer: &mut Writer) {
    const BOUNDS: [(&str, f64); 7] =
        [("0.01", 0.05), ("0.05", 0.2), ("0.1", 0.5), ("0.5", 0.8), ("1", 0.9), ("2.5", 0.97), ("+Inf", 1.0)];
    for (instance, job) in [("a:80", "api"), ("b:80", "api"), ("a:80", "web")] {
        let base = [("instance", instance), ("job", job)];
        let observed = move |scrape: i64| {
            let since_reset = if instance == "b:80" && scrape >= 260 { scrape - 260 } else { scrape + 400 };
            (since_reset * 12 + since_reset % 7) as f64
        };
        for (le, share) in BOUNDS {
            let labels = base.into_iter().chain([("__name__", "request_duration_seconds_bucket"), ("le", le)]);
            writer.add(labels, move |scrape, _| Some((observed(scrape) * share).floor()));
        }
        let count = base.into_iter().chain([("__name__", "request_duration_seconds_count")]);
        writer.add(count, move |scrape, _| Some(observed(scrape)));
        let sum = base.into_iter().chain([("__name__", "request_duration_seconds_sum")]);
        writer.add(sum, move |scrape, _| Some(observed(scrape) * 0.31));
    }
}

fn cpu(writer: &mut Writer) {
    for instance in ["a:9100", "b:9100"] {
        for cpu in ["0", "1", "10"] {
            for (mode, share) in [("idle", 13.0), ("user", 2.0)] {
                let labels =
                    [("__name__", "node_cpu_seconds_total"), ("instance", instance), ("cpu", cpu), ("mode", mode)];
                let mut total = 10_000.0;
                writer.add(labels, move |_, random| {
                    total += share * random.unit();
                    Some(total)
                });
            }
        }
    }
}

/// Two metrics with the same labels, and one that adds labels to them.
fn memory(writer: &mut Writer) {
    for (instance, zone) in [("a:9100", "north"), ("b:9100", "south"), ("c:9100", "south")] {
        let labels = |name| [("__name__", name), ("instance", instance), ("zone", zone)];
        let mut used = 4e9;
        writer.add(labels("memory_used_bytes"), move |_, random| {
            used = (used + (random.unit() - 0.5) * 3e8).clamp(1e9, 8e9).floor();
            Some(used)
        });
        if instance != "c:9100" {
            writer.add(labels("memory_limit_bytes"), |_, _| Some(8_589_934_592.0));
        }
        let version = if zone == "north" { "1.2.10" } else { "1.2.9" };
        let info = [("__name__", "build_info"), ("instance", instance), ("version", version), ("branch", "main")];
        writer.add(info, |_, _| Some(1.0));
    }
}

fn temperatures(writer: &mut Writer) {
    for (index, city) in ["Zürich", "東京", "São Paulo", "Кёльн", "Oslo \"S\" \\ 1"].into_iter().enumerate() {
        let labels = [("__name__", "temperature_celsius"), ("city", city), ("sensor", "roof")];
        let phase = index as f64 * 1.3;
        writer.add(labels, move |scrape, random| {
            Some((scrape as f64 / 40.0 + phase).sin() * 15.0 + random.unit() * 3.0 - 2.0)
        });
    }
}

/// Series that come, go, and leave holes: missed scrapes, stale markers, a late start, an early end.
fn presence(writer: &mut Writer) {
    for (target, percent) in [("t1", 100), ("t2", 80), ("t3", 30)] {
        let labels = [("__name__", "up"), ("job", "probe"), ("target", target)];
        writer.add(labels, move |_, random| {
            let taken = random.below(100) < percent;
            taken.then(|| if random.below(10) == 0 { 0.0 } else { 1.0 })
        });
    }
    for (pod, period) in [("p1", 60), ("p2", 97)] {
        let labels = [("__name__", "pod_restarts"), ("pod", pod)];
        writer.add(labels, move |scrape, _| match scrape % period {
            i if i < period / 2 => Some((scrape / 11) as f64),
            i if i == period / 2 => Some(STALE_NAN),
            _ => None,
        });
    }
    writer.add([("__name__", "job_runs_total"), ("phase", "late")], |scrape, _| {
        (scrape >= 200).then_some((scrape * 3) as f64)
    });
    writer.add([("__name__", "job_runs_total"), ("phase", "early")], |scrape, _| {
        (scrape < 250).then_some((9_000 + scrape * 5) as f64)
    });
}

fn extremes(writer: &mut Writer) {
    let labels = |kind| [("__name__", "extreme_value"), ("kind", kind)];
    writer.add(labels("nan"), |scrape, _| Some(if scrape % 3 == 0 { f64::NAN } else { scrape as f64 }));
    writer.add(labels("infinite"), |scrape, _| Some(if scrape % 40 < 4 { f64::INFINITY } else { -(scrape as f64) }));
    writer.add(labels("both"), |scrape, _| Some(if scrape % 2 == 0 { f64::INFINITY } else { f64::NEG_INFINITY }));
    writer.add(labels("tiny"), |scrape, _| Some(f64::MIN_POSITIVE * scrape as f64));
    writer.add(labels("huge"), |scrape, _| Some(1e300 * scrape as f64));
    writer.add(labels("zero"), |scrape, _| Some(if scrape % 2 == 0 { 0.0 } else { -0.0 }));
    writer.add([("__name__", "constant_value")], |_, _| Some(42.5));
}

/// Writes all series, a transaction a scrape.
pub(crate) fn write(store: &dyn Appendable, all: &[Series]) {
    let options = AppendOptions::default();
    for scrape in 0..SCRAPES {
        let (from, to) = (START_MS + scrape * INTERVAL_MS, START_MS + (scrape + 1) * INTERVAL_MS);
        let mut tx = store.appender();
        for series in all {
            let first = series.samples.partition_point(|(t, _)| *t < from);
            for (t, v) in series.samples[first..].iter().take_while(|(t, _)| *t < to) {
                tx.append(SeriesKey::Labels(&series.labels), Point::float(*t, *v), &options)
                    .expect("a sample in order");
            }
        }
        tx.commit().expect("a commit");
    }
}
