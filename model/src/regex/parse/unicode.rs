//! Unicode categories and scripts by the names that Go knows.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// General categories and their groups. `C` and `Cs` are not among them: see [`class`].
const CATEGORIES: &[&str] = &[
    "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd",
    "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// Scripts of Unicode 15, sorted.
const SCRIPTS: &[&str] = &[
    "Adlam",
    "Ahom",
    "Anatolian_Hieroglyphs",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Bassa_Vah",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Canadian_Aboriginal",
    "Carian",
    "Caucasian_Albanian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cypro_Minoan",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Dives_Akuru",
    "Dogra",
    "Duployan",
    "Egyptian_Hieroglyphs",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gunjala_Gondi",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hanifi_Rohingya",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "Imperial_Aramaic",
    "Inherited",
    "Inscriptional_Pahlavi",
    "Inscriptional_Parthian",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "Kawi",
    "Kayah_Li",
    "Kharoshthi",
    "Khitan_Small_Script",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Linear_A",
    "Linear_B",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Masaram_Gondi",
    "Medefaidrin",
    "Meetei_Mayek",
    "Mende_Kikakui",
    "Meroitic_Cursive",
    "Meroitic_Hieroglyphs",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nag_Mundari",
    "Nandinagari",
    "New_Tai_Lue",
    "Newa",
    "Nko",
    "Nushu",
    "Nyiakeng_Puachue_Hmong",
    "Ogham",
    "Ol_Chiki",
    "Old_Hungarian",
    "Old_Italic",
    "Old_North_Arabian",
    "Old_Permic",
    "Old_Persian",
    "Old_Sogdian",
    "Old_South_Arabian",
    "Old_Turkic",
    "Old_Uyghur",
    "Oriya",
    "Osage",
    "Osmanya",
    "Pahawh_Hmong",
    "Palmyrene",
    "Pau_Cin_Hau",
    "Phags_Pa",
    "Phoenician",
    "Psalter_Pahlavi",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "SignWriting",
    "Sinhala",
    "Sogdian",
    "Sora_Sompeng",
    "Soyombo",
    "Sundanese",
    "Syloti_Nagri",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Tai_Le",
    "Tai_Tham",
    "Tai_Viet",
    "Takri",
    "Tamil",
    "Tangsa",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Toto",
    "Ugaritic",
    "Vai",
    "Vithkuqi",
    "Wancho",
    "Warang_Citi",
    "Yezidi",
    "Yi",
    "Zanabazar_Square",
];

/// The class of a category, a script, or `Any`. Names are exact: `greek`, `Letter` and `IsGreek` name nothing.
pub(super) fn class(name: &str) -> Option<ClassUnicode> {
    match name {
        "Any" => look_up(r"\p{Any}"),
        // Unassigned code points are no part of Go's C; surrogates are, but no text contains them.
        "C" => look_up(r"[\p{Cc}\p{Cf}\p{Co}]"),
        "Cs" => Some(ClassUnicode::empty()),
        _ if CATEGORIES.contains(&name) => look_up(&format!(r"\p{{gc={name}}}")),
        _ if SCRIPTS.binary_search(&name).is_ok() => look_up(&format!(r"\p{{sc={name}}}")),
        _ => None,
    }
}

/// The characters that have another case.
pub(super) fn cased() -> ClassUnicode {
    look_up(r"\p{Changes_When_Casemapped}").unwrap_or_else(ClassUnicode::empty)
}

/// Letters and decimal digits: what a group's name in a template may be made of, beside the underscore.
pub(in crate::regex) fn letters_and_digits() -> ClassUnicode {
    look_up(r"[\pL\p{Nd}]").unwrap_or_else(ClassUnicode::empty)
}

fn look_up(pattern: &str) -> Option<ClassUnicode> {
    match regex_syntax::parse(pattern).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        // A category of one character comes as that character.
        HirKind::Literal(literal) => {
            let chars = std::str::from_utf8(&literal.0).ok()?.chars();
            Some(ClassUnicode::new(chars.map(|c| ClassUnicodeRange::new(c, c))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_class() {
        assert!(SCRIPTS.is_sorted());
        for name in CATEGORIES.iter().chain(SCRIPTS).chain(&["Any", "C"]) {
            assert!(class(name).is_some_and(|c| !c.ranges().is_empty()), "{name}");
        }
        assert_eq!(class("Cs"), Some(ClassUnicode::empty()));
        for name in ["", "X", "greek", "GREEK", "Letter", "IsGreek", "Greek ", "L&", "any", "sc=Greek", "Greek}x{"] {
            assert_eq!(class(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_is_not_cased_folds_to_itself() {
        let cased = cased();
        let mut uncased = cased.clone();
        uncased.negate();
        for c in uncased.ranges().iter().flat_map(|r| r.start()..=r.end()) {
            let alone = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            let mut folded = alone.clone();
            folded.case_fold_simple();
            assert_eq!(folded, alone, "{c:?}");
        }
    }
}
