//! What the service speaks to beside Redis and gateways.

use super::finding::Finding;
use crate::config::AdminConfig;
use crate::server::sign_in;
use crate::telemetry::{NoExporter, try_receivers};

/// Whether the collectors that the environment names take what is sent to them.
pub(super) fn collectors() -> anyhow::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tried = match runtime.block_on(try_receivers()) {
        Ok(tried) => tried,
        Err(error) => return Ok(vec![contradiction(&error)]),
    };
    let found = tried.into_iter().map(|(signal, taken)| match taken {
        Ok(()) => Finding::ok("otlp.export", format!("the collector takes {signal}")),
        Err(error) => Finding::failed(
            "otlp.export",
            format!("the collector takes no {signal}: {error}. They get lost, approvals do not"),
        ),
    });
    Ok(found.collect())
}

fn contradiction(error: &NoExporter) -> Finding {
    Finding::failed("otlp.export", format!("`serve` would not start: {error}"))
}

/// Whether people can be sent to the issuer to sign in.
pub(super) fn issuer(config: &AdminConfig) -> Option<Finding> {
    let oidc = config.oidc.as_ref()?;
    let asked = sign_in(oidc, config.url.as_deref())
        .map_err(|error| format!("`serve` would not start: {error}"))
        .and_then(|oidc| oidc.ask());
    Some(match asked {
        Ok(()) => Finding::ok("oidc.issuer", format!("{} answers and has keys", oidc.issuer.value)),
        Err(why) => {
            let said = format!("{}: {why}. Nobody can sign in there", oidc.issuer.value);
            Finding::failed("oidc.issuer", said)
        }
    })
}
