//! A real node_exporter page.

use promethium_exposition::Event;
use promethium_exposition::text::Decoder;

const PAGE: &[u8] = include_bytes!("../testdata/node_exporter.txt");

#[test]
fn every_line_makes_its_event() {
    let (mut help, mut types, mut samples, mut labels) = (0, 0, 0, 0);
    let mut decoder = Decoder::new(PAGE);
    while let Some(event) = decoder.next_event().expect("a good page") {
        match event {
            Event::Help(_) => help += 1,
            Event::Type(_) => types += 1,
            Event::Sample(sample) => {
                samples += 1;
                labels += sample.series().labels().len();
                sample.series().to_labels().expect("unique labels");
            }
            other => panic!("{other:?}"),
        }
    }
    let text = String::from_utf8_lossy(PAGE);
    let starting = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
    assert_eq!((help, types), (starting("# HELP"), starting("# TYPE")));
    assert_eq!(samples, text.lines().filter(|line| !line.starts_with('#')).count());
    let pairs: usize = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.matches("=\"").count()).sum();
    assert_eq!(labels, pairs);
}

#[test]
fn the_second_scrape_knows_every_series() {
    let mut seen = std::collections::HashSet::new();
    let mut decoder = Decoder::new(PAGE);
    while let Some(event) = decoder.next_event().expect("a good page") {
        if let Event::Sample(sample) = event {
            seen.insert(sample.series_bytes().to_vec());
        }
    }
    let mut again = Decoder::new(PAGE);
    let mut known = 0;
    while let Some(event) = again.next_event_knowing(|series: &[u8]| seen.contains(series)).expect("a good page") {
        match event {
            Event::Known(sample) => known += usize::from(seen.contains(sample.series_bytes())),
            Event::Sample(sample) => panic!("{sample:?}"),
            _ => {}
        }
    }
    assert_eq!(known, seen.len());
}
