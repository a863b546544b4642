//! What needs no service.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::audit::{self, Fact, Notary, PublicKey, Sha256Hex};

/// Checks a file of lines, or the chain within the evidence of an approval.
pub(super) fn verify(path: &Path, key: Option<&PublicKey>) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let text = match serde_json::from_str::<Evidence>(&text) {
        Ok(evidence) => {
            evidence.check().with_context(|| path.display().to_string())?;
            evidence.chain.iter().map(|line| line.get()).collect::<Vec<_>>().join("\n")
        }
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

/// What `holdpoint audit show` writes, as far as it can be held against the chain in it.
#[derive(Deserialize)]
struct Evidence {
    approval: Shown,
    entries: Vec<Box<RawValue>>,
    chain: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Shown {
    id: String,
    call: ShownCall,
}

#[derive(Deserialize)]
struct ShownCall {
    body: String,
}

#[derive(Deserialize)]
struct Written {
    entry: Fact,
}

impl Evidence {
    /// What stands beside the chain has to be what the chain is about.
    fn check(&self) -> anyhow::Result<()> {
        let Shown { id, call } = &self.approval;
        let body = Sha256Hex::of(call.body.as_bytes());
        let facts = self.chain.iter().filter_map(|line| serde_json::from_str(line.get()).ok());
        let facts = facts.map(|Written { entry }| entry).filter(|fact| fact.approval.as_ref() == Some(id));
        let bodies: Vec<_> = facts.filter_map(|fact| Some(fact.call?.body)).collect();
        if bodies.is_empty() || bodies.iter().any(|written| *written != body) {
            bail!("the call that it shows is not the one that the chain tells of");
        }
        if !self.entries.iter().all(|entry| self.chain.iter().any(|line| line.get() == entry.get())) {
            bail!("it shows an entry that is not in the chain");
        }
        Ok(())
    }
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
