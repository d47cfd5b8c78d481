# Everything a person needs, in an environment with nothing but python3, make and a package index.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup run test lint types browser bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## .venv with everything of the lock; again only when the lock or pyproject.toml changed

$(STAMP): requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or later, or say make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1): say make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv: install python3-venv" >&2; exit 1; }
	@echo "[1/3] virtual environment in .venv"
	@$(PYTHON) -m venv .venv
	@echo "[2/3] packages of requirements-dev.lock (about 150 MB at first)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@echo "[3/3] danbiet itself, editable"
	@$(PIP) install --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@

run: $(STAMP) ## everything on this machine, with April 2025 in Can Tho; Ctrl-C stops it all
	@echo "Starting. The addresses to open follow, the last line says ready; Ctrl-C stops everything."
	@exec $(BIN)/danbiet up --sample can-tho $(ARGS)

browser: ## Chromium for the tests of the pages: Debian's, where it is missing and may be installed
	@command -v chromium >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "== installing chromium, for the tests of the pages" \
		&& apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; \
	} || echo "no chromium: the tests of the pages in a browser are left out (install it: apt-get install chromium)" >&2

test: lint types browser ## linters, types, architecture, then all tests (ARGS="-k calendar" for some)
	@echo "== pytest"
	@$(BIN)/pytest $(ARGS)

lint: $(STAMP) ## ruff, its formatting, and the direction of dependencies
	@echo "== ruff"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run $(BIN)/ruff format ." >&2; exit 1; }
	@echo "== import-linter"
	@$(BIN)/lint-imports --no-cache --no-logo

types: $(STAMP) ## mypy --strict
	@echo "== mypy"
	@$(BIN)/mypy

bench: $(STAMP) ## throughput against a bare workflow, history sizes, calendar speed
	@$(BIN)/python -m bench $(ARGS)

# uv is not in the lock it writes: `pip install uv` somewhere on PATH first.
lock: ## requirements*.lock anew from requirements*.in (ARGS=--upgrade for newer versions)
	@command -v uv >/dev/null || { echo "uv not found: pip install uv" >&2; exit 1; }
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 $(ARGS) \
		requirements.in -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 $(ARGS) \
		requirements-dev.in -c requirements.lock -o requirements-dev.lock

clean: ## removes caches and build leftovers; .venv and your data in .danbiet stay
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
