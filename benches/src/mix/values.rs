//! What the series' values look like.

/// The shape of a series' values; the number is a rate a second, or a size.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A counter in ticks of 10 ms: seconds of CPU.
    Ticks(f64),
    /// A counter of whole numbers.
    Counter(f64),
    /// A counter that seldom moves.
    Sparse(f64),
    /// A gauge of two decimals around a size.
    Gauge(f64),
    /// A gauge with all its digits around a size.
    Precise(f64),
    /// A walk over whole numbers with steps of a size.
    Walk(f64),
    /// Always the same.
    Constant(f64),
    /// A bucket of a histogram; what it adds to the one before it. Buckets come in order, then sum and count.
    Bucket(f64),
    /// The sum of a histogram's observations.
    Sum,
    /// The number of a histogram's observations.
    Count,
}

/// A series' values, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Value {
    shape: Shape,
    random: u64,
    now: f64,
}

/// 64 well-mixed bits of two numbers.
pub(crate) fn noise(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_add(0x2545_f491_4f6c_dd1d);
    for shift in [30, 27, 31] {
        x = (x ^ (x >> shift)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
    x ^ (x >> 32)
}

impl Value {
    pub(super) fn new(shape: Shape, host: usize, series: usize) -> Self {
        let random = noise(host as u64, series as u64) | 1;
        let now = match shape {
            Shape::Walk(size) => size * 1_000.0,
            Shape::Gauge(size) | Shape::Precise(size) | Shape::Constant(size) => size,
            _ => 0.0,
        };
        Value { shape, random, now }
    }

    /// The host was started anew.
    pub(super) fn reset(&mut self) {
        if !matches!(self.shape, Shape::Gauge(_) | Shape::Precise(_) | Shape::Walk(_) | Shape::Constant(_)) {
            self.now = 0.0;
        }
    }

    /// The next value. `observed` carries a histogram's new observations from bucket to bucket, then to its sum and count.
    pub(super) fn next(&mut self, observed: &mut f64) -> f64 {
        let unit = self.unit();
        match self.shape {
            Shape::Ticks(rate) => {
                self.now += (rate * 15.0 * (0.5 + unit) * 100.0).round();
                return self.now / 100.0;
            }
            Shape::Counter(rate) => self.now += (rate * 15.0 * (0.5 + unit)).round(),
            Shape::Sparse(rate) => self.now += f64::from(u8::from(unit < rate * 15.0)),
            Shape::Gauge(size) => self.now = (size * (0.8 + 0.4 * unit) * 100.0).round() / 100.0,
            Shape::Precise(size) => self.now = size * (0.8 + 0.4 * unit),
            Shape::Walk(size) => self.now = (self.now + (unit - 0.5) * size).max(0.0).round(),
            Shape::Constant(_) => {}
            Shape::Bucket(rate) => {
                *observed += (rate * 15.0 * unit * 2.0).round();
                self.now += *observed;
            }
            Shape::Sum => self.now += *observed * 0.05 * (0.5 + unit),
            Shape::Count => self.now += std::mem::take(observed),
        }
        self.now
    }

    /// A number in 0..1.
    fn unit(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (noise(self.random, 0) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
