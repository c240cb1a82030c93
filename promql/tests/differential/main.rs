//! Random typed queries over random data: the engine answers as the naive evaluator does, which recomputes every step on
//! its own, to the bit and to the annotation; and whatever its threads and the sizes of batches are.
#![cfg(feature = "engine")]

mod chopped;
mod data;
mod queries;
mod random;

use promethium_model::{InstantOptions, MemStore, QueryCx, QueryEngine, RangeOptions};
use promethium_promql::promqltest::agree;
use promethium_promql::{Engine, EngineOptions, Features, NaiveEngine};

use chopped::Chopped;
use random::Random;

/// Fixed, so that a failure comes back. Another one, for a search beyond what CI walks, comes from the environment.
const SEED: u64 = 0x5eed_0f0d_dba1_1000;
const SEED_VARIABLE: &str = "PROMQL_DIFFERENTIAL_SEED";
const STORES: usize = 4_100;
const QUERIES_PER_STORE: usize = 25;

/// When a query is asked.
#[derive(Clone, Copy, Debug)]
enum When {
    Instant(i64),
    Range(i64, i64, i64),
}

impl When {
    fn random(random: &mut Random) -> When {
        let start = random.between(-10, 420) * 1_000 + random.pick(&[0, 0, 0, 1, 500]);
        if random.chance(3) {
            return When::Instant(start);
        }
        let step = random.pick(&[1_000, 7_000, 10_000, 15_000, 31_500]);
        When::Range(start, start + step * random.between(0, 9) + random.between(0, 3), step)
    }

    fn ask(
        self,
        engine: &dyn QueryEngine,
        store: &dyn promethium_model::Queryable,
        query: &str,
    ) -> Result<promethium_model::QueryOutput, promethium_model::QueryError> {
        let cx = QueryCx::unlimited();
        match self {
            When::Instant(t) => engine.instant(store, query, &InstantOptions::at(t), &cx),
            When::Range(start, end, step) => engine.range(store, query, &RangeOptions::new(start, end, step), &cx),
        }
    }
}

fn options(random: &mut Random) -> EngineOptions {
    let mut features = Features::all();
    features.delayed_name_removal = !random.chance(4);
    features.start_timestamps = !random.chance(4);
    features.type_and_unit_labels = random.chance(8);
    let mut options = EngineOptions::default().with_features(features);
    options.lookback_ms = random.pick(&[300_000, 300_000, 60_000, 15_000]);
    options.subquery_step_ms = 20_000;
    options
}

/// What a run met.
#[derive(Default)]
struct Tally {
    pairs: usize,
    answered: usize,
    with_samples: usize,
    with_histograms: usize,
    annotated: usize,
}

impl Tally {
    fn count(&mut self, answer: &Result<promethium_model::QueryOutput, promethium_model::QueryError>) {
        use promethium_model::{QueryValue, SampleValue};
        self.pairs += 1;
        let Ok(output) = answer else { return };
        self.answered += 1;
        self.annotated += usize::from(!output.annotations.is_empty());
        let (any, histograms) = match &output.value {
            QueryValue::Vector(v) => (!v.is_empty(), v.iter().any(|s| matches!(s.value, SampleValue::Histogram(_)))),
            QueryValue::Matrix(m) => (!m.is_empty(), m.iter().any(|s| !s.histograms.is_empty())),
            _ => (true, false),
        };
        self.with_samples += usize::from(any);
        self.with_histograms += usize::from(histograms);
    }
}

fn run(seed: u64, stores: usize) -> Tally {
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    for _ in 0..stores {
        let store: MemStore = data::store(&mut random);
        let options = options(&mut random);
        let engine = Engine::new(options.clone());
        let naive = NaiveEngine::new(options.clone());
        for _ in 0..QUERIES_PER_STORE {
            let query = queries::query(&mut random);
            let when = When::random(&mut random);
            let answer = when.ask(&engine, &store, &query);
            if let Err(difference) = agree(&answer, &when.ask(&naive, &store, &query)) {
                panic!("{query} {when:?} with {options:?}\nengine and naive evaluator: {difference}");
            }
            if random.chance(4) {
                let threads = random.between(1, 4) as usize;
                let other = options.clone().with_threads(threads).with_series_per_turn(random.between(1, 3) as usize);
                let chopped = Chopped::new(&store, random.between(1, 9) as usize);
                if let Err(difference) = agree(&answer, &when.ask(&Engine::new(other.clone()), &chopped, &query)) {
                    panic!("{query} {when:?} with {other:?}\nin other threads and batches: {difference}");
                }
            }
            tally.count(&answer);
        }
    }
    tally
}

fn seed() -> u64 {
    std::env::var(SEED_VARIABLE).map_or(SEED, |text| text.parse().expect("a seed is a number"))
}

#[test]
fn the_engine_answers_as_the_naive_evaluator_does() {
    let halves = std::thread::scope(|scope| {
        let halves: Vec<_> = (0..2).map(|i| scope.spawn(move || run(seed() + i, STORES / 2))).collect();
        halves.into_iter().map(|half| half.join().unwrap_or_else(|e| std::panic::resume_unwind(e))).collect::<Vec<_>>()
    });
    let sum = |of: fn(&Tally) -> usize| halves.iter().map(of).sum::<usize>();
    let (pairs, answered) = (sum(|t| t.pairs), sum(|t| t.answered));
    let (samples, histograms, annotated) = (sum(|t| t.with_samples), sum(|t| t.with_histograms), sum(|t| t.annotated));
    println!(
        "{pairs} pairs: {answered} answered, {samples} with samples, {histograms} with histograms, {annotated} annotated"
    );
    assert!(pairs >= 100_000, "{pairs}");
    // Most of the queries mean something on most of the data.
    assert!(answered > pairs * 8 / 10 && samples > pairs * 4 / 10, "{answered} {samples}");
    assert!(histograms > pairs / 20 && annotated > pairs / 20, "{histograms} {annotated}");
}
