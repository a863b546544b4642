# The commands of this project; `make help` lists them.
.PHONY: help demo up test reference model chaos performance lint audit dist sbom fmt

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

demo: ## A tool call that waits for you, with a real gateway (EMBEDDED=1: without Redis)
	@EMBEDDED=$(EMBEDDED) tests/e2e/demo.sh

up: ## All of docker-compose.yml as processes: three replicas, Redis with Sentinels, a gateway, a tool, a login, a collector
	@tests/e2e/up.sh

test: ## Install what the tests need, then run them all
	tests/e2e/setup.sh
	cargo build --workspace --bins --examples
	cargo test --workspace

reference: ## Write the tables of docs/configuration.md from the code
	WRITE_REFERENCE=1 cargo test --test it docs::reference

model: ## Explore the model further, with more random histories and longer races than `make test` has time for
	HOLDPOINT_MODEL=large HOLDPOINT_HISTORIES=5000 HOLDPOINT_RACE_ROUNDS=10000 \
		cargo test --release --test it -- --nocapture model:: agreement:: races::

chaos: ## Thousands of parked calls under faults, and a checker (ARGS='--duration 1m --parked 1000'); see docs/chaos.md
	cargo build --release --workspace --bins
	target/release/holdpoint-loadtest chaos --redis sentinel $(ARGS)

performance: ## Measure, and write docs/performance.md (RUNS='pass burst': only those)
	cargo build --release --workspace --bins
	loadtest/performance.sh $(RUNS)

lint: ## Formatting, clippy, and what `make audit` looks at: all without a warning
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	$(MAKE) --no-print-directory audit

audit: needs-cargo-deny needs-cargo-audit ## Licences, sources and known vulnerabilities of what we depend on (asks github.com)
	cargo deny check
	cargo audit

dist: ## The release: a static binary, in target/x86_64-unknown-linux-musl/release (needs that target and musl-gcc)
	HOLDPOINT_COMMIT=$$(git rev-parse --short=12 HEAD) \
		cargo build --release --locked --target x86_64-unknown-linux-musl --bin holdpoint

sbom: needs-cargo-cyclonedx ## What the binary is made of, in CycloneDX: holdpoint.cdx.json
	cargo cyclonedx --format json --spec-version 1.5 --target x86_64-unknown-linux-musl --no-build-deps

needs-%:
	@command -v $* >/dev/null || { echo "This needs $*: cargo install --locked $*" >&2; exit 1; }

fmt: ## Format the code
	cargo fmt --all
