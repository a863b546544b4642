//! JSON for a page: literals as they were sent, long text folded and never cut.

use super::visible::Markup;
use crate::domain::json::Json;

/// Text longer than this is folded.
const FOLD_FROM: usize = 2048;
/// So much of a folded text shows.
const SHOWN: usize = 80;
/// Arrays and objects with more members than this are folded.
const MANY: usize = 64;

/// The value as an indented tree.
pub(super) fn tree(json: &Json) -> Markup {
    let mut out = Markup::default();
    value(json, 0, &mut out);
    out
}

fn value(json: &Json, depth: usize, out: &mut Markup) {
    match json {
        Json::Null => out.html("<span class=\"word\">null</span>"),
        Json::Bool(true) => out.html("<span class=\"word\">true</span>"),
        Json::Bool(false) => out.html("<span class=\"word\">false</span>"),
        Json::Number(literal) if literal.len() > FOLD_FROM => fold(literal, "digits", out),
        Json::Number(literal) => {
            out.html("<span class=\"number\">");
            out.text(literal);
            out.html("</span>");
        }
        Json::String(text) if text.len() > FOLD_FROM => fold(text, "characters", out),
        Json::String(text) => string(text, out),
        Json::Array(items) => {
            nested('[', ']', "items", items.len(), depth, out, |i, out| value(&items[i], depth + 1, out));
        }
        Json::Object(members) => nested('{', '}', "members", members.len(), depth, out, |i, out| {
            let (key, member) = &members[i];
            out.html("<span class=\"key\">");
            string(key, out);
            out.html("</span>: ");
            value(member, depth + 1, out);
        }),
    }
}

fn nested(
    open: char,
    close: char,
    what: &str,
    len: usize,
    depth: usize,
    out: &mut Markup,
    mut member: impl FnMut(usize, &mut Markup),
) {
    if len > MANY {
        out.plain(format_args!("<details><summary>{len} {what}</summary>"));
    }
    out.plain(open);
    for i in 0..len {
        new_line(depth + 1, out);
        member(i, out);
        if i + 1 < len {
            out.html(",");
        }
    }
    if len > 0 {
        new_line(depth, out);
    }
    out.plain(close);
    if len > MANY {
        out.html("</details>");
    }
}

fn new_line(depth: usize, out: &mut Markup) {
    out.plain(format_args!("\n{:1$}", "", 2 * depth));
}

fn fold(text: &str, what: &str, out: &mut Markup) {
    out.plain(format_args!("<details><summary>{} {what}: ", text.chars().count()));
    let shown: String = text.chars().take(SHOWN).collect();
    string(&shown, out);
    out.html(" …</summary>");
    string(text, out);
    out.html("</details>");
}

/// A string as JSON would write it, except that its lines begin on lines of their own, in a block of their own: they
/// cannot pass for lines of what is around it.
fn string(text: &str, out: &mut Markup) {
    let block = text.contains('\n');
    out.html(if block { "<span class=\"string block\">&quot;" } else { "<span class=\"string\">&quot;" });
    for c in text.chars() {
        match c {
            '"' => out.html("\\&quot;"),
            '\\' => out.html("\\\\"),
            '\n' => out.html("\\n\n"),
            '\t' => out.html("\\t\t"),
            c => out.character(c),
        }
    }
    out.html("&quot;</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        tree(&Json::read(json.as_bytes()).unwrap()).to_string()
    }

    #[test]
    fn number_literals_are_shown_as_sent() {
        for literal in ["12345678901234567890123456789012345678901", "1.0", "1e2", "-0"] {
            assert_eq!(shown(literal), format!("<span class=\"number\">{literal}</span>"));
        }
    }

    #[test]
    fn long_text_is_folded_and_whole() {
        let text = "x".repeat(5000);
        let shown = shown(&format!("{text:?}"));
        assert!(shown.starts_with("<details><summary>5000 characters: "));
        assert!(shown.contains(&text));
    }

    #[test]
    fn a_string_cannot_pass_for_structure() {
        let shown = shown(r#"{"a":"\",\n\"b\": 1"}"#);
        assert!(shown.contains("&quot;\\&quot;,\\n\n\\&quot;b"), "{shown}");
        assert!(!shown.contains("number"), "{shown}");
    }
}
