//! Text that cannot act on a terminal, nor look like another text by what cannot be seen.

use std::borrow::Cow;

use super::Extent;

/// How many characters of a text are shown unless all of it is asked for.
const FOLD: usize = 2000;

/// The text on one line, with everything that cannot be seen written as its number: `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if hidden(c) { numbered(c) } else { c.to_string() }).collect())
}

/// As [`visible`]; what is folded is counted in brackets behind it.
pub fn folded(text: &str, extent: Extent) -> String {
    let (shown, more) = fold(text, extent);
    if more == 0 {
        visible(shown).into_owned()
    } else {
        format!("{} [{}]", visible(shown), folded_note(more))
    }
}

/// The beginning of a text, for a table; an ellipsis says that there is more.
pub fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => visible(text).into_owned(),
        Some((end, _)) => format!("{}…", visible(&text[..end])),
    }
}

/// The part that is shown, and how many characters are not.
pub fn fold(text: &str, extent: Extent) -> (&str, usize) {
    match (extent, text.char_indices().nth(FOLD)) {
        (Extent::Folded, Some((end, _))) => (&text[..end], text[end..].chars().count()),
        _ => (text, 0),
    }
}

/// What stands for what is folded.
pub fn folded_note(more: usize) -> String {
    format!("… {more} more characters; --full shows them")
}

/// Whether a character has no look of its own, or changes that of others.
pub fn hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // Variation selectors and joiners are invisible and can carry a whole message.
        '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => true,
        // Letters, to Unicode, that are blank.
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => true,
        // The rest is what Rust escapes: controls, formats (bidi, zero width), odd spaces, the unassigned. Behind a
        // letter it lets combining marks stand, which many languages need.
        _ => String::from_iter(['a', c]).escape_debug().nth(1) == Some('\\'),
    }
}

/// The number of a character.
pub fn numbered(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        _ => c.escape_unicode().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_could_act_on_it() {
        assert_eq!(visible("a\x1b[2Jb\x07\u{9b}1m\x7f\r\n\0"), r"a\u{1b}[2Jb\u{7}\u{9b}1m\u{7f}\r\n\u{0}");
    }

    #[test]
    fn what_cannot_be_seen_is_written_as_its_number() {
        for c in
            "\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{ad}\u{a0}\u{2028}\u{e0041}\u{fe0f}\u{e0100}\u{34f}\
                  \u{3164}\u{2800}\u{61c}\u{e000}\u{2064}\u{fff9}"
                .chars()
        {
            assert_eq!(visible(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in ["plain", "it's \"C:\\dir\"", "Grüße", "नमस्ते", "日本語", "e\u{301}", "مرحبا", "🚀"]
        {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn a_long_text_says_how_much_of_it_is_folded() {
        let text = "ä".repeat(2345);
        let shown = folded(&text, Extent::Folded);
        assert!(shown.ends_with(" [… 345 more characters; --full shows them]"), "{shown}");
        assert_eq!(folded(&text, Extent::Full), text);
        assert_eq!(folded("short", Extent::Folded), "short");
        assert_eq!(beginning("abcdef", 3), "abc…");
        assert_eq!(beginning("abc", 3), "abc");
    }
}
