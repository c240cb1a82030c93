//! `and`, `or`, `unless`: samples pass unchanged, by whether the other side has one with the same signature.

use std::mem::size_of;

use promethium_model::QueryError;

use super::super::bitmap::Bitmap;
use super::super::budget::Budget;
use super::super::column::Series;
use super::super::steps::Steps;
use super::group::groups;
use crate::parser::{Binary, BinaryOp};

pub(super) fn combine(
    budget: &Budget<'_>,
    binary: &Binary,
    left: Vec<Series>,
    right: Vec<Series>,
    steps: Steps,
) -> Result<Vec<Series>, QueryError> {
    let mut charge = budget.hold(2 * (left.len() + right.len()) * size_of::<Option<Series>>())?;
    let groups = groups(&left, &right, binary.matching(), &mut charge)?;
    let mut left: Vec<Option<Series>> = left.into_iter().map(Some).collect();
    let mut right: Vec<Option<Series>> = right.into_iter().map(Some).collect();
    for group in &groups {
        budget.check()?;
        match binary.op {
            BinaryOp::And => keep(&mut left, &group.left, &occupied(&right, &group.right, steps)),
            BinaryOp::Unless => remove(&mut left, &group.left, &occupied(&right, &group.right, steps)),
            _ => remove(&mut right, &group.right, &occupied(&left, &group.left, steps)),
        }
    }
    let tail = if binary.op == BinaryOp::Or { right } else { Vec::new() };
    Ok(left.into_iter().chain(tail).flatten().filter(|s| s.column.any()).collect())
}

/// The steps at which some series of a side has a sample.
fn occupied(side: &[Option<Series>], members: &[usize], steps: Steps) -> Bitmap {
    let mut all = Bitmap::new(steps.count);
    members.iter().filter_map(|i| side[*i].as_ref()).for_each(|s| all.union(&s.column.occupied()));
    all
}

fn keep(side: &mut [Option<Series>], members: &[usize], steps: &Bitmap) {
    members.iter().for_each(|i| {
        if let Some(series) = &mut side[*i] {
            series.column.retain(steps);
        }
    });
}

fn remove(side: &mut [Option<Series>], members: &[usize], steps: &Bitmap) {
    members.iter().for_each(|i| {
        if let Some(series) = &mut side[*i] {
            let mut rest = series.column.occupied();
            rest.subtract(steps);
            series.column.retain(&rest);
        }
    });
}
