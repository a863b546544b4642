//! Who somebody is to the service, and tokens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Client, ClientError, PATIENCE};

/// Who is asking.
#[derive(Debug, Serialize, Deserialize)]
pub struct Known {
    /// Their name.
    pub subject: String,
    /// Their groups; none means all.
    pub groups: Option<Vec<String>>,
    /// What they may do.
    pub roles: Vec<String>,
    /// How they proved it.
    pub proof: String,
}

/// Where somebody signs in.
#[derive(Debug, Deserialize)]
pub struct SignInPlace {
    /// How this program is registered there.
    pub client_id: String,
    /// Where a code is given.
    pub device_authorization_endpoint: String,
    /// Where the code becomes a token.
    pub token_endpoint: String,
    /// Where tokens are taken back.
    pub revocation_endpoint: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
}

/// A token to be made.
#[derive(Debug, Serialize)]
pub struct NewToken<'a> {
    /// In whose name it acts.
    pub subject: &'a str,
    /// For which groups; none means all.
    pub groups: Option<&'a Vec<String>>,
    /// What it may do.
    pub roles: &'a [String],
    /// After how many days it ends.
    pub days: u32,
}

/// A token that was made.
#[derive(Serialize, Deserialize)]
pub struct Issued {
    /// How it is revoked.
    pub id: String,
    /// In whose name it acts.
    pub subject: String,
    /// For which groups; none means all.
    pub groups: Option<Vec<String>>,
    /// What it may do.
    pub roles: Vec<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// From when on it is nothing.
    pub expires_at: Timestamp,
    /// The token itself, where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Client {
    /// Who is asking.
    pub fn whoami(&self) -> Result<Known, ClientError> {
        self.get("/v1/whoami", &[])
    }

    /// Where somebody signs in.
    pub fn sign_in_place(&self) -> Result<SignInPlace, ClientError> {
        self.get("/v1/login", &[])
    }

    /// All tokens.
    pub fn tokens(&self) -> Result<Vec<Issued>, ClientError> {
        #[derive(Deserialize)]
        struct All {
            tokens: Vec<Issued>,
        }

        self.get("/v1/tokens", &[]).map(|all: All| all.tokens)
    }

    /// Makes a token.
    pub fn new_token(&self, wanted: &NewToken) -> Result<Issued, ClientError> {
        let request = self.agent.post(format!("{}/v1/tokens", self.base));
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        self.read(self.accept(self.authorize(request).send_json(wanted))?)
    }

    /// Revokes a token.
    pub fn revoke_token(&self, id: &str) -> Result<(), ClientError> {
        let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
        let request = self.agent.delete(format!("{}/v1/tokens/{id}", self.base));
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        self.accept(self.authorize(request).call()).map(|_| ())
    }
}
