//! Writes compact JSON.

use std::fmt::Write;

use super::Json;

pub(super) fn text(json: &Json) -> String {
    let mut out = String::new();
    write(json, &mut out, Order::AsSent);
    out
}

pub(super) fn canonical(json: &Json) -> String {
    let mut out = String::new();
    write(json, &mut out, Order::Sorted);
    out
}

#[derive(Clone, Copy)]
enum Order {
    AsSent,
    Sorted,
}

fn write(json: &Json, out: &mut String, order: Order) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(literal) => out.push_str(literal),
        Json::String(text) => quote(text, out),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                comma(i, out);
                write(item, out, order);
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if let Order::Sorted = order {
                members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            }
            out.push('{');
            for (i, (key, value)) in members.into_iter().enumerate() {
                comma(i, out);
                quote(key, out);
                out.push(':');
                write(value, out, order);
            }
            out.push('}');
        }
    }
}

fn comma(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            control => drop(write!(out, "\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
