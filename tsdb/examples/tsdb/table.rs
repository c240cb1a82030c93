//! Columns of text.

/// Prints rows with two spaces between columns, each as wide as its widest cell; the last is not padded.
pub(crate) fn print<const N: usize>(rows: &[[String; N]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let line: String = cells
            .map(|(i, (cell, width))| if i + 1 == N { cell.clone() } else { format!("{cell:<width$}  ") })
            .collect();
        println!("{line}");
    }
}
