//! The `Mcp-*` headers: what they repeat from the body has to agree with it. Nothing is ever decided on them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::domain::json::Json;
use crate::domain::message::Message;
use crate::ext_authz::request::Headers;

/// Beyond this, different integers are one 64-bit float.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Checks all `Mcp-*` headers; the error says which one disagrees. Without a message they have nothing to repeat.
pub(super) fn agree(headers: &Headers, message: Option<&Message>) -> Result<(), String> {
    let mut seen = Vec::new();
    for (name, value) in &headers.0 {
        if !name.starts_with("mcp-") {
            continue;
        }
        if seen.contains(&name) {
            return Err(format!("{name} is there more than once"));
        }
        seen.push(name);
        match name.as_str() {
            // A list is what a gateway makes of a header that came twice.
            "mcp-protocol-version" | "mcp-session-id" if value.contains(',') => {
                return Err(format!("{name} is there more than once"));
            }
            "mcp-protocol-version" => version(value, message)?,
            "mcp-method" => same(name, Some(value), message.map(|m| m.method.as_str()))?,
            "mcp-name" => same(name, decoded(value).as_deref(), message.and_then(subject))?,
            _ => {
                if let Some(param) = name.strip_prefix("mcp-param-") {
                    argument(param, value, message)?;
                }
            }
        }
    }
    Ok(())
}

fn version(value: &str, message: Option<&Message>) -> Result<(), String> {
    let meta = message.and_then(|m| m.params.get("_meta"));
    match meta.and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion")) {
        None => Ok(()),
        Some(in_body) => same("mcp-protocol-version", Some(value), in_body.as_str()),
    }
}

fn same(name: &str, in_header: Option<&str>, in_body: Option<&str>) -> Result<(), String> {
    match (in_header, in_body) {
        (Some(header), Some(body)) if header == body => Ok(()),
        _ => Err(format!("{name} does not say what the body says; make them agree or leave the header out")),
    }
}

/// What `Mcp-Name` repeats.
fn subject(message: &Message) -> Option<&str> {
    let member = match message.method.as_str() {
        "tools/call" | "prompts/get" => "name",
        method if method.starts_with("resources/") => "uri",
        method if method.starts_with("tasks/") => "taskId",
        _ => return None,
    };
    message.params.get(member)?.as_str()
}

/// `Mcp-Param-*` repeats an argument of a tool; which one only the tool's schema says. An argument of the header's name
/// has to agree; where there is none, some argument has to.
fn argument(param: &str, value: &str, message: Option<&Message>) -> Result<(), String> {
    let tool = message.and_then(|m| m.tool.as_ref());
    let agreeing = tool.zip(decoded(value)).is_some_and(|(tool, value)| {
        let mut members = Vec::new();
        collect_members(&tool.arguments, &mut members);
        let named = |key: &str| key.eq_ignore_ascii_case(param);
        let any_named = members.iter().any(|(key, _)| named(key));
        members.iter().any(|(key, argument)| (!any_named || named(key)) && says(argument, &value))
    });
    if agreeing { Ok(()) } else { Err(format!("mcp-param-{param} does not repeat an argument of the call")) }
}

fn collect_members<'a>(json: &'a Json, members: &mut Vec<(&'a str, &'a Json)>) {
    let Json::Object(own) = json else { return };
    for (key, value) in own {
        members.push((key, value));
        collect_members(value, members);
    }
}

fn says(argument: &Json, value: &str) -> bool {
    match argument {
        Json::String(text) => text == value,
        Json::Bool(truth) => value == if *truth { "true" } else { "false" },
        Json::Number(literal) => literal == value || same_number(literal, value),
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    }
}

/// `42` and `42.0` are the same for MCP.
fn same_number(literal: &str, value: &str) -> bool {
    let Ok(Json::Number(value)) = Json::read(value.as_bytes()) else { return false };
    match (literal.parse::<f64>(), value.parse::<f64>()) {
        (Ok(a), Ok(b)) => a == b && a.abs() < EXACT_INTEGERS,
        _ => false,
    }
}

/// The value behind a header line: as it is, or in base64 between `=?base64?` and `?=`.
fn decoded(value: &str) -> Option<String> {
    if !value.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return None;
    }
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(base64) => String::from_utf8(BASE64_STANDARD.decode(base64).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}
