//! Who asks, for those who answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::{LocalPath, NotKnown};
use crate::admin::Admin;
use crate::admin::error::Problem;
use crate::admin::login::{self, Why};
use crate::domain::decision::Reviewer;

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

async fn who(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Reviewer, NotKnown> {
    let connection = ConnectInfo::<SocketAddr>::from_request_parts(parts, admin).await;
    let ConnectInfo(peer) = connection.expect("`serve` tells from where a connection comes");
    let who = admin.identities.reviewer(&parts.headers, peer.ip()).await;
    if let Err(NotKnown::Refused(refused)) = &who {
        refused.note(&admin.approvals, peer.ip());
    }
    who
}
