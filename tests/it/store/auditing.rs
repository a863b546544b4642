//! What happened, in chains.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdpoint::audit::{Audit, Query, Settings, Sink, Target};
use holdpoint::clock::{ManualClock, SystemClock};
use holdpoint::domain::act::{Act, Verb};
use holdpoint::domain::approval::Departure;
use holdpoint::domain::audit::{Chain, Event, Fact, Head, Line, Notary, Note, Place, Sha256Hex, verify};
use holdpoint::domain::decision::Vote;
use holdpoint::domain::ids::{DecisionId, ReplicaId, Subject};
use holdpoint::domain::{probe, sample};
use holdpoint::store::AuditLog;
use jiff::Timestamp;

use super::stage::{Kind, Stage, approve, attempt, held, reject};

const HOUR: Duration = Duration::from_secs(3600);
const ALL: usize = 1000;

fn settings() -> Settings {
    Settings { checkpoint_interval: HOUR, ..Settings::default() }
}

fn audit(log: &Arc<dyn AuditLog>, settings: Settings) -> Arc<Audit> {
    Audit::new(Arc::clone(log), Arc::new(SystemClock), ReplicaId::random(), settings)
}

fn queue() -> Chain {
    Chain::Queue("default".parse().unwrap())
}

async fn lines(stage: &Stage, chain: &Chain) -> Vec<Line> {
    stage.logs[1].lines(chain, Place::START, ALL).await.unwrap()
}

async fn facts(stage: &Stage) -> Vec<Fact> {
    audit(&stage.logs[0], settings()).seal_all().await;
    lines(stage, &queue()).await.iter().filter_map(Line::fact).collect()
}

fn file(path: &Path, rotate_at: u64) -> Settings {
    let target = Target::File { path: path.to_owned(), rotate_at };
    Settings { sinks: vec![Sink { name: "archive".into(), target }], ..settings() }
}

pub async fn every_transition_is_an_entry_in_its_order(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    stage.here.detach(&parked.id, attempt(&parked), Departure::HoldOver).await.unwrap();
    let taken = stage.park(&sample::held()).await;
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    stage.here.claim(&parked.id, attempt(&taken), &taken.held.fingerprint).await.unwrap();
    let rejected = stage.park(&sample::held()).await;
    stage.here.vote(&rejected.id, &reject("eve")).await.unwrap();
    let facts = facts(&stage).await;
    let told: Vec<_> = facts.iter().map(|f| (f.event, f.approval.clone().unwrap(), f.seq.unwrap())).collect();
    let (first, second) = (parked.id.to_string(), rejected.id.to_string());
    let expected = [
        (Event::Requested, first.clone(), 1),
        (Event::Detached, first.clone(), 2),
        (Event::Reattached, first.clone(), 3),
        (Event::Approved, first.clone(), 4),
        (Event::Released, first, 5),
        (Event::Requested, second.clone(), 1),
        (Event::Rejected, second, 2),
    ];
    assert_eq!(told, expected);
    assert_eq!(facts[0].attempt, Some(attempt(&parked).to_string()));
    assert_eq!(facts[1].cause.as_deref(), Some("hold-over"));
    let call = facts[4].call.as_ref().expect("the call is joined");
    assert_eq!(call.fingerprint, parked.held.fingerprint.to_string());
    assert_eq!(
        (call.tool.as_deref(), call.caller.as_deref()),
        (Some("run_migration"), Some("dba-assistant"))
    );
    let text: Vec<_> = lines(&stage, &queue()).await.into_iter().map(|line| line.text).collect();
    assert_eq!(verify(&text.join("\n"), None).unwrap().chains["default"].last, 7);
}

pub async fn what_a_reviewer_said_is_in_the_entry(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let fingerprint = Some(parked.held.fingerprint);
    let (reason, proof) = (Some("looks \"right\"\n".to_owned()), Some("token bob".to_owned()));
    stage.here.vote(&parked.id, &Vote { reason, proof, fingerprint, ..approve("bob") }).await.unwrap();
    let voted = &facts(&stage).await[1];
    assert_eq!((voted.who.as_deref(), &voted.attempt), (Some("bob"), &None));
    let said: Vec<_> =
        voted.detail.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let fingerprint = parked.held.fingerprint.to_string();
    assert_eq!(
        said,
        [("fingerprint", &*fingerprint), ("proof", "token bob"), ("reason", "looks \"right\"\n")]
    );
}

