use std::sync::LazyLock;

use super::*;
use crate::domain::approval::StateKind;
use crate::domain::sample;
use jiff::Timestamp;
use proptest::prelude::*;

fn dba() -> Chain {
    Chain::Queue("dba".parse().unwrap())
}

fn notary() -> Notary {
    static NOTARY: LazyLock<Notary> = LazyLock::new(Notary::generate);
    NOTARY.clone()
}

fn fact(n: u64) -> Fact {
    let at = Timestamp::from_millisecond(1_800_000_000_000 + i64::try_from(n).unwrap()).unwrap();
    let approval = Some(format!("dba-{n:032x}"));
    Fact { source: format!("{n}-0"), approval, who: Some("bob".into()), ..Fact::new(Event::Voted, at) }
}

/// A chain of so many entries, a checkpoint behind each of these.
fn chain(len: u64, signed: &[u64]) -> Vec<String> {
    let (mut head, mut lines) = (Head::default(), Vec::new());
    for n in 1..=len {
        let fact = fact(n);
        lines.push(head.append(&dba(), &fact).text);
        if signed.contains(&n) {
            lines.push(head.sign(&dba(), &notary(), fact.at).text);
        }
    }
    lines
}

/// The same in less time than it takes to write each fact as JSON.
fn long_chain(len: u64) -> Vec<String> {
    let mut prev = Sha256Hex::NONE;
    let line = |number| {
        let entry = format!(
            r#"{{"at":"2027-01-15T08:00:00Z","chain":"dba","event":"voted","number":{number},"prev":"{prev}","source":"{number}-0","version":1,"who":"bob"}}"#
        );
        prev = Sha256Hex::of(entry.as_bytes());
        format!(r#"{{"entry":{entry},"hash":"{prev}"}}"#)
    };
    (1..=len).map(line).collect()
}

fn check(lines: &[String]) -> Result<Section, Fault> {
    let report = verify(&lines.join("\n"), None).map_err(|finding| finding.fault)?;
    Ok(report.chains["dba"].clone())
}

fn entry(number: u64) -> verify::Entry {
    verify::Entry { chain: "dba".into(), number }
}

/// An entry rewritten by somebody who can calculate its hash.
fn forged(line: &str, prev: Option<&str>) -> String {
    let mut line = line.replace("bob", "eve");
    if let Some(prev) = prev {
        let (before, rest) = line.split_once(r#""prev":""#).unwrap();
        line = format!(r#"{before}"prev":"{}{}"#, hash(prev), &rest[64..]);
    }
    let (entry, _) = line.split_once(r#","hash":"#).unwrap();
    let hash = Sha256Hex::of(entry.strip_prefix(r#"{"entry":"#).unwrap().as_bytes());
    format!(r#"{entry},"hash":"{hash}"}}"#)
}

fn hash(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["hash"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_written_verifies_and_says_how_far_it_is_signed() {
    let section = check(&chain(10, &[4, 8])).unwrap();
    assert_eq!((section.first, section.last, section.signed), (1, 10, Some(8)));
    assert_eq!(section.keys.into_iter().collect::<Vec<_>>(), [notary().public_key().to_string()]);
}

#[test]
fn an_entry_removed_changed_inserted_or_moved_among_a_hundred_thousand_is_found() {
    let whole = long_chain(100_000);
    let at = 30_000;
    let number = at as u64 + 1;
    type Tamper = fn(&mut Vec<String>, usize);
    let tampered: [(Tamper, Fault); 6] = [
        (|lines, at| _ = lines.remove(at), Fault::Missing { before: entry(number + 1), from: number }),
        (|lines, at| lines[at] = lines[at].replace("bob", "eve"), Fault::Changed(entry(number))),
        (|lines, at| lines[at] = forged(&lines[at], None), Fault::Unlinked(entry(number + 1))),
        (|lines, at| lines.insert(at, forged(&lines[at], None)), Fault::Inserted(entry(number))),
        (|lines, at| lines.swap(at, at + 1), Fault::Misplaced(entry(number + 1))),
        (|lines, at| lines.swap(at, 7), Fault::Misplaced(entry(number))),
    ];
    for (tamper, fault) in tampered {
        let mut lines = whole.clone();
        tamper(&mut lines, at);
        assert_eq!(check(&lines), Err(fault));
    }
}

#[test]
fn a_chain_rewritten_from_a_place_on_contradicts_its_checkpoint() {
    let mut lines = chain(10, &[10]);
    lines[4] = forged(&lines[4], None);
    for n in 5..10 {
        lines[n] = forged(&lines[n], Some(&lines[n - 1]));
    }
    assert_eq!(check(&lines), Err(Fault::Contradicted(entry(10))));
    let unsigned = lines[..10].join("\n");
    verify(&unsigned, None).expect("without a checkpoint it looks as if it were written so");
    let finding = verify(&unsigned, Some(&notary().public_key())).unwrap_err();
    assert_eq!(finding.fault, Fault::Unsigned("dba".into()));
}

#[test]
fn a_checkpoint_of_another_key_or_without_its_signature_is_refused() {
    let mut lines = chain(3, &[3]);
    let other = Notary::generate().public_key();
    let finding = verify(&lines.join("\n"), Some(&other)).unwrap_err();
    assert_eq!(finding.fault, Fault::OtherKey(entry(3)));
    assert_eq!(finding.line, 4);
    let key = notary().public_key().to_string();
    lines[3] = lines[3].replace(&key, &other.to_string());
    assert_eq!(check(&lines), Err(Fault::Forged(entry(3))));
}

#[test]
fn a_file_may_begin_within_a_chain_and_repeat_what_was_shipped_twice() {
    let lines = chain(20, &[9]);
    let mut part = lines[9..15].to_vec();
    part.extend_from_slice(&lines[12..]);
    let section = check(&part).unwrap();
    assert_eq!((section.first, section.last, section.repeated, section.signed), (10, 20, 3, Some(9)));
    assert_eq!(check(&[&lines[9..15], &lines[2..3]].concat()), Err(Fault::Misplaced(entry(3))));
}

#[test]
fn a_checkpoint_of_what_stands_before_the_file_signs_none_of_it() {
    let (lines, key) = (chain(8, &[2, 6]), notary().public_key());
    let signed = |part: &[String]| verify(&part.join("\n"), Some(&key)).map_err(|finding| finding.fault);
    signed(&lines[2..]).expect("signed up to 6");
    assert_eq!(signed(&lines[2..6]), Err(Fault::Unsigned("dba".into())));
}

#[test]
fn a_first_entry_with_another_before_it_is_refused() {
    let lines = chain(2, &[]);
    let first = forged(&lines[0], Some(&lines[1]));
    assert_eq!(check(&[first]), Err(Fault::Unlinked(entry(1))));
}

#[test]
fn what_is_cut_off_in_front_of_a_checkpoint_is_missed() {
    let mut lines = chain(10, &[10]);
    lines.drain(7..10);
    assert_eq!(check(&lines), Err(Fault::Missing { before: entry(11), from: 8 }));
}

#[test]
fn a_line_that_is_not_as_it_was_written_is_refused() {
    let line = chain(1, &[]).remove(0);
    let again = line.replacen("{\"entry", r#"{"hash":"00","entry"#, 1);
    let unknown = line.replacen("{\"entry", r#"{"note":"","entry"#, 1);
    for twisted in [again, unknown, line[..line.len() - 1].to_owned(), "{}".into(), "1".into()] {
        assert!(matches!(check(std::slice::from_ref(&twisted)), Err(Fault::Unreadable(_))), "{twisted}");
    }
    let later = line.replacen(r#""version":1"#, r#""version":2"#, 1);
    assert!(matches!(check(&[forged(&later, None)]), Err(Fault::Unreadable(_))));
    let respelled = line.replacen(r#""version":1"#, r#""version": 1"#, 1);
    assert_eq!(check(&[respelled]), Err(Fault::Changed(entry(1))));
}

#[test]
fn chains_in_one_file_do_not_mix() {
    let (mut ours, mut theirs, mut lines) = (Head::default(), Head::default(), String::new());
    for n in 1..=4 {
        lines += &format!("{}\n", ours.append(&dba(), &fact(n)).text);
        lines += &format!("{}\n", theirs.append(&Chain::System, &fact(n)).text);
    }
    let report = verify(&lines, None).unwrap();
    assert_eq!(report.chains.keys().collect::<Vec<_>>(), ["(system)", "dba"]);
    assert!(report.chains.values().all(|section| section.last == 4));
}

#[test]
fn an_entry_reads_back_as_the_fact_that_it_was() {
    let mut fact = Fact { call: Some(Asked::of(&sample::held())), ..fact(1) };
    fact.detail.insert("reason".into(), "because \u{202e}\"\n".into());
    let mut head = Head::default();
    assert_eq!(head.append(&dba(), &fact).fact(), Some(fact));
    assert_eq!(head.source, "1-0");
}

#[test]
fn keys_read_back() {
    let (notary, key) = (notary(), notary().public_key());
    assert_eq!(Notary::from_pem(&notary.pem()).unwrap().public_key(), key);
    assert_eq!(key.to_string().parse(), Ok(key));
    assert!(Notary::from_pem("nothing").is_err() && "ab".parse::<PublicKey>().is_err());
}

#[test]
fn events_have_words_that_read_back_and_transitions_have_events() {
    for event in Event::ALL {
        assert_eq!(Event::from_word(event.as_str()), Some(*event));
    }
    assert_eq!(Event::of_transition("take-up", StateKind::Released), Event::Released);
    assert_eq!(Event::of_transition("lapse", StateKind::Cancelled), Event::Cancelled);
    assert_eq!(Event::of_transition("of a later version", StateKind::Pending), Event::Changed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_line_can_be_dropped_changed_or_moved_in_front_of_a_checkpoint(from in 0usize..12, to in 0usize..12, byte in 0usize..200) {
        let whole = chain(12, &[12]);
        let mut dropped = whole.clone();
        dropped.remove(from);
        // Where the file begins is no fault: it says that before it there are others.
        prop_assert_eq!(check(&dropped).is_ok(), from == 0);
        let mut moved = whole.clone();
        let line = moved.remove(from);
        moved.insert(to, line);
        prop_assert_eq!(check(&moved).is_ok(), from == to);
        let mut changed = whole;
        let mut bytes = changed[from].clone().into_bytes();
        bytes[byte] = if bytes[byte] == b'0' { b'1' } else { b'0' };
        changed[from] = String::from_utf8(bytes).unwrap();
        prop_assert!(check(&changed).is_err());
    }
}
