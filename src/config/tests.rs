use super::*;
use crate::domain::ids::Group;
use crate::domain::ruling::{Late, Reason};

fn read(text: &str) -> Result<Loaded, String> {
    Config::read(text, Path::new("holdpoint.yaml")).map_err(|error| error.to_string())
}

fn refused(text: &str) -> String {
    read(text).map(|_| ()).expect_err(text)
}

#[test]
fn nothing_set_is_a_configuration_with_the_documented_defaults() {
    for text in ["", "{}", "# nothing\n"] {
        let Loaded { config, policy, .. } = read(text).unwrap();
        assert_eq!(config.ext_authz.listen.to_string(), "0.0.0.0:9001");
        assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8081");
        assert!(config.redis.is_none());
        let terms = policy.terms().next().unwrap();
        assert_eq!((terms.hold.as_secs(), terms.expires.as_secs(), terms.approvals), (50, 900, 1));
        assert_eq!(terms.late, Late::On { grant: std::time::Duration::from_secs(300) });
    }
}

#[test]
fn a_rule_overrides_the_defaults_and_the_defaults_override_ours() {
    let Loaded { policy, .. } = read(
        "policy:\n  defaults: { hold: 30s, queue: ops, late: off }\n  rules:\n  \
         - { name: a, match: mcp.tool.name == 'a', ruling: hold }\n  \
         - { name: b, match: mcp.tool.name == 'b', ruling: hold, hold: 10m, expires: 1h, late: on, grant: 2d, \
            queue: dba, reviewers: [dba], approvals: 2, title: B, risk: high, denial: http403 }\n",
    )
    .unwrap();
    let terms: Vec<_> = policy.terms().collect();
    assert_eq!((terms[0].hold.as_secs(), terms[0].queue.as_str(), terms[0].late), (30, "ops", Late::Off));
    assert_eq!((terms[1].hold.as_secs(), terms[1].queue.as_str(), terms[1].approvals), (600, "dba", 2));
    assert_eq!(terms[1].late, Late::On { grant: std::time::Duration::from_secs(172_800) });
}

#[test]
fn a_rule_can_want_people_out_of_several_groups_and_a_reason() {
    let Loaded { policy, .. } = read(
        "policy:\n  defaults: { reviewers: [ops], reason: required }\n  rules:\n  \
         - { name: a, match: mcp.tool.name == 'a', ruling: hold, approvals: { dba: 1, security: 2 }, reason: optional }\n",
    )
    .unwrap();
    let terms: Vec<_> = policy.terms().collect();
    let shares: Vec<_> = terms[0].shares.iter().map(|s| (s.group.0.as_str(), s.people)).collect();
    assert_eq!((terms[0].approvals, terms[0].reason), (3, Reason::Optional));
    assert_eq!(shares, [("dba", 1), ("security", 2)]);
    assert_eq!(terms[0].reviewers, ["dba", "security"].map(|group| Group(group.into())));
    assert_eq!((terms[1].approvals, terms[1].reason), (1, Reason::Required));
    assert!(terms[1].shares.is_empty());
}

#[test]
fn the_field_guides_behaviour_can_be_had() {
    let text = "policy: { defaults: { hold: 10m, late: off, denial: http403 } }";
    assert_eq!(read(text).unwrap().policy.terms().next().unwrap().hold.as_secs(), 600);
}

