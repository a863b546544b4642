//! What an agent wants to do, and on whose behalf.

use super::ids::{CallerKey, SessionKey, Subject};
use super::json::Json;

/// One request that reached the gateway, as policy rules on it.
#[derive(Debug)]
pub struct Call {
    /// On whose behalf.
    pub caller: Caller,
    /// The HTTP request that carries it.
    pub request: Request,
    /// The route or backend, where the gateway names it.
    pub route: Option<String>,
    /// The MCP session, where there is one.
    pub session: Option<SessionKey>,
}

/// The part of an HTTP request that policy may look at.
#[derive(Debug, Default)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// Path and query as sent: the server that runs the call reads these.
    pub target: String,
    /// Path without query, escapes, dot segments and repeated slashes resolved: what rules match on.
    pub path: String,
    /// The host.
    pub host: String,
    /// Headers, names in lower case. Secrets are among them: they are ruled on and never stored, shown or logged.
    pub headers: Vec<(String, String)>,
}

/// On whose behalf an agent calls, as far as the gateway vouches for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// The caller's name; none where the gateway vouches for nobody.
    pub subject: Option<Subject>,
    /// Those who act for the subject, nearest first (RFC 8693 `act`).
    pub actors: Vec<Subject>,
    /// The claims that the gateway verified; an empty object where there are none.
    pub claims: Json,
    /// A digest of what the client itself presents (its `Authorization`), where the gateway vouches for nobody. It proves
    /// nothing, but two clients that present different things are not one.
    pub credential: Option<String>,
}

impl Caller {
    /// What tells this caller from others: issuer and subject, or what the client itself presents where nobody vouches
    /// for it.
    pub fn key(&self) -> CallerKey {
        match &self.subject {
            Some(subject) => {
                let issuer = self.claims.get("iss").and_then(Json::as_str).unwrap_or_default();
                CallerKey::of(&["subject", issuer, &subject.0])
            }
            None => CallerKey::of(&["credential", self.credential.as_deref().unwrap_or_default()]),
        }
    }

    /// Nobody that the gateway vouches for.
    pub fn anonymous() -> Self {
        Self { subject: None, actors: Vec::new(), claims: Json::empty_object(), credential: None }
    }

    /// Whether this person is the caller or acts in the chain.
    pub fn includes(&self, person: &Subject) -> bool {
        self.subject.as_ref() == Some(person) || self.actors.contains(person)
    }
}
