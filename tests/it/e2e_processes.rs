//! The real things around Holdpoint work by themselves, so that a failing story points at Holdpoint.

use std::time::Duration;

use redis::AsyncCommands;
use serde_json::{Value, json};

use crate::support::{
    eventually::eventually,
    processes::{Envoy, Era, OpsTools, PartialBodies, RedisServer, Tool, free_port, inspector, list_tools},
};

#[tokio::test]
async fn a_redis_that_is_restarted_is_empty_and_on_the_same_port() {
    let mut server = RedisServer::start().await;
    let client = redis::Client::open(server.url()).unwrap();

    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () = connection.set("key", "value").await.unwrap();
    server.stop();
    assert!(client.get_multiplexed_async_connection().await.is_err());

    server.restart().await;
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    assert!(!connection.exists::<_, bool>("key").await.unwrap());
}

#[tokio::test]
async fn every_client_reaches_the_public_tools_through_envoy() {
    let ops_tools = OpsTools::start().await;
    let envoy = Envoy::start([free_port(), free_port()], &ops_tools, PartialBodies::Refused).await;
    let url = envoy.url("/public/mcp");
    let query = Tool { url: &url, name: "cluster_db_query", arguments: json!({ "sql": "SELECT 1" }) };

    for era in [Era::Legacy, Era::Modern] {
        let tools = list_tools(&url, era).await;
        assert_eq!(tools["tools"], json!(["cluster_db_query", "truncate_table"]), "{era:?}: {tools}");
        let answer = query.call(era).await;
        assert_eq!(answer["isError"], false, "{era:?}: {answer}");
        assert_eq!(answer["structured"]["schema_version"], "v2", "{era:?}: {answer}");
    }
    let answer = inspector(&query).await;
    assert_eq!(answer["structuredContent"]["rows"][2]["customer"], "initech", "{answer}");

    assert_eq!(ops_tools.executed("cluster_db_query").await, vec![json!({ "sql": "SELECT 1" }); 3]);
    let through_envoy = reqwest::get(envoy.url("/state")).await.unwrap();
    assert_eq!(through_envoy.json::<Value>().await.unwrap(), ops_tools.state().await);
}

#[tokio::test]
async fn the_privileged_tools_are_closed_while_no_replica_is_up() {
    let ops_tools = OpsTools::start().await;
    let envoy = Envoy::start([free_port(), free_port()], &ops_tools, PartialBodies::Refused).await;
    let url = envoy.url("/privileged/mcp");
    let migrate = Tool { url: &url, name: "run_migration", arguments: json!({ "version": "v3" }) };

    for era in [Era::Legacy, Era::Modern] {
        let answer = migrate.call_within(era, Duration::from_secs(10)).await;
        assert!(answer["exception"].is_string(), "{era:?}: {answer}");
    }

    eventually("the refusals in the access log", async || {
        let log = envoy.access_log();
        (!log.is_empty() && log.iter().all(|request| request["code"] == 503)).then_some(())
    })
    .await;
    assert_eq!(ops_tools.state().await["schema_version"], "v2");
    assert_eq!(ops_tools.executed("run_migration").await, Vec::<Value>::new());
}

#[tokio::test]
async fn only_a_misconfigured_gateway_asks_about_a_body_that_is_too_large() {
    let ops_tools = OpsTools::start().await;
    let body = "x".repeat(100_000);

    // Nobody is there to be asked, so asking ends in 503.
    for (partial, expected) in [(PartialBodies::Refused, 413), (PartialBodies::Sent, 503)] {
        let envoy = Envoy::start([free_port(), free_port()], &ops_tools, partial).await;
        let request = reqwest::Client::new().post(envoy.url("/privileged/mcp")).body(body.clone());
        assert_eq!(request.send().await.unwrap().status(), expected);
    }
}
