//! How long pages take that were made to take long, in every format and mode.
//!
//! ```sh
//! cargo run --release -p promethium-exposition --example hostile            # the slowest reading of each page of 1 MiB
//! cargo run --release -p promethium-exposition --example hostile -- growth  # how much more work pages of twice the size are
//! ```
//!
//! `growth` needs valgrind: it counts the instructions of each reading of pages of 64 KiB and of 128 KiB, which no other program on
//! the machine changes, and fails where the larger page takes more than 2.5 times as many.

#[path = "../tests/hostile/pages.rs"]
mod pages;

use std::hint::black_box;
use std::io;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use promethium_exposition::{DecodeOptions, Decoder, Format, Mode};

const FORMATS: [Format; 3] = [Format::PrometheusText, Format::OpenMetrics, Format::Protobuf];

fn all_options() -> Vec<(&'static str, DecodeOptions)> {
    let mode = |mode| DecodeOptions::new().mode(mode);
    let mut converting = mode(Mode::Lenient);
    (converting.custom_buckets, converting.start_timestamps) = (true, true);
    vec![
        ("strict", mode(Mode::Strict)),
        ("prometheus", mode(Mode::Prometheus)),
        ("lenient", mode(Mode::Lenient)),
        ("lenient, converting", converting),
    ]
}

#[inline(never)]
fn read(format: Format, page: &[u8], options: &DecodeOptions) -> usize {
    let mut decoder = Decoder::new(format, page, options);
    let mut events = 0;
    while let Ok(Some(event)) = decoder.next_event() {
        black_box(&event);
        events += 1;
    }
    events
}

fn duration(format: Format, page: &[u8], options: &DecodeOptions) -> Duration {
    let start = Instant::now();
    black_box(read(format, page, options));
    start.elapsed()
}

/// Every format and mode, and what it is called.
fn readings() -> impl Iterator<Item = (Format, DecodeOptions, String)> {
    FORMATS.into_iter().flat_map(|format| {
        all_options().into_iter().map(move |(mode, options)| (format, options, format!("{format:?}, {mode}")))
    })
}

/// The format and the mode in which a page takes longest, and how long: the least of three readings each.
fn print_slowest(name: &str, page: &[u8]) {
    let slowest = readings().map(|(format, options, how)| {
        let least = (0..3).map(|_| duration(format, page, &options)).min().unwrap_or_default();
        (least, how)
    });
    if let Some((took, how)) = slowest.max() {
        println!("{:>8.1} ms  {name} ({how})", took.as_secs_f64() * 1e3);
    }
}

const SMALLER_BYTES: usize = 64 << 10;
const MAX_GROWTH: f64 = 2.5;

/// Reads each page once in each way: what is counted.
fn read_each(bytes: usize) {
    for (name, page) in pages::pages(bytes) {
        for (format, options, how) in readings() {
            black_box(read(format, &page, &options));
            println!("{name} ({how})");
        }
    }
}

/// The readings of pages of so many bytes, and the instructions of each.
fn instructions(bytes: usize) -> io::Result<Vec<(String, f64)>> {
    let folder = std::env::temp_dir().join(format!("hostile-{}-{bytes}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-after=hostile::read"])
        .arg(format!("--callgrind-out-file={}", folder.join("part").display()))
        .arg(std::env::current_exe()?)
        .args(["each", &bytes.to_string()])
        .output()?;
    let names = String::from_utf8_lossy(&output.stdout);
    let counted = names.lines().enumerate().map(|(i, name)| {
        let part = std::fs::read_to_string(folder.join(format!("part.{}", i + 1)))?;
        let total = part.lines().find_map(|line| line.strip_prefix("totals: ")?.parse().ok());
        Ok((name.to_owned(), total.ok_or(io::ErrorKind::InvalidData)?))
    });
    let counted = counted.collect();
    std::fs::remove_dir_all(&folder)?;
    counted
}

/// Prints the readings whose work grows fastest; whether none grows too fast.
fn growth() -> io::Result<bool> {
    let smaller = instructions(SMALLER_BYTES)?;
    let larger = instructions(2 * SMALLER_BYTES)?;
    // The first has made the pages, too.
    let pairs = smaller.iter().zip(&larger).skip(1);
    let mut ratios: Vec<(f64, &str)> = pairs.map(|(small, large)| (large.1 / small.1, small.0.as_str())).collect();
    ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
    ratios.iter().take(10).for_each(|(ratio, name)| println!("{ratio:>8.3} x  {name}"));
    println!("{} readings", ratios.len());
    Ok(ratios.first().is_some_and(|(worst, _)| *worst <= MAX_GROWTH))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let bytes = words.last().and_then(|bytes| bytes.parse().ok()).unwrap_or(1 << 20);
    match words.first().map(String::as_str) {
        Some("each") => read_each(bytes),
        Some("growth") => match growth() {
            Ok(true) => {}
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => {
                eprintln!("valgrind: {error}");
                return ExitCode::FAILURE;
            }
        },
        _ => pages::pages(bytes).iter().for_each(|(name, page)| print_slowest(name, page)),
    }
    ExitCode::SUCCESS
}
