//! Operators between vectors, one-to-one or many-to-one.
//!
//! Match groups are independent of each other, and inside one every pair of series is a pair of columns: signatures and
//! result labels are worked out once a series or pair, never once a step.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem::size_of;

use foldhash::fast::FixedState;
use promethium_model::{Labels, LabelsBuilder, Pace, QueryError, SampleValue};

use super::super::bitmap::Bitmap;
use super::super::budget::{Budget, Charge, table_bytes};
use super::super::column::{Column, Series};
use super::super::notes::{Notes, Origin};
use super::super::output::{is_metadata, merge_equal};
use super::super::sorting::sort_by;
use super::super::steps::Steps;
use super::group::{MatchGroup, groups};
use super::op::{Outcome, arithmetic, compare, samples};
use super::remarks::Remarks;
use super::vector_scalar::matching_error;
use crate::parser::{Binary, BinaryOp, Grouping};

pub(super) fn combine<'b>(
    (budget, notes): (&'b Budget<'b>, &Notes<'_>),
    binary: &Binary,
    origin: Origin,
    left: &[Series],
    right: &[Series],
    steps: Steps,
    delayed_name_removal: bool,
) -> Result<Vec<Series>, QueryError> {
    let mut charge = budget.open();
    let groups = groups(left, right, binary.matching(), &mut charge)?;
    let live = live_steps(binary, left, right, steps);
    let swapped = binary.matching().grouping == Some(Grouping::Right);
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let remarks = Remarks::default();
    let mut join = Join {
        binary,
        flags_names: binary.return_bool && delayed_name_removal,
        swapped,
        many,
        one,
        live,
        steps,
        remarks,
        charge,
        pace: budget.cx().pace(STEPS_PER_CHECK),
        results: Vec::new(),
        ran: HashMap::default(),
        failure: None,
    };
    for group in &groups {
        budget.check()?;
        join.group(group)?;
    }
    if let Some(failure) = join.failure.take() {
        let looks = steps.count > 1 || !delayed_name_removal;
        return Err(join.first_error(failure, looks, budget));
    }
    join.remarks.finish(notes, binary.op, origin);
    // In the order of the many side, as written.
    sort_by(&mut join.results, budget, |(a, _), (b, _)| a.cmp(b))?;
    join.charge.hold(join.results.len() * size_of::<Series>())?;
    Ok(join.results.into_iter().map(|(_, series)| series).collect())
}

/// The steps at which anything is compared at all: both sides have samples, or fill values stand in.
fn live_steps(binary: &Binary, left: &[Series], right: &[Series], steps: Steps) -> Bitmap {
    let occupied = |side: &[Series]| {
        let mut all = Bitmap::new(steps.count);
        side.iter().for_each(|s| all.union(&s.column.occupied()));
        all
    };
    let (mut live, other) = (occupied(left), occupied(right));
    if binary.matching().fills() {
        live.union(&other);
    } else {
        live.intersect(&other);
    }
    live
}

/// Steps of pairs between two looks at whether the query goes on.
const STEPS_PER_CHECK: usize = 1 << 16;

struct Join<'j> {
    binary: &'j Binary,
    /// Whether names wait for the end of the query; otherwise they are gone before results are told apart.
    flags_names: bool,
    /// Whether the left operand is the one side.
    swapped: bool,
    many: &'j [Series],
    one: &'j [Series],
    live: Bitmap,
    steps: Steps,
    remarks: Remarks,
    charge: Charge<'j>,
    pace: Pace<'j>,
    /// With the place of the many-side series, or of the one-side series that has a fill value for a partner.
    results: Vec<(usize, Series)>,
    /// The first in the order of Prometheus, which goes step by step.
    failure: Option<Failure>,
    /// With grouping, the labels of the results of the group at hand, and the steps at which there was a pair for them.
    ran: HashMap<Labels, Bitmap, FixedState>,
}

/// Why operands do not match.
struct Failure {
    /// The step; whether the one side is fine and a sample of the many side is not; the place of the sample on its side.
    at: (usize, bool, usize),
    error: QueryError,
}

/// A side of a pair: its labels and its samples at the steps in question.
struct Operand<'o> {
    labels: &'o Labels,
    column: &'o Column,
}

