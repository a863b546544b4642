//! What proves who a reviewer is, as it is kept: never the secret itself.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::decision::{Membership, Roles};
use super::ids::{InvalidId, Subject};

/// The SHA-256 of a secret that somebody shows: a token, or what a session's cookie holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of this secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for TokenDigest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| InvalidId::Digest(text.to_owned()))?;
        Ok(Self(digest))
    }
}

/// Somebody whom others vouch for: an issuer or a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub subject: Subject,
    /// Their groups, as they are named there.
    pub groups: Membership,
    /// Who vouches for them, and how.
    pub proof: String,
}

/// A browser in which somebody has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub whose: Whose,
    /// When it ends, however much it is used.
    pub ends_at: Timestamp,
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Of whoever has this token. The token is looked up each time, so the session ends with it.
    Token(TokenDigest),
    /// Of this person, as they were named when they signed in.
    Person(Person),
}

/// A token that an operator has made for a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its digest: the token itself was shown once.
    pub digest: TokenDigest,
    /// In whose name it acts.
    pub subject: Subject,
    /// For which groups it may decide.
    pub groups: Membership,
    /// What it may do.
    pub roles: Roles,
    /// Who made it.
    pub created_by: Subject,
    /// When.
    pub created_at: Timestamp,
    /// From when on it is nothing.
    pub expires_at: Timestamp,
}

impl ApiToken {
    /// What all of them begin with, so that whoever scans for secrets finds one.
    pub const PREFIX: &'static str = "hpt_";

    /// How it is named where it is listed and revoked.
    pub fn id(&self) -> String {
        hex::encode(&self.digest.0[..8])
    }
}
