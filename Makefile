# The commands of the project. Everything is installed into .venv from lock files with hashes.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export WAREHOUSE_HOME ?= $(CURDIR)/data
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# pip compiles one file after the other; this uses every core. Some packages carry templates that are no Python.
COMPILE_PACKAGES := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true

.DEFAULT_GOAL := help
.PHONY: help install install-dev run serve test check types sql lint imports bench sources lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(VENV)/installed ## install the product (locked, hash-checked, byte-compiled)

$(VENV)/installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --no-compile --no-deps --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@$(COMPILE_PACKAGES)
	@$(BIN)/python -m compileall -q expectations pipelines dashboards
	@touch $@

install-dev: $(VENV)/installed-dev ## install what the tests need as well

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	$(PIP) install --no-compile --no-deps --require-hashes --requirement requirements-dev.lock
	@$(COMPILE_PACKAGES)
	@touch $@

run: install ## set up the sample county if there is none, ingest, compute, publish, report
	@test -f $(WAREHOUSE_HOME)/county.yml || $(BIN)/warehouse generate
	$(BIN)/warehouse run

serve: install ## dashboards and Dagster on loopback
	$(BIN)/warehouse serve

# Files of long tests come first, so that both processes are busy to the end.
test: check ## lint, types, architecture and all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/flow tests/browser tests/unit tests/rules

check: install-dev ## lint, types and architecture only
	@$(MAKE) --no-print-directory --jobs 2 --output-sync types sql lint imports

types:
	$(BIN)/mypy

sql:
	$(BIN)/sqlfluff lint dbt/models dbt/tests

lint:
	$(BIN)/ruff check .

imports:
	$(BIN)/lint-imports

bench: install ## measure speed and memory
	$(BIN)/warehouse bench

sources: install ## renew the dbt sources and marts from contracts and measures
	$(BIN)/python -c "from pipelines.dbt_marts import write_derived; write_derived()"

lock: ## renew the lock files (needs uv)
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" --extra dev --constraint requirements.lock \
		pyproject.toml --output-file requirements-dev.lock

clean: ## remove the environment and caches, never data
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
