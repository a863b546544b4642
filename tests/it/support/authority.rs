//! A certificate authority of one test, and servers with certificates of it.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use redis::{ClientTlsConfig, TlsCertificates};
use tempfile::TempDir;

/// An authority, and one certificate of it for this machine.
pub struct Authority {
    /// Its own certificate.
    pub root: String,
    /// The certificate for this machine.
    pub certificate: String,
    pub key: String,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let (mut authority, authority_key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let issuer = Issuer::new(authority, authority_key);
        let mut own = CertificateParams::new(names).unwrap();
        // Named as its authority it would pass for signed by itself.
        own.distinguished_name.push(DnType::CommonName, "this machine");
        let certificate = own.signed_by(&key, &issuer).unwrap().pem();
        let (key, folder) = (key.serialize_pem(), tempfile::tempdir().expect("a folder"));
        for (name, text) in [("root", &root), ("certificate", &certificate), ("key", &key)] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        Self { root, certificate, key, folder }
    }

    /// The folder with `root`, `certificate` and `key`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How a Redis or a Sentinel has to be set to speak nothing but TLS on this port; clients have to show a
    /// certificate, as is its default.
    pub fn settings(&self, port: u16) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        vec![
            ("port", "0".to_owned()),
            ("tls-port", port.to_string()),
            ("tls-ca-cert-file", file("root")),
            ("tls-cert-file", file("certificate")),
            ("tls-key-file", file("key")),
            ("tls-replication", "yes".to_owned()),
            ("tls-cluster", "yes".to_owned()),
        ]
    }

    /// What a client needs.
    pub fn certificates(&self) -> TlsCertificates {
        let bytes = |text: &String| text.clone().into_bytes();
        let client_tls =
            ClientTlsConfig { client_cert: bytes(&self.certificate), client_key: bytes(&self.key) };
        TlsCertificates { client_tls: Some(client_tls), root_cert: Some(bytes(&self.root)) }
    }
}
