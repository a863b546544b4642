//! Asks the issuer for tokens, and gives them back.

use std::fmt::Display;
use std::io::Write;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use oauth2::{
    AuthType, ClientId, DeviceAuthorizationUrl, EndpointNotSet, EndpointSet, ErrorResponse, HttpRequest,
    RefreshToken, RequestTokenError, Scope, StandardDeviceAuthorizationResponse, TokenResponse, TokenUrl,
};
use serde::Deserialize;
use ureq::Agent;

use super::kept::{Renewal, SignedIn};
use crate::admin::{OidcClient, TokenAnswer, send};
use crate::cli::client::{SignInPlace, cautious};
use crate::cli::render::text::visible;

/// How long the issuer may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the issuer gave no token, or took none back.
#[derive(Debug, thiserror::Error)]
pub enum NotGiven {
    /// It says no: asked again, it will say the same.
    #[error("the issuer says {0}")]
    Refused(String),
    /// It may give one later.
    #[error("the issuer cannot be asked: {0}")]
    Unanswered(String),
}

impl NotGiven {
    fn unanswered(why: impl ToString) -> Self {
        Self::Unanswered(why.to_string())
    }
}

/// Signs somebody in by a device code: the browser may be on another machine, and no port has to be open on this one.
pub fn sign_in(place: &SignInPlace) -> Result<SignedIn, NotGiven> {
    let code_place = DeviceAuthorizationUrl::new(place.device_authorization_endpoint.clone());
    let client = client(&place.client_id, &place.token_endpoint)?
        .set_device_authorization_url(code_place.map_err(NotGiven::unanswered)?);
    let agent = agent();
    let http = |request: HttpRequest| send(&agent, request);
    let scopes = place.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
    let code: StandardDeviceAuthorizationResponse = client
        .exchange_device_code()
        .add_scope(Scope::new("openid".to_owned()))
        .add_scopes(scopes)
        .request(&http)
        .map_err(not_given)?;
    let page = code
        .verification_uri_complete()
        .map_or_else(|| code.verification_uri().to_string(), |complete| complete.secret().clone());
    let code_to_see = visible(code.user_code().secret());
    anstream::eprintln!("Open {}\nand confirm there that the code is {code_to_see}", visible(&page));
    std::io::stderr().flush().map_err(NotGiven::unanswered)?;
    let answer =
        client.exchange_device_access_token(&code).request(&http, thread::sleep, None).map_err(not_given)?;
    let renewal = answer.refresh_token().map(|token| Renewal {
        refresh_token: token.secret().clone(),
        client_id: place.client_id.clone(),
        token_endpoint: place.token_endpoint.clone(),
        revocation_endpoint: place.revocation_endpoint.clone(),
    });
    signed_in(&answer, renewal)
}

impl Renewal {
    /// The same sign-in with a new token. The issuer may change the refresh token too, and the old one is then nothing.
    pub fn renewed(&self) -> Result<SignedIn, NotGiven> {
        let agent = agent();
        let answer = client(&self.client_id, &self.token_endpoint)?
            .exchange_refresh_token(&RefreshToken::new(self.refresh_token.clone()))
            .request(&|request: HttpRequest| send(&agent, request))
            .map_err(not_given)?;
        let token = answer.refresh_token().map_or(&self.refresh_token, |token| token.secret());
        signed_in(&answer, Some(Self { refresh_token: token.clone(), ..self.clone() }))
    }

    /// Has the issuer forget the sign-in, if it takes tokens back (RFC 7009).
    pub fn revoke(&self) -> Result<(), NotGiven> {
        let Some(place) = &self.revocation_endpoint else { return Ok(()) };
        // By hand, because the OAuth crate refuses an issuer on loopback.
        let form = [
            ("token", self.refresh_token.as_str()),
            ("token_type_hint", "refresh_token"),
            ("client_id", &self.client_id),
        ];
        let answer = agent().post(place).send_form(form).map_err(NotGiven::unanswered)?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(NotGiven::Refused(status.to_string())) }
    }
}

fn agent() -> Agent {
    cautious().timeout_global(Some(PATIENCE)).build().into()
}

fn client(id: &str, token_endpoint: &str) -> Result<OidcClient<EndpointNotSet, EndpointSet>, NotGiven> {
    let place = TokenUrl::new(token_endpoint.to_owned()).map_err(NotGiven::unanswered)?;
    let client = OidcClient::new(ClientId::new(id.to_owned())).set_auth_type(AuthType::RequestBody);
    Ok(client.set_token_uri(place))
}

fn not_given<T: ErrorResponse + Display>(error: RequestTokenError<ureq::Error, T>) -> NotGiven {
    match error {
        RequestTokenError::ServerResponse(answer) => NotGiven::Refused(answer.to_string()),
        RequestTokenError::Request(error) => NotGiven::unanswered(error),
        // Its text may hold the answer, and with it a token.
        _ => NotGiven::unanswered("its answer cannot be read"),
    }
}

/// A sign-in by what the issuer gave. When the token ends it says itself; whether it is good is for the service to see.
fn signed_in(answer: &TokenAnswer, renewal: Option<Renewal>) -> Result<SignedIn, NotGiven> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }

    let token = answer.extra_fields().id_token.clone();
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Option<Claims> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
    let ends = claims.and_then(|claims| Timestamp::from_second(claims.exp as i64).ok());
    let expires_at = ends.ok_or_else(|| NotGiven::unanswered("its token does not say when it ends"))?;
    Ok(SignedIn { token, expires_at, renewal })
}
