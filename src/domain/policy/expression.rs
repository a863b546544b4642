//! A rule's CEL expression: checked when it is compiled, evaluated for each call.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr};
use cel::objects::{Key, Map};
use cel::{Context, Env, IdedExpr, Program, Value};

use crate::domain::call::Call;
use crate::domain::json::Json;
use crate::domain::message::Message;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4096;
/// How deep brackets may nest: the parser recurses, and a deep one would end the process.
const MAX_DEPTH: usize = 24;

/// The variables, as deep as they are checked; `*` stands for anything below.
const VARIABLES: [&[&str]; 10] = [
    &["mcp", "method"],
    &["mcp", "tool", "name"],
    &["mcp", "tool", "arguments", "*"],
    &["request", "path"],
    &["request", "host"],
    &["request", "method"],
    &["request", "headers", "*"],
    &["route"],
    &["caller", "sub"],
    &["caller", "claims", "*"],
];

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    program: Program,
    about: About,
    reads_headers: bool,
}

/// What an expression speaks of, and so which requests it is evaluated for: a rule that names `mcp.tool` has nothing
/// to say of a `tools/list`, and a missing tool there is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Any request.
    Requests,
    /// Requests that carry an MCP message.
    Messages,
    /// Calls of a tool.
    Tools,
}

impl About {
    pub(super) fn applies_to(self, message: Option<&Message>) -> bool {
        match self {
            Self::Requests => true,
            Self::Messages => message.is_some(),
            Self::Tools => message.is_some_and(|message| message.tool.is_some()),
        }
    }
}

/// Why a text is not an expression that a rule can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column} of the expression: {reason}")]
pub struct InvalidExpression {
    /// The line within the expression, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl Expression {
    /// Compiles an expression and checks that it names nothing that is not there.
    pub fn compile(source: &str) -> Result<Self, InvalidExpression> {
        bounded(source)?;
        let program = Program::compile(source).map_err(|errors| {
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            let reason = first.map_or_else(|| errors.to_string(), |error| error.msg.clone());
            InvalidExpression {
                line: usize::try_from(line).unwrap_or(1),
                column: usize::try_from(column).unwrap_or(1),
                reason,
            }
        })?;
        let mut paths = Vec::new();
        named(program.expression(), &mut Vec::new(), &mut paths);
        for path in &paths {
            known(path).map_err(|reason| InvalidExpression { line: 1, column: 1, reason })?;
        }
        let begins = |prefix: &[&str]| paths.iter().any(|path| path.starts_with(prefix));
        let about = if begins(&["mcp", "tool"]) {
            About::Tools
        } else if begins(&["mcp"]) {
            About::Messages
        } else {
            About::Requests
        };
        let reads_headers = begins(&["request", "headers"]);
        Ok(Self { about, reads_headers, program })
    }

    /// What it speaks of.
    pub fn about(&self) -> About {
        self.about
    }

    pub(super) fn reads_headers(&self) -> bool {
        self.reads_headers
    }

