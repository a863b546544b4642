//! The OpenID Connect provider: where it is, its keys, and whom its tokens name.

mod http;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

pub(super) use self::http::Http;
use super::jwt::{Claims, Expected, Invalid, Keys, verify};
use super::refused::Refused;
use crate::config::OidcConfig;
use crate::domain::credential::Person;
use crate::domain::decision::Membership;
use crate::domain::ids::{Group, Subject};

/// After so long its keys are asked for again: one that it withdrew is not taken any longer.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// For so long they are used if it does not answer.
const STALE: Duration = Duration::from_secs(60 * 60);
/// It is asked once in this time, however many tokens name keys that nobody has.
const PAUSE: Duration = Duration::from_secs(5);

/// How people sign in, as the operator says.
#[derive(Clone)]
pub struct Oidc {
    /// The settings.
    pub config: OidcConfig,
    /// What we are known by to the issuer, if it wants that.
    pub client_secret: Option<String>,
    /// Certificates (PEM) to believe instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// The address of this service for reviewers' browsers.
    pub public_url: String,
}

impl fmt::Debug for Oidc {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Oidc {
    /// Asks the issuer for its addresses and keys, as signing in does. It blocks.
    ///
    /// # Errors
    /// It does not answer, or not as this issuer would.
    pub fn ask(&self) -> Result<(), String> {
        let issuer = &self.config.issuer.value;
        Issuer::answer(&Http::new(issuer, self.ca.as_deref()), issuer).map(drop)
    }
}

/// The issuer does not answer, or not as one does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the issuer {issuer} cannot be asked: {why}")]
pub(in crate::admin) struct Unreachable {
    pub(super) issuer: String,
    pub(super) why: String,
}

/// What an issuer tells of itself (OpenID Connect Discovery).
#[derive(Debug, Deserialize)]
pub(in crate::admin) struct Endpoints {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(in crate::admin) token_endpoint: String,
    jwks_uri: String,
    pub(in crate::admin) device_authorization_endpoint: Option<String>,
}

/// An issuer as it answered.
pub(in crate::admin) struct Provider {
    pub(in crate::admin) endpoints: Endpoints,
    keys: Keys,
    at: Instant,
}

/// The issuer, asked when there is need.
pub(in crate::admin) struct Issuer {
    pub(in crate::admin) oidc: Oidc,
    pub(super) http: Http,
    known: Mutex<Option<Arc<Provider>>>,
    /// When it was asked last, and what came of it. Held while it is asked, so that one asks for all.
    asked: tokio::sync::Mutex<Option<(Instant, String)>>,
}

impl Issuer {
    pub(super) fn new(oidc: Oidc) -> Self {
        let http = Http::new(&oidc.config.issuer.value, oidc.ca.as_deref());
        Self { oidc, http, known: Mutex::default(), asked: tokio::sync::Mutex::default() }
    }

    /// What the page calls it.
    pub(in crate::admin) fn name(&self) -> &str {
        &self.oidc.config.name
    }

    /// The person whom a token names that came in a header.
    pub(super) async fn bearer(&self, token: &str) -> Result<Person, super::NotKnown> {
        let config = &self.oidc.config;
        let audiences: Vec<String> = config.audiences.iter().chain(&config.cli_client_id).cloned().collect();
        let claims = self.verified(token, &audiences).await?;
        Ok(self.person(&claims).map_err(Refused::from)?)
    }

    /// What a token says that is right in all, and for one of these audiences.
    pub(super) async fn verified(
        &self,
        token: &str,
        audiences: &[String],
    ) -> Result<Claims, super::NotKnown> {
        let expected = Expected { issuer: &self.oidc.config.issuer.value, audiences };
        let provider = self.provider().await?;
        let claims = match verify(token, &provider.keys, &expected) {
            // The issuer may have a new key since.
            Err(Invalid::UnknownKey) => {
                let newer = self.later_than(&provider).await?;
                verify(token, &newer.keys, &expected)
            }
            result => result,
        };
        Ok(claims.map_err(Refused::from)?)
    }

