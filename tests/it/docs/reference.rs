//! The tables of settings in docs/configuration.md are made from the structs that read the file.
//!
//! `make reference` writes them; the test compares.

use std::fs;

use holdpoint::config::Config;
use schemars::schema_for;
use serde_json::{Map, Value};

use super::{read, root};

const DOCUMENT: &str = "docs/configuration.md";
const HEAD: &str = "| setting | type | default | meaning |\n|---|---|---|---|\n";

/// The heading that tells of the settings of each struct.
const SECTIONS: [(&str, &str); 21] = [
    ("Config", "All settings"),
    ("ExtAuthzConfig", "ext_authz"),
    ("AdminConfig", "admin"),
    ("ReviewerConfig", "admin.reviewers"),
    ("OidcConfig", "admin.oidc"),
    ("ProxyConfig", "admin.proxy"),
    ("RolesConfig", "admin.roles"),
    ("SessionsConfig", "admin.sessions"),
    ("RedisConfig", "redis"),
    ("ClientCertificate", "redis.client_certificate"),
    ("LimitsConfig", "limits"),
    ("BreakGlassConfig", "break_glass"),
    ("ShutdownConfig", "shutdown"),
    ("AuditConfig", "audit"),
    ("SinkConfig", "audit.sinks"),
    ("IdentityConfig", "identity"),
    ("PolicyConfig", "policy"),
    ("TermsConfig", "policy.defaults"),
    ("UnmatchedConfig", "policy.unmatched"),
    ("RuleConfig", "policy.rules"),
    ("RedactConfig", "policy.redact"),
];

#[test]
fn every_setting_is_explained_and_no_other() {
    let schema = schema_for!(Config).to_value();
    let definitions = schema["$defs"].as_object().unwrap();
    let mut structs: Vec<(&str, &Value)> = definitions.iter().map(|(name, of)| (name.as_str(), of)).collect();
    structs.push(("Config", &schema));
    structs.retain(|(_, of)| of.get("properties").is_some());

    let told = read(DOCUMENT);
    let mut document = told.clone();
    for (name, of) in structs {
        let section = SECTIONS.iter().find(|(struct_name, _)| *struct_name == name);
        let (_, heading) = section.unwrap_or_else(|| panic!("{name}: give it a section"));
        document = with_table(&document, heading, &table(name, of, definitions));
    }
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(root().join(DOCUMENT), document).unwrap();
    } else {
        for (line, right) in told.lines().zip(document.lines()) {
            assert_eq!(line, right, "`make reference` writes it");
        }
        assert_eq!(told.len(), document.len(), "`make reference` writes it");
    }
}

/// The document with another first table under this heading.
fn with_table(document: &str, heading: &str, table: &str) -> String {
    let section = document.split_once(&format!("# {heading}\n"));
    let (before, section) = section.unwrap_or_else(|| panic!("{DOCUMENT}: no heading {heading:?}"));
    let at = section.find("| setting |").unwrap_or_else(|| panic!("{heading}: no table"));
    assert!(!section[..at].contains("\n#"), "{heading}: no table");
    let end = section[at..].find("\n\n").map_or(section.len(), |end| at + end + 1);
    format!("{before}# {heading}\n{}{HEAD}{table}{}", &section[..at], &section[end..])
}

fn table(name: &str, of: &Value, definitions: &Map<String, Value>) -> String {
    let required =
        |setting: &str| of["required"].as_array().is_some_and(|all| all.iter().any(|one| one == setting));
    // What a rule leaves out is as in the defaults.
    let inherited = |setting: &str| {
        name == "RuleConfig" && definitions["TermsConfig"]["properties"].get(setting).is_some()
    };
    let row = |(setting, about): (&String, &Value)| {
        let kind = kind(about, definitions);
        let default = match about.get("default") {
            _ if required(setting) => "required".to_owned(),
            _ if inherited(setting) => "as in `policy.defaults`".to_owned(),
            Some(default) => written(default),
            None if kind == "settings" && about.get("anyOf").is_none() => "see there".to_owned(),
            None if kind == "list" => "empty".to_owned(),
            None => "none".to_owned(),
        };
        let meaning = about["description"].as_str().unwrap_or_else(|| panic!("{setting}: what is it?"));
        format!("| `{setting}` | {kind} | {default} | {} |\n", meaning.replace('\n', " "))
    };
    of["properties"].as_object().unwrap().iter().map(row).collect()
}

/// What a value of the setting is, in a word or as the choice that there is.
fn kind(setting: &Value, definitions: &Map<String, Value>) -> String {
    if let Some(name) = setting["$ref"].as_str() {
        return kind(&definitions[name.rsplit('/').next().unwrap()], definitions);
    }
    if let Some(choices) = setting["oneOf"].as_array() {
        let words: Vec<_> = choices.iter().map(|choice| written(&choice["const"])).collect();
        return words.join(", ");
    }
    if let Some(choices) = setting["anyOf"].as_array() {
        let kinds =
            choices.iter().filter(|choice| choice["type"] != "null").map(|choice| kind(choice, definitions));
        return kinds.collect::<Vec<_>>().join(" or ");
    }
    let one = setting["type"].as_array().map_or(&setting["type"], |types| &types[0]);
    match one.as_str().unwrap_or_else(|| panic!("no word for {setting}")) {
        "object" if setting.get("properties").is_some() => "settings",
        "object" => "numbers by name",
        "array" => "list",
        "integer" => "number",
        "boolean" => "`true`, `false`",
        "string" if setting["format"] == "duration" => "time",
        "string" => "text",
        other => panic!("no word for {other}"),
    }
    .to_owned()
}

/// A value as it stands in a file, or a word for one that is not there or long.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Array(all) if all.is_empty() => "empty".to_owned(),
        Value::Array(all) => all.iter().map(written).collect::<Vec<_>>().join(", "),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}
