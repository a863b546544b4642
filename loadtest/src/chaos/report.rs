//! What a run comes to, for people.

use hdrhistogram::Histogram;

use super::checker::{Findings, Violation};
use super::figures::Figures;

/// So many findings of a kind are told in words.
const TOLD: usize = 5;

/// Prints figures and findings.
pub fn print(figures: &Figures, findings: &Findings) {
    println!("checks sent                               {:>8}", figures.attempts);
    println!("waiting at one time, at most              {:>8}", figures.peak);
    println!("... when the faults began                 {:>8}", figures.at_first_fault);
    println!("... under faults, on average              {:>8.0}", figures.under_faults);
    println!("decisions acknowledged                    {:>8}", figures.acknowledged);
    println!("calls executed                            {:>8}", figures.executed);
    println!("released, but the answer reached nobody   {:>8}", figures.spent_in_vain);
    for (state, count) in &figures.records {
        println!("approvals {state:<31} {count:>8}");
    }
    for (fault, count) in &figures.faults {
        println!("fault {:<35} {count:>8}", format!("{fault:?}"));
    }
    println!("retries after a replica's death           {:>8}", figures.retries);
    println!(
        "... held on the record that was there     {:>8}  {:.2} %",
        figures.attached,
        figures.attached_share()
    );
    latency("calm", &figures.calm);
    latency("under faults", &figures.faulty);
    for target in figures.missed() {
        println!("missed: {target}");
    }
    for violation in Violation::ALL {
        let found = findings.of(violation);
        let mark = if found.is_empty() { "" } else { "  VIOLATION" };
        println!("{:<41} {:>8}{mark}", violation.to_string(), found.len());
        for words in found.iter().take(TOLD) {
            println!("    {words}");
        }
    }
}

fn latency(when: &str, times: &Histogram<u64>) {
    let millis = |share| times.value_at_quantile(share) as f64 / 1e3;
    println!(
        "decision to answer, {when:<21} {:>8}  p50 {:.1} ms  p99 {:.1} ms  max {:.1} ms",
        times.len(),
        millis(0.5),
        millis(0.99),
        millis(1.0)
    );
}