#[test]
fn what_makes_no_sense_is_refused_with_file_line_and_reason() {
    for (text, expected) in [
        ("polcy: {}", "polcy"),
        (
            "policy:\n  rules:\n  - name: a\n    match: mcp.tool.nam == 'x'\n    ruling: hold\n",
            "holdpoint.yaml:4: rule \"a\": line 1, column 1 of the expression: there is no \"mcp.tool.nam\"",
        ),
        ("policy: { rules: [ { name: a, match: 'true', ruling: deny } ] }", "needs a `reason`"),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: pass, queue: x } ] }",
            "go with `ruling: hold`",
        ),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: pass, reason: x } ] }",
            "goes with `ruling: deny`",
        ),
        ("policy: { rules: [ { name: a, match: 'true', ruling: maybe } ] }", "maybe"),
        ("policy: { rules: [ { name: a, match: 'true', ruling: hold, approvals: 0 } ] }", "at least 1"),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: hold, approvals: { dba: 0 } } ] }",
            "at least 1",
        ),
        ("policy: { rules: [ { name: a, match: 'true', ruling: hold, approvals: {} } ] }", "at least 1"),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: hold, approvals: { a: 200, b: 56 } } ] }",
            "more than 255",
        ),
        (
            "policy: { defaults: { approvals: { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 } } }",
            "at most 6 groups",
        ),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: hold, approvals: { a: 1 }, reviewers: [b] } ] }",
            "leave `reviewers` out",
        ),
        ("policy: { defaults: { approvals: many } }", "a number from 1 to 255"),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: hold, reason: maybe } ] }",
            "required or optional",
        ),
        ("policy: { rules: [ { name: a, match: 'true', ruling: hold, queue: 'A b' } ] }", "a queue name has"),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: hold, hold: 1h } ] }",
            "longer than `expires`",
        ),
        (
            "policy: { rules: [ { name: a, match: 'true', ruling: pass }, { name: a, match: 'true', ruling: pass } ] }",
            "there twice",
        ),
        ("policy: { defaults: { hold: 50 } }", "no span of time"),
        ("policy: { defaults: { hold: 0s } }", "it is nothing"),
        ("policy: { defaults: { hold: 60d } }", "more than 31 days"),
        ("policy: { unmatched: { unsure: pass } }", "never passes"),
        (
            "admin: { reviewers: [ { name: bob, token_sha256: abc } ] }",
            "holdpoint.yaml:1: token_sha256 of \"bob\"",
        ),
        ("admin: { proxy: { addresses: [] } }", "holdpoint.yaml:1: admin.proxy.addresses has to name"),
        ("admin: { proxy: { addresses: [0.0.0.0/0] } }", "believe whoever connects"),
        ("admin: { proxy: { addresses: ['::/0'] } }", "believe whoever connects"),
        ("admin: { proxy: { addresses: [0.0.0.0/1, 128.0.0.0/1] } }", "believe whoever connects"),
        ("admin: { proxy: { addresses: [proxy] } }", "is no address"),
        ("admin: { proxy: { subject_header: x-user } }", "addresses"),
        ("admin: { proxy: { addresses: [10.0.0.1], subject_header: 'x user' } }", "not the name of a header"),
        (
            "admin: { oidc: { issuer: 'http://login.example.com', client_id: x } }",
            "holdpoint.yaml:1: admin.oidc.issuer",
        ),
        ("admin: { oidc: { issuer: 'login.example.com', client_id: x } }", "admin.oidc.issuer"),
        ("admin: { oidc: { issuer: 'http://localhost.example.com', client_id: x } }", "admin.oidc.issuer"),
        ("admin: { oidc: { issuer: 'https://login.example.com' } }", "client_id"),
        ("admin: { roles: { boss: [x] } }", "boss"),
        ("redis: { prefix: x }", "url"),
    ] {
        let error = refused(text);
        assert!(error.contains(expected) && error.starts_with("holdpoint.yaml"), "{text}\n{error}");
    }
}

#[test]
fn a_reviewer_has_the_roles_that_are_named() {
    let reviewer = |roles: &str| {
        let token = "1".repeat(64);
        format!("admin: {{ reviewers: [ {{ name: bob, token_sha256: '{token}'{roles} }} ] }}")
    };
    let words = |text: &str| {
        let Loaded { config, .. } = read(text).unwrap();
        config.admin.reviewers[0].roles().iter().map(|role| role.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(words(&reviewer("")), ["reviewer"]);
    assert_eq!(words(&reviewer(", roles: [operator, auditor]")), ["operator", "auditor"]);
    assert!(refused(&reviewer(", roles: [boss]")).contains("reviewer, operator or auditor"));
}

#[test]
fn sources_of_identity_are_named_by_the_operator() {
    let Loaded { config, .. } = read(
        "identity:\n  caller:\n  - metadata: { namespace: approval, path: [sub] }\n  - context_extension: agent\n  \
         - principal\n  - header: x-user\n  route: []\n",
    )
    .unwrap();
    assert_eq!(config.identity.caller[1], Source::ContextExtension("agent".into()));
    assert_eq!(config.identity.caller[2], Source::Principal);
    assert!(config.identity.route.is_empty());
}
