//! The sign-ins of `holdpoint login`, in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A token that ends sooner might end on its way.
const SOON: Duration = Duration::from_secs(60);

/// Why a sign-in could not be kept.
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
        source: io::Error,
    },
}

/// A sign-in to one service.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignedIn {
    /// What the service is shown.
    pub token: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// How to get the next one; none where the issuer wants people to sign in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
}

/// How to get another token. The issuer's addresses are those of the sign-in: asked for each time, a service could have
/// the refresh token sent anywhere.
#[derive(Clone, Serialize, Deserialize)]
pub struct Renewal {
    /// What the issuer gives a token for.
    pub refresh_token: String,
    /// How this program is registered at the issuer.
    pub client_id: String,
    /// Where it gives tokens.
    pub token_endpoint: String,
    /// Where it takes them back.
    pub revocation_endpoint: Option<String>,
}

impl SignedIn {
    /// Whether its token is still good, and will be for a while.
    pub fn lasts(&self) -> bool {
        Timestamp::now() + SOON < self.expires_at
    }
}

/// The sign-ins, by the address of the service: no other one is sent them. No other command changes them meanwhile: a
/// refresh token that is used twice ends the sign-in at many issuers.
pub struct Kept {
    path: PathBuf,
    all: BTreeMap<String, SignedIn>,
    _lock: File,
}

impl Kept {
    /// The sign-in to this service, as it is at the moment.
    pub fn peek(url: &str) -> Option<SignedIn> {
        read(&place().ok()?).remove(service(url))
    }

    /// All of them, to be changed.
    pub fn open() -> Result<Self, NotKept> {
        let path = place()?;
        let locked = lock(&path);
        let lock = locked.map_err(|source| NotKept::Io { path: path.clone(), source })?;
        Ok(Self { all: read(&path), path, _lock: lock })
    }

    /// The sign-in to this service.
    pub fn of(&self, url: &str) -> Option<&SignedIn> {
        self.all.get(service(url))
    }

    /// Keeps a sign-in to this service. Returns where.
    pub fn put(mut self, url: &str, signed_in: SignedIn) -> Result<PathBuf, NotKept> {
        self.all.insert(service(url).to_owned(), signed_in);
        self.write()
    }

    /// Forgets the sign-in to this service.
    pub fn forget(mut self, url: &str) -> Result<(), NotKept> {
        self.all.remove(service(url));
        self.write().map(drop)
    }

    /// Written beside it and put in its place: whoever reads meanwhile finds the old one or the new one.
    fn write(mut self) -> Result<PathBuf, NotKept> {
        self.all.retain(|_, kept| kept.renewal.is_some() || Timestamp::now() < kept.expires_at);
        let text = serde_json::to_vec_pretty(&self.all).expect("texts can be written as JSON");
        let half_made = self.path.with_extension(format!("{}.part", std::process::id()));
        let written = private(OpenOptions::new().write(true).create_new(true), &half_made)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&half_made, &self.path));
        match written {
            Ok(()) => Ok(self.path),
            Err(source) => {
                let _ = fs::remove_file(&half_made);
                Err(NotKept::Io { path: self.path, source })
            }
        }
    }
}

/// Waits until no other command changes the file. The lock lies beside it, because the file itself is replaced.
fn lock(path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(path))?;
    let lock = private(OpenOptions::new().write(true).create(true), &path.with_extension("lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// A file that only its owner can read.
fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.mode(0o600).open(path)
}

fn read(path: &Path) -> BTreeMap<String, SignedIn> {
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
