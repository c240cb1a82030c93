//! Kahan–Neumaier summation, part of the language: results are compared to the last digit.

/// A sum and its running compensation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Kahan {
    pub(crate) sum: f64,
    pub(crate) compensation: f64,
}

impl Kahan {
    pub(crate) fn starting_at(sum: f64) -> Kahan {
        Kahan { sum, compensation: 0.0 }
    }

    /// Adds `x`. The operations must stay in this order and must not fuse.
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        let total = self.sum + x;
        if total.is_infinite() {
            self.compensation = 0.0;
        } else if self.sum.abs() >= x.abs() {
            self.compensation += (self.sum - total) + x;
        } else {
            self.compensation += (x - total) + self.sum;
        }
        self.sum = total;
    }

    #[inline]
    pub(crate) fn total(&self) -> f64 {
        self.sum + self.compensation
    }
}

/// Adds a column to the sums and compensations of as many steps: [`Kahan::add`] step by step, without branches, in vector
/// instructions.
pub(crate) fn add_columns(sums: &mut [f64], compensations: &mut [f64], column: &[f64]) {
    for ((sum, compensation), x) in sums.iter_mut().zip(compensations).zip(column) {
        let total = *sum + *x;
        let lost = if sum.abs() >= x.abs() { (*sum - total) + *x } else { (*x - total) + *sum };
        let kept = *compensation + lost;
        *compensation = if total.is_infinite() { 0.0 } else { kept };
        *sum = total;
    }
}

/// A mean: sum over count, and from the first overflow on incrementally.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mean {
    state: Kahan,
    count: f64,
    incremental: bool,
}

impl Mean {
    pub(crate) fn starting_at(first: f64) -> Mean {
        Mean { state: Kahan::starting_at(first), count: 1.0, incremental: false }
    }

    pub(crate) fn add(&mut self, x: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut next = self.state;
            next.add(x);
            if !next.sum.is_infinite() {
                self.state = next;
                return;
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.state = Kahan { sum: self.state.sum / before, compensation: self.state.compensation / before };
        }
        let q = (self.count - 1.0) / self.count;
        self.state = Kahan { sum: q * self.state.sum, compensation: q * self.state.compensation };
        self.state.add(x / self.count);
    }

    pub(crate) fn result(&self) -> f64 {
        if self.incremental {
            return self.state.total();
        }
        self.state.sum / self.count + self.state.compensation / self.count
    }
}

/// Sum of a slice, from zero; an infinite sum has no compensation.
pub(crate) fn sum(values: &[f64]) -> f64 {
    let mut kahan = Kahan::default();
    values.iter().for_each(|v| kahan.add(*v));
    if kahan.sum.is_infinite() { kahan.sum } else { kahan.total() }
}

/// Mean of a slice that is not empty.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let Some((first, rest)) = values.split_first() else { return f64::NAN };
    let mut mean = Mean::starting_at(*first);
    rest.iter().for_each(|v| mean.add(*v));
    mean.result()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_naive_summation_loses_is_kept() {
        assert_eq!(sum(&[1e100, 1.0, -1e100, 1.0]), 2.0);
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(mean(&[5.0, 0.0, 8.0, 3.0]), 4.0);
    }

    #[test]
    fn columns_add_up_as_their_steps_do() {
        let values = [1.0, -0.0, 1e100, -1e100, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, 1e-300, 3.5];
        for first in values {
            let (mut sums, mut compensations) = ([first; 10], [0.25; 10]);
            add_columns(&mut sums, &mut compensations, &values);
            add_columns(&mut sums, &mut compensations, &values);
            for (k, x) in values.into_iter().enumerate() {
                let mut one = Kahan { sum: first, compensation: 0.25 };
                one.add(x);
                one.add(x);
                let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
                assert_eq!(bits(sums[k]), bits(one.sum), "{first} and {x}");
                assert_eq!(bits(compensations[k]), bits(one.compensation), "{first} and {x}");
            }
        }
    }

    #[test]
    fn a_mean_survives_sums_that_overflow() {
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(mean(&[f64::MAX, -f64::MAX, f64::MAX, -f64::MAX]), 0.0);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
    }
}
