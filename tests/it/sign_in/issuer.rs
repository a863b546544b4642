//! An issuer whose every word a test chooses, for what no honest one says.

use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use holdpoint::admin::{Authentication, Oidc, Proofs, Settings};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::admin::site::Site;

/// A key of an issuer, or of somebody who would like to be one.
pub struct Key {
    pub id: &'static str,
    pair: KeyPair,
}

impl Key {
    pub fn new(id: &'static str) -> Self {
        Self { id, pair: KeyPair::generate().unwrap() }
    }

    fn private(&self) -> EncodingKey {
        EncodingKey::from_ec_pem(self.pair.serialize_pem().as_bytes()).unwrap()
    }

    /// What everybody may know of it.
    pub fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private(), Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    /// The header of a token by this key.
    pub fn header(&self) -> Header {
        Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::ES256) }
    }

    /// A token that says this.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.private()).unwrap()
    }
}

#[derive(Default)]
struct Said {
    keys: Vec<Value>,
    id_token: String,
    asked_for_keys: usize,
    redeemed: Vec<String>,
    user_info: Value,
}

/// The issuer; it ends with the test.
pub struct Issuer {
    pub url: String,
    said: Arc<Mutex<Said>>,
    server: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Issuer {
    /// An issuer with this key.
    pub async fn start(key: &Key) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let said = Arc::new(Mutex::new(Said { keys: vec![key.jwk()], ..Said::default() }));
        let discovery = json!({"issuer": url, "authorization_endpoint": format!("{url}/auth"),
            "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/jwks"),
            "userinfo_endpoint": format!("{url}/me")});
        let (of_keys, of_tokens, of_people) = (said.clone(), said.clone(), said.clone());
        let keys = async move || {
            let mut said = of_keys.lock().unwrap();
            said.asked_for_keys += 1;
            Json(json!({ "keys": said.keys }))
        };
        let token = async move |form: String| {
            let mut said = of_tokens.lock().unwrap();
            said.redeemed.push(form);
            Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": said.id_token}))
        };
        let user_info = async move |headers: HeaderMap| {
            assert_eq!(headers["authorization"], "Bearer x", "the access token that it gave");
            Json(of_people.lock().unwrap().user_info.clone())
        };
        let router = Router::new()
            .route("/me", get(user_info))
            .route("/.well-known/openid-configuration", get(async move || Json(discovery)))
            .route("/jwks", get(keys))
            .route("/token", post(token));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, said, server }
    }

    /// Has this key from now on, and no other.
    pub fn rotates_to(&self, key: &Key) {
        self.said.lock().unwrap().keys = vec![key.jwk()];
    }

    /// How often its keys were asked for.
    pub fn asked_for_keys(&self) -> usize {
        self.said.lock().unwrap().asked_for_keys
    }

    /// What it gives for the next code.
    pub fn gives(&self, id_token: String) {
        self.said.lock().unwrap().id_token = id_token;
    }

    /// What it tells of whoever has the access token.
    pub fn tells(&self, user_info: Value) {
        self.said.lock().unwrap().user_info = user_info;
    }

    /// The forms in which codes were sent to it.
    pub fn redeemed(&self) -> Vec<String> {
        self.said.lock().unwrap().redeemed.clone()
    }

    /// What a good token says.
    pub fn claims(&self) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({"iss": self.url, "aud": "https://holdpoint.example", "sub": "ana", "groups": ["dba"],
            "exp": now + 300, "iat": now, "nbf": now})
    }

    /// A site where people sign in here.
    pub async fn site(&self) -> Site {
        site_of(&self.url).await
    }
}

/// A site where people sign in at this issuer.
pub async fn site_of(issuer: &str) -> Site {
    site_with(issuer, "").await
}

/// The same with more settings.
pub async fn site_with(issuer: &str, settings: &str) -> Site {
    let text = format!(
        "issuer: {issuer}\nclient_id: holdpoint\naudiences: ['https://holdpoint.example']\n{settings}"
    );
    let oidc = Oidc {
        config: serde_saphyr::from_str(&text).unwrap(),
        client_secret: Some("the-secret".into()),
        ca: None,
        public_url: "http://127.0.0.1:8081".into(),
    };
    let proofs = Box::new(Proofs { oidc: Some(oidc), ..Proofs::default() });
    let authentication = Authentication::Required(proofs);
    Site::open_with(Settings { authentication, ..crate::admin::site::settings() }).await
}

/// Who the site takes the holder of this token for.
pub async fn whoami(site: &Site, token: &str) -> Response {
    site.request(Method::GET, "/v1/whoami").bearer_auth(token).send().await.unwrap()
}
