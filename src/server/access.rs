//! Who may use the admin side, decided before anything is served.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::admin::{AllowedHosts, Authentication, Oidc, Proofs, TokenDigest, TokenReviewer};
use crate::config::{AdminConfig, OidcConfig};
use crate::domain::decision::{Membership, Role};
use crate::domain::ids::{Group, Subject};

/// How often it is said that anybody can decide.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// How reviewers prove who they are to this process.
pub struct Access {
    authentication: Authentication,
    /// One that nobody configured, so that somebody can come in: printed at the start.
    generated: Option<String>,
}

/// Why nobody may be let in on these settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAccess {
    /// Others can connect, and nothing says who may decide.
    #[error(
        "{0} is not a loopback address, so reviewers have to prove who they are: name them under `admin.reviewers`, \
         let them sign in with `admin.oidc`, trust a proxy with `admin.proxy`, set HOLDPOINT_TOKEN, or let everybody who \
         can connect decide with --insecure-no-auth"
    )]
    Open(SocketAddr),
    /// Two things that contradict each other.
    #[error(
        "--insecure-no-auth lets everybody in, so reviewers, tokens, `admin.oidc` and `admin.proxy` cannot be configured with it"
    )]
    Both,
    /// A token that can be guessed.
    #[error(
        "HOLDPOINT_TOKEN is too short: take at least 16 characters, such as `openssl rand -hex 16` gives"
    )]
    ShortToken,
    /// People cannot come back from the issuer.
    #[error(
        "admin.oidc needs admin.url, the https:// address that reviewers use (http:// on loopback only): the issuer sends them \
         back there"
    )]
    NoUrl,
    /// A file that a setting names.
    #[error("{setting} {}: {why}", path.display())]
    File {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it is of no use.
        why: String,
    },
}

impl Access {
    /// Decides who may use the admin side.
    ///
    /// Reviewers named in the file come with their groups. A `token` alone belongs to one reviewer of all groups. With
    /// neither, a token is made up, but only where nobody else can connect.
    pub fn decide(config: &AdminConfig, token: Option<String>, no_auth: bool) -> Result<Self, NoAccess> {
        if no_auth {
            let configured = token.is_some()
                || !config.reviewers.is_empty()
                || config.oidc.is_some()
                || config.proxy.is_some();
            return if configured { Err(NoAccess::Both) } else { Ok(Self::new(Authentication::Off, None)) };
        }
        if token.as_ref().is_some_and(|token| token.len() < 16) {
            return Err(NoAccess::ShortToken);
        }
        let named = config.reviewers.iter().filter_map(|reviewer| {
            let groups = match reviewer.groups.as_slice() {
                [] => Membership::All,
                groups => Membership::Groups(groups.iter().cloned().map(Group).collect()),
            };
            let (subject, token) = (Subject(reviewer.name.value.clone()), TokenDigest(reviewer.digest()?));
            Some(TokenReviewer { subject, groups, roles: reviewer.roles(), token })
        });
        let mut proofs = Proofs {
            tokens: named.chain(token.iter().map(|token| holder_of(token))).collect(),
            oidc: config.oidc.as_ref().map(|oidc| sign_in(oidc, config.url.as_deref())).transpose()?,
            proxy: config.proxy.clone(),
            roles: config.roles.clone(),
            sessions: config.sessions.clone(),
        };
        if !proofs.tokens.is_empty() || proofs.oidc.is_some() || proofs.proxy.is_some() {
            return Ok(Self::new(Authentication::Required(Box::new(proofs)), None));
        }
        if !config.listen.ip().is_loopback() {
            return Err(NoAccess::Open(config.listen));
        }
        let made_up = uuid::Uuid::new_v4().simple().to_string();
        proofs.tokens.push(holder_of(&made_up));
        Ok(Self::new(Authentication::Required(Box::new(proofs)), Some(made_up)))
    }

    fn new(authentication: Authentication, generated: Option<String>) -> Self {
        Self { authentication, generated }
    }

    pub(super) fn authentication(&self) -> Authentication {
        self.authentication.clone()
    }

    /// Under which names the admin side may be asked for.
    pub(super) fn hosts(&self, address: SocketAddr, url: Option<&str>) -> AllowedHosts {
        let public: Option<axum::http::Uri> = url.and_then(|url| url.parse().ok());
        AllowedHosts::when_serving_on(address.ip(), public.and_then(|url| url.host().map(str::to_owned)))
    }

    /// Tells whoever started the process where to decide. A token that was configured is not repeated.
    pub(super) fn announce(&self, url: &str) {
        match &self.generated {
            Some(token) => println!("Decide at {url}/?token={token}"),
            None => println!("Decide at {url}/"),
        }
    }

