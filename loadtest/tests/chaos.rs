//! Half a minute of chaos: real replicas, a real Redis, every fault of a single Redis at least once.

use std::process::Command;

/// The counts that must be zero are; how fast it was does not matter here.
#[test]
fn nothing_is_lost_and_nothing_happens_twice_under_faults() {
    let loadtest = env!("CARGO_BIN_EXE_holdpoint-loadtest");
    let options = [
        ["--duration", "10s"],
        ["--calm", "2s"],
        ["--parked", "60"],
        ["--decisions", "40"],
        ["--hold", "4s"],
        ["--expires", "8s"],
        ["--grant", "3s"],
        // The machine may be busy with other things.
        ["--tolerance", "5s"],
        ["--seed", "1"],
    ];
    let run = Command::new(loadtest).arg("chaos").args(options.as_flattened()).output();
    let run = run.expect("the load test starts");
    let (report, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{report}\n{errors}");
    let kinds = report.lines().filter(|line| line.starts_with("fault ")).count();
    assert_eq!(kinds, 11, "one of each fault:\n{report}");
}
