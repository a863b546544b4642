//! Text of others, made harmless for a page: markup is escaped, and no character hides or moves its neighbours.

use std::fmt::{self, Write};

use askama::filters::HtmlSafe;

/// So many unseen characters are marked in colour. More are spelled out only: a million marks stop a browser.
const MARKED: usize = 2000;

/// HTML that was made here, out of escaped parts only.
#[derive(Debug, Default, Clone)]
pub(super) struct Markup {
    html: String,
    unseen: usize,
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.html)
    }
}

impl HtmlSafe for Markup {}

/// The text, with what cannot be seen spelled out.
pub(super) fn visible(text: &str) -> Markup {
    let mut markup = Markup::default();
    text.chars().for_each(|c| markup.character(c));
    markup
}

impl Markup {
    /// Adds HTML of our own.
    pub(super) fn html(&mut self, html: &'static str) {
        self.html.push_str(html);
    }

    /// Adds what was made harmless before.
    pub(super) fn append(&mut self, other: Markup) {
        self.html.push_str(&other.html);
        self.unseen += other.unseen;
    }

    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    /// Adds text that needs no escaping: digits, spaces, words of ours.
    pub(super) fn plain(&mut self, text: impl fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.html, "{text}");
    }

    /// Adds text of others.
    pub(super) fn text(&mut self, text: &str) {
        text.chars().for_each(|c| self.character(c));
    }

    /// Adds one character of others.
    pub(super) fn character(&mut self, c: char) {
        match c {
            '&' => self.html("&amp;"),
            '<' => self.html("&lt;"),
            '>' => self.html("&gt;"),
            '"' => self.html("&quot;"),
            '\'' => self.html("&#39;"),
            c if unseen(c) => self.unseen(u32::from(c)),
            c => self.html.push(c),
        }
    }

    fn unseen(&mut self, code: u32) {
        self.unseen += 1;
        if self.unseen > MARKED {
            return self.plain(format_args!("⟨U+{code:04X}⟩"));
        }
        self.plain(format_args!("<span class=\"unseen\">⟨U+{code:04X}⟩</span>"));
    }
}

/// Whether a character shows nothing, looks like a plain space, or changes how others are shown.
fn unseen(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x202A..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
            | 0xFFF0..=0xFFFB | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
            // Private use: what it looks like is up to the reader's fonts.
            | 0xE000..=0xF8FF | 0xF0000..=0x10FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            visible("<img src=x onerror='a(\"b\")'> &amp;").to_string(),
            "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt; &amp;amp;"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        for c in "\0\x07\x1b\x7f\u{85}\u{a0}\u{ad}\u{61c}\u{200b}\u{200f}\u{202e}\u{2066}\u{2069}\u{feff}\u{e0041}\u{3000}\r\n\t"
            .chars()
        {
            let markup = visible(&c.to_string()).to_string();
            assert_eq!(markup, format!("<span class=\"unseen\">⟨U+{:04X}⟩</span>", u32::from(c)));
        }
        let many = visible(&"\u{200b}".repeat(MARKED + 2)).to_string();
        assert_eq!((many.matches("<span").count(), many.matches("U+200B").count()), (MARKED, MARKED + 2));
        assert_eq!(visible("Grüße, 日本語 – שלום 🚀").to_string(), "Grüße, 日本語 – שלום 🚀");
    }
}
