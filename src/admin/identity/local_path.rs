//! Where somebody goes on after signing in.

use std::fmt;

/// A page of ours. Any other address would make the sign-in a way to lead people elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct LocalPath(String);

impl LocalPath {
    /// The queue.
    pub(in crate::admin) fn root() -> Self {
        Self("/".to_owned())
    }

    /// This path, with its query, if it is one of ours; else the queue.
    pub(in crate::admin) fn or_root(path: &str) -> Self {
        // Browsers take `//host` and `/\host` for another host, and skip tabs and line ends on the way.
        let plain =
            path.len() <= 512 && path.bytes().all(|b| b.is_ascii_graphic() && !b"\\;,\"".contains(&b));
        let local = path.starts_with('/') && !path.starts_with("//");
        if plain && local { Self(path.to_owned()) } else { Self::root() }
    }

    pub(in crate::admin) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_ours_is_gone_to() {
        for path in ["/", "/a/default-0193a1b2c3d47e8f9a0b1c2d3e4f5061", "/history?state=rejected&q=a%20b"] {
            assert_eq!(LocalPath::or_root(path).as_str(), path);
        }
        for path in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x",
            "/a; Max-Age=9",
            &format!("/{}", "a".repeat(512)),
        ] {
            assert_eq!(LocalPath::or_root(path), LocalPath::root(), "{path:?}");
        }
    }
}
