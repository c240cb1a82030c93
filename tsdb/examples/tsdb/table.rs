//! Columns of text.

use std::io::{self, Write};

const GAP: usize = 2;
const LEAST_WIDTH: usize = 13;

/// Writes rows in columns, each as wide as its widest cell and a gap, 13 at least; the last is not padded.
pub(crate) fn write<const N: usize>(rows: &[[String; N]], out: &mut impl Write) -> io::Result<()> {
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(|column| (widest(column) + GAP).max(LEAST_WIDTH)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let line: String =
            cells.map(|(i, (cell, width))| if i + 1 == N { cell.clone() } else { format!("{cell:<width$}") }).collect();
        writeln!(out, "{line}")?;
    }
    Ok(())
}
