//! Each recipe of the cookbook rules as the table below it says.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::document;

/// A row of a recipe's table: a call, and what becomes of it.
struct Row {
    call: Value,
    ruling: String,
    rule: Value,
}

impl Row {
    /// `tool` `{arguments}` | `{the rest of the call}` | ruling, `rule`
    fn read(line: &str) -> Self {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [call, from, ruling] = cells.try_into().unwrap_or_else(|_| panic!("three cells: {line}"));
        let code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let parsed = |text: &str| {
            serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        let call = code(call);
        let arguments = call.get(1).map_or(json!({}), |arguments| parsed(arguments));
        let params = json!({ "name": call[0], "arguments": arguments });
        let mut whole = code(from).first().map_or(json!({}), |from| parsed(from));
        whole["message"] = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let rule = code(ruling).first().map_or(Value::Null, |rule| json!(rule));
        Self { call: whole, ruling: ruling.trim().split(',').next().unwrap().to_owned(), rule }
    }
}

#[test]
fn every_recipe_rules_as_its_table_says() {
    let directory = tempfile::tempdir().unwrap();
    let (file, call) = (directory.path().join("holdpoint.yaml"), directory.path().join("call.json"));
    let cookbook = document("docs/cookbook.md");
    let recipes: Vec<&str> =
        cookbook.text.split("\n## ").skip(1).filter(|part| part.contains("```yaml")).collect();
    assert!(recipes.len() > 5, "the recipes are not where they were");
    for recipe in recipes {
        let (title, _) = recipe.split_once('\n').unwrap();
        let yaml = recipe.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        fs::write(&file, yaml).unwrap();
        let rows: Vec<Row> = recipe.lines().filter(|line| line.starts_with("| `")).map(Row::read).collect();
        assert!(rows.len() > 1, "{title}: what becomes of a call?");
        for row in rows {
            fs::write(&call, row.call.to_string()).unwrap();
            let mut test = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
            let output =
                test.args(["policy", "test", "--json", "--call"]).args([&call, &file]).output().unwrap();
            let ruled: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("{title}: {}", String::from_utf8_lossy(&output.stderr)));
            let (ruling, rule) = (json!(row.ruling), row.rule);
            assert_eq!((&ruled["ruling"], &ruled["rule"]), (&ruling, &rule), "{title}: {}", row.call);
        }
    }
}
