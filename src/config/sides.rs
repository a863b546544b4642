//! The two sides that others connect to, and whom to believe.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Invalid, OidcConfig, ProxyConfig, RolesConfig, SessionsConfig, Span};
use crate::domain::decision::{Role, Roles};

/// What the gateway connects to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExtAuthzConfig {
    /// Where gateways connect: gRPC over plain HTTP/2.
    pub listen: SocketAddr,
    /// The largest request body that is read, in bytes; a larger one is refused.
    pub max_body: usize,
    /// How long a call waits for a store that does not answer while it is being parked.
    pub patience: Span<10>,
    /// Request headers that are kept with a held call and shown to reviewers, in lower case. Never name one that
    /// carries a secret.
    pub keep_headers: Vec<String>,
}

impl Default for ExtAuthzConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9001),
            max_body: 4 << 20,
            patience: Span::default(),
            keep_headers: ["user-agent", "mcp-protocol-version", "x-request-id"].map(str::to_owned).into(),
        }
    }
}

/// What reviewers connect to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Where reviewers connect: plain HTTP.
    pub listen: SocketAddr,
    /// The address that reviewers use. Agents are told it as a link to the approval. With `https://` the session
    /// cookie is `Secure`, and has a name that no other host can use. `oidc` needs it.
    pub url: Option<String>,
    /// Who may review by a token.
    pub reviewers: Vec<ReviewerConfig>,
    /// Reasons to reject that the page offers. The agent reads them.
    pub reject_presets: Vec<String>,
    /// Where a trace is found, for a link on each card: `https://traces.example/{trace_id}`.
    pub trace_url: Option<String>,
    /// Where people sign in.
    pub oidc: Option<OidcConfig>,
    /// A proxy that says who somebody is.
    pub proxy: Option<ProxyConfig>,
    /// Which groups may do what.
    pub roles: RolesConfig,
    /// How long a browser stays signed in.
    pub sessions: SessionsConfig,
}

impl Default for AdminConfig {
    fn default() -> Self {
        let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);
        let reject_presets = [
            "Not now: changes are frozen. Ask the user when to try again.",
            "Not with these arguments. Ask the user what they want instead.",
            "Not by an agent. Tell the user to have this done by a person.",
        ];
        let reject_presets = reject_presets.map(str::to_owned).into();
        Self {
            listen,
            url: None,
            reviewers: Vec::new(),
            oidc: None,
            proxy: None,
            roles: RolesConfig::default(),
            sessions: SessionsConfig::default(),
            reject_presets,
            trace_url: None,
        }
    }
}

impl AdminConfig {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if let Some(url) = &self.trace_url
            && !(url.starts_with("http") && url.contains("://") && url.contains("{trace_id}"))
        {
            let reason = "admin.trace_url has to be an address with {trace_id} in it".to_owned();
            return Err(Invalid { line: 0, reason });
        }
        for (n, reviewer) in self.reviewers.iter().enumerate() {
            let wrong = |reason: String| Err(Invalid { line: reviewer.name.referenced.line(), reason });
            if reviewer.name.value.trim().is_empty() {
                return wrong("a reviewer needs a name".to_owned());
            }
            if self.reviewers[..n].iter().any(|other| other.name.value == reviewer.name.value) {
                return wrong(format!("the reviewer {:?} is there twice", reviewer.name.value));
            }
            if reviewer.digest().is_none() {
                return wrong(format!(
                    "token_sha256 of {:?} has to be 64 hexadecimal digits (printf %s TOKEN | sha256sum)",
                    reviewer.name.value
                ));
            }
            if let Some(unknown) = reviewer.roles.iter().find(|role| Role::of_word(role).is_none()) {
                return wrong(format!("a role is reviewer, operator or auditor: {unknown:?}"));
            }
        }
        self.oidc.as_ref().map_or(Ok(()), OidcConfig::check)?;
        self.proxy.as_ref().map_or(Ok(()), ProxyConfig::check)
    }
}

/// One reviewer and the token that proves who they are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewerConfig {
    /// Who; a decision is recorded under this name. A caller of the same name cannot be decided by them.
    #[schemars(with = "String")]
    pub name: serde_saphyr::Spanned<String>,
    /// The SHA-256 of the token in 64 hexadecimal digits, so that the file holds no secret.
    pub token_sha256: String,
    /// The groups that they decide for; every group where none is named.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What they may do: `reviewer`, `operator`, `auditor`.
    #[serde(default = "may_review")]
    pub roles: Vec<String>,
}

fn may_review() -> Vec<String> {
    vec![Role::Reviewer.as_str().to_owned()]
}

impl ReviewerConfig {
    /// What they may do.
    pub fn roles(&self) -> Roles {
        self.roles.iter().filter_map(|word| Role::of_word(word)).collect()
    }

    /// The digest of the token.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let mut digest = [0; 32];
        hex::decode_to_slice(&self.token_sha256, &mut digest).ok().map(|()| digest)
    }
}

/// Who calls, and by which route.
///
/// Only what the gateway vouches for belongs here. A header is believed only because the operator names it, and only
/// right where the gateway sets or removes it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// Where the caller is found.
    pub caller: Vec<Source>,
    /// Where the route is found.
    pub route: Vec<Source>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        let jwt = "envoy.filters.http.jwt_authn".to_owned();
        Self {
            caller: vec![Source::Metadata { namespace: jwt, path: vec!["jwt_payload".to_owned()] }],
            route: vec![Source::ContextExtension("route".to_owned())],
        }
    }
}

/// Where something that the gateway vouches for is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Filter metadata. As a caller, the value is a set of claims with `sub` and maybe `act`; a text is the subject
    /// or the route itself.
    Metadata {
        /// The filter that wrote it.
        namespace: String,
        /// The keys that lead to it.
        #[serde(default)]
        path: Vec<String>,
    },
    /// A context extension that the route's configuration sets.
    ContextExtension(String),
    /// The principal of the client's certificate (mTLS).
    Principal,
    /// A request header.
    Header(String),
}
