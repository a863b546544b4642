//! An admin side that listens, and calls that wait behind it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdpoint::admin::{
    self, AllowedHosts, Authentication, CardSettings, Proofs, Settings, StoreKind, TokenDigest, TokenReviewer,
};
use holdpoint::approvals::{Approvals, Waiters};
use holdpoint::audit::Audit;
use holdpoint::clock::SystemClock;
use holdpoint::domain::approval::{Approval, Held, StateKind};
use holdpoint::domain::decision::{Membership, Role};
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::{ApprovalId, Group, ReplicaId, Subject};
use holdpoint::domain::outcome::Outcome;
use holdpoint::domain::sample;
use holdpoint::store::around::{Around, Failure};
use holdpoint::store::memory::MemoryStore;
use holdpoint::store::{ApprovalStore, Filter, Health, Order, Query, StoreError};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::kept::SwitchedIdentities;
use crate::support::eventually::eventually;

/// Nothing that is waited for here takes longer.
pub const BOUND: Duration = Duration::from_secs(5);

/// The tokens of the reviewers that [`Site::open`] knows.
pub const ALICE: &str = "token-of-alice";
pub const BOB: &str = "token-of-bob";
/// Of one who belongs to group `dba` only.
pub const DORA: &str = "token-of-dora";

pub struct Site {
    pub url: String,
    pub approvals: Arc<Approvals>,
    pub store: Arc<SwitchedStore>,
    pub audit: Arc<Audit>,
    pub identities: Arc<SwitchedIdentities>,
    pub draining: CancellationToken,
    pub shutdown: CancellationToken,
    client: reqwest::Client,
    pub server: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    /// A site that knows alice, bob and dora.
    pub async fn open() -> Self {
        Self::open_with(Settings { authentication: tokens(), ..settings() }).await
    }

    pub async fn open_with(settings: Settings) -> Self {
        let clock = Arc::new(SystemClock);
        let waiters = Arc::new(Waiters::default());
        let memory = Arc::new(MemoryStore::new(clock.clone(), waiters.clone(), Duration::from_secs(600)));
        let audit = Audit::new(memory.clone(), clock.clone(), ReplicaId::random(), Default::default());
        let store = Arc::new(SwitchedStore {
            memory,
            off: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            replicated: Mutex::new(None),
        });
        let patience = Duration::from_secs(1);
        let approvals = Approvals::new(
            store.clone(),
            waiters,
            clock,
            ReplicaId::random(),
            holdpoint::approvals::Settings {
                break_glass: Some(Group("ops".into())),
                ..holdpoint::approvals::Settings::new(patience, sample::UNLIMITED)
            },
        );
        let (draining, shutdown) = (CancellationToken::new(), CancellationToken::new());
        let identities = Arc::new(SwitchedIdentities::default());
        let router = admin::router(
            Arc::clone(&approvals),
            audit.clone(),
            identities.clone(),
            settings,
            draining.clone(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = admin::serve(listener, router, shutdown.clone());
        let server = tokio::spawn(async move { server.await.unwrap() });
        let client = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { url, approvals, store, audit, identities, draining, shutdown, client, server }
    }

    /// A request without any proof of who sends it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A GET by alice.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).bearer_auth(ALICE).send().await.unwrap()
    }

    /// What alice reads at this path.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// A POST by whoever has this token.
    pub async fn post(&self, token: &str, path: &str, body: &str) -> Response {
        self.request(Method::POST, path).bearer_auth(token).body(body.to_owned()).send().await.unwrap()
    }

    /// The answer to a link with this token.
    pub async fn link(&self, token: &str) -> Response {
        self.request(Method::GET, &format!("/?token={token}")).send().await.unwrap()
    }

    /// The answer to the form with this token.
    pub fn form(&self, path: &str, token: &str) -> RequestBuilder {
        let form = "application/x-www-form-urlencoded";
        self.request(Method::POST, path).header("content-type", form).body(format!("token={token}"))
    }

    /// The cookie of whoever has this token.
    pub async fn session(&self, token: &str) -> String {
        let response = self.link(token).await;
        response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    /// Lets a call wait, and returns once it is written down.
    pub async fn park(&self, held: Held) -> Parked {
        let fingerprint = held.fingerprint;
        let approvals = Arc::clone(&self.approvals);
        let before = self.of(fingerprint).await.len();
        let call = tokio::spawn(async move { approvals.hold(held, None, Instant::now() + 12 * BOUND).await });
        let id = eventually("the call to be parked", async || {
            let parked = self.of(fingerprint).await;
            parked.last().filter(|_| parked.len() > before).map(|approval| approval.id.clone())
        });
        Parked { id: id.await, fingerprint, call }
    }

    async fn of(&self, fingerprint: Fingerprint) -> Vec<Approval> {
        let query = Query {
            states: StateKind::ALL.to_vec(),
            filter: Filter { fingerprint: Some(fingerprint), ..Filter::default() },
            order: Order::OldestFirst,
            after: None,
            limit: usize::MAX,
        };
        self.approvals.list(&query).await.unwrap().approvals
    }
}

/// The tokens of alice, who may do everything, of bob, who decides everything, and of dora, who belongs to one group.
pub fn tokens() -> Authentication {
    let reviewer = |name: &str, groups, token| TokenReviewer {
        subject: Subject(name.into()),
        roles: if name == "alice" {
            Role::ALL.into_iter().collect()
        } else {
            [Role::Reviewer].into_iter().collect()
        },
        groups,
        token: TokenDigest::of(token),
    };
    let dba = Membership::Groups(vec![Group("dba".into())]);
    let tokens = vec![
        reviewer("alice", Membership::All, ALICE),
        reviewer("bob", Membership::All, BOB),
        reviewer("dora", dba, DORA),
    ];
    Authentication::Required(Box::new(Proofs { tokens, ..Proofs::default() }))
}

/// Nobody has to say who they are, unless changed.
pub fn settings() -> Settings {
    Settings {
        authentication: Authentication::Off,
        allowed_hosts: AllowedHosts::LoopbackAnd(Vec::new()),
        secure_cookie: false,
        store: StoreKind::Embedded,
        cards: CardSettings::default(),
    }
}

/// Waits until nobody waits for this call.
pub async fn until_it_left(site: &Site, id: &ApprovalId) {
    eventually("its attempt has left", async || {
        let approval = site.approvals.look(id).await.unwrap()?;
        approval.holder.is_none().then_some(())
    })
    .await;
}

/// A held call with these arguments.
pub fn call_with(arguments: &str) -> Held {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"run_migration","arguments":{arguments}}}}}"#
    );
    Held { body, ..sample::held() }
}

