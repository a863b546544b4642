//! A server that takes lines by POST.

use std::time::Duration;

use crate::domain::audit::Line;

/// How long a delivery may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends lines in one request. Any answer but 2xx means that they are not there.
pub(super) fn post(url: &str, token: Option<&str>, lines: &[Line]) -> Result<(), String> {
    let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0).build();
    let mut request =
        ureq::Agent::new_with_config(config).post(url).header("content-type", "application/x-ndjson");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.send(super::text(lines)).map(drop).map_err(|error| error.to_string())
}
