# `make help` lists what there is. Beyond git, make and Python >= 3.11 nothing is needed before.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9
INSTALLED := $(VENV)/.installed
# uv does not read pip's settings: hand it the mirror that pip is told to use, if any.
INDEX = $(shell $(BIN)/python -m pip config get global.index-url 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup check lint test test-engines demo demo-down generate drift build lock cluster-up cluster-down fuzz soak bench

help: ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(INSTALLED) ## make .venv with every pinned dependency

$(INSTALLED): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python >= 3.11 is needed; say which with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "python3 has no venv module; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip install --quiet --require-hashes --requirement requirements-dev.lock
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip install --quiet --no-deps --editable .
	@touch $@

lint: $(INSTALLED)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary operator tests e2e images bench
	$(BIN)/lint-imports --no-logo > .import-linter.log || { cat .import-linter.log; exit 1; }

check: lint drift ## ruff, mypy, import-linter, drift of generated files, unit tests
	$(BIN)/pytest --quiet tests

test: lint drift ## everything, e2e on a real local cluster included
	@$(BIN)/python -m e2e.ahead $(BIN)/pytest tests e2e

test-engines: $(INSTALLED) ## vLLM and SGLang through updates, scale-downs and evictions under load (12 minutes)
	MODELBERTH_HEAVY=1 $(BIN)/pytest e2e/drain

demo: $(INSTALLED) ## cluster, images, chart, two models that answer; leaves the cluster up
	@$(BIN)/python -m e2e.demo

demo-down: cluster-down ## remove the demo with its cluster

cluster-up: $(INSTALLED) ## only the cluster (CLUSTER=local|kind|current)
	@$(BIN)/python -m e2e.cluster up

cluster-down: $(INSTALLED) ## remove the cluster; built programs and images stay cached
	@$(BIN)/python -m e2e.cluster down

generate: $(INSTALLED) ## write crds/, the chart's copy, docs/reference.md and the golden manifests anew
	$(BIN)/python -m modelberth.api.generate
	$(BIN)/python -m tests.golden.regenerate

drift: $(INSTALLED)
	$(BIN)/python -m modelberth.api.generate --check
	$(BIN)/python -m tests.golden.regenerate --check

build: $(INSTALLED) ## the wheel in dist/ and all images
	$(UV) build --quiet --wheel --out-dir dist .
	$(BIN)/python -m images.build

lock: $(INSTALLED) ## resolve the dependencies anew
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	  pyproject.toml --output-file requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade --extra dev \
	  --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

fuzz: $(INSTALLED) ## long: 8,000 generated specs, judged by the API server and by Python alike
	MODELBERTH_EXAMPLES=8000 $(BIN)/pytest e2e/api

soak: $(INSTALLED) ## 15 minutes of chaos on 30 resources; one like another: make soak SOAK="--seed 7"
	$(BIN)/python -m e2e.soak $(SOAK)

bench: $(INSTALLED) ## the control plane under bursts of 40 and 500 resources
	$(BIN)/python bench/control_plane.py
