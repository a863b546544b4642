//! How people prove who they are, where they do not bring a token of ours.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_saphyr::Spanned;

use super::{Invalid, Span};
use crate::domain::decision::{Membership, Role, Roles};
use crate::domain::ids::Group;

/// An OpenID Connect provider where people sign in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// What the button on the page calls it.
    #[serde(default = "single_sign_on")]
    pub name: String,
    /// Its address, exactly as it names itself; `https://`, or `http://` on loopback.
    #[schemars(with = "String")]
    pub issuer: Spanned<String>,
    /// How Holdpoint is registered there.
    pub client_id: String,
    /// A file with the secret that goes with it; none for a public client.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The claim that says who somebody is.
    #[serde(default = "sub")]
    pub subject_claim: String,
    /// The claim that lists their groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// The audiences of bearer tokens (JWT) that are taken; with none, no such token is.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// How `holdpoint login` is registered there. Tokens for it are taken too.
    #[serde(default)]
    pub cli_client_id: Option<String>,
    /// A file of certificates (PEM) to believe instead of the public authorities.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn single_sign_on() -> String {
    "single sign-on".to_owned()
}

fn sub() -> String {
    "sub".to_owned()
}

fn groups() -> String {
    "groups".to_owned()
}

impl OidcConfig {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let issuer = &self.issuer.value;
        let host =
            issuer.split_once("://").map_or("", |(_, rest)| rest.split(['/', ':']).next().unwrap_or(""));
        // Names below localhost are loopback too (RFC 6761), which browsers know.
        let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host) || host.ends_with(".localhost");
        let right = issuer.starts_with("https://") || (issuer.starts_with("http://") && here);
        if right && !issuer.contains(['?', '#']) {
            return Ok(());
        }
        let reason =
            format!("admin.oidc.issuer has to be an https:// address, as the issuer writes it: {issuer:?}");
        Err(Invalid { line: self.issuer.referenced.line(), reason })
    }
}

/// A proxy that authenticates people and says in headers who they are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// From where the proxy connects: addresses, or networks such as `10.20.0.0/24`.
    #[schemars(with = "Vec<String>")]
    pub addresses: Spanned<Vec<Network>>,
    /// The header that says who somebody is.
    #[serde(default = "forwarded_user")]
    pub subject_header: String,
    /// The header that lists their groups, between commas.
    #[serde(default = "forwarded_groups")]
    pub groups_header: String,
}

fn forwarded_user() -> String {
    "x-forwarded-user".to_owned()
}

fn forwarded_groups() -> String {
    "x-forwarded-groups".to_owned()
}

impl ProxyConfig {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let wrong = |reason: String| Err(Invalid { line: self.addresses.referenced.line(), reason });
        if self.addresses.value.is_empty() {
            return wrong("admin.proxy.addresses has to name where the proxy connects from".to_owned());
        }
        if let Some(wide) = self.addresses.value.iter().find(|network| network.is_wide()) {
            return wrong(format!(
                "admin.proxy.addresses would believe whoever connects from {}/{}: name the proxy's own addresses, at most \
                 a /8 of IPv4 or a /32 of IPv6",
                wide.address, wide.bits
            ));
        }
        for header in [&self.subject_header, &self.groups_header] {
            let plain = header.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if header.is_empty() || !plain {
                return wrong(format!("this is not the name of a header: {header:?}"));
            }
        }
        Ok(())
    }

    /// Whether the proxy connects from there.
    pub fn is(&self, peer: IpAddr) -> bool {
        self.addresses.value.iter().any(|network| network.contains(peer))
    }
}

/// Addresses that begin with the same bits: `10.1.0.0/16`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether this address is one of them. One of IPv4 that came over an IPv6 socket is still one of IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        let same = |own: u128, other: u128, length: u8| {
            let beyond = u32::from(length - self.bits);
            own.checked_shr(beyond).unwrap_or(0) == other.checked_shr(beyond).unwrap_or(0)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }

    /// Whether it holds so many that somebody else may be among them.
    fn is_wide(self) -> bool {
        self.bits < if self.address.is_ipv4() { 8 } else { 32 }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address such as 10.1.2.3 or 10.1.0.0/16");
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), str::parse).map_err(|_| wrong())?;
        if bits > longest { Err(wrong()) } else { Ok(Self { address, bits }) }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Which groups have which role. It holds for people; a token has roles of its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolesConfig {
    /// Who may decide, as far as the rules allow; where it is not set, everybody who is signed in.
    pub reviewer: Option<Vec<String>>,
    /// Who may make and revoke API tokens.
    pub operator: Vec<String>,
    /// Who may read the audit.
    pub auditor: Vec<String>,
}

impl RolesConfig {
    /// What a member of these groups may do.
    pub fn of(&self, membership: &Membership) -> Roles {
        let among = |named: &[String]| match membership {
            Membership::All => true,
            Membership::Groups(groups) => groups.iter().any(|Group(group)| named.contains(group)),
        };
        let has = |role: &Role| match role {
            Role::Reviewer => self.reviewer.as_deref().is_none_or(among),
            Role::Operator => among(&self.operator),
            Role::Auditor => among(&self.auditor),
        };
        Role::ALL.into_iter().filter(has).collect()
    }
}

/// How long a browser stays signed in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionsConfig {
    /// After so long without a request a browser is signed out. A page that is open and told of nothing makes none.
    pub idle: Span<3600>,
    /// After so long it is signed out however much it is used.
    pub absolute: Span<{ 12 * 3600 }>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_what_begins_with_its_bits() {
        for (inside, address) in [
            ("10.1.0.0/16", "10.1.255.255"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3", "::ffff:10.1.2.3"),
            ("10.1.2.3/0", "1.1.1.1"),
            ("fd00::/32", "fd00::1"),
        ] {
            assert!(network(inside).contains(address.parse().unwrap()), "{inside} {address}");
        }
        for (outside, address) in [
            ("10.1.0.0/16", "10.2.0.0"),
            ("10.1.2.3", "10.1.2.4"),
            ("::/0", "10.1.2.3"),
            ("fd00::/32", "fd00:1::1"),
            ("0.0.0.0/0", "::1"),
        ] {
            assert!(!network(outside).contains(address.parse().unwrap()), "{outside} {address}");
        }
        for wrong in ["", "10.1", "10.1.2.3/33", "10.1.2.3/-1", "::/129", "proxy", "10.1.2.3/"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn groups_give_roles() {
        let groups = |names: &[&str]| Membership::Groups(names.iter().map(|n| Group((*n).into())).collect());
        let words = |config: &RolesConfig, membership: &Membership| {
            config.of(membership).iter().map(Role::as_str).collect::<Vec<_>>().join(" ")
        };
        let open = RolesConfig { operator: vec!["ops".into()], ..RolesConfig::default() };
        assert_eq!(words(&open, &groups(&[])), "reviewer");
        assert_eq!(words(&open, &groups(&["ops"])), "reviewer operator");
        let narrow = RolesConfig {
            reviewer: Some(vec!["dba".into()]),
            auditor: vec!["audit".into()],
            ..RolesConfig::default()
        };
        assert_eq!(words(&narrow, &groups(&["ops"])), "");
        assert_eq!(words(&narrow, &groups(&["dba", "audit"])), "reviewer auditor");
    }
}
