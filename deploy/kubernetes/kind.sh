#!/usr/bin/env bash
# Holdpoint behind agentgateway in a kind cluster of its own: up | status | port-forward | teardown
# Needs docker, kind, kubectl and helm.
set -euo pipefail
cd "$(dirname "$0")/../.."
cluster=holdpoint
context=kind-$cluster
overlay=deploy/kubernetes/overlays/kind
gateway_api=v1.4.0
agentgateway=v1.4.1

k() { kubectl --context "$context" "$@"; }

up() {
  kind get clusters | grep -qx "$cluster" || kind create cluster --name "$cluster"
  docker build -t holdpoint:0.1.0 .
  docker build -t holdpoint-ops-tools:0.1.0 --target ops-tools .
  kind load docker-image --name "$cluster" holdpoint:0.1.0 holdpoint-ops-tools:0.1.0
  k apply --server-side -f "https://github.com/kubernetes-sigs/gateway-api/releases/download/$gateway_api/standard-install.yaml"
  local chart
  for chart in agentgateway-crds agentgateway; do
    helm --kube-context "$context" upgrade --install "$chart" "oci://cr.agentgateway.dev/charts/$chart" \
      --version "$agentgateway" --namespace agentgateway-system --create-namespace --wait
  done
  [ -f "$overlay/holdpoint.env" ] || (
    umask 077
    printf 'redis-url=redis://redis:6379\ntoken=%s\n' "$(openssl rand -hex 16)" >"$overlay/holdpoint.env"
  )
  k apply -k "$overlay"
  k -n holdpoint rollout status --timeout 5m statefulset/redis deployment/ops-tools deployment/holdpoint
  k -n holdpoint wait --timeout 5m --for condition=Programmed gateway/agents
  echo "Now: $0 port-forward"
}

status() { k -n holdpoint get pods,services,gateways,httproutes; }

port_forward() {
  local token
  token=$(k -n holdpoint get secret -o json |
    python3 -c 'import base64, json, sys
print(next(base64.b64decode(s["data"]["token"]).decode() for s in json.load(sys.stdin)["items"] if "token" in s.get("data", {})))')
  echo "Reviewers:  http://127.0.0.1:8081/?token=$token"
  echo "Agents:     http://127.0.0.1:8080/privileged/mcp"
  k -n holdpoint port-forward service/holdpoint-admin 8081:8081 &
  trap 'kill $!' EXIT
  k -n holdpoint port-forward service/agents 8080:8080
}

case ${1:-} in
  up) up ;;
  status) status ;;
  port-forward) port_forward ;;
  teardown) kind delete cluster --name "$cluster" ;;
  *) echo "usage: $0 up | status | port-forward | teardown" >&2; exit 2 ;;
esac
