//! What the head costs, on the peers' data: making series, memory a series by a counting allocator, and restarts.
//!
//! ```sh
//! cargo run --release -p promethium-benches --example head -- [--count] series [HOSTS]
//! cargo run --release -p promethium-benches --example head -- [--count] restart DIR [HOSTS]
//! cargo run --release -p promethium-benches --example head -- [--count] open DIR [THREADS]
//! ```
//!
//! With `--count` every call of the allocator is counted: memory is exact then, and times are a tenth too long.
//!
//! `series` makes a thousand series a host (1,000 hosts otherwise) in memory. `restart` writes two hours of them (100 hosts otherwise)
//! to a directory, with upkeep a minute as a server has it, and opens it as a server finds it after a crash: from the log and the
//! files of full chunks. Then from the log alone, then from the snapshot of the head; `DIR` is left for a peer to open.
//! `open` opens it again, on so many threads, and leaves a snapshot of the head.
#![expect(unsafe_code, reason = "an allocator that counts has to be one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use promethium::model::{AppendOptions, Appendable, Labels, Point, SeriesKey};
use promethium::tsdb::{Db, DbOptions};
use promethium_benches::mix::{Mix, START_MS};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static COUNTS: AtomicBool = AtomicBool::new(false);

struct Counting;

fn count(more: usize, less: usize) {
    if !COUNTS.load(Ordering::Relaxed) {
        return;
    }
    let live = LIVE.fetch_add(more, Ordering::Relaxed) + more - less;
    LIVE.fetch_sub(less, Ordering::Relaxed);
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// PERF: three relaxed atomic operations a call, in this program alone.
// SAFETY: every call goes to the system's allocator unchanged, whose contract is the caller's to keep; counting touches no
// memory of the allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Failure = Box<dyn std::error::Error>;

fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// Processor time of this process; 0 where the system does not say.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Does something and prints what it took.
fn timed<T>(what: &str, count: usize, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let (start, cpu, before) = (Instant::now(), cpu_s(), live());
    PEAK.store(before, Ordering::Relaxed);
    let done = work()?;
    let (wall_s, cpu_s) = (start.elapsed().as_secs_f64(), cpu_s() - cpu);
    let peak_mib = (PEAK.load(Ordering::Relaxed) - before) as f64 / f64::from(1 << 20);
    let kept_mib = (live() as f64 - before as f64) / f64::from(1 << 20);
    print!("{what}: {wall_s:.3} s, {cpu_s:.2} CPU s ({:.3} M/s)", count as f64 / wall_s / 1e6);
    if COUNTS.load(Ordering::Relaxed) {
        print!(", peak {peak_mib:.1} MiB, kept {kept_mib:.1} MiB");
    }
    println!();
    Ok(done)
}

fn series(hosts: usize) -> Result<(), Failure> {
    let fleet: Vec<Vec<Labels>> = Mix { hosts, scrapes: 1 }
        .series()
        .into_iter()
        .map(|host| host.into_iter().map(|s| s.labels).collect())
        .collect();
    let count = fleet.iter().map(Vec::len).sum::<usize>();
    let db = Db::in_memory(DbOptions::default())?;
    let before = live();
    timed("series made", count, || {
        for host in &fleet {
            let mut tx = db.appender();
            for labels in host {
                tx.append(SeriesKey::Labels(labels), Point::float(START_MS, 1.0), &AppendOptions::default())?;
            }
            tx.commit()?;
        }
        Ok(())
    })?;
    if COUNTS.load(Ordering::Relaxed) {
        let (all, chunks) = (live() - before, db.stats().chunk_bytes);
        let a_series = |bytes: usize| bytes as f64 / count as f64;
        println!("{count} series: {:.0} bytes each, and {:.0} of chunks", a_series(all - chunks), a_series(chunks));
    }
    Ok(())
}

/// Scrapes between two rounds of upkeep: a minute.
const SCRAPES_PER_UPKEEP: usize = 4;

/// Two hours of a fleet, with upkeep as time goes by.
fn write(mix: &Mix, db: &Db) -> Result<(), Failure> {
    let (mut scraped, mut failure) = (0, None);
    mix.write(db, |_, at_ms, _| {
        scraped += 1;
        if scraped % (mix.hosts * SCRAPES_PER_UPKEEP) == 0 {
            failure = db.maintain(at_ms, Duration::MAX).err().or(failure.take());
        }
    })?;
    failure.map_or(Ok(()), |error| Err(error.into()))
}

fn restart(dir: &Path, hosts: usize) -> Result<(), Failure> {
    let mix = Mix { hosts, scrapes: 480 };
    let samples = hosts * promethium_benches::mix::SERIES_PER_HOST * mix.scrapes;
    let db = Db::open(dir, DbOptions::default())?;
    timed("written", samples, || write(&mix, &db))?;
    timed("closed", 1, || Ok(db.close()?))?;
    drop(db);
    let db = timed("opened from the log and files", samples, || Ok(Db::open(dir, DbOptions::default())?))?;
    let expected = db.stats().samples;
    assert_eq!(expected as usize, samples);
    db.close()?;
    drop(db);
    let db = timed("opened from the log and files on two threads", samples, || {
        Ok(Db::open(dir, DbOptions::default().open_threads(2))?)
    })?;
    db.close()?;
    drop(db);
    let (files, aside) = (dir.join("chunks_head"), dir.join("chunks_head.aside"));
    std::fs::rename(&files, &aside)?;
    let db = timed("opened from the log alone", samples, || Ok(Db::open(dir, DbOptions::default())?))?;
    assert!(!db.replay_report().from_snapshot && db.stats().samples == expected);
    db.close()?;
    drop(db);
    std::fs::remove_dir_all(&files)?;
    std::fs::rename(&aside, &files)?;
    let db = Db::open(dir, DbOptions::default().head_snapshot(true))?;
    timed("closed with a snapshot", 1, || Ok(db.close()?))?;
    drop(db);
    let db = timed("opened from the snapshot", samples, || Ok(Db::open(dir, DbOptions::default())?))?;
    assert!(db.replay_report().from_snapshot && db.stats().samples == expected);
    Ok(())
}

fn open(dir: &Path, threads: usize) -> Result<(), Failure> {
    let options = DbOptions::default().head_snapshot(true).open_threads(threads);
    let db = timed("opened", 1, || Ok(Db::open(dir, options)?))?;
    let report = db.replay_report();
    println!("{} samples, snapshot: {}", report.samples, report.from_snapshot);
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "--count") {
        arguments.remove(0);
        COUNTS.store(true, Ordering::Relaxed);
    }
    let number = |i: usize, default| arguments.get(i).map_or(Ok(default), |text| text.parse::<usize>());
    match arguments.first().map(String::as_str) {
        Some("series") => series(number(1, 1_000)?),
        Some("restart") if arguments.len() > 1 => restart(Path::new(&arguments[1]), number(2, 100)?),
        Some("open") if arguments.len() > 1 => open(Path::new(&arguments[1]), number(2, 1)?),
        _ => Err("usage: head [--count] {series [HOSTS] | restart DIR [HOSTS] | open DIR [THREADS]}".into()),
    }
}
