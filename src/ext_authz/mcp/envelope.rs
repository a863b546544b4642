//! The JSON-RPC envelope.

use super::Why;
use crate::domain::json::Json;
use crate::domain::message::{Asked, Message, Tool};

/// Members of the envelope that servers act on.
const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
/// Members of `params` that servers act on.
const PARAMS: [&str; 8] =
    ["name", "arguments", "uri", "taskId", "task", "inputResponses", "requestState", "_meta"];

/// So much of a member's name is quoted in an error.
const QUOTED_KEY: usize = 40;

/// Takes a JSON-RPC message out of its envelope.
pub(super) fn open(mut json: Json) -> Result<Asked, Why> {
    match &json {
        Json::Object(_) => {}
        Json::Array(_) => return Err(Why::Batch),
        _ => return Err(Why::NotAMessage("send one JSON object")),
    }
    refuse_look_alikes(&json, &ENVELOPE)?;
    // A method makes it a call for some server, whatever else is there.
    let method = match take(&mut json, "method") {
        Some(Json::String(method)) if is_plain(&method) => method,
        Some(_) => return Err(Why::NotAMessage("\"method\" must be a string without control characters")),
        None if json.get("result").is_some() || json.get("error").is_some() => return Ok(Asked::Response),
        None => return Err(Why::NotAMessage("\"method\" is missing")),
    };
    let id = take(&mut json, "id");
    let params = take(&mut json, "params").unwrap_or_else(Json::empty_object);
    refuse_look_alikes(&params, &PARAMS)?;
    let tool = if method == "tools/call" { Some(tool(&params)?) } else { None };
    Ok(Asked::Message(Message { method, id, params, tool }))
}

fn tool(params: &Json) -> Result<Tool, Why> {
    if !matches!(params, Json::Object(_)) {
        return Err(Why::Params("\"params\" must be an object"));
    }
    let name = match params.get("name") {
        Some(Json::String(name)) if is_plain(name) => name.clone(),
        _ => return Err(Why::Params("\"params.name\" must be a string without control characters")),
    };
    let arguments = match params.get("arguments") {
        None => Json::empty_object(),
        Some(arguments @ Json::Object(_)) => arguments.clone(),
        Some(_) => return Err(Why::Params("\"params.arguments\" must be an object, or be left out")),
    };
    Ok(Tool { name, arguments })
}

fn take(json: &mut Json, key: &str) -> Option<Json> {
    let Json::Object(members) = json else { return None };
    let at = members.iter().position(|(k, _)| k == key)?;
    Some(members.swap_remove(at).1)
}

/// A server in C reads a string only up to a NUL.
fn is_plain(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// Go's `encoding/json` and others match member names regardless of case, and C libraries only up to a NUL: there,
/// `Method` is a second `method`.
fn refuse_look_alikes(json: &Json, words: &[&'static str]) -> Result<(), Why> {
    let Json::Object(members) = json else { return Ok(()) };
    for (key, _) in members {
        let alike = words.iter().find(|word| key != *word && folded(key).eq(folded(word)));
        if let Some(expected) = alike {
            return Err(Why::LookAlike { found: key.chars().take(QUOTED_KEY).collect(), expected });
        }
    }
    Ok(())
}

/// Upper case first: `ſ` and the Kelvin sign only then fold to `s` and `k`.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().take_while(|c| *c != '\0').flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}
