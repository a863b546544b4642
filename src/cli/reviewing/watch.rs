//! `holdpoint watch`

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::{Failure, Remote, output};
use crate::cli::client::{Approval, Client, ClientError, Filter, Received};
use crate::cli::render::approval::{line, line_heads};
use crate::cli::render::text::visible;
use crate::domain::approval::StateKind;
use crate::domain::ids::ApprovalId;

/// The pause before the first attempt to reconnect; it doubles from there.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
/// Where it ends to double.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How many approvals are remembered before the settled ones are forgotten.
const REMEMBERED: usize = 10_000;

/// Follow what happens.
#[derive(Debug, Args)]
pub struct Watch {
    /// Ring the terminal's bell for each new call that you can decide
    #[arg(long)]
    bell: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Watch {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut seen = Seen { known: HashMap::new(), json: self.remote.json, bell: self.bell };
        if !self.remote.json && io::stdout().is_terminal() {
            output::people(&line_heads())?;
        }
        let mut pause = SHORTEST_PAUSE;
        let mut connected_once = false;
        loop {
            let mut connected = false;
            // Each time, because the token of `holdpoint login` may have been renewed since.
            let client = self.remote.client()?;
            let lost = match follow(&client, &mut seen, &mut connected) {
                Ok(()) => "the service closed the stream".to_owned(),
                // The token got in and has ended since: the next one may get in too.
                Err(Failure::Client(error)) if error.is_unauthenticated() && connected => error.to_string(),
                // Before anything worked, the address is the likelier fault.
                Err(Failure::Client(error)) if error.may_pass() && (connected || connected_once) => {
                    error.to_string()
                }
                Err(failure) => return Err(failure),
            };
            if connected {
                connected_once = true;
                pause = SHORTEST_PAUSE;
            }
            anstream::eprintln!("holdpoint: {}; connecting again in {pause:.1?}", visible(&lost));
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Prints changes until the stream ends.
fn follow(client: &Client, seen: &mut Seen, connected: &mut bool) -> Result<(), Failure> {
    // Listen, then look: what changes between the two is seen twice rather than not at all.
    let events = client.watch()?;
    seen.reconcile(client)?;
    *connected = true;
    for event in events {
        // A stream that breaks off is one that ended.
        let Ok(event) = event else { return Ok(()) };
        match event.name.as_str() {
            "approval" => seen.note(&client.received(&event.data)?)?,
            // Changes were missed; which ones is not known.
            "anything" => seen.reconcile(client)?,
            _ => {}
        }
    }
    Ok(())
}

/// What has been printed.
struct Seen {
    known: HashMap<ApprovalId, Aspect>,
    json: bool,
    bell: bool,
}

/// What a change is a change of.
#[derive(PartialEq)]
struct Aspect {
    state: StateKind,
    votes: usize,
    waiting: bool,
    deadline: Timestamp,
}

impl Seen {
    /// Prints an approval, unless nothing about it is new.
    fn note(&mut self, received: &Received) -> Result<(), Failure> {
        let approval = &received.approval;
        let aspect = Aspect::of(approval);
        let before = self.known.get(&approval.id);
        if before == Some(&aspect) {
            return Ok(());
        }
        let change = aspect.change_from(before);
        let calls = self.bell && before.is_none() && approval.can_decide;
        if self.known.len() >= REMEMBERED {
            self.known.retain(|_, aspect| aspect.open());
        }
        self.known.insert(approval.id.clone(), aspect);
        if self.json {
            output::script(&received.json)?;
        } else {
            output::people(&line(approval, change, Timestamp::now()))?;
        }
        if calls {
            io::stderr().write_all(b"\x07")?;
        }
        Ok(())
    }

    /// Looks at everything that is pending now, and at what was open when it was last seen.
    fn reconcile(&mut self, client: &Client) -> Result<(), Failure> {
        let pending = client.pending(&Filter::default())?;
        let is_pending = |id: &ApprovalId| pending.iter().any(|r| r.approval.id == *id);
        let open = self.known.iter().filter(|(_, aspect)| aspect.open()).map(|(id, _)| id);
        let elsewhere: Vec<_> = open.filter(|id| !is_pending(id)).cloned().collect();
        for id in elsewhere {
            match client.approval(&id) {
                Ok(received) => self.note(&received)?,
                Err(ClientError::Refused { status: 404, .. }) => drop(self.known.remove(&id)),
                Err(error) => return Err(error.into()),
            }
        }
        pending.iter().try_for_each(|received| self.note(received))
    }
}

impl Aspect {
    fn of(approval: &Approval) -> Self {
        Self {
            state: approval.state,
            votes: approval.votes.len(),
            waiting: approval.waiting,
            deadline: approval.deadline,
        }
    }

    /// What is new about it, in a word.
    fn change_from(&self, before: Option<&Self>) -> &'static str {
        match before {
            None if self.state == StateKind::Pending => "new",
            Some(before) if before.state == self.state => match self {
                _ if self.votes != before.votes => "vote",
                _ if self.deadline != before.deadline => "extended",
                _ if self.waiting => "back",
                _ => "left",
            },
            _ => self.state.as_str(),
        }
    }

    /// Whether more can happen to it.
    fn open(&self) -> bool {
        matches!(self.state, StateKind::Pending | StateKind::Approved)
    }
}
