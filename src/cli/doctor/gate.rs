//! The gate itself: probes through the gateway, and what comes back.

mod probe;

use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::HeaderName;

use self::probe::{Answer, Seen};
use super::finding::Finding;
use crate::cli::client::{Client, Filter};
use crate::domain::probe as reserved;

/// How much longer than the hold an answer may take.
const ROOM: Duration = Duration::from_secs(30);

/// Bodies larger than what gateways are usually set to forward. The smallest that is refused tells most surely: who refuses
/// a large one often hangs up while it is still being sent.
const OVERSIZED: [usize; 3] = [96 * 1024, 1280 * 1024, 6 * 1024 * 1024];

/// How often a body is sent that got no answer.
const TRIES: usize = 5;

/// How often the admin side is asked whether the probe is there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A gated endpoint of a gateway.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    agent: Agent,
    url: String,
    headers: Vec<(HeaderName, String)>,
    hold: Duration,
}

impl Gate {
    /// The gate at this URL, for probes that are held so long.
    pub(super) fn new(url: &str, headers: &[String], hold: Duration) -> anyhow::Result<Self> {
        let headers = headers.iter().map(|header| {
            let (name, value) =
                header.split_once(':').ok_or_else(|| anyhow::anyhow!("{header:?} has no colon"))?;
            Ok((name.trim().parse::<HeaderName>()?, value.trim().to_owned()))
        });
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(hold + ROOM));
        Ok(Self {
            agent: config.build().into(),
            url: url.to_owned(),
            headers: headers.collect::<anyhow::Result<_>>()?,
            hold,
        })
    }

    /// Sends all probes, one after the other.
    pub(super) fn findings(&self, admin: &Client) -> Vec<Finding> {
        let mut found = self.parked(admin);
        found.push(self.oversized());
        let whole = probe::call("truncated", Duration::ZERO, 0);
        found.push(self.unreadable(
            "gate.truncated",
            "a truncated body",
            whole[..whole.len() / 2].to_owned(),
        ));
        found.push(self.unreadable("gate.not_json", "a body that is no JSON", "tools/call".to_owned()));
        found
    }

    /// A probe has to be parked, seen by reviewers, and refused.
    fn parked(&self, admin: &Client) -> Vec<Finding> {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let (gate, body) = (self.clone(), probe::call(&nonce, self.hold, 0));
        let started = Instant::now();
        let call = thread::spawn(move || gate.send(body));
        let mut seen = None;
        while seen.is_none() && !call.is_finished() {
            seen = look(admin, &nonce).transpose();
            thread::sleep(LOOK_EVERY);
        }
        let answer = call.join().expect("sending does not panic");
        let took = started.elapsed();
        let seen = match seen {
            Some(Ok(())) => Finding::ok("gate.seen", "the admin side shows the probe while it is parked"),
            Some(Err(error)) => Finding::failed("gate.seen", format!("reviewers cannot see it: {error}")),
            None => Finding::warning("gate.seen", "the probe was answered before the admin side showed it"),
        };
        match answer {
            Answer::Ours { code, seen: Some(told) } if code == "probe" => {
                let parked = match told.parked {
                    true => {
                        Finding::ok("gate.parks", format!("a probe was parked and refused after {took:.1?}"))
                    }
                    false => Finding::failed("gate.parks", "the probe was refused, but could not be parked"),
                };
                [parked, seen].into_iter().chain(self.told(&told)).collect()
            }
            answer => vec![Finding::failed("gate.parks", self.not_parked(&answer, took))],
        }
    }

    fn not_parked(&self, answer: &Answer, took: Duration) -> String {
        let after = format!("after {took:.1?}");
        match answer {
            Answer::Ours { code, .. } => {
                format!("Holdpoint refused the probe as {code:?} instead of parking it")
            }
            Answer::Gateway { status: 401 } => {
                "the gateway wants the caller to log in: give its header with --gateway-header".to_owned()
            }
            Answer::Gateway { status: status @ (408 | 504) } => format!(
                "the gateway cut the held call {after}, with {status}, although it was to be held for {:?}. Envoy: the \
                 route's idle_timeout or stream_idle_timeout, max_stream_duration. agentgateway: timeout.requestTimeout",
                self.hold
            ),
            Answer::Gateway { status: 413 } => {
                "the gateway refused a small call with 413: its body limit is too low. Envoy: \
                 max_request_bytes. agentgateway: includeRequestBody.maxRequestBytes, which is 0 unless set"
                    .to_owned()
            }
            Answer::Gateway { status } => format!(
                "the gateway refused {after} with {status} by itself: it does not reach Holdpoint, or gave up on it. Envoy: \
                 the cluster, grpc_service.timeout, max_interval of the retries. agentgateway: extAuthz.host, \
                 extAuthz.policies.http.requestTimeout. It did not let the call through"
            ),
            Answer::Forwarded { status, begin } => format!(
                "THE GATE IS OPEN: a server behind the gateway answered {after} with {status} ({begin:?}). Either this \
                 route is not gated, or the gateway lets requests through when it does not reach Holdpoint"
            ),
            Answer::None(why) => format!("no answer {after}: {why}"),
        }
    }

    /// What the service saw of the probe, and what follows.
    fn told(&self, seen: &Seen) -> Vec<Finding> {
        let longest = Duration::from_millis(seen.longest_hold_ms);
        let deadline = match seen.deadline_ms.map(Duration::from_millis) {
            Some(deadline) if deadline < longest => Finding::failed(
                "gate.deadline",
                format!(
                    "the gateway gives up on a Check after {deadline:?}, and rules hold for up to {longest:?}: calls are \
                     refused before anybody decides. Envoy: grpc_service.timeout, max_interval of the retries"
                ),
            ),
            Some(deadline) => Finding::ok("gate.deadline", format!("a Check may take {deadline:?}")),
            None if self.hold < longest => Finding::unseen(
                "gate.deadline",
                format!(
                    "the gateway names no deadline; a hold of {:?} was seen to last. Rules hold for up to {longest:?}: \
                     repeat with --hold {}s to be sure",
                    self.hold,
                    longest.as_secs()
                ),
            ),
            None => Finding::ok("gate.deadline", format!("a hold of {:?} lasted", self.hold)),
        };
        let bytes = match seen.exact_bytes {
            true => Finding::ok("gate.exact_bytes", "bodies arrive as bytes"),
            false => Finding::failed(
                "gate.exact_bytes",
                "bodies arrive as text that the gateway has decoded, so a reviewer may read other bytes than those that \
                 run. Envoy: pack_as_bytes: true. agentgateway: packAsBytes: true",
            ),
        };
        let caller = match seen.caller_known {
            true => Finding::ok("gate.caller", "the gateway vouches for the caller"),
            false => Finding::warning(
                "gate.caller",
                "the gateway vouches for no caller: nobody can be kept from deciding a call of their own",
            ),
        };
        let route = match &seen.route {
            Some(route) => Finding::ok("gate.route", format!("the route is {route:?}")),
            None => {
                Finding::warning("gate.route", "the gateway does not name the route, so rules cannot tell it")
            }
        };
        vec![deadline, bytes, caller, route]
    }

    /// What is too large has to be refused, and whole.
    fn oversized(&self) -> Finding {
        let about = "gate.oversized";
        let mut refused = None;
        let mut taken = 0;
        for size in OVERSIZED {
            let call = || self.send(probe::call("oversized", Duration::ZERO, size));
            let answer = (0..TRIES).map(|_| call()).find(|answer| !matches!(answer, Answer::None(_)));
            match answer {
                Some(Answer::Ours { code, .. }) if code == "probe" => taken = size,
                answer => {
                    refused = answer;
                    break;
                }
            }
        }
        match refused {
            Some(Answer::Ours { code, .. }) if code == "partial_body" => Finding::failed(
                about,
                "the gateway cuts large bodies and forwards what is left; Holdpoint refuses them, so it is not open. Envoy: \
                 allow_partial_message: false. agentgateway: allowPartialMessage: false",
            ),
            Some(Answer::Gateway { status }) => {
                Finding::ok(about, format!("the gateway refuses a body that is too large, with {status}"))
            }
            Some(Answer::Forwarded { status, .. }) => Finding::failed(
                about,
                format!("a body that is too large was FORWARDED, answered with {status}"),
            ),
            Some(_) => Finding::ok(about, "Holdpoint refuses a body that is too large"),
            None if taken == OVERSIZED[2] => {
                Finding::warning(about, format!("a body of {taken} bytes is taken whole"))
            }
            None => Finding::unseen(
                about,
                "the connection is closed while a body that is too large is being sent: who refuses it, and why, cannot be \
                 seen. Look for allow_partial_message: true (Envoy) or allowPartialMessage: true (agentgateway)",
            ),
        }
    }

    fn unreadable(&self, about: &'static str, what: &str, body: String) -> Finding {
        match self.send(body) {
            Answer::Ours { code, .. } => Finding::ok(about, format!("{what} is refused ({code})")),
            Answer::Gateway { status } => {
                Finding::ok(about, format!("the gateway itself refuses {what}, with {status}"))
            }
            Answer::Forwarded { status, .. } => {
                Finding::failed(about, format!("{what} was FORWARDED, and answered with {status}"))
            }
            Answer::None(why) => Finding::warning(about, format!("no answer to {what}: {why}")),
        }
    }

    fn send(&self, body: String) -> Answer {
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        Answer::of(request.send(body))
    }
}

/// Whether the admin side shows the probe.
fn look(admin: &Client, nonce: &str) -> Result<Option<()>, String> {
    let queue = reserved::queue();
    let filter = Filter { queue: Some(queue.as_str()), tool: None };
    let pending = admin.pending(&filter).map_err(|error| error.to_string())?;
    Ok(pending.iter().any(|received| received.approval.call.body.contains(nonce)).then_some(()))
}
