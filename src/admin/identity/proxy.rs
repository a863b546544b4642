//! A proxy that says who somebody is.

use std::net::IpAddr;

use axum::http::HeaderMap;

use super::refused::Refused;
use crate::config::ProxyConfig;
use crate::domain::credential::Person;
use crate::domain::decision::Membership;
use crate::domain::ids::{Group, Subject};

/// The person whom the proxy names. From any other address its headers are what a client made up, and mean nothing.
pub(super) fn person(
    proxy: Option<&ProxyConfig>,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Option<Person>, Refused> {
    let Some(proxy) = proxy else { return Ok(None) };
    if !proxy.is(peer) {
        return Ok(None);
    }
    let Some(subject) = the_one(headers, &proxy.subject_header)? else { return Ok(None) };
    let groups = the_one(headers, &proxy.groups_header)?.unwrap_or_default();
    let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty());
    Ok(Some(Person {
        subject: Subject(subject.to_owned()),
        groups: Membership::Groups(groups.map(|group| Group(group.to_owned())).collect()),
        proof: format!("proxy {}", peer.to_canonical()),
    }))
}

/// The header's value. Two of them are one of the proxy and one of somebody else.
fn the_one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let wrong = || Refused::ProxyHeader(name.to_owned());
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| wrong())?.trim();
            if text.is_empty() { Err(wrong()) } else { Ok(Some(text)) }
        }
        (Some(_), Some(_)) => Err(wrong()),
    }
}
