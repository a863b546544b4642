//! `GET /openapi.json`: what the API is, for machines. Made of the handlers, and of the types that they read and write.

mod words;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{Modify, OpenApi};

pub(super) use self::words::{
    ChainText, EventWord, FingerprintText, FormatWord, IdText, IncarnationText, KeyText, OrderWord,
    OutcomeWord, ProblemType, QueueText, ReasonCodeWord, RoleWord, StateFilter, StateWord, VerbWord,
    WaitText,
};
use super::{api, audit, error, field_guide, health, login, tokens, watch, whoami};

/// The document, as it is sent.
static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| Api::openapi().to_json().expect("what is built of texts is written as JSON"));

#[derive(OpenApi)]
#[openapi(
    info(title = "Holdpoint", description = "Approves and rejects the tool calls that wait for a person."),
    paths(
        field_guide::pending,
        field_guide::decide,
        api::list,
        api::show,
        api::decide,
        api::precedents::precedents,
        api::acts::cancel,
        api::acts::revoke,
        api::acts::extend,
        api::acts::break_glass,
        api::batch::decide,
        watch::watch,
        audit::evidence,
        audit::reveal,
        audit::search,
        audit::checkpoints,
        audit::export::export,
        login::device,
        whoami::show,
        tokens::list,
        tokens::make,
        tokens::revoke,
        health::livez,
        health::readyz,
        health::healthz,
        health::metrics,
        document
    ),
    // What only parameters name is not found by itself.
    components(schemas(error::Body, ChainText, FormatWord, KeyText, OrderWord, OutcomeWord, StateFilter, WaitText)),
    security(("token" = [])),
    modifiers(&ForAll)
)]
struct Api;

/// `GET /openapi.json`: for whoever has no token yet, too.
#[utoipa::path(get, path = "/openapi.json", security(()), responses((status = 200, body = serde_json::Value)))]
pub(super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

/// What holds for all operations, and is written once.
struct ForAll;

impl Modify for ForAll {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        for item in api.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                may_fail(operation);
                may_lack_headers(operation);
            }
        }
    }
}

/// No header is required. As an `Option` it could be null too, and no header can.
fn may_lack_headers(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(header) = parameter
            && header.parameter_in == ParameterIn::Header
        {
            header.required = Required::False;
        }
    }
}

/// Every error is a problem.
fn may_fail(operation: &mut Operation) {
    for (status, description) in [("4XX", "It is not done"), ("503", "Try again")] {
        let problem = Content::builder().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(description);
        let response = response.content("application/problem+json", problem).build();
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
    }
}
