//! The path that rules match on.

use percent_encoding::percent_decode_str;

/// A path that servers read differently: one that a rule may take for another route than the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "servers read this path differently: send one without dot segments, repeated slashes, backslashes, control \
     characters and encoded '/', '.', '%', '\\'"
)]
pub struct AmbiguousPath;

/// The path of a request target: without query, decoded once.
///
/// Starlette decodes `%2f`, Express does not, proxies resolve `..` or pass it on: nothing that needs such a decision is
/// let through, instead of guessing how the server behind the gateway decides.
pub fn path(target: &str) -> Result<String, AmbiguousPath> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let escapes = path.match_indices('%').filter_map(|(at, _)| path.get(at + 1..at + 3));
    for escape in escapes {
        if matches!(escape.to_ascii_lowercase().as_str(), "2f" | "5c" | "2e" | "25") {
            return Err(AmbiguousPath);
        }
    }
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| AmbiguousPath)?;
    let odd = |c: char| c == '\\' || c.is_control();
    if decoded.contains("//")
        || decoded.contains(odd)
        || decoded.split('/').any(|segment| matches!(segment, "." | ".."))
    {
        return Err(AmbiguousPath);
    }
    Ok(decoded.into_owned())
}

/// Whether the target is where clients of the HTTP+SSE transport (MCP 2024-11-05) post: its session is in the query. What
/// is answered there reaches nobody, neither a denial nor the advice to call again.
pub fn is_legacy_sse(target: &str) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| matches!(pair.split('=').next(), Some("session_id" | "sessionId")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_lose_their_query_and_their_escapes() {
        assert_eq!(path("/privileged/mcp?session=1").as_deref(), Ok("/privileged/mcp"));
        assert_eq!(path("/a%20b/%C3%BC/.well-known").as_deref(), Ok("/a b/ü/.well-known"));
        assert_eq!(path("*").as_deref(), Ok("*"));
    }

    #[test]
    fn posts_of_the_old_transport_are_known_by_the_session_in_their_query() {
        for (target, legacy) in [
            ("/messages/?session_id=abc", true),
            ("/message?a=1&sessionId=abc", true),
            ("/mcp", false),
            ("/mcp?session=1", false),
            ("/session_id=1", false),
        ] {
            assert_eq!(is_legacy_sse(target), legacy, "{target}");
        }
    }

    #[test]
    fn paths_that_servers_read_differently_are_refused() {
        for target in [
            "/public/../privileged/mcp",
            "/public/./mcp",
            "/public/%2e%2e/privileged",
            "/public%2fmcp",
            "/public%252fmcp",
            "/public%5cmcp",
            "/public\\mcp",
            "//public/mcp",
            "/public//mcp",
            "/public/%00",
            "/public/%ff",
            "/public/..",
        ] {
            assert_eq!(path(target), Err(AmbiguousPath), "{target}");
        }
    }
}
