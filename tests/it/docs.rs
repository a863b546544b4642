//! What people read is true: examples load, names exist, links lead somewhere, nothing is left out.

mod cookbook;
mod markdown;
mod reference;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Command, CommandFactory};
use holdpoint::cli::{Cli, exit};
use holdpoint::config::Config;
use holdpoint::domain::policy::Expression;
use tokio::time::timeout;

use self::markdown::Document;
use crate::support::processes::installed;

/// The configurations of others in `deploy`.
const GATEWAYS: [&str; 2] = ["agentgateway.yaml", "envoy.yaml"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect()
}

fn sources(directory: &str, found: &mut String) {
    for entry in fs::read_dir(root().join(directory)).unwrap().map(Result::unwrap) {
        let name = format!("{directory}/{}", entry.file_name().to_string_lossy());
        match entry.path() {
            path if path.is_dir() => sources(&name, found),
            path if path.extension().is_some_and(|e| e == "rs") => found.push_str(&read(&name)),
            _ => {}
        }
    }
}

fn documents() -> Vec<Document> {
    let paths = files("", "md").into_iter().chain(files("docs", "md"));
    let documents: Vec<_> = paths.map(|path| Document::read(root(), &path)).collect();
    assert!(documents.len() > 6, "the documents are not where they were");
    documents
}

fn document(path: &str) -> Document {
    Document::read(root(), &root().join(path))
}

#[test]
fn configurations_in_deploy_load_without_warnings() {
    for path in files("deploy", "yaml") {
        if !GATEWAYS.iter().any(|name| path.ends_with(name)) {
            let loaded = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(loaded.config.warnings(), Vec::<String>::new(), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn envoy_takes_its_example() {
    let mut envoy = tokio::process::Command::new(installed("bin/envoy"));
    envoy.args(["--mode", "validate", "-c"]).arg(root().join("deploy/envoy.yaml")).kill_on_drop(true);
    let output = timeout(Duration::from_secs(30), envoy.output()).await.expect("an answer in time").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn examples_of_configurations_and_expressions_are_valid() {
    let (mut configurations, mut expressions) = (0, 0);
    for document in documents() {
        for block in document.blocks() {
            let place = format!("{}:{}", document.name, block.line);
            if block.language == "yaml" && block.text.starts_with("# holdpoint.yaml") {
                let loaded = Config::read(&block.text, Path::new(&place));
                drop(loaded.unwrap_or_else(|error| panic!("{error}")));
                configurations += 1;
            }
            if block.language == "cel" {
                Expression::compile(&block.text).unwrap_or_else(|error| panic!("{place}: {error}"));
                expressions += 1;
            }
        }
    }
    assert!(configurations > 5 && expressions > 5, "{configurations} and {expressions} examples found");
}

/// Above each block of commands stands which test runs it, when a person did, or why nobody has.
#[test]
fn every_block_of_commands_says_how_it_is_known_to_work() {
    let mut tests = String::new();
    sources("tests", &mut tests);
    for document in documents() {
        let lines: Vec<&str> = document.text.lines().collect();
        for block in document.blocks().iter().filter(|block| block.language == "sh") {
            let place = format!("{}:{}", document.name, block.line);
            let mark = lines[block.line - 2].strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
            match mark.and_then(|mark| mark.split_once(": ")) {
                Some(("test", name)) => {
                    assert!(tests.contains(&format!("fn {name}(")), "{place}: no test {name}")
                }
                Some(("by hand", day)) => {
                    assert!(day.parse::<jiff::civil::Date>().is_ok(), "{place}: when was it?")
                }
                Some(("not run", why)) => assert!(!why.is_empty(), "{place}: why not?"),
                _ => panic!(
                    "{place}: who ran this? <!-- test: NAME -->, <!-- by hand: DATE --> or <!-- not run: WHY -->"
                ),
            }
        }
    }
}

#[test]
fn links_lead_to_files_and_headings() {
    for document in documents() {
        for (line, target) in document.links() {
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let place = format!("{}:{line}: {target}", document.name);
            let there = match path {
                "" => root().join(&document.name),
                path => root().join(&document.name).parent().unwrap().join(path),
            };
            assert!(there.exists(), "{place} is not there");
            if !heading.is_empty() {
                let headings = Document::read(root(), &there).headings();
                assert!(headings.iter().any(|h| markdown::slug(h) == heading), "{place}: no such heading");
            }
        }
    }
}

#[test]
fn every_variable_of_a_rule_is_explained_and_no_other() {
    let told: BTreeSet<String> = document("docs/policy.md").first_column("Variables").into_iter().collect();
    // The compiler lists them where it meets a name that it does not know.
    let error = Expression::compile("no_such_variable").unwrap_err().reason;
    let (_, known) = error.split_once("a rule can read ").expect("a list of the variables");
    assert_eq!(told, known.split(", ").map(str::to_owned).collect());
}

#[test]
fn every_command_option_and_environment_variable_is_explained() {
    let all: String = documents().iter().map(|document| document.text.as_str()).collect();
    let serve = document("docs/configuration.md").text;
    let reviewing = document("docs/api.md").text;
    let audit = document("docs/audit.md").text + reviewing.as_str();
    let operations = document("docs/operations.md").text;
    for command in Cli::command().get_subcommands() {
        let name = format!("holdpoint {}", command.get_name());
        assert!(all.contains(&name), "{name} is in no document");
        for inner in command.get_subcommands() {
            assert!(all.contains(&format!("{name} {}", inner.get_name())), "{name} {}", inner.get_name());
        }
        let (place, told) = match command.get_name() {
            "serve" => ("docs/configuration.md", &serve),
            "audit" => ("docs/audit.md", &audit),
            "doctor" => ("docs/operations.md", &operations),
            "config" | "policy" => continue,
            _ => ("docs/api.md", &reviewing),
        };
        for option in command.get_subcommands().chain([command]).flat_map(options) {
            assert!(told.contains(&format!("`{option}`")), "{place} says nothing of {name} {option}");
        }
    }
}

fn options(command: &Command) -> Vec<String> {
    let long = command.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?)));
    let env = command.get_arguments().filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()));
    long.chain(env).collect()
}

