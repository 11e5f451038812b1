# Every command there is; `make` alone prints them. Settings: STACK=0..9, KEEP=1, KILLS=n, DAYS=n.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
# The tiers share two cores and one stack: one after the other, also under `make -j`.
.NOTPARALLEL:

# Which local stack `up`, `down` and `demo` mean. Tests and measurements use others, so that they disturb no demo.
STACK ?= 0
TEST_STACK ?= 1
BENCH_STACK ?= 2
# With KEEP=1 a test run leaves its servers and their data for the next one.
KEEP ?=
KILLS ?= 100
DAYS ?= 30
OUT ?=
NAMESPACE ?=
TOPIC ?= alerts.container.v1

python := .venv/bin/python
stack := $(python) infra/local/stack.py
stamp := .venv/setup.stamp
groups := test check generate build

# $(call tier,NUMBER,WHAT IT PROVES)
tier = printf '\n== Tier %s: %s\n' '$(1)' '$(2)'
comma := ,
# $(call with,STACK,COMMAND): COMMAND with the settings of that stack in its environment
with = env STACK=$(1) $$($(stack) --stack $(1) env) $(2)
# $(call on_servers,STACK,COMMAND): servers with no old data, COMMAND, and the servers away again whatever happened.
# No $(MAKE) in COMMAND: make runs a line that has one even when asked with -n only to show it.
define on_servers
@trap '[ -n "$(KEEP)" ] || $(stack) --stack $(1) down' EXIT; trap 'exit 130' INT TERM; \
[ -n "$(KEEP)" ] || $(stack) --stack $(1) clean; \
$(stack) --stack $(1) up; \
$(2)
endef

integration = $(call tier,3,the real Kafka$(comma) TimescaleDB and Mosquitto behave as the ports in memory do$(comma) \
	and a frame goes the whole way); \
	$(call with,$(TEST_STACK),.venv/bin/pytest tests/contract tests/integration -m integration)
chaos = $(call tier,4,whatever is killed under load$(comma) no frame is lost and none counts twice); \
	$(call with,$(TEST_STACK),.venv/bin/pytest tests/chaos)

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ To begin

.PHONY: setup
setup: packages $(stamp) ## install what is missing: system packages (listed first), then .venv

.PHONY: packages
packages:
	@infra/local/packages.sh

$(stamp): pyproject.toml constraints.txt
	@[ -x $(python) ] || { interpreter=$$(infra/find_python.sh); "$$interpreter" -m venv .venv; }; \
	echo "setup: installing silkstream and its tools into .venv ($$($(python) --version))"; \
	$(python) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip; \
	$(python) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--build-constraint constraints.txt --editable . $(groups:%=--group %)
	@touch $@

.PHONY: demo
demo: up ## a simulated day of the city, from frames to alerts, with two processes killed on the way
	@$(call with,$(STACK),$(python) -m pipeline.cli demo)

.PHONY: run
run: up ## every stage, supervised (NAMESPACE=demo. for the demo's)
	@SILKSTREAM_NAMESPACE=$(NAMESPACE) $(call with,$(STACK),$(python) -m pipeline.cli run)

.PHONY: watch
watch: up ## a topic's records from its beginning (TOPIC=demo.alerts.container.v1)
	@$(call with,$(STACK),$(python) -m pipeline.cli watch $(TOPIC))

##@ To check

.PHONY: test
test: test-fast ## everything: all four tiers, on servers of its own (KEEP=1 leaves them running)
	$(call on_servers,$(TEST_STACK),$(integration); $(chaos))
	@printf '\nAll tiers passed.\n'

.PHONY: test-fast
test-fast: check test-unit ## tiers 1 and 2, without servers

.PHONY: check
check: setup ## tier 1: lint, format, types, import rules, generated code
	@$(call tier,1,the source keeps its own rules: lint$(comma) format$(comma) types$(comma) who may import whom$(comma) \
	generated code as generated)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	infra/generate.sh --check

.PHONY: test-unit
test-unit: setup ## tier 2: tests without servers
	@$(call tier,2,every decision is right by itself: decoders$(comma) batches$(comma) state machines$(comma) ports in memory)
	.venv/bin/pytest tests/unit tests/conformance tests/property tests/contract -m "not integration"

.PHONY: test-integration
test-integration: setup ## tier 3: tests on real servers
	$(call on_servers,$(TEST_STACK),$(integration))

.PHONY: test-chaos
test-chaos: setup ## tier 4: each process killed once under load
	$(call on_servers,$(TEST_STACK),$(chaos))

.PHONY: soak
soak: setup ## KILLS=100 [OUT=docs/soak-100.md]: the long form of tier 4
	$(call on_servers,$(BENCH_STACK),$(call with,$(BENCH_STACK),$(python) tests/chaos/soak.py --kills $(KILLS) $(if $(OUT),--out $(OUT))))

.PHONY: accuracy
accuracy: setup ## DAYS=30 [OUT=docs/accuracy.md]: a simulated month, held against what was true in it
	$(call on_servers,$(BENCH_STACK),$(call with,$(BENCH_STACK),$(python) tests/accuracy/run.py --days $(DAYS) $(if $(OUT),--out $(OUT))))

.PHONY: bench
bench: setup ## how fast each stage is, and the whole way
	$(call on_servers,$(BENCH_STACK),$(call with,$(BENCH_STACK),$(python) tests/benchmark/run.py))

##@ To change

.PHONY: format
format: setup ## rewrite the source in the project's format
	.venv/bin/ruff check --fix --quiet || true
	.venv/bin/ruff format

.PHONY: generate
generate: setup ## write what is generated: protobuf code, AsyncAPI, JSON Schemas, the table of decoders
	infra/generate.sh

##@ Servers (STACK=0 to 9, default 0)

.PHONY: up
up: setup ## start Kafka, TimescaleDB and Mosquitto, and wait until they answer
	@$(stack) --stack $(STACK) up

.PHONY: down
down: ## stop them; their data stays
	@[ ! -x $(python) ] || $(stack) --stack $(STACK) down

.PHONY: status
status: ## what runs
	@[ ! -x $(python) ] || $(stack) --stack $(STACK) status || true

.PHONY: psql
psql: ## open the stack's database
	@$(stack) --stack $(STACK) psql

##@ To end

.PHONY: clean
clean: ## stop the stack, delete its data and every tool's cache
	@[ ! -x $(python) ] || $(stack) --stack $(STACK) clean
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist build
	@find . -path ./.venv -prune -o -path './.stack*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

.PHONY: distclean
distclean: ## the same for all stacks, and the downloads and .venv as well
	@[ ! -x $(python) ] || for number in 0 1 2 3 4 5 6 7 8 9; do $(stack) --stack $$number clean --downloads; done
	@$(MAKE) clean
	@rm -rf .venv .stack
