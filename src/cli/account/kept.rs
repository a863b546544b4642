//! The tokens of `holdpoint login`, in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cli::client::Token;

/// Why a token could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// There is no place for it.
    #[error("there is no place for the token: set HOME, or XDG_CONFIG_HOME")]
    NoPlace,
    /// The place is no good.
    #[error("{}: {source}", path.display())]
    Io {
        /// The place.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
}

/// One service's token.
#[derive(Serialize, Deserialize)]
struct Kept {
    token: String,
    expires_at: Timestamp,
}

/// By the address of the service: no other one is sent it.
type All = BTreeMap<String, Kept>;

/// The token for this service, if somebody has signed in there and it is still good.
pub fn token_for(url: &str) -> Option<Token> {
    let mut all = read(&place().ok()?);
    let kept = all.remove(service(url))?;
    (Timestamp::now() < kept.expires_at).then(|| kept.token.into())
}

/// Keeps a token for this service, and forgets those that have ended. Returns where.
pub fn keep(url: &str, token: String, expires_at: Timestamp) -> Result<PathBuf, NotKept> {
    let path = place()?;
    let failed = |source| NotKept::Io { path: path.clone(), source };
    let mut all = read(&path);
    all.retain(|_, kept| Timestamp::now() < kept.expires_at);
    all.insert(service(url).to_owned(), Kept { token, expires_at });
    let text = serde_json::to_vec_pretty(&all).expect("texts can be written as JSON");
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(&path)).map_err(failed)?;
    // Written beside it and put in its place: whoever reads meanwhile finds the old one or the new one.
    let half_made = path.with_extension(format!("{}.part", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&half_made)
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| fs::rename(&half_made, &path));
    written.map_err(|source| {
        let _ = fs::remove_file(&half_made);
        failed(source)
    })?;
    Ok(path)
}

fn read(path: &Path) -> All {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn place() -> Result<PathBuf, NotKept> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    Ok(folder.ok_or(NotKept::NoPlace)?.join("holdpoint").join("tokens.json"))
}

fn service(url: &str) -> &str {
    url.trim_end_matches('/')
}
