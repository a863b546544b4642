//! A reader as lenient as any server might be: the oracle of the tests. The fuzz target includes this file too.
//!
//! It does not say what bytes mean, only whether somebody could read a gated call in them. It takes every key of an
//! object, every common encoding, comments, trailing commas, quotes of both kinds, bare words, bad escapes, and any
//! number of values one after the other, with garbage between them.

/// Whether some reading of these bytes contains a `tools/call`.
pub fn could_be_gated(bytes: &[u8]) -> bool {
    readings(bytes).iter().any(|text| Lenient { rest: text }.any_gated())
}

/// The text that these bytes are in UTF-8, Latin-1, UTF-16 and UTF-32, each of both byte orders.
fn readings(bytes: &[u8]) -> Vec<Vec<char>> {
    let utf_16 = |of: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| of([pair[0], pair[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{FFFD}')).collect()
    };
    let utf_32 = |of: fn([u8; 4]) -> u32| {
        let units = bytes.chunks_exact(4).map(|four| of([four[0], four[1], four[2], four[3]]));
        units.map(|unit| char::from_u32(unit).unwrap_or('\u{FFFD}')).collect()
    };
    vec![
        String::from_utf8_lossy(bytes).chars().collect(),
        bytes.iter().map(|&byte| char::from(byte)).collect(),
        utf_16(u16::from_le_bytes),
        utf_16(u16::from_be_bytes),
        utf_32(u32::from_le_bytes),
        utf_32(u32::from_be_bytes),
    ]
}

const DEEP_ENOUGH: usize = 300;

enum Value {
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
    Other,
}

impl Value {
    /// Any `method` counts, the first, the last, in any case, or followed by a NUL; so does any message in a batch.
    fn is_gated(&self) -> bool {
        match self {
            Value::Object(members) => members.iter().any(|(key, value)| {
                let called = matches!(value, Value::Text(text) if up_to_nul(text) == "tools/call");
                called && up_to_nul(key).to_lowercase() == "method"
            }),
            Value::Array(items) => items.iter().any(Value::is_gated),
            Value::Text(_) | Value::Other => false,
        }
    }
}

fn up_to_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or(text)
}

struct Lenient<'t> {
    rest: &'t [char],
}

impl Lenient<'_> {
    /// Reads value after value; what begins none is skipped.
    fn any_gated(&mut self) -> bool {
        loop {
            self.skip_filler();
            if self.rest.is_empty() {
                return false;
            }
            if self.value(0).is_gated() {
                return true;
            }
        }
    }

    /// Reads one value and always consumes something.
    fn value(&mut self, depth: usize) -> Value {
        self.skip_filler();
        match self.next() {
            Some('{') if depth < DEEP_ENOUGH => self.object(depth),
            Some('[') if depth < DEEP_ENOUGH => self.array(depth),
            Some(quote @ ('"' | '\'')) => Value::Text(self.text(quote)),
            Some(_) => {
                self.word();
                Value::Other
            }
            None => Value::Other,
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut members = Vec::new();
        loop {
            self.skip_filler();
            let key = match self.next() {
                None | Some('}') => return Value::Object(members),
                Some(',') => continue,
                Some(quote @ ('"' | '\'')) => self.text(quote),
                Some(first) => {
                    let rest = self.word();
                    format!("{first}{rest}")
                }
            };
            self.skip_filler();
            if self.rest.first() == Some(&':') {
                self.next();
                members.push((key, self.value(depth + 1)));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Value {
        let mut items = Vec::new();
        loop {
            self.skip_filler();
            match self.rest.first() {
                None => return Value::Array(items),
                Some(']') => {
                    self.next();
                    return Value::Array(items);
                }
                Some(',') => drop(self.next()),
                Some(_) => items.push(self.value(depth + 1)),
            }
        }
    }

    /// Reads up to the quote, or to the end.
    fn text(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                c if c == quote => break,
                '\\' => text.extend(self.escaped()),
                c => text.push(c),
            }
        }
        text
    }

    fn escaped(&mut self) -> Option<char> {
        let digits = match self.next()? {
            'u' => 4,
            'x' => 2,
            'b' => return Some('\u{8}'),
            'f' => return Some('\u{c}'),
            'n' => return Some('\n'),
            'r' => return Some('\r'),
            't' => return Some('\t'),
            other => return Some(other),
        };
        let hex: String = self.rest.iter().take(digits).collect();
        let code = u32::from_str_radix(&hex, 16).ok()?;
        self.rest = self.rest.get(digits..).unwrap_or_default();
        // Pairs of surrogates spell nothing that matters here.
        Some(char::from_u32(code).unwrap_or('\u{FFFD}'))
    }

    fn word(&mut self) -> String {
        let end = self.rest.iter().position(|c| "{}[]:,\"'/# \t\r\n".contains(*c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.iter().collect()
    }

    /// Skips whitespace, byte order marks, NUL and comments.
    fn skip_filler(&mut self) {
        loop {
            match self.rest {
                ['/', '/', ..] | ['#', ..] => {
                    let end = self.rest.iter().position(|c| *c == '\n').unwrap_or(self.rest.len());
                    self.rest = &self.rest[end..];
                }
                ['/', '*', rest @ ..] => {
                    let end = rest.windows(2).position(|two| two == ['*', '/']);
                    self.rest = end.map_or(&[], |end| &rest[end + 2..]);
                }
                [c, rest @ ..] if c.is_whitespace() || matches!(c, '\u{FEFF}' | '\u{FFFE}' | '\0') => {
                    self.rest = rest;
                }
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }
}
