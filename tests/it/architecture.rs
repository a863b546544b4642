//! A tripwire: a module uses modules of lower layers only, and each foreign crate has one owner.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first; siblings in one layer do not use each other.
const LAYERS: [&[&str]; 6] = [
    &["domain"],
    &["clock", "telemetry"],
    &["config", "store"],
    &["approvals", "audit"],
    &["ext_authz", "admin"],
    &["main", "cli", "server"],
];

/// Where a crate may be used, by the beginning of the path below `src`.
const OWNERS: [(&str, &[&str]); 25] = [
    ("redis", &["store/redis"]),
    ("deadpool_redis", &["store/redis"]),
    ("tonic", &["ext_authz"]),
    ("tonic_health", &["ext_authz"]),
    ("tonic_reflection", &["ext_authz"]),
    ("prost_types", &["ext_authz"]),
    ("axum", &["admin", "server"]),
    ("askama", &["admin"]),
    ("utoipa", &["admin"]),
    ("cel", &["domain/policy"]),
    ("regex", &["domain/redaction", "config/policy/redact"]),
    ("ed25519_dalek", &["domain/audit"]),
    ("schemars", &["config"]),
    ("serde_json_canonicalizer", &["domain/audit", "config"]),
    ("ureq", &["cli", "admin/identity", "audit/sinks"]),
    ("jsonwebtoken", &["admin/identity"]),
    ("oauth2", &["admin/identity", "cli/account"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_appender_tracing", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("opentelemetry_prometheus", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("prometheus", &["telemetry"]),
    ("tracing_opentelemetry", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
];

/// What may break the rule, and why.
const EXCEPTIONS: [(&str, &str, &str); 1] =
    [("cli", "server", "`holdpoint serve` starts the server: the two are the outermost layer together")];

fn sources() -> Vec<(String, String)> {
    fn below(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => below(&path, found),
                path if path.extension().is_some_and(|e| e == "rs") => found.push(path),
                _ => {}
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    below(&root, &mut found);
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn is_excepted(file: &str, used: &str) -> bool {
    EXCEPTIONS.iter().any(|(prefix, module, _)| file.starts_with(prefix) && *module == used)
}

/// The modules of this crate that a line of code names.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap();
    let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().len();
    code.match_indices("crate::").map(move |(at, found)| {
        let rest = &code[at + found.len()..];
        &rest[..name(rest)]
    })
}

#[test]
fn every_module_has_a_layer_and_uses_lower_ones_only() {
    for (file, text) in sources() {
        let own = module(&file);
        if own == "lib" {
            continue;
        }
        let own_layer = layer(own).unwrap_or_else(|| panic!("{file}: give {own} a layer"));
        for (n, line) in text.lines().enumerate() {
            for used in named(line).filter(|used| *used != own && !is_excepted(&file, used)) {
                let used_layer =
                    layer(used).unwrap_or_else(|| panic!("{file}:{}: {used} has no layer", n + 1));
                assert!(used_layer < own_layer, "{file}:{}: {own} may not use {used}", n + 1);
            }
        }
    }
}

#[test]
fn every_foreign_crate_has_one_owner() {
    for (file, text) in sources() {
        for (name, owners) in OWNERS {
            let uses = |line: &str| {
                let code = line.split("//").next().unwrap();
                let path = format!("{name}::");
                code.match_indices(&path).any(|(at, _)| {
                    // `crate::store::redis::` and `opentelemetry_redis::` are other things.
                    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                        && !code[..at].trim_end().ends_with("mod")
                }) && !code.trim_start().starts_with("use self::")
            };
            if owners.iter().any(|owner| file.starts_with(owner)) {
                continue;
            }
            for (n, line) in text.lines().enumerate() {
                assert!(!uses(line), "{file}:{}: only {owners:?} may use {name}", n + 1);
            }
        }
    }
}

#[test]
fn the_tripwire_sees_what_it_should_see() {
    let found: Vec<_> = named("use crate::store::{Bell}; crate::domain::x() // crate::admin::y").collect();
    assert_eq!(found, ["store", "domain"]);
}
