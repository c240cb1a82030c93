//! Bounds of buckets, to the last bit those that Prometheus shows.

/// Upper bound of bucket `index` of custom bounds; index −1 gives the lower bound of the first.
#[must_use]
pub fn custom_bound(index: i64, bounds: &[f64]) -> f64 {
    match usize::try_from(index) {
        Err(_) => f64::NEG_INFINITY,
        Ok(index) => bounds.get(index).copied().unwrap_or(f64::INFINITY),
    }
}

/// Upper bound of bucket `index` of an exponential schema: 2^(index · 2^−schema).
///
/// The bound of the last bucket of finite values would round to +Inf, which is that of the bucket after it: the largest
/// finite float takes its place.
#[must_use]
pub fn exponential_bound(index: i64, schema: i32) -> f64 {
    let (fraction, exponent) = match schema {
        0.. => (fraction_of(index, schema), (index >> schema.min(62)).saturating_add(1)),
        _ => (0.5, index.saturating_mul(1i64 << (-schema).min(62)).saturating_add(1)),
    };
    if fraction == 0.5 && exponent == 1_025 { f64::MAX } else { scaled(fraction, exponent) }
}

/// The significand, in [0.5, 1): the product of 2^(1/2), 2^(1/4), … for each bit that is set in the lower `schema` bits
/// of the index, the highest first.
///
/// Prometheus has these as a table, which is not correctly rounded: its √½ is one step low, and its products carry that
/// on. Square roots and products are exact in IEEE 754, so that this gives the same bits everywhere.
fn fraction_of(index: i64, schema: i32) -> f64 {
    let mut fraction = 0.5;
    let mut root = 2.0f64;
    for bit in (0..schema.min(62)).rev() {
        root = root.sqrt();
        if index >> bit & 1 == 1 {
            fraction = if bit + 1 == schema { 1.0 / root } else { fraction * root };
        }
    }
    fraction
}

/// `fraction · 2^exponent`, rounded once.
fn scaled(fraction: f64, exponent: i64) -> f64 {
    // In two steps, the first of which is exact: neither power of two leaves the range of floats.
    let exponent = exponent.clamp(-2_000, 2_000);
    let first = exponent.clamp(-1_000, 1_000);
    fraction * power_of_two(first) * power_of_two(exponent - first)
}

/// 2^exponent for −1022 ≤ exponent ≤ 1023.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits((exponent + 1_023).cast_unsigned() << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float;

    #[test]
    fn fractions_are_those_of_prometheus() {
        for (schema, index, bound) in [
            (0, 0, "1"),
            (1, 1, "1.414213562373095"),
            (2, 1, "1.189207115002721"),
            (2, 3, "1.6817928305074288"),
            (3, 7, "1.8340080864093422"),
            (4, 13, "1.756252160373299"),
            (5, 31, "1.9571441241753997"),
            (6, 38, "1.5091644275934224"),
            (7, 114, "1.8539791250833852"),
            (7, 127, "1.9891988469672657"),
            (8, 1, "1.0027112750502025"),
            (8, 129, "1.4180478843204152"),
            (8, 127, "1.4103896082172704"),
        ] {
            let printed = float::format_json(exponential_bound(index, schema));
            assert_eq!(printed, bound, "schema {schema}, bucket {index}");
        }
    }

    #[test]
    fn bounds_cover_all_floats() {
        for (schema, index, bound) in [
            (0, 1, 2.0),
            (0, -1, 0.5),
            (0, 1_023, 2f64.powi(1_023)),
            (0, 1_024, f64::MAX),
            (0, 1_025, f64::INFINITY),
            (0, -1_074, 5e-324),
            (0, -1_076, 0.0),
            (8, 262_144, f64::MAX),
            (8, 262_145, f64::INFINITY),
            (-4, 1, 65_536.0),
            (-4, 64, f64::MAX),
            (-4, 65, f64::INFINITY),
            (-4, -1, 2f64.powi(-16)),
            (-1, 512, f64::MAX),
            (8, i64::MAX, f64::INFINITY),
            (-4, i64::MIN, 0.0),
        ] {
            assert_eq!(exponential_bound(index, schema), bound, "schema {schema}, bucket {index}");
        }
    }

    #[test]
    fn bounds_grow_with_the_index() {
        for schema in -4..=8 {
            let range = -60i64..60;
            assert!(
                range
                    .clone()
                    .zip(range.skip(1))
                    .all(|(a, b)| exponential_bound(a, schema) < exponential_bound(b, schema))
            );
        }
    }

    #[test]
    fn custom_bounds_end_at_the_infinities() {
        let bounds = [-1.0, 2.0];
        assert_eq!(
            (-1..=2).map(|i| custom_bound(i, &bounds)).collect::<Vec<_>>(),
            [f64::NEG_INFINITY, -1.0, 2.0, f64::INFINITY]
        );
    }
}