    /// The person whom these claims name.
    pub(super) fn person(&self, claims: &Claims) -> Result<Person, Invalid> {
        let config = &self.oidc.config;
        let missing = || Invalid::Claim(config.subject_claim.clone());
        let subject = claim(claims, &config.subject_claim).and_then(Value::as_str).ok_or_else(missing)?;
        // Without this, whoever registers at the issuer could write somebody else's address.
        let verified =
            config.subject_claim != "email" || claims.get("email_verified") == Some(&Value::Bool(true));
        if subject.trim().is_empty() || !verified {
            return Err(missing());
        }
        let group = |value: &Value| value.as_str().map(|name| Group(name.to_owned()));
        let groups = match claim(claims, &config.groups_claim) {
            Some(Value::Array(names)) => names.iter().filter_map(group).collect(),
            Some(name) => group(name).into_iter().collect(),
            None => Vec::new(),
        };
        Ok(Person {
            subject: Subject(subject.to_owned()),
            groups: Membership::Groups(groups),
            proof: format!("oidc {}", config.issuer.value),
        })
    }

    /// The issuer as it answered not long ago.
    pub(in crate::admin) async fn provider(&self) -> Result<Arc<Provider>, Unreachable> {
        match self.known() {
            Some(known) if known.at.elapsed() < FRESH => Ok(known),
            // Somebody else asks now: nobody has to wait for that while there is something to go by.
            Some(known) if known.at.elapsed() < STALE && self.asked.try_lock().is_err() => Ok(known),
            _ => self.ask(|known| known.at.elapsed() < FRESH).await,
        }
    }

    /// The issuer as it answered after that, unless it was asked just now.
    async fn later_than(&self, old: &Arc<Provider>) -> Result<Arc<Provider>, Unreachable> {
        self.ask(|known| known.at > old.at).await
    }

    fn known(&self) -> Option<Arc<Provider>> {
        self.known.lock().expect("held for one assignment").clone()
    }

    /// Asks the issuer, unless what is known will do once it is our turn.
    async fn ask(&self, will_do: impl Fn(&Provider) -> bool) -> Result<Arc<Provider>, Unreachable> {
        let mut asked = self.asked.lock().await;
        if let Some(known) = self.known().filter(|known| will_do(known)) {
            return Ok(known);
        }
        let why = match asked.take() {
            Some((at, why)) if at.elapsed() < PAUSE => {
                *asked = Some((at, why.clone()));
                why
            }
            _ => match self.http.clone().blocking(Self::answer, &self.oidc.config.issuer.value).await {
                Ok(provider) => {
                    let provider = Arc::new(provider);
                    *self.known.lock().expect("held for one assignment") = Some(Arc::clone(&provider));
                    *asked = Some((Instant::now(), "it was asked just now".to_owned()));
                    return Ok(provider);
                }
                Err(why) => {
                    tracing::warn!(
                        issuer = self.oidc.config.issuer.value,
                        why,
                        "the issuer cannot be asked, so nobody can sign in there: it is tried again; check admin.oidc"
                    );
                    *asked = Some((Instant::now(), why.clone()));
                    why
                }
            },
        };
        let issuer = self.oidc.config.issuer.value.clone();
        self.known().filter(|known| known.at.elapsed() < STALE).ok_or(Unreachable { issuer, why })
    }

    fn answer(http: &Http, issuer: &str) -> Result<Provider, String> {
        let at = Instant::now();
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let endpoints: Endpoints =
            serde_json::from_value(http.get(&place)?).map_err(|error| error.to_string())?;
        if endpoints.issuer != issuer {
            return Err(format!("it calls itself {:?}: write admin.oidc.issuer like that", endpoints.issuer));
        }
        let named = [&endpoints.authorization_endpoint, &endpoints.token_endpoint, &endpoints.jwks_uri];
        let plain =
            named.into_iter().find(|url| issuer.starts_with("https://") && !url.starts_with("https://"));
        if let Some(url) = plain {
            return Err(format!("it names an address without https: {url:?}"));
        }
        let keys = Keys::read(&http.get(&endpoints.jwks_uri)?).ok_or("its keys cannot be read")?;
        Ok(Provider { endpoints, keys, at })
    }
}

/// The claim with this name; one that begins with `/` is a path into claims (a JSON pointer).
fn claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    match name.strip_prefix('/').map(|path| path.split_once('/').unwrap_or((path, ""))) {
        None => claims.get(name),
        Some((first, "")) => claims.get(first),
        Some((first, rest)) => claims.get(first)?.pointer(&format!("/{rest}")),
    }
}
