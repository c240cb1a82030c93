//! The table `testdata/cases.txt`: pages, what is read from them, and what promtool says of them.
//!
//! A case is a title line `== title`, the page as one line with the escapes `\n \t \r \0 \xHH \\`, and the events,
//! one a line. The last of them is the error when the page is refused.

mod promtool;
mod readings;

const CASES: &str = include_str!("../../testdata/cases.txt");

/// A page and what is read from it.
struct Case<'a> {
    title: &'a str,
    page: Vec<u8>,
    /// One line an event; the last may be the error.
    expected: &'a str,
}

fn cases() -> impl Iterator<Item = Case<'static>> {
    CASES.split("== ").skip(1).map(|case| {
        let (title, rest) = case.split_once('\n').expect("a title line");
        let (page, expected) = rest.split_once('\n').expect("a page line");
        Case { title, page: unescape(page), expected: expected.trim_end() }
    })
}

fn unescape(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().expect("an escape") {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'0' => 0,
            b'x' => {
                let digits = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
                u8::from_str_radix(std::str::from_utf8(&digits).expect("ASCII"), 16).expect("hexadecimal")
            }
            other => other,
        });
    }
    out
}
