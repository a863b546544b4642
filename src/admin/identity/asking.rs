//! Who asks, for those who answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use tokio::time::sleep;

use super::{LocalPath, NotKnown};
use crate::admin::Admin;
use crate::admin::error::Problem;
use crate::admin::login::{self, Why};
use crate::domain::decision::Reviewer;

/// How often it is looked whether whoever reads a stream still may.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The authenticated reviewer of an API request.
pub(in crate::admin) struct Asking(pub(in crate::admin) Reviewer);

impl FromRequestParts<Arc<Admin>> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        who(parts, admin).await.map(Self).map_err(Problem::from)
    }
}

/// The authenticated reviewer of a page. Anybody else is sent to sign in, and comes back to the same page.
pub(in crate::admin) struct Visiting(pub(in crate::admin) Reviewer);

impl FromRequestParts<Arc<Admin>> for Visiting {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Response> {
        let back = LocalPath::or_root(parts.uri.path_and_query().map_or("/", |path| path.as_str()));
        match who(parts, admin).await {
            Ok(reviewer) => Ok(Self(reviewer)),
            Err(NotKnown::Nobody) => Err(login::page(admin, Why::FirstVisit, &back).await),
            Err(NotKnown::Refused(_)) => Err(login::page(admin, Why::Refused, &back).await),
            Err(trouble) => Err(Problem::from(trouble).into_response()),
        }
    }
}

/// The authenticated reviewer of a request whose answer takes its time.
pub(in crate::admin) struct Staying {
    pub(in crate::admin) reviewer: Reviewer,
    headers: HeaderMap,
    peer: IpAddr,
}

impl FromRequestParts<Arc<Admin>> for Staying {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        let reviewer = who(parts, admin).await.map_err(Problem::from)?;
        Ok(Self { reviewer, headers: parts.headers.clone(), peer: peer(parts, admin).await })
    }
}

impl Staying {
    /// Waits until their session or token has ended, means somebody else, or cannot be looked up.
    pub(in crate::admin) async fn left(&self, admin: &Admin) {
        loop {
            sleep(LOOK_AGAIN).await;
            let still = admin.identities.still(&self.headers, self.peer).await;
            if !still.is_ok_and(|reviewer| reviewer == self.reviewer) {
                return;
            }
        }
    }
}

async fn peer(parts: &mut Parts, admin: &Arc<Admin>) -> IpAddr {
    let connection = ConnectInfo::<SocketAddr>::from_request_parts(parts, admin).await;
    let ConnectInfo(peer) = connection.expect("`serve` tells from where a connection comes");
    peer.ip()
}

async fn who(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Reviewer, NotKnown> {
    let peer = peer(parts, admin).await;
    let who = admin.identities.reviewer(&parts.headers, peer).await;
    if let Err(NotKnown::Refused(refused)) = &who {
        refused.note(&admin.approvals, peer);
    }
    who
}
