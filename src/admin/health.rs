//! Whether this replica lives, whether it should be sent more, and what it counts: for machines, without a login.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::Serialize;

use super::Admin;
use crate::approvals::Sung;
use crate::clock::{Clock, SystemClock};
use crate::store;
use crate::telemetry;

/// What kind of store the approvals live in.
#[derive(Debug, Clone, Copy)]
pub enum StoreKind {
    /// Redis, shared by all replicas.
    Redis,
    /// This process.
    Embedded,
}

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    store: StoreHealth,
    parked: usize,
    asked_at: Option<Timestamp>,
    canary: CanaryHealth,
}

/// What the probes of this replica by itself came to.
#[derive(Serialize)]
struct CanaryHealth {
    status: &'static str,
    /// Since the last one that went well.
    age_seconds: Option<i64>,
    error: Option<String>,
}

#[derive(Serialize)]
struct StoreHealth {
    kind: &'static str,
    status: &'static str,
    error: Option<String>,
}

/// `GET /livez`
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// `GET /readyz`. Without its store it is not ready: a replica that alone has lost it leaves its calls to others. The health
/// service that gateways ask stays SERVING, so that where all have lost it callers still get our denial.
pub(super) async fn readyz(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Health>) {
    let error = match admin.approvals.health() {
        store::Health::Up => None,
        store::Health::Down(why) => Some(why),
    };
    let (code, status) = match (admin.draining.is_cancelled(), &error) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, Some(_)) => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
        (false, None) => (StatusCode::OK, "ready"),
    };
    let store = StoreHealth {
        kind: match admin.settings.store {
            StoreKind::Redis => "redis",
            StoreKind::Embedded => "embedded",
        },
        status: if error.is_none() { "up" } else { "down" },
        error,
    };
    let canary = CanaryHealth::of(admin.approvals.canary().now());
    let (parked, asked_at) = (admin.approvals.parked(), admin.approvals.asked_at());
    (code, Json(Health { status, store, parked, asked_at, canary }))
}

impl CanaryHealth {
    fn of(Sung { well_at, trouble }: Sung) -> Self {
        Self {
            status: match (&trouble, well_at) {
                (Some(_), _) => "failed",
                (None, Some(_)) => "ok",
                (None, None) => "none yet",
            },
            age_seconds: well_at.map(|at| SystemClock.now().duration_since(at).as_secs()),
            error: trouble,
        }
    }
}

/// `GET /metrics`, in the text format of Prometheus.
pub(super) async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::metrics::as_text())
}
