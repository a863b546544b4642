#!/usr/bin/env bash
# What docker-compose.yml starts, as processes without Docker, with the same configurations: Redis with two replicas and
# three Sentinels, three replicas of Holdpoint and the ops-tools server. Envoy is in the place of agentgateway, oidc-provider in
# that of Dex, and the receiver of the tests in that of a collector.
# Runs until Ctrl-C. Logs, and the addresses for scripts, lie in target/e2e/up (HOLDPOINT_UP sets another place).
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
e2e=$target/e2e
logs=${HOLDPOINT_UP:-$e2e/up}
. tests/e2e/stage.sh

pings_sentinel() { get_line "$1" "SENTINEL GET-MASTER-ADDR-BY-NAME main" | grep -q '\*2'; }
get_line() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && echo "$2" >&3 && head -n 1 <&3); }

start_redis() { # start_redis NAME PORT [FLAG...]
  mkdir -p "$logs/$1"
  start "$1" "$e2e/bin/redis-server" deploy/compose/redis.conf --port "$2" --bind 127.0.0.1 --dir "$logs/$1" "${@:3}"
  until_ok "$1" pings "$2"
}

start_sentinel() { # start_sentinel NAME PORT PRIMARY_PORT
  sed -e "s/26379/$2/" -e "s/redis-primary 6379/127.0.0.1 $3/" -e '/hostnames/d' deploy/compose/sentinel.conf >"$logs/$1.conf"
  start "$1" "$e2e/bin/redis-server" "$logs/$1.conf" --sentinel --bind 127.0.0.1
  until_ok "$1" pings_sentinel "$2"
}

start_login() { # start_login PORT ADMIN_PORT...
  local redirects=("${@:2}")
  redirects=("${redirects[@]/#/http://127.0.0.1:}")
  start login "$e2e/bin/node" tests/e2e/oidc_provider.mjs "$(realpath "$e2e/oidc")" "$1" "${redirects[@]/%//login/callback}"
  until_ok login get "$1/.well-known/openid-configuration"
}

start_replica() { # start_replica NAME CHECK_PORT ADMIN_PORT
  start "$1" env HOLDPOINT_TOKEN="$token" HOLDPOINT_REDIS_URL="$redis" HOLDPOINT_ADMIN_URL="http://127.0.0.1:$3" \
    OTEL_EXPORTER_OTLP_ENDPOINT="$otlp" \
    "$target/debug/holdpoint" serve --config "$logs/holdpoint.yaml" \
    --ext-authz-listen "127.0.0.1:$2" --admin-listen "127.0.0.1:$3"
  until_ok "$1" get "$3/readyz"
}

start_envoy() { # start_envoy TOOLS_PORT CHECK_PORT...
  local endpoint endpoints='' line='        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: @ } } }'
  for endpoint in "${@:2}"; do endpoints+="${line/@/$endpoint}"$'\n'; done
  sed -e "s/port_value: 8080/port_value: $gateway/" -e "s/port_value: 8090/port_value: $1/" \
    -e '/port_value: 9002/d' deploy/envoy.yaml |
    awk -v endpoints="$endpoints" '/port_value: 9001/ { printf "%s", endpoints; next } { print }' >"$logs/envoy.yaml"
  start envoy "$e2e/bin/envoy" -c "$logs/envoy.yaml" --concurrency 1 --disable-hot-restart --log-level warning
  until_ok envoy is_taken "$gateway"
}

tests/e2e/setup.sh
rm -rf "$logs"
mkdir -p "$logs"
logs=$(cd "$logs" && pwd)
if [ -z "${HOLDPOINT_UP:-}" ]; then
  say "Building ..."
  cargo build --quiet --bin holdpoint --example ops-tools --example collector
fi

token=${HOLDPOINT_TOKEN:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
tools=$(port 8090)
start ops-tools "$target/debug/examples/ops-tools" --listen "127.0.0.1:$tools"
until_ok ops-tools get "$tools/state"

primary=$(port 6379)
start_redis redis-primary "$primary"
for n in 1 2; do start_redis "redis-replica-$n" "$(port $((6379 + n)))" --replicaof 127.0.0.1 "$primary"; done
sentinels=()
for n in 1 2 3; do
  sentinels+=("127.0.0.1:$(port $((26378 + n)))")
  start_sentinel "sentinel-$n" "${sentinels[-1]#*:}" "$primary"
done
redis="redis+sentinel://$(IFS=,; echo "${sentinels[*]}")/main"

start collector "$target/debug/examples/collector"
until_ok collector grep http "$logs/collector.log"
otlp=$(head -n 1 "$logs/collector.log")

checks=() admins=()
for n in 1 2 3; do
  checks+=("$(port $((9000 + n)))")
  admins+=("$(port $((8080 + n)))")
done
login=$(port 5556)
start_login "$login" "${admins[@]}"
sed -e "s|http://login.localhost:5556/dex|http://localhost:$login|" -e "s|/etc/holdpoint|$PWD/deploy/compose|" \
  deploy/compose/holdpoint.yaml >"$logs/holdpoint.yaml"
for n in 1 2 3; do start_replica "holdpoint-$n" "${checks[n - 1]}" "${admins[n - 1]}"; done
gateway=$(port 3000)
start_envoy "$tools" "${checks[@]}"

{
  echo "gateway=http://127.0.0.1:$gateway/privileged/mcp"
  echo "tools=http://127.0.0.1:$tools"
  echo "redis=$redis"
  echo "otlp=$otlp"
  echo "config=$logs/holdpoint.yaml"
  for admin in "${admins[@]}"; do echo "admin=http://127.0.0.1:$admin"; done
  echo "token=$token"
} >"$logs/addresses.part"
mv "$logs/addresses.part" "$logs/addresses"

box "Reviewers:  http://127.0.0.1:${admins[0]}/?token=$token" \
  "Agents:     http://127.0.0.1:$gateway/privileged/mcp" \
  "Sign in:    http://127.0.0.1:${admins[0]} as ana, with any password" \
  "Look:       holdpoint doctor --url http://127.0.0.1:${admins[0]} --gateway http://127.0.0.1:$gateway/privileged/mcp" \
  "Traces:     $logs/collector.log"
say "Ctrl-C stops everything."
wait
