# hotpair: `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CARGO ?= cargo
TARGET_DIR ?= $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
DESTDIR ?=
PREFIX ?= /usr

.PHONY: help deps build release demo test unit integration verify fix fuzz bench docs sim install deb clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

deps: ## Install what the build, the demonstration and the tests need (Debian packages, as root)
	@deploy/deps.sh

build: ## Build every program (development profile)
	$(CARGO) build --workspace --bins

release: ## Build every program, optimised
	$(CARGO) build --release --workspace --bins

demo: deps ## Bring up a pair and a client on this machine and play the story of a failover (KEEP=1 leaves it up)
	$(CARGO) build --workspace --bins
	@exec "$(TARGET_DIR)/debug/demo" $(if $(KEEP),--keep)

test: deps ## Run every test: unit, golden, scenarios, simulation, real binaries in network namespaces
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace --no-fail-fast

unit: ## Run the quick tests only
	$(CARGO) test --workspace --exclude integration-tests --no-fail-fast

integration: deps ## Run the tests of real binaries in network namespaces only
	$(CARGO) build --workspace --bins
	$(CARGO) test -p integration-tests --no-fail-fast

verify: ## Check format, lints and generated files; never writes
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

fix: ## Format, and renew generated and golden files
	$(CARGO) fmt --all
	UPDATE_GOLDEN=1 $(CARGO) test --workspace --exclude integration-tests

fuzz: deps ## Fuzz everything that reads bytes from outside, each target for TIME seconds (default 60; TARGET=… for one)
	@crates/fuzz/run.sh "$(or $(TIME),60)" $(TARGET)

bench: deps release ## Measure: failover and switchover as distributions, idle cost
	@exec "$(TARGET_DIR)/release/bench"

sim: ## Simulate SEEDS pairs (2000) with faults, from seed FROM (1); SEED=n tells the story of one
	@exec $(CARGO) run --profile sim --quiet -p simulator --bin sim -- $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),2000) --from $(or $(FROM),1)) $(SIMFLAGS)

install: release ## Install binaries, units, man pages, completions, example configuration (DESTDIR and PREFIX honoured)
	deploy/install.sh "$(TARGET_DIR)/release" "$(DESTDIR)" "$(PREFIX)"

deb: release ## Build a Debian package in target/
	deploy/make-deb.sh "$(TARGET_DIR)/release" "$(TARGET_DIR)"

clean: ## Remove what was built
	$(CARGO) clean
