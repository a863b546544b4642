//! `holdpoint login`
//!
//! By a device code: the browser may be on another machine, and no port has to be open on this one.

use std::fmt;
use std::io::Write;
use std::thread;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, Client, ClientId, DeviceAuthorizationUrl, ExtraTokenFields, HttpRequest, HttpResponse, Scope,
    StandardDeviceAuthorizationResponse, StandardRevocableToken, StandardTokenResponse, TokenResponse,
    TokenUrl,
};
use serde::{Deserialize, Serialize};
use ureq::Agent;

use super::{Failure, kept};
use crate::cli::client::SignInPlace;
use crate::cli::render::text::visible;
use crate::cli::reviewing::Remote;

/// How long the issuer may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a token is taken to be good whose end the issuer does not tell.
const ASSUMED: Duration = Duration::from_secs(3600);
/// The largest answer that is read.
const LARGEST: u64 = 1 << 20;

/// Sign in through the service's issuer.
#[derive(Debug, Args)]
pub struct Login {
    #[command(flatten)]
    remote: Remote,
}

/// The token response's part that is OpenID Connect's.
#[derive(Serialize, Deserialize)]
struct IdToken {
    id_token: String,
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(…)")
    }
}

impl ExtraTokenFields for IdToken {}

type Answer = StandardTokenResponse<IdToken, BasicTokenType>;

type DeviceClient = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

impl Login {
    /// Runs the command.
    pub(super) fn run(self) -> Result<(), Failure> {
        let place = self.remote.client()?.sign_in_place()?;
        let answer = sign_in(&place)?;
        let lasts = answer.expires_in().unwrap_or(ASSUMED);
        let token = answer.extra_fields().id_token.clone();
        let path = kept::keep(self.remote.url(), token, Timestamp::now() + lasts)?;
        anstream::eprintln!("You are signed in for {} minutes ({}).", lasts.as_secs() / 60, path.display());
        Ok(())
    }
}

fn sign_in(place: &SignInPlace) -> Result<Answer, Failure> {
    let failed = |why: String| Failure::NotSignedIn(why);
    let no_address = |error: oauth2::url::ParseError| failed(error.to_string());
    let client = DeviceClient::new(ClientId::new(place.client_id.clone()))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::new(place.token_endpoint.clone()).map_err(no_address)?)
        .set_device_authorization_url(
            DeviceAuthorizationUrl::new(place.device_authorization_endpoint.clone()).map_err(no_address)?,
        );
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let http = |request: HttpRequest| send(&agent, request);
    let scopes = place.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
    let code: StandardDeviceAuthorizationResponse = client
        .exchange_device_code()
        .add_scope(Scope::new("openid".to_owned()))
        .add_scopes(scopes)
        .request(&http)
        .map_err(|error| failed(format!("the issuer gives no code: {error}")))?;
    let page = code
        .verification_uri_complete()
        .map_or_else(|| code.verification_uri().to_string(), |complete| complete.secret().clone());
    let code_to_see = visible(code.user_code().secret());
    anstream::eprintln!("Open {}\nand confirm there that the code is {code_to_see}", visible(&page));
    std::io::stderr().flush()?;
    client
        .exchange_device_access_token(&code)
        .request(&http, thread::sleep, None)
        .map_err(|error| failed(error.to_string()))
}

fn send(agent: &Agent, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let (head, body) = agent.run(request)?.into_parts();
    let body = body.into_with_config().limit(LARGEST).read_to_vec()?;
    Ok(HttpResponse::from_parts(head, body))
}
