//! Where Redis is, and how it is used.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError,
    TlsCertificates,
};

use super::topology::{Shape, Topology};

/// What was sent and not acknowledged for so long ends the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// How each certificate begins. A file without any would be read as one that believes nobody, or shows nothing.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where Redis is, and how it is used.
#[derive(Clone)]
pub struct Settings {
    /// `redis://[user:password@]host[:port][/database]`,
    /// `redis+sentinel://[user:password@]host[:port],…/master[?sentinel_login=[user]:password]` or
    /// `redis+cluster://[user:password@]host[:port],…`; with `rediss` for TLS. The first user and password are those
    /// of Redis, not of the Sentinels.
    pub url: String,
    /// The certificates (PEM) to believe instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// What is shown to servers that ask who connects.
    pub client: Option<ClientCertificate>,
    /// What all keys and channels begin with.
    pub prefix: String,
    /// How long to wait for the answer to one command.
    pub command_timeout: Duration,
    /// How many connections lists and sweeps may use.
    pub pool_size: usize,
    /// How many replicas should have a vote before it is acknowledged.
    pub wait_replicas: u32,
    /// How long to wait for them.
    pub wait_timeout: Duration,
    /// The digest of the policy that this replica runs, for the audit; may be empty.
    pub policy: String,
}

/// A certificate of our own, with its key; both PEM.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate, and those between it and its authority.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

impl Default for Settings {
    /// A Redis on this machine, prefix `holdpoint`, 1 s, 4 connections, no replicas.
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            ca: None,
            client: None,
            prefix: "holdpoint".into(),
            command_timeout: Duration::from_secs(1),
            pool_size: 4,
            wait_replicas: 0,
            wait_timeout: Duration::from_millis(500),
            policy: String::new(),
        }
    }
}

/// Why a store cannot be started with these settings. The URL is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// Not a URL of a Redis.
    #[error("the Redis URL is not understood: {0}")]
    Url(String),
    /// Not certificates, or without TLS.
    #[error("the Redis certificates cannot be used: {0}")]
    Certificates(String),
    /// A prefix that would break the names of keys.
    #[error("the Redis prefix must be 1 to 64 characters out of a-z, A-Z, 0-9, '-', '_', '.' and ':'")]
    Prefix,
    /// No connections at all.
    #[error("the Redis pool needs at least one connection")]
    PoolSize,
    /// A command would time out while it waits for replicas.
    #[error("the Redis wait_timeout has to be shorter than the command_timeout")]
    WaitTimeout,
}

impl Settings {
    /// Where to connect, if these settings can work.
    pub(super) fn topology(&self) -> Result<Topology, InvalidSettings> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(plain) {
            return Err(InvalidSettings::Prefix);
        }
        if self.pool_size == 0 {
            return Err(InvalidSettings::PoolSize);
        }
        if self.wait_replicas > 0 && self.wait_timeout >= self.command_timeout {
            return Err(InvalidSettings::WaitTimeout);
        }
        let Parts { shape, scheme, login, hosts, path } = Parts::of(&self.url)?;
        let server = |host: &str, path: &str| self.server(&format!("{scheme}://{login}{host}/{path}"));
        let (shape, like) = match shape {
            Word::One => {
                let server = self.server(&self.url)?;
                (Shape::One(server.clone()), server)
            }
            Word::Sentinel => {
                let (master, query) = path.split_once('?').map_or((path, None), |(m, q)| (m, Some(q)));
                if master.is_empty() {
                    return Err(InvalidSettings::Url("it does not name the master: …/name".into()));
                }
                let login = sentinel_login(query)?;
                let sentinel =
                    |host: &&str| self.server(&format!("{scheme}://{login}{}", with_port(host, 26379)));
                let sentinels = hosts.iter().map(sentinel).collect::<Result<_, _>>()?;
                (Shape::Sentinel { sentinels, master: master.to_owned() }, server(hosts[0], "")?)
            }
            Word::Cluster => {
                if !path.is_empty() {
                    return Err(InvalidSettings::Url("a cluster has no databases".into()));
                }
                let nodes: Vec<_> = hosts.iter().map(|host| server(host, "")).collect::<Result<_, _>>()?;
                let first = nodes[0].clone();
                (Shape::Cluster(nodes), first)
            }
        };
        Ok(Topology {
            shape,
            like,
            certificates: self.certificates(),
            timeout: self.command_timeout,
            pool_size: self.pool_size,
        })
    }

    /// One server, with all that a connection to it needs.
    fn server(&self, url: &str) -> Result<ConnectionInfo, InvalidSettings> {
        let understood = |error: RedisError| InvalidSettings::Url(error.to_string());
        let mut server = url.into_connection_info().map_err(understood)?;
        if matches!(server.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(InvalidSettings::Url("TLS without a check of the certificate is refused".into()));
        }
        if let Some(certificates) = self.certificates() {
            let shown = self.client.as_ref().map(|client| &client.certificate);
            let is_one = |file: &Vec<u8>| file.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE);
            if !self.ca.iter().chain(shown).all(is_one) {
                return Err(InvalidSettings::Certificates("a file holds no certificate".into()));
            }
            let client = Client::build_with_tls(server, certificates);
            let client = client.map_err(|error| InvalidSettings::Certificates(error.to_string()))?;
            server = client.get_connection_info().clone();
        }
        // Messages come over the connection of the commands, which takes RESP3.
        let redis = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Ok(server.set_redis_settings(redis).set_tcp_settings(tcp()))
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        let client_tls = self.client.clone().map(|ClientCertificate { certificate, key }| ClientTlsConfig {
            client_cert: certificate,
            client_key: key,
        });
        let any = self.ca.is_some() || client_tls.is_some();
        any.then(|| TlsCertificates { client_tls, root_cert: self.ca.clone() })
    }
}

/// How every connection treats its socket.
pub(super) fn tcp() -> TcpSettings {
    TcpSettings::default()
        .set_nodelay(true)
        .set_user_timeout(UNACKNOWLEDGED)
        .set_keepalive(TcpKeepalive::new().with_time(UNACKNOWLEDGED).with_interval(UNACKNOWLEDGED))
}

enum Word {
    One,
    Sentinel,
    Cluster,
}

/// A URL taken apart as far as the shape needs; what belongs to one server is left to the crate.
struct Parts<'a> {
    shape: Word,
    scheme: &'a str,
    /// With its `@`, or empty.
    login: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, InvalidSettings> {
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| InvalidSettings::Url("it has no scheme".into()))?;
        let (scheme, shape) = match scheme.split_once('+') {
            Some((scheme, "sentinel")) => (scheme, Word::Sentinel),
            Some((scheme, "cluster")) => (scheme, Word::Cluster),
            _ => (scheme, Word::One),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        Ok(Self { shape, scheme, login, hosts: hosts.split(',').collect(), path })
    }
}

/// The login of the Sentinels with its `@`, or nothing.
fn sentinel_login(query: Option<&str>) -> Result<String, InvalidSettings> {
    let Some(query) = query else { return Ok(String::new()) };
    match query.strip_prefix("sentinel_login=") {
        // A bare '/' in it would make a host of the user.
        Some(login) if login.contains(':') && !login.contains(['/', '?', '#', '&']) => {
            Ok(format!("{login}@"))
        }
        _ => Err(InvalidSettings::Url(
            "only ?sentinel_login=[user]:password, percent-encoded, may follow the master".into(),
        )),
    }
}

fn with_port(host: &str, port: u16) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{port}") }
}
