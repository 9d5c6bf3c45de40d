# Cloche: make run · stop · test · test-full · check · bench
# Everything is set up on first use, in .venv and frontend/node_modules, and again only when its pins change.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= $(shell scripts/find_python)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --require-hashes
TIMED := scripts/timed
PYTEST := $(BIN)/python -m pytest -q
AS_USER := scripts/as_ordinary_user $(PYTEST) -p no:cacheprovider
WEB := src/cloche/stack/web_dist/index.html
LAUNCHER := src/cloche/executor/launcher/bin/.built

.PHONY: run stop setup dev-setup system web launcher check test test-full test-unit test-integration test-conformance \
        test-hostile test-mutation test-e2e test-compat test-chaos chaos test-web test-cgroup2 test-docker test-proxy \
        test-images test-containers test-docker-kill test-compose bench bench-cell bench-docker bench-queue bench-scale bench-doors \
        lock wheel clean help

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: setup ## Start Cloche in the background and run a sample program through it
	@$(BIN)/cloche up --detach
	@$(BIN)/cloche run --verbose examples/hello.py

stop: ## Stop it; the data stays
	@if [ -x $(BIN)/cloche ]; then $(BIN)/cloche down; else echo "Cloche is not set up here: nothing to stop."; fi

setup: $(VENV)/.run $(WEB) $(LAUNCHER)

dev-setup: setup $(VENV)/.dev system

system: ## Install what tests need from the system (needs root), or say what is missing
	@scripts/ensure_system

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Cloche needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "No venv module: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Cloche runs with…"
	@$(PIP) -r requirements/build.txt -r requirements/run.txt
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing what checks and tests need…"
	@$(PIP) -r requirements/dev.txt
	@touch $@

