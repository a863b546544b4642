//! What the service speaks to beside Redis and gateways.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde::Deserialize;
use ureq::http::Uri;

use super::finding::Finding;

const BOUND: Duration = Duration::from_secs(5);

/// Whether something listens at the collector's address. What it takes is only known once it is sent something.
pub(super) fn otlp(url: &str) -> Finding {
    const ABOUT: &str = "otlp.reachable";
    match connects(url) {
        Ok(()) => Finding::ok(ABOUT, format!("something listens at {url}")),
        Err(why) => {
            Finding::failed(ABOUT, format!("{url}: {why}. Traces and metrics get lost, approvals do not"))
        }
    }
}

fn connects(url: &str) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| "not a URL".to_owned())?;
    let host = uri.host().ok_or("a URL without a host")?.trim_matches(['[', ']']);
    let addresses = (host, uri.port_u16().unwrap_or(4317)).to_socket_addrs();
    let mut why = "no address".to_owned();
    for address in addresses.map_err(|error| error.to_string())? {
        match TcpStream::connect_timeout(&address, BOUND) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Whether the issuer tells where its keys are, and under the name that tokens will bear.
pub(super) fn issuer(url: &str) -> Finding {
    const ABOUT: &str = "oidc.discovery";

    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
    }

    let place = format!("{}/.well-known/openid-configuration", url.trim_end_matches('/'));
    let read = || -> Result<Discovery, ureq::Error> {
        let answer = ureq::get(&place).config().timeout_global(Some(BOUND)).build().call()?;
        answer.into_body().read_json()
    };
    match read() {
        Ok(Discovery { issuer }) if issuer == url => Finding::ok(ABOUT, format!("{url} answers")),
        Ok(Discovery { issuer }) => Finding::failed(
            ABOUT,
            format!("{url} calls itself {issuer}: tokens will bear that name, so configure it exactly"),
        ),
        Err(error) => Finding::failed(ABOUT, format!("{place}: {error}. Reviewers cannot log in")),
    }
}
