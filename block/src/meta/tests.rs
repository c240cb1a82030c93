use super::*;

const FULL: &str = r#"{
	"ulid": "01M82KPJ7Z9K7764X04DQQ0MYM",
	"minTime": 1717200000000,
	"maxTime": 1717207200000,
	"stats": {
		"numSamples": 5979,
		"numSeries": 41,
		"numChunks": 71
	},
	"compaction": {
		"level": 2,
		"sources": [
			"01M82KPJ7Z9K7764X04DQQ0MYM"
		],
		"deletable": true,
		"parents": [
			{
				"ulid": "00000000000000000000000000",
				"minTime": 0,
				"maxTime": 0
			}
		],
		"failed": true,
		"hints": [
			"from-out-of-order"
		]
	},
	"version": 1
}"#;

#[test]
fn what_was_read_is_written_to_the_byte() {
    let meta = BlockMeta::from_json(FULL.as_bytes()).unwrap();
    assert_eq!(meta.stats.num_chunks, 71);
    assert!(meta.compaction.deletable && meta.has_hint(hint::OUT_OF_ORDER));
    assert_eq!(String::from_utf8(meta.to_json()).unwrap(), FULL);
}

#[test]
fn empty_lists_and_counts_are_left_out() {
    let meta =
        BlockMeta { compaction: Compaction { level: 1, ..Compaction::default() }, version: 1, ..Default::default() };
    let text = String::from_utf8(meta.to_json()).unwrap();
    assert!(
        text.contains("\"stats\": {},\n") && text.contains("\"compaction\": {\n\t\t\"level\": 1\n\t},\n"),
        "{text}"
    );
    assert_eq!(BlockMeta::from_json(text.as_bytes()).unwrap(), meta);
}

#[test]
fn what_others_wrote_is_kept_and_what_is_not_a_description_is_refused() {
    let thanos = r#"{"ulid":"01M82KPJ7Z9K7764X04DQQ0MYM","minTime":1,"maxTime":2,"compaction":{"level":1,"sources":null},
        "version":1,"thanos":{"labels":{"cluster":"a"},"downsample":{"resolution":0}}}"#;
    let meta = BlockMeta::from_json(thanos.as_bytes()).unwrap();
    assert_eq!(meta.compaction.sources, []);
    assert!(String::from_utf8(meta.to_json()).unwrap().contains("\"cluster\": \"a\""));
    assert_eq!(BlockMeta::from_json(FULL.replace("\"version\": 1", "\"version\": 2").as_bytes()).unwrap().version, 2);
    let wrong = FULL.replace("\"version\": 1", "\"version\": 3");
    assert_eq!(BlockMeta::from_json(wrong.as_bytes()).unwrap_err(), "unexpected meta file version 3");
    for cut in 0..FULL.len() {
        assert!(BlockMeta::from_json(&FULL.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
}