pub async fn what_people_do_past_the_vote_is_an_entry(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let act = |verb| Act {
        id: DecisionId::random(),
        by: Subject("olga".into()),
        proof: Some("token olga".into()),
        verb,
        reason: Some("an \"incident\"".into()),
        seen_in: None,
        at: Timestamp::UNIX_EPOCH,
    };
    let extend = act(Verb::Extend { by: Duration::from_secs(60), longest: 24 * HOUR });
    stage.here.act(&parked.id, &extend).await.unwrap();
    let ticket = Some("INC-1".to_owned());
    stage.here.vote(&parked.id, &Vote { ticket, marks: "1".into(), ..approve("bob") }).await.unwrap();
    stage.here.act(&parked.id, &act(Verb::Revoke)).await.unwrap();
    let facts = facts(&stage).await;
    let told: Vec<_> = facts.iter().map(|fact| (fact.event, fact.who.as_deref(), &fact.attempt)).collect();
    assert_eq!(
        told[1..],
        [
            (Event::Extended, Some("olga"), &None),
            (Event::BrokenGlass, Some("bob"), &None),
            (Event::Revoked, Some("olga"), &None),
        ]
    );
    assert_eq!(facts[1].detail["extended_by_seconds"], 60);
    assert_eq!(
        (&facts[1].detail["proof"], &facts[3].detail["proof"]),
        (&"token olga".into(), &"token olga".into())
    );
    assert_eq!(facts[2].detail["ticket"], "INC-1");
    assert_eq!(facts[3].detail["reason"], "an \"incident\"");
}

pub async fn what_changes_no_record_can_be_noted(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let shown = Note { who: Some(Subject("bob".into())), ..Note::about(Event::Shown, &parked.id) };
    stage.here.note(&shown.with("rendered", "abc")).await.unwrap();
    stage.here.note(&Note::new(Event::LoginFailed)).await.unwrap();
    let facts = facts(&stage).await;
    let shown = &facts[1];
    assert_eq!((shown.event, shown.who.as_deref()), (Event::Shown, Some("bob")));
    assert_eq!(shown.approval, Some(parked.id.to_string()));
    assert!(shown.call.is_some() && shown.detail["rendered"] == "abc");
    let system = lines(&stage, &Chain::System).await;
    assert_eq!(
        system.iter().filter_map(Line::fact).map(|f| f.event).collect::<Vec<_>>(),
        [Event::LoginFailed]
    );
    assert_eq!(stage.look(&parked.id).await, parked, "the record is as it was");
}

pub async fn two_who_seal_make_one_chain(kind: Kind) {
    let stage = kind.stage().await;
    let (here, there) = (audit(&stage.logs[0], settings()), audit(&stage.logs[1], settings()));
    for _ in 0..10 {
        for _ in 0..5 {
            stage.park(&sample::held()).await;
        }
        tokio::join!(here.seal_all(), there.seal_all(), here.seal_all());
    }
    here.seal_all().await;
    let lines = lines(&stage, &queue()).await;
    let text: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let section = &verify(&text.join("\n"), None).unwrap().chains["default"];
    assert_eq!((section.first, section.last, section.repeated), (1, 50, 0));
    let mut sources: Vec<_> = lines.iter().map(|line| line.fact().unwrap().source).collect();
    sources.sort();
    sources.dedup();
    assert_eq!(sources.len(), 50, "nothing is in the chain twice");
}

