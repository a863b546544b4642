//! What needs no service.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::audit::{self, Notary, PublicKey};

/// Checks a file of lines, or the chain within the evidence of an approval.
pub(super) fn verify(path: &Path, key: Option<&PublicKey>) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Evidence {
        chain: Vec<Box<RawValue>>,
    }
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let text = match serde_json::from_str(&text) {
        Ok(Evidence { chain }) => chain.iter().map(|line| line.get()).collect::<Vec<_>>().join("\n"),
        Err(_) => text,
    };
    let report = audit::verify(&text, key).with_context(|| path.display().to_string())?;
    if report.chains.is_empty() {
        bail!("{}: there is nothing in it", path.display());
    }
    for (chain, section) in report.chains {
        anstream::println!("{chain}: entries {} to {} are as they were written", section.first, section.last);
        match section.signed {
            Some(signed) if signed == section.last => anstream::println!("  signed to the end"),
            Some(signed) => anstream::println!(
                "  signed up to {signed}; whether others followed {} is not proved",
                section.last
            ),
            None => anstream::println!("  not signed: whoever can write the file could have made all of it"),
        }
        section.keys.iter().for_each(|key| anstream::println!("  by {key}"));
        if section.repeated > 0 {
            anstream::println!("  {} are there more than once, as they were", section.repeated);
        }
    }
    Ok(())
}

/// Writes a new private key, and prints the public one.
pub(super) fn keygen(path: &Path) -> anyhow::Result<()> {
    let notary = Notary::generate();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| path.display().to_string())?;
    file.write_all(notary.pem().as_bytes())?;
    file.sync_all()?;
    anstream::println!("{}", notary.public_key());
    Ok(())
}
