//! Reads strictly what `jiter` tokenizes.

use std::collections::HashSet;

use jiter::{Jiter, JiterError, Peek};

use super::{Json, JsonError, MAX_DEPTH, MAX_VALUES};

/// Up to so many keys a scan beats a hash set.
const FEW_KEYS: usize = 16;
/// Up to so many characters a number without exponent is finite for certain.
const SURELY_FINITE: usize = 300;
/// So much of a repeated key is quoted in the error.
const QUOTED_KEY: usize = 40;

pub(super) fn read(bytes: &[u8]) -> Result<Json, JsonError> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError::ByteOrderMark);
    }
    std::str::from_utf8(bytes).map_err(|e| JsonError::NotUtf8 { at: e.valid_up_to() })?;
    let mut tokens = Jiter::new(bytes);
    let next = tokens.peek()?;
    let mut left = MAX_VALUES;
    let json = value(&mut tokens, next, MAX_DEPTH, &mut left)?;
    tokens.finish()?;
    Ok(json)
}

/// Reads the value that begins at `next`; `room` is how many more levels may open, `left` how many more values there may be.
fn value(tokens: &mut Jiter<'_>, next: Peek, room: usize, left: &mut usize) -> Result<Json, JsonError> {
    *left = left.checked_sub(1).ok_or_else(|| JsonError::TooMany { at: tokens.current_index() })?;
    match next {
        Peek::Null => tokens.known_null().map(|()| Json::Null).map_err(JsonError::from),
        Peek::True | Peek::False => Ok(Json::Bool(tokens.known_bool(next)?)),
        Peek::String => Ok(Json::String(tokens.known_str()?.to_owned())),
        Peek::Array | Peek::Object if room == 0 => Err(JsonError::TooDeep { at: tokens.current_index() }),
        Peek::Array => array(tokens, room - 1, left),
        Peek::Object => object(tokens, room - 1, left),
        _ => number(tokens, next),
    }
}

fn array(tokens: &mut Jiter<'_>, room: usize, left: &mut usize) -> Result<Json, JsonError> {
    let mut items = Vec::new();
    let mut next = tokens.known_array()?;
    while let Some(peek) = next {
        items.push(value(tokens, peek, room, left)?);
        next = tokens.array_step()?;
    }
    Ok(Json::Array(items))
}

fn object(tokens: &mut Jiter<'_>, room: usize, left: &mut usize) -> Result<Json, JsonError> {
    let mut members = Vec::new();
    let mut key = tokens.known_object()?.map(str::to_owned);
    while let Some(name) = key {
        let next = tokens.peek()?;
        members.push((name, value(tokens, next, room, left)?));
        key = tokens.next_key()?.map(str::to_owned);
    }
    match repeated_key(&members) {
        Some(key) => Err(JsonError::DuplicateKey {
            key: key.chars().take(QUOTED_KEY).collect(),
            at: tokens.current_index(),
        }),
        None => Ok(Json::Object(members)),
    }
}

fn repeated_key(members: &[(String, Json)]) -> Option<&str> {
    let mut keys = members.iter().map(|(key, _)| key.as_str());
    if members.len() > FEW_KEYS {
        let mut seen = HashSet::with_capacity(members.len());
        return keys.find(|key| !seen.insert(*key));
    }
    let mut earlier = 0..;
    keys.find(|key| members.iter().take(earlier.next().unwrap_or(0)).any(|(k, _)| k == key))
}

fn number(tokens: &mut Jiter<'_>, next: Peek) -> Result<Json, JsonError> {
    let literal = String::from_utf8_lossy(tokens.known_number_bytes(next)?).into_owned();
    let surely_finite = literal.len() <= SURELY_FINITE && !literal.contains(['e', 'E']);
    if surely_finite || literal.parse::<f64>().is_ok_and(f64::is_finite) {
        Ok(Json::Number(literal))
    } else {
        Err(JsonError::NumberTooLarge { at: tokens.current_index() })
    }
}

impl From<JiterError> for JsonError {
    fn from(e: JiterError) -> JsonError {
        JsonError::Syntax { what: e.error_type.to_string(), at: e.index }
    }
}
