# What the scripts that start several processes share; they set `e2e` and `logs`, and all that they start ends with them.
pids=()

say() { printf '%s\n' "$*"; }
fail() { say "$(basename "$0" .sh): $*" >&2; exit 1; }

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

box() {
  local line width=0
  for line in "$@"; do width=$((${#line} > width ? ${#line} : width)); done
  printf '\n+-%s-+\n' "$(printf '%*s' "$width" '' | tr ' ' -)"
  for line in "$@"; do printf '| %-*s |\n' "$width" "$line"; done
  printf '+-%s-+\n\n' "$(printf '%*s' "$width" '' | tr ' ' -)"
}
