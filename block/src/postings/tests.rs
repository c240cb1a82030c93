use std::collections::BTreeSet;

use super::*;

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % n
    }

    fn set(&mut self) -> Vec<u32> {
        let (len, span) = ([0, 1, 3, 40, 700][self.below(5) as usize], [1, 50, 1_000, 1 << 30][self.below(4) as usize]);
        let base = self.below(1 << 30);
        let ids: BTreeSet<u32> = (0..len).map(|_| (self.below(2) * base + self.below(span)) as u32).collect();
        ids.into_iter().collect()
    }
}

fn big(ids: &[u32]) -> Vec<[u8; 4]> {
    ids.iter().map(|id| id.to_be_bytes()).collect()
}

#[test]
fn the_algebra_is_that_of_sets() {
    let mut rng = Rng(1);
    for _ in 0..3_000 {
        let (mut a, b) = (rng.set(), rng.set());
        if rng.below(3) == 0 {
            a = a.into_iter().chain(b.iter().step_by(3).copied()).collect::<BTreeSet<_>>().into_iter().collect();
        }
        let (x, y): (BTreeSet<u32>, BTreeSet<u32>) = (a.iter().copied().collect(), b.iter().copied().collect());
        let common: Vec<u32> = x.intersection(&y).copied().collect();
        let mut out = vec![7];
        intersect(&a, &big(&b), &mut out);
        assert_eq!(out[1..], common);
        let mut out = Vec::new();
        retain_common(&a, &big(&b), &mut out);
        assert_eq!(out, common);
        let mut kept = a.clone();
        intersect_in_place(&mut kept, &big(&b));
        assert_eq!(kept, common);
        assert_eq!(intersects(&big(&a), &b), !common.is_empty());
        let mut rest = a.clone();
        subtract(&mut rest, &big(&b));
        assert_eq!(rest, x.difference(&y).copied().collect::<Vec<_>>());
        let joined = union_of(b.iter().chain(&a).copied().collect());
        assert_eq!(joined, x.union(&y).copied().collect::<Vec<_>>());
    }
}

#[test]
fn galloping_finds_the_first_that_is_not_below() {
    let list: Vec<u32> = (0..500).map(|i| i * 3).collect();
    for from in [0, 1, 7, 499, 500] {
        for id in 0..1_510 {
            assert_eq!(gallop(&list, from, id), from.max(list.partition_point(|x| *x < id)));
        }
    }
}
