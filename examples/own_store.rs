//! PromQL over data that lives somewhere else: two small traits, and the engine answers.

use promethium::Table;
use promethium::model::{
    InstantOptions, LabelHints, LabelList, Labels, Matcher, Querier, QueryCx, QueryEngine, Queryable, SampleBatch,
    SampleCursor, SelectHints, SeriesEntry, SeriesSet, StorageError, TimeRange, matcher::all_match,
    storage::VecSeriesSet,
};
use promethium::promql::{Engine, EngineOptions};

/// Temperatures of three rooms, computed on demand: nothing is stored.
struct Rooms;

const ROOMS: [(&str, f64); 3] = [("attic", 26.0), ("kitchen", 21.5), ("cellar", 12.0)];
const STEP_MS: i64 = 60_000;

fn labels_of(room: &str) -> Labels {
    Labels::from_pairs([("__name__", "room_temperature_celsius"), ("room", room)])
}

impl Queryable for Rooms {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(RoomQuerier { range }))
    }
}

struct RoomQuerier {
    range: TimeRange,
}

impl Querier for RoomQuerier {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        _hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        cx.check()?;
        let wanted = ROOMS.iter().filter(|(room, _)| all_match(matchers, &labels_of(room)));
        let entry = |(room, base): &(&str, f64)| SeriesEntry {
            labels: labels_of(room),
            samples: Box::new(Wave { base: *base, next_ms: self.range.min_ms, end_ms: self.range.max_ms }),
        };
        Ok(Box::new(VecSeriesSet::new(wanted.map(entry).collect())))
    }

    fn label_names(&self, _: &[Matcher], _: &LabelHints, _: &QueryCx) -> Result<LabelList, StorageError> {
        Ok(LabelList { values: vec!["__name__".to_owned(), "room".to_owned()], ..LabelList::default() })
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: &LabelHints, _: &QueryCx) -> Result<LabelList, StorageError> {
        Ok(LabelList { values: ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect(), ..LabelList::default() })
    }
}

/// One room: its base temperature with a daily wave, one sample a minute.
struct Wave {
    base: f64,
    next_ms: i64,
    end_ms: i64,
}

impl SampleCursor for Wave {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let first = self.next_ms.div_euclid(STEP_MS) * STEP_MS;
        let times = (first..=self.end_ms).step_by(STEP_MS as usize).filter(|t| *t >= self.next_ms);
        let before = out.len();
        for t in times {
            let day = (t.rem_euclid(86_400_000)) as f64 / 86_400_000.0;
            out.push_float(t, self.base + 3.0 * (day * std::f64::consts::TAU).sin());
        }
        self.next_ms = self.end_ms.saturating_add(1);
        Ok(out.len() > before)
    }

    fn seek(&mut self, t_ms: i64) {
        self.next_ms = self.next_ms.max(t_ms);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new(EngineOptions::default());
    let noon = InstantOptions::at(43_200_000);
    for query in ["room_temperature_celsius", "max(max_over_time(room_temperature_celsius{room!='cellar'}[6h]))"] {
        let answer = engine.instant(&Rooms, query, &noon, &QueryCx::unlimited())?;
        println!("# {query}\n{}", Table(&answer));
    }
    Ok(())
}
