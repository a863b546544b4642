//! What a browser keeps for us.

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookies, whose names depend on how the browser reaches us.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Cookie {
    /// Whether it does over https.
    pub(super) secure: bool,
}

impl Cookie {
    /// The session. With `__Host-` no other host and no plain http can set it; over plain http it could not be set at all.
    fn session_name(self) -> &'static str {
        if self.secure { "__Host-holdpoint" } else { "holdpoint" }
    }

    /// Where somebody is on the way to the issuer and back.
    fn sign_in_name(self) -> &'static str {
        if self.secure { "__Host-holdpoint-sign-in" } else { "holdpoint-sign-in" }
    }

    /// The sessions in a request's cookies. There may be several: of another path, or of another installation here.
    pub(in crate::admin) fn sessions(self, headers: &HeaderMap) -> impl Iterator<Item = &str> {
        named(headers, self.session_name())
    }

    /// What was kept on the way to the issuer.
    pub(in crate::admin) fn sign_in(self, headers: &HeaderMap) -> Option<&str> {
        named(headers, self.sign_in_name()).next()
    }

    /// Keeps a session as long as the browser runs; the store knows when it ends.
    pub(in crate::admin) fn open(self, secret: &str) -> HeaderValue {
        self.write(self.session_name(), secret, "")
    }

    /// Forgets the session.
    pub(in crate::admin) fn close(self) -> HeaderValue {
        self.write(self.session_name(), "", "; Max-Age=0")
    }

    /// Keeps what is needed on the way back from the issuer, for ten minutes.
    pub(in crate::admin) fn leave(self, kept: &str) -> HeaderValue {
        self.write(self.sign_in_name(), kept, "; Max-Age=600")
    }

    /// Forgets it.
    pub(in crate::admin) fn return_from(self) -> HeaderValue {
        self.write(self.sign_in_name(), "", "; Max-Age=0")
    }

    /// `Lax`: a link in a chat, and the way back from the issuer, arrive with the session. Only what is safe to ask for can
    /// be asked so; for everything else the origin is checked.
    fn write(self, name: &str, value: &str, end: &str) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{end}");
        HeaderValue::from_str(&cookie).expect("what is kept is hexadecimal, or an address")
    }
}

fn named<'a>(headers: &'a HeaderMap, wanted: &'static str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value)
}
