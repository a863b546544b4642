//! Where a request comes from: a page of another site must not decide with the reviewer's session.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Admin;
use super::error::Problem;
use super::identity::Cookie;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Under which names the admin side may be asked for.
#[derive(Debug, Clone)]
pub enum AllowedHosts {
    /// Any: it is reachable under names that nobody listed.
    Any,
    /// Loopback names, and these. A foreign name that was pointed at loopback (DNS rebinding) is refused.
    LoopbackAnd(Vec<String>),
}

impl AllowedHosts {
    /// What fits the address that is served on, and the host of the public URL.
    pub fn when_serving_on(address: IpAddr, public_host: Option<String>) -> Self {
        if address.is_loopback() { Self::LoopbackAnd(public_host.into_iter().collect()) } else { Self::Any }
    }

    fn allow(&self, host: &str) -> bool {
        let Self::LoopbackAnd(others) = self else { return true };
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|address| address.is_loopback())
            || host.eq_ignore_ascii_case("localhost")
            || others.iter().any(|other| host.eq_ignore_ascii_case(other))
    }
}

/// Lets a request on, or refuses it because of where it comes from.
pub(super) async fn guard(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = host(headers);
    let named = host.as_ref().is_some_and(|host| admin.settings.allowed_hosts.allow(host.host()));
    if !named {
        return Problem::forbidden_origin("this host name is not one that the queue is served under")
            .into_response();
    }
    let identities = &admin.identities;
    // Another site's page cannot send this header without being allowed to first, but a proxy may add it to all requests.
    let by_token =
        headers.contains_key(header::AUTHORIZATION) && !identities.are_off() && !identities.have_proxy();
    if !request.method().is_safe() && !by_token && !same_site(headers, host.as_ref(), identities.cookie) {
        return Problem::forbidden_origin("this request comes from a page of another site").into_response();
    }
    next.run(request).await
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

fn same_site(headers: &HeaderMap, host: Option<&Authority>, cookie: Cookie) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN) {
        Some(origin) => {
            let authority =
                origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
            authority.is_some() && authority.and_then(|a| a.parse::<Authority>().ok()).as_ref() == host
        }
        // Not a browser, unless it sends a session.
        None => cookie.sessions(headers).next().is_none(),
    }
}
