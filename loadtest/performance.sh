#!/usr/bin/env bash
# All runs of docs/performance.md, or those that are named; each leaves its figures in target/performance.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/performance"

# HOLD=3m: 100,000 calls wait for three minutes instead of ten.
run() {
  local name=$1
  shift
  if [ ${#only[@]} -gt 0 ] && [[ " ${only[*]} " != *" $name "* ]]; then return; fi
  echo "== $name"
  "$target/release/holdpoint-loadtest" "$@" \
    --json "$target/performance/$name.json" --plots "docs/images/performance/$name"
}

only=("$@")
run pass pass --like envoy --rounds 5 --seconds 5
run flow flow --local 2 --yardstick --rounds 3 --seconds 15
run burst burst --yardstick --rounds 3
run restart restart --rounds 3
run mixed mixed --parked 50000 --seconds 20
run park-100 park --parked 100
run park-1000 park --parked 1000
run park-10000 park --parked 10000
run park-100000 park --parked 100000 --hold "${HOLD:-10m}"
"$target/release/holdpoint-loadtest" report --from "$target/performance"
