//! Pages that make slow or deep readers slow or deep.

fn repeated(piece: &[u8], bytes: usize, end: &[u8]) -> Vec<u8> {
    let mut page = piece.repeat(bytes / piece.len());
    page.extend_from_slice(end);
    page
}

/// All of them, of about `bytes` bytes each, with what they are.
pub(crate) fn pages(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = texts(bytes);
    all.extend(families(bytes));
    all.extend(messages(bytes));
    all
}

fn texts(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let again = |piece: &[u8], end: &[u8]| repeated(piece, bytes, end);
    vec![
        ("no line break", again(b"a", b"")),
        ("open braces", again(b"{", b"")),
        ("open quotes", again(b"a{b=\"\n", b"")),
        ("one open quote", [b"a{b=\"".as_slice(), &again(b"\n", b"")].concat()),
        ("backslashes", again(b"a{b=\"\\", b"")),
        ("escaped quotes", [b"a{b=\"".as_slice(), &again(b"\\\"", b"")].concat()),
        ("long series", again(format!("a{{b=\"{}\"}} 1\n", "c".repeat(600)).as_bytes(), b"# EOF\n")),
        ("labels", [b"a{".as_slice(), &again(b"b=\"\",", b"} 1\n# EOF\n")].concat()),
        ("quoted labels", [b"a{".as_slice(), &again(b"\"b\"=\"\\n\",", b"} 1\n# EOF\n")].concat()),
        ("digits", [b"a ".as_slice(), &again(b"9", b"\n# EOF\n")].concat()),
        ("zeros", [b"a 0.".as_slice(), &again(b"0", b"1\n# EOF\n")].concat()),
        ("broken exemplars", again(b"a 1 # {} x\n", b"# EOF\n")),
        ("names that are too long", again(&[&[b'a'; 1100][..], b" 1\n"].concat(), b"# EOF\n")),
        ("broken lines", again(b"a b\n", b"# EOF\n")),
        ("blank lines", again(b"\n", b"")),
        ("blanks", again(b" ", b"")),
        ("hashes", again(b"# ", b"")),
        ("comments", again(b"#\n", b"")),
        ("metadata", again(b"# TYPE a gauge\n", b"# EOF\n")),
        ("exemplars", again(b"a 1 # {b=\"c\"} 1 # {", b"\n# EOF\n")),
        ("damage", again(b"a{b=\"\xff\"} 1\n", b"# EOF\n")),
        ("damage in names", again(b"{\"\xff\"} 1\n", b"# EOF\n")),
        ("NULs", again(&[0], b"")),
    ]
}

/// What the rules that reach over lines have to remember.
fn families(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let again = |head: &[u8], piece: &[u8]| [head, &repeated(piece, bytes, b"# EOF\n")].concat();
    let counted = |head: &str, line: fn(usize) -> String| {
        let mut page = head.to_owned();
        let mut n = 0;
        while page.len() < bytes {
            page.push_str(&line(n));
            n += 1;
        }
        page.push_str("# EOF\n");
        page.into_bytes()
    };
    vec![
        ("types without samples", again(b"", b"# TYPE a counter\n")),
        ("the same counter", again(b"# TYPE a counter\n", b"a_total 1\n")),
        ("families", counted("", |n| format!("# TYPE a{n} counter\na{n}_total 1\n"))),
        ("metrics", counted("# TYPE a gauge\n", |n| format!("a{{b=\"{n}\"}} 1\n"))),
        ("points", counted("# TYPE a gauge\n", |n| format!("a 1 {n}\n"))),
        ("states", counted("# TYPE a stateset\n", |n| format!("a{{a=\"{n}\"}} 1\n"))),
        ("quantiles", counted("# TYPE a summary\n", |n| format!("a{{quantile=\"0.{n:09}\"}} 1\n"))),
        ("rising buckets", counted("# TYPE a histogram\n", |n| format!("a_bucket{{le=\"{n}\"}} {n}\n"))),
        // An insertion sort would be quadratic.
        (
            "falling buckets",
            counted("# TYPE a histogram\n", |n| format!("a_bucket{{le=\"{0}\"}} {0}\n", 1_000_000 - n)),
        ),
        (
            "created of another",
            counted("# TYPE a counter\n", |n| format!("a_total{{b=\"{n}\"}} 1\na_created{{b=\"{}\"}} 1\n", n + 1)),
        ),
        ("created at the end", {
            let counters = repeated(b"a_total 1\n", bytes, b"a_created 1\n# EOF\n");
            [b"# TYPE a counter\n".as_slice(), &counters].concat()
        }),
    ]
}

fn messages(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("groups", repeated(&[0x7f, 0x0b], bytes, &[])),
        ("empty messages", repeated(&[0], bytes, &[])),
        ("broken messages", repeated(&[1, 0], bytes, &[])),
        ("small families", repeated(&[0x09, 0x0a, 1, b'a', 0x18, 1, 0x22, 2, 0x12, 0], bytes, &[])),
        ("unfinished varints", metric(&field(0x6a, &repeated(&[0x80], bytes, &[])))),
        ("deltas", metric(&field(0x6a, &repeated(&[1], bytes, &[])))),
        // Spans that claim four thousand million buckets each.
        ("spans", metric(&repeated(&[0x62, 0x06, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f], bytes, &[]))),
        ("empty spans", metric(&repeated(&[0x62, 0x00], bytes, &[]))),
        ("buckets", metric(&repeated(&[0x1a, 0x02, 0x08, 0x01], bytes, &[]))),
        ("exemplars of a histogram", metric(&repeated(&[0x82, 0x01, 0x02, 0x1a, 0x00], bytes, &[]))),
    ]
}

/// A field of bytes, behind its tag and its length.
fn field(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let mut len = body.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(body);
    out
}

/// A page of one histogram with these fields.
fn metric(histogram: &[u8]) -> Vec<u8> {
    let family = [&[0x0a, 1, b'a', 0x18, 4], field(0x22, &field(0x3a, histogram)).as_slice()].concat();
    field(0, &family)[1..].to_vec()
}