pub async fn a_chain_that_another_appended_to_is_left_alone(kind: Kind) {
    let stage = kind.stage().await;
    stage.park(&sample::held()).await;
    let log = &stage.logs[0];
    let start = log.head(&queue()).await.unwrap();
    let facts = log.facts(&queue(), &start, ALL).await.unwrap();
    let mut end = start.clone();
    let line = end.append(&queue(), &facts[0]);
    let mut signed = end.clone();
    let checkpoint = signed.sign(&queue(), &Notary::generate(), Timestamp::now());
    assert!(log.append(&queue(), &start, std::slice::from_ref(&line), &end).await.unwrap());
    assert!(!log.append(&queue(), &start, std::slice::from_ref(&line), &end).await.unwrap());
    assert!(log.append(&queue(), &end, std::slice::from_ref(&checkpoint), &signed).await.unwrap());
    assert!(!log.append(&queue(), &end, std::slice::from_ref(&checkpoint), &signed).await.unwrap());
    let ahead = Head { number: 7, ..start };
    assert!(!log.append(&Chain::System, &ahead, &[line], &end).await.unwrap());
    // A store that went back, and one that another signed meanwhile: both would take an entry of the next number.
    for other in [
        Head { hash: Sha256Hex::of(b"of an entry that was lost"), ..signed.clone() },
        Head { signed: 0, ..signed.clone() },
        Head { number: 2, ..signed },
    ] {
        let mut next = other.clone();
        let line = next.append(&queue(), &facts[0]);
        assert!(!log.append(&queue(), &other, &[line], &next).await.unwrap(), "{other:?}");
    }
    assert_eq!(lines(&stage, &queue()).await.len(), 2);
}

pub async fn checkpoints_are_signed_when_they_are_due(kind: Kind) {
    let stage = kind.stage().await;
    let notary = Notary::generate();
    let signing = Settings { notary: Some(notary.clone()), checkpoint_every: 3, ..settings() };
    let audit = audit(&stage.logs[0], signing);
    let mut signed = Vec::new();
    for _ in 0..5 {
        stage.park(&sample::held()).await;
        audit.seal_all().await;
        signed.push(stage.logs[1].head(&queue()).await.unwrap().signed);
    }
    assert_eq!(signed, [1, 1, 1, 4, 4], "the first at once, then every three");
    let lines = lines(&stage, &queue()).await;
    let text: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let section = &verify(&text.join("\n"), Some(&notary.public_key())).unwrap().chains["default"];
    assert_eq!((section.last, section.signed), (5, Some(4)));
}

pub async fn a_sink_gets_every_line_in_order_and_goes_on_where_it_was_left(kind: Kind) {
    let stage = kind.stage().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let (here, there) = (&stage.logs[0], &stage.logs[1]);
    let replica = ReplicaId::random();
    let shipper = |log: &Arc<dyn AuditLog>, rotate_at| {
        Audit::new(Arc::clone(log), Arc::new(SystemClock), replica, file(&path, rotate_at))
    };
    let first = shipper(here, 4096);
    for n in 0..3 {
        for _ in 0..10 {
            stage.park(&sample::held()).await;
        }
        first.seal_all().await;
        first.ship_all().await;
        assert_eq!(here.shipped(&queue(), "archive").await.unwrap(), Place::entry(10 * (n + 1)));
    }
    // It crashed after a delivery, in the middle of a line, and before it noted what it had delivered.
    here.note_shipped(&queue(), "archive", Place::entry(25)).await.unwrap();
    let cut = fs::read_to_string(&path).unwrap();
    fs::write(&path, &cut[..cut.len() - 100]).unwrap();
    stage.park(&sample::held()).await;
    // Under the same id, because the turn of one that crashed lasts for half a minute.
    let second = shipper(there, 1 << 20);
    second.seal_all().await;
    second.ship_all().await;

    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 1, "it was put aside");
    // The file that is written now sorts first.
    files.rotate_left(1);
    let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let section = &verify(&text, None).unwrap().chains["default"];
    assert_eq!((section.first, section.last), (1, 31));
    assert!(section.repeated > 0);
}

pub async fn a_sink_that_has_what_the_store_lost_gets_the_chain_again(kind: Kind) {
    let stage = kind.stage().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = audit(&stage.logs[0], file(&path, 1 << 20));
    stage.logs[0].note_shipped(&queue(), "archive", Place::entry(9)).await.unwrap();
    for _ in 0..2 {
        stage.park(&sample::held()).await;
        audit.seal_all().await;
        audit.ship_all().await;
    }
    let section = &verify(&fs::read_to_string(&path).unwrap(), None).unwrap().chains["default"];
    assert_eq!((section.first, section.last, section.repeated), (1, 2, 0));
}

