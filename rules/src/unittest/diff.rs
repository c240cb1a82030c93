//! What differs between two texts, line by line.

/// Lines of `expected` that are missing with `-`, lines of `got` that are new with `+`, common ones with a blank.
pub(super) fn lines(expected: &str, got: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), got.lines().collect());
    let common = common_lengths(&a, &b);
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            out.push(format!("  {}", a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j >= b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            out.push(format!("- {}", a[i]));
            i += 1;
        } else {
            out.push(format!("+ {}", b[j]));
            j += 1;
        }
    }
    out.join("\n")
}

/// The length of the longest common subsequence of the rests `a[i..]` and `b[j..]`. Beyond a thousand lines a side there
/// is no table: everything differs then.
fn common_lengths(a: &[&str], b: &[&str]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    if a.len().max(b.len()) > 1_000 {
        return table;
    }
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i][j] = if a[i] == b[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn common_lines_stay_and_the_others_are_marked() {
        assert_eq!(lines("a\nb\nc", "a\nx\nc"), "  a\n- b\n+ x\n  c");
        assert_eq!(lines("a", ""), "- a");
        assert_eq!(lines("", "a"), "+ a");
    }
}
