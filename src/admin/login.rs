//! Signs people in and out: by a token, or by way of the issuer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Admin;
use super::assets::{PATHS, Paths};
use super::error::Problem;
use super::identity::{Callback, Issuer, LocalPath, NotKnown, Refused, SignIn};
use crate::domain::audit::{Event, Note};
use crate::domain::decision::Reviewer;

/// Why somebody sees the page where they sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// They have shown nothing.
    FirstVisit,
    /// What they have shown is not good.
    Refused,
    /// They came back from the issuer and cannot be let in.
    NotSignedIn,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    assets: &'static Paths,
    why: Why,
    back: &'a str,
    back_encoded: PercentEncode<'a>,
    issuer: Option<&'a str>,
    /// Whether the issuer answers.
    answers: bool,
}

/// What the login form sends.
#[derive(Deserialize)]
pub(super) struct Login {
    token: String,
    #[serde(default)]
    return_to: String,
}

/// Where somebody wants to go.
#[derive(Deserialize)]
pub(super) struct Start {
    #[serde(default)]
    return_to: String,
}

/// `POST /login`
pub(super) async fn by_form(
    State(admin): State<Arc<Admin>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    form: Result<Form<Login>, FormRejection>,
) -> Response {
    match form {
        Ok(Form(login)) => {
            open(&admin, login.token.trim(), &LocalPath::or_root(&login.return_to), peer.ip()).await
        }
        Err(_) => page(&admin, Why::Refused, &LocalPath::root()).await,
    }
}

/// Opens a session for whoever has this token, and goes on under an address without it.
pub(super) async fn open(admin: &Admin, token: &str, back: &LocalPath, peer: IpAddr) -> Response {
    if admin.identities.are_off() {
        return Redirect::to(back.as_str()).into_response();
    }
    match admin.identities.open_by_token(token).await {
        Ok((reviewer, secret)) => {
            admin.approvals.note(session(Event::Login, &reviewer, peer));
            go(back.as_str(), [admin.identities.cookie.open(secret.reveal())])
        }
        Err(not_known) => turned_away(admin, not_known, Why::Refused, back, peer).await,
    }
}

/// `GET /login/start`: off to the issuer.
pub(super) async fn start(
    State(admin): State<Arc<Admin>>,
    start: Result<Query<Start>, QueryRejection>,
) -> Result<Response, Problem> {
    let Some(issuer) = &admin.identities.issuer else { return Err(super::error::no_such_page().await) };
    let back = start.map_or_else(|_| LocalPath::root(), |Query(start)| LocalPath::or_root(&start.return_to));
    let sign_in = SignIn::begin(back);
    let address = sign_in.address(issuer).await.map_err(NotKnown::from)?;
    Ok(go(&address, [admin.identities.cookie.leave(&sign_in.to_cookie())]))
}

/// `GET /login/callback`: back from the issuer.
pub(super) async fn callback(
    State(admin): State<Arc<Admin>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    callback: Result<Query<Callback>, QueryRejection>,
) -> Result<Response, Problem> {
    let Some(issuer) = &admin.identities.issuer else { return Err(super::error::no_such_page().await) };
    let cookie = admin.identities.cookie;
    let peer = peer.ip();
    let sign_in = cookie.sign_in(&headers).and_then(SignIn::from_cookie);
    let (Some(sign_in), Ok(Query(callback))) = (sign_in, callback) else {
        let not_known = Refused::NotStarted.into();
        return Ok(turned_away(&admin, not_known, Why::NotSignedIn, &LocalPath::root(), peer).await);
    };
    let signed_in = match sign_in.finish(issuer, callback).await {
        Ok(person) => admin.identities.open_by_issuer(person).await,
        Err(not_known) => Err(not_known),
    };
    Ok(match signed_in {
        Ok((reviewer, secret)) => {
            admin.approvals.note(session(Event::Login, &reviewer, peer));
            go(sign_in.back().as_str(), [cookie.open(secret.reveal()), cookie.return_from()])
        }
        Err(not_known) => turned_away(&admin, not_known, Why::NotSignedIn, sign_in.back(), peer).await,
    })
}

/// `POST /logout`: the session ends on every replica.
pub(super) async fn logout(
    State(admin): State<Arc<Admin>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    for reviewer in admin.identities.end(&headers).await? {
        admin.approvals.note(session(Event::Logout, &reviewer, peer.ip()));
    }
    Ok(go("/", [admin.identities.cookie.close()]))
}

fn session(event: Event, whose: &Reviewer, peer: IpAddr) -> Note {
    Note::new(event).by(whose).with("peer", peer.to_string())
}

/// How `holdpoint login` signs somebody in.
#[derive(Serialize, ToSchema)]
pub(super) struct Device {
    client_id: String,
    device_authorization_endpoint: String,
    token_endpoint: String,
    /// Where it takes tokens back.
    revocation_endpoint: Option<String>,
    scopes: Vec<String>,
}

/// `GET /v1/login`: for whoever has not signed in yet.
#[utoipa::path(get, path = "/v1/login", security(()), responses((status = 200, body = Device)))]
pub(super) async fn device(State(admin): State<Arc<Admin>>) -> Result<Json<Device>, Problem> {
    let none = || Problem::not_here("nobody can sign in from the command line here: take a token");
    let issuer = admin.identities.issuer.as_ref().ok_or_else(none)?;
    let client_id = issuer.oidc.config.cli_client_id.clone().ok_or_else(none)?;
    let provider = issuer.provider().await.map_err(NotKnown::from)?;
    let endpoints = &provider.endpoints;
    let mut scopes = issuer.oidc.config.scopes.clone();
    // With it the sign-in outlasts its first token.
    scopes.extend(endpoints.offline_access().filter(|scope| !scopes.contains(scope)));
    Ok(Json(Device {
        client_id,
        device_authorization_endpoint: endpoints.device_authorization_endpoint.clone().ok_or_else(none)?,
        token_endpoint: endpoints.token_endpoint.clone(),
        revocation_endpoint: endpoints.revocation_endpoint.clone(),
        scopes,
    }))
}

async fn turned_away(
    admin: &Admin,
    not_known: NotKnown,
    why: Why,
    back: &LocalPath,
    peer: IpAddr,
) -> Response {
    match not_known {
        NotKnown::Refused(refused) => refused.note(&admin.approvals, peer),
        NotKnown::Nobody => {}
        trouble => return Problem::from(trouble).into_response(),
    }
    page(admin, why, back).await
}

/// The page where somebody signs in, to go on to where they wanted.
pub(super) async fn page(admin: &Admin, why: Why, back: &LocalPath) -> Response {
    let issuer = admin.identities.issuer.as_ref();
    let answers = match issuer {
        Some(issuer) => issuer.provider().await.is_ok(),
        None => false,
    };
    let back_encoded = utf8_percent_encode(back.as_str(), NON_ALPHANUMERIC);
    let (back, issuer) = (back.as_str(), issuer.map(Issuer::name));
    let page = LoginPage { assets: &PATHS, why, back, back_encoded, issuer, answers };
    (StatusCode::UNAUTHORIZED, Html(page.to_string())).into_response()
}

/// Goes there, with nothing of this address told on the way.
fn go<const N: usize>(place: &str, cookies: [HeaderValue; N]) -> Response {
    let no_referrer = [(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    let cookies = AppendHeaders(cookies.map(|cookie| (header::SET_COOKIE, cookie)));
    (no_referrer, cookies, Redirect::to(place)).into_response()
}
