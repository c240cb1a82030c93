//! The series that a host with its containers exposes, by classes of values: noisy on purpose, 3.0 bytes a sample in XOR.

use super::{START_MS, Sample};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Counters in ticks of 10 ms.
    CounterFloat,
    /// Integer counters.
    CounterInteger,
    /// Counters that seldom move.
    CounterSparse,
    /// Gauges of two decimals.
    GaugeFloat,
    /// Gauges of all decimals.
    GaugeFull,
    /// Integer random walks, many in pages of 4 KiB.
    GaugeInteger,
    Constant,
    /// Buckets of classic histograms, and their counts.
    HistogramBucket,
    /// Sums of classic histograms.
    HistogramSum,
}

impl Class {
    pub(crate) const ALL: [Class; 9] = [
        Class::CounterFloat,
        Class::CounterInteger,
        Class::CounterSparse,
        Class::GaugeFloat,
        Class::GaugeFull,
        Class::GaugeInteger,
        Class::Constant,
        Class::HistogramBucket,
        Class::HistogramSum,
    ];

    /// Series of a host.
    fn series(self) -> usize {
        match self {
            Class::CounterFloat => 148,
            Class::CounterInteger => 162,
            Class::CounterSparse => 140,
            Class::GaugeFloat => 19,
            Class::GaugeFull => 20,
            Class::GaugeInteger => 97,
            Class::Constant => 94,
            Class::HistogramBucket => 300,
            Class::HistogramSum => 20,
        }
    }

    /// What a series moves by: a rate a second, or the width of a step.
    fn pace(self, number: usize) -> f64 {
        let of = |paces: &[f64]| paces[number % paces.len()];
        match self {
            Class::CounterFloat => of(&[0.8, 0.01, 0.001, 0.01, 0.002, 0.06, 0.11, 0.25]),
            Class::CounterInteger => of(&[30.0, 80.0, 1.2e6, 4e6, 9e5, 900.0, 40.0, 52_000.0]),
            Class::CounterSparse => of(&[0.01, 0.5, 0.02, 0.002, 0.0005, 0.3, 0.05, 0.00005]),
            Class::GaugeFloat => of(&[0.15, 0.6]),
            Class::GaugeFull => 0.02,
            Class::GaugeInteger => of(&[262_144.0, 3.0, 3_686_400.0, 491_520.0, 1.0]),
            Class::Constant => of(&[1.0, 2.0, 5e11, 3e7]),
            Class::HistogramBucket | Class::HistogramSum => 2.0 + (number % 20) as f64 * 3.0,
        }
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// All series of one host: 1,000, every 15 s, 5 % of the scrapes up to 3 ms off.
pub(crate) fn series(samples: usize) -> Vec<(Class, Vec<Sample>)> {
    let mut random = Random(7);
    let jitter = |random: &mut Random| if random.unit() < 0.05 { (random.next() % 7) as i64 - 3 } else { 0 };
    let times: Vec<i64> = (0..samples as i64).map(|i| START_MS + 4_321 + i * 15_000 + jitter(&mut random)).collect();
    let mut all = Vec::new();
    for class in Class::ALL {
        for number in 0..class.series() {
            let mut value = first(class, class.pace(number), &mut random);
            let row = |t: &i64| {
                let now = value;
                value = next(class, number, now, &mut random);
                (0, *t, now)
            };
            all.push((class, times.iter().map(row).collect()));
        }
    }
    all
}

fn first(class: Class, pace: f64, random: &mut Random) -> f64 {
    let unit = random.unit();
    match class {
        Class::CounterFloat => (unit * 4e8 * pace).round() / 100.0,
        Class::CounterInteger => (unit * 4e6 * pace).floor(),
        Class::CounterSparse => (unit * 1e5 * pace).floor(),
        Class::GaugeFloat => 1.0 + (unit * 6_000.0).round() / 100.0,
        Class::GaugeFull => unit,
        Class::GaugeInteger => (unit * pace * 4_000.0 / 4_096.0).floor() * page(pace),
        Class::Constant => {
            if pace <= 2.0 {
                pace
            } else {
                (pace * (0.5 + unit)).floor()
            }
        }
        Class::HistogramBucket | Class::HistogramSum => 0.0,
    }
}

fn page(pace: f64) -> f64 {
    if pace >= 4_096.0 { 4_096.0 } else { 1.0 }
}

fn next(class: Class, number: usize, value: f64, random: &mut Random) -> f64 {
    let pace = class.pace(number);
    let unit = random.unit();
    match class {
        Class::CounterFloat => ((value + pace * 15.0 * (0.5 + unit)) * 100.0).round() / 100.0,
        Class::CounterInteger => value + (pace * 15.0 * (0.25 + 1.5 * unit)).floor(),
        Class::CounterSparse => value + if unit < pace * 15.0 { 1.0 + (random.next() % 3) as f64 } else { 0.0 },
        Class::GaugeFloat => ((value + (unit - 0.5) * pace).max(0.0) * 100.0).round() / 100.0,
        Class::GaugeFull => (value + (unit - 0.5) * pace).abs(),
        Class::GaugeInteger if random.next().is_multiple_of(4) => value,
        Class::GaugeInteger => (value + ((unit - 0.5) * 2.0 * pace / page(pace)).round() * page(pace)).max(0.0),
        Class::Constant => value,
        // Of the requests of a scrape, so many are as fast as this bucket.
        Class::HistogramBucket => {
            let share = [0.0, 0.1, 0.3, 0.6, 0.8, 0.92, 0.97, 0.99, 0.998, 0.998, 1.0, 1.0, 1.0, 1.0, 1.0][number % 15];
            value + (pace * 15.0 * (0.5 + unit) * share).round()
        }
        Class::HistogramSum => value + pace * 15.0 * (0.5 + unit) * (0.05 + 0.01 * random.unit()),
    }
}