pub async fn what_a_sink_does_not_have_is_not_forgotten(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..5 {
        stage.park(&sample::held()).await;
    }
    let mut nowhere = Settings { retention: Duration::ZERO, ..file(Path::new("/nowhere/audit.jsonl"), 4096) };
    nowhere.sinks.push(Sink { name: "siem".into(), ..nowhere.sinks[0].clone() });
    let keeping = audit(&stage.logs[0], nowhere.clone());
    keeping.seal_all().await;
    keeping.ship_all().await;
    keeping.trim_all().await;
    assert_eq!(lines(&stage, &queue()).await.len(), 5);
    for (sink, place) in [("archive", Place::entry(3)), ("siem", Place::entry(5))] {
        stage.logs[0].note_shipped(&queue(), sink, place).await.unwrap();
    }
    keeping.trim_all().await;
    let left: Vec<_> = lines(&stage, &queue()).await.iter().map(|line| line.place.number).collect();
    assert_eq!(left, [4, 5], "what both have is forgotten, and nothing else");
    audit(&stage.logs[0], Settings { trim_unshipped: true, ..nowhere }).trim_all().await;
    assert!(lines(&stage, &queue()).await.len() <= 1);
    stage.park(&sample::held()).await;
    keeping.seal_all().await;
    assert_eq!(stage.logs[0].head(&queue()).await.unwrap().number, 6, "the chain goes on");
}

pub async fn the_chain_of_probes_is_shipped_nowhere_and_soon_forgotten(kind: Kind) {
    let stage = kind.stage().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let (log, probes) = (&stage.logs[0], Chain::Queue(probe::queue()));
    let first = audit(log, file(&path, 1 << 20));
    stage.park(&sample::held()).await;
    stage.park(&sample::held()).await;
    stage.park(&held(|probe| probe.terms.queue = probe::queue())).await;
    first.seal_all().await;
    first.ship_all().await;
    first.trim_all().await;
    assert_eq!((lines(&stage, &queue()).await.len(), lines(&stage, &probes).await.len()), (2, 1));
    let shipped = fs::read_to_string(&path).unwrap();
    assert_eq!(verify(&shipped, None).unwrap().chains.keys().collect::<Vec<_>>(), ["default"]);

    let later = Arc::new(ManualClock::at(Timestamp::now() + 2 * probe::RETENTION));
    let then = Audit::new(Arc::clone(log), later, ReplicaId::random(), file(&path, 1 << 20));
    stage.park(&held(|probe| probe.terms.queue = probe::queue())).await;
    then.seal_all().await;
    then.trim_all().await;
    assert_eq!(lines(&stage, &queue()).await.len(), 2, "what is no probe is kept");
    assert!(lines(&stage, &probes).await.len() <= 1);
}

pub async fn entries_are_found_by_what_they_say(kind: Kind) {
    let stage = kind.stage().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let other = held(|h| {
        h.tool = Some("drop_table".into());
        h.terms.queue = "dba".parse().unwrap();
        h.trace = Some(trace.into());
    });
    for _ in 0..3 {
        let parked = stage.park(&sample::held()).await;
        stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
        stage.park(&other).await;
    }
    let audit = audit(&stage.logs[0], settings());
    audit.seal_all().await;
    let count = async |query: Query| audit.search(&Query { limit: ALL, ..query }).await.unwrap().lines.len();
    assert_eq!(count(Query::default()).await, 9);
    assert_eq!(count(Query { chain: Some(queue()), ..Query::default() }).await, 6);
    assert_eq!(count(Query { tool: Some("drop_table".into()), ..Query::default() }).await, 3);
    assert_eq!(count(Query { reviewer: Some("bob".into()), ..Query::default() }).await, 3);
    assert_eq!(count(Query { outcome: Some(Event::Requested), ..Query::default() }).await, 6);
    assert_eq!(count(Query { trace: Some(trace[3..35].into()), ..Query::default() }).await, 3);
    assert_eq!(count(Query { caller: Some("nobody".into()), ..Query::default() }).await, 0);
    assert_eq!(count(Query { until: Some(Timestamp::UNIX_EPOCH), ..Query::default() }).await, 0);
    let (mut found, mut query) = (Vec::new(), Query { limit: 2, ..Query::default() });
    loop {
        let page = audit.search(&query).await.unwrap();
        found.extend(page.lines.into_iter().map(|line| line.text));
        let Some(next) = page.next else { break };
        query.after = Some(next.to_string().parse().unwrap());
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 9, "pages lose and repeat nothing");
}
