//! Reads the tokens (JWT) of an issuer. Everything about them has to be right.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::clock::{Clock, SystemClock};

/// Signatures by a private key only: with HMAC, whoever can check a token can make one.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::EdDSA,
];

/// How far two clocks may be apart, in seconds.
const LEEWAY: u64 = 60;

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is no JWT, or signed in no way that is taken.
    #[error("it is no JWT with a signature that is taken here")]
    Malformed,
    /// It is another kind of token.
    #[error("it is not meant for this: its type or a critical header is another")]
    OtherKind,
    /// The issuer has no such key.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// Its key is for another algorithm.
    #[error("its algorithm is not that of its key")]
    OtherAlgorithm,
    /// It was not signed by the issuer, or was changed.
    #[error("its signature is wrong")]
    Signature,
    /// It has ended.
    #[error("it has ended")]
    Ended,
    /// It is not good yet.
    #[error("it is not good yet")]
    NotYet,
    /// A claim is missing or not what it has to be.
    #[error("its claim {0} is missing, or not the right one")]
    Claim(String),
}

/// The keys of an issuer.
#[derive(Default)]
pub(super) struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    algorithm: Option<KeyAlgorithm>,
    key: DecodingKey,
}

impl Keys {
    /// The keys of a JWKS document that can check signatures. Others in it are none of our business.
    pub(super) fn read(document: &Value) -> Option<Self> {
        let keys = document.get("keys")?.as_array()?;
        let keys = keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        let signing = keys.filter(|key| {
            matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature))
                && !matches!(key.algorithm, jsonwebtoken::jwk::AlgorithmParameters::OctetKey(_))
        });
        let key = |jwk: Jwk| {
            let key = DecodingKey::from_jwk(&jwk).ok()?;
            Some(Key { id: jwk.common.key_id, algorithm: jwk.common.key_algorithm, key })
        };
        Some(Self(signing.filter_map(key).collect()))
    }

    /// The key that a token names. One that names none is taken only where there is no choice.
    fn find(&self, id: Option<&str>) -> Option<&Key> {
        match (id, self.0.as_slice()) {
            (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

/// What a token has to say to be believed.
pub(super) struct Expected<'a> {
    /// Who made it.
    pub(super) issuer: &'a str,
    /// For whom: one of these.
    pub(super) audiences: &'a [String],
}

/// Whatever a token says, once all of it is right.
pub(super) fn verify(token: &str, keys: &Keys, expected: &Expected) -> Result<Claims, Invalid> {
    let header = decode_header(token).map_err(|_| Invalid::Malformed)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Invalid::Malformed);
    }
    if !is_for_access(&header) {
        return Err(Invalid::OtherKind);
    }
    let key = keys.find(header.kid.as_deref()).ok_or(Invalid::UnknownKey)?;
    let its_own = key.algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(header.alg));
    if !its_own || key.key.family() != header.alg.family() {
        return Err(Invalid::OtherAlgorithm);
    }
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.set_audience(expected.audiences);
    validation.set_issuer(&[expected.issuer]);
    let claims = decode::<Claims>(token, &key.key, &validation).map_err(|error| why(error.kind()))?.claims;
    // The crate takes a list of issuers too, and knows nothing of the time of issue.
    if claims["iss"] != expected.issuer {
        return Err(Invalid::Claim("iss".to_owned()));
    }
    let issued = claims.get("iat").and_then(Value::as_f64).ok_or_else(|| Invalid::Claim("iat".to_owned()))?;
    let now = SystemClock.now().as_second() as f64;
    if issued > now + LEEWAY as f64 { Err(Invalid::NotYet) } else { Ok(claims) }
}

/// Whether it is an ID token or an access token: an issuer signs other things with the same key, such as logouts.
fn is_for_access(header: &Header) -> bool {
    let kind = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    ["jwt", "at+jwt"].contains(&kind) && header.crit.is_none()
}

fn why(kind: &ErrorKind) -> Invalid {
    match kind {
        ErrorKind::InvalidSignature => Invalid::Signature,
        ErrorKind::ExpiredSignature => Invalid::Ended,
        ErrorKind::ImmatureSignature => Invalid::NotYet,
        ErrorKind::InvalidAudience => Invalid::Claim("aud".to_owned()),
        ErrorKind::InvalidIssuer => Invalid::Claim("iss".to_owned()),
        ErrorKind::InvalidSubject => Invalid::Claim("sub".to_owned()),
        ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
            Invalid::Claim(claim.clone())
        }
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Invalid::OtherAlgorithm,
        _ => Invalid::Malformed,
    }
}
