//! The MCP server of the story: a small orders database with one public and one privileged endpoint.
//!
//! `/public/mcp` reads and truncates, `/privileged/mcp` migrates the schema, and `GET /state` tells
//! a test or a person what really happened. Everything is in memory and ends with the process.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, extract::State, routing::get};
use clap::Parser;
use rmcp::{
    Json, ServerHandler,
    handler::server::wrapper::Parameters,
    tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The ops-tools MCP server.
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind(Args::parse().listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, routes(Cluster::default())).await?;
    Ok(())
}

fn routes(cluster: Cluster) -> Router {
    let public = Public { cluster: cluster.clone() };
    let privileged = Privileged { cluster: cluster.clone() };
    Router::new()
        .route_service("/public/mcp", endpoint(public))
        .route_service("/privileged/mcp", endpoint(privileged))
        .route("/state", get(state))
        .with_state(cluster)
}

async fn state(State(cluster): State<Cluster>) -> axum::Json<Value> {
    axum::Json(json!(*cluster.lock()))
}

/// Sessions for clients of the legacy era, none for those of the modern one.
fn endpoint<S: ServerHandler + Clone>(server: S) -> StreamableHttpService<S, LocalSessionManager> {
    let mut sessions = LocalSessionManager::default();
    // A parked call keeps its session silent for longer than any idle limit.
    sessions.session_config.keep_alive = None;
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    StreamableHttpService::new(move || Ok(server.clone()), Arc::new(sessions), config)
}

#[derive(Clone, Default)]
struct Cluster(Arc<Mutex<Database>>);

impl Cluster {
    fn lock(&self) -> MutexGuard<'_, Database> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Serialize)]
struct Database {
    schema_version: String,
    orders: Vec<Order>,
    /// Every call that was executed, oldest first: what a gate in front has to be measured by.
    audit: Vec<Executed>,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Order {
    customer: String,
    total: f64,
    status: String,
}

#[derive(Serialize)]
struct Executed {
    tool: &'static str,
    arguments: Value,
}

impl Default for Database {
    fn default() -> Self {
        let order = |customer: &str, total, status: &str| Order {
            customer: customer.into(),
            total,
            status: status.into(),
        };
        Self {
            schema_version: "v2".into(),
            orders: vec![
                order("acme", 199.0, "paid"),
                order("globex", 42.5, "paid"),
                order("initech", 1800.0, "pending"),
            ],
            audit: vec![],
        }
    }
}

impl Database {
    fn record(&mut self, tool: &'static str, arguments: Value) {
        self.audit.push(Executed { tool, arguments });
    }
}

#[derive(Clone)]
struct Public {
    cluster: Cluster,
}

#[derive(Deserialize, JsonSchema)]
struct Query {
    /// The statement; whatever it says, the orders are answered.
    sql: String,
}

#[derive(Serialize, JsonSchema)]
struct Rows {
    schema_version: String,
    rows: Vec<Order>,
}

#[derive(Deserialize, JsonSchema)]
struct Truncate {
    /// The table to empty; there is only `orders`.
    table: String,
}

#[derive(Serialize, JsonSchema)]
struct Truncated {
    truncated: String,
    rows: usize,
}

#[tool_router]
impl Public {
    /// Reads the orders table.
    #[tool(annotations(read_only_hint = true))]
    fn cluster_db_query(&self, Parameters(Query { sql }): Parameters<Query>) -> Json<Rows> {
        let mut database = self.cluster.lock();
        database.record("cluster_db_query", json!({ "sql": sql }));
        Json(Rows { schema_version: database.schema_version.clone(), rows: database.orders.clone() })
    }

    /// Deletes every row of a table.
    #[tool(annotations(destructive_hint = true))]
    fn truncate_table(
        &self,
        Parameters(Truncate { table }): Parameters<Truncate>,
    ) -> Result<Json<Truncated>, String> {
        if table != "orders" {
            return Err(format!("there is no table {table}"));
        }
        let mut database = self.cluster.lock();
        database.record("truncate_table", json!({ "table": table }));
        let rows = std::mem::take(&mut database.orders).len();
        Ok(Json(Truncated { truncated: table, rows }))
    }
}

#[tool_handler(name = "ops-tools-public")]
impl ServerHandler for Public {}

#[derive(Clone)]
struct Privileged {
    cluster: Cluster,
}

#[derive(Deserialize, JsonSchema)]
struct Migration {
    /// The schema version to migrate to.
    version: String,
}

#[derive(Serialize, JsonSchema)]
struct Migrated {
    migrated: bool,
    from: String,
    to: String,
}

#[tool_router]
impl Privileged {
    /// Migrates the shared schema to another version.
    #[tool(annotations(destructive_hint = true))]
    fn run_migration(&self, Parameters(Migration { version }): Parameters<Migration>) -> Json<Migrated> {
        let mut database = self.cluster.lock();
        database.record("run_migration", json!({ "version": version }));
        let from = std::mem::replace(&mut database.schema_version, version.clone());
        Json(Migrated { migrated: true, from, to: version })
    }
}

#[tool_handler(name = "ops-tools-privileged")]
impl ServerHandler for Privileged {}
