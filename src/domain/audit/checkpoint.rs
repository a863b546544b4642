//! Signatures under places in a chain.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::chain::Sha256Hex;

/// Says that a chain had this entry at its end at that time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The form of this line.
    pub version: u8,
    /// Whose chain.
    pub chain: String,
    /// The number of the entry.
    pub number: u64,
    /// Its hash.
    pub hash: Sha256Hex,
    /// When.
    pub at: Timestamp,
    /// Who signs.
    pub key: PublicKey,
}

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key in PEM.
    #[error("not an Ed25519 private key in PEM (PKCS#8); `holdpoint audit keygen` makes one")]
    Private,
    /// Not a public key in hexadecimal digits.
    #[error("an Ed25519 public key has 64 hexadecimal digits: {0:?}")]
    Public(String),
}

/// Signs checkpoints.
#[derive(Clone)]
pub struct Notary(SigningKey);

impl Notary {
    /// A notary with a new key.
    pub fn generate() -> Self {
        let mut seed = Sha256::new();
        // 122 bits each from the operating system's random source.
        (0..4).for_each(|_| seed.update(Uuid::new_v4()));
        Self(SigningKey::from_bytes(&seed.finalize().into()))
    }

    /// The notary of this key, as [`Notary::pem`] wrote it.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| KeyError::Private)
    }

    /// Its private key (PKCS#8, PEM).
    pub fn pem(&self) -> String {
        self.0.to_pkcs8_pem(LineEnding::LF).expect("32 bytes have a PEM form").to_string()
    }

    pub(super) fn sign(&self, text: &str) -> String {
        hex::encode(self.0.sign(text.as_bytes()).to_bytes())
    }

    /// What others check its signatures with.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

impl fmt::Debug for Notary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notary({})", self.public_key())
    }
}

/// Whom a checkpoint is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    pub(super) fn has_signed(&self, text: &str, signature: &str) -> bool {
        let mut bytes = [0; 64];
        hex::decode_to_slice(signature, &mut bytes).is_ok()
            && self.0.verify_strict(text.as_bytes(), &Signature::from_bytes(&bytes)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let invalid = || KeyError::Public(text.to_owned());
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| invalid())?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| invalid())
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}