    /// Says again and again that anybody can decide, where that is so.
    pub(super) fn remind(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        let open = matches!(self.authentication, Authentication::Off);
        async move {
            if !open {
                return;
            }
            loop {
                tracing::warn!("--insecure-no-auth: everybody who can connect can approve calls");
                if tokio::time::timeout(REMIND_EVERY, stop.cancelled()).await.is_ok() {
                    return;
                }
            }
        }
    }
}

/// How people sign in.
pub(crate) fn sign_in(config: &OidcConfig, url: Option<&str>) -> Result<Oidc, NoAccess> {
    let public: axum::http::Uri = url.and_then(|url| url.parse().ok()).ok_or(NoAccess::NoUrl)?;
    let here = public.host().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    if public.scheme_str() != Some("https") && !here {
        return Err(NoAccess::NoUrl);
    }
    let read = |setting, path: &Option<PathBuf>| {
        let Some(path) = path.clone() else { return Ok(None) };
        let read = std::fs::read(&path);
        read.map(Some).map_err(|error| NoAccess::File { setting, path, why: error.to_string() })
    };
    let secret = read("admin.oidc.client_secret_file", &config.client_secret_file)?;
    Ok(Oidc {
        client_secret: secret.map(|secret| String::from_utf8_lossy(&secret).trim().to_owned()),
        ca: read("admin.oidc.ca_file", &config.ca_file)?,
        public_url: url.unwrap_or_default().to_owned(),
        config: config.clone(),
    })
}

fn holder_of(token: &str) -> TokenReviewer {
    TokenReviewer {
        subject: Subject("reviewer".to_owned()),
        groups: Membership::All,
        roles: Role::ALL.into_iter().collect(),
        token: TokenDigest::of(token),
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("authentication", &self.authentication).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn config(listen: &str) -> AdminConfig {
        AdminConfig { listen: listen.parse().unwrap(), ..AdminConfig::default() }
    }

    fn refused(listen: &str, token: Option<&str>, no_auth: bool) -> Option<NoAccess> {
        Access::decide(&config(listen), token.map(str::to_owned), no_auth).err()
    }

    #[test]
    fn others_are_not_served_unless_reviewers_prove_who_they_are_or_the_operator_says_so() {
        let open = "0.0.0.0:8081";
        assert_eq!(refused(open, None, false), Some(NoAccess::Open(open.parse().unwrap())));
        assert_eq!(
            refused("10.0.0.1:8081", None, false),
            Some(NoAccess::Open("10.0.0.1:8081".parse().unwrap()))
        );
        assert_eq!(refused(open, Some(TOKEN), false), None);
        assert_eq!(refused(open, None, true), None);
        assert_eq!(refused(open, Some("short"), false), Some(NoAccess::ShortToken));
        assert_eq!(refused(open, Some(TOKEN), true), Some(NoAccess::Both));
    }

    #[test]
    fn people_who_sign_in_or_come_through_a_proxy_prove_who_they_are_too() {
        let open: SocketAddr = "0.0.0.0:8081".parse().unwrap();
        let proxy = serde_saphyr::from_str("addresses: [10.0.0.1]").unwrap();
        let behind = AdminConfig { listen: open, proxy: Some(proxy), ..AdminConfig::default() };
        assert_eq!(Access::decide(&behind, None, false).err(), None);
        assert_eq!(Access::decide(&behind, None, true).err(), Some(NoAccess::Both));

        let with_url = |url: Option<&str>| {
            let oidc =
                serde_saphyr::from_str("{ issuer: 'https://login.example.com', client_id: x }").unwrap();
            AdminConfig {
                listen: open,
                url: url.map(str::to_owned),
                oidc: Some(oidc),
                ..AdminConfig::default()
            }
        };
        for url in [None, Some("http://holdpoint.example.com"), Some("holdpoint")] {
            assert_eq!(Access::decide(&with_url(url), None, false).err(), Some(NoAccess::NoUrl), "{url:?}");
        }
        let mut signing_in = with_url(Some("https://holdpoint.example.com"));
        assert_eq!(Access::decide(&signing_in, None, false).err(), None);
        signing_in.oidc.as_mut().unwrap().client_secret_file = Some("/nowhere".into());
        let refused = Access::decide(&signing_in, None, false).err().unwrap().to_string();
        assert!(refused.starts_with("admin.oidc.client_secret_file /nowhere: No such file"), "{refused}");
    }

    #[test]
    fn on_loopback_a_token_is_made_up_and_a_configured_one_is_never_repeated() {
        let made_up = Access::decide(&config("127.0.0.1:8081"), None, false).unwrap();
        assert_eq!(made_up.generated.as_ref().map(String::len), Some(32));
        let configured = Access::decide(&config("[::1]:8081"), Some(TOKEN.to_owned()), false).unwrap();
        assert_eq!(configured.generated, None);
    }
}