WEB_SOURCES := $(shell find frontend/src frontend/docs frontend/public -type f 2>/dev/null) \
               $(wildcard frontend/*.json frontend/*.ts frontend/*.html frontend/.npmrc)

frontend/node_modules/.ready: frontend/package-lock.json $(VENV)/bin/python
	@scripts/with_node npm --prefix frontend ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB): $(WEB_SOURCES) frontend/node_modules/.ready
	@echo "Building the page…"
	@scripts/with_node npm --prefix frontend run --silent build
	@rm -rf $(@D) && cp -r frontend/dist $(@D)

web: $(WEB) ## Build the page

LAUNCHER_SOURCES := $(wildcard src/cloche/executor/launcher/*.[ch] src/cloche/executor/probe/*.[ch]) scripts/build_launcher.py

$(LAUNCHER): $(LAUNCHER_SOURCES) $(VENV)/.run
	@scripts/with_compiler $(BIN)/python scripts/build_launcher.py
	@touch $@

launcher: $(LAUNCHER) ## Build the cell launcher and the probe

check: $(VENV)/.dev frontend/node_modules/.ready ## Formatting, lint, types, architecture, drift
	@$(TIMED) ruff-format $(BIN)/ruff format --check .
	@$(TIMED) ruff $(BIN)/ruff check .
	@$(TIMED) pyright $(BIN)/basedpyright --warnings
	@$(TIMED) imports $(BIN)/lint-imports
	@$(TIMED) openapi-drift $(BIN)/python scripts/export_openapi.py --check
	@$(TIMED) types-drift scripts/with_node npm --prefix frontend run --silent generate-api
	@git diff --exit-code --stat -- frontend/src/shared/api || { echo "The frontend's API types are stale: commit them." >&2; exit 1; }
	@$(TIMED) settings-drift $(BIN)/python scripts/settings_tables.py --check
	@$(TIMED) metrics-drift $(BIN)/python scripts/metrics_tables.py --check
	@$(TIMED) conformance-drift $(BIN)/python scripts/conformance_doc.py --check
	@$(TIMED) repository scripts/check_repository
	@$(TIMED) frontend scripts/with_node npm --prefix frontend run --silent check

test: dev-setup ## All tests
	@rm -f .cache/timings
	@$(MAKE) --no-print-directory test-web test-unit test-integration test-conformance test-hostile test-e2e test-compat test-chaos test-docker
	@$(TIMED) --summary

test-web: dev-setup
	@$(TIMED) test-web scripts/with_node npm --prefix frontend run --silent test

test-unit: dev-setup
	@$(TIMED) test-unit $(PYTEST) -n 2 tests/unit

test-integration: dev-setup
	@$(TIMED) test-integration $(PYTEST) -n 2 tests/integration -m "not slow and not docker"

test-conformance: dev-setup
	@$(TIMED) test-conformance $(PYTEST) -n 2 tests/conformance -m "not slow and not docker"
	@[ "$$(id -u)" -ne 0 ] || $(TIMED) test-conformance-user $(AS_USER) -n 2 tests/conformance -m "not slow and not docker"

test-hostile: dev-setup
	@$(TIMED) test-hostile $(PYTEST) tests/hostile -m "not slow and not docker"
	@[ "$$(id -u)" -ne 0 ] || $(TIMED) test-hostile-user $(AS_USER) tests/hostile -m "not slow and not docker"

test-mutation: dev-setup ## Switch each defence off alone and see hostile programs get through (as root, some minutes)
	@$(TIMED) test-mutation $(PYTEST) -n 2 tests/hostile/mutation_suite.py tests/hostile/container_mutation_suite.py tests/integration/dockerproxy/mutation_suite.py

test-e2e: dev-setup
	@$(TIMED) test-e2e $(PYTEST) tests/e2e -m "not slow"

test-compat: dev-setup ## The doors for Piston, Judge0 and SandboxFusion, with those systems' own clients
	@$(TIMED) test-compat $(PYTEST) tests/compat -m "not slow"

test-chaos: dev-setup
	@$(TIMED) test-chaos $(PYTEST) tests/chaos -m "not slow and not docker"

chaos: dev-setup ## A storm over the whole platform (EVALUATIONS=10000 SEED=7), with a report
	@$(BIN)/python -m tests.chaos.storm $(if $(EVALUATIONS),--evaluations $(EVALUATIONS)) $(if $(SEED),--seed $(SEED))

test-docker: dev-setup ## All that needs a Docker Engine: proxy, images, containers, gVisor, the composed system
	@found=$$(scripts/have_docker); [ "$$found" = yes ] || exit 0; \
	  $(MAKE) --no-print-directory test-proxy test-images test-containers test-docker-kill test-compose

test-proxy: dev-setup
	@$(TIMED) test-proxy $(PYTEST) -n 2 tests/integration -m "docker and not slow"

test-images: dev-setup ## Build the images of python, javascript, c and bash, and run their languages in them
	@$(TIMED) test-images $(PYTEST) tests/images -m "not slow"

test-containers: dev-setup ## Conformance, hostile programs and HumanEval in containers and in gVisor
	@$(TIMED) docker-conformance $(PYTEST) -n 2 tests/conformance -m "docker and not slow"
	@$(TIMED) docker-hostile $(PYTEST) tests/hostile -m "docker and not slow"
	@$(TIMED) docker-humaneval $(PYTEST) tests/docker -m "not slow"

test-docker-kill: dev-setup
	@$(TIMED) docker-kill $(PYTEST) tests/chaos -m "docker and not slow"

test-compose: dev-setup ## The composed system on a Docker Engine with networks: who reaches whom (as root)
	@$(TIMED) compose-prepare deploy/prepare
	@$(TIMED) test-compose $(PYTEST) tests/compose

test-full: test ## All tests and their long forms
	@$(TIMED) test-slow $(PYTEST) tests -m slow

test-cgroup2: dev-setup ## Conformance and hostile programs on unified cgroups, in a virtual machine
	@$(TIMED) test-cgroup2 $(BIN)/python scripts/test_cgroup2.py

bench: dev-setup ## HumanEval side by side with its own harness
	@$(BIN)/python benchmarks/humaneval.py

bench-cell: dev-setup ## What a cell costs, beside the bare interpreter; then 10,000 runs and what is left of them
	@$(BIN)/python benchmarks/cell.py --endure 10000

bench-docker: dev-setup ## Containers beside docker run, the Docker Socket Proxy's own cost, and 100 MB of output
	@$(BIN)/python benchmarks/container_path.py
	@$(BIN)/python benchmarks/docker_proxy.py
	@$(BIN)/python benchmarks/much_output.py

bench-queue: dev-setup ## What the platform itself costs, with an executor that ends everything at once; and fairness
	@$(BIN)/python benchmarks/throughput.py
	@$(BIN)/python benchmarks/queue_statements.py
	@$(BIN)/python benchmarks/fairness.py

bench-doors: dev-setup ## The doors beside the native interface, through the peers' own clients
	@$(BIN)/python benchmarks/doors.py

bench-scale: dev-setup ## A batch of 10,000 beside the same in groups: accepting it, memory, first verdicts
	@$(BIN)/python benchmarks/batches.py

bench-bus-memory: dev-setup ## 500,000 evaluations through Redis' default memory (a quarter of an hour)
	@$(BIN)/python benchmarks/bus_memory.py

wheel: setup ## A wheel that needs no Node and no compiler
	@$(BIN)/python -m hatchling build -t wheel

lock: $(VENV)/.dev ## Write the pinned requirements anew
	@scripts/lock_requirements

clean: ## Remove what was built here (not the data)
	@rm -rf $(VENV) frontend/node_modules frontend/dist $(dir $(WEB)) $(dir $(LAUNCHER)) src/cloche/executor/probe/bin dist
