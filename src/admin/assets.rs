//! What the page is made of, embedded. The address holds a digest of the content, so it may be kept for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::error::no_such_page;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    body: &'static str,
}

const STYLE: Asset = Asset {
    name: "page.css",
    media_type: "text/css; charset=utf-8",
    body: concat!(
        include_str!("assets/style/page.css"),
        include_str!("assets/style/card.css"),
        include_str!("assets/style/parts.css"),
    ),
};
/// One script out of several files: what they name is known to all of them.
const SCRIPT: Asset = Asset {
    name: "page.js",
    media_type: "text/javascript; charset=utf-8",
    body: concat!(
        include_str!("assets/script/card.js"),
        include_str!("assets/script/decide.js"),
        include_str!("assets/script/likes.js"),
        include_str!("assets/script/selection.js"),
        include_str!("assets/script/keys.js"),
        include_str!("assets/script/look.js"),
        include_str!("assets/script/live.js"),
    ),
};
const THEME: Asset = Asset {
    name: "theme.js",
    media_type: "text/javascript; charset=utf-8",
    body: include_str!("assets/theme.js"),
};
const ICON: Asset =
    Asset { name: "icon.svg", media_type: "image/svg+xml", body: include_str!("assets/icon.svg") };

/// Where the assets are.
pub(super) struct Paths {
    pub(super) style: String,
    pub(super) script: String,
    pub(super) theme: String,
    pub(super) icon: String,
}

/// Where the assets are.
pub(super) static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths {
    style: STYLE.path(),
    script: SCRIPT.path(),
    theme: THEME.path(),
    icon: ICON.path(),
});

impl Asset {
    fn path(&self) -> String {
        let digest = Sha256::digest(self.body.as_bytes());
        format!("/assets/{}-{}", hex::encode(&digest[..8]), self.name)
    }
}

/// `GET /assets/{name}`
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let asset = match &*PATHS {
        paths if paths.style == path => STYLE,
        paths if paths.script == path => SCRIPT,
        paths if paths.theme == path => THEME,
        paths if paths.icon == path => ICON,
        _ => return no_such_page().await.into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.body).into_response()
}
