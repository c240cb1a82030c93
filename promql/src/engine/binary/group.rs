//! Match groups: the series of both sides that share a signature.

use std::hash::BuildHasher;
use std::mem::size_of;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, QueryError};

use super::super::budget::{Charge, table_bytes};
use super::super::column::{Series, label_bytes};
use crate::parser::Matching;

/// The labels on which two series must agree.
pub(super) fn signature(labels: &Labels, matching: &Matching) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|l| l == name);
    if matching.on {
        labels.without(|name| !listed(name))
    } else {
        labels.without(|name| name == METRIC_NAME || listed(name))
    }
}

/// One signature and its series, by position.
#[derive(Debug)]
pub(super) struct MatchGroup {
    pub(super) signature: Labels,
    pub(super) left: Vec<usize>,
    pub(super) right: Vec<usize>,
}

/// Groups both sides; signatures are computed once a series. Groups come in the order of their first series, left side
/// first.
pub(super) fn groups(
    left: &[Series],
    right: &[Series],
    matching: &Matching,
    charge: &mut Charge<'_>,
) -> Result<Vec<MatchGroup>, QueryError> {
    let mut table = GroupTable::default();
    for (i, series) in left.iter().enumerate() {
        let at = table.find_or_insert(signature(&series.labels, matching), charge)?;
        charge.push(&mut table.groups[at].left, i)?;
    }
    for (i, series) in right.iter().enumerate() {
        let at = table.find_or_insert(signature(&series.labels, matching), charge)?;
        charge.push(&mut table.groups[at].right, i)?;
    }
    Ok(table.groups)
}

#[derive(Default)]
struct GroupTable {
    groups: Vec<MatchGroup>,
    index: HashTable<usize>,
    hasher: FixedState,
}

impl GroupTable {
    fn find_or_insert(&mut self, signature: Labels, charge: &mut Charge<'_>) -> Result<usize, QueryError> {
        let hash = self.hasher.hash_one(&signature);
        let GroupTable { groups, index, hasher } = self;
        if let Some(at) = index.find(hash, |i| groups[*i].signature == signature) {
            return Ok(*at);
        }
        let at = groups.len();
        charge.hold(table_bytes(1, size_of::<usize>()) + label_bytes(&signature))?;
        charge.push(groups, MatchGroup { signature, left: Vec::new(), right: Vec::new() })?;
        index.insert_unique(hash, at, |i| hasher.hash_one(&groups[*i].signature));
        Ok(at)
    }
}
