#!/usr/bin/env bash
# The whole story, live: an agent calls run_migration through a real Envoy, the call is parked on one
# replica of Holdpoint, and you decide it in the queue of the other. Ctrl-C stops everything.
# EMBEDDED=1: one replica on the embedded store, no Redis. Logs lie in target/e2e/demo.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
e2e=$target/e2e
logs=$e2e/demo

. tests/e2e/stage.sh

start_ops_tools() {
  tools_port=$(port 8090)
  start ops-tools "$target/debug/examples/ops-tools" --listen "127.0.0.1:$tools_port"
  until_ok ops-tools get "$tools_port/state"
}

start_redis() {
  redis_port=$(port 6390)
  start redis "$e2e/bin/redis-server" --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no
  until_ok redis pings "$redis_port"
}

start_replica() { # start_replica NAME CHECK_PORT ADMIN_PORT [FLAG...]
  local flags=(--ext-authz-listen "127.0.0.1:$2" --admin-listen "127.0.0.1:$3" "${@:4}")
  [ -f deploy/demo.yaml ] && flags+=(--config deploy/demo.yaml)
  start "$1" env HOLDPOINT_TOKEN="$token" "$target/debug/holdpoint" serve "${flags[@]}"
  until_ok "$1" get "$3/readyz"
}

start_envoy() { # start_envoy CHECK_PORT_A CHECK_PORT_B
  envoy_port=$(port 8080)
  sed -e "s/@LISTEN@/$envoy_port/" -e "s/@AUTHZ_A@/$1/" -e "s/@AUTHZ_B@/$2/" \
    -e "s/@UPSTREAM@/$tools_port/" -e 's/@PARTIAL@/false/' tests/e2e/envoy.yaml >"$logs/envoy.yaml"
  start envoy "$e2e/bin/envoy" -c "$logs/envoy.yaml" --admin-address-path "$logs/envoy.admin" \
    --concurrency 1 --disable-hot-restart --file-flush-interval-msec 50 --log-level warning
  until_ok envoy envoy_is_ready
}

call() { # call VERSION: what an agent does, which calls again while the answer is "pending"
  local answer
  while true; do
    say "The agent calls run_migration(version=$1) and waits ..."
    answer=$("$e2e/modern/bin/python" tests/e2e/clients/call.py --url "http://127.0.0.1:$envoy_port/privileged/mcp" \
      --tool run_migration --args "{\"version\":\"$1\"}" 2>>"$logs/agent.log")
    say "The agent got: $answer"
    [[ $answer == *"APPROVAL PENDING"* ]] || break
  done
  say "The database: $(get "$tools_port/state")"
}

tests/e2e/setup.sh
mkdir -p "$logs"
rm -f "$logs"/*
say "Building ..."
cargo build --quiet --bin holdpoint --example ops-tools

token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
start_ops_tools
check_a=$(port 9001)
admin_a=$(port 8081)
if [ -n "${EMBEDDED:-}" ]; then
  start_replica replica-a "$check_a" "$admin_a"
  start_envoy "$check_a" "$check_a"
  queue=$admin_a
else
  start_redis
  store=(--redis-url "redis://127.0.0.1:$redis_port")
  start_replica replica-a "$check_a" "$admin_a" "${store[@]}"
  check_b=$(port 9002)
  admin_b=$(port 8082)
  start_replica replica-b "$check_b" "$admin_b" "${store[@]}"
  start_envoy "$check_a" "$check_b"
  queue=$admin_b
fi

box "Decide here:  http://127.0.0.1:$queue/?token=$token" \
  "The agent's MCP server:  http://127.0.0.1:$envoy_port/privileged/mcp"
version=3
call "v$version"
while [ -t 0 ]; do
  read -r -p "Enter makes the next call, Ctrl-C stops everything. " || break
  version=$((version + 1))
  call "v$version"
done
