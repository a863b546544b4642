//! The audit as a table, for people who sort and count.

use crate::domain::audit::{Chain, Fact};

/// The first row.
pub(super) const HEAD: &str = "chain,number,at,event,cause,approval,state,who,proof,reason,rule,tool,caller,fingerprint,trace,replica\r\n";

/// The row of an entry.
pub(super) fn row(chain: &Chain, number: u64, fact: &Fact) -> String {
    let said = |name: &str| fact.detail.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let call = fact.call.as_ref();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let cells = [
        chain.to_string(),
        number.to_string(),
        fact.at.to_string(),
        fact.event.as_str().to_owned(),
        text(&fact.cause),
        text(&fact.approval),
        text(&fact.state),
        text(&fact.who),
        said("proof").to_owned(),
        said("reason").to_owned(),
        call.map(|call| call.rule.clone()).unwrap_or_default(),
        call.and_then(|call| call.tool.clone()).unwrap_or_default(),
        call.and_then(|call| call.caller.clone()).unwrap_or_default(),
        call.map(|call| call.fingerprint.clone()).unwrap_or_default(),
        call.and_then(|call| call.trace.clone()).unwrap_or_default(),
        text(&fact.replica),
    ];
    format!("{}\r\n", cells.map(|cell| quoted(&cell)).join(","))
}

/// A cell that no spreadsheet takes for a formula.
fn quoted(cell: &str) -> String {
    let formula =
        cell.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
            || cell.starts_with(['\t', '\r', '\n']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Event;
    use jiff::Timestamp;

    #[test]
    fn no_cell_is_a_formula_or_leaves_its_cell() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"] {
            assert!(quoted(cell).starts_with("\"'"), "{cell:?}");
        }
        assert_eq!(quoted("a \"b\",\r\nc"), "\"a \"\"b\"\",\r\nc\"");
        let mut fact = Fact::new(Event::Rejected, Timestamp::UNIX_EPOCH);
        fact.detail.insert("reason".into(), "=HYPERLINK(\"x\")".into());
        let row = row(&Chain::System, 7, &fact);
        assert!(row.contains(",\"'=HYPERLINK(\"\"x\"\")\","), "{row}");
        assert_eq!(row.matches("\",\"").count(), HEAD.matches(',').count());
    }
}
