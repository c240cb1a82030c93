//! The comparison, as the tables of `benches/README.md`.

use std::time::Duration;

use super::queries::{Row, Times};
use super::server::{Figures, Kind};

/// One server's outcome.
pub(crate) struct Column {
    pub(crate) kind: Kind,
    pub(crate) rows: Vec<Row>,
    /// Of each set of data: once it was there, and once all was asked.
    pub(crate) starts: Vec<(Figures, Figures)>,
}

impl Column {
    fn start(&self) -> String {
        let starts = self.starts.iter().map(|(ready, asked)| {
            format!(
                "ready after {:.2} s and {:.2} CPU s, {} MiB at its peak; after the queries {} MiB, {} MiB at its peak",
                ready.ready_after.as_secs_f64(),
                ready.cpu_seconds,
                ready.peak_bytes >> 20,
                asked.resident_bytes >> 20,
                asked.peak_bytes >> 20,
            )
        });
        format!("{}: {}", self.kind.name(), starts.collect::<Vec<_>>().join("; "))
    }

    fn times(&self, row: usize) -> Option<Times> {
        self.rows.get(row).and_then(|r| r.outcome.as_ref().ok()).copied()
    }
}

/// Prints the first server's times and how many times as long the others take.
pub(crate) fn print(columns: &[Column]) {
    let Some((own, peers)) = columns.split_first() else { return };
    let names: Vec<&str> = columns.iter().map(|c| c.kind.name()).collect();
    println!("Median (least) / CPU, in ms, then how many times the median of {}.\n", names[0]);
    println!("| query | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for (at, row) in own.rows.iter().enumerate() {
        let cells: Vec<String> = columns.iter().map(|c| cell(c, own, at)).collect();
        println!("| {} | {} |", row.name, cells.join(" | "));
    }
    for peer in peers {
        let mut ratios: Vec<f64> = (0..own.rows.len()).filter_map(|at| ratio(peer, own, at)).collect();
        ratios.sort_by(f64::total_cmp);
        let Some((least, median)) = ratios.first().zip(ratios.get(ratios.len() / 2)) else { continue };
        let geometric = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
        println!(
            "\n{} takes {median:.1} times as long at the median, {geometric:.1} in the geometric mean, {least:.2} at the least.",
            peer.kind.name()
        );
    }
    println!();
    columns.iter().for_each(|column| println!("* {}", column.start()));
}

fn cell(column: &Column, own: &Column, at: usize) -> String {
    match column.rows.get(at).map(|r| &r.outcome) {
        Some(Ok(t)) => {
            let times = format!("{:.2} ({:.2}) / {:.1}", ms(t.median), ms(t.least), ms(t.cpu));
            let ratio = ratio(column, own, at).filter(|_| column.kind != own.kind);
            let bytes = own
                .times(at)
                .filter(|o| o.bytes.abs_diff(t.bytes) * 5 > o.bytes)
                .map_or(String::new(), |o| format!(", {} bytes, not {}", t.bytes, o.bytes));
            ratio.map_or(times.clone(), |r| format!("{times}: {r:.1} ×{bytes}"))
        }
        Some(Err(message)) => message.clone(),
        None => "–".to_owned(),
    }
}

fn ratio(peer: &Column, own: &Column, at: usize) -> Option<f64> {
    let (peer, own) = (peer.times(at)?, own.times(at)?);
    Some(peer.median.as_secs_f64() / own.median.as_secs_f64())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
