//! The OAuth crate's client, for issuers whose tokens come with an ID token. The command line signs in with it too.

use std::fmt;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    Client, EndpointNotSet, ExtraTokenFields, HttpRequest, HttpResponse, StandardRevocableToken,
    StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use ureq::Agent;

/// The largest answer that is read.
const LARGEST: u64 = 1 << 20;

/// The token response's part that is OpenID Connect's.
#[derive(Serialize, Deserialize)]
pub struct IdToken {
    /// The token that says who somebody is.
    pub id_token: String,
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(…)")
    }
}

impl ExtraTokenFields for IdToken {}

/// What an issuer gives for a code or for a refresh token.
pub type TokenAnswer = StandardTokenResponse<IdToken, BasicTokenType>;

/// The crate's client, with that answer.
pub type OidcClient<AuthEndpoint = EndpointNotSet, TokenEndpoint = EndpointNotSet> = Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    AuthEndpoint,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    TokenEndpoint,
>;

/// Sends what the crate wants to be sent.
pub fn send(agent: &Agent, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let (head, body) = agent.run(request)?.into_parts();
    let body = body.into_with_config().limit(LARGEST).read_to_vec()?;
    Ok(HttpResponse::from_parts(head, body))
}