    /// Whether the call is one that the expression describes; an error where that cannot be said.
    pub(super) fn matches(&self, variables: &Variables) -> Result<bool, String> {
        match self.program.execute(&variables.0) {
            Ok(Value::Bool(matches)) => Ok(matches),
            Ok(other) => Err(format!("it gives {} instead of true or false", other.type_of())),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn bounded(source: &str) -> Result<(), InvalidExpression> {
    let refuse = |reason: String| Err(InvalidExpression { line: 1, column: 1, reason });
    if source.len() > MAX_LENGTH {
        return refuse(format!("it is longer than {MAX_LENGTH} bytes; split the rule"));
    }
    let mut depth = 0_usize;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return refuse(format!("brackets nest deeper than {MAX_DEPTH}; split the rule"));
        }
    }
    Ok(())
}

/// Collects every name that an expression reads, such as `mcp.tool.name`, except those it declares itself.
fn named<'e>(expression: &'e IdedExpr, local: &mut Vec<&'e str>, paths: &mut Vec<Vec<&'e str>>) {
    match &expression.expr {
        Expr::Ident(_) | Expr::Select(_) => {
            let mut path = Vec::new();
            let mut at = &expression.expr;
            loop {
                match at {
                    Expr::Select(select) => {
                        path.push(select.field.as_str());
                        at = &select.operand.expr;
                    }
                    Expr::Ident(name) => {
                        path.push(name.as_str());
                        path.reverse();
                        if !local.contains(&path[0]) {
                            paths.push(path);
                        }
                        return;
                    }
                    _ => break,
                }
            }
            if let Expr::Select(select) = &expression.expr {
                named(&select.operand, local, paths);
            }
        }
        Expr::Call(call) => {
            call.target.iter().for_each(|target| named(target, local, paths));
            call.args.iter().for_each(|argument| named(argument, local, paths));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| named(element, local, paths)),
        Expr::Map(map) => entries(map.entries.iter().map(|entry| &entry.expr), local, paths),
        Expr::Struct(of) => entries(of.entries.iter().map(|entry| &entry.expr), local, paths),
        Expr::Comprehension(loops) => {
            named(&loops.iter_range, local, paths);
            let outer = local.len();
            local.extend([loops.iter_var.as_str(), loops.accu_var.as_str()]);
            local.extend(loops.iter_var2.as_deref());
            for part in [&loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result] {
                named(part, local, paths);
            }
            local.truncate(outer);
        }
        Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn entries<'e>(
    entries: impl Iterator<Item = &'e EntryExpr>,
    local: &mut Vec<&'e str>,
    paths: &mut Vec<Vec<&'e str>>,
) {
    for entry in entries {
        match entry {
            EntryExpr::StructField(field) => named(&field.value, local, paths),
            EntryExpr::MapEntry(entry) => {
                named(&entry.key, local, paths);
                named(&entry.value, local, paths);
            }
        }
    }
}

/// Type names are identifiers too.
const TYPES: [&str; 9] = ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"];

fn known(path: &[&str]) -> Result<(), String> {
    let fits = |variable: &&[&str]| {
        let open = variable.last() == Some(&"*");
        let fixed = if open { &variable[..variable.len() - 1] } else { variable };
        path.starts_with(fixed) && (open || path.len() == fixed.len())
    };
    if VARIABLES.iter().any(fits) || (path.len() == 1 && TYPES.contains(&path[0])) {
        return Ok(());
    }
    let names: Vec<String> = VARIABLES.iter().map(|v| v.join(".").replace(".*", "")).collect();
    Err(format!("there is no {:?}; a rule can read {}", path.join("."), names.join(", ")))
}

/// What an expression can read of one call.
pub(super) struct Variables(Context<'static, 'static>);

impl Variables {
    pub(super) fn of(call: &Call, message: Option<&Message>, env: &Arc<Env>, with_headers: bool) -> Self {
        let mut context = Context::with_env(Arc::clone(env));
        if let Some(message) = message {
            let mut mcp = vec![("method", Value::from(message.method.as_str()))];
            if let Some(tool) = &message.tool {
                let tool = [("name", tool.name.as_str().into()), ("arguments", value(&tool.arguments))];
                mcp.push(("tool", map(tool)));
            }
            context.add_variable_from_value("mcp", map(mcp));
        }
        let request = &call.request;
        let mut fields = vec![
            ("path", Value::from(request.path.as_str())),
            ("host", request.host.as_str().into()),
            ("method", request.method.as_str().into()),
        ];
        if with_headers {
            let mut headers: HashMap<&str, String> = HashMap::new();
            for (name, text) in &request.headers {
                let joined = headers.entry(name).or_default();
                *joined = if joined.is_empty() { text.clone() } else { format!("{joined}, {text}") };
            }
            fields.push(("headers", map(headers.into_iter().map(|(name, text)| (name, text.into())))));
        }
        context.add_variable_from_value("request", map(fields));
        context.add_variable_from_value("route", call.route.as_deref());
        let subject = call.caller.subject.as_ref().map(|subject| subject.0.as_str());
        let caller = [("sub", Value::from(subject)), ("claims", value(&call.caller.claims))];
        context.add_variable_from_value("caller", map(caller));
        Self(context)
    }
}

fn map<'k>(fields: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (Key::from(name), value));
    Value::Map(Map { map: Arc::new(fields.collect::<HashMap<_, _>>()) })
}

/// Integers stay integers where CEL has room for them; any other number is a double, as JSON means it.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(is) => Value::Bool(*is),
        Json::Number(literal) => {
            let int = literal.parse().map(Value::Int);
            let uint = || literal.parse().map(Value::UInt);
            int.or_else(|_| uint()).unwrap_or_else(|_| Value::Float(literal.parse().unwrap_or(f64::NAN)))
        }
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(value).collect())),
        Json::Object(fields) => map(fields.iter().map(|(name, field)| (name.as_str(), value(field)))),
    }
}
