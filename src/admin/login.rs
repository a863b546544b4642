//! A token opens a session.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Admin;
use super::assets::{PATHS, Paths};
use super::identity::{SESSION_COOKIE, session};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    assets: &'static Paths,
    refused: bool,
}

/// What the login form sends.
#[derive(Deserialize)]
pub(super) struct Login {
    token: String,
}

/// `POST /login`
pub(super) async fn by_form(
    State(admin): State<Arc<Admin>>,
    form: Result<Form<Login>, FormRejection>,
) -> Response {
    match form {
        Ok(Form(login)) => open(&admin, login.token.trim()),
        Err(_) => page(true),
    }
}

/// Opens a session for whoever has this token, and goes to the queue under an address without it.
pub(super) fn open(admin: &Admin, token: &str) -> Response {
    if admin.settings.authentication.is_off() {
        return Redirect::to("/").into_response();
    }
    match admin.settings.authentication.by_token(token) {
        Some(_) => to_queue(admin, &session(token), ""),
        None => page(true),
    }
}

/// `POST /logout`
pub(super) async fn logout(State(admin): State<Arc<Admin>>) -> Response {
    to_queue(&admin, "", "; Max-Age=0")
}

/// The page that asks for a token.
pub(super) fn page(refused: bool) -> Response {
    let page = LoginPage { assets: &PATHS, refused };
    (StatusCode::UNAUTHORIZED, Html(page.to_string())).into_response()
}

fn to_queue(admin: &Admin, session: &str, end: &str) -> Response {
    let secure = if admin.settings.secure_cookie { "; Secure" } else { "" };
    let cookie = format!("{SESSION_COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict{secure}{end}");
    let cookie = HeaderValue::from_str(&cookie).expect("a session is hexadecimal");
    let no_referrer = HeaderValue::from_static("no-referrer");
    ([(header::SET_COOKIE, cookie), (header::REFERRER_POLICY, no_referrer)], Redirect::to("/"))
        .into_response()
}
