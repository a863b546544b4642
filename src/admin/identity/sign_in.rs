//! The way of a browser to the issuer and back: authorization code with PKCE.

use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointSet, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::issuer::{Issuer, Provider, Unreachable};
use super::jwt::{Claims, Invalid};
use super::oauth::{OidcClient, TokenAnswer};
use super::{LocalPath, NotKnown, Refused, Secret};
use crate::domain::credential::{Person, TokenDigest};

/// Somebody on the way.
///
/// All that has to be known on the way back is in the browser's own cookie: a secret, of which the `state`, the `nonce` and
/// the PKCE verifier are digests, and the page to go on to. So any replica can finish what another began, and nothing is
/// kept for those who never come back. It needs no signature: it proves only that the way began in this browser, and who
/// could set another one there would have to be us.
pub(in crate::admin) struct SignIn {
    secret: String,
    back: LocalPath,
}

/// What the issuer sends the browser back with.
#[derive(Deserialize)]
pub(in crate::admin) struct Callback {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

impl SignIn {
    /// Somebody sets out, to come back to this page.
    pub(in crate::admin) fn begin(back: LocalPath) -> Self {
        Self { secret: Secret::random().reveal().to_owned(), back }
    }

    /// What the cookie holds.
    pub(in crate::admin) fn to_cookie(&self) -> String {
        format!("{}.{}", self.secret, self.back)
    }

    /// Whoever comes back with this cookie.
    pub(in crate::admin) fn from_cookie(cookie: &str) -> Option<Self> {
        let (secret, back) = cookie.split_once('.')?;
        Some(Self { secret: secret.to_owned(), back: LocalPath::or_root(back) })
            .filter(|s| s.secret.len() == 64)
    }

    /// The page to go on to.
    pub(in crate::admin) fn back(&self) -> &LocalPath {
        &self.back
    }

    /// Where the browser goes.
    pub(in crate::admin) async fn address(&self, issuer: &Issuer) -> Result<String, Unreachable> {
        let provider = issuer.provider().await?;
        let client = client(issuer, &provider).map_err(|why| issuer.unfit(why))?;
        let scopes = issuer.oidc.config.scopes.iter().filter(|scope| *scope != "openid");
        let (url, _) = client
            .authorize_url(|| CsrfToken::new(self.derived("state")))
            .add_scope(Scope::new("openid".to_owned()))
            .add_scopes(scopes.map(|scope| Scope::new(scope.clone())))
            .add_extra_param("nonce", self.derived("nonce"))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&self.verifier()))
            .url();
        Ok(url.into())
    }

    /// Who comes back.
    pub(in crate::admin) async fn finish(
        &self,
        issuer: &Issuer,
        callback: Callback,
    ) -> Result<Person, NotKnown> {
        let config = &issuer.oidc.config;
        let state = callback.state.unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(self.derived("state").as_bytes())) {
            return Err(Refused::NotStarted.into());
        }
        if callback.iss.is_some_and(|iss| iss != config.issuer.value) {
            return Err(Refused::OtherIssuer.into());
        }
        let Some(code) = callback.code else {
            return Err(
                Refused::ByIssuer(callback.error.unwrap_or_default().chars().take(64).collect()).into()
            );
        };
        let answer = self.redeem(issuer, code).await?;
        let token = &answer.extra_fields().id_token;
        let claims = issuer.verified(token, std::slice::from_ref(&config.client_id)).await?;
        let claimed = |name: &str| claims.get(name).and_then(|value| value.as_str());
        let wrong = |name: &str| NotKnown::from(Refused::from(Invalid::Claim(name.to_owned())));
        if claimed("nonce") != Some(self.derived("nonce").as_str()) {
            return Err(wrong("nonce"));
        }
        // A token for several audiences says which of them asked for it.
        if claims.get("aud").is_some_and(|aud| aud.as_array().is_some_and(|all| all.len() > 1))
            || claims.contains_key("azp")
        {
            (claimed("azp") == Some(&config.client_id)).then_some(()).ok_or_else(|| wrong("azp"))?;
        }
        let more = match issuer.says_all(&claims) {
            true => Claims::new(),
            false => issuer.user_info(answer.access_token().secret(), &claims).await?,
        };
        Ok(issuer.person(&claims, &more).map_err(Refused::from)?)
    }

    /// What the issuer gives for its code.
    async fn redeem(&self, issuer: &Issuer, code: String) -> Result<TokenAnswer, NotKnown> {
        let provider = issuer.provider().await?;
        let client = client(issuer, &provider).map_err(|why| issuer.unfit(why))?;
        let (http, verifier) = (issuer.http.clone(), self.verifier());
        let redeeming = tokio::task::spawn_blocking(move || {
            let request = client.exchange_code(AuthorizationCode::new(code)).set_pkce_verifier(verifier);
            request.request(&|request| http.send(request))
        });
        match redeeming.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(RequestTokenError::Request(error))) => Err(issuer.unfit(error.to_string()).into()),
            Ok(Err(RequestTokenError::ServerResponse(answer))) => {
                Err(Refused::Code(answer.error().to_string()).into())
            }
            // Its text may hold the answer, and with it a token.
            Ok(Err(_)) => Err(Refused::Code("its answer cannot be read".to_owned()).into()),
            Err(panicked) => Err(issuer.unfit(panicked.to_string()).into()),
        }
    }

    fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.derived("verifier"))
    }

    /// A digest of the secret for one purpose; none tells anything of another.
    fn derived(&self, purpose: &str) -> String {
        TokenDigest::of(&format!("{purpose}:{}", self.secret)).to_string()
    }
}

fn client(issuer: &Issuer, provider: &Provider) -> Result<OidcClient<EndpointSet, EndpointSet>, String> {
    let oidc = &issuer.oidc;
    let wrong = |error: oauth2::url::ParseError| error.to_string();
    let back = format!("{}/login/callback", oidc.public_url.trim_end_matches('/'));
    let client = OidcClient::new(ClientId::new(oidc.config.client_id.clone()))
        .set_auth_uri(AuthUrl::new(provider.endpoints.authorization_endpoint.clone()).map_err(wrong)?)
        .set_token_uri(TokenUrl::new(provider.endpoints.token_endpoint.clone()).map_err(wrong)?)
        .set_redirect_uri(RedirectUrl::new(back).map_err(wrong)?);
    Ok(match &oidc.client_secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.clone())),
        None => client.set_auth_type(AuthType::RequestBody),
    })
}
