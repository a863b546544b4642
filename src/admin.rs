//! What reviewers see: the field guide's two endpoints, the API beside them, and the queue's page.

mod api;
mod arguments;
mod assets;
mod audit;
mod card;
mod detail;
mod diff;
mod error;
mod facts;
mod field_guide;
mod follow;
mod frame;
mod health;
mod history;
mod identity;
mod live;
mod login;
mod openapi;
mod origin;
mod queue;
mod shown;
mod standing;
mod timeline;
mod tokens;
mod visible;
mod watch;
mod whoami;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post};
use axum::{Router, middleware::from_fn_with_state};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::api::{acts, batch};
pub use self::card::CardSettings;
use self::error::Problem;
pub use self::health::StoreKind;
use self::identity::Identities;
pub use self::identity::{Authentication, Oidc, OidcClient, Proofs, TokenAnswer, TokenReviewer, send};
pub use self::origin::AllowedHosts;
use self::shown::Shown;
use crate::approvals::Approvals;
use crate::audit::Audit;
use crate::domain::audit::{Event, Note};
pub use crate::domain::credential::TokenDigest;
use crate::domain::decision::Reviewer;
use crate::store::IdentityStore;

/// What a decision or a login may weigh: a reason is a few sentences.
const BODY_LIMIT: usize = 64 * 1024;

/// What a batch of decisions may weigh: a thousand ids and fingerprints.
const BATCH_LIMIT: usize = 512 * 1024;

/// Nothing is loaded from elsewhere, nothing inline runs, and nobody may frame the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the operator says of the admin side.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How reviewers prove who they are.
    pub authentication: Authentication,
    /// Under which names the admin side may be asked for.
    pub allowed_hosts: AllowedHosts,
    /// Whether browsers may send the session over https only.
    pub secure_cookie: bool,
    /// What kind of store the approvals live in.
    pub store: StoreKind,
    /// What is added to every card.
    pub cards: CardSettings,
}

/// What every endpoint has at hand.
struct Admin {
    approvals: Arc<Approvals>,
    audit: Arc<Audit>,
    identities: Identities,
    settings: Settings,
    shown: Shown,
    draining: CancellationToken,
}

impl Admin {
    /// Somebody asks for what takes another role, or more than they have. Written down, and told to them.
    fn not_permitted(&self, reviewer: &Reviewer, why: &str) -> Problem {
        tracing::warn!(reviewer = %reviewer.subject, why, "not permitted");
        self.approvals.note(Note::new(Event::Refused).by(reviewer).with("why", why));
        Problem::not_permitted(why)
    }
}

/// Everything that the admin side answers. Once `draining`, it reports that it is not ready and ends live streams.
pub fn router(
    approvals: Arc<Approvals>,
    audit: Arc<Audit>,
    identities: Arc<dyn IdentityStore>,
    settings: Settings,
    draining: CancellationToken,
) -> Router {
    let authentication = settings.authentication.clone();
    let identities = Identities::new(authentication, identities, settings.secure_cookie);
    let admin = Arc::new(Admin { approvals, audit, identities, settings, shown: Shown::default(), draining });
    // Asked at once, so that the log says at the start what is wrong with it; it ends by itself.
    let asking = Arc::clone(&admin);
    tokio::spawn(async move { asking.identities.meet_issuer().await });
    let reviewers = Router::new()
        .route("/", get(queue::page))
        .route("/a/{id}", get(detail::page).post(detail::decide))
        .route("/a/{id}/diff/{other}", get(detail::compare))
        .route("/history", get(history::page))
        .route("/cards/{id}", get(queue::card))
        .route("/events", get(live::events))
        .route("/login", post(login::by_form))
        .route("/login/start", get(login::start))
        .route("/login/callback", get(login::callback))
        .route("/logout", post(login::logout))
        .route("/pending", get(field_guide::pending))
        .route("/decide/{id}", post(field_guide::decide))
        .route("/v1/approvals", get(api::list))
        .route("/v1/approvals/{id}", get(api::show).post(acts::act))
        .route("/v1/approvals/{id}/decisions", post(api::decide))
        .route("/v1/approvals/{id}/precedents", get(api::precedents::precedents))
        .route("/v1/approvals:watch", get(watch::watch))
        .route("/v1/approvals:batchDecide", post(batch::decide).layer(DefaultBodyLimit::max(BATCH_LIMIT)))
        .route("/openapi.json", get(openapi::document))
        .route("/v1/approvals/{id}/evidence", get(audit::evidence))
        .route("/v1/approvals/{id}/reveal", post(audit::reveal))
        .route("/v1/audit", get(audit::search))
        .route("/v1/audit/checkpoints", get(audit::checkpoints))
        .route("/v1/audit:export", get(audit::export::export))
        .route("/v1/login", get(login::device))
        .route("/v1/whoami", get(whoami::show))
        .route("/v1/tokens", get(tokens::list).post(tokens::make))
        .route("/v1/tokens/{id}", delete(tokens::revoke))
        .route("/assets/{name}", get(assets::asset))
        .fallback(error::no_such_page)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(&admin), origin::guard));
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .merge(reviewers)
        .layer(middleware::from_fn(headers))
        .with_state(admin)
}

/// Serves until told to stop, and then until the last answer is given.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// The headers of every answer.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not no-referrer: with it a browser sends `Origin: null` with our own forms, and they are refused over plain http.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
