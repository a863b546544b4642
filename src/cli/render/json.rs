//! JSON for people: indented, order and number literals as sent; and for scripts: nothing hidden in it.

use super::Extent;
use super::text::{fold, folded_note, hidden};
use crate::domain::json::Json;

/// How many lines are shown unless all are asked for.
const FOLD_LINES: usize = 200;

/// The value on indented lines, each with this margin. Long texts and many lines are folded, and counted.
pub fn pretty(json: &Json, margin: &str, extent: Extent) -> String {
    let mut writer = Writer { out: String::new(), indent: 0, extent };
    writer.value(json);
    let lines: Vec<_> = writer.out.lines().collect();
    let shown = if extent == Extent::Full { lines.len() } else { lines.len().min(FOLD_LINES) };
    let mut out = String::new();
    for line in &lines[..shown] {
        out.extend([margin, line, "\n"]);
    }
    if shown < lines.len() {
        let more = lines.len() - shown;
        out.extend([margin, &format!("[… {more} more lines; --full shows them]\n")]);
    }
    out
}

/// The same JSON on one line, with what cannot be seen in it escaped: the same to a program, harmless on a terminal.
pub fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // A line break cannot be in a string, and between values a space does as well.
            '\n' | '\r' | '\t' => out.push(' '),
            c if hidden(c) => {
                out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            c => out.push(c),
        }
    }
    out
}

struct Writer {
    out: String,
    indent: usize,
    extent: Extent,
}

impl Writer {
    fn value(&mut self, json: &Json) {
        match json {
            Json::Null => self.out.push_str("null"),
            Json::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Json::Number(literal) => self.out.push_str(literal),
            Json::String(text) => self.quoted(text),
            Json::Array(items) => self.members('[', items, ']', |writer, item| writer.value(item)),
            Json::Object(members) => self.members('{', members, '}', |writer, (key, value)| {
                writer.quoted(key);
                writer.out.push_str(": ");
                writer.value(value);
            }),
        }
    }

    fn members<T>(&mut self, open: char, members: &[T], close: char, write: impl Fn(&mut Self, &T)) {
        self.out.push(open);
        self.indent += 2;
        for (i, member) in members.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.new_line();
            write(self, member);
        }
        self.indent -= 2;
        if !members.is_empty() {
            self.new_line();
        }
        self.out.push(close);
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.indent));
    }

    /// The text in quotes. A hidden character is written in Rust's way, `\u{202e}`, which is no JSON, so that nobody
    /// takes what is shown for what was sent; a backslash that was sent is doubled.
    fn quoted(&mut self, text: &str) {
        let (shown, more) = fold(text, self.extent);
        self.out.push('"');
        for c in shown.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                c if hidden(c) => self.out.push_str(&super::text::numbered(c)),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
        if more > 0 {
            // Behind the quote, where no text that was sent can stand.
            self.out.extend([" [", &folded_note(more), "]"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Json {
        Json::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn order_and_number_literals_are_as_sent() {
        let json = read(
            r#"{"z":12345678901234567890123456789012345678901,"a":[1.0,1e2],"e":{},"n":null,"t":[true]}"#,
        );
        let expected = r#"  {
    "z": 12345678901234567890123456789012345678901,
    "a": [
      1.0,
      1e2
    ],
    "e": {},
    "n": null,
    "t": [
      true
    ]
  }
"#;
        assert_eq!(pretty(&json, "  ", Extent::Folded), expected);
    }

    #[test]
    fn hidden_characters_and_their_imitation_look_different() {
        let json = read("[\"\u{202e}\\u001b[2J\", \"\\\\u{202e}\", \"a\\nb\"]");
        let shown = pretty(&json, "", Extent::Folded);
        assert_eq!(shown, "[\n  \"\\u{202e}\\u{1b}[2J\",\n  \"\\\\u{202e}\",\n  \"a\\nb\"\n]\n");
    }

    #[test]
    fn what_is_folded_is_counted_outside_of_the_quotes() {
        let long = format!("[\"{}\"]", "x".repeat(2_000_000));
        let shown = pretty(&read(&long), "", Extent::Folded);
        assert!(shown.contains("x\" [… 1998000 more characters; --full shows them]\n"));
        assert!(pretty(&read(&long), "", Extent::Full).len() > 2_000_000);

        let many = format!("[{}1]", "1,".repeat(999));
        let shown = pretty(&read(&many), "", Extent::Folded);
        assert!(shown.ends_with("[… 802 more lines; --full shows them]\n"), "{shown}");
        assert_eq!(pretty(&read(&many), "", Extent::Full).lines().count(), 1002);
    }

    #[test]
    fn json_for_scripts_says_the_same_with_nothing_hidden() {
        let json = "{\"a\":\n\"\u{202e}\u{9b}\u{e0041}ä\", \"n\": 1.0}";
        let safe = escaped(json);
        assert_eq!(safe, "{\"a\": \"\\u202e\\u009b\\udb40\\udc41ä\", \"n\": 1.0}");
        assert_eq!(read(&safe), read(json));
    }
}