#[test]
fn every_exit_code_endpoint_and_problem_is_explained() {
    let api = document("docs/api.md").text;
    for line in exit::HELP.lines().skip(1) {
        assert!(api.contains(line), "{line}");
    }
    for line in read("src/admin.rs").lines() {
        let Some(route) = line.trim_start().strip_prefix(".route(\"") else { continue };
        let route = route.split('"').next().unwrap();
        assert!(api.contains(&format!("`{route}`")) || api.contains(&format!(" {route}`")), "{route}");
    }
    let errors = read("src/admin/error.rs");
    let kinds = errors.split(": Kind =").skip(1).map(|kind| kind.split('"').nth(1).unwrap());
    for slug in kinds {
        assert!(api.contains(&format!("| `{slug}` |")), "{slug}");
    }
}

#[test]
fn what_the_architecture_names_is_there() {
    let document = document("ARCHITECTURE.md");
    let mut code = String::new();
    sources("src", &mut code);
    sources("tests", &mut code);
    let mut tests = 0;
    for span in document.code_spans() {
        if ["src/", "tests/", "proto/", "deploy/", "docs/"].iter().any(|begin| span.starts_with(begin)) {
            assert!(root().join(&span).exists(), "{span} is not there");
        } else if let Some((_, name)) = span.rsplit_once("::") {
            assert!(code.contains(&format!("fn {name}(")) || code.contains(&format!("{name}::")), "{span}");
        } else if span.matches('_').count() > 1 && span.chars().all(|c| c.is_alphanumeric() || c == '_') {
            assert!(code.contains(&format!("fn {span}(")), "there is no test {span}");
            tests += 1;
        }
    }
    assert!(tests > 10, "the invariants name their tests");
}
