//! Sessions and API tokens in Redis, shared by all replicas.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use redis::{Cmd, FromRedisValue, cmd};
use serde::{Deserialize, Serialize};

use super::record::millis;
use super::{RedisStore, unavailable};
use crate::clock::{Clock, SystemClock};
use crate::domain::credential::{ApiToken, Person, Session, TokenDigest, Whose};
use crate::domain::decision::{Membership, Role, Roles};
use crate::domain::ids::{Group, Subject};
use crate::store::{IdentityStore, StoreError};

/// The form of what is written here; another one is not read.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct SessionRecord {
    v: u8,
    ends_at: Timestamp,
    whose: WhoseRecord,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WhoseRecord {
    Token(String),
    Person { subject: String, groups: GroupsRecord, proof: String },
}

/// Written out, so that a record without it is not one of all groups.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupsRecord {
    All,
    Only(Vec<String>),
}

#[derive(Serialize, Deserialize)]
struct TokenRecord {
    v: u8,
    subject: String,
    groups: GroupsRecord,
    roles: Vec<String>,
    created_by: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl RedisStore {
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let up = self.up()?;
        command.query_async(&mut up.lines.shared()).await.map_err(|error| {
            up.blame(&error);
            unavailable(error)
        })
    }
}

#[async_trait]
impl IdentityStore for RedisStore {
    async fn open_session(
        &self,
        secret: &TokenDigest,
        session: &Session,
        idle: Duration,
    ) -> Result<(), StoreError> {
        let Some(lasts) = lasts(session, idle) else { return Ok(()) };
        self.ask(
            cmd("SET")
                .arg(self.keys.session(secret))
                .arg(write_session(session))
                .arg("PX")
                .arg(millis(lasts)),
        )
        .await
    }

    async fn session(&self, secret: &TokenDigest, idle: Duration) -> Result<Option<Session>, StoreError> {
        let Some(session) = self.peek_session(secret).await? else { return Ok(None) };
        let Some(lasts) = lasts(&session, idle) else { return Ok(None) };
        // One that was ended meanwhile stays ended: this writes nothing then, and says so.
        let key = self.keys.session(secret);
        let there: bool = self.ask(cmd("PEXPIRE").arg(key).arg(millis(lasts))).await?;
        Ok(there.then_some(session))
    }

    async fn peek_session(&self, secret: &TokenDigest) -> Result<Option<Session>, StoreError> {
        let found: Option<String> = self.ask(cmd("GET").arg(self.keys.session(secret))).await?;
        let session = found.and_then(|text| readable("session", read_session(&text)));
        Ok(session.filter(|session| SystemClock.now() < session.ends_at))
    }

    async fn end_session(&self, secret: &TokenDigest) -> Result<(), StoreError> {
        self.ask(cmd("DEL").arg(self.keys.session(secret))).await
    }

    async fn add_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        let (digest, record) = (token.digest.to_string(), write_token(token));
        self.ask(cmd("HSET").arg(self.keys.tokens()).arg(digest).arg(record)).await
    }

    async fn token(&self, digest: &TokenDigest) -> Result<Option<ApiToken>, StoreError> {
        let found: Option<String> =
            self.ask(cmd("HGET").arg(self.keys.tokens()).arg(digest.to_string())).await?;
        let token = found.and_then(|text| readable("token", read_token(digest, &text)));
        Ok(token.filter(|token| SystemClock.now() < token.expires_at))
    }

    async fn tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let found: Vec<(String, String)> = self.ask(cmd("HGETALL").arg(self.keys.tokens())).await?;
        let mut tokens = Vec::new();
        for (digest, text) in found {
            let token = digest.parse().ok().and_then(|digest| read_token(&digest, &text));
            let Some(token) = readable("token", token) else { continue };
            if SystemClock.now() < token.expires_at {
                tokens.push(token);
            } else {
                self.revoke_token(&token.digest).await?;
            }
        }
        tokens.sort_by_key(|token| token.created_at);
        Ok(tokens)
    }

    async fn revoke_token(&self, digest: &TokenDigest) -> Result<bool, StoreError> {
        self.ask(cmd("HDEL").arg(self.keys.tokens()).arg(digest.to_string())).await
    }
}

/// How long a session lasts if it is not used; none where it has ended.
fn lasts(session: &Session, idle: Duration) -> Option<Duration> {
    let left = Duration::try_from(session.ends_at.duration_since(SystemClock.now())).ok()?;
    // Redis counts in milliseconds, and takes no span of none.
    (left.as_millis() > 0).then(|| left.min(idle))
}

/// A record that cannot be read lets nobody in.
fn readable<T>(what: &str, read: Option<T>) -> Option<T> {
    if read.is_none() {
        tracing::warn!("a {what} in Redis cannot be read by this version, and counts as none");
    }
    read
}

fn write_session(session: &Session) -> String {
    let whose = match &session.whose {
        Whose::Token(digest) => WhoseRecord::Token(digest.to_string()),
        Whose::Person(person) => WhoseRecord::Person {
            subject: person.subject.0.clone(),
            groups: write_groups(&person.groups),
            proof: person.proof.clone(),
        },
    };
    text(&SessionRecord { v: VERSION, ends_at: session.ends_at, whose })
}

fn read_session(text: &str) -> Option<Session> {
    let record: SessionRecord = serde_json::from_str(text).ok().filter(|r: &SessionRecord| r.v == VERSION)?;
    let whose = match record.whose {
        WhoseRecord::Token(digest) => Whose::Token(digest.parse().ok()?),
        WhoseRecord::Person { subject, groups, proof } => {
            Whose::Person(Person { subject: Subject(subject), groups: read_groups(groups), proof })
        }
    };
    Some(Session { whose, ends_at: record.ends_at })
}

fn write_token(token: &ApiToken) -> String {
    text(&TokenRecord {
        v: VERSION,
        subject: token.subject.0.clone(),
        groups: write_groups(&token.groups),
        roles: token.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        created_by: token.created_by.0.clone(),
        created_at: token.created_at,
        expires_at: token.expires_at,
    })
}

fn read_token(digest: &TokenDigest, text: &str) -> Option<ApiToken> {
    let record: TokenRecord = serde_json::from_str(text).ok().filter(|r: &TokenRecord| r.v == VERSION)?;
    Some(ApiToken {
        digest: *digest,
        subject: Subject(record.subject),
        groups: read_groups(record.groups),
        roles: record.roles.iter().map(|word| Role::of_word(word)).collect::<Option<Roles>>()?,
        created_by: Subject(record.created_by),
        created_at: record.created_at,
        expires_at: record.expires_at,
    })
}

fn write_groups(groups: &Membership) -> GroupsRecord {
    match groups {
        Membership::All => GroupsRecord::All,
        Membership::Groups(groups) => GroupsRecord::Only(groups.iter().map(|g| g.0.clone()).collect()),
    }
}

fn read_groups(groups: GroupsRecord) -> Membership {
    match groups {
        GroupsRecord::All => Membership::All,
        GroupsRecord::Only(groups) => Membership::Groups(groups.into_iter().map(Group).collect()),
    }
}

fn text(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("texts and times can be written as JSON")
}
