#!/usr/bin/env bash
# The whole story, live: an agent calls run_migration through a real Envoy, the call is parked on one
# replica of Holdpoint, and you decide it in the queue of the other. Ctrl-C stops everything.
# EMBEDDED=1: one replica on the embedded store, no Redis. Logs lie in target/e2e/demo.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
e2e=$target/e2e
logs=$e2e/demo
pids=()

say() { printf '%s\n' "$*"; }
fail() { say "demo: $*" >&2; exit 1; }

stop() {
  trap '' INT TERM HUP
  [ ${#pids[@]} = 0 ] && return
  kill "${pids[@]}" 2>/dev/null || true
  for _ in {1..30}; do
    kill -0 "${pids[@]}" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
}
trap stop EXIT
trap 'echo; exit 0' INT TERM HUP

start() { # start NAME COMMAND...: in the background, until this script ends in whatever way
  setpriv --pdeathsig KILL -- "${@:2}" </dev/null >"$logs/$1.log" 2>&1 &
  pids+=($!)
}

until_ok() { # until_ok NAME COMMAND...: waits for what was started last
  for _ in {1..150}; do
    "${@:2}" >/dev/null 2>&1 && return
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$logs/$1.log" >&2
  fail "$1 did not start; the whole log is in $logs/$1.log"
}

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port() { # port WISH: that port, or the next that is free
  local port=$1
  while is_taken "$port"; do port=$((port + 10)); done
  echo "$port"
}

get() { curl -fsS --max-time 2 "http://127.0.0.1:$1"; }
pings() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && echo PING >&3 && head -n 1 <&3) | grep -q PONG; }
envoy_is_ready() { curl -fsS "http://$(cat "$logs/envoy.admin")/ready"; }

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

box() {
  local line width=0
  for line in "$@"; do width=$((${#line} > width ? ${#line} : width)); done
  printf '\n+-%s-+\n' "$(printf '%*s' "$width" '' | tr ' ' -)"
  for line in "$@"; do printf '| %-*s |\n' "$width" "$line"; done
  printf '+-%s-+\n\n' "$(printf '%*s' "$width" '' | tr ' ' -)"
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
