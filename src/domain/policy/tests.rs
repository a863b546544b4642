use super::*;
use crate::domain::call::{Caller, Request};
use crate::domain::ids::Subject;
use crate::domain::json::Json;
use crate::domain::message::Tool;
use crate::domain::sample;

fn policy(rules: &[(&str, Ruling)]) -> Policy {
    let rules = rules.iter().map(|(source, ruling)| Rule {
        name: (*source).to_owned(),
        expression: Expression::compile(source).unwrap_or_else(|e| panic!("{source}: {e}")),
        ruling: ruling.clone(),
    });
    Policy::new(
        rules.collect(),
        Unmatched { tool_call: hold(), unknown: deny(), unsure: hold(), redaction: Redaction::default() },
    )
}

fn hold() -> Ruling {
    Ruling::Hold(sample::terms())
}

fn deny() -> Ruling {
    Ruling::Deny(Denial { rule: "no".into(), reason: "no".into(), form: DenialForm::Result })
}

fn call() -> Call {
    let claims = Json::read(br#"{"groups":["dev"],"act":{"sub":"coach"}}"#).unwrap();
    Call {
        caller: Caller {
            subject: Some(Subject("alice".into())),
            actors: Vec::new(),
            claims,
            credential: None,
        },
        request: Request {
            method: "POST".into(),
            target: "/privileged/mcp".into(),
            path: "/privileged/mcp".into(),
            host: "ops-tools".into(),
            headers: vec![("x-team".into(), "dba".into())],
        },
        route: Some("privileged".into()),
        session: None,
    }
}

fn tool(name: &str, arguments: &str) -> Asked {
    let arguments = Json::read(arguments.as_bytes()).unwrap();
    Asked::Message(Message {
        method: "tools/call".into(),
        id: None,
        params: Json::empty_object(),
        tool: Some(Tool { name: name.into(), arguments }),
    })
}

fn method(name: &str) -> Asked {
    let (method, id, params) = (name.to_owned(), None, Json::empty_object());
    Asked::Message(Message { method, id, params, tool: None })
}

#[test]
fn the_first_rule_that_matches_rules() {
    let policy = policy(&[
        (r#"mcp.tool.name == "query""#, Ruling::Pass),
        (r#"mcp.tool.name.startsWith("q")"#, deny()),
    ]);
    assert_eq!(policy.rule(&call(), &tool("query", "{}")).ruling, Ruling::Pass);
    assert_eq!(policy.rule(&call(), &tool("quit", "{}")).ruling, deny());
}

#[test]
fn what_no_rule_matches_is_held_passed_or_denied_by_what_it_can_do() {
    let policy = policy(&[]);
    for (asked, ruling, because) in [
        (tool("anything", "{}"), hold(), Because::NoRule),
        (method("tools/list"), Ruling::Pass, Because::Harmless),
        (method("initialize"), Ruling::Pass, Because::Harmless),
        (method("notifications/cancelled"), Ruling::Pass, Because::Harmless),
        (Asked::Nothing, Ruling::Pass, Because::Harmless),
        (Asked::Response, Ruling::Pass, Because::Harmless),
        (method("resources/read"), deny(), Because::Unknown),
        (method("tools/call "), deny(), Because::Unknown),
        (method("Tools/Call"), deny(), Because::Unknown),
    ] {
        assert_eq!(policy.rule(&call(), &asked), Ruled { ruling, because }, "{asked:?}");
    }
}

#[test]
fn rules_read_tool_arguments_request_route_and_caller() {
    for (source, expected) in [
        (r#"mcp.tool.arguments.version == "v3""#, true),
        (r#"mcp.tool.arguments.amount > 1000"#, true),
        (r#"mcp.tool.arguments.amount < 1000"#, false),
        (r#"mcp.tool.arguments.huge > 18446744073709551615u"#, true),
        (r#"mcp.tool.arguments.tables.exists(t, t.startsWith("ord"))"#, true),
        (r#"has(mcp.tool.arguments.force) && mcp.tool.arguments.force"#, false),
        (r#"mcp.tool.name in ["run_migration", "drop"]"#, true),
        (r#"mcp.method == "tools/call""#, true),
        (r#"request.path.startsWith("/privileged/") && request.host == "ops-tools""#, true),
        (r#"request.headers["x-team"] == "dba" && request.method == "POST""#, true),
        (r#"route == "privileged""#, true),
        (
            r#"caller.sub == "alice" && "dev" in caller.claims.groups && caller.claims.act.sub == "coach""#,
            true,
        ),
        (r#"mcp.tool.name.matches("^run_[a-z]+$")"#, true),
    ] {
        let arguments = r#"{"version":"v3","amount":1001.5,"huge":99999999999999999999,"tables":["orders"]}"#;
        let ruled = policy(&[(source, Ruling::Pass)]).rule(&call(), &tool("run_migration", arguments));
        assert_eq!(ruled.ruling == Ruling::Pass, expected, "{source}: {ruled:?}");
    }
}

#[test]
fn an_expression_that_cannot_be_evaluated_never_lets_a_call_pass() {
    for source in [
        r#"mcp.tool.arguments.missing == "x""#,
        r#"mcp.tool.arguments.version > 3"#,
        r#"request.headers["absent"] != """#,
        r#"caller.claims.nobody == "x""#,
        r#"mcp.tool.name"#,
        r#"mcp.tool.name.nosuchfunction()"#,
    ] {
        let policy = policy(&[(source, Ruling::Pass), ("true", Ruling::Pass)]);
        let ruled = policy.rule(&call(), &tool("run_migration", r#"{"version":"v3"}"#));
        assert_eq!(ruled.ruling, hold(), "{source}");
        assert!(matches!(ruled.because, Because::Unsure { .. }), "{source}: {ruled:?}");
    }
    let policy = policy(&[(r#"request.headers["absent"] == """#, Ruling::Pass)]);
    for asked in [method("tools/list"), Asked::Nothing] {
        assert!(matches!(policy.rule(&call(), &asked).ruling, Ruling::Deny(_)), "{asked:?}");
    }
}

#[test]
fn a_rule_about_tools_says_nothing_of_other_requests() {
    let policy = policy(&[(r#"mcp.tool.name != "x""#, deny()), (r#"mcp.method != "x""#, deny())]);
    assert_eq!(policy.rule(&call(), &Asked::Nothing).ruling, Ruling::Pass);
    assert_eq!(
        policy.rule(&call(), &method("tools/list")).because,
        Because::Rule(r#"mcp.method != "x""#.into())
    );
    for (source, about) in [
        ("mcp.tool.name == 'x'", About::Tools),
        ("has(mcp.tool.arguments.x)", About::Tools),
        ("mcp.method == 'ping'", About::Messages),
        ("route == 'x'", About::Requests),
        ("[1].exists(mcp, mcp == 1)", About::Requests),
    ] {
        assert_eq!(Expression::compile(source).unwrap().about(), about, "{source}");
    }
}

#[test]
fn what_does_not_compile_says_where_and_why() {
    let error = Expression::compile("mcp.tool.name ==\n  == 'x'").unwrap_err();
    assert_eq!(error.line, 2, "{error}");
    for (source, expected) in [
        ("mcp.tool.nam == 'x'", r#"there is no "mcp.tool.nam"; a rule can read mcp.method, mcp.tool.name"#),
        ("mpc.method == 'x'", r#"there is no "mpc.method""#),
        ("mcp == 1", r#"there is no "mcp""#),
        ("request['path'] == 'x'", r#"there is no "request""#),
        ("caller.sub == nam", r#"there is no "nam""#),
        ("[1, 2].exists(x, y == x)", r#"there is no "y""#),
        (&format!("{}true{}", "(".repeat(40), ")".repeat(40)), "nest deeper"),
        (&"a".repeat(5000), "longer than"),
        ("", ""),
    ] {
        let error = Expression::compile(source).unwrap_err().to_string();
        assert!(error.contains(expected), "{source}: {error}");
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_asks_for_no_less_than_it_would() {
    let strict = Ruling::Hold(crate::domain::ruling::Terms { approvals: 2, ..sample::terms() });
    let doubtful = r#"mcp.tool.arguments.env == "prod""#;
    for (rules, expected) in [
        (vec![(doubtful, strict.clone()), ("true", Ruling::Pass)], strict.clone()),
        (vec![(doubtful, deny()), ("true", Ruling::Pass)], deny()),
        (vec![(doubtful, Ruling::Pass), ("true", strict.clone())], strict.clone()),
        (vec![(doubtful, Ruling::Pass), ("true", deny())], deny()),
        (vec![(doubtful, Ruling::Pass), ("true", Ruling::Pass)], hold()),
        (vec![(doubtful, Ruling::Pass)], hold()),
    ] {
        assert_eq!(policy(&rules).rule(&call(), &tool("deploy", "{}")).ruling, expected, "{rules:?}");
    }
}
