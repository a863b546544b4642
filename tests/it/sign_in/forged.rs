//! Tokens (JWT) that the issuer did not make, or not for this.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::issuer::{Issuer, Key, whoami};
use crate::admin::site::{Site, problem};
use crate::support::eventually::eventually;

async fn accepted(site: &Site, token: &str) -> Value {
    let response = whoami(site, token).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

async fn refused(site: &Site, what: &str, token: &str) {
    let response = whoami(site, token).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{what}");
    problem(response, 401, "unauthenticated").await;
}

#[tokio::test]
async fn a_token_of_the_issuer_is_believed() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let known = accepted(&site, &key.sign(&issuer.claims())).await;
    let ana = json!({"subject": "ana", "groups": ["dba"], "roles": ["reviewer"], "proof": format!("oidc {}", issuer.url)});
    assert_eq!(known, ana);
}

#[tokio::test]
async fn a_token_with_anything_wrong_is_refused() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let now = jiff::Timestamp::now().as_second();
    for (claim, values) in [
        (
            "iss",
            vec![
                json!("https://evil.example"),
                json!([issuer.url]),
                json!(format!("{}/", issuer.url)),
                Value::Null,
            ],
        ),
        ("aud", vec![json!("holdpoint"), json!(["https://other.example"]), json!([]), Value::Null]),
        ("exp", vec![json!(now - 300), json!("never"), Value::Null]),
        ("nbf", vec![json!(now + 300), json!("now")]),
        ("iat", vec![json!(now + 300), json!("now"), Value::Null]),
        ("sub", vec![json!(""), json!(" "), json!(7), Value::Null]),
    ] {
        for value in values {
            let mut claims = issuer.claims();
            claims[claim] = value;
            refused(&site, &format!("{claim}: {}", claims[claim]), &key.sign(&claims)).await;
            claims.as_object_mut().unwrap().remove(claim);
            if claim != "nbf" {
                refused(&site, &format!("no {claim}"), &key.sign(&claims)).await;
            }
        }
    }
    for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt"] {
        let header = Header { typ: Some(typ.to_owned()), ..key.header() };
        refused(&site, typ, &key.sign_with(&header, &issuer.claims())).await;
    }
    let header = Header { crit: Some(vec!["exp".to_owned()]), ..key.header() };
    refused(&site, "crit", &key.sign_with(&header, &issuer.claims())).await;
}

#[tokio::test]
async fn a_token_that_somebody_else_signed_is_refused() {
    let (key, other) = (Key::new("one"), Key::new("one"));
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let claims = issuer.claims();
    refused(&site, "another key under the same name", &other.sign(&claims)).await;

    let public = EncodingKey::from_secret(key.public_pem().as_bytes());
    let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
    let hmac = jsonwebtoken::encode(&header, &claims, &public).unwrap();
    refused(&site, "HS256 with the public key", &hmac).await;

    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for alg in ["none", "None", "NONE", ""] {
        let unsigned =
            format!("{}.{}.", part(json!({"alg": alg, "typ": "JWT", "kid": "one"})), part(claims.clone()));
        refused(&site, alg, &unsigned).await;
    }
    let good = key.sign(&claims);
    let (head_and_claims, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = head_and_claims.split_once('.').unwrap();
    let mut changed = claims.clone();
    changed["sub"] = json!("root");
    refused(&site, "other claims", &format!("{head}.{}.{signature}", part(changed))).await;
    refused(&site, "no signature", &format!("{head_and_claims}.")).await;
    refused(&site, "a cut one", &good[..good.len() - 4]).await;
    let header =
        Header { alg: Algorithm::ES256, jwk: serde_json::from_value(other.jwk()).unwrap(), ..other.header() };
    refused(&site, "a key that it brings along", &other.sign_with(&header, &claims)).await;
    accepted(&site, &good).await;
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_found_and_one_that_it_dropped_is_forgotten() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::start(&old).await;
    let site = issuer.site().await;
    accepted(&site, &old.sign(&issuer.claims())).await;
    issuer.rotates_to(&new);
    let token = new.sign(&issuer.claims());
    // It was asked just now, so it takes a moment until it is asked again.
    eventually("the new key to be known", async || {
        (whoami(&site, &token).await.status() == StatusCode::OK).then_some(())
    })
    .await;
    refused(&site, "the old key", &old.sign(&issuer.claims())).await;
}

#[tokio::test]
async fn made_up_keys_do_not_make_us_ask_the_issuer_each_time() {
    let (key, unknown) = (Key::new("one"), Key::new("unknown"));
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    for _ in 0..50 {
        refused(&site, "an unknown key", &unknown.sign(&issuer.claims())).await;
    }
    assert!(issuer.asked_for_keys() <= 3, "asked {} times", issuer.asked_for_keys());
}