impl Join<'_> {
    fn members<'g>(&self, group: &'g MatchGroup) -> (&'g [usize], &'g [usize]) {
        if self.swapped { (&group.right, &group.left) } else { (&group.left, &group.right) }
    }

    fn group(&mut self, group: &MatchGroup) -> Result<(), QueryError> {
        let (many, one) = self.members(group);
        self.refuse_duplicates(group, one);
        // Steps of the one side that some sample of the many side met.
        let mut met = Bitmap::new(self.steps.count);
        for m in many {
            self.many_series(group, *m, one, &mut met)?;
        }
        if let Some(value) = self.binary.matching().fill_left {
            self.fill_many(group, one, value, &met)?;
        }
        self.charge.release(self.ran.len() * self.ran_bytes());
        self.ran.clear();
        Ok(())
    }

    /// The one side must be unique at every live step.
    fn refuse_duplicates(&mut self, group: &MatchGroup, one: &[usize]) {
        if one.len() < 2 {
            return;
        }
        let mut seen = Bitmap::new(self.steps.count);
        for i in one {
            let mut occupied = self.one[*i].column.occupied();
            occupied.intersect(&self.live);
            if let Some(step) = seen.first_common(&occupied) {
                self.fail((step, false, *i), |join| join.duplicates(group, one, *i, step));
            }
            seen.union(&occupied);
        }
    }

    fn fail(&mut self, at: (usize, bool, usize), error: impl FnOnce(&Self) -> QueryError) {
        if self.failure.as_ref().is_none_or(|known| at < known.at) {
            self.failure = Some(Failure { at, error: error(self) });
        }
    }

    /// What is told: results with the same labels at an earlier step come before a failure.
    fn first_error(mut self, failure: Failure, looks: bool, budget: &Budget<'_>) -> QueryError {
        let mut earlier = Bitmap::new(self.steps.count);
        (0..failure.at.0).for_each(|step| earlier.set(step));
        let mut series: Vec<Series> = self.results.drain(..).map(|(_, series)| series).collect();
        series.iter_mut().for_each(|s| s.column.retain(&earlier));
        match merge_equal(series, budget) {
            Err(clash) if looks => clash,
            _ => failure.error,
        }
    }

    fn duplicates(&self, group: &MatchGroup, one: &[usize], second: usize, step: usize) -> QueryError {
        let first = one.iter().find(|i| self.one[**i].column.value(step).is_some()).unwrap_or(&second);
        let mut pair = [*first, second].map(|i| format!("{:?}", self.one[i].labels));
        pair.sort_unstable();
        let side = if self.swapped { "left" } else { "right" };
        let signature = format!("{:?}", group.signature);
        let [a, b] = pair;
        matching_error(format!(
            "found duplicate series for the match group {signature} on the {side} hand-side of the operation: [{a}, {b}];many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    }

    /// One series of the many side with all of the one side.
    fn many_series(&mut self, group: &MatchGroup, m: usize, one: &[usize], met: &mut Bitmap) -> Result<(), QueryError> {
        let many = &self.many[m];
        let mut unmatched = many.column.occupied();
        unmatched.intersect(&self.live);
        for o in one {
            let one = &self.one[*o];
            let mut both = unmatched.clone();
            both.intersect(&one.column.occupied());
            let operands = (Operand::of(many), Operand::of(one));
            self.pace.done(self.steps.count)?;
            self.pair(m, operands, &both, met)?;
            unmatched.subtract(&both);
        }
        if let Some(value) = self.binary.matching().fill_right {
            let filled = Column::constant(self.steps.count, value);
            let operands = (Operand::of(many), Operand { labels: &group.signature, column: &filled });
            self.pair(m, operands, &unmatched, met)?;
        }
        Ok(())
    }

    fn fill_many(&mut self, group: &MatchGroup, one: &[usize], value: f64, met: &Bitmap) -> Result<(), QueryError> {
        let filled = Column::constant(self.steps.count, value);
        for o in one {
            // Behind all of the many side, in the order of the one side.
            let place = self.many.len() + *o;
            let one = &self.one[*o];
            let mut unmet = one.column.occupied();
            unmet.intersect(&self.live);
            unmet.subtract(met);
            let operands = (Operand { labels: &group.signature, column: &filled }, Operand::of(one));
            let (series, ran) = self.apply(place, operands, &unmet);
            self.refuse_ambiguity(place, &series.labels, &ran)?;
            self.emit(place, series)?;
        }
        Ok(())
    }

    fn pair(
        &mut self,
        m: usize,
        operands: (Operand<'_>, Operand<'_>),
        steps: &Bitmap,
        met: &mut Bitmap,
    ) -> Result<(), QueryError> {
        if !steps.any() {
            return Ok(());
        }
        let (series, ran) = self.apply(m, operands, steps);
        if self.binary.matching().grouping.is_none()
            && let Some(step) = met.first_common(&ran)
        {
            let text = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
            self.fail((step, true, m), |_| matching_error(text));
        }
        met.union(&ran);
        self.refuse_ambiguity(m, &series.labels, &ran)?;
        self.emit(m, series)
    }

    fn emit(&mut self, position: usize, series: Series) -> Result<(), QueryError> {
        if !series.column.any() {
            return Ok(());
        }
        self.charge.hold(series.bytes())?;
        self.charge.push(&mut self.results, (position, series))
    }

    /// The result of a pair at some steps, and the steps at which the operation ran.
    fn apply(&mut self, place: usize, (many, one): (Operand<'_>, Operand<'_>), steps: &Bitmap) -> (Series, Bitmap) {
        let (left, right) = if self.swapped { (one.column, many.column) } else { (many.column, one.column) };
        let plain = left.histograms.is_empty() && right.histograms.is_empty() && !self.binary.op.is_trim();
        let (column, ran) = if plain {
            (float_columns(self.binary, left, right, steps), steps.clone())
        } else {
            self.mixed_columns(place, left, right, steps)
        };
        let mut labels = result_labels(self.binary, many.labels, one.labels);
        if self.binary.return_bool && !self.flags_names {
            labels = labels.without(is_metadata);
        }
        (Series { labels, drop_name: self.flags_names, column }, ran)
    }

    fn mixed_columns(&mut self, place: usize, left: &Column, right: &Column, steps: &Bitmap) -> (Column, Bitmap) {
        let mut out = Column::new(self.steps.count);
        let mut ran = steps.clone();
        for step in steps.ones() {
            let (Some(a), Some(b)) = (left.value(step), right.value(step)) else { continue };
            let outcome = samples(self.binary.op, self.binary.return_bool, &a, &b, &a);
            if matches!(outcome, Outcome::Incompatible | Outcome::Failed(_)) {
                ran.clear(step);
            }
            let result: Option<SampleValue> = self.remarks.take_value(step, place, (&a, &b), outcome);
            if let Some(value) = result {
                out.set_value(step, value);
            }
        }
        (out, ran)
    }

    /// Bytes of an entry of `ran`.
    fn ran_bytes(&self) -> usize {
        table_bytes(1, size_of::<(Labels, Bitmap)>()) + self.steps.count / 8
    }

    /// Two results of a group with equal labels at one step: the grouping labels do not tell them apart. A comparison that
    /// does not hold counts as well.
    fn refuse_ambiguity(&mut self, place: usize, labels: &Labels, ran: &Bitmap) -> Result<(), QueryError> {
        if self.binary.matching().grouping.is_none() {
            return Ok(());
        }
        let bytes = self.ran_bytes();
        match self.ran.entry(labels.clone()) {
            Entry::Vacant(entry) => {
                self.charge.hold(bytes)?;
                entry.insert(ran.clone());
            }
            Entry::Occupied(mut entry) => {
                let common = entry.get().first_common(ran);
                entry.get_mut().union(ran);
                if let Some(step) = common {
                    let text = "multiple matches for labels: grouping labels must ensure unique matches";
                    self.fail((step, true, place), |_| matching_error(text));
                }
            }
        }
        Ok(())
    }
}

impl<'o> Operand<'o> {
    fn of(series: &'o Series) -> Self {
        Operand { labels: &series.labels, column: &series.column }
    }
}

fn float_columns(binary: &Binary, left: &Column, right: &Column, steps: &Bitmap) -> Column {
    let op = binary.op;
    if op.is_comparison() {
        return compared_columns(binary, left, right, steps);
    }
    let values = left.values.iter().zip(&right.values).map(|(a, b)| arithmetic(op, *a, *b)).collect();
    Column { present: steps.clone(), values, histograms: Vec::new() }
}

fn compared_columns(binary: &Binary, left: &Column, right: &Column, steps: &Bitmap) -> Column {
    let mut out = Column::new(left.steps());
    for step in steps.ones() {
        let (a, b) = (left.values[step], right.values[step]);
        let holds = compare(binary.op, a, b);
        if binary.return_bool {
            out.set(step, f64::from(holds));
        } else if holds {
            out.set(step, a);
        }
    }
    out
}

fn drops_metadata(op: BinaryOp) -> bool {
    op.precedence() >= BinaryOp::Add.precedence()
}

fn result_labels(binary: &Binary, many: &Labels, one: &Labels) -> Labels {
    let matching = binary.matching();
    let listed = |name: &str| matching.labels.iter().any(|l| l == name);
    let drops = drops_metadata(binary.op);
    let one_to_one = matching.grouping.is_none();
    let kept = many.without(|name| (drops && is_metadata(name)) || (one_to_one && listed(name) != matching.on));
    if matching.include.is_empty() {
        return kept;
    }
    let mut builder = LabelsBuilder::from_labels(&kept);
    for name in &matching.include {
        builder.set(name, one.get(name).unwrap_or(""));
    }
    builder.build()
}
