//! JSON as it was sent: order, number literals and nothing that two readers could read differently.
//!
//! `serde_json::Value` keeps the last of two equal keys and rewrites numbers. Both would let a person approve something
//! else than what the MCP server then runs, so untrusted JSON is read here and nowhere else.

mod diff;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;

pub use self::diff::{Change, changes};

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 128;

/// How many values there may be in all: `[0,0,…]` takes forty times its size in memory.
pub const MAX_VALUES: usize = 100_000;

/// A JSON value as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number: its literal as written, never converted.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object: its members in the order sent, no key twice.
    Object(Vec<(String, Json)>),
}

/// Why bytes are not JSON that every reader reads the same way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// A byte order mark, which some readers skip and others stumble over.
    #[error("it starts with a byte order mark; leave that out")]
    ByteOrderMark,
    /// Some bytes are not UTF-8.
    #[error("byte {at} is not UTF-8")]
    NotUtf8 {
        /// Offset of the first such byte.
        at: usize,
    },
    /// The grammar of RFC 8259 is broken, or a string holds half a surrogate pair.
    #[error("{what} at byte {at}")]
    Syntax {
        /// What is wrong.
        what: String,
        /// Offset in the input.
        at: usize,
    },
    /// A key is there twice in one object.
    #[error("the key {key:?} is there twice in the object that ends at byte {at}")]
    DuplicateKey {
        /// The beginning of the key, unescaped.
        key: String,
        /// Offset of the end of the object.
        at: usize,
    },
    /// A number that many readers take for infinity.
    #[error("the number that ends at byte {at} is too large for a 64-bit float")]
    NumberTooLarge {
        /// Offset of the end of the number.
        at: usize,
    },
    /// More than [`MAX_DEPTH`] arrays and objects within each other.
    #[error("arrays and objects nest deeper than {MAX_DEPTH} at byte {at}")]
    TooDeep {
        /// Offset in the input.
        at: usize,
    },
    /// More than [`MAX_VALUES`] values.
    #[error("there are more than {MAX_VALUES} values in it by byte {at}")]
    TooMany {
        /// Offset in the input.
        at: usize,
    },
}

impl Json {
    /// Reads exactly one value, with nothing but whitespace around it.
    pub fn read(bytes: &[u8]) -> Result<Json, JsonError> {
        read::read(bytes)
    }

    /// An object without members.
    pub fn empty_object() -> Json {
        Json::Object(Vec::new())
    }

    /// The value under this key, where this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(k, _)| k == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, where this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// Compact JSON; order and number literals are kept.
    pub fn text(&self) -> String {
        write::text(self)
    }

    /// Compact JSON with keys sorted by their bytes and number literals kept: equal for what was sent in another order.
    pub fn canonical(&self) -> String {
        write::canonical(self)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
