#!/usr/bin/env bash
# The MCP Inspector's command line, one JSON object on stdout. All arguments are its own, for example:
#   inspector.sh --cli URL --transport http --method tools/call --tool-name run_migration --tool-arg version=v3
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$(cd "${CARGO_TARGET_DIR:-target}/e2e" && pwd)
# It keeps files in the home directory; the user's own stay untouched.
export HOME=$root PATH="$root/bin:$PATH"
exec "$root/inspector/node_modules/.bin/mcp-inspector" "$@" --format json --quiet