/// A call that waits.
pub struct Parked {
    pub id: ApprovalId,
    pub fingerprint: Fingerprint,
    pub call: JoinHandle<Outcome>,
}

impl Parked {
    /// How its wait ended.
    pub async fn outcome(self) -> Outcome {
        timeout(BOUND, self.call).await.expect("answered within the bound").unwrap()
    }

    /// The path where it is decided.
    pub fn decisions(&self) -> String {
        format!("/v1/approvals/{}/decisions", self.id)
    }

    /// A decision on exactly this call.
    pub fn decision(&self, verdict: &str, reason: &str) -> String {
        serde_json::json!({"verdict": verdict, "reason": reason, "fingerprint": self.fingerprint.to_string()})
            .to_string()
    }
}

/// Asserts that this is the problem with this slug, and returns it.
pub async fn problem(response: Response, status: u16, slug: &str) -> Value {
    assert_eq!(response.status().as_u16(), status, "{slug}");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["type"], format!("https://holdpoint.dev/problems/{slug}"));
    assert_eq!(body["status"], status);
    for text in ["title", "detail"] {
        assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{text} in {body}");
    }
    body
}

/// The embedded store, with a switch: off, it does not answer.
pub struct SwitchedStore {
    memory: Arc<MemoryStore>,
    off: AtomicBool,
    deaf: AtomicBool,
    replicated: Mutex<Option<bool>>,
}

impl SwitchedStore {
    pub fn switch(&self, on: bool) {
        self.off.store(!on, Ordering::SeqCst);
    }

    /// Whether it takes notes from now on.
    pub fn take_notes(&self, takes: bool) {
        self.deaf.store(!takes, Ordering::SeqCst);
    }

    /// What is said of decisions from now on.
    pub fn say_replicated(&self, replicated: Option<bool>) {
        *self.replicated.lock().unwrap() = replicated;
    }

    fn is_off(&self) -> bool {
        self.off.load(Ordering::SeqCst)
    }
}

impl Around for SwitchedStore {
    fn inner(&self) -> Arc<dyn ApprovalStore> {
        self.memory.clone()
    }

    async fn around<T: Send, E: Failure>(
        &self,
        transition: &'static str,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let is_deaf = transition == "note" && self.deaf.load(Ordering::SeqCst);
        if is_deaf || self.is_off() {
            return Err(StoreError::Unavailable("switched off".into()).into());
        }
        answer.await
    }

    async fn replicated(&self, _: &Approval) -> Option<bool> {
        *self.replicated.lock().unwrap()
    }

    fn health(&self) -> Health {
        if self.is_off() { Health::Down("switched off".into()) } else { Health::Up }
    }
}
